/* net.c - the two calls: a project's networks up, and down.
 *
 * Order of `up`: look (rules, ports, record), then make what others can't see yet (bridges,
 * settings), then the record, then the one transaction that makes it visible. Everything before the
 * transaction can be undone by name; the transaction itself is all or nothing. What the project no
 * longer wants goes last.
 *
 * Rejected: a database of what was done. The table's elements carry their owners, bridges their
 * alias; the zone files in run/net say who uses which bridge, and die with the boot like the
 * bridges do.
 */
#include "drivers/net/net.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/paths.h"
#include "base/str.h"
#include "drivers/net/host.h"
#include "drivers/net/netlink.h"

/* One call under way. */
struct call {
    const struct wc_net_request *req;
    const struct wc_paths *paths;
    struct wc_err *err;
    struct wc_arena arena;
    const char *dir;   /* run/net */
    const char *owner; /* the project's mark in the table */
    int lock, netlink;
    void *nft; /* holds libnftables */
    struct wc_rules have;
    struct wc_buf old_zone;
    bool *made; /* per network of the request: its bridge was made by this call */
    bool forwarding_changed;
    bool altered; /* the table's fixed part isn't what we wrote, as far as we know */
};

static struct wc_rules desired(struct call *c);

/* Takes run/net/lock. The last project's `down` removes the file while holding it, so a lock got on
 * a file that has no name any more doesn't count. */
static int take_lock(const char *dir, struct wc_err *err)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/lock", dir);
    for (;;) {
        struct stat held, named;
        int status = wc_fs_mkdirs(dir, 0700, err);
        if (status != 0)
            return status;
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0 && errno == ENOENT)
            continue; /* the directory went between the two calls */
        if (fd < 0)
            return wc_err_set(err, wc_fs_code(errno), errno, "%s", path);
        while (flock(fd, LOCK_EX) != 0 && errno == EINTR)
            ;
        if (fstat(fd, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino)
            return fd;
        close(fd);
    }
}

static int begin_plain(struct call *c, const struct wc_net_request *req,
                       const struct wc_paths *paths, struct wc_err *err)
{
    *c = (struct call){
        .req = req, .paths = paths, .err = err, .lock = -1, .netlink = -1, .old_zone = WC_BUF_INIT
    };
    wc_arena_init(&c->arena);
    c->dir = wc_arena_printf(&c->arena, "%s/net", paths->run);
    c->owner = wc_rules_owner(&c->arena, req->project);
    c->made = WC_NEW_ARRAY(&c->arena, bool, req->n_networks);
    c->lock = take_lock(c->dir, err);
    if (c->lock < 0)
        return c->lock;
    c->netlink = wc_nl_open(err);
    if (c->netlink < 0)
        return c->netlink;
    return wc_zone_read(c->dir, req->project, &c->old_zone, err);
}

static int begin_rules(struct call *c)
{
    c->nft = wc_nft_hold();
    int status = wc_rules_read(&c->arena, &c->have, c->err);
    if (status == 0 && c->have.present) { /* else its fixed part is written anew */
        c->altered = !wc_rules_is_whole(c->dir);
        c->have.present = !c->altered;
    }
    return status;
}

static int begin(struct call *c, const struct wc_net_request *req, const struct wc_paths *paths,
                 struct wc_err *err)
{
    int status = begin_plain(c, req, paths, err);
    return status != 0 ? status : begin_rules(c);
}

static int end(struct call *c, int status)
{
    wc_nft_release(c->nft);
    if (c->netlink >= 0)
        close(c->netlink);
    if (c->lock >= 0)
        close(c->lock);
    wc_buf_deinit(&c->old_zone);
    wc_arena_deinit(&c->arena);
    return status;
}

/* No project of the host is left: nothing of ours stays, not even the directory. */
static void leave(struct call *c)
{
    struct wc_err ignored = { 0 };
    wc_server_stop(c->dir);
    wc_rules_docker(false);
    wc_forwarding_restore(c->dir);
    wc_fs_remove_tree(c->dir, &ignored);
}

/* ---- up --------------------------------------------------------------------------------- */

static const struct wc_net_network *wanted(const struct wc_net_request *req, const char *bridge)
{
    for (size_t i = 0; i < req->n_networks; i++)
        if (wc_streq(req->networks[i].bridge, bridge))
            return &req->networks[i];
    return NULL;
}

/* What the table should hold of this project: its own networks, those it inherited from a project
 * that went (external for it, but marked as its own), and its ports. */
static struct wc_rules desired(struct call *c)
{
    const struct wc_net_request *req = c->req;
    struct wc_rules want = {
        .bridges =
            WC_NEW_ARRAY(&c->arena, struct wc_rules_bridge, req->n_networks + c->have.n_bridges),
        .ports = WC_NEW_ARRAY(&c->arena, struct wc_rules_port, req->n_ports),
    };
    for (size_t i = 0; i < req->n_networks; i++) {
        const struct wc_net_network *n = &req->networks[i];
        if (!n->external)
            want.bridges[want.n_bridges++] =
                (struct wc_rules_bridge){ n->bridge, c->owner, n->subnet4, n->prefix4,
                                          n->internal };
    }
    for (size_t i = 0; i < c->have.n_bridges; i++) {
        const struct wc_rules_bridge *b = &c->have.bridges[i];
        const struct wc_net_network *n = wanted(req, b->name);
        if (wc_streq(b->owner, c->owner) && n != NULL && n->external)
            want.bridges[want.n_bridges++] = *b;
    }
    for (size_t i = 0; i < req->n_ports; i++) {
        const struct wc_net_publish *p = &req->ports[i];
        want.ports[want.n_ports++] =
            (struct wc_rules_port){ .host_ip4 = p->host_ip4,
                                    .target_ip4 = p->target_ip4,
                                    .host_port = p->host_port,
                                    .target_port = p->target_port,
                                    .proto = p->proto,
                                    .owner = c->owner,
                                    .service = wc_arena_printf(&c->arena, "%.60s", p->service) };
    }
    return want;
}

static int make_bridges(struct call *c)
{
    for (size_t i = 0; i < c->req->n_networks; i++) {
        int status = wc_bridge_ensure(c->netlink, &c->req->networks[i], &c->made[i], c->err);
        if (status != 0)
            return status;
    }
    return wc_forwarding_on(c->dir, &c->forwarding_changed, c->err);
}

/* Puts back what this call made, when it can't go through. */
static void undo(struct call *c)
{
    struct wc_err ignored = { 0 };
    for (size_t i = 0; i < c->req->n_networks; i++)
        if (c->made[i])
            wc_bridge_remove(c->netlink, c->req->networks[i].bridge, &ignored);
    wc_zone_write(c->dir, c->req->project, &c->old_zone, NULL, &ignored);
    if (c->forwarding_changed)
        wc_forwarding_restore(c->dir);
    if (ignored.code != 0)
        wc_log(WC_LOG_WARN, "net", "undo: %s", ignored.msg);
}

/* Gives or takes a bridge that the project no longer uses: to another user, or away. */
static int drop_bridge(struct call *c, const struct wc_rules_bridge *b, struct wc_rules *want)
{
    const char *user = wc_zone_other_user(c->dir, &c->arena, c->req->project, b->name);
    if (user == NULL)
        return wc_bridge_remove(c->netlink, b->name, c->err);
    struct wc_rules_bridge kept = *b;
    kept.owner = wc_rules_owner(&c->arena, user);
    want->bridges[want->n_bridges++] = kept;
    return 0;
}

static bool in_rules(const struct wc_rules *rules, const char *bridge)
{
    for (size_t i = 0; i < rules->n_bridges; i++)
        if (wc_streq(rules->bridges[i].name, bridge))
            return true;
    return false;
}

/* Removes what the table says is ours and `want` doesn't have. Room in want is for all of have. */
static int drop_surplus(struct call *c, struct wc_rules *want)
{
    int status = 0;
    for (size_t i = 0; i < c->have.n_bridges; i++) {
        const struct wc_rules_bridge *b = &c->have.bridges[i];
        if (!wc_streq(b->owner, c->owner) || in_rules(want, b->name))
            continue;
        int one = drop_bridge(c, b, want);
        status = status != 0 ? status : one;
    }
    return status;
}

static int make(struct call *c)
{
    WC_CLEANUP_BUF struct wc_buf zone = WC_BUF_INIT;
    char zones[4096];
    snprintf(zones, sizeof zones, "%s/zones", c->dir);
    wc_zone_text(c->req, &zone);
    struct wc_rules want = desired(c);
    int status = make_bridges(c);
    if (status == 0)
        status = wc_fs_mkdirs(zones, 0700, c->err);
    if (status == 0)
        status = wc_zone_write(c->dir, c->req->project, &zone, &c->old_zone, c->err);
    if (status == 0)
        status = wc_rules_apply(c->owner, &c->have, &want, c->err);
    if (status == 0 && !c->have.present && want.n_bridges > 0)
        wc_rules_note(c->dir);
    return status;
}

/* After the transaction: bridges of networks that the project no longer has. */
static int clear_old(struct call *c)
{
    struct wc_rules have = { 0 }, want = desired(c);
    size_t kept = want.n_bridges;
    int status = drop_surplus(c, &want);
    if (want.n_bridges == kept)
        return status;
    int again = wc_rules_read(&c->arena, &have, c->err); /* some were handed over */
    if (again == 0)
        again = wc_rules_apply(c->owner, &have, &want, c->err);
    return status != 0 ? status : again;
}

int wc_net_up(const struct wc_net_request *req, const struct wc_paths *paths, struct wc_err *err)
{
    struct call c;
    int status = begin(&c, req, paths, err);
    if (status != 0)
        return end(&c, status);
    status = wc_ports_check(req, c.owner, &c.have, err);
    if (status == 0) {
        status = make(&c);
        if (status != 0)
            undo(&c);
    }
    if (status != 0) {
        if (wc_zones_empty(c.dir) && !c.have.present)
            leave(&c);
        return end(&c, status);
    }
    status = clear_old(&c);
    wc_rules_docker(true);
    if (req->n_networks > 0)
        wc_server_start(paths, c.dir);
    return end(&c, status);
}

/* ---- look ------------------------------------------------------------------------------- */

static void look_at_files(struct call *c, struct wc_buf *out)
{
    WC_CLEANUP_BUF struct wc_buf zone = WC_BUF_INIT;
    wc_zone_text(c->req, &zone);
    bool same = zone.len == c->old_zone.len &&
                (zone.len == 0 || memcmp(zone.data, c->old_zone.data, zone.len) == 0);
    if (!same)
        wc_buf_printf(out, "%snames (%s/zones/%s) -> %s", out->len > 0 ? ", " : "", c->dir,
                      c->req->project, c->old_zone.len == 0 ? "gone" : "changed");
    if (!wc_forwarding_is_on())
        wc_buf_printf(out, "%snet.ipv4.ip_forward 1 -> 0", out->len > 0 ? ", " : "");
    const char *program = wc_arena_printf(&c->arena, "%s/wcompose-dns", c->paths->bin);
    if (!wc_server_runs(c->dir) && wc_fs_exists(program))
        wc_buf_printf(out, "%sname server -> ended", out->len > 0 ? ", " : "");
}

/* The kernel's generation is read first: what changes while we look is looked at next time. */
static int look_at_rules(struct call *c, struct wc_net_seen *seen, struct wc_buf *out)
{
    WC_CLEANUP_BUF struct wc_buf found = WC_BUF_INIT;
    uint32_t generation = 0;
    bool known = wc_nft_generation(&generation) == 0;
    if (known && seen->right && generation == seen->generation)
        return 0;
    int status = begin_rules(c);
    if (status != 0)
        return status;
    struct wc_rules want = desired(c);
    if (c->altered)
        wc_buf_adds(&found, "rules of table inet wcompose -> changed");
    c->have.present = c->have.present || c->altered;
    wc_rules_describe(c->owner, &c->have, &want, &found);
    *seen = (struct wc_net_seen){ known && found.len == 0, generation };
    if (found.len > 0)
        wc_buf_printf(out, "%s%s", out->len > 0 ? ", " : "", found.data);
    return 0;
}

int wc_net_look(const struct wc_net_request *req, const struct wc_paths *paths,
                struct wc_net_seen *seen, struct wc_buf *out, struct wc_err *err)
{
    struct call c;
    int status = begin_plain(&c, req, paths, err);
    for (size_t i = 0; status == 0 && i < req->n_networks; i++)
        status = wc_bridge_look(c.netlink, &req->networks[i], out, err);
    if (status == 0 && req->n_networks > 0)
        look_at_files(&c, out);
    if (status == 0)
        status = look_at_rules(&c, seen, out);
    return end(&c, status);
}

/* ---- down ------------------------------------------------------------------------------- */

/* Bridges that the record names but the table doesn't (somebody flushed it). */
static int drop_recorded(struct call *c, const struct wc_rules *want)
{
    int status = 0;
    for (char *line = c->old_zone.data; line != NULL && *line != '\0';) {
        char bridge[WC_NET_IFNAME_MAX + 1], whose[16];
        if (sscanf(line, "net %15s %*s %*s %*s %15s", bridge, whose) == 2 &&
            wc_streq(whose, "own") && !in_rules(want, bridge) && !in_rules(&c->have, bridge) &&
            wc_zone_other_user(c->dir, &c->arena, c->req->project, bridge) == NULL) {
            int one = wc_bridge_remove(c->netlink, bridge, c->err);
            status = status != 0 ? status : one;
        }
        line = strchr(line, '\n');
        line = line != NULL ? line + 1 : NULL;
    }
    return status;
}

int wc_net_down(const struct wc_net_request *req, const struct wc_paths *paths, struct wc_err *err)
{
    struct call c;
    int status = begin(&c, req, paths, err);
    if (status != 0)
        return end(&c, status);
    c.have.present = c.have.present || c.altered; /* whatever it is now, it goes */
    WC_CLEANUP_BUF struct wc_buf nothing = WC_BUF_INIT;
    struct wc_rules want = { .bridges =
                                 WC_NEW_ARRAY(&c.arena, struct wc_rules_bridge, c.have.n_bridges) };
    status = drop_surplus(&c, &want);
    int more = drop_recorded(&c, &want);
    status = status != 0 ? status : more;
    more = wc_rules_apply(c.owner, &c.have, &want, err);
    status = status != 0 ? status : more;
    more = wc_zone_write(c.dir, req->project, &nothing, &c.old_zone, err);
    status = status != 0 ? status : more;
    if (wc_zones_empty(c.dir))
        leave(&c);
    return end(&c, status);
}
