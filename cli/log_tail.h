/* log_tail.h - the last words of an instance (private to cli/).
 *
 * Owner:   lines live in the arena. Threads: one. Errors: what can't be read has no lines.
 */
#ifndef CLI_LOG_TAIL_H
#define CLI_LOG_TAIL_H

#include <stddef.h>
#include <stdint.h>

#include "wcompose/model.h"

struct wc_arena;
struct wc_paths;

struct wc_log_tail {
    const struct wc_paths *paths;
    const char *project, *service;
    unsigned index;
    size_t n_lines;   /* at most */
    int64_t since_ms; /* wall clock; WC_UNSET = all */
};

/* Adds the lines, oldest first, without their newlines. */
void wc_log_tail_read(const struct wc_log_tail *what, struct wc_arena *arena, struct wc_strv *out);

#endif
