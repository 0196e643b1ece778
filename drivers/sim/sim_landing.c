/* sim_landing.c - a copy of an op that outlives the driver that it was submitted to. */
#include <string.h>

#include "drivers/sim/world.h"

static void keep_networks(struct wc_arena *arena, struct sim_landing *landing,
                          const struct wc_net_request *net)
{
    struct wc_net_network *copies = WC_NEW_ARRAY(arena, struct wc_net_network, net->n_networks);
    for (size_t i = 0; i < net->n_networks; i++)
        copies[i] = (struct wc_net_network){ .name = wc_arena_strdup(arena, net->networks[i].name),
                                             .external = net->networks[i].external };
    landing->net = (struct wc_net_request){ .networks = copies, .n_networks = net->n_networks };
    landing->op.net = &landing->net;
}

struct sim_landing *sim_landing_of(struct wc_sim_world *world, const struct wc_op *op)
{
    struct sim_landing *landing = WC_NEW(&world->arena, struct sim_landing);
    landing->op.verb = op->verb;
    landing->op.id = wc_arena_strdup(&world->arena, op->id);
    landing->op.signal = op->signal;
    landing->op.by_user = op->by_user;
    landing->op.sick = op->sick;
    const struct sim_record *record = op->id != NULL ? sim_record(world, op->id) : NULL;
    landing->run = record != NULL ? record->run : 0;
    if (op->net != NULL)
        keep_networks(&world->arena, landing, op->net);
    if (op->instance == NULL)
        return landing;
    landing->spec.image = wc_arena_strdup(
        &world->arena, op->instance->spec != NULL ? op->instance->spec->image : NULL);
    if (op->instance->spec != NULL)
        memcpy(landing->spec.inplace_hash, op->instance->spec->inplace_hash,
               sizeof landing->spec.inplace_hash);
    landing->instance = (struct wc_instance){
        .id = wc_arena_strdup(&world->arena, op->instance->id),
        .name = wc_arena_strdup(&world->arena, op->instance->name),
        .project = wc_arena_strdup(&world->arena, op->instance->project),
        .service = wc_arena_strdup(&world->arena, op->instance->service),
        .index = op->instance->index,
        .level = op->instance->level,
        .spec = &landing->spec,
    };
    memcpy(landing->instance.hash, op->instance->hash, sizeof landing->instance.hash);
    landing->op.instance = &landing->instance;
    return landing;
}
