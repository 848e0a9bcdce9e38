/* What calls of the C libraries cost: microseconds of an event publish and of a checkpoint write, each awaited. */
#include <saCkpt.h>
#include <saClm.h>
#include <saEvt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define SIZE 100
#define CALLED(call)                                                                             \
    do {                                                                                         \
        int error_;                                                                              \
        while ((error_ = (int)(call)) == SA_AIS_ERR_TRY_AGAIN)                                   \
            usleep(100);                                                                         \
        if (error_ != SA_AIS_OK) {                                                               \
            fprintf(stderr, "%s: error %d\n", #call, error_);                                    \
            exit(1);                                                                             \
        }                                                                                        \
    } while (0)

static double now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static const SaTimeT patience = 10 * SA_TIME_ONE_SECOND;
static SaNameT name = {4, "cost"};
static char data[SIZE];

static double first_initialize_us(void)
{
    SaClmHandleT handle;
    SaVersionT version = {'B', 1, 1};
    double before = now_us();
    CALLED(saClmInitialize(&handle, NULL, &version));
    before = now_us() - before;
    CALLED(saClmFinalize(handle));
    return before;
}

static double publish_us(int count)
{
    SaEvtHandleT handle;
    SaEvtChannelHandleT channel;
    SaEvtEventHandleT event;
    SaEvtEventIdT id;
    SaVersionT version = {'B', 1, 1};
    double before;

    CALLED(saEvtInitialize(&handle, NULL, &version));
    CALLED(saEvtChannelOpen(handle, &name, SA_EVT_CHANNEL_PUBLISHER | SA_EVT_CHANNEL_CREATE, patience, &channel));
    CALLED(saEvtEventAllocate(channel, &event));
    before = now_us();
    for (int i = 0; i < count; i++)
        CALLED(saEvtEventPublish(event, data, SIZE, &id));
    before = (now_us() - before) / count;
    CALLED(saEvtFinalize(handle));
    return before;
}

static double write_us(int count)
{
    SaCkptHandleT handle;
    SaCkptCheckpointHandleT checkpoint;
    SaCkptCheckpointCreationAttributesT attributes = {SA_CKPT_WR_ALL_REPLICAS, 1000, 0, 1, 1000, 10};
    SaCkptIOVectorElementT element = {SA_CKPT_DEFAULT_SECTION_ID, data, SIZE, 0, 0};
    SaVersionT version = {'B', 1, 1};
    double before;

    CALLED(saCkptInitialize(&handle, NULL, &version));
    CALLED(saCkptCheckpointOpen(handle, &name, &attributes,
                                SA_CKPT_CHECKPOINT_WRITE | SA_CKPT_CHECKPOINT_CREATE, patience, &checkpoint));
    before = now_us();
    for (int i = 0; i < count; i++)
        CALLED(saCkptCheckpointWrite(checkpoint, &element, 1, NULL));
    before = (now_us() - before) / count;
    CALLED(saCkptFinalize(handle));
    return before;
}

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 2000;
    printf("%.1f", first_initialize_us());
    printf(" %.1f", publish_us(count));
    printf(" %.1f\n", write_us(count));
    return 0;
}
