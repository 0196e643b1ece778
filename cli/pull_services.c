/* pull_services.c - a decision for each service, then one call for all images. */
#include "cli/pull_services.h"

#include <time.h>

#include "base/paths.h"
#include "base/str.h"
#include "base/units.h"
#include "cli/image_lock.h"

enum { DAY_MS = 86400000 };

struct round {
    struct wc_cli *cli;
    const struct wc_cli_pull_services *how;
    struct wc_image_store *store;
    struct wc_cli_pull due, lenient; /* lenient: can be built, or is there already */
};

bool wc_pull_is_due(const char *policy, const struct wc_pull_known *known)
{
    int64_t age_ms = 0, asked_ms = 0;
    if (policy == NULL || *policy == '\0' || wc_streq(policy, "missing"))
        return !known->is_there;
    if (wc_streq(policy, "never") || wc_streq(policy, "build"))
        return false;
    if (!known->is_there || wc_streq(policy, "always") || wc_streq(policy, "refresh"))
        return true;
    if (wc_streq(policy, "daily"))
        age_ms = DAY_MS;
    else if (wc_streq(policy, "weekly"))
        age_ms = 7 * (int64_t)DAY_MS;
    else if (!wc_str_starts(policy, "every_") || !wc_duration_parse(policy + 6, &age_ms))
        return false;
    return known->asked == NULL || !wc_time_parse(known->asked, &asked_ms) ||
           known->now_ms - asked_ms >= age_ms;
}

static struct wc_pull_known look(struct wc_cli *cli, struct wc_image_store *store,
                                 const struct wc_service *s)
{
    struct timespec now;
    struct wc_image_info info;
    struct wc_err none = { 0 };
    clock_gettime(CLOCK_REALTIME, &now);
    struct wc_pull_known known = { .now_ms = (int64_t)now.tv_sec * 1000 };
    if (wc_image_resolve_for(store, s->image, s->platform, cli->arena, &info, &none) != 0)
        return known;
    known.is_there = wc_image_is_for(s->platform, &info);
    known.asked = info.pulled;
    return known;
}

/* The policy that counts. `pull` takes what says nothing as "always". */
static const char *policy_of(const struct wc_cli_pull_services *how, const struct wc_service *s)
{
    bool silent = s->pull_policy == NULL || *s->pull_policy == '\0';
    if (s->build.set && silent)
        return "build"; /* the specification's default where there is a build */
    if (wc_streq0(s->pull_policy, "build"))
        return "build";
    if (how->policy != NULL)
        return how->policy;
    return silent && how->all ? "always" : s->pull_policy;
}

static void add(struct round *r, struct wc_cli_pull *list, const struct wc_service *s)
{
    struct wc_arena *arena = r->cli->arena;
    const struct wc_cli_pin *pin = wc_cli_pin_of(r->how->pins, s->name);
    for (size_t i = 0; i < list->n; i++)
        if (wc_streq(list->images[i].reference, s->image) &&
            wc_image_same_platform(list->images[i].platform, s->platform))
            return;
    struct wc_pull_image *images = WC_NEW_ARRAY(arena, struct wc_pull_image, list->n + 1);
    for (size_t i = 0; i < list->n; i++)
        images[i] = list->images[i];
    images[list->n++] = (struct wc_pull_image){ .reference = s->image,
                                                .platform = s->platform,
                                                .service = s->name,
                                                .at = pin != NULL ? pin->at : s->at };
    list->images = images;
}

static int check_platform(struct wc_cli *cli, const struct wc_service *s)
{
    struct wc_err why = { 0 }, err = { 0 };
    if (s->platform == NULL || *s->platform == '\0' ||
        wc_image_check_platform(s->platform, &why) == 0)
        return 0;
    (void)wc_err_at(&err, WC_ERR_SPEC, s->at, "service '%s': platform: %s", s->name, why.msg);
    return wc_cli_fail(cli, &err);
}

/* What is pinned, isn't here and may not be fetched. */
static int refuse_absent(struct wc_cli *cli, const struct wc_cli_pin *pin, const char *policy)
{
    struct wc_err err = { 0 };
    (void)wc_err_at(&err, WC_ERR_NOENT, pin->at,
                    "service %s: %s is pinned to %.19s…, which isn't on this host, and by the pull "
                    "policy '%s' it isn't fetched",
                    pin->service, wc_image_short_reference(pin->name), pin->locked, policy);
    return wc_cli_fail(cli, &err);
}

int wc_cli_pull_choose(struct wc_cli *cli, struct wc_image_store *store,
                       const struct wc_cli_pull_services *how, const struct wc_service *service,
                       struct wc_pull_choice *out)
{
    struct wc_pull_choice choice = { .is_left = true };
    if (service->image == NULL || service->replicas == 0 ||
        (how->ignore_buildable && service->build.set)) {
        *out = choice;
        return 0;
    }
    int status = check_platform(cli, service);
    if (status != 0)
        return status;
    const char *policy = policy_of(how, service);
    const struct wc_cli_pin *pin = wc_cli_pin_of(how->pins, service->name);
    choice = (struct wc_pull_choice){ .policy = policy, .known = look(cli, store, service) };
    choice.is_due = wc_pull_is_due(policy, &choice.known);
    if (pin != NULL && !choice.known.is_there && !choice.is_due)
        return refuse_absent(cli, pin, policy);
    bool by_age = choice.known.is_there && policy != NULL &&
                  (wc_streq(policy, "daily") || wc_streq(policy, "weekly") ||
                   wc_str_starts(policy, "every_"));
    choice.is_lenient = service->build.set || by_age;
    *out = choice;
    return 0;
}

static int choose(struct round *r, const struct wc_service *s)
{
    struct wc_pull_choice choice;
    int status = wc_cli_pull_choose(r->cli, r->store, r->how, s, &choice);
    if (status == 0 && choice.is_due)
        add(r, choice.is_lenient ? &r->lenient : &r->due, s);
    return status;
}

static int pull(struct round *r, struct wc_cli_pull *list, bool ignore)
{
    list->quiet = r->how->quiet;
    list->by_settings = r->how->by_settings;
    list->ignore_failures = ignore || r->how->ignore_failures;
    return wc_cli_pull(r->cli, r->store, list);
}

int wc_cli_pull_services(struct wc_cli *cli, const struct wc_project *project,
                         const struct wc_cli_pull_services *how)
{
    struct wc_paths paths;
    struct wc_err err = { 0 };
    struct round r = { .cli = cli, .how = how };
    int status = wc_cli_paths(cli, &paths);
    if (status != 0)
        return status;
    if (wc_image_store_open(paths.images, &r.store, &err) != 0)
        return wc_cli_fail(cli, &err);
    for (size_t i = 0; i < project->n_services && status == 0; i++)
        status = choose(&r, &project->services[i]);
    if (status == 0)
        status = pull(&r, &r.due, false);
    if (status == 0)
        status = pull(&r, &r.lenient, true);
    wc_image_store_close(r.store);
    return status;
}
