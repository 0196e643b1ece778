/* dockerfile.c - lines into words; everything but three instructions is passed over. */
#include "images/dockerfile.h"

#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

struct reading {
    struct wc_arena *arena;
    const struct wc_kvs *args;    /* given from outside */
    struct wc_strv names, values; /* ARG before the first FROM */
    struct wc_strv stages, *out;
    bool began; /* a FROM was met */
};

static bool is_name(const char *text, const char *name, size_t len)
{
    return strlen(text) == len && memcmp(text, name, len) == 0;
}

static const char *value_of(const struct reading *r, const char *name, size_t len)
{
    for (size_t i = 0; i < r->args->n; i++)
        if (r->args->items[i].value != NULL && is_name(r->args->items[i].key, name, len))
            return r->args->items[i].value;
    for (size_t i = 0; i < r->names.n; i++)
        if (is_name(r->names.items[i], name, len))
            return r->values.items[i];
    return NULL;
}

/* NULL when a variable isn't known. */
static const char *expand(const struct reading *r, const char *word)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    for (const char *p = word; *p != '\0';) {
        if (*p != '$') {
            wc_buf_addc(&text, *p++);
            continue;
        }
        bool braced = p[1] == '{';
        const char *name = p + 1 + braced;
        size_t len =
            strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
        const char *value = value_of(r, name, len);
        p = name + len;
        if (braced && wc_str_starts(p, ":-")) {
            size_t rest = strcspn(p + 2, "}");
            if (value == NULL || *value == '\0')
                value = wc_arena_strndup(r->arena, p + 2, rest);
            p += 2 + rest;
        }
        if (value == NULL || (braced && *p != '}'))
            return NULL;
        p += braced;
        wc_buf_adds(&text, value);
    }
    return wc_arena_strdup(r->arena, text.data);
}

static void add_image(struct reading *r, const char *word)
{
    const char *name = expand(r, word);
    if (name == NULL || *name == '\0' || wc_streq(name, "scratch") ||
        wc_strv_has(&r->stages, name) || wc_strv_has(r->out, name))
        return;
    wc_strv_add(r->arena, r->out, name);
}

/* ARG NAME=value … */
static void read_args(struct reading *r, const struct wc_strv *words)
{
    for (size_t i = 1; i < words->n && !r->began; i++) {
        const char *sign = strchr(words->items[i], '=');
        if (sign == NULL)
            continue;
        size_t quoted = sign[1] == '"' || sign[1] == '\'', len = strlen(sign + 1);
        wc_strv_add(r->arena, &r->names,
                    wc_arena_strndup(r->arena, words->items[i], (size_t)(sign - words->items[i])));
        wc_strv_add(r->arena, &r->values,
                    wc_arena_strndup(r->arena, sign + 1 + quoted,
                                     len >= 2 * quoted ? len - 2 * quoted : 0));
    }
}

/* FROM [--platform=…] IMAGE [AS NAME] */
static void read_from(struct reading *r, const struct wc_strv *words)
{
    size_t at = 1;
    while (at < words->n && wc_str_starts(words->items[at], "--"))
        at++;
    if (at == words->n)
        return;
    add_image(r, words->items[at]);
    r->began = true;
    if (at + 2 < words->n && strcasecmp(words->items[at + 1], "as") == 0)
        wc_strv_add(r->arena, &r->stages, words->items[at + 2]);
}

static void read_copy(struct reading *r, const struct wc_strv *words)
{
    for (size_t i = 1; i < words->n && wc_str_starts(words->items[i], "--"); i++)
        if (wc_str_starts(words->items[i], "--from="))
            add_image(r, words->items[i] + strlen("--from="));
}

static void read_line(struct reading *r, const char *line)
{
    struct wc_strv words = { 0 };
    for (const char *p = line + strspn(line, " \t\r"); *p != '\0'; p += strspn(p, " \t\r")) {
        size_t len = strcspn(p, " \t\r");
        wc_strv_add(r->arena, &words, wc_arena_strndup(r->arena, p, len));
        p += len;
    }
    if (words.n == 0)
        return;
    if (strcasecmp(words.items[0], "arg") == 0)
        read_args(r, &words);
    else if (strcasecmp(words.items[0], "from") == 0)
        read_from(r, &words);
    else if (strcasecmp(words.items[0], "copy") == 0)
        read_copy(r, &words);
}

void wc_dockerfile_images(const char *text, const struct wc_kvs *args, struct wc_arena *arena,
                          struct wc_strv *out)
{
    struct reading r = { .arena = arena, .args = args, .out = out };
    WC_CLEANUP_BUF struct wc_buf line = WC_BUF_INIT;
    while (*text != '\0') {
        size_t len = strcspn(text, "\n"), kept = len;
        const char *first = text + strspn(text, " \t");
        bool comment = *first == '#';
        while (kept > 0 && strchr(" \t\r", text[kept - 1]) != NULL)
            kept--;
        bool goes_on = !comment && kept > 0 && text[kept - 1] == '\\';
        if (!comment)
            wc_buf_add(&line, text, kept - goes_on);
        text += len + (text[len] == '\n');
        if (goes_on || (comment && line.len > 0)) {
            wc_buf_addc(&line, ' ');
            continue;
        }
        read_line(&r, line.data);
        wc_buf_reset(&line);
    }
    read_line(&r, line.data);
}
