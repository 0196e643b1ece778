/* logs.c - the logs of a project's instances as one stream, ordered by time.
 *
 * A merge over cursors that each look one line ahead: memory is one block per instance, however
 * long the logs are. The instances are the directories that exist; no supervisor is asked.
 */
#include "wcompose/logread.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/paths.h"
#include "base/str.h"
#include "orchestrator/logs_priv.h"

bool wc_instance_id_parse(const char *id, const char *project, char *service, size_t size,
                          unsigned *index)
{
    size_t prefix = strlen(project);
    if (strncmp(id, project, prefix) != 0 || id[prefix] != '-')
        return false;
    const char *from = id + prefix + 1;
    const char *dot = strrchr(from, '.');
    const char *dash = dot == NULL ? NULL : memrchr(from, '-', (size_t)(dot - from));
    if (dash == NULL || dash == from || dot[1] == '\0')
        return false;
    char number[16];
    size_t digits = (size_t)(dot - dash) - 1, len = (size_t)(dash - from);
    int64_t value;
    if (digits == 0 || digits >= sizeof number || len >= size)
        return false;
    memcpy(number, dash + 1, digits);
    number[digits] = '\0';
    if (!wc_str_to_i64(number, 1, 1000000, &value))
        return false;
    memcpy(service, from, len);
    service[len] = '\0';
    *index = (unsigned)value;
    return true;
}

static bool is_asked_for(const struct wc_logread_query *query, const char *service, unsigned index)
{
    if (query->index != 0 && query->index != index)
        return false;
    for (size_t i = 0; i < query->n_services; i++)
        if (wc_streq(query->services[i], service))
            return true;
    return query->n_services == 0;
}

static bool has_cursor(const struct wc_logread *reader, const char *id)
{
    for (const struct wc_log_cursor *at = reader->cursors; at != NULL; at = at->next)
        if (!at->is_gone && wc_streq(at->id, id))
            return true;
    return false;
}

void wc_logs_scan(struct wc_logread *reader, bool fresh)
{
    DIR *dir = opendir(reader->dir);
    if (dir == NULL)
        return;
    struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        char service[256];
        unsigned index;
        if (!wc_instance_id_parse(entry->d_name, reader->query.project, service, sizeof service,
                                  &index) ||
            !is_asked_for(&reader->query, service, index) || has_cursor(reader, entry->d_name))
            continue;
        struct wc_log_cursor *cursor =
            wc_log_cursor_new(reader, entry->d_name, service, index, fresh);
        cursor->next = reader->cursors;
        reader->cursors = cursor;
    }
    closedir(dir);
}

int wc_logread_open(const struct wc_logread_query *query, struct wc_logread **out,
                    struct wc_err *err)
{
    (void)err;
    struct wc_arena scratch;
    wc_arena_init(&scratch);
    struct wc_logread *reader = wc_calloc(1, sizeof *reader);
    reader->query = *query;
    reader->dir = wc_strdup(wc_arena_printf(
        &scratch, "%s/instances", wc_paths_project_lib(query->paths, &scratch, query->project)));
    wc_arena_deinit(&scratch);
    wc_logs_scan(reader, false);
    *out = reader;
    return 0;
}

static void deliver(struct wc_log_cursor *cursor)
{
    cursor->has_line = false;
    cursor->reader->query.line(cursor->reader->query.data, &cursor->line);
}

void wc_logs_drain(struct wc_log_cursor *cursor)
{
    while (wc_log_cursor_peek(cursor))
        deliver(cursor);
}

/* Of two lines written at the same time, the one of the first name comes first. */
static bool is_earlier(const struct wc_log_cursor *a, const struct wc_log_cursor *b)
{
    if (a->line.time_ns != b->line.time_ns)
        return a->line.time_ns < b->line.time_ns;
    return strcmp(a->id, b->id) < 0;
}

void wc_logread_drain(struct wc_logread *reader)
{
    for (;;) {
        struct wc_log_cursor *first = NULL;
        for (struct wc_log_cursor *at = reader->cursors; at != NULL; at = at->next)
            if (wc_log_cursor_peek(at) && (first == NULL || is_earlier(at, first)))
                first = at;
        if (first == NULL)
            return;
        deliver(first);
    }
}

int wc_logread_run(struct wc_logread *reader, struct wc_err *err)
{
    (void)err;
    wc_logread_drain(reader);
    return 0;
}

uint64_t wc_logread_damaged(const struct wc_logread *reader)
{
    return reader->damaged;
}

size_t wc_logread_name_width(const struct wc_logread *reader)
{
    size_t width = 0;
    for (const struct wc_log_cursor *at = reader->cursors; at != NULL; at = at->next) {
        size_t len = (size_t)snprintf(NULL, 0, "%s-%u", at->service, at->index);
        width = len > width ? len : width;
    }
    return width;
}
