/* log_tail.c - a few lines from the end of a log. */
#include "cli/log_tail.h"

#include "base/arena.h"
#include "base/str.h"
#include "wcompose/logread.h"

static void on_line(void *data, const struct wc_log_line *line)
{
    struct wc_strv *lines = ((void **)data)[0];
    struct wc_arena *arena = ((void **)data)[1];
    size_t len = line->len;
    while (len > 0 && (line->text[len - 1] == '\n' || line->text[len - 1] == '\r'))
        len--;
    wc_strv_add(arena, lines, wc_arena_strndup(arena, line->text, len));
}

void wc_log_tail_read(const struct wc_log_tail *what, struct wc_arena *arena, struct wc_strv *out)
{
    void *data[2] = { out, arena };
    struct wc_logread_query query = {
        .paths = what->paths,
        .project = what->project,
        .services = &what->service,
        .n_services = 1,
        .index = what->index,
        .tail = (int64_t)what->n_lines,
        .since_ms = what->since_ms,
        .until_ms = WC_UNSET,
        .line = on_line,
        .data = data,
    };
    struct wc_logread *reader;
    struct wc_err none;
    if (wc_logread_open(&query, &reader, &none) != 0)
        return;
    wc_logread_drain(reader);
    wc_logread_close(reader, NULL, NULL);
}
