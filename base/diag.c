/* diag.c - the list of findings. Sorting is by the order in which files were first read, then by
 * place. */
#include "wcompose/diag.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/str.h"

void wc_diags_init(struct wc_diags *diags, struct wc_arena *arena)
{
    *diags = (struct wc_diags){ .arena = arena };
}

struct wc_diag *wc_diags_add(struct wc_diags *diags, enum wc_severity severity, const char *code,
                             struct wc_loc at, const char *fmt, ...)
{
    if (severity == WC_SEVERITY_ERROR)
        diags->n_errors++;
    else
        diags->n_warnings++;
    if (diags->n >= WC_DIAGS_MAX)
        return WC_NEW(diags->arena, struct wc_diag);
    va_list args;
    va_start(args, fmt);
    const char *msg = wc_arena_vprintf(diags->arena, fmt, args);
    va_end(args);
    diags->items =
        wc_arena_grow(diags->arena, diags->items, diags->n, &diags->cap, sizeof *diags->items);
    struct wc_diag *diag = &diags->items[diags->n];
    *diag = (struct wc_diag){ .severity = severity,
                              .code = code,
                              .at = at,
                              .span = 1,
                              .msg = msg,
                              .seq = (unsigned)diags->n };
    diags->n++;
    return diag;
}

void wc_diags_source(struct wc_diags *diags, const char *file, const char *text, size_t len)
{
    struct wc_source **tail = &diags->sources;
    while (*tail != NULL)
        tail = &(*tail)->next;
    *tail = WC_NEW(diags->arena, struct wc_source);
    **tail = (struct wc_source){ .file = file, .text = text, .len = len };
}

static unsigned file_rank(const struct wc_diags *diags, const char *file)
{
    unsigned rank = 0;
    if (file == NULL)
        return 0;
    for (const struct wc_source *s = diags->sources; s != NULL; s = s->next, rank++)
        if (wc_streq(s->file, file))
            return rank + 1;
    return rank + 1;
}

static bool before(const struct wc_diags *diags, const struct wc_diag *a, const struct wc_diag *b)
{
    unsigned fa = file_rank(diags, a->at.file), fb = file_rank(diags, b->at.file);
    if (fa != fb)
        return fa < fb;
    if (a->at.line != b->at.line)
        return a->at.line < b->at.line;
    if (a->at.col != b->at.col)
        return a->at.col < b->at.col;
    return a->seq < b->seq;
}

/* Insertion sort: at most WC_DIAGS_MAX entries, mostly in order already, and no global state for a
 * comparator. */
void wc_diags_sort(struct wc_diags *diags)
{
    for (size_t i = 1; i < diags->n; i++) {
        struct wc_diag item = diags->items[i];
        size_t j = i;
        for (; j > 0 && before(diags, &item, &diags->items[j - 1]); j--)
            diags->items[j] = diags->items[j - 1];
        diags->items[j] = item;
    }
}

const char *wc_diags_line(const struct wc_diags *diags, const char *file, unsigned line,
                          size_t *len)
{
    const struct wc_source *s = diags->sources;
    while (s != NULL && (file == NULL || !wc_streq(s->file, file)))
        s = s->next;
    if (s == NULL || line == 0)
        return NULL;
    const char *p = s->text, *end = s->text + s->len;
    for (unsigned n = 1; n < line; n++) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        if (newline == NULL)
            return NULL;
        p = newline + 1;
    }
    const char *newline = memchr(p, '\n', (size_t)(end - p));
    *len = newline == NULL ? (size_t)(end - p) : (size_t)(newline - p);
    if (*len > 0 && p[*len - 1] == '\r')
        --*len;
    return p;
}
