/* model_diff.c - two trees of canonical JSON, walked together. */
#include "cli/model_diff.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "wcompose/spec.h"

struct differ {
    struct wc_arena *arena;
    struct wc_model_diff *out;
};

/* ---- values as text ---- */

static void add_value(struct wc_jsonw *w, const char *key, const struct wc_json *value)
{
    char number[40];
    switch (wc_json_kind(value)) {
    case WC_JSON_NULL:
        wc_jsonw_null(w, key);
        break;
    case WC_JSON_BOOL:
        wc_jsonw_bool(w, key, wc_json_bool(value, false));
        break;
    case WC_JSON_NUMBER:
        snprintf(number, sizeof number, "%.15g", wc_json_double(value, 0));
        wc_jsonw_raw(w, key, number);
        break;
    case WC_JSON_STRING:
        wc_jsonw_str(w, key, wc_json_str(value, ""));
        break;
    case WC_JSON_ARRAY:
        wc_jsonw_array(w, key);
        for (const struct wc_json *at = wc_json_first(value); at != NULL; at = wc_json_next(at))
            add_value(w, NULL, at);
        wc_jsonw_end_array(w);
        break;
    case WC_JSON_OBJECT:
        wc_jsonw_object(w, key);
        for (const struct wc_json *at = wc_json_first(value); at != NULL; at = wc_json_next(at))
            add_value(w, wc_json_name(at), at);
        wc_jsonw_end_object(w);
        break;
    }
}

static const char *text_of(struct differ *d, const struct wc_json *value)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    struct wc_jsonw w = WC_JSONW_INIT(&text);
    if (value == NULL)
        return NULL;
    add_value(&w, NULL, value);
    return wc_arena_strdup(d->arena, text.data);
}

static void add_change(struct differ *d, const char *path, const char *before, const char *after)
{
    struct wc_model_diff *out = d->out;
    out->items = wc_arena_grow(d->arena, out->items, out->n, &out->cap, sizeof *out->items);
    out->items[out->n++] = (struct wc_model_change){ path, before, after };
}

/* ---- the walk ---- */

static void compare(struct differ *d, const char *path, const struct wc_json *before,
                    const struct wc_json *after);

/* A member whose name has a dot, or a blank, is put in brackets. */
static const char *join(struct differ *d, const char *path, const char *name)
{
    bool plain = name[0] != '\0' && strpbrk(name, ". []\t\n") == NULL;
    if (path[0] == '\0')
        return name;
    return plain ? wc_arena_printf(d->arena, "%s.%s", path, name)
                 : wc_arena_printf(d->arena, "%s[%s]", path, name);
}

/* Both are sorted by name, as canonical text is; what only one has is told at its place. */
static void compare_objects(struct differ *d, const char *path, const struct wc_json *before,
                            const struct wc_json *after)
{
    const struct wc_json *a = wc_json_first(before), *b = wc_json_first(after);
    while (a != NULL || b != NULL) {
        int order = a == NULL ? 1 : b == NULL ? -1 : strcmp(wc_json_name(a), wc_json_name(b));
        const char *name = wc_json_name(order <= 0 ? a : b);
        compare(d, join(d, path, name), order <= 0 ? a : NULL, order >= 0 ? b : NULL);
        a = order <= 0 ? wc_json_next(a) : a;
        b = order >= 0 ? wc_json_next(b) : b;
    }
}

struct entries {
    const char **texts;
    bool *matched;
    size_t n;
};

static void list_entries(struct differ *d, const struct wc_json *list, struct entries *out)
{
    size_t n = wc_json_count(list);
    *out = (struct entries){ .texts = WC_NEW_ARRAY(d->arena, const char *, n + 1),
                             .matched = WC_NEW_ARRAY(d->arena, bool, n + 1) };
    for (const struct wc_json *at = wc_json_first(list); at != NULL; at = wc_json_next(at))
        out->texts[out->n++] = text_of(d, at);
}

/* Pairs equal entries; returns whether every one has found another. */
static bool match(struct entries *a, struct entries *b)
{
    size_t n = 0;
    for (size_t i = 0; i < a->n; i++)
        for (size_t k = 0; k < b->n && !a->matched[i]; k++)
            if (!b->matched[k] && wc_streq(a->texts[i], b->texts[k])) {
                a->matched[i] = b->matched[k] = true;
                n++;
            }
    return n == a->n && n == b->n;
}

/* In a command every word has its place; elsewhere entries come and go. */
static bool is_command(const char *path)
{
    static const char *const names[] = { ".command", ".entrypoint", ".test" };
    size_t len = strlen(path);
    for (size_t i = 0; i < WC_COUNT(names); i++) {
        size_t n = strlen(names[i]);
        if (len > n && wc_streq(path + len - n, names[i]))
            return true;
    }
    return false;
}

static void compare_lists(struct differ *d, const char *path, const struct wc_json *before,
                          const struct wc_json *after)
{
    struct entries a, b;
    list_entries(d, before, &a);
    list_entries(d, after, &b);
    if (is_command(path) || match(&a, &b)) {
        add_change(d, path, text_of(d, before), text_of(d, after));
        return;
    }
    for (size_t i = 0; i < a.n; i++)
        if (!a.matched[i])
            add_change(d, path, a.texts[i], NULL);
    for (size_t k = 0; k < b.n; k++)
        if (!b.matched[k])
            add_change(d, path, NULL, b.texts[k]);
}

static void compare(struct differ *d, const char *path, const struct wc_json *before,
                    const struct wc_json *after)
{
    const char *a = text_of(d, before), *b = text_of(d, after);
    if (wc_streq0(a, b))
        return;
    bool both = a != NULL && b != NULL && wc_json_kind(before) == wc_json_kind(after);
    if (both && wc_json_kind(before) == WC_JSON_OBJECT)
        compare_objects(d, path, before, after);
    else if (both && wc_json_kind(before) == WC_JSON_ARRAY)
        compare_lists(d, path, before, after);
    else
        add_change(d, path, a, b);
}

static struct wc_json *tree_of(const struct wc_project *project)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    struct wc_json *root = NULL;
    struct wc_err err;
    if (project != NULL)
        wc_spec_render(project, WC_RENDER_JSON, &text);
    else
        wc_buf_adds(&text, "{}");
    return wc_json_parse(text.data, text.len, &root, &err) == 0 ? root : NULL;
}

void wc_model_diff(const struct wc_project *before, const struct wc_project *after,
                   struct wc_arena *arena, struct wc_model_diff *out)
{
    WC_CLEANUP_JSON struct wc_json *a = tree_of(before);
    WC_CLEANUP_JSON struct wc_json *b = tree_of(after);
    struct differ d = { .arena = arena, .out = out };
    *out = (struct wc_model_diff){ 0 };
    compare_objects(&d, "", a, b);
}

/* ---- in a few words ---- */

/* The part of a path up to its n-th dot. */
static size_t head_len(const char *path, unsigned parts)
{
    const char *at = path;
    while (*at != '\0' && (*at != '.' || --parts > 0))
        at++;
    return (size_t)(at - path);
}

/* "services.web.image" -> "web image"; a service that comes or goes: "+web", "-web"; all else by
 * its first two names. */
static const char *word_of(const struct wc_model_change *change, struct wc_arena *arena)
{
    static const char services[] = "services.";
    const char *path = change->path;
    if (!wc_str_starts(path, services))
        return wc_arena_strndup(arena, path, head_len(path, 2));
    path += sizeof services - 1;
    size_t name = head_len(path, 1);
    if (path[name] == '\0')
        return wc_arena_printf(arena, "%s%s", change->before == NULL ? "+" : "-", path);
    const char *field = path + name + 1;
    return wc_arena_printf(arena, "%.*s %.*s", (int)name, path, (int)strcspn(field, ".["), field);
}

/* "web image, web ports" -> "web image, ports": the name isn't said twice. */
static const char *without_name(const char *word, const char *last)
{
    const char *blank = strchr(word, ' ');
    size_t len = blank != NULL ? (size_t)(blank - word) + 1 : 0;
    return len > 0 && last != NULL && strncmp(word, last, len) == 0 ? word + len : word;
}

const char *wc_model_diff_words(const struct wc_model_diff *diff, size_t width,
                                struct wc_arena *arena)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    const char *last = NULL;
    size_t n_left = 0;
    for (size_t i = 0; i < diff->n; i++) {
        const char *word = word_of(&diff->items[i], arena);
        if (wc_streq0(word, last))
            continue;
        const char *rest = without_name(word, last);
        if (n_left > 0 || (text.len > 0 && text.len + strlen(rest) > width))
            n_left++;
        else
            wc_buf_printf(&text, "%s%s", text.len > 0 ? ", " : "", rest);
        last = word;
    }
    if (n_left > 0)
        wc_buf_printf(&text, ", %zu more", n_left);
    return wc_arena_strdup(arena, text.data);
}
