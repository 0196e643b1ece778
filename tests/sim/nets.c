/* nets.c - the registry of networks in memory, for stories: the linker puts it in the place of the
 * files (orchestrator/networks_registry.c, networks_files.c). It outlives engines as files do, and
 * is empty when a story begins. There is one network, and nobody else on it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/str.h"
#include "orchestrator/networks_priv.h"
#include "sim/play.h"

int __wrap_wc_registry_lock(const char *dir, struct wc_err *err);
int __wrap_wc_registry_read(struct wc_networks_work *w, const char *dir);
int __wrap_wc_registry_put(struct wc_networks_priv *priv, struct wc_arena *arena,
                           const struct wc_known_network *net, struct wc_err *err);
int __wrap_wc_registry_put_claims(struct wc_networks_priv *priv, struct wc_arena *arena,
                                  const struct wc_port_claim *claims, size_t n, struct wc_err *err);
void __wrap_wc_routes_read(struct wc_networks_work *w, struct wc_cidr4 **out, size_t *n);
int __wrap_wc_networks_name_files(struct wc_networks_work *w);
void __wrap_wc_networks_files(struct wc_networks_work *w);
void __wrap_wc_networks_read_leading(struct wc_networks_work *w);
int __wrap_wc_networks_write(const struct wc_networks_plan *plan, struct wc_err *err);
void __wrap_wc_networks_rollback(const struct wc_networks_plan *plan);
int __wrap_wc_networks_release(const struct wc_paths *paths, const char *project,
                               struct wc_err *err);

enum { NO_FD = 1 << 20 }; /* closed by who took the lock: nothing has it */

static struct {
    struct wc_arena arena;
    struct wc_known_network network; /* name NULL: none */
    size_t cap_leases;
    char leading[4096];
} disk;

void nets_begin(void)
{
    wc_arena_init(&disk.arena);
    disk.network = (struct wc_known_network){ 0 };
    disk.cap_leases = 0;
    disk.leading[0] = '\0';
}

void nets_end(void)
{
    wc_arena_deinit(&disk.arena);
}

int __wrap_wc_registry_lock(const char *dir, struct wc_err *err)
{
    (void)dir, (void)err;
    return NO_FD;
}

static struct wc_known_network copy(struct wc_arena *arena, const struct wc_known_network *net)
{
    struct wc_known_network out = *net;
    out.name = wc_arena_strdup(arena, net->name);
    out.owner = wc_arena_strdup(arena, net->owner);
    out.bridge = wc_arena_strdup(arena, net->bridge);
    out.leases = WC_NEW_ARRAY(arena, struct wc_lease, net->n_leases);
    for (size_t i = 0; i < net->n_leases; i++) {
        const struct wc_lease *lease = &net->leases[i];
        out.leases[i] = (struct wc_lease){ wc_arena_strdup(arena, lease->project),
                                           wc_arena_strdup(arena, lease->service), lease->index,
                                           lease->ip4, wc_arena_strdup(arena, lease->incarnation) };
    }
    return out;
}

int __wrap_wc_registry_read(struct wc_networks_work *w, const char *dir)
{
    (void)dir;
    if (disk.network.name == NULL)
        return 0;
    w->known = WC_NEW(w->arena, struct wc_known_network);
    w->known[0] = copy(w->arena, &disk.network);
    w->n_known = w->cap_known = 1;
    return 0;
}

int __wrap_wc_registry_put(struct wc_networks_priv *priv, struct wc_arena *arena,
                           const struct wc_known_network *net, struct wc_err *err)
{
    (void)priv, (void)arena, (void)err;
    struct wc_arena fresh;
    wc_arena_init(&fresh);
    struct wc_known_network kept = copy(&fresh, net);
    wc_arena_deinit(&disk.arena);
    disk.arena = fresh;
    disk.network = net->owner[0] != '\0' ? kept : (struct wc_known_network){ 0 };
    return 0;
}

int __wrap_wc_registry_put_claims(struct wc_networks_priv *priv, struct wc_arena *arena,
                                  const struct wc_port_claim *claims, size_t n, struct wc_err *err)
{
    (void)priv, (void)arena, (void)claims, (void)n, (void)err;
    return 0; /* all of them are fixed */
}

void __wrap_wc_routes_read(struct wc_networks_work *w, struct wc_cidr4 **out, size_t *n)
{
    (void)w;
    *out = NULL;
    *n = 0;
}

int __wrap_wc_networks_name_files(struct wc_networks_work *w)
{
    for (size_t s = 0; s < w->in->n_slots; s++)
        w->out->slots[s].join_slot = -1;
    return 0;
}

void __wrap_wc_networks_files(struct wc_networks_work *w)
{
    (void)w;
}

void __wrap_wc_networks_read_leading(struct wc_networks_work *w)
{
    wc_networks_choose_leading(w, disk.leading);
}

int __wrap_wc_networks_write(const struct wc_networks_plan *plan, struct wc_err *err)
{
    (void)err;
    snprintf(disk.leading, sizeof disk.leading, "%s", plan->priv->leading);
    return 0;
}

void __wrap_wc_networks_rollback(const struct wc_networks_plan *plan)
{
    (void)plan; /* what was reserved in vain is taken over by the next plan */
}

int __wrap_wc_networks_release(const struct wc_paths *paths, const char *project,
                               struct wc_err *err)
{
    (void)paths, (void)project, (void)err;
    nets_end();
    nets_begin();
    return 0;
}
