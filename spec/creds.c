/* creds.c - what is in a credential: the whole for a secret, lines NAME=VALUE for an env file.
 * Values are taken as they stand, and no message repeats any of them.
 */
#include "spec/creds.h"

#include <string.h>

#include "base/arena.h"
#include "base/creds.h"
#include "base/hash.h"
#include "base/str.h"
#include "spec/text.h"

enum { MARK = 32 }; /* hex digits */

const char *wc_creds_name(const char *project, const char *path, struct wc_arena *arena)
{
    const char *slash = strrchr(path, '/'), *base = slash == NULL ? path : slash + 1;
    size_t len = strlen(base), end = strlen(".cred");
    if (len > end && wc_streq(base + len - end, ".cred"))
        len -= end;
    return wc_arena_printf(arena, "%s.%.*s", project, (int)len, base);
}

/* A mark of the encrypted text and, for a variable, its name. */
static const char *mark_of(const struct wc_creds_ask *ask, const char *name, struct wc_arena *arena)
{
    char hex[WC_SHA256_HEX + 1];
    struct wc_sha256 *hash = wc_sha256_new();
    wc_sha256_update(hash, "wcompose credential ", 20);
    wc_sha256_update(hash, name, strlen(name) + 1);
    wc_sha256_update(hash, ask->text, ask->len);
    wc_sha256_finish(hash, hex);
    return wc_arena_strndup(arena, hex, MARK);
}

static bool is_name(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!wc_ascii_isalnum(text[i]) && text[i] != '_')
            return false;
    return len > 0 && !wc_ascii_isdigit(text[0]);
}

/* Takes one line; false when it is none of NAME=VALUE, empty, or a comment. */
static bool take_line(const char *line, size_t len, struct wc_arena *arena, struct wc_kvs *out)
{
    const char *equals = memchr(line, '=', len);
    if (len == 0 || line[0] == '#')
        return true;
    if (equals == NULL || !is_name(line, (size_t)(equals - line)))
        return false;
    const char *key = wc_arena_strndup(arena, line, (size_t)(equals - line));
    size_t skip = (size_t)(equals + 1 - line);
    const char *value = wc_arena_strndup(arena, equals + 1, len - skip);
    for (size_t i = 0; i < out->n; i++)
        if (wc_streq(out->items[i].key, key)) {
            out->items[i].value = value;
            return true;
        }
    out->items[out->n++] = (struct wc_kv){ key, value };
    return true;
}

bool wc_creds_pairs(const char *text, size_t len, struct wc_arena *arena, struct wc_kvs *out)
{
    size_t lines = 1;
    for (size_t i = 0; i < len; i++)
        lines += text[i] == '\n';
    if (memchr(text, '\0', len) != NULL || wc_utf8_valid(text, len) != len)
        return false;
    *out = (struct wc_kvs){ .items = WC_NEW_ARRAY(arena, struct wc_kv, lines) };
    for (const char *at = text, *end = text + len; at < end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t n = (size_t)((newline == NULL ? end : newline) - at);
        if (!take_line(at, n > 0 && at[n - 1] == '\r' ? n - 1 : n, arena, out))
            return false;
        at += n + 1;
    }
    return true;
}

int wc_creds_unseal(const struct wc_creds_ask *ask, struct wc_arena *arena, struct wc_creds *out,
                    struct wc_err *err)
{
    WC_CLEANUP_SECRET struct wc_secret plain = WC_SECRET_INIT;
    struct wc_creds made = { 0 };
    int rc = wc_creds_open(ask, &plain, err);
    if (rc != 0)
        return rc;
    char *content = wc_arena_alloc(arena, plain.len + 1);
    if (plain.len > 0)
        memcpy(content, plain.bytes, plain.len);
    content[plain.len] = '\0';
    made.content = content;
    made.len = plain.len;
    made.mark = mark_of(ask, "", arena);
    made.has_pairs = wc_creds_pairs(made.content, made.len, arena, &made.pairs);
    if (!made.has_pairs)
        made.pairs = (struct wc_kvs){ 0 };
    made.marks.items = WC_NEW_ARRAY(arena, struct wc_kv, made.pairs.n + 1);
    for (size_t i = 0; i < made.pairs.n; i++)
        made.marks.items[made.marks.n++] =
            (struct wc_kv){ made.pairs.items[i].key, mark_of(ask, made.pairs.items[i].key, arena) };
    *out = made;
    return 0;
}
