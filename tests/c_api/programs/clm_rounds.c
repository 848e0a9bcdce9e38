/* Rounds of initialize, a call, and finalize, after which nothing is left behind. */
#include <saClm.h>

#include "check.h"

static void on_track(const SaClmClusterNotificationBufferT *buffer, SaUint32T members, SaAisErrorT error)
{
    (void)buffer, (void)members, (void)error;
}

static void rounds(int count)
{
    SaClmCallbacksT callbacks = {NULL, on_track};
    for (int i = 0; i < count; i++) {
        SaClmHandleT handle;
        SaSelectionObjectT fd;
        SaVersionT version = {'B', 1, 1};
        SaClmClusterNotificationBufferT buffer = {0, 0, NULL};
        RETRIED(saClmInitialize(&handle, &callbacks, &version));
        GIVES(SA_AIS_OK, saClmSelectionObjectGet(handle, &fd));
        RETRIED(saClmClusterTrack(handle, SA_TRACK_CURRENT | SA_TRACK_CHANGES, &buffer));
        GIVES(SA_AIS_OK, saClmClusterNotificationFree(handle, buffer.notification));
        GIVES(SA_AIS_OK, saClmFinalize(handle));
    }
}

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 10000, open_before;
    long before;

    rounds(500);
    open_before = descriptors();
    before = resident_kb();
    rounds(count);
    printf("%d rounds: %ld kB more, %d descriptors more\n", count, resident_kb() - before, descriptors() - open_before);
    CHECK(descriptors() == open_before);
    CHECK(resident_kb() - before < 2048);
    return 0;
}
