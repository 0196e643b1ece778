/* sim_landing.c - a copy of an op that outlives the driver that it was submitted to. */
#include <string.h>

#include "drivers/sim/world.h"
#include "wcompose/sealed.h"

struct wc_net_request sim_net_copy(struct wc_arena *arena, const struct wc_net_request *net)
{
    struct wc_net_name *names = WC_NEW_ARRAY(arena, struct wc_net_name, net->n_names);
    struct wc_net_publish *ports = WC_NEW_ARRAY(arena, struct wc_net_publish, net->n_ports);
    for (size_t i = 0; i < net->n_names; i++)
        names[i] = (struct wc_net_name){ .name = wc_arena_strdup(arena, net->names[i].name),
                                         .instance = wc_arena_strdup(arena, net->names[i].instance),
                                         .ip4 = net->names[i].ip4 };
    for (size_t i = 0; i < net->n_ports; i++)
        ports[i] =
            (struct wc_net_publish){ .host_port = net->ports[i].host_port,
                                     .target_ip4 = net->ports[i].target_ip4,
                                     .service = wc_arena_strdup(arena, net->ports[i].service) };
    return (struct wc_net_request){
        .ports = ports, .n_ports = net->n_ports, .names = names, .n_names = net->n_names
    };
}

static void keep_networks(struct wc_arena *arena, struct sim_landing *landing,
                          const struct wc_net_request *net)
{
    struct wc_net_network *copies = WC_NEW_ARRAY(arena, struct wc_net_network, net->n_networks);
    for (size_t i = 0; i < net->n_networks; i++)
        copies[i] = (struct wc_net_network){ .name = wc_arena_strdup(arena, net->networks[i].name),
                                             .external = net->networks[i].external };
    landing->net = sim_net_copy(arena, net);
    landing->net.networks = copies;
    landing->net.n_networks = net->n_networks;
    landing->op.net = &landing->net;
}

bool sim_is_closed(const struct wc_op *op)
{
    bool makes = op->verb == WC_VERB_CREATE || op->verb == WC_VERB_START;
    const struct wc_instance *instance = op->instance;
    return makes && instance != NULL && instance->spec != NULL &&
           wc_sealed_state(instance->spec) != WC_SEALED_OPEN;
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
    if (op->instance->n_nets > 0) {
        struct wc_attachment *first = WC_NEW(&world->arena, struct wc_attachment);
        first->ip4 = op->instance->nets[0].ip4;
        first->name = wc_arena_strdup(&world->arena, op->instance->nets[0].name);
        landing->instance.nets = first;
        landing->instance.n_nets = 1;
    }
    memcpy(landing->instance.hash, op->instance->hash, sizeof landing->instance.hash);
    landing->op.instance = &landing->instance;
    return landing;
}
