/* profile.c - profiles switch services on; ours also say how isolated they run.
 *
 * Isolation only ever goes up: hyperv asked for by the service can't be lowered by a profile, and
 * of several active profiles the strongest wins. An entry for one service goes before the profile's
 * own level, which fills in for services that ask for nothing.
 */
#include "spec/profile.h"

#include "base/arena.h"
#include "base/str.h"
#include "spec/types.h"
#include "wcompose/model.h"

bool wc_profile_active(const struct wc_load *load, const struct wc_node *service)
{
    const struct wc_node *profiles = wc_node_get(service, "profiles");
    if (load->canonical || profiles == NULL || profiles->kind != WC_NODE_LIST || profiles->n == 0 ||
        wc_strv_has(&load->profiles, "*"))
        return true;
    for (size_t i = 0; i < profiles->n; i++)
        if (wc_strv_has(&load->profiles, profiles->items[i]->text))
            return true;
    return false;
}

void wc_profile_name(struct wc_load *load, const struct wc_node *services)
{
    const struct wc_spec_options *o = load->options;
    struct wc_strv more = { 0 };
    for (size_t i = 0; i < o->n_services; i++) {
        const struct wc_node *service = wc_node_get(services, o->services[i]);
        const struct wc_node *profiles = wc_node_get(service, "profiles");
        if (service == NULL || wc_profile_active(load, service))
            continue;
        for (size_t k = 0; k < profiles->n; k++)
            if (profiles->items[k]->kind == WC_NODE_STRING)
                wc_strv_add(load->arena, &more, profiles->items[k]->text);
    }
    for (size_t i = 0; i < more.n; i++)
        if (!wc_strv_has(&load->profiles, more.items[i]))
            wc_strv_add(load->arena, &load->profiles, more.items[i]);
}

static enum wc_isolation level_of(const struct wc_node *value)
{
    enum wc_isolation level = WC_ISOLATION_DEFAULT;
    if (value != NULL && value->kind == WC_NODE_STRING)
        wc_isolation_parse(value->text, &level);
    return level;
}

/* An isolation that a profile says. */
struct wish {
    struct wc_node *value;
    const char *profile;
};

/* The stronger of two; enumerators are in order of strength. */
static void take_stronger(struct wish *wish, struct wc_node *value, const char *profile)
{
    if (level_of(value) > level_of(wish->value))
        *wish = (struct wish){ value, profile };
}

/* What the active profiles say; all may be NULL. */
struct wishes {
    struct wish specific, general;
    struct wc_node *trust, *tenant;
};

static void collect(const struct wc_node *profile, const char *name, const char *service,
                    struct wishes *out)
{
    const struct wc_node *entry = wc_node_get(wc_node_get(profile, "services"), service);
    struct wc_node *trust = wc_node_get(entry, "trust"), *tenant = wc_node_get(entry, "tenant");
    take_stronger(&out->specific, wc_node_get(entry, "isolation"), name);
    take_stronger(&out->general, wc_node_get(profile, "isolation"), name);
    if (trust != NULL && (out->trust == NULL || wc_streq(trust->text, "untrusted")))
        out->trust = trust;
    if (tenant != NULL)
        out->tenant = tenant;
}

static void fill_in(struct wc_load *load, struct wc_node *service, const struct wish *wish,
                    struct wc_service *said)
{
    wc_node_put(load->arena, service, "isolation", wish->value);
    said->isolation_profile = wish->profile;
}

/* A process for all who ask for nothing is none for the untrusted, who ask for a kernel. */
static bool fits(const struct wc_node *service, const struct wish *wish)
{
    const char *trust = wc_node_text(wc_node_get(service, "x-wcompose"), "trust");
    return wish->value != NULL && !(level_of(wish->value) == WC_ISOLATION_PROCESS &&
                                    trust != NULL && wc_streq(trust, "untrusted"));
}

static void apply_isolation(struct wc_load *load, struct wc_node *service, const char *name,
                            const struct wishes *wishes, struct wc_service *said)
{
    struct wc_node *own = wc_node_get(service, "isolation");
    enum wc_isolation asked = level_of(own), specific = level_of(wishes->specific.value);
    if (specific == WC_ISOLATION_PROCESS && asked == WC_ISOLATION_HYPERV) {
        struct wc_diag *diag = wc_report(load, WC_E_LOWERED, wishes->specific.value,
                                         "a profile can't lower service '%s' from hyperv", name);
        diag->hint = "leave the service's own isolation empty to let profiles choose";
        diag->related = own->at;
        diag->related_span = own->span;
        diag->related_label = "asked for here";
        return;
    }
    if (specific > WC_ISOLATION_DEFAULT && specific != asked)
        fill_in(load, service, &wishes->specific, said);
    else if (asked == WC_ISOLATION_DEFAULT && fits(service, &wishes->general)) {
        fill_in(load, service, &wishes->general, said);
        said->isolation_filled_in = true;
    }
}

static void apply_own(struct wc_load *load, struct wc_node *service, const struct wishes *wishes)
{
    const struct wc_node *old = wc_node_get(service, "x-wcompose");
    if (wishes->trust == NULL && wishes->tenant == NULL)
        return;
    struct wc_node *own = old == NULL || old->kind != WC_NODE_MAP
                              ? wc_node_new(load->arena, WC_NODE_MAP, service)
                              : wc_node_copy(load->arena, old);
    const char *trust = wc_node_text(own, "trust");
    bool stays = trust != NULL && wc_streq(trust, "untrusted");
    if (wishes->trust != NULL && !stays)
        wc_node_put(load->arena, own, "trust", wishes->trust);
    if (wishes->tenant != NULL && wc_node_get(own, "tenant") == NULL)
        wc_node_put(load->arena, own, "tenant", wishes->tenant);
    wc_node_put(load->arena, service, "x-wcompose", own);
}

void wc_profile_apply(struct wc_load *load, const struct wc_node *root, const char *name,
                      struct wc_node *service, struct wc_service *said)
{
    const struct wc_node *profiles = wc_node_get(wc_node_get(root, "x-wcompose"), "profiles");
    struct wishes wishes = { 0 };
    for (size_t i = 0; i < load->profiles.n; i++)
        collect(wc_node_get(profiles, load->profiles.items[i]), load->profiles.items[i], name,
                &wishes);
    apply_own(load, service, &wishes);
    apply_isolation(load, service, name, &wishes, said);
}
