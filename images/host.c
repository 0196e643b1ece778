/* host.c - certs.d, and URLs taken apart as far as it takes to know whom one speaks to. */
#include "images/host.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/str.h"

enum { PEM_MAX = 1 << 20, FILES_MAX = 100 };

static bool ends_with(const char *name, const char *ending)
{
    size_t len = strlen(name), tail = strlen(ending);
    return len > tail && wc_streq(name + len - tail, ending);
}

/* The directory's files, sorted. */
static struct wc_strv list_dir(struct wc_arena *arena, const char *dir)
{
    struct wc_strv names = { 0 };
    DIR *stream = opendir(dir);
    const struct dirent *entry;
    while (stream != NULL && (entry = readdir(stream)) != NULL && names.n < FILES_MAX)
        if (entry->d_name[0] != '.')
            wc_strv_add(arena, &names, wc_arena_strdup(arena, entry->d_name));
    if (stream != NULL)
        closedir(stream);
    if (names.n > 1)
        qsort(names.items, names.n, sizeof *names.items, wc_str_qsort_cmp);
    return names;
}

static int take_pair(struct wc_arena *arena, const char *dir, const char *cert,
                     struct wc_http_trust *trust, struct wc_err *err)
{
    size_t stem = strlen(cert) - strlen(".cert");
    const char *key = wc_arena_printf(arena, "%s/%.*s.key", dir, (int)stem, cert);
    if (!wc_fs_exists(key))
        return wc_err_set(err, WC_ERR_SPEC, 0, "%s/%s has no key beside it (%s)", dir, cert, key);
    trust->cert = wc_arena_printf(arena, "%s/%s", dir, cert);
    trust->key = key;
    return 0;
}

static int read_dir(struct wc_arena *arena, const char *dir, struct wc_buf *pem,
                    struct wc_http_trust *trust, struct wc_err *err)
{
    const struct wc_strv names = list_dir(arena, dir);
    int rc = 0;
    for (size_t i = 0; i < names.n && rc == 0; i++) {
        if (ends_with(names.items[i], ".crt")) {
            rc =
                wc_fs_read(wc_arena_printf(arena, "%s/%s", dir, names.items[i]), PEM_MAX, pem, err);
            wc_buf_addc(pem, '\n');
        } else if (ends_with(names.items[i], ".cert") && trust->cert == NULL) {
            rc = take_pair(arena, dir, names.items[i], trust, err);
        }
    }
    return rc;
}

static int read_certs(const struct wc_hosts *hosts, const char *name, struct wc_http_trust *trust,
                      struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf pem = WC_BUF_INIT;
    int rc = 0;
    for (size_t i = 0; i < hosts->cert_dirs->n && rc == 0; i++)
        rc = read_dir(hosts->arena,
                      wc_arena_printf(hosts->arena, "%s/%s", hosts->cert_dirs->items[i], name),
                      &pem, trust, err);
    if (pem.len > 0)
        trust->ca_pem = wc_arena_strdup(hosts->arena, pem.data);
    return rc;
}

int wc_host_get(struct wc_hosts *hosts, const char *name, bool insecure, struct wc_host **out,
                struct wc_err *err)
{
    for (struct wc_host *h = hosts->first; h != NULL; h = h->next) {
        if (wc_streq(h->name, name) && h->insecure == insecure) {
            *out = h;
            return 0;
        }
    }
    struct wc_host *host = WC_NEW(hosts->arena, struct wc_host);
    *host = (struct wc_host){ .next = hosts->first,
                              .name = wc_arena_strdup(hosts->arena, name),
                              .insecure = insecure,
                              .trust = { .direct = wc_host_is_loopback(name),
                                         .insecure = insecure,
                                         .ca_file = hosts->ca_file } };
    int rc = read_certs(hosts, name, &host->trust, err);
    if (rc != 0)
        return rc;
    hosts->first = host;
    *out = host;
    return 0;
}

bool wc_host_is_loopback(const char *name)
{
    size_t len = strcspn(name, ":");
    if (wc_str_starts(name, "[::1]"))
        return name[5] == '\0' || name[5] == ':';
    if (len == strlen("localhost") && memcmp(name, "localhost", len) == 0)
        return true;
    return wc_str_starts(name, "127.") && strspn(name, "0123456789.") == len; /* no 127.example */
}

const char *wc_host_url(const struct wc_hosts *hosts, const struct wc_host *host, const char *path)
{
    return wc_arena_printf(hosts->arena, "%s://%s%s", host->plain ? "http" : "https", host->name,
                           path);
}

bool wc_host_of_url(struct wc_arena *arena, const char *url, const char **host, bool *tls)
{
    bool is_tls = strncmp(url, "https://", 8) == 0;
    if (!is_tls && strncmp(url, "http://", 7) != 0)
        return false;
    const char *start = url + (is_tls ? 8 : 7);
    size_t len = strcspn(start, "/?#");
    for (size_t i = 0; i < len; i++)
        if (!wc_ascii_isalnum(start[i]) && strchr(".-:[]_", start[i]) == NULL)
            return false;
    char *name = wc_arena_strndup(arena, start, len);
    for (char *c = name; *c != '\0'; c++)
        *c = wc_ascii_lower(*c);
    const char *usual = is_tls ? ":443" : ":80";
    if (ends_with(name, usual))
        name[strlen(name) - strlen(usual)] = '\0';
    *host = name;
    *tls = is_tls;
    return *name != '\0' && *name != '.';
}
