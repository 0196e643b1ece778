/* sim_networks.c - networks of the simulated host: names that are there, or not. */
#include <stdio.h>

#include "drivers/sim/world.h"

int sim_net_look(const struct wc_sim_world *world, struct wc_op *op)
{
    op->exit_code = 0;
    for (size_t i = 0; i < op->net->n_networks; i++)
        if (wc_map_get(&world->networks, op->net->networks[i].name) == NULL) {
            op->exit_code = 1;
            snprintf(op->output, sizeof op->output, "network %s -> gone",
                     op->net->networks[i].name);
        }
    return 0;
}

/* Without a model, down removes whatever the project has: here, all that there is. */
int sim_networks(struct wc_sim_world *world, const struct wc_op *op)
{
    struct wc_map *all = &world->networks;
    for (size_t i = 0; i < all->n && op->verb == WC_VERB_NET_DOWN && op->net->n_networks == 0; i++)
        all->entries[i].value = NULL;
    for (size_t i = 0; i < all->n && op->verb == WC_VERB_NET_UP; i++) /* the rest goes */
        all->entries[i].value = NULL;
    for (size_t i = 0; i < op->net->n_networks; i++) {
        if (op->net->networks[i].external && op->verb == WC_VERB_NET_DOWN)
            continue;
        char *name = wc_arena_strdup(&world->arena, op->net->networks[i].name);
        wc_map_put(&world->networks, name, op->verb == WC_VERB_NET_UP ? name : NULL);
    }
    world->net = op->verb == WC_VERB_NET_UP ? sim_net_copy(&world->arena, op->net)
                                            : (struct wc_net_request){ 0 };
    return 0;
}
