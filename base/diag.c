/* diag.c - the list of findings. Sorting is by the order in which files were first read, then by
 * place.
 *
 * A file can hold a hundred thousand mistakes: what isn't kept costs a counter, neither text nor
 * memory. Errors and warnings are kept apart, so that many warnings can't crowd out the error that
 * made the load fail.
 */
#include "wcompose/diag.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/str.h"

void wc_diags_init(struct wc_diags *diags, struct wc_arena *arena)
{
    *diags = (struct wc_diags){ .arena = arena };
}

const char *wc_diags_text(struct wc_arena *arena, const char *fmt, va_list args)
{
    static const char cut[] = "\xe2\x80\xa6"; /* an ellipsis */
    char text[WC_DIAGS_TEXT_MAX];
    int len = vsnprintf(text, sizeof text, fmt, args);
    if (len < 0 || (size_t)len < sizeof text)
        return wc_arena_strdup(arena, text);
    size_t end = sizeof text - sizeof cut;
    while (end > 0 && ((unsigned char)text[end] & 0xC0) == 0x80)
        end--;
    memcpy(text + end, cut, sizeof cut);
    return wc_arena_strdup(arena, text);
}

bool wc_diags_full(const struct wc_diags *diags, enum wc_severity severity)
{
    return diags->kept[severity] >= WC_DIAGS_MAX;
}

struct wc_diag *wc_diags_vadd(struct wc_diags *diags, enum wc_severity severity, const char *code,
                              struct wc_loc at, const char *fmt, va_list args)
{
    if (severity == WC_SEVERITY_ERROR)
        diags->n_errors++;
    else
        diags->n_warnings++;
    if (wc_diags_full(diags, severity)) {
        diags->last = &diags->scratch;
    } else {
        diags->items =
            wc_arena_grow(diags->arena, diags->items, diags->n, &diags->cap, sizeof *diags->items);
        diags->last = &diags->items[diags->n];
    }
    *diags->last = (struct wc_diag){ .severity = severity,
                                     .code = code,
                                     .at = at,
                                     .span = 1,
                                     .msg = "",
                                     .seq = (unsigned)diags->n };
    if (diags->last != &diags->scratch) {
        diags->last->msg = wc_diags_text(diags->arena, fmt, args);
        diags->kept[severity]++;
        diags->n++;
    }
    return diags->last;
}

struct wc_diag *wc_diags_add(struct wc_diags *diags, enum wc_severity severity, const char *code,
                             struct wc_loc at, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    struct wc_diag *diag = wc_diags_vadd(diags, severity, code, at, fmt, args);
    va_end(args);
    return diag;
}

void wc_diags_source(struct wc_diags *diags, const char *file, const char *text, size_t len)
{
    struct wc_source **tail =
        diags->last_source != NULL ? &diags->last_source->next : &diags->sources;
    while (*tail != NULL)
        tail = &(*tail)->next;
    *tail = WC_NEW(diags->arena, struct wc_source);
    **tail = (struct wc_source){ .file = file, .text = text, .len = len };
    diags->last_source = *tail;
}

static size_t file_rank(const struct wc_diags *diags, const char *file)
{
    size_t rank = 1;
    if (file == NULL)
        return 0;
    for (const struct wc_source *s = diags->sources; s != NULL; s = s->next, rank++)
        if (s->file == file || wc_streq(s->file, file))
            return rank;
    return rank;
}

/* A finding with the rank of its file. */
struct ranked {
    struct wc_diag diag;
    size_t rank;
};

static bool before(const struct ranked *x, const struct ranked *y)
{
    const struct wc_diag *a = &x->diag, *b = &y->diag;
    if (x->rank != y->rank)
        return x->rank < y->rank;
    if (a->at.line != b->at.line)
        return a->at.line < b->at.line;
    if (a->at.col != b->at.col)
        return a->at.col < b->at.col;
    return a->seq < b->seq;
}

static int compare(const void *a, const void *b)
{
    return before(a, b) ? -1 : before(b, a);
}

void wc_diags_sort(struct wc_diags *diags)
{
    if (diags->n < 2)
        return;
    struct ranked *list = WC_NEW_ARRAY(diags->arena, struct ranked, diags->n);
    for (size_t i = 0; i < diags->n; i++) {
        list[i].diag = diags->items[i];
        bool same = i > 0 && list[i].diag.at.file == list[i - 1].diag.at.file;
        list[i].rank = same ? list[i - 1].rank : file_rank(diags, list[i].diag.at.file);
    }
    qsort(list, diags->n, sizeof *list, compare);
    for (size_t i = 0; i < diags->n; i++)
        diags->items[i] = list[i].diag;
}

/* Where the line that begins at p ends, and where the next one begins. */
static const char *line_end(const char *p, const char *end, const char **next)
{
    const char *at = p;
    while (at < end && *at != '\n' && *at != '\r')
        at++;
    *next = at;
    if (at < end)
        *next = at + (*at == '\r' && at + 1 < end && at[1] == '\n' ? 2 : 1);
    return at;
}

const char *wc_diags_line(const struct wc_diags *diags, const char *file, unsigned line,
                          size_t *len)
{
    const struct wc_source *s = diags->sources;
    while (s != NULL && (file == NULL || !wc_streq(s->file, file)))
        s = s->next;
    if (s == NULL || line == 0)
        return NULL;
    const char *p = s->text, *end = s->text + s->len, *next;
    for (unsigned n = 1;; n++, p = next) {
        const char *stop = line_end(p, end, &next);
        if (n == line) {
            *len = (size_t)(stop - p);
            return p;
        }
        if (stop == end)
            return NULL;
    }
}
