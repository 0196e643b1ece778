/* lfs_text.c - pointers, and what servers of LFS say: text in, values out. All of it is a
 * stranger's; what goes on to a program is held to an alphabet here, and written between quotation
 * marks of ours.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "orchestrator/gitops/lfs.h"

#define VERSION "version https://git-lfs.github.com/spec/v1\n"
#define HASH "sha256:"
#define MEDIA "application/vnd.git-lfs+json"

enum { OID_LEN = 64, SIZE_DIGITS = 18, SAID_MAX = 120 };

/* Pointers --------------------------------------------------------------------------------------*/

/* The rest of a line behind `key` and a blank; moves on to the next line. */
static bool take_line(const char **at, const char *end, const char *key, struct wc_piece *value)
{
    size_t n = strlen(key);
    const char *eol = memchr(*at, '\n', (size_t)(end - *at));
    if (eol == NULL || (size_t)(eol - *at) <= n || memcmp(*at, key, n) != 0 || (*at)[n] != ' ')
        return false;
    *value = (struct wc_piece){ *at + n + 1, (size_t)(eol - *at) - n - 1 };
    *at = eol + 1;
    return true;
}

static bool read_hash(const struct wc_piece *value, char oid[65])
{
    const size_t skip = sizeof HASH - 1;
    if (value->len != skip + OID_LEN || memcmp(value->at, HASH, skip) != 0)
        return false;
    memcpy(oid, value->at + skip, OID_LEN);
    oid[OID_LEN] = '\0';
    return wc_git_is_id(oid, OID_LEN);
}

static bool read_size(const struct wc_piece *value, uint64_t *out)
{
    uint64_t size = 0;
    if (value->len == 0 || value->len > SIZE_DIGITS || (value->len > 1 && value->at[0] == '0'))
        return false;
    for (size_t i = 0; i < value->len; i++) {
        if (!wc_ascii_isdigit(value->at[i]))
            return false;
        size = size * 10 + (uint64_t)(value->at[i] - '0');
    }
    *out = size;
    return true;
}

/* "ext-0-name sha256:…": content is what a program makes of the object, which we don't run. */
static bool is_extended(const char *text, const char *end)
{
    return end - text > 6 && memcmp(text, "ext-", 4) == 0 && wc_ascii_isdigit(text[4]) &&
           text[5] == '-';
}

enum wc_lfs_kind wc_lfs_read_pointer(const char *text, size_t len, struct wc_lfs_object *out,
                                     const char **why)
{
    const size_t skip = sizeof VERSION - 1;
    const char *at = text + skip, *end = text + len;
    struct wc_piece oid, size;
    struct wc_lfs_object found;
    if (len < skip || len > WC_LFS_POINTER_MAX || memcmp(text, VERSION, skip) != 0)
        return WC_LFS_PLAIN;
    if (is_extended(at, end)) {
        *why = "it has extensions, which are programs that make the content";
        return WC_LFS_BROKEN;
    }
    if (!take_line(&at, end, "oid", &oid) || !take_line(&at, end, "size", &size) || at != end ||
        !read_hash(&oid, found.oid) || !read_size(&size, &found.size)) {
        *why = "it isn't in the canonical form (git lfs pointer --check --strict)";
        return WC_LFS_BROKEN;
    }
    *out = found;
    return WC_LFS_POINTER;
}

/* Addresses and headers -------------------------------------------------------------------------*/

static bool is_visible(const char *text, const char *but)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < '!' || (unsigned char)*text > '~' || strchr(but, *text) != NULL)
            return false;
    return true;
}

bool wc_lfs_is_url(const char *url)
{
    static const char scheme[] = "https://";
    if (strlen(url) > WC_LFS_TEXT_MAX || !wc_str_starts(url, scheme) || !is_visible(url, "\"\\"))
        return false;
    const char *host = url + sizeof scheme - 1;
    size_t len = strcspn(host, "/");
    if (len == 0 || host[len] != '/' || !(wc_ascii_isalnum(host[0]) || host[0] == '['))
        return false;
    for (size_t i = 0; i < len; i++)
        if (!wc_ascii_isalnum(host[i]) && strchr(".-_:[]", host[i]) == NULL)
            return false;
    return true;
}

static bool is_token(const char *name)
{
    if (*name == '\0' || strlen(name) > 64)
        return false;
    for (; *name != '\0'; name++)
        if (!wc_ascii_isalnum(*name) && strchr("-_.!#$%&'*+^`|~", *name) == NULL)
            return false;
    return true;
}

/* Headers that say where a request ends, or to whom it goes, are ours to write; git-lfs, too,
 * leaves a server's out. */
static bool is_framing(const char *name)
{
    static const char *const names[] = { "host",    "content-length", "transfer-encoding",
                                         "trailer", "connection",     "keep-alive",
                                         "upgrade", "expect",         "te" };
    for (size_t i = 0; i < WC_COUNT(names); i++)
        if (wc_str_caseeq(name, names[i]))
            return true;
    return strncasecmp(name, "proxy-", 6) == 0;
}

bool wc_lfs_add_header(struct wc_lfs_target *target, const char *name, const char *value)
{
    if (!is_token(name) || strlen(value) > WC_LFS_TEXT_MAX)
        return false;
    for (const char *at = value; *at != '\0'; at++)
        if ((unsigned char)*at < ' ' || (unsigned char)*at > '~')
            return false;
    if (is_framing(name) || value[0] == '\0')
        return true;
    if (target->n_headers == WC_LFS_HEADERS)
        return false;
    target->headers[target->n_headers].name = name;
    target->headers[target->n_headers++].value = value;
    return true;
}

void wc_lfs_add_token(struct wc_lfs_target *target, const char *token, struct wc_arena *arena)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    wc_buf_adds(&text, "Basic ");
    wc_buf_add_base64(&text, token, strlen(token));
    (void)wc_lfs_add_header(target, "Authorization", wc_arena_strdup(arena, text.data));
    explicit_bzero(text.data, text.len);
}

const char *wc_lfs_server_url(const char *url, struct wc_arena *arena)
{
    size_t len = strlen(url);
    while (len > 0 && url[len - 1] == '/')
        len--;
    bool has_end = len >= 4 && memcmp(url + len - 4, ".git", 4) == 0;
    return wc_arena_printf(arena, "%.*s%s/info/lfs", (int)len, url, has_end ? "" : ".git");
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c == '\0' ? NULL : strchr(digits, wc_ascii_lower(c));
    return at == NULL ? -1 : (int)(at - digits);
}

/* A path as a word of the shell's at the other end, without the escapes of a URL, as git has it. */
static bool quote_path(const char *path, bool is_url, struct wc_buf *out)
{
    wc_buf_addc(out, '\'');
    for (; *path != '\0'; path++) {
        char c = *path;
        if (is_url && c == '%') {
            int high = hex_digit(path[1]), low = high < 0 ? -1 : hex_digit(path[2]);
            if (low < 0)
                return false;
            c = (char)(high << 4 | low);
            path += 2;
        }
        if ((unsigned char)c < ' ' || c == 127)
            return false;
        if (c == '\'' || c == '!')
            wc_buf_printf(out, "'\\%c'", c);
        else
            wc_buf_addc(out, c);
    }
    wc_buf_addc(out, '\'');
    return true;
}

/* Where LFS is when nobody says: where the repository would be by https. */
static const char *guess_url(const char *host, size_t len, const char *path, struct wc_arena *arena)
{
    const char *at = memchr(host, '@', len);
    size_t skip = at == NULL ? 0 : (size_t)(at + 1 - host), n = len - skip;
    const char *end = host[skip] == '[' ? memchr(host + skip, ']', n) : NULL;
    const char *port = end != NULL ? end + 1 : memchr(host + skip, ':', n);
    if (port != NULL)
        n = (size_t)(port - host) - skip;
    return wc_lfs_server_url(wc_arena_printf(arena, "https://%.*s%s%s", (int)n, host + skip,
                                             path[0] == '/' ? "" : "/", path),
                             arena);
}

bool wc_lfs_read_ssh(const char *url, struct wc_arena *arena, struct wc_lfs_ssh *out)
{
    static const char scheme[] = "ssh://";
    WC_CLEANUP_BUF struct wc_buf command = WC_BUF_INIT;
    bool is_url = wc_str_starts(url, scheme);
    const char *host = is_url ? url + sizeof scheme - 1 : url;
    size_t len = strcspn(host, is_url ? "/" : ":");
    const char *path = is_url ? host + len : host + len + (host[len] == ':');
    if (is_url && wc_str_starts(path, "/~"))
        path++;
    wc_buf_adds(&command, "git-lfs-authenticate ");
    if (len == 0 || *path == '\0' || !quote_path(path, is_url, &command))
        return false;
    wc_buf_adds(&command, " download");
    out->destination = wc_arena_printf(arena, "ssh://%.*s", (int)len, host);
    out->command = wc_arena_strdup(arena, command.data);
    out->url = guess_url(host, len, path, arena);
    return true;
}

/* Questions and answers -------------------------------------------------------------------------*/

void wc_lfs_write_question(const struct wc_lfs_batch *batch, struct wc_buf *out)
{
    struct wc_jsonw w = WC_JSONW_INIT(out);
    wc_jsonw_object(&w, NULL);
    wc_jsonw_str(&w, "operation", "download");
    wc_jsonw_array(&w, "transfers");
    wc_jsonw_str(&w, NULL, "basic");
    wc_jsonw_end_array(&w);
    wc_jsonw_array(&w, "objects");
    for (size_t i = 0; i < batch->n; i++) {
        wc_jsonw_object(&w, NULL);
        wc_jsonw_str(&w, "oid", batch->objects[i].oid);
        wc_jsonw_i64(&w, "size", (int64_t)batch->objects[i].size);
        wc_jsonw_end_object(&w);
    }
    wc_jsonw_end_array(&w);
    wc_jsonw_str(&w, "hash_algo", "sha256");
    wc_jsonw_end_object(&w);
}

static const char *said(const char *text, struct wc_arena *arena)
{
    return wc_git_printable(arena, (struct wc_piece){ text, strlen(text) }, SAID_MAX);
}

/* "href" and "header" of an answer; NULL, or what is wrong with them. */
static const char *read_action(const struct wc_json *action, const char *url,
                               struct wc_arena *arena, struct wc_lfs_target *out)
{
    const char *href = wc_json_str(wc_json_get(action, "href"), url);
    if (href == NULL || !wc_lfs_is_url(href))
        return "the address that it gives is none of https";
    out->url = wc_arena_strdup(arena, href);
    const struct wc_json *item = wc_json_first(wc_json_get(action, "header"));
    for (; item != NULL; item = wc_json_next(item)) {
        const char *name = wc_json_name(item), *value = wc_json_str(item, NULL);
        if (name == NULL || value == NULL ||
            !wc_lfs_add_header(out, wc_arena_strdup(arena, name), wc_arena_strdup(arena, value)))
            return "a header that it gives can't be sent";
    }
    return NULL;
}

static bool has_authorization(const struct wc_lfs_target *target)
{
    for (size_t i = 0; i < target->n_headers; i++)
        if (wc_str_caseeq(target->headers[i].name, "authorization"))
            return true;
    return false;
}

static void add_own(struct wc_lfs_target *target, const struct wc_lfs_target *own)
{
    if (has_authorization(target) || !wc_git_same_host(own->url, target->url))
        return;
    for (size_t i = 0; i < own->n_headers; i++)
        (void)wc_lfs_add_header(target, own->headers[i].name, own->headers[i].value);
}

/* One object's part of the answer. */
static void read_object(const struct wc_json *item, const struct wc_lfs_target *own,
                        struct wc_arena *arena, struct wc_lfs_target *out)
{
    enum { MISSING = 404, GONE = 410 };
    const struct wc_json *error = wc_json_get(item, "error");
    *out = (struct wc_lfs_target){ .url = NULL };
    if (error != NULL && wc_json_kind(error) != WC_JSON_NULL) {
        int64_t code = wc_json_i64(wc_json_get(error, "code"), 0);
        const char *text = said(wc_json_str(wc_json_get(error, "message"), "no reason"), arena);
        out->why = code == MISSING || code == GONE
                       ? "the server doesn't have it (yet?)"
                       : wc_arena_printf(arena, "the server says %lld: %s", (long long)code, text);
        return;
    }
    const struct wc_json *action = wc_json_get(wc_json_get(item, "actions"), "download");
    if (action == NULL)
        out->why = "the server doesn't say where it is";
    else
        out->why = read_action(action, NULL, arena, out);
    if (out->why != NULL)
        out->url = NULL;
    else if (!wc_json_bool(wc_json_get(item, "authenticated"), false))
        add_own(out, own);
}

/* NULL, or another word than the one that may stand there. */
static const char *other_word(const struct wc_json *root, const char *key, const char *word)
{
    const char *text = wc_json_str(wc_json_get(root, key), word);
    return wc_streq(text, word) ? NULL : text;
}

static int parse(const struct wc_piece *text, struct wc_json **root, struct wc_err *err)
{
    struct wc_err why = { 0 };
    if (wc_json_parse(text->at, text->len, root, &why) == 0 &&
        wc_json_kind(*root) == WC_JSON_OBJECT)
        return 0;
    return wc_err_set(err, WC_ERR_UNAVAILABLE, 0, "the server's answer is none of LFS");
}

int wc_lfs_read_answer(const struct wc_piece *text, const struct wc_lfs_target *own,
                       const struct wc_lfs_batch *batch, struct wc_arena *arena, struct wc_err *err)
{
    WC_CLEANUP_JSON struct wc_json *root = NULL;
    int rc = parse(text, &root, err);
    if (rc != 0)
        return rc;
    const char *other = other_word(root, "transfer", "basic");
    if (other == NULL)
        other = other_word(root, "hash_algo", "sha256");
    if (other != NULL)
        return wc_err_set(err, WC_ERR_UNAVAILABLE, 0, "the server wants '%s', which wasn't offered",
                          said(other, arena));
    for (size_t i = 0; i < batch->n; i++)
        batch->targets[i] = (struct wc_lfs_target){ .why = "the server's answer lacks it" };
    const struct wc_json *item = wc_json_first(wc_json_get(root, "objects"));
    for (; item != NULL; item = wc_json_next(item)) {
        const char *oid = wc_json_str(wc_json_get(item, "oid"), "");
        for (size_t i = 0; i < batch->n; i++)
            if (wc_streq(oid, batch->objects[i].oid))
                read_object(item, own, arena, &batch->targets[i]);
    }
    return 0;
}

int wc_lfs_read_login(const struct wc_piece *text, const char *url, struct wc_arena *arena,
                      struct wc_lfs_target *out, struct wc_err *err)
{
    WC_CLEANUP_JSON struct wc_json *root = NULL;
    *out = (struct wc_lfs_target){ .url = NULL };
    int rc = parse(text, &root, err);
    const char *why = rc == 0 ? read_action(root, url, arena, out) : NULL;
    if (why != NULL)
        return wc_err_set(err, WC_ERR_UNAVAILABLE, 0, "git-lfs-authenticate: %s", why);
    return rc;
}

/* What curl is told -----------------------------------------------------------------------------*/

static void add_setting(struct wc_buf *out, const char *key, const char *value)
{
    wc_buf_printf(out, "%s = \"", key);
    for (; *value != '\0'; value++) {
        if (*value == '"' || *value == '\\')
            wc_buf_addc(out, '\\');
        wc_buf_addc(out, *value);
    }
    wc_buf_adds(out, "\"\n");
}

void wc_lfs_write_request(const struct wc_lfs_request *request, struct wc_buf *out)
{
    const struct wc_lfs_target *target = request->target;
    if (out->len > 0)
        wc_buf_adds(out, "next\n");
    wc_buf_adds(out, "silent\nshow-error\nfail\nfail-early\ngloboff\noutput = \"-\"\n"
                     "proto = \"=https\"\nproto-redir = \"=https\"\n"
                     "connect-timeout = 20\nspeed-limit = 100\nspeed-time = 30\n");
    wc_buf_printf(out, "max-filesize = %llu\n", (unsigned long long)request->most);
    add_setting(out, "url", target->url);
    if (request->ca_file != NULL)
        add_setting(out, "cacert", request->ca_file);
    if (request->is_post)
        wc_buf_adds(out, "data-binary = \"@-\"\nheader = \"Accept: " MEDIA "\"\n"
                         "header = \"Content-Type: " MEDIA "\"\n");
    else
        wc_buf_adds(out, "location\nmax-redirs = 5\n");
    for (size_t i = 0; i < target->n_headers; i++) {
        wc_buf_printf(out, "header = \"%s: ", target->headers[i].name);
        for (const char *at = target->headers[i].value; *at != '\0'; at++) {
            if (*at == '"' || *at == '\\')
                wc_buf_addc(out, '\\');
            wc_buf_addc(out, *at);
        }
        wc_buf_adds(out, "\"\n");
    }
}
