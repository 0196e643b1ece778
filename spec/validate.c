/* validate.c - references. Cycles are the planner's (E201): it has the graph. */
#include "spec/validate.h"

#include <string.h>

#include "base/arena.h"
#include "base/str.h"

bool wc_validate_key(struct wc_load *load, const struct wc_member *member, const char *what)
{
    const char *key = member->key;
    size_t n = 0;
    while (key[n] != '\0' && (wc_ascii_isalnum(key[n]) || strchr("._-", key[n]) != NULL))
        n++;
    if (n != 0 && key[n] == '\0')
        return true;
    struct wc_diag *diag = wc_report_at(load, WC_E_NAME, member->key_at, member->key_span,
                                        "'%s' can't name a %s", key, what);
    diag->hint = "letters, digits, '.', '_' and '-'";
    return false;
}

static void report_disabled(struct wc_load *load, const struct wc_service *s,
                            const struct wc_dep *dep, const struct wc_node *services)
{
    const struct wc_member *other = wc_node_member(services, dep->service);
    const struct wc_node *profiles = wc_node_get(other->value, "profiles");
    struct wc_diag *diag = wc_report_at(
        load, WC_E_DISABLED_DEP, dep->at, wc_utf8_columns(dep->service, strlen(dep->service)),
        "service '%s' needs '%s', which no active profile turns on", s->name, dep->service);
    if (profiles != NULL && profiles->n > 0)
        wc_hint(load, diag, "use --profile %s, or depends_on with required: false",
                profiles->items[0]->text);
    diag->related = other->key_at;
    diag->related_span = other->key_span;
    diag->related_label = "defined here";
}

/* Checks one dependency; false: drop it. */
static bool check_dep(struct wc_load *load, const struct wc_project *project,
                      const struct wc_service *s, const struct wc_dep *dep,
                      const struct wc_node *services)
{
    if (wc_project_service(project, dep->service) != NULL)
        return true;
    if (wc_node_get(services, dep->service) != NULL) {
        if (dep->required && !load->canonical)
            report_disabled(load, s, dep, services);
        return false;
    }
    if (load->canonical)
        return false; /* left out by a selection without dependencies */
    struct wc_diag *diag = wc_report_at(
        load, WC_E_UNKNOWN_SERVICE, dep->at, wc_utf8_columns(dep->service, strlen(dep->service)),
        "service '%s' depends on '%s', which is not defined", s->name, dep->service);
    wc_hint_keys(load, diag, dep->service, services);
    return false;
}

static void check_deps(struct wc_load *load, const struct wc_project *project, struct wc_service *s,
                       const struct wc_node *services)
{
    size_t kept = 0;
    if (load->options->no_consistency)
        return;
    for (size_t i = 0; i < s->n_deps; i++)
        if (check_dep(load, project, s, &s->deps[i], services))
            s->deps[kept++] = s->deps[i];
    s->n_deps = kept;
}

static void check_networks(struct wc_load *load, struct wc_project *project,
                           const struct wc_service *s, const struct wc_node *root)
{
    for (size_t i = 0; i < s->n_networks; i++) {
        const struct wc_service_net *net = &s->networks[i];
        struct wc_network *found =
            (struct wc_network *)(uintptr_t)wc_project_network(project, net->network);
        if (found != NULL) {
            found->used = true;
            continue;
        }
        struct wc_diag *diag = wc_report_at(load, WC_E_UNKNOWN_NETWORK, net->at,
                                            wc_utf8_columns(net->network, strlen(net->network)),
                                            "service '%s' joins network '%s', which is not defined",
                                            s->name, net->network);
        wc_hint_keys(load, diag, net->network, wc_node_get(root, "networks"));
        if (diag->hint == NULL)
            wc_hint(load, diag, "add '%s:' under the top-level networks", net->network);
    }
}

struct wc_loc wc_validate_source_at(const struct wc_service *s, const struct wc_mount *mount)
{
    const struct wc_node *list = wc_node_get(s->tree, "volumes");
    for (size_t i = 0; list != NULL && list->kind == WC_NODE_LIST && i < list->n; i++) {
        const struct wc_node *item = list->items[i], *source = wc_node_get(item, "source");
        if (source != NULL && item->at.line == mount->at.line && item->at.col == mount->at.col &&
            wc_streq0(item->at.file, mount->at.file))
            return source->at;
    }
    return mount->at;
}

static void check_volumes(struct wc_load *load, struct wc_project *project,
                          const struct wc_service *s, const struct wc_node *root)
{
    for (size_t i = 0; i < s->n_mounts; i++) {
        const struct wc_mount *mount = &s->mounts[i];
        if (mount->type != WC_MOUNT_VOLUME || mount->source == NULL)
            continue;
        struct wc_volume *found =
            (struct wc_volume *)(uintptr_t)wc_project_volume(project, mount->source);
        if (found != NULL) {
            found->used = true;
            continue;
        }
        struct wc_diag *diag = wc_report_at(
            load, WC_E_UNKNOWN_VOLUME, wc_validate_source_at(s, mount),
            wc_utf8_columns(mount->source, strlen(mount->source)),
            "service '%s' mounts volume '%s', which is not defined", s->name, mount->source);
        wc_hint_keys(load, diag, mount->source, wc_node_get(root, "volumes"));
        if (diag->hint == NULL)
            wc_hint(load, diag,
                    "add '%s:' under the top-level volumes, or write ./%s for a directory",
                    mount->source, mount->source);
    }
}

static void check_container_names(struct wc_load *load, const struct wc_project *project)
{
    struct wc_map seen;
    wc_map_init(&seen, load->arena);
    for (size_t i = 0; i < project->n_services; i++) {
        struct wc_service *s = &project->services[i];
        const struct wc_service *first =
            s->container_name == NULL ? NULL : wc_map_get(&seen, s->container_name);
        if (s->container_name != NULL && first == NULL)
            wc_map_put(&seen, s->container_name, s);
        if (first == NULL)
            continue;
        struct wc_diag *diag = wc_report_at(load, WC_E_CONFLICT, s->at, (unsigned)strlen(s->name),
                                            "services '%s' and '%s' both take container_name '%s'",
                                            first->name, s->name, s->container_name);
        diag->related = first->at;
        diag->related_label = "the other one is here";
    }
}

/* These become words of hosts files, resolv.conf and the name server's tables, where a blank or a
 * new line would begin something else. */
static void check_word(struct wc_load *load, struct wc_loc at, const char *attribute,
                       const char *word)
{
    const char *p = word;
    while (p != NULL && (unsigned char)*p > ' ' && *p != 127)
        p++;
    if (p == NULL || (*p == '\0' && p != word))
        return;
    struct wc_diag *diag =
        wc_report_at(load, WC_E_NAME, at, 1, "%s: '%s' is not one word", attribute, word);
    diag->hint = "without blanks and control characters";
}

static void check_words(struct wc_load *load, const struct wc_service *s)
{
    const struct {
        const char *attribute;
        const struct wc_strv *words;
    } lists[] = { { "dns", &s->dns },
                  { "dns_search", &s->dns_search },
                  { "dns_opt", &s->dns_opt } };
    check_word(load, s->at, "hostname", s->hostname);
    check_word(load, s->at, "domainname", s->domainname);
    for (size_t i = 0; i < WC_COUNT(lists); i++)
        for (size_t k = 0; k < lists[i].words->n; k++)
            check_word(load, s->at, lists[i].attribute, lists[i].words->items[k]);
    for (size_t i = 0; i < s->extra_hosts.n; i++) {
        check_word(load, s->at, "extra_hosts", s->extra_hosts.items[i].key);
        check_word(load, s->at, "extra_hosts", s->extra_hosts.items[i].value);
    }
    for (size_t i = 0; i < s->n_networks; i++)
        for (size_t k = 0; k < s->networks[i].aliases.n; k++)
            check_word(load, s->networks[i].at, "aliases", s->networks[i].aliases.items[k]);
}

/* Profiles that were asked for and that nothing carries. Those under x-wcompose count. */
static void check_profiles(struct wc_load *load, const struct wc_node *root)
{
    const struct wc_node *services = wc_node_get(root, "services");
    const struct wc_node *own = wc_node_get(wc_node_get(root, "x-wcompose"), "profiles");
    struct wc_node *known = wc_node_new(load->arena, WC_NODE_MAP, NULL);
    for (size_t i = 0; services != NULL && services->kind == WC_NODE_MAP && i < services->n; i++) {
        const struct wc_node *list = wc_node_get(services->members[i].value, "profiles");
        for (size_t k = 0; list != NULL && list->kind == WC_NODE_LIST && k < list->n; k++)
            if (list->items[k]->kind == WC_NODE_STRING)
                wc_node_put(load->arena, known, list->items[k]->text, list->items[k]);
    }
    for (size_t i = 0; own != NULL && own->kind == WC_NODE_MAP && i < own->n; i++)
        wc_node_put(load->arena, known, own->members[i].key, own->members[i].value);
    for (size_t i = 0; i < load->profiles.n; i++) {
        const char *name = load->profiles.items[i];
        if (wc_streq(name, "*") || wc_node_member(known, name) != NULL)
            continue;
        struct wc_diag *diag = wc_report_at(load, WC_W_PROFILE, (struct wc_loc){ 0 }, 1,
                                            "no service has profile '%s'", name);
        wc_hint_keys(load, diag, name, known);
    }
}

void wc_validate(struct wc_load *load, struct wc_project *project, const struct wc_node *root)
{
    const struct wc_node *services = wc_node_get(root, "services");
    for (size_t i = 0; i < project->n_services; i++) {
        struct wc_service *s = &project->services[i];
        check_deps(load, project, s, services);
        check_networks(load, project, s, root);
        check_volumes(load, project, s, root);
        check_words(load, s);
    }
    for (size_t i = 0; i < project->n_networks; i++)
        check_word(load, project->networks[i].at, "name", project->networks[i].name);
    if (!load->options->no_consistency)
        check_container_names(load, project);
    if (!load->canonical && load->options->n_profiles != 0)
        check_profiles(load, root);
}
