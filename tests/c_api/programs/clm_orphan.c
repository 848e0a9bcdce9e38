/* A program whose executive goes away: it is told so by every call, and by the dispatch that was waiting. */
#include <saClm.h>

#include "check.h"

static void on_track(const SaClmClusterNotificationBufferT *buffer, SaUint32T members, SaAisErrorT error)
{
    (void)buffer, (void)members, (void)error;
}

int main(void)
{
    SaClmHandleT handle = 0;
    SaVersionT version = {'B', 1, 1};
    SaClmCallbacksT callbacks = {NULL, on_track};
    SaClmClusterNodeT node;

    RETRIED(saClmInitialize(&handle, &callbacks, &version));
    RETRIED(saClmClusterTrack(handle, SA_TRACK_CHANGES, NULL));
    puts("ready");
    fflush(stdout);
    GIVES(SA_AIS_ERR_LIBRARY, saClmDispatch(handle, SA_DISPATCH_BLOCKING));
    for (int i = 0; i < 3; i++)
        GIVES(SA_AIS_ERR_LIBRARY, saClmClusterNodeGet(handle, SA_CLM_LOCAL_NODE_ID, SA_TIME_ONE_SECOND, &node));
    GIVES(SA_AIS_ERR_LIBRARY, saClmDispatch(handle, SA_DISPATCH_ALL));
    GIVES(SA_AIS_OK, saClmFinalize(handle));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saClmFinalize(handle));
    return 0;
}
