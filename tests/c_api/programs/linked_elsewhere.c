/* A program that was linked with the library of another project. SERVICE is Amf, Clm, Ckpt, Evt, or not defined for EVS. */
#include <netinet/in.h>

#include "check.h"

#ifdef SERVICE

#include <saAmf.h>
#include <saCkpt.h>
#include <saClm.h>
#include <saEvt.h>

#define PASTED(service, function) sa##service##function
#define OF(service, function) PASTED(service, function)

#ifdef DESCRIPTOR

/* The size of the descriptor that the program knows: where the memory stands in it, and that nothing is written behind. */
static void status_of(SaCkptHandleT handle)
{
    SaCkptCheckpointCreationAttributesT attributes = {SA_CKPT_WR_ALL_REPLICAS, 100, SA_TIME_ONE_MINUTE, 1, 100, 10};
    SaNameT name = {4, "size"};
    SaCkptCheckpointHandleT checkpoint;
    SaCkptIOVectorElementT element = {SA_CKPT_DEFAULT_SECTION_ID, "hello", 5, 0, 0};
    char memory[80];
    SaUint32T sections, used_32;
    SaUint64T used;

    RETRIED(saCkptCheckpointOpen(handle, &name, &attributes, 7, SA_TIME_ONE_MINUTE, &checkpoint));
    RETRIED(saCkptCheckpointWrite(checkpoint, &element, 1, NULL));
    memset(memory, 0x55, sizeof memory);
    GIVES(SA_AIS_ERR_INVALID_PARAM, saCkptCheckpointStatusGet(checkpoint, NULL));
    RETRIED(saCkptCheckpointStatusGet(checkpoint, (SaCkptCheckpointDescriptorT *)memory));
    memcpy(&sections, memory + 48, sizeof sections);
    memcpy(&used_32, memory + 52, sizeof used_32);
    memcpy(&used, memory + 56, sizeof used);
    CHECK(sections == 1 && memory[DESCRIPTOR] == 0x55 && (DESCRIPTOR == 56 ? used_32 : used) == 5);
    RETRIED(saCkptCheckpointUnlink(handle, &name));
}

#endif

int main(void)
{
    SaUint64T handle = 0;
    SaVersionT version = {'B', 1, 1};
    RETRIED(OF(SERVICE, Initialize)(&handle, NULL, &version));
#ifdef DESCRIPTOR
    status_of(handle);
#endif
    GIVES(SA_AIS_OK, OF(SERVICE, Finalize)(handle));
    GIVES(SA_AIS_ERR_BAD_HANDLE, OF(SERVICE, Finalize)(handle));
    puts("done");
    return 0;
}

#else

#include <evs.h>

#ifdef EVS_NODE_IS_NUMBER
#define NUMBER(node) (node)
#else
#define NUMBER(node) (node).s_addr
#endif

static int delivered;
static unsigned int source;

static void on_deliver(evs_node_t node, void *message, int length)
{
    CHECK(length == 5 && memcmp(message, "hello", 5) == 0);
    source = NUMBER(node);
    delivered = 1;
}

static void on_change(evs_node_t *members, int count, evs_node_t *left, int left_count, evs_node_t *joined, int joined_count)
{
    (void)left, (void)joined;
    CHECK(count == 1 && NUMBER(members[0]) != 0 && left_count + joined_count <= 1);
}

int main(void)
{
    evs_handle_t handle = 0;
    evs_callbacks_t callbacks = {on_deliver, on_change};
    struct evs_group group = {"elsewhere"};
    struct iovec message = {"hello", 5};
    evs_node_t local;

    RETRIED(evs_initialize(&handle, &callbacks));
    RETRIED(evs_join(handle, &group, 1));
    RETRIED(evs_mcast_joined(handle, EVS_TYPE_AGREED, &message, 1));
    while (!delivered)
        GIVES(EVS_OK, evs_dispatch(handle, EVS_DISPATCH_ONE));
    GIVES(EVS_OK, evs_membership_get(handle, &local, NULL, NULL));
    CHECK(NUMBER(local) == source);
    GIVES(EVS_OK, evs_finalize(handle));
    puts("done");
    return 0;
}

#endif
