/* logs_follow.c - waiting for more: the directories are watched, not the files, so that a rotated
 * log, a new log and a new instance are all just news of a directory.
 */
#include "base/alloc.h"
#include "base/fs.h"
#include "orchestrator/logs_priv.h"

static void reader_free(struct wc_logread *reader)
{
    wc_logread_closed_fn *closed = reader->closed;
    void *data = reader->closed_data;
    while (reader->cursors != NULL) {
        struct wc_log_cursor *cursor = reader->cursors;
        reader->cursors = cursor->next;
        wc_log_cursor_free(cursor);
    }
    wc_free(reader->dir);
    wc_free(reader);
    if (closed != NULL)
        closed(data);
}

static void handle_gone(struct wc_logread *reader)
{
    reader->n_handles--;
    if (reader->is_closing && reader->n_handles == 0)
        reader_free(reader);
}

static void on_cursor_closed(uv_handle_t *handle)
{
    struct wc_log_cursor *cursor = handle->data;
    cursor->is_watched = false;
    handle_gone(cursor->reader);
}

static void on_log_changed(uv_fs_event_t *watch, const char *name, int events, int status)
{
    (void)name, (void)events, (void)status;
    struct wc_log_cursor *cursor = watch->data;
    if (!cursor->reader->is_closing)
        wc_logs_drain(cursor);
}

static void watch_cursor(struct wc_log_cursor *cursor)
{
    struct wc_logread *reader = cursor->reader;
    uv_fs_event_init(reader->loop, &cursor->watch);
    cursor->watch.data = cursor;
    cursor->is_watched = true;
    reader->n_handles++;
    if (uv_fs_event_start(&cursor->watch, on_log_changed, cursor->dir, 0) != 0)
        uv_close((uv_handle_t *)&cursor->watch, on_cursor_closed);
}

static void unwatch(uv_fs_event_t *watch, uv_close_cb closed)
{
    if (!uv_is_closing((uv_handle_t *)watch))
        uv_close((uv_handle_t *)watch, closed);
}

/* An instance that was removed has said its last when its directory is gone. */
static void retire(struct wc_log_cursor *cursor)
{
    wc_logs_drain(cursor);
    wc_log_cursor_retire(cursor);
    if (cursor->is_watched)
        unwatch(&cursor->watch, on_cursor_closed);
}

static void on_instances_changed(uv_fs_event_t *watch, const char *name, int events, int status)
{
    (void)name, (void)events, (void)status;
    struct wc_logread *reader = watch->data;
    if (reader->is_closing)
        return;
    for (struct wc_log_cursor *at = reader->cursors; at != NULL; at = at->next)
        if (!at->is_gone && !wc_log_cursor_exists(at))
            retire(at);
    struct wc_log_cursor *known = reader->cursors;
    wc_logs_scan(reader, true);
    for (struct wc_log_cursor *at = reader->cursors; at != known; at = at->next) {
        watch_cursor(at);
        wc_logs_drain(at);
    }
}

static void on_reader_closed(uv_handle_t *handle)
{
    handle_gone(handle->data);
}

int wc_logread_follow(struct wc_logread *reader, uv_loop_t *loop, struct wc_err *err)
{
    reader->loop = loop;
    uv_fs_event_init(loop, &reader->watch);
    reader->watch.data = reader;
    reader->is_watched = true;
    reader->n_handles++;
    int rc = uv_fs_event_start(&reader->watch, on_instances_changed, reader->dir, 0);
    if (rc != 0)
        return wc_err_set(err, wc_fs_code(-rc), -rc, "watch %s", reader->dir);
    for (struct wc_log_cursor *at = reader->cursors; at != NULL; at = at->next)
        watch_cursor(at);
    on_instances_changed(&reader->watch, NULL, 0, 0); /* what came between the look and the watch */
    wc_logread_drain(reader);
    return 0;
}

void wc_logread_close(struct wc_logread *reader, wc_logread_closed_fn *closed, void *data)
{
    reader->closed = closed;
    reader->closed_data = data;
    reader->is_closing = true;
    if (reader->n_handles == 0) {
        reader_free(reader);
        return;
    }
    if (reader->is_watched)
        unwatch(&reader->watch, on_reader_closed);
    for (struct wc_log_cursor *at = reader->cursors; at != NULL; at = at->next)
        if (at->is_watched)
            unwatch(&at->watch, on_cursor_closed);
}
