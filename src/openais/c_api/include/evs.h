/*
 * Extended virtual synchrony: totally ordered messages and configuration changes for groups of programs.
 *
 * The interface of openais up to 0.93. A node is told by its node id, which stands in `s_addr` as it is; programs for the
 * later ones of those, where it is a number, define EVS_NODE_IS_NUMBER. Both are the same to the library.
 */
#ifndef EVS_H_DEFINED
#define EVS_H_DEFINED

#ifndef OPENAIS_CDEF
#include <netinet/in.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef uint64_t evs_handle_t;

/* Unordered and first-in-first-out are given agreed order, which is more. */
typedef enum {
    EVS_TYPE_UNORDERED = 0,
    EVS_TYPE_FIFO = 1,
    EVS_TYPE_AGREED = 2,
    EVS_TYPE_SAFE = 3
} evs_guarantee_t;

typedef enum {
    EVS_DISPATCH_ONE = 0,
    EVS_DISPATCH_ALL = 1,
    EVS_DISPATCH_BLOCKING = 2
} evs_dispatch_t;

typedef enum {
    EVS_OK = 1,
    EVS_ERR_LIBRARY = 2,
    EVS_ERR_TIMEOUT = 5,
    EVS_ERR_TRY_AGAIN = 6,
    EVS_ERR_INVALID_PARAM = 7,
    EVS_ERR_NO_MEMORY = 8,
    EVS_ERR_BAD_HANDLE = 9,
    EVS_ERR_ACCESS = 11,
    EVS_ERR_NOT_EXIST = 12,
    EVS_ERR_EXIST = 14,
    EVS_ERR_NOT_SUPPORTED = 20,
    EVS_ERR_SECURITY = 29,
    EVS_ERR_TOO_MANY_GROUPS = 30
} evs_error_t;

/* A name of up to 32 bytes of UTF-8, filled up with NUL. */
struct evs_group {
    char key[32];
};

#ifdef EVS_NODE_IS_NUMBER
typedef unsigned int evs_node_t;
#else
typedef struct in_addr evs_node_t;
#endif

typedef void (*evs_deliver_fn_t)(evs_node_t source_addr, void *msg, int msg_len);
typedef void (*evs_confchg_fn_t)(
    evs_node_t *member_list, int member_list_entries, evs_node_t *left_list, int left_list_entries,
    evs_node_t *joined_list, int joined_list_entries);

typedef struct {
    evs_deliver_fn_t evs_deliver_fn;
    evs_confchg_fn_t evs_confchg_fn;
} evs_callbacks_t;

extern evs_error_t evs_initialize(evs_handle_t *handle, evs_callbacks_t *callbacks);
extern evs_error_t evs_finalize(evs_handle_t handle);

/* A descriptor for select(), poll() and epoll. */
extern evs_error_t evs_fd_get(evs_handle_t handle, int *fd);

extern evs_error_t evs_dispatch(evs_handle_t handle, evs_dispatch_t dispatch_types);

extern evs_error_t evs_join(evs_handle_t handle, struct evs_group *groups, int group_cnt);
extern evs_error_t evs_leave(evs_handle_t handle, struct evs_group *groups, int group_cnt);

/* To all groups that the handle is in, and to groups that it need not be in. */
extern evs_error_t evs_mcast_joined(
    evs_handle_t handle, evs_guarantee_t guarantee, struct iovec *iovec, int iov_len);
extern evs_error_t evs_mcast_groups(
    evs_handle_t handle, evs_guarantee_t guarantee, struct evs_group *groups, int group_cnt, struct iovec *iovec,
    int iov_len);

/* `member_list_entries`: how many members have room, and then how many there are. Any pointer may be NULL. */
extern evs_error_t evs_membership_get(
    evs_handle_t handle, evs_node_t *local_addr, evs_node_t *member_list, int *member_list_entries);

#ifdef __cplusplus
}
#endif

#endif
