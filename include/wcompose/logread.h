/* logread.h - the logs of a project's instances, as their keepers write them (contract; following
 * uses libuv).
 *
 * Idea:    logs are files, so that reading them needs neither a supervisor nor a running instance.
 *          One cursor per instance walks its rotated files, oldest first, and stays at the end.
 * Format:  drivers/keeper/protocol.h, "log.json".
 * Owner:   lines are borrowed for the callback.
 * Threads: one at a time; following: the loop's.
 */
#ifndef WCOMPOSE_LOGREAD_H
#define WCOMPOSE_LOGREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "wcompose/err.h"
#include "wcompose/model.h"

struct wc_paths;
struct wc_logread;

/* One piece of output: a line with its newline, or a part of a very long one without. */
struct wc_log_line {
    const char *id, *service; /* instance id; its service */
    unsigned index;           /* 1-based replica */
    bool is_stderr;
    int64_t time_ns;  /* since 1970 */
    const char *text; /* len bytes, any; not NUL-terminated */
    size_t len;
};
typedef void wc_log_line_fn(void *data, const struct wc_log_line *line);

/* Which lines. All pointers are borrowed until the reader is closed. */
struct wc_logread_query {
    const struct wc_paths *paths;
    const char *project;
    const char *const *services; /* n_services names; 0 = all */
    size_t n_services;
    unsigned index;             /* only this replica; 0 = all */
    int64_t tail;               /* last lines of each instance; WC_UNSET = all */
    int64_t since_ms, until_ms; /* wall clock, inclusive; WC_UNSET = no bound */
    wc_log_line_fn *line;
    void *data;
};

/* Opens a reader over the instances that exist. A project without any is not an error. */
int wc_logread_open(const struct wc_logread_query *query, struct wc_logread **out,
                    struct wc_err *err);

/* Delivers everything there is, merged by time, and returns. WC_ERR_IO. */
int wc_logread_run(struct wc_logread *reader, struct wc_err *err);

/* Goes on delivering what is written after wc_logread_run (or from the start), across rotation and
 * with instances that appear later, until closed. Lines of one instance keep their order.
 */
int wc_logread_follow(struct wc_logread *reader, uv_loop_t *loop, struct wc_err *err);

/* Delivers at once what has been written up to now: for a last look before closing. */
void wc_logread_drain(struct wc_logread *reader);

/* Number of entries that could not be read (a damaged file); they were left out. */
uint64_t wc_logread_damaged(const struct wc_logread *reader);

/* Length of the longest "<service>-<index>" that the reader has, for prefixes that line up. */
size_t wc_logread_name_width(const struct wc_logread *reader);

/* Closes; without following the callback runs before this returns. `closed` may be NULL. */
typedef void wc_logread_closed_fn(void *data);
void wc_logread_close(struct wc_logread *reader, wc_logread_closed_fn *closed, void *data);

/* Splits an instance id "<project>-<service>-<n>.<hash8>". The service's name is written to
 * `service` (size bytes). False when the id isn't of that project or shape. */
bool wc_instance_id_parse(const char *id, const char *project, char *service, size_t size,
                          unsigned *index);

#endif
