/* candidate.c - where what is known of images comes from: registries, now; else what they answered
 * before under the same settings; else what is in force. */
#include "orchestrator/gitops/candidate.h"

#include <string.h>

#include "base/arena.h"
#include "base/str.h"
#include "orchestrator/core/gitops.h"
#include "orchestrator/gitops/images.h"
#include "wcompose/model.h"

static void pin(struct wc_gitops_candidate *c, const struct wc_gitops_images *images)
{
    c->images = *images;
    if (images->n > 0)
        c->run->ops->pin(c->run->ops->data, c->project, images, &c->wire);
}

/* What was said last of the newest revision's images. The memory has such a hash by an answer, or
 * because the good revision came back. */
static const struct wc_gitops_images *last_known(const struct wc_gitops_record *record)
{
    const struct wc_gitops_key *seen = &record->memory.seen;
    bool is_answered = wc_gitops_same(seen, &record->answers_of);
    return is_answered ? &record->answers : &record->good_images;
}

/* A rule for a service that isn't there may be a slip, or be for a revision to come. */
static void say_strays(const struct wc_gitops_candidate *c)
{
    const struct wc_agent_images *policy = &c->run->app->images;
    const struct wc_gitops_ops *ops = c->run->ops;
    for (size_t i = 0; i < policy->n_services && ops->say != NULL; i++)
        if (wc_project_service(c->project, policy->services[i].service) == NULL)
            ops->say(ops->data, wc_arena_printf(c->arena,
                                                "image_policy has a rule for service '%s', which "
                                                "the revision doesn't have",
                                                policy->services[i].service));
}

bool wc_gitops_candidate_known(struct wc_gitops_candidate *c)
{
    say_strays(c);
    char hash[WC_SHA256_HEX + 1];
    const char *wanted = c->record->memory.seen.images;
    if (wanted[0] == '\0')
        return true; /* they will be asked about */
    struct wc_gitops_images images =
        wc_gitops_images_of(&c->run->app->images, c->project, c->arena);
    if (!wc_gitops_images_fill(&images, last_known(c->record)))
        return false;
    wc_gitops_images_hash(&images, hash);
    if (!wc_streq(hash, wanted))
        return false;
    pin(c, &images);
    return true;
}

/* Its images: of what was loaded, else as they were known. */
static struct wc_gitops_images names_of(const struct wc_gitops_candidate *c)
{
    if (c->project != NULL)
        return wc_gitops_images_of(&c->run->app->images, c->project, c->arena);
    const struct wc_gitops_images *known = last_known(c->record);
    struct wc_gitops_images out = { 0 };
    out.items = WC_NEW_ARRAY(c->arena, struct wc_gitops_image, known->n + 1);
    for (; out.n < known->n; out.n++)
        out.items[out.n] = known->items[out.n];
    return out;
}

static void say_change(const struct wc_gitops_candidate *c, const struct wc_gitops_images *images)
{
    const struct wc_gitops_ops *ops = c->run->ops;
    const char *change = wc_gitops_images_change(&c->record->good_images, images, c->arena);
    bool is_news = !wc_streq(c->hash, c->record->memory.seen.images) && *change != '\0';
    if (is_news && ops->say != NULL)
        ops->say(ops->data, wc_arena_printf(c->arena, "found %s", change));
}

int wc_gitops_candidate_ask(struct wc_gitops_candidate *c, const char **hash, struct wc_err *err)
{
    struct wc_gitops_record *record = c->record;
    struct wc_gitops_images images = names_of(c);
    (void)wc_gitops_images_fill(&images, &record->good_images);
    if (wc_streq(record->answers_of.inputs, c->inputs)) /* older ones may be older than the good */
        (void)wc_gitops_images_fill(&images, &record->answers);
    int rc = wc_gitops_ask(c->run, &images, c->arena, err);
    if (rc == WC_ERR_CANCELLED || !wc_gitops_images_whole(&images))
        return rc;
    wc_gitops_images_hash(&images, c->hash);
    *hash = c->hash;
    say_change(c, &images);
    record->answers = images;
    record->answers_of = record->memory.seen;
    memcpy(record->answers_of.images, c->hash, sizeof record->answers_of.images);
    if (c->project != NULL)
        pin(c, &images);
    return rc;
}
