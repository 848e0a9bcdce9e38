/* Forks in callbacks, thousands of short threads, signals, and an exit while another thread waits. */
#include <saClm.h>
#include <signal.h>

#include "check.h"

static int tracked, forked;
static pid_t child = -1;
static volatile sig_atomic_t signals;

static void on_track(const SaClmClusterNotificationBufferT *buffer, SaUint32T members, SaAisErrorT error)
{
    (void)buffer, (void)members, (void)error;
    tracked++;
    if (!forked) {
        forked = 1;
        child = fork();
    }
}

static void on_signal(int number)
{
    (void)number;
    signals++;
}

static const SaClmCallbacksT callbacks = {NULL, on_track};

static SaClmHandleT initialized(void)
{
    SaClmHandleT handle = 0;
    SaVersionT version = {'B', 1, 1};
    RETRIED(saClmInitialize(&handle, &callbacks, &version));
    return handle;
}

static void ask(SaClmHandleT handle)
{
    SaClmClusterNodeT node;
    RETRIED(saClmClusterNodeGet(handle, SA_CLM_LOCAL_NODE_ID, SA_TIME_MAX, &node));
}

static void *ask_once(void *handle)
{
    ask(*(SaClmHandleT *)handle);
    return NULL;
}

static void *dispatch_blocking(void *handle)
{
    int answer = saClmDispatch(*(SaClmHandleT *)handle, SA_DISPATCH_BLOCKING);
    CHECK(answer == SA_AIS_OK);
    return NULL;
}

static void fork_in_callback(SaDispatchFlagsT flags)
{
    SaClmHandleT handle = initialized(), fresh;
    SaSelectionObjectT fd;
    struct pollfd polled = {0, POLLIN, 0};
    int answer, status;

    forked = 0;
    RETRIED(saClmClusterTrack(handle, SA_TRACK_CURRENT, NULL));
    GIVES(SA_AIS_OK, saClmSelectionObjectGet(handle, &fd));
    polled.fd = (int)fd;
    CHECK(poll(&polled, 1, PATIENCE_S * 1000) == 1);
    answer = saClmDispatch(handle, flags);
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(answer == SA_AIS_OK || answer == SA_AIS_ERR_BAD_HANDLE);
        GIVES(SA_AIS_ERR_BAD_HANDLE, saClmFinalize(handle));
        fresh = initialized();
        ask(fresh);
        GIVES(SA_AIS_OK, saClmFinalize(fresh));
        _exit(0);
    }
    GIVES(SA_AIS_OK, answer);
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    ask(handle);
    GIVES(SA_AIS_OK, saClmFinalize(handle));
}

static void short_threads(int count)
{
    SaClmHandleT handle = initialized();
    for (int i = 0; i < count; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, ask_once, &handle);
        pthread_join(thread, NULL);
    }
    GIVES(SA_AIS_OK, saClmFinalize(handle));
}

static void signals_while_waiting(void)
{
    SaClmHandleT handle = initialized();
    struct sigaction action = {.sa_handler = on_signal};
    pthread_t waiting;

    sigaction(SIGUSR1, &action, NULL);
    pthread_create(&waiting, NULL, dispatch_blocking, &handle);
    for (int i = 0; i < 100; i++) {
        pthread_kill(waiting, SIGUSR1);
        ask(handle);
    }
    CHECK(signals > 0);
    GIVES(SA_AIS_OK, saClmFinalize(handle));
    pthread_join(waiting, NULL);
}

int main(void)
{
    static SaClmHandleT left;
    pthread_t waiting;
    long before;

    fork_in_callback(SA_DISPATCH_ONE);
    fork_in_callback(SA_DISPATCH_ALL);
    short_threads(200);
    before = resident_kb();
    short_threads(2000);
    CHECK(resident_kb() - before < 2048);
    signals_while_waiting();

    left = initialized();
    pthread_create(&waiting, NULL, dispatch_blocking, &left);
    ask(left);
    puts("done");
    return 0;
}
