/* formers.c - the models that something of a host may still be of.
 *
 * What a rollout hasn't changed yet is of the model before it; and when another model comes in the
 * middle, of one of several. A supervisor has them in its ledger, from the generation on at which
 * the oldest rollout began.
 */
#include <string.h>

#include "base/str.h"
#include "sim/play.h"

void formers_note(struct play *play, bool unfinished)
{
    if (!unfinished || !play->has_former) {
        play->former = play->model;
        play->has_former = true;
        play->n_later = 0;
        return;
    }
    if (play->n_later == LATER_MAX) { /* nor does a ledger keep them for ever */
        memmove(play->later, play->later + 1, (LATER_MAX - 1) * sizeof *play->later);
        play->n_later--;
    }
    play->later[play->n_later++] = play->model;
}

static const struct part *if_of(const struct model *model, const struct wc_fact *fact,
                                unsigned service)
{
    char hash[65];
    const struct part *part = &model->parts[service];
    if (!part->there || fact->index > part->replicas)
        return NULL;
    judge_hash(model, service, hash);
    return wc_streq(hash, fact->hash) ? part : NULL;
}

const struct part *part_of(const struct play *play, const struct wc_fact *fact, unsigned service)
{
    const struct part *part = NULL;
    if (service >= SERVICES || !play->has_model)
        return NULL;
    part = if_of(&play->model, fact, service);
    for (unsigned k = play->n_later; part == NULL && k-- > 0;)
        part = if_of(&play->later[k], fact, service);
    return part == NULL && play->has_former ? if_of(&play->former, fact, service) : part;
}
