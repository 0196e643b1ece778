/* zone.c - the files that tell the name server who is called what, one a project.
 *
 * They are text, replaced by rename, so the reader sees an old or a new one and never half of one,
 * and a person can read them. The `net` lines double as the record of who uses which bridge.
 */
#include "drivers/net/host.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"

enum { ZONE_LIMIT = 16 << 20 };

static void put_ip4(struct wc_buf *out, uint32_t ip4)
{
    wc_buf_printf(out, " %u.%u.%u.%u", ip4 >> 24 & 255, ip4 >> 16 & 255, ip4 >> 8 & 255, ip4 & 255);
}

/* The network of that name, or NULL; names come grouped by network, so the last one is tried first.
 */
static const struct wc_net_network *network_of(const struct wc_net_request *req, const char *name,
                                               const struct wc_net_network *last)
{
    if (last != NULL && wc_streq(last->name, name))
        return last;
    for (size_t i = 0; i < req->n_networks; i++)
        if (wc_streq(req->networks[i].name, name))
            return &req->networks[i];
    return NULL;
}

void wc_zone_text(const struct wc_net_request *req, struct wc_buf *out)
{
    const struct wc_net_network *net = NULL;
    for (size_t i = 0; i < req->n_networks; i++) {
        const struct wc_net_network *n = &req->networks[i];
        wc_buf_printf(out, "net %s", n->bridge);
        put_ip4(out, n->gateway4);
        wc_buf_printf(out, " %u %s %s %s\n", n->prefix4, n->internal ? "internal" : "open",
                      n->external ? "external" : "own", n->name);
    }
    for (size_t i = 0; i < req->n_names; i++) {
        const struct wc_net_name *name = &req->names[i];
        net = network_of(req, name->network, net);
        if (net == NULL)
            continue;
        wc_buf_adds(out, "name");
        put_ip4(out, net->gateway4);
        put_ip4(out, name->ip4);
        wc_buf_printf(out, " %s %s\n", name->instance != NULL ? name->instance : "-",
                      name->name != NULL ? name->name : "-");
    }
}

static void zone_path(const char *dir, const char *project, char *out, size_t size)
{
    snprintf(out, size, "%s/zones/%s", dir, project);
}

int wc_zone_read(const char *dir, const char *project, struct wc_buf *out, struct wc_err *err)
{
    char path[4096];
    struct wc_err why = { 0 };
    zone_path(dir, project, path, sizeof path);
    int status = wc_fs_read(path, ZONE_LIMIT, out, &why);
    if (status == 0 || status == WC_ERR_NOENT)
        return 0;
    if (err != NULL)
        *err = why;
    return status;
}

int wc_zone_write(const char *dir, const char *project, const struct wc_buf *text,
                  const struct wc_buf *old, struct wc_err *err)
{
    char path[4096];
    if (old != NULL && text->len == old->len && memcmp(text->data, old->data, text->len) == 0)
        return 0;
    zone_path(dir, project, path, sizeof path);
    if (text->len == 0)
        return wc_fs_remove_tree(path, err);
    return wc_fs_write_atomic(path, text->data, text->len, 0600, false, err);
}

bool wc_zone_has_bridge(const char *text, const char *bridge)
{
    size_t len = strlen(bridge);
    for (const char *line = text; line != NULL && *line != '\0';) {
        if (wc_str_starts(line, "net ") && strncmp(line + 4, bridge, len) == 0 &&
            line[4 + len] == ' ')
            return true;
        line = strchr(line, '\n');
        line = line != NULL ? line + 1 : NULL;
    }
    return false;
}

/* Names with a dot are `.`, `..`, and files that are being written. */
static bool is_zone(const char *name)
{
    return strchr(name, '.') == NULL;
}

const char *wc_zone_other_user(const char *dir, struct wc_arena *arena, const char *project,
                               const char *bridge)
{
    char path[4096];
    const char *found = NULL;
    snprintf(path, sizeof path, "%s/zones", dir);
    DIR *zones = opendir(path);
    for (struct dirent *e; zones != NULL && found == NULL && (e = readdir(zones)) != NULL;) {
        WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
        if (!is_zone(e->d_name) || wc_streq(e->d_name, project))
            continue;
        if (wc_zone_read(dir, e->d_name, &text, NULL) == 0 && wc_zone_has_bridge(text.data, bridge))
            found = wc_arena_strdup(arena, e->d_name);
    }
    if (zones != NULL)
        closedir(zones);
    return found;
}

bool wc_zones_empty(const char *dir)
{
    char path[4096];
    bool empty = true;
    snprintf(path, sizeof path, "%s/zones", dir);
    DIR *zones = opendir(path);
    for (struct dirent *e; zones != NULL && empty && (e = readdir(zones)) != NULL;)
        empty = !is_zone(e->d_name);
    if (zones != NULL)
        closedir(zones);
    return empty;
}
