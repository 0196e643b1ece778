/* logs_priv.h - the log reader's parts (private to orchestrator/logs*.c).
 *
 * Idea:    a cursor is one instance's place in its log: a file (held by descriptor, known by
 *          inode, so that rotation under our hands is no matter), an offset, and the next line,
 *          decoded. logs_entry.c decodes, logs_cursor.c walks, logs.c merges, logs_follow.c waits.
 */
#ifndef ORCHESTRATOR_LOGS_PRIV_H
#define ORCHESTRATOR_LOGS_PRIV_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#include "base/buf.h"
#include "wcompose/logread.h"

struct wc_log_cursor {
    struct wc_logread *reader;
    char *id, *service, *dir;
    unsigned index;
    int dir_fd; /* keeps the directory's inode from being used again */
    int fd;     /* -1: no file yet */
    ino_t ino;
    int64_t pos;       /* offset in the file of the end of `raw` */
    struct wc_buf raw; /* read, from `used` on not decoded */
    size_t used;
    struct wc_buf text; /* of `line` */
    struct wc_log_line line;
    bool has_line, is_over; /* over: beyond `until` */
    bool is_gone;           /* the instance was removed */

    uv_fs_event_t watch;
    bool is_watched;
    struct wc_log_cursor *next;
};

struct wc_logread {
    struct wc_logread_query query;
    char *dir; /* of the instances */
    struct wc_log_cursor *cursors;
    uint64_t damaged;
    uv_loop_t *loop; /* NULL: not following */
    uv_fs_event_t watch;
    bool is_watched, is_closing;
    unsigned n_handles;
    wc_logread_closed_fn *closed;
    void *closed_data;
};

/* Decodes one entry (without its newline) into `line` and `text`. False when it is damaged. */
bool wc_log_entry_read(const char *entry, size_t len, struct wc_log_line *line,
                       struct wc_buf *text);

/* Makes a cursor at the place that the query's tail and since give; `fresh` ones start at the
 * beginning. */
struct wc_log_cursor *wc_log_cursor_new(struct wc_logread *reader, const char *id,
                                        const char *service, unsigned index, bool fresh);
void wc_log_cursor_free(struct wc_log_cursor *cursor);

/* Lets go of the files; the cursor has no more lines. */
void wc_log_cursor_retire(struct wc_log_cursor *cursor);

/* True while the directory is the one that the cursor was made for. */
bool wc_log_cursor_exists(const struct wc_log_cursor *cursor);

/* Makes cursor->line the next line that the query wants. False when there is none (now). */
bool wc_log_cursor_peek(struct wc_log_cursor *cursor);

/* Finds instances that have no cursor yet; `fresh` as above. */
void wc_logs_scan(struct wc_logread *reader, bool fresh);

/* Delivers all lines of one cursor. */
void wc_logs_drain(struct wc_log_cursor *cursor);

#endif
