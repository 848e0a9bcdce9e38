/*
 * Watches who is in the cluster.
 *
 * cc watcher.c -o watcher $(openais c-api --cflags --libs)
 *
 * With an argument it ends when so many nodes are members.
 */
#include <poll.h>
#include <saClm.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static SaUint32T members;

static void on_track(const SaClmClusterNotificationBufferT *view, SaUint32T number_of_members, SaAisErrorT error)
{
    if (error != SA_AIS_OK)
        return;
    members = number_of_members;
    printf("view %llu, %u members:", (unsigned long long)view->viewNumber, number_of_members);
    for (SaUint32T i = 0; i < view->numberOfItems; i++) {
        static const char *const what[] = {"", "", " joined", " left", " changed"};
        const SaClmClusterNotificationT *each = &view->notification[i];
        printf(" %.*s%s", each->clusterNode.nodeName.length, (const char *)each->clusterNode.nodeName.value,
               each->clusterChange <= SA_CLM_NODE_RECONFIGURED ? what[each->clusterChange] : "");
    }
    putchar('\n');
    fflush(stdout);
}

int main(int argc, char **argv)
{
    SaVersionT version = {'B', 1, 1};
    SaClmCallbacksT callbacks = {NULL, on_track};
    SaClmHandleT handle;
    SaSelectionObjectT descriptor;
    SaUint32T wanted = argc > 1 ? (SaUint32T)atoi(argv[1]) : 0;
    SaAisErrorT error = saClmInitialize(&handle, &callbacks, &version);

    if (error == SA_AIS_OK)
        error = saClmSelectionObjectGet(handle, &descriptor);
    if (error == SA_AIS_OK)
        error = saClmClusterTrack(handle, SA_TRACK_CURRENT | SA_TRACK_CHANGES, NULL);
    while (error == SA_AIS_OK && (wanted == 0 || members != wanted)) {
        struct pollfd polled = {(int)descriptor, POLLIN, 0};
        poll(&polled, 1, -1);
        error = saClmDispatch(handle, SA_DISPATCH_ALL);
    }
    if (error != SA_AIS_OK) {
        fprintf(stderr, "watcher: error %d\n", error);
        return EXIT_FAILURE;
    }
    return saClmFinalize(handle) == SA_AIS_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
