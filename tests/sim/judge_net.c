/* judge_net.c - what must never be seen of a network: an address that two have, names and ports
 * that lead to one that isn't ready while another one is, one that is stopped while they lead to
 * it.
 *
 * Only what is beyond doubt is said: an incarnation is ready when its checks in this run say so,
 * or when no model of late had checks for it; it is not ready when it has none that passed.
 */
#include "base/str.h"
#include "sim/play.h"

static const struct sim_record *record_at(const struct play *play, size_t i)
{
    return play->world->records.entries[i].value;
}

void judge_address(struct play *play, const struct wc_fact *fact)
{
    uint32_t ip4 = sim_record(play->world, fact->id)->ip4;
    for (size_t i = 0; i < play->world->records.n && ip4 != 0; i++) {
        const struct sim_record *other = record_at(play, i);
        if (other->fact.life == WC_LIFE_RUNNING && other->ip4 == ip4 &&
            !wc_streq(other->fact.id, fact->id))
            play_fail(play, "%s and %s run with one address", fact->id, other->fact.id);
    }
}

static bool has(const struct play *play, unsigned service, bool check)
{
    const struct part *now = &play->model.parts[service], *before = &play->former.parts[service];
    return check ? now->check || before->check
                 : ((now->hooks | before->hooks) & HOOK_POST_START) != 0;
}

static bool is_ready(const struct play *play, const struct sim_record *record, unsigned service)
{
    return record->fact.life == WC_LIFE_RUNNING && !record->ending && record->noes == 0 &&
           !record->hook_failed && (!has(play, service, true) || record->last_ok_ms != 0) &&
           (!has(play, service, false) || (record->hooks_done & 1U) != 0);
}

static bool is_unready(const struct play *play, const struct sim_record *record, unsigned service)
{
    return record->fact.life != WC_LIFE_RUNNING ||
           (play->model.parts[service].check && play->former.parts[service].check &&
            record->last_ok_ms == 0);
}

static uint32_t leads_to(const struct wc_net_request *net, const char *name)
{
    for (size_t i = 0; i < net->n_names; i++)
        if (net->names[i].name != NULL && wc_streq(net->names[i].name, name))
            return net->names[i].ip4;
    return 0;
}

/* Another one of the replica with an address of its own, or NULL. */
static const struct sim_record *beside(const struct play *play, const struct sim_record *record)
{
    for (size_t i = 0; i < play->world->records.n; i++) {
        const struct sim_record *other = record_at(play, i);
        if (other != record && other->fact.life != WC_LIFE_ABSENT && other->ip4 != 0 &&
            other->ip4 != record->ip4 && other->fact.index == record->fact.index &&
            wc_streq(other->fact.service, record->fact.service))
            return other;
    }
    return NULL;
}

/* Nobody but a change of the model has touched it since it began to run. */
static bool is_undisturbed(const struct play *play, const struct wc_fact *fact, unsigned service)
{
    const struct sim_record *record = sim_record(play->world, fact->id);
    return service < SERVICES && play->has_model && play->has_former &&
           play->wish[service] == WISH_RUNNING && !play->paused[service] &&
           play->model.parts[service].there && fact->index <= play->model.parts[service].replicas &&
           !play->forced && play->hit_ms[service] < record->up_at_ms && play->deaf_ms == 0;
}

/* A network goes with the last that is on it. */
void judge_networks(struct play *play, const struct wc_net_request *net)
{
    for (size_t i = 0; i < play->world->records.n && net->n_networks == 0; i++) {
        const struct sim_record *record = record_at(play, i);
        if (record->fact.life == WC_LIFE_RUNNING && record->ip4 != 0)
            play_fail(play, "the network is taken away while %s runs on it", record->fact.id);
    }
}

void judge_lead(struct play *play, const struct wc_net_request *net,
                bool (*going)(struct play *, const char *))
{
    for (size_t i = 0; i < play->world->records.n; i++) {
        const struct sim_record *led = record_at(play, i);
        unsigned service = service_number(led->fact.service);
        if (led->fact.life == WC_LIFE_ABSENT || led->ip4 == 0 ||
            leads_to(net, led->fact.name) != led->ip4 || !is_undisturbed(play, &led->fact, service))
            continue;
        const struct sim_record *other = beside(play, led);
        if (other != NULL && is_undisturbed(play, &other->fact, service) &&
            is_unready(play, led, service) && is_ready(play, other, service) &&
            !going(play, other->fact.id))
            play_fail(play, "names are to lead to %s, which isn't ready, and %s is", led->fact.id,
                      other->fact.id);
    }
    for (size_t i = 0; i < net->n_ports; i++) {
        const struct wc_net_publish *port = &net->ports[i];
        char name[64]; /* who publishes has one replica */
        snprintf(name, sizeof name, "p-%s-1", port->service);
        uint32_t led = leads_to(net, name); /* 0: it is gone, and nobody is there to answer */
        if (led != 0 && led != port->target_ip4)
            play_fail(play, "the port of %s leads elsewhere than its name", port->service);
    }
}

void judge_unled(struct play *play, const struct wc_fact *fact,
                 bool (*going)(struct play *, const char *))
{
    const struct sim_record *record = sim_record(play->world, fact->id);
    unsigned service = service_number(fact->service);
    if (record->ip4 == 0 || going(play, fact->id) || !is_undisturbed(play, fact, service) ||
        leads_to(&play->world->net, fact->name) != record->ip4)
        return;
    const struct sim_record *other = beside(play, record);
    if (other != NULL && is_undisturbed(play, &other->fact, service) &&
        is_ready(play, other, service) && !going(play, other->fact.id))
        play_fail(play, "%s is stopped while names lead to it, and %s is ready", fact->id,
                  other->fact.id);
}
