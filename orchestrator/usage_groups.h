/* usage_groups.h - the control groups of a process (private to orchestrator/usage*.c).
 *
 * Threads: any.
 */
#ifndef ORCHESTRATOR_USAGE_GROUPS_H
#define ORCHESTRATOR_USAGE_GROUPS_H

#include <stdbool.h>
#include <stdint.h>

#include "wcompose/err.h"

struct wc_arena;
struct wc_buf;

/* One group as directories of the host. */
struct wc_usage_group {
    const char *dir;   /* NULL: the host doesn't keep this book for it */
    const char *mount; /* dir is beneath it, or the same: then it is the host's own group */
    bool v2;
};

struct wc_usage_groups {
    struct wc_usage_group cpu, memory, block, pids;
};

/* Finds them. WC_ERR_NOENT: the process has ended. */
int wc_usage_find_groups(const char *proc, int pid, struct wc_arena *arena,
                         struct wc_usage_groups *out, struct wc_err *err);

/* Reads the file dir/name, without the newline at its end, into *out. False when there is none. */
bool wc_usage_file(const char *dir, const char *name, struct wc_buf *out);

/* Reads a file that holds one number; "max" and what is no number: WC_UNSET. */
int64_t wc_usage_number(const char *dir, const char *name);

/* The number behind `key` and a blank at the beginning of a line; WC_UNSET when there is none. */
int64_t wc_usage_field(const char *text, const char *key);

/* Cuts the next piece off a text, at the next `stop`, which is overwritten. NULL at the end. */
char *wc_usage_cut(char **text, char stop);

#endif
