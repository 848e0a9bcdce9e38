/* A child has none of its parent's handles, of whatever service, and makes its own; the parent's stay good meanwhile. */
#include "live.h"

#define CHILDREN 5

static void use(void)
{
    SaClmClusterNodeT node;
    SaCkptCheckpointDescriptorT status;
    SaEvtEventIdT id;
    SaAmfHAStateT state;

    RETRIED(saClmClusterNodeGet(clm, SA_CLM_LOCAL_NODE_ID, SA_TIME_MAX, &node));
    RETRIED(saCkptCheckpointStatusGet(checkpoint, &status));
    RETRIED(saEvtEventPublish(event, "data", 4, &id));
    GIVES(SA_AIS_ERR_NOT_EXIST, saAmfHAStateGet(amf, &name, &name, &state));
    RETRIED(evs_mcast_joined(evs, EVS_TYPE_AGREED, &vector, 1));
}

static void in_child(void)
{
    SaCkptSectionDescriptorT found;

    GIVES(SA_AIS_ERR_BAD_HANDLE, saClmFinalize(clm));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saCkptFinalize(ckpt));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saCkptCheckpointClose(checkpoint));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saCkptSectionIterationNext(iteration, &found));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saEvtFinalize(evt));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saEvtChannelClose(channel));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saEvtEventFree(event));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saAmfFinalize(amf));
    GIVES(EVS_ERR_BAD_HANDLE, evs_finalize(evs));
    event = 0;
    live();
    use();
    _exit(0);
}

int main(void)
{
    pid_t children[CHILDREN];
    int status;

    live();
    for (int i = 0; i < CHILDREN; i++) {
        children[i] = fork();
        CHECK(children[i] >= 0);
        if (children[i] == 0)
            in_child();
        use();
    }
    for (int i = 0; i < CHILDREN; i++)
        CHECK(waitpid(children[i], &status, 0) == children[i] && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    use();
    puts("done");
    return 0;
}
