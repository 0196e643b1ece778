/* networks_plan.c - plans a project's networks, records the plan, and takes it back.
 *
 * The registry is read and written under one lock, so two projects that come up at once never get
 * the same subnet. It isn't held until the networks are up: an assignment that came to nothing
 * costs a file, which rollback or release removes.
 */
#include "orchestrator/networks_priv.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/map.h"
#include "base/paths.h"
#include "base/str.h"

enum { FILE_LIMIT = 32 << 20 };

static int plan_addresses(struct wc_networks_work *w)
{
    struct wc_cidr4 *used;
    size_t n_used;
    wc_routes_read(w, &used, &n_used);
    const struct wc_address_in in = {
        .project = w->in->project,
        .slots = w->in->slots,
        .n_slots = w->in->n_slots,
        .guests = w->in->guests,
        .n_guests = w->in->n_guests,
        .known = w->known,
        .n_known = w->n_known,
        .used = used,
        .n_used = n_used,
    };
    int status = wc_address_plan(&in, w->arena, &w->addresses, w->err);
    for (size_t s = 0; status == 0 && s < w->in->n_slots; s++) {
        w->out->slots[s].nets = w->addresses.places[s].nets;
        w->out->slots[s].n_nets = w->addresses.places[s].n_nets;
    }
    return status;
}

static int record(struct wc_networks_work *w, const struct wc_port_claim *claims, size_t n_claims)
{
    struct wc_networks_priv *priv = w->out->priv;
    int status = 0;
    for (size_t i = 0; i < w->addresses.n_networks && status == 0; i++)
        status = wc_registry_put(priv, w->arena, &w->addresses.networks[i], w->err);
    if (status == 0)
        status = wc_networks_forget_unused(w, priv);
    if (status == 0)
        status = wc_registry_put_claims(priv, w->arena, claims, n_claims, w->err);
    return status;
}

/* True when the registry knows nothing of the project. */
static bool is_fresh(const struct wc_networks_work *w)
{
    const char *project = w->in->project->name;
    for (size_t i = 0; i < w->n_known; i++) {
        if (wc_streq(w->known[i].owner, project))
            return false;
        for (size_t k = 0; k < w->known[i].n_leases; k++)
            if (wc_streq(w->known[i].leases[k].project, project))
                return false;
    }
    return true;
}

/* Everything but the lock. */
static int plan(struct wc_networks_work *w)
{
    struct wc_port_claim *claims = NULL;
    size_t n_claims = 0;
    int status = wc_registry_read(w, w->out->priv->dir);
    if (status == 0)
        status = plan_addresses(w);
    if (status != 0)
        return status;
    w->out->priv->fresh = is_fresh(w);
    w->out->priv->addresses = w->addresses;
    wc_networks_find_lingering(w);
    status = wc_networks_ports(w, &claims, &n_claims);
    if (status == 0)
        status = wc_networks_name_files(w);
    if (status != 0)
        return status;
    wc_networks_read_leading(w);
    wc_networks_lead(w->out, w->arena);
    return w->in->reserve ? record(w, claims, n_claims) : 0;
}

static struct wc_networks_priv *new_priv(const struct wc_paths *paths, struct wc_arena *arena,
                                         const char *project)
{
    struct wc_networks_priv *priv = WC_NEW(arena, struct wc_networks_priv);
    priv->dir = wc_arena_printf(arena, "%s/networks", paths->lib);
    /* Where the root file systems are, and not in the run directory: root inside may write them,
     * and what lies there is the host's memory, which all services of the host need a little of. */
    priv->files_dir = wc_arena_printf(arena, "%s/net", wc_paths_project_lib(paths, arena, project));
    return priv;
}

int wc_networks_plan(const struct wc_networks_in *in, struct wc_arena *arena,
                     struct wc_networks_plan *out, struct wc_err *err)
{
    struct wc_networks_plan made = { .request = { .project = in->project->name },
                                     .slots =
                                         WC_NEW_ARRAY(arena, struct wc_networks_slot, in->n_slots),
                                     .n_slots = in->n_slots,
                                     .priv = new_priv(in->paths, arena, in->project->name) };
    made.priv->in = *in;
    struct wc_networks_work w = { .in = in, .arena = arena, .err = err, .out = &made };
    int lock = in->reserve ? wc_registry_lock(made.priv->dir, err) : -1;
    if (in->reserve && lock < 0)
        return lock;
    int status = plan(&w);
    if (lock >= 0)
        close(lock);
    if (status != 0)
        return status;
    *out = made;
    return 0;
}

/* ---- files ------------------------------------------------------------------------------ */

static void remove_stale(const struct wc_networks_priv *priv)
{
    struct wc_arena arena;
    struct wc_map planned;
    wc_arena_init(&arena);
    wc_map_init(&planned, &arena);
    for (size_t i = 0; i < priv->n_files; i++)
        wc_map_put(&planned, strrchr(priv->files[i].path, '/') + 1, "");
    if (priv->leading[0] != '\0')
        wc_map_put(&planned, WC_NETWORKS_LEADING, "");
    DIR *dir = opendir(priv->files_dir);
    for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;)
        if (e->d_name[0] != '.' && !wc_map_has(&planned, e->d_name))
            unlinkat(dirfd(dir), e->d_name, 0);
    if (dir != NULL)
        closedir(dir);
    wc_arena_deinit(&arena);
}

/* At once or not at all, unlike the others: nothing is bound to it. */
static int write_leading(const struct wc_networks_priv *priv, struct wc_err *err)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/" WC_NETWORKS_LEADING, priv->files_dir);
    return wc_fs_write_atomic(path, priv->leading, strlen(priv->leading), 0600, false, err);
}

int wc_networks_write(const struct wc_networks_plan *out, struct wc_err *err)
{
    const struct wc_networks_priv *priv = out->priv;
    int status = wc_fs_mkdirs(priv->files_dir, 0700, err);
    if (status == 0 && priv->leading[0] != '\0')
        status = write_leading(priv, err);
    for (size_t i = 0; i < priv->n_files && status == 0; i++)
        status = wc_file_rewrite(priv->files[i].path, priv->files[i].text, err);
    if (status == 0)
        remove_stale(priv);
    return status;
}

/* ---- taking back ------------------------------------------------------------------------ */

/* Puts one file back unless somebody changed it since. */
static void put_back(const struct wc_registry_write *write)
{
    WC_CLEANUP_BUF struct wc_buf now = WC_BUF_INIT;
    struct wc_err err = { 0 };
    bool is = wc_fs_read(write->path, FILE_LIMIT, &now, NULL) == 0;
    if (is != (write->after != NULL) || (is && !wc_streq(now.data, write->after)))
        return;
    int status = write->before == NULL
                     ? wc_fs_remove_tree(write->path, &err)
                     : wc_fs_write_atomic(write->path, write->before, strlen(write->before), 0600,
                                          false, &err);
    if (status != 0)
        wc_log(WC_LOG_WARN, "networks", "roll back: %s", err.msg);
}

void wc_networks_rollback(const struct wc_networks_plan *out)
{
    struct wc_networks_priv *priv = out->priv;
    struct wc_err err = { 0 };
    if (priv == NULL)
        return;
    int lock = wc_registry_lock(priv->dir, &err);
    for (size_t i = priv->n_writes; i > 0; i--)
        put_back(&priv->writes[i - 1]);
    if (lock >= 0)
        close(lock);
    if (priv->fresh && wc_fs_remove_tree(priv->files_dir, &err) != 0)
        wc_log(WC_LOG_WARN, "networks", "roll back: %s", err.msg);
    priv->n_writes = 0;
}

/* ---- one that is gone ------------------------------------------------------------------- */

static bool is_lease_of(const struct wc_lease *lease, const char *project,
                        const struct wc_address_slot *slot, const char *service)
{
    return lease->index == slot->index && wc_streq(lease->service, service) &&
           wc_streq(lease->project, project) && lease->incarnation != NULL &&
           slot->incarnation != NULL && wc_streq(lease->incarnation, slot->incarnation);
}

static int forget_slot(struct wc_networks_work *w, struct wc_networks_priv *priv,
                       const struct wc_address_slot *slot)
{
    const struct wc_networks_in *in = w->in;
    int status = wc_registry_read(w, priv->dir);
    for (size_t i = 0; i < w->n_known && status == 0; i++) {
        struct wc_known_network *net = &w->known[i];
        size_t kept = 0;
        for (size_t k = 0; k < net->n_leases; k++)
            if (!is_lease_of(&net->leases[k], in->project->name, slot, slot->service->name))
                net->leases[kept++] = net->leases[k];
        if (kept == net->n_leases)
            continue;
        net->n_leases = kept;
        status = wc_registry_put(priv, w->arena, net, w->err);
    }
    return status;
}

int wc_networks_forget(const struct wc_networks_plan *plan, size_t slot, struct wc_err *err)
{
    struct wc_arena arena;
    wc_arena_init(&arena);
    const struct wc_networks_in *in = &plan->priv->in;
    struct wc_networks_priv *priv = new_priv(in->paths, &arena, in->project->name);
    struct wc_networks_work w = { .in = in, .arena = &arena, .err = err };
    int lock = wc_registry_lock(priv->dir, err);
    int status = lock < 0 ? lock : forget_slot(&w, priv, &in->slots[slot]);
    if (lock >= 0)
        close(lock);
    wc_arena_deinit(&arena);
    return status;
}

static int release(struct wc_networks_work *w, struct wc_networks_priv *priv, const char *project)
{
    size_t kept = 0;
    int status = wc_registry_read(w, priv->dir);
    for (size_t i = 0; i < w->n_known && status == 0; i++)
        if (wc_networks_take_off(w, &w->known[i], project, false))
            status = wc_registry_put(priv, w->arena, &w->known[i], w->err);
    for (size_t i = 0; i < w->n_claims; i++)
        if (!wc_streq(w->claims[i].project, project))
            w->claims[kept++] = w->claims[i];
    return status != 0 ? status : wc_registry_put_claims(priv, w->arena, w->claims, kept, w->err);
}

int wc_networks_release(const struct wc_paths *paths, const char *project, struct wc_err *err)
{
    struct wc_arena arena;
    wc_arena_init(&arena);
    struct wc_networks_priv *priv = new_priv(paths, &arena, project);
    struct wc_networks_work w = { .arena = &arena, .err = err };
    int status = 0;
    if (wc_fs_exists(priv->dir)) {
        int lock = wc_registry_lock(priv->dir, err);
        status = lock < 0 ? lock : release(&w, priv, project);
        if (lock >= 0)
            close(lock);
    }
    int more = wc_fs_remove_tree(priv->files_dir, err);
    wc_arena_deinit(&arena);
    return status != 0 ? status : more;
}
