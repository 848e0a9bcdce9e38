/* Every function, callback and error of evs.h against a cluster of one. */
#include <evs.h>

#include "check.h"

static int delivered, changed, last_members;
static size_t last_length;
static char last_message[64];
static struct in_addr last_source, local;

static void on_deliver(struct in_addr source, void *message, int length)
{
    delivered++;
    last_source = source;
    last_length = (size_t)length;
    memset(last_message, 0, sizeof last_message);
    memcpy(last_message, message, last_length < sizeof last_message ? last_length : sizeof last_message - 1);
}

static void on_change(
    struct in_addr *members, int member_count, struct in_addr *left, int left_count, struct in_addr *joined,
    int joined_count)
{
    CHECK(members != NULL && left != NULL && joined != NULL && member_count >= 1 && left_count == 0);
    CHECK(joined_count <= member_count);
    changed++;
    last_members = member_count;
    CHECK(members[0].s_addr != 0);
}

static evs_callbacks_t callbacks = {on_deliver, on_change};
static struct evs_group groups[2] = {{"first"}, {"second"}};

static evs_handle_t initialized(evs_callbacks_t *with)
{
    evs_handle_t handle = 0;
    RETRIED(evs_initialize(&handle, with));
    return handle;
}

static void dispatch_one(evs_handle_t handle, int *counter)
{
    int fd, before = *counter;
    GIVES(EVS_OK, evs_fd_get(handle, &fd));
    while (*counter == before) {
        struct pollfd polled = {fd, POLLIN, 0};
        CHECK(poll(&polled, 1, PATIENCE_S * 1000) == 1);
        GIVES(EVS_OK, evs_dispatch(handle, EVS_DISPATCH_ONE));
    }
}

static void bad_handles(evs_handle_t bad)
{
    struct iovec piece = {"x", 1};
    int fd, count = 0;
    GIVES(EVS_ERR_BAD_HANDLE, evs_finalize(bad));
    GIVES(EVS_ERR_BAD_HANDLE, evs_fd_get(bad, &fd));
    GIVES(EVS_ERR_BAD_HANDLE, evs_dispatch(bad, EVS_DISPATCH_ALL));
    GIVES(EVS_ERR_BAD_HANDLE, evs_dispatch(bad, EVS_DISPATCH_BLOCKING));
    GIVES(EVS_ERR_BAD_HANDLE, evs_join(bad, groups, 1));
    GIVES(EVS_ERR_BAD_HANDLE, evs_leave(bad, groups, 1));
    GIVES(EVS_ERR_BAD_HANDLE, evs_mcast_joined(bad, EVS_TYPE_AGREED, &piece, 1));
    GIVES(EVS_ERR_BAD_HANDLE, evs_mcast_groups(bad, EVS_TYPE_AGREED, groups, 1, &piece, 1));
    GIVES(EVS_ERR_BAD_HANDLE, evs_membership_get(bad, &local, NULL, &count));
}

static void parameters(void)
{
    evs_handle_t handle = initialized(&callbacks);
    struct evs_group many[40], odd[1];
    struct iovec piece = {"x", 1}, nothing = {NULL, 5}, huge = {"x", (size_t)1 << 40};
    struct in_addr members[4];
    int count = 0;

    memset(many, 'a', sizeof many);
    memset(odd, 0xff, sizeof odd);
    GIVES(EVS_ERR_INVALID_PARAM, evs_initialize(NULL, &callbacks));
    GIVES(EVS_ERR_INVALID_PARAM, evs_fd_get(handle, NULL));
    GIVES(EVS_ERR_INVALID_PARAM, evs_dispatch(handle, 17));
    GIVES(EVS_ERR_INVALID_PARAM, evs_join(handle, NULL, 1));
    GIVES(EVS_ERR_INVALID_PARAM, evs_join(handle, groups, 0));
    GIVES(EVS_ERR_INVALID_PARAM, evs_join(handle, groups, -1));
    GIVES(EVS_ERR_INVALID_PARAM, evs_join(handle, odd, 1));
    GIVES(EVS_ERR_TOO_MANY_GROUPS, evs_join(handle, many, 40));
    GIVES(EVS_ERR_NOT_EXIST, evs_leave(handle, groups, 1));
    GIVES(EVS_ERR_NOT_EXIST, evs_mcast_joined(handle, EVS_TYPE_AGREED, &piece, 1));
    GIVES(EVS_ERR_INVALID_PARAM, evs_mcast_groups(handle, 9, groups, 1, &piece, 1));
    GIVES(EVS_ERR_INVALID_PARAM, evs_mcast_groups(handle, EVS_TYPE_AGREED, NULL, 1, &piece, 1));
    GIVES(EVS_ERR_INVALID_PARAM, evs_mcast_groups(handle, EVS_TYPE_AGREED, groups, 1, NULL, 1));
    GIVES(EVS_ERR_INVALID_PARAM, evs_mcast_groups(handle, EVS_TYPE_AGREED, groups, 1, &piece, -1));
    GIVES(EVS_ERR_INVALID_PARAM, evs_mcast_groups(handle, EVS_TYPE_AGREED, groups, 1, &nothing, 1));
    GIVES(EVS_ERR_INVALID_PARAM, evs_mcast_groups(handle, EVS_TYPE_AGREED, groups, 1, &huge, 1));
    GIVES(EVS_ERR_INVALID_PARAM, evs_membership_get(handle, &local, members, NULL));
    GIVES(EVS_ERR_INVALID_PARAM, evs_membership_get(handle, &local, members, &count));
    CHECK(count == 1);
    GIVES(EVS_OK, evs_finalize(handle));
    bad_handles(handle);
    bad_handles(0);
    bad_handles(~(evs_handle_t)0);
}

static void messages(void)
{
    evs_handle_t handle = initialized(&callbacks), other = initialized(NULL);
    struct iovec pieces[3] = {{"to ", 3}, {NULL, 0}, {"all", 3}}, large;
    struct in_addr members[4];
    int count = 4;

    RETRIED(evs_join(handle, groups, 2));
    dispatch_one(handle, &changed);
    CHECK(last_members == 1);
    RETRIED(evs_membership_get(handle, &local, members, &count));
    CHECK(count == 1 && members[0].s_addr == local.s_addr);
    RETRIED(evs_membership_get(handle, NULL, NULL, NULL));
    for (int guarantee = EVS_TYPE_UNORDERED; guarantee <= EVS_TYPE_SAFE; guarantee++) {
        RETRIED(evs_mcast_joined(handle, (evs_guarantee_t)guarantee, pieces, 3));
        dispatch_one(handle, &delivered);
        CHECK(last_length == 6 && strcmp(last_message, "to all") == 0 && last_source.s_addr == local.s_addr);
    }
    RETRIED(evs_mcast_groups(other, EVS_TYPE_AGREED, groups + 1, 1, pieces, 1));
    dispatch_one(handle, &delivered);
    CHECK(last_length == 3);
    RETRIED(evs_mcast_groups(other, EVS_TYPE_AGREED, groups, 1, pieces, 0));
    dispatch_one(handle, &delivered);
    CHECK(last_length == 0);
    large.iov_len = 500000;
    large.iov_base = calloc(1, large.iov_len);
    RETRIED(evs_mcast_groups(other, EVS_TYPE_AGREED, groups, 1, &large, 1));
    dispatch_one(handle, &delivered);
    CHECK(last_length == 500000);
    free(large.iov_base);
    RETRIED(evs_leave(handle, groups, 1));
    GIVES(EVS_ERR_NOT_EXIST, evs_leave(handle, groups, 2));
    GIVES(EVS_OK, evs_dispatch(handle, EVS_DISPATCH_ALL));
    GIVES(EVS_OK, evs_dispatch(other, EVS_DISPATCH_ALL));
    GIVES(EVS_OK, evs_finalize(other));
    GIVES(EVS_OK, evs_finalize(handle));
}

static void *dispatch_blocking(void *handle)
{
    GIVES(EVS_OK, evs_dispatch(*(evs_handle_t *)handle, EVS_DISPATCH_BLOCKING));
    return NULL;
}

static void *send_many(void *handle)
{
    struct iovec piece = {"x", 1};
    for (int i = 0; i < 250; i++)
        RETRIED(evs_mcast_joined(*(evs_handle_t *)handle, EVS_TYPE_AGREED, &piece, 1));
    return NULL;
}

static void threads(void)
{
    evs_handle_t handle = initialized(&callbacks);
    pthread_t blocked, sending[4];
    int before = delivered;

    RETRIED(evs_join(handle, groups, 1));
    pthread_create(&blocked, NULL, dispatch_blocking, &handle);
    for (int i = 0; i < 4; i++)
        pthread_create(&sending[i], NULL, send_many, &handle);
    for (int i = 0; i < 4; i++)
        pthread_join(sending[i], NULL);
    for (int i = 0; i < PATIENCE_S * 100 && __atomic_load_n(&delivered, __ATOMIC_SEQ_CST) < before + 1000; i++)
        usleep(10000);
    CHECK(delivered == before + 1000);
    GIVES(EVS_OK, evs_finalize(handle));
    pthread_join(blocked, NULL);
}

int main(void)
{
    parameters();
    messages();
    threads();
    puts("done");
    return 0;
}
