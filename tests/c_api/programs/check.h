/* What the test programs share: a check that says where it failed, and ends the program. */
#ifndef CHECK_H
#define CHECK_H

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_S 60

#define CHECK(condition)                                                                         \
    do {                                                                                         \
        if (!(condition)) {                                                                      \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);              \
            exit(1);                                                                             \
        }                                                                                        \
    } while (0)

/* That a call gives this error. */
#define GIVES(error, call)                                                                       \
    do {                                                                                         \
        int given_ = (int)(call), wanted_ = (int)(error);                                        \
        if (given_ != wanted_) {                                                                 \
            fprintf(stderr, "%s:%d: %s gave %d, not %d\n", __FILE__, __LINE__, #call, given_,    \
                    wanted_);                                                                    \
            exit(1);                                                                             \
        }                                                                                        \
    } while (0)

/* A call that may be told to try again. */
#define RETRIED(call)                                                                            \
    do {                                                                                         \
        int answer_, tries_ = 0;                                                                 \
        while ((answer_ = (int)(call)) == 6 && tries_++ < PATIENCE_S * 100)                      \
            usleep(10000);                                                                       \
        if (answer_ != 1) {                                                                      \
            fprintf(stderr, "%s:%d: %s gave %d\n", __FILE__, __LINE__, #call, answer_);          \
            exit(1);                                                                             \
        }                                                                                        \
    } while (0)

static inline double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* How many descriptors this process has open. */
static inline int descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) != -1;
    return count;
}

/* Kilobytes of memory that this process has resident. */
static inline long resident_kb(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK(file != NULL && fscanf(file, "%*s %ld", &pages) == 1);
    fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

#endif
