/* draft.c - what several attributes say together: twins, restart, network mode, links, and the
 * defaults of the specification.
 */
#include "spec/draft.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/str.h"

void wc_draft_init(struct wc_service_draft *draft)
{
    *draft = (struct wc_service_draft){ 0 };
    struct wc_service *s = &draft->service;
    s->health.interval_ms = s->health.timeout_ms = s->health.start_period_ms = WC_UNSET;
    s->health.start_interval_ms = s->health.retries = WC_UNSET;
    s->health.check.port = s->health.watchdog_ms = WC_UNSET;
    s->restart_max = s->shm_size_bytes = s->mem_limit_bytes = s->mem_reservation_bytes = WC_UNSET;
    s->build.shm_size_bytes = WC_UNSET;
    s->cpu_quota_us = s->cpu_period_us = s->io.weight = WC_UNSET;
    s->memswap_limit_bytes = s->nano_cpus = s->cpu_shares = s->pids_limit = WC_UNSET;
    s->oom_score_adj = INT64_MIN;
    s->stop_grace_ms = 10000;
    s->init = s->tty = s->stdin_open = s->vm.use_template = WC_TRI_UNSET;
    s->vm.cpus = s->vm.disk_bytes = s->vm.memory_bytes = s->vm.hang_ms = WC_UNSET;
    draft->deploy_max_attempts = draft->scale = draft->replicas = draft->memswap = WC_UNSET;
    draft->limit_memory = draft->limit_nano_cpus = draft->limit_pids = WC_UNSET;
    draft->reserve_memory = draft->progress_ms = WC_UNSET;
    s->update = s->rollback = (struct wc_update_config){ .parallelism = WC_UNSET,
                                                         .delay_ms = WC_UNSET,
                                                         .monitor_ms = WC_UNSET,
                                                         .max_failure_nano = WC_UNSET };
}

/* Two attributes for one thing: gives the one that is set, and reports a disagreement. */
static int64_t settle_twins(struct wc_load *load, const struct wc_node *node, const char *key,
                            const char *twin_path, int64_t value, int64_t twin)
{
    if (value == WC_UNSET || twin == WC_UNSET || value == twin)
        return value == WC_UNSET ? twin : value;
    const struct wc_member *a = wc_draft_member(node, key), *b = wc_draft_member(node, twin_path);
    if (a == NULL || b == NULL)
        return value;
    struct wc_diag *diag = wc_report(load, WC_E_TWINS, b->value, "%s is %s, but %s is %s",
                                     twin_path, b->value->raw, key, a->value->raw);
    diag->hint = "remove one of the two";
    diag->related = a->value->at;
    diag->related_span = a->value->span;
    diag->related_label = "set here";
    return value;
}

static void settle_resources(struct wc_load *load, struct wc_service_draft *d,
                             const struct wc_node *node)
{
    struct wc_service *s = &d->service;
    s->mem_limit_bytes = settle_twins(load, node, "mem_limit", "deploy.resources.limits.memory",
                                      s->mem_limit_bytes, d->limit_memory);
    s->nano_cpus = settle_twins(load, node, "cpus", "deploy.resources.limits.cpus", s->nano_cpus,
                                d->limit_nano_cpus);
    s->pids_limit = settle_twins(load, node, "pids_limit", "deploy.resources.limits.pids",
                                 s->pids_limit, d->limit_pids);
    s->mem_reservation_bytes =
        settle_twins(load, node, "mem_reservation", "deploy.resources.reservations.memory",
                     s->mem_reservation_bytes, d->reserve_memory);
    s->replicas = settle_twins(load, node, "scale", "deploy.replicas", d->scale, d->replicas);
    if (s->replicas == WC_UNSET)
        s->replicas = 1;
    if (s->mem_limit_bytes == 0)
        s->mem_limit_bytes = WC_UNSET;
    if (s->mem_reservation_bytes == 0)
        s->mem_reservation_bytes = WC_UNSET;
    if (s->nano_cpus == 0)
        s->nano_cpus = WC_UNSET;
    if (s->cpu_quota_us <= 0) /* -1 and 0 are no limit, */
        s->cpu_quota_us = WC_UNSET;
    if (s->cpu_period_us <= 0) /* and the usual one */
        s->cpu_period_us = WC_UNSET;
    if (s->io.weight == 0)
        s->io.weight = WC_UNSET;
    if (wc_draft_member(node, "pids_limit") != NULL && s->pids_limit < 0)
        s->pids_limit = 0;
    s->memswap_unlimited = d->memswap == INT64_MAX;
    if (!s->memswap_unlimited && d->memswap != 0)
        s->memswap_limit_bytes = d->memswap;
}

/* deploy.restart_policy wins over restart. A count of 0 is no limit, as in Docker. */
static void settle_restart(struct wc_service_draft *d)
{
    struct wc_service *s = &d->service;
    const char *text = d->restart == NULL ? "no" : d->restart;
    s->restart = WC_RESTART_NO;
    bool has_policy = d->deploy_condition != NULL || d->deploy_max_attempts != WC_UNSET ||
                      s->restart_delay_ms > 0 || s->restart_window_ms > 0;
    if (has_policy) {
        const char *condition = d->deploy_condition == NULL ? "any" : d->deploy_condition;
        if (wc_streq(condition, "any"))
            s->restart = WC_RESTART_ALWAYS;
        if (wc_streq(condition, "on-failure"))
            s->restart = WC_RESTART_ON_FAILURE;
        s->restart_max = d->deploy_max_attempts == 0 ? WC_UNSET : d->deploy_max_attempts;
        return;
    }
    if (wc_streq(text, "always"))
        s->restart = WC_RESTART_ALWAYS;
    if (wc_streq(text, "unless-stopped"))
        s->restart = WC_RESTART_UNLESS_STOPPED;
    if (wc_str_starts(text, "on-failure")) {
        s->restart = WC_RESTART_ON_FAILURE;
        if (text[10] == ':' && wc_str_to_i64(text + 11, 0, INT32_MAX, &s->restart_max) &&
            s->restart_max == 0)
            s->restart_max = WC_UNSET;
    }
}

/* Adds a dependency that another attribute implies, unless depends_on names the service. */
static void imply_dep(struct wc_load *load, struct wc_service *s, const char *service, bool restart,
                      struct wc_loc at)
{
    for (size_t i = 0; i < s->n_deps; i++)
        if (wc_streq(s->deps[i].service, service))
            return;
    struct wc_dep *deps = WC_NEW_ARRAY(load->arena, struct wc_dep, s->n_deps + 1);
    if (s->n_deps != 0)
        memcpy(deps, s->deps, s->n_deps * sizeof *deps);
    deps[s->n_deps++] = (struct wc_dep){ service, WC_DEP_STARTED, restart, true, at };
    s->deps = deps;
}

static void settle_network_mode(struct wc_load *load, struct wc_service_draft *d,
                                const struct wc_node *node)
{
    struct wc_service *s = &d->service;
    const struct wc_member *mode = wc_node_member(node, "network_mode");
    const struct wc_member *networks = wc_node_member(node, "networks");
    if (d->network_mode == NULL || mode == NULL)
        return;
    if (wc_streq(d->network_mode, "none")) {
        s->network_mode = WC_NETMODE_NONE;
    } else if (wc_streq(d->network_mode, "host")) {
        s->network_mode = WC_NETMODE_HOST;
    } else if (wc_str_starts(d->network_mode, "service:") && d->network_mode[8] != '\0') {
        s->network_mode = WC_NETMODE_SERVICE;
        s->network_mode_service = d->network_mode + 8;
        imply_dep(load, s, s->network_mode_service, true, mode->value->at);
    } else {
        static const char *const words[] = { "none", "host", "service:" };
        struct wc_diag *diag =
            wc_report_not_yet(load, mode->value->at, mode->value->span,
                              "network_mode '%s' is not carried out yet", d->network_mode);
        wc_hint_words(load, diag, d->network_mode, words, WC_COUNT(words), true);
    }
    if (networks != NULL && networks->value->n != 0 && !load->options->no_consistency) {
        struct wc_diag *diag =
            wc_report_at(load, WC_E_CONFLICT, networks->key_at, networks->key_span,
                         "service '%s' has both network_mode and networks", s->name);
        diag->hint = "remove one of the two";
        diag->related = mode->key_at;
        diag->related_span = mode->key_span;
        diag->related_label = "network_mode is here";
    }
}

/* links: a dependency, and names that all services of a network have anyway. */
static void settle_links(struct wc_load *load, struct wc_service_draft *d,
                         const struct wc_node *node)
{
    const struct wc_node *links = wc_node_get(node, "links");
    for (size_t i = 0; links != NULL && i < links->n; i++) {
        const struct wc_node *item = links->items[i];
        if (item->kind != WC_NODE_STRING)
            continue;
        size_t len = strcspn(item->text, ":");
        const char *service = wc_arena_strndup(load->arena, item->text, len);
        if (item->text[len] == ':' && !wc_streq(item->text + len + 1, service)) {
            struct wc_diag *diag = wc_report(
                load, WC_W_NOT_YET, item,
                "the alias of link '%s' is not carried out yet; it has no effect", item->text);
            wc_hint(load, diag, "give service '%s' a network alias", service);
        }
        imply_dep(load, &d->service, service, true, item->at);
    }
}

/* The first network gives the default route: by priority, then by name, so that it never depends on
 * the order of a map. */
static int by_priority(const void *a, const void *b)
{
    const struct wc_service_net *x = a, *y = b;
    if (x->priority != y->priority)
        return x->priority > y->priority ? -1 : 1;
    return strcmp(x->network, y->network);
}

static void settle_namespaces(struct wc_load *load, struct wc_service *s,
                              const struct wc_node *node)
{
    static const char *const keys[] = { "ipc", "pid", "uts", "cgroup" };
    for (size_t i = 0; i < WC_COUNT(keys); i++) {
        const struct wc_node *value = wc_node_get(node, keys[i]);
        if (value != NULL && value->kind == WC_NODE_STRING &&
            wc_str_starts(value->text, "service:"))
            imply_dep(load, s, value->text + 8, true, value->at);
    }
}

/* volumes_from: service[:ro] or container:name; a restart of the one is nothing to the other. */
static void settle_volumes_from(struct wc_load *load, struct wc_service *s,
                                const struct wc_node *node)
{
    const struct wc_node *list = wc_node_get(node, "volumes_from");
    for (size_t i = 0; list != NULL && i < list->n; i++) {
        const struct wc_node *item = list->items[i];
        if (item->kind == WC_NODE_STRING && !wc_str_starts(item->text, "container:"))
            imply_dep(load, s, wc_arena_strndup(load->arena, item->text, strcspn(item->text, ":")),
                      false, item->at);
    }
}

static void check_image(struct wc_load *load, const struct wc_service *s,
                        const struct wc_node *node, const struct wc_member *member)
{
    const struct wc_node *image = wc_node_get(node, "image");
    if (wc_node_get(node, "provider") != NULL || wc_node_get(node, "extends") != NULL ||
        (image != NULL && image->kind == WC_NODE_BAD) || s->image != NULL)
        return;
    if (load->options->no_consistency || wc_node_get(node, "build") != NULL)
        return;
    wc_report_at(load, WC_E_MISSING, member->key_at, member->key_span,
                 "service '%s' needs an image: image or build", s->name);
}

/* Reports a mount on a target that another has. */
static void check_target(struct wc_load *load, const struct wc_service *s, struct wc_map *seen,
                         const struct wc_node *item, const char *target)
{
    const struct wc_node *first = wc_map_get(seen, target);
    if (first == NULL) {
        wc_map_put(seen, target, (void *)(uintptr_t)item);
        return;
    }
    struct wc_diag *diag = wc_report_at(load, WC_E_SAME_TARGET, item->at, 1,
                                        "service '%s' has two mounts on %s", s->name, target);
    diag->related = first->at;
    diag->related_label = "the first is here";
}

/* Where configs and secrets are put: relative to / and to /run/secrets. */
static void check_objects(struct wc_load *load, const struct wc_service *s, struct wc_map *seen,
                          const struct wc_node *list, const char *directory)
{
    for (size_t i = 0; list != NULL && list->kind == WC_NODE_LIST && i < list->n; i++) {
        struct wc_node *item = list->items[i];
        const char *target = item->kind == WC_NODE_MAP ? wc_node_text(item, "target") : NULL;
        if (target != NULL && target[0] != '/')
            target = wc_arena_printf(load->arena, "%s/%s", directory, target);
        if (target != NULL)
            check_target(load, s, seen, item, target);
    }
}

static size_t size_of(const struct wc_node *list)
{
    return list == NULL ? 0 : list->n;
}

static void check_targets(struct wc_load *load, const struct wc_service *s,
                          const struct wc_node *node)
{
    const struct wc_node *volumes = wc_node_get(node, "volumes"),
                         *tmpfs = wc_node_get(node, "tmpfs");
    const struct wc_node *configs = wc_node_get(node, "configs"),
                         *secrets = wc_node_get(node, "secrets");
    struct wc_map seen;
    if (size_of(volumes) + size_of(tmpfs) + size_of(configs) + size_of(secrets) < 2)
        return;
    wc_map_init(&seen, load->arena);
    for (size_t i = 0; volumes != NULL && volumes->kind == WC_NODE_LIST && i < volumes->n; i++) {
        const char *target = wc_node_text(volumes->items[i], "target");
        if (target != NULL)
            check_target(load, s, &seen, volumes->items[i], target);
    }
    for (size_t i = 0; tmpfs != NULL && tmpfs->kind == WC_NODE_LIST && i < tmpfs->n; i++) {
        const struct wc_node *item = tmpfs->items[i];
        if (item->kind == WC_NODE_STRING) /* options follow the target */
            check_target(load, s, &seen, item,
                         wc_arena_strndup(load->arena, item->text, strcspn(item->text, ":")));
    }
    check_objects(load, s, &seen, configs, "");
    check_objects(load, s, &seen, secrets, "/run/secrets");
}

void wc_draft_settle(struct wc_load *load, struct wc_service_draft *draft,
                     const struct wc_node *node, const struct wc_member *member)
{
    struct wc_service *s = &draft->service;
    const struct wc_node *isolation = wc_node_get(node, "isolation");
    const struct wc_node *name = wc_node_get(node, "container_name");
    s->name = member->key;
    s->at = member->key_at;
    if (isolation != NULL && isolation->kind == WC_NODE_STRING)
        s->isolation_at = isolation->at;
    settle_resources(load, draft, node);
    settle_restart(draft);
    wc_probe_settle(load, draft, node);
    wc_vm_settle(load, draft, node);
    settle_network_mode(load, draft, node);
    wc_draft_settle_updates(load, draft, node);
    settle_links(load, draft, node);
    if (s->n_networks > 1)
        qsort(s->networks, s->n_networks, sizeof *s->networks, by_priority);
    settle_namespaces(load, s, node);
    settle_volumes_from(load, s, node);
    wc_build_settle(load, draft, node);
    check_image(load, s, node, member);
    check_targets(load, s, node);
    if (s->container_name != NULL && s->replicas > 1 && name != NULL)
        wc_report(load, WC_E_SCALE, name,
                  "service '%s' has a container_name and %lld replicas; a name fits one", s->name,
                  (long long)s->replicas);
}

void wc_network_init(struct wc_network *network)
{
    *network = (struct wc_network){ .enable_ipv6 = WC_TRI_UNSET };
}

/* external: {name: x} is the old form of name: x. */
static const char *external_name(const struct wc_node *node, const char *key, const char *name)
{
    const struct wc_node *external = wc_node_get(node, "external");
    const char *old = wc_node_text(external, "name");
    return name != NULL ? name : old != NULL ? old : key;
}

/* Both forms of the name of one thing. */
static void check_names(struct wc_load *load, const struct wc_node *node, const char *what,
                        const char *key)
{
    const struct wc_member *old = wc_node_member(wc_node_get(node, "external"), "name");
    const struct wc_member *name = wc_node_member(node, "name");
    if (old == NULL || name == NULL || wc_node_equal(old->value, name->value))
        return;
    struct wc_diag *diag =
        wc_report(load, WC_E_CONFLICT, old->value, "%s '%s' has two names, '%s' and '%s'", what,
                  key, name->value->raw, old->value->raw);
    diag->hint = "external.name is the old form: write `external: true` and keep `name`";
    diag->related = name->value->at;
    diag->related_span = name->value->span;
    diag->related_label = "the other name is here";
}

const char *wc_draft_name(struct wc_load *load, const struct wc_member *member, const char *name,
                          bool external)
{
    if (external)
        return external_name(member->value, member->key, name);
    return name != NULL ? name
                        : wc_arena_printf(load->arena, "%s_%s", load->project_name, member->key);
}

void wc_network_settle(struct wc_load *load, struct wc_network *network,
                       const struct wc_member *member)
{
    network->key = member->key;
    network->at = member->key_at;
    network->name = wc_draft_name(load, member, network->name, network->external);
    check_names(load, member->value, "network", member->key);
    const struct wc_node *pools = wc_node_get(wc_node_get(member->value, "ipam"), "config");
    for (size_t i = 0; pools != NULL && i < pools->n; i++) {
        const char *subnet = wc_node_text(pools->items[i], "subnet");
        if (i == 0) {
            network->subnet = subnet;
            network->gateway = wc_node_text(pools->items[i], "gateway");
        } else {
            wc_report(load, WC_W_NOT_YET, pools->items[i],
                      "a second subnet of network '%s' is not carried out yet; it has no effect",
                      member->key);
        }
    }
}

void wc_volume_settle(struct wc_load *load, struct wc_volume *volume,
                      const struct wc_member *member)
{
    volume->key = member->key;
    volume->at = member->key_at;
    volume->name = wc_draft_name(load, member, volume->name, volume->external);
    check_names(load, member->value, "volume", member->key);
    if (!volume->external || member->value->kind != WC_NODE_MAP)
        return;
    for (size_t i = 0; i < member->value->n; i++) {
        const struct wc_member *m = &member->value->members[i];
        if (wc_streq(m->key, "external") || wc_streq(m->key, "name") || wc_str_starts(m->key, "x-"))
            continue;
        wc_report_at(load, WC_E_CONFLICT, m->key_at, m->key_span,
                     "volume '%s' is external, so '%s' can't be set here", member->key, m->key);
    }
}
