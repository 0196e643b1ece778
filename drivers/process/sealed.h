/* sealed.h - a program in memory that nothing can write any more (process driver).
 *
 * Idea:    a runtime that protects itself against being overwritten by what it starts copies itself
 * before each command. One copy, sealed, held by the driver and by each keeper, spares all those.
 * Owner:   the cache owns one descriptor; callers get their own. Threads: any.
 */
#ifndef DRIVERS_PROCESS_SEALED_H
#define DRIVERS_PROCESS_SEALED_H

#include <pthread.h>
#include <sys/stat.h>

/* The copy of one file. */
struct wc_sealed {
    pthread_mutex_t lock;
    struct stat of; /* what the copy was made of */
    int fd;         /* -1: none yet */
};
#define WC_SEALED_INIT                                                                             \
    {                                                                                              \
        PTHREAD_MUTEX_INITIALIZER, { 0 }, -1                                                       \
    }

/* A descriptor (close-on-exec, the caller's) of the copy of the program at `path`, made now if the
 * file is another one than last time. -1: can't be had (not an ELF program, too large, no memory);
 * the file itself is as good. */
int wc_sealed_get(struct wc_sealed *sealed, const char *path);

void wc_sealed_deinit(struct wc_sealed *sealed);

#endif
