/* networks_registry.c - who was given which network, address and port: small JSON files.
 *
 * A file a network, so that a change of one project rewrites what it changed and a person finds
 * what she looks for; one file for all published ports, as those must differ from each other over
 * all projects. Files are only written when their text differs.
 */
#include "orchestrator/networks_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/str.h"

enum { FILE_LIMIT = 32 << 20 };
#define CLAIMS "published"

int wc_registry_lock(const char *dir, struct wc_err *err)
{
    char path[4096];
    int status = wc_fs_mkdirs(dir, 0700, err);
    if (status != 0)
        return status;
    snprintf(path, sizeof path, "%s/lock", dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return wc_err_set(err, wc_fs_code(errno), errno, "%s", path);
    while (flock(fd, LOCK_EX) != 0 && errno == EINTR)
        ;
    return fd;
}

/* ---- reading ---------------------------------------------------------------------------- */

static const char *text_of(struct wc_arena *arena, const struct wc_json *object, const char *key)
{
    return wc_arena_strdup(arena, wc_json_str(wc_json_get(object, key), ""));
}

static uint32_t ip4_of(const struct wc_json *object, const char *key)
{
    uint32_t ip4 = 0;
    wc_ip4_parse(wc_json_str(wc_json_get(object, key), ""), &ip4);
    return ip4;
}

static unsigned number_of(const struct wc_json *object, const char *key)
{
    int64_t n = wc_json_i64(wc_json_get(object, key), 0);
    return n < 0 || n > UINT32_MAX ? 0 : (unsigned)n;
}

static void read_network(struct wc_networks_work *w, const struct wc_json *root)
{
    struct wc_known_network net = { .name = text_of(w->arena, root, "name"),
                                    .owner = text_of(w->arena, root, "owner"),
                                    .bridge = text_of(w->arena, root, "bridge"),
                                    .gateway4 = ip4_of(root, "gateway"),
                                    .internal =
                                        wc_json_bool(wc_json_get(root, "internal"), false) };
    const struct wc_json *leases = wc_json_get(root, "leases"), *l = wc_json_first(leases);
    if (net.name[0] == '\0' || strlen(net.bridge) >= IFNAMSIZ ||
        !wc_cidr4_parse(wc_json_str(wc_json_get(root, "subnet"), ""), &net.subnet))
        return;
    net.live = if_nametoindex(net.bridge) != 0;
    net.leases = WC_NEW_ARRAY(w->arena, struct wc_lease, wc_json_count(leases));
    for (; l != NULL; l = wc_json_next(l))
        net.leases[net.n_leases++] =
            (struct wc_lease){ text_of(w->arena, l, "project"), text_of(w->arena, l, "service"),
                               number_of(l, "index"), ip4_of(l, "ip"),
                               text_of(w->arena, l, "incarnation") };
    w->known = wc_arena_grow(w->arena, w->known, w->n_known, &w->cap_known, sizeof net);
    w->known[w->n_known++] = net;
}

static void read_claims(struct wc_networks_work *w, const struct wc_json *root)
{
    const struct wc_json *c = wc_json_first(root);
    for (; c != NULL; c = wc_json_next(c)) {
        struct wc_port_claim claim = { .project = text_of(w->arena, c, "project"),
                                       .service = text_of(w->arena, c, "service"),
                                       .index = number_of(c, "index"),
                                       .host_port = number_of(c, "port"),
                                       .target_port = number_of(c, "target"),
                                       .host_ip4 = ip4_of(c, "host_ip"),
                                       .proto = (enum wc_proto)number_of(c, "proto"),
                                       .any = wc_json_bool(wc_json_get(c, "any"), false) };
        w->claims = wc_arena_grow(w->arena, w->claims, w->n_claims, &w->cap_claims, sizeof claim);
        w->claims[w->n_claims++] = claim;
    }
}

typedef void read_fn(struct wc_networks_work *w, const struct wc_json *root);

static int read_file(struct wc_networks_work *w, const char *dir, const char *name, read_fn *read)
{
    char path[4096];
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    WC_CLEANUP_JSON struct wc_json *root = NULL;
    struct wc_err why = { 0 };
    snprintf(path, sizeof path, "%s/%s", dir, name);
    int status = wc_fs_read(path, FILE_LIMIT, &text, &why);
    if (status == WC_ERR_NOENT)
        return 0;
    if (status == 0)
        status = wc_json_parse(text.data, text.len, &root, &why);
    if (status != 0) {
        *w->err = why;
        return wc_err_wrap(w->err, status == WC_ERR_SPEC ? WC_ERR_IO : status, "%s", path);
    }
    read(w, root);
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct wc_known_network *)a)->name,
                  ((const struct wc_known_network *)b)->name);
}

static bool ends_with(const char *text, const char *end)
{
    size_t a = strlen(text), b = strlen(end);
    return a >= b && wc_streq(text + a - b, end);
}

int wc_registry_read(struct wc_networks_work *w, const char *dir)
{
    DIR *files = opendir(dir);
    int status = 0;
    for (struct dirent *e; files != NULL && status == 0 && (e = readdir(files)) != NULL;)
        if (ends_with(e->d_name, ".json"))
            status = read_file(w, dir, e->d_name, read_network);
    if (files != NULL)
        closedir(files);
    if (w->n_known > 1)
        qsort(w->known, w->n_known, sizeof *w->known, by_name);
    return status != 0 ? status : wc_registry_read_claims(w, dir);
}

int wc_registry_read_claims(struct wc_networks_work *w, const char *dir)
{
    return read_file(w, dir, CLAIMS, read_claims);
}

/* ---- writing ---------------------------------------------------------------------------- */

/* A network's file: its name where that is a harmless file name, else its bridge's (a hash). */
static const char *network_path(const char *dir, struct wc_arena *arena,
                                const struct wc_known_network *net)
{
    bool harmless = net->name[0] != '.' && strlen(net->name) < 200;
    for (const char *p = net->name; *p != '\0'; p++)
        harmless = harmless && (wc_ascii_isalnum(*p) || strchr("_.-", *p) != NULL);
    return wc_arena_printf(arena, "%s/%s.json", dir, harmless ? net->name : net->bridge);
}

/* Replaces a file when its text differs, and remembers what was there. after NULL removes. */
static int put_file(struct wc_networks_priv *priv, struct wc_arena *arena, const char *path,
                    const char *after, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf old = WC_BUF_INIT;
    bool was = wc_fs_read(path, FILE_LIMIT, &old, NULL) == 0;
    if (was ? after != NULL && wc_streq(old.data, after) : after == NULL)
        return 0;
    int status = after == NULL ? wc_fs_remove_tree(path, err)
                               : wc_fs_write_atomic(path, after, strlen(after), 0600, false, err);
    if (status != 0)
        return status;
    priv->writes =
        wc_arena_grow(arena, priv->writes, priv->n_writes, &priv->cap_writes, sizeof *priv->writes);
    priv->writes[priv->n_writes++] =
        (struct wc_registry_write){ path, was ? wc_arena_strdup(arena, old.data) : NULL,
                                    wc_arena_strdup(arena, after) };
    return 0;
}

static int by_ip(const void *a, const void *b)
{
    const struct wc_lease *x = a, *y = b;
    return (x->ip4 > y->ip4) - (x->ip4 < y->ip4);
}

int wc_registry_put(struct wc_networks_priv *priv, struct wc_arena *arena,
                    const struct wc_known_network *net, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    struct wc_jsonw json = WC_JSONW_INIT(&text);
    const char *path = network_path(priv->dir, arena, net);
    char ip[16];
    if (net->owner[0] == '\0' && net->n_leases == 0)
        return put_file(priv, arena, path, NULL, err);
    json.indent = 1;
    wc_jsonw_object(&json, NULL);
    wc_jsonw_str(&json, "name", net->name);
    wc_jsonw_str(&json, "owner", net->owner);
    wc_jsonw_str(&json, "bridge", net->bridge);
    wc_jsonw_str(
        &json, "subnet",
        wc_arena_printf(arena, "%s/%u", wc_ip4_format(net->subnet.base4, ip), net->subnet.prefix4));
    wc_jsonw_str(&json, "gateway", wc_ip4_format(net->gateway4, ip));
    wc_jsonw_bool(&json, "internal", net->internal);
    wc_jsonw_array(&json, "leases");
    if (net->n_leases > 1)
        qsort(net->leases, net->n_leases, sizeof *net->leases, by_ip);
    for (size_t i = 0; i < net->n_leases; i++) {
        const struct wc_lease *l = &net->leases[i];
        wc_jsonw_object(&json, NULL);
        wc_jsonw_str(&json, "project", l->project);
        wc_jsonw_str(&json, "service", l->service);
        wc_jsonw_i64(&json, "index", l->index);
        wc_jsonw_str(&json, "ip", wc_ip4_format(l->ip4, ip));
        if (l->incarnation != NULL && l->incarnation[0] != '\0')
            wc_jsonw_str(&json, "incarnation", l->incarnation);
        wc_jsonw_end_object(&json);
    }
    wc_jsonw_end_array(&json);
    wc_jsonw_end_object(&json);
    return put_file(priv, arena, path, text.data, err);
}

int wc_registry_put_claims(struct wc_networks_priv *priv, struct wc_arena *arena,
                           const struct wc_port_claim *claims, size_t n, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    struct wc_jsonw json = WC_JSONW_INIT(&text);
    char ip[16];
    const char *path = wc_arena_printf(arena, "%s/" CLAIMS, priv->dir);
    json.indent = 1;
    wc_jsonw_array(&json, NULL);
    for (size_t i = 0; i < n; i++) {
        wc_jsonw_object(&json, NULL);
        wc_jsonw_str(&json, "project", claims[i].project);
        wc_jsonw_str(&json, "service", claims[i].service);
        wc_jsonw_i64(&json, "index", claims[i].index);
        wc_jsonw_str(&json, "host_ip", wc_ip4_format(claims[i].host_ip4, ip));
        wc_jsonw_i64(&json, "port", claims[i].host_port);
        wc_jsonw_i64(&json, "target", claims[i].target_port);
        wc_jsonw_i64(&json, "proto", claims[i].proto);
        wc_jsonw_bool(&json, "any", claims[i].any);
        wc_jsonw_end_object(&json);
    }
    wc_jsonw_end_array(&json);
    return put_file(priv, arena, path, n > 0 ? text.data : NULL, err);
}

/* ---- routes ----------------------------------------------------------------------------- */

static bool is_ours(const struct wc_networks_work *w, const char *ifname)
{
    for (size_t i = 0; i < w->n_known; i++)
        if (wc_streq(w->known[i].bridge, ifname))
            return true;
    return false;
}

/* /proc/net/route: IFACE DESTINATION GATEWAY FLAGS REFCNT USE METRIC MASK …, in hexadecimal as the
 * bytes lie in memory. */
void wc_routes_read(struct wc_networks_work *w, struct wc_cidr4 **out, size_t *n)
{
    char *line = NULL;
    size_t cap_line = 0, cap = 0;
    FILE *file = fopen("/proc/net/route", "re");
    *out = NULL;
    *n = 0;
    while (file != NULL && getline(&line, &cap_line, file) > 0) {
        char ifname[32];
        unsigned to, mask;
        /* NOLINTNEXTLINE(cert-err34-c): the kernel's own table; eight hexadecimal digits fit */
        if (sscanf(line, "%31s %x %*x %*x %*d %*d %*d %x", ifname, &to, &mask) != 3 || mask == 0 ||
            is_ours(w, ifname))
            continue;
        struct wc_cidr4 range = { __builtin_bswap32(to), (uint8_t)__builtin_popcount(mask) };
        *out = wc_arena_grow(w->arena, *out, *n, &cap, sizeof range);
        (*out)[(*n)++] = range;
    }
    free(line);
    if (file != NULL)
        fclose(file);
}
