/* module_url.c - where a sub-module is to be got from: text in, text out. */
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "orchestrator/gitops/checkout.h"

/* "submodule.<name>.<what>": the length of its name, or 0. Names may have dots in them. */
static size_t name_len(const char *key, size_t len, const char *what)
{
    static const char prefix[] = "submodule.";
    size_t skip = sizeof prefix - 1, end = strlen(what);
    if (len <= skip + end + 1 || memcmp(key, prefix, skip) != 0 ||
        memcmp(key + len - end, what, end) != 0 || key[len - end - 1] != '.')
        return 0;
    return len - skip - end - 1;
}

/* One entry of the listing: "key\nvalue" and a NUL. False at the end. */
static bool next_entry(const char **at, const char *end, struct wc_piece *key, const char **value)
{
    while (*at < end) {
        const char *stop = memchr(*at, '\0', (size_t)(end - *at));
        if (stop == NULL)
            return false;
        const char *newline = memchr(*at, '\n', (size_t)(stop - *at));
        *key = (struct wc_piece){ *at, (size_t)((newline != NULL ? newline : stop) - *at) };
        *value = newline != NULL ? newline + 1 : NULL;
        *at = stop + 1;
        if (*value != NULL) /* a key alone says nothing here */
            return true;
    }
    return false;
}

static bool same(const struct wc_piece *a, const char *b, size_t len)
{
    return a->len == len && memcmp(a->at, b, len) == 0;
}

const char *wc_module_url(const char *text, size_t len, const char *path, const char **why)
{
    struct wc_piece key, name = { NULL, 0 };
    const char *value, *url = NULL;
    const size_t skip = strlen("submodule.");
    for (const char *at = text; next_entry(&at, text + len, &key, &value);) {
        size_t n = name_len(key.at, key.len, "path");
        if (n == 0 || !wc_streq(value, path))
            continue;
        if (name.at != NULL && !same(&name, key.at + skip, n)) {
            *why = "two of .gitmodules are at that path";
            return NULL;
        }
        name = (struct wc_piece){ key.at + skip, n };
    }
    for (const char *at = text; name.at != NULL && next_entry(&at, text + len, &key, &value);) {
        size_t n = name_len(key.at, key.len, "url");
        if (n > 0 && same(&name, key.at + skip, n))
            url = value; /* the last one counts, as git has it */
    }
    *why = name.at == NULL ? ".gitmodules has none at that path" : ".gitmodules gives it no url";
    return url;
}

/* How much of an address is of the host and stays: "https://host", "git@host:", "". */
static size_t host_len(const char *url)
{
    const char *scheme = strstr(url, "://");
    if (scheme != NULL)
        return (size_t)(scheme + 3 - url) + strcspn(scheme + 3, "/");
    const char *colon = strchr(url, ':');
    return url[0] == '/' || colon == NULL ? 0 : (size_t)(colon + 1 - url);
}

static bool is_relative(const char *url)
{
    return wc_str_starts(url, "./") || wc_str_starts(url, "../");
}

/* Takes the last part off a path; false when there is none. */
static bool go_up(struct wc_buf *out, size_t host)
{
    if (out->len <= host)
        return false;
    while (out->len > host && out->data[out->len - 1] != '/')
        out->len--;
    if (out->len > host)
        out->len--;
    out->data[out->len] = '\0';
    return true;
}

const char *wc_module_resolve(const char *base, const char *url, struct wc_arena *arena)
{
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    size_t host = host_len(base), len = strlen(base);
    bool is_rooted = base[host] == '/';
    if (!is_relative(url))
        return wc_arena_strdup(arena, url);
    while (len > host && base[len - 1] == '/')
        len--;
    wc_buf_add(&out, base, len);
    for (const char *part = url; *part != '\0';) {
        size_t n = strcspn(part, "/");
        bool is_up = n == 2 && part[0] == '.' && part[1] == '.';
        if (is_up && !go_up(&out, host))
            return NULL;
        if (!is_up && n > 0 && !(n == 1 && part[0] == '.')) {
            if (out.len > host || is_rooted)
                wc_buf_addc(&out, '/');
            wc_buf_add(&out, part, n);
        }
        part += n + (part[n] == '/');
    }
    return out.len > host ? wc_arena_strdup(arena, out.data) : NULL;
}

static const char *local_path(const char *url)
{
    if (wc_str_starts(url, "file://"))
        url += strlen("file://");
    return url[0] == '/' ? url : NULL;
}

/* What is beneath a directory by its text need not be, where it goes up. */
static bool goes_up(const char *path)
{
    for (const char *at = strstr(path, "/.."); at != NULL; at = strstr(at + 1, "/.."))
        if (at[3] == '/' || at[3] == '\0')
            return true;
    return false;
}

bool wc_module_may(const char *source, const char *url, const char *resolved, const char **why)
{
    const char *own = local_path(source), *path = local_path(resolved);
    if (path == NULL)
        return true; /* what else it may be is said by wc_app_source_check */
    if (own == NULL) {
        *why = "a sub-module of a remote source can't be on this host";
        return false;
    }
    size_t len = strlen(own);
    while (len > 1 && own[len - 1] == '/')
        len--;
    while (len > 1 && own[len - 1] != '/')
        len--;
    if (is_relative(url) && strncmp(path, own, len) == 0 && path[len] != '\0' && !goes_up(path))
        return true;
    *why =
        "on this host a sub-module must be beside the source, and named relative to it (../NAME)";
    return false;
}
