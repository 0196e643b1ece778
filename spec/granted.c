/* granted.c - one table of all attributes, each with its reason to be harmless or not; the test of
 * the rows fails when an attribute is added without one. It works on what is merged, extended,
 * included and interpolated, so there is one place to get right.
 *
 * What isn't here: paths and variables (restricted.c), and who may use a kernel with whom (the
 * host's policy).
 */
#include "spec/granted.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/str.h"
#include "spec/validate.h"

typedef void check_fn(struct wc_load *load, const struct wc_service *s,
                      const struct wc_node *value);

static const char *say(struct wc_load *load, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static const char *say(struct wc_load *load, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    const char *text = wc_diags_text(load->arena, fmt, args);
    va_end(args);
    return text;
}

/* Refuses; `grant` is what would allow it, or NULL: nothing does. */
static void refuse_at(struct wc_load *load, struct wc_loc at, unsigned span, const char *what,
                      const char *grant)
{
    struct wc_diag *diag = wc_report_at(load, WC_E_GRANT, at, span, "%s", what);
    if (grant != NULL)
        wc_hint(load, diag, "whoever runs this host can allow it: grant: {%s}", grant);
    else
        diag->hint = "only a source with trust: trusted may have that";
}

static void refuse(struct wc_load *load, const struct wc_node *at, const char *what,
                   const char *grant)
{
    refuse_at(load, at->at, at->span, what, grant);
}

/* "NET_ADMIN" of "CAP_NET_ADMIN" or "net_admin". */
static const char *bare_cap(const char *name)
{
    static const char prefix[] = "cap_";
    for (size_t i = 0; i < sizeof prefix - 1; i++)
        if (wc_ascii_lower(name[i]) != prefix[i])
            return name;
    return name + sizeof prefix - 1;
}

static bool has_cap(const struct wc_strv *list, const char *name)
{
    for (size_t i = 0; i < list->n; i++)
        if (wc_str_caseeq(bare_cap(list->items[i]), bare_cap(name)))
            return true;
    return false;
}

/* True when a name is in a list whose items may end in '*'. */
static bool has_name(const struct wc_strv *list, const char *name)
{
    for (size_t i = 0; i < list->n; i++) {
        size_t len = strlen(list->items[i]);
        bool open_end = len > 0 && list->items[i][len - 1] == '*';
        if (open_end ? strncmp(list->items[i], name, len - 1) == 0 : wc_streq(list->items[i], name))
            return true;
    }
    return false;
}

static void check_caps(struct wc_load *load, const struct wc_service *s,
                       const struct wc_node *value)
{
    (void)s;
    for (size_t i = 0; value->kind == WC_NODE_LIST && i < value->n; i++) {
        const struct wc_node *cap = value->items[i];
        if (cap->kind == WC_NODE_STRING && !has_cap(&load->options->grant->caps, cap->text))
            refuse(load, cap, say(load, "the capability %s is not granted", cap->text),
                   say(load, "caps: [%s]", bare_cap(cap->text)));
    }
}

static void check_sysctls(struct wc_load *load, const struct wc_service *s,
                          const struct wc_node *value)
{
    (void)s;
    for (size_t i = 0; value->kind == WC_NODE_MAP && i < value->n; i++) {
        const struct wc_member *m = &value->members[i];
        if (!has_name(&load->options->grant->sysctls, m->key))
            refuse_at(load, m->key_at, m->key_span,
                      say(load, "the kernel setting %s is not granted", m->key),
                      say(load, "sysctls: [%s]", m->key));
    }
}

/* The model has them complete: "src:dst:rwm". */
static void check_devices(struct wc_load *load, const struct wc_service *s,
                          const struct wc_node *value)
{
    for (size_t i = 0; i < s->devices.n; i++) {
        const char *device = s->devices.items[i];
        const char *source = wc_arena_strndup(load->arena, device, strcspn(device, ":"));
        bool is_item = value->kind == WC_NODE_LIST && i < value->n;
        if (!wc_strv_has(&load->options->grant->devices, source))
            refuse(load, is_item ? value->items[i] : value,
                   say(load, "the device %s is not granted", source),
                   say(load, "devices: [%s]", source));
    }
}

static bool is_port_granted(const struct wc_grant *grant, unsigned from, unsigned to)
{
    for (size_t i = 0; i < grant->n_ports; i++)
        if (from >= grant->ports[i].from && to <= grant->ports[i].to)
            return true;
    return false;
}

static void check_ports(struct wc_load *load, const struct wc_service *s,
                        const struct wc_node *value)
{
    (void)value;
    for (size_t i = 0; i < s->n_ports; i++) {
        const struct wc_port *p = &s->ports[i];
        unsigned to = p->published_end > p->published ? p->published_end : p->published;
        if (p->published == 0 || is_port_granted(load->options->grant, p->published, to))
            continue;
        refuse_at(load, p->at, 1, say(load, "the host's port %u is not granted", p->published),
                  say(load, "ports: [%u]", p->published));
    }
}

static void check_build(struct wc_load *load, const struct wc_service *s,
                        const struct wc_node *value)
{
    static const char *const never[] = { "entitlements", "privileged", "ssh" };
    (void)s;
    if (!load->options->grant->build) {
        refuse(load, value, "building images on this host is not granted", "build: true");
        return;
    }
    for (size_t i = 0; i < WC_COUNT(never); i++) {
        const struct wc_node *inner = wc_node_get(value, never[i]);
        bool off = inner == NULL || (inner->kind == WC_NODE_BOOL && !inner->boolean) ||
                   (inner->kind == WC_NODE_LIST && inner->n == 0);
        if (!off)
            refuse(load, inner, say(load, "a build can't be given %s", never[i]), NULL);
    }
    const struct wc_node *network = wc_node_get(value, "network");
    if (network != NULL && network->kind == WC_NODE_STRING && !wc_streq(network->text, "none") &&
        !wc_streq(network->text, "default"))
        refuse(load, network, "a build can't be given a network of the host's", NULL);
}

/* ipc, pid, uts, userns_mode, cgroup, network_mode: another service's is fine, the host's and a
 * foreign container's aren't. */
static void check_namespace(struct wc_load *load, const struct wc_service *s,
                            const struct wc_node *value)
{
    static const char *const inside[] = { "", "private", "none", "shareable", "bridge", "default" };
    (void)s;
    if (value->kind != WC_NODE_STRING || wc_str_starts(value->text, "service:"))
        return;
    for (size_t i = 0; i < WC_COUNT(inside); i++)
        if (wc_streq(value->text, inside[i]))
            return;
    refuse(load, value, say(load, "'%s' is a namespace outside the project", value->text), NULL);
}

/* Only what makes it stricter. */
static void check_security(struct wc_load *load, const struct wc_service *s,
                           const struct wc_node *value)
{
    static const char *const stricter[] = { "no-new-privileges", "no-new-privileges:true",
                                            "no-new-privileges=true" };
    (void)s;
    for (size_t i = 0; value->kind == WC_NODE_LIST && i < value->n; i++) {
        const struct wc_node *option = value->items[i];
        bool fine = option->kind != WC_NODE_STRING;
        for (size_t k = 0; k < WC_COUNT(stricter); k++)
            fine = fine || wc_streq(option->text, stricter[k]);
        if (!fine)
            refuse(load, option, say(load, "'%s' could make the confinement weaker", option->text),
                   NULL);
    }
}

static void check_volumes_from(struct wc_load *load, const struct wc_service *s,
                               const struct wc_node *value)
{
    (void)s;
    for (size_t i = 0; value->kind == WC_NODE_LIST && i < value->n; i++)
        if (value->items[i]->kind == WC_NODE_STRING &&
            wc_str_starts(value->items[i]->text, "container:"))
            refuse(load, value->items[i], "the volumes of a container outside the project", NULL);
}

static void check_true(struct wc_load *load, const struct wc_service *s,
                       const struct wc_node *value)
{
    if (value->kind == WC_NODE_BOOL && !value->boolean)
        return;
    refuse(load, value,
           s->privileged ? "a privileged container is the host's root"
                         : "the kernel may not be kept from ending a container",
           NULL);
}

static void check_oom_score(struct wc_load *load, const struct wc_service *s,
                            const struct wc_node *value)
{
    if (s->oom_score_adj != INT64_MIN && s->oom_score_adj < 0)
        refuse(load, value, "a container may not be spared before what else runs on the host",
               NULL);
}

static void check_hooks(struct wc_load *load, const struct wc_service *s,
                        const struct wc_node *value)
{
    (void)s;
    for (size_t i = 0; value->kind == WC_NODE_LIST && i < value->n; i++) {
        const struct wc_node *privileged = wc_node_get(value->items[i], "privileged");
        if (privileged != NULL && (privileged->kind != WC_NODE_BOOL || privileged->boolean))
            refuse(load, privileged, "a privileged hook is the host's root", NULL);
    }
}

static void check_logging(struct wc_load *load, const struct wc_service *s,
                          const struct wc_node *value)
{
    static const char *const here[] = { "json-file", "local", "none" };
    bool fine = s->logging.driver == NULL;
    for (size_t i = 0; i < WC_COUNT(here); i++)
        fine = fine || wc_streq(s->logging.driver, here[i]);
    if (!fine)
        refuse(load, value, "logs may not be sent elsewhere", NULL);
}

static void check_deploy(struct wc_load *load, const struct wc_service *s,
                         const struct wc_node *value)
{
    const struct wc_node *reserved = wc_node_get(wc_node_get(value, "resources"), "reservations");
    const struct wc_node *devices = wc_node_get(reserved, "devices");
    (void)s;
    if (devices != NULL && devices->n > 0)
        refuse(load, devices, "devices of the host can't be reserved", NULL);
}

/* x-wcompose of a service: a kernel is a file of the host's, unless it is one by its name. */
static void check_own(struct wc_load *load, const struct wc_service *s, const struct wc_node *value)
{
    (void)value;
    if (s->vm.kernel != NULL && strchr(s->vm.kernel, '/') != NULL)
        refuse_at(load, s->vm.key_at[WC_VM_KERNEL], 1,
                  "a kernel by its path is a file of the host's", NULL);
    if (s->trust == WC_TRUST_TRUSTED)
        refuse_at(load, s->trust_at, 1, "a restricted source can't call itself trusted", NULL);
}

/* clang-format off */
#define INSIDE(key) { key, WC_REACH_INSIDE, NULL }
#define NEVER(key) { key, WC_REACH_NEVER, NULL }
#define CHECKED(key, check) { key, WC_REACH_CHECKED, check }
/* Sorted by key. */
static const struct rule {
    const char *key;
    enum wc_reach reach;
    check_fn *check;
} RULES[] = {
    NEVER("annotations"), /* a runtime may obey them */
    INSIDE("attach"), INSIDE("blkio_config"),
    CHECKED("build", check_build),
    CHECKED("cap_add", check_caps),
    INSIDE("cap_drop"),
    CHECKED("cgroup", check_namespace),
    NEVER("cgroup_parent"),
    INSIDE("command"),
    INSIDE("configs"), /* their files: restricted.c */
    INSIDE("container_name"), INSIDE("cpu_count"), INSIDE("cpu_percent"), INSIDE("cpu_period"),
    INSIDE("cpu_quota"),
    NEVER("cpu_rt_period"),
    NEVER("cpu_rt_runtime"),
    INSIDE("cpu_shares"), INSIDE("cpus"), INSIDE("cpuset"),
    NEVER("credential_spec"),
    INSIDE("depends_on"),
    CHECKED("deploy", check_deploy),
    INSIDE("develop"), /* read by `watch` only */
    NEVER("device_cgroup_rules"),
    CHECKED("devices", check_devices),
    INSIDE("dns"), INSIDE("dns_opt"), INSIDE("dns_search"), INSIDE("domainname"),
    INSIDE("entrypoint"),
    INSIDE("env_file"), /* restricted.c */
    INSIDE("environment"), INSIDE("expose"), INSIDE("extends"),
    NEVER("external_links"),
    INSIDE("extra_hosts"),
    NEVER("gpus"),
    INSIDE("group_add"), INSIDE("healthcheck"), INSIDE("hostname"), INSIDE("image"),
    INSIDE("init"),
    CHECKED("ipc", check_namespace),
    INSIDE("isolation"),
    INSIDE("label_file"), /* restricted.c */
    INSIDE("labels"), INSIDE("links"),
    CHECKED("logging", check_logging),
    INSIDE("mac_address"), INSIDE("mem_limit"), INSIDE("mem_reservation"),
    INSIDE("mem_swappiness"), INSIDE("memswap_limit"), INSIDE("models"),
    CHECKED("network_mode", check_namespace),
    INSIDE("networks"), /* check_networks */
    CHECKED("oom_kill_disable", check_true),
    CHECKED("oom_score_adj", check_oom_score),
    CHECKED("pid", check_namespace),
    INSIDE("pids_limit"), INSIDE("platform"),
    CHECKED("ports", check_ports),
    CHECKED("post_start", check_hooks),
    CHECKED("pre_start", check_hooks),
    CHECKED("pre_stop", check_hooks),
    CHECKED("privileged", check_true),
    INSIDE("profiles"),
    NEVER("provider"), /* a program of the host's */
    INSIDE("pull_policy"), INSIDE("pull_refresh_after"), INSIDE("read_only"), INSIDE("restart"),
    NEVER("runtime"),
    INSIDE("scale"),
    INSIDE("secrets"), /* their files: restricted.c */
    CHECKED("security_opt", check_security),
    INSIDE("shm_size"), INSIDE("stdin_open"), INSIDE("stop_grace_period"),
    INSIDE("stop_signal"),
    NEVER("storage_opt"),
    CHECKED("sysctls", check_sysctls),
    INSIDE("tmpfs"), INSIDE("tty"), INSIDE("ulimits"),
    NEVER("use_api_socket"),
    INSIDE("user"),
    CHECKED("userns_mode", check_namespace),
    CHECKED("uts", check_namespace),
    INSIDE("volumes"), /* check_mounts, check_volumes */
    CHECKED("volumes_from", check_volumes_from),
    INSIDE("working_dir"),
    CHECKED("x-wcompose", check_own),
};
/* clang-format on */

static int compare_rule(const void *key, const void *rule)
{
    return strcmp(key, ((const struct rule *)rule)->key);
}

static const struct rule *find_rule(const char *key)
{
    return bsearch(key, RULES, WC_COUNT(RULES), sizeof RULES[0], compare_rule);
}

enum wc_reach wc_granted_reach(const char *key)
{
    const struct rule *rule = find_rule(key);
    return rule == NULL ? WC_REACH_UNKNOWN : rule->reach;
}

/* Whoever can speak to an engine has the host, whatever directory was granted. */
static bool is_engine_socket(const char *path)
{
    static const char *const names[] = { "docker.sock", "podman.sock", "containerd.sock",
                                         "crio.sock", "control.sock" };
    const char *slash = strrchr(path, '/');
    for (size_t i = 0; i < WC_COUNT(names); i++)
        if (wc_streq(slash == NULL ? path : slash + 1, names[i]))
            return true;
    return false;
}

static void check_mounts(struct wc_load *load, const struct wc_service *s)
{
    for (size_t i = 0; i < s->n_mounts; i++) {
        const struct wc_mount *m = &s->mounts[i];
        if (m->type != WC_MOUNT_BIND || m->source == NULL)
            continue;
        struct wc_loc at = wc_validate_source_at(s, m);
        if (is_engine_socket(m->source))
            refuse_at(load, at, 1, "an engine's socket is the host's root", NULL);
        if (m->propagation != NULL && strstr(m->propagation, "private") == NULL)
            refuse_at(load, m->at, 1, "mounts may not spread beyond the container", NULL);
    }
}

static void check_service(struct wc_load *load, const struct wc_service *s)
{
    const struct wc_node *tree = s->tree;
    for (size_t i = 0; tree != NULL && tree->kind == WC_NODE_MAP && i < tree->n; i++) {
        const struct wc_member *m = &tree->members[i];
        const struct rule *rule = find_rule(m->key);
        if (rule == NULL && wc_str_starts(m->key, "x-"))
            continue; /* nobody reads it */
        if (m->value->kind == WC_NODE_NULL || m->value->kind == WC_NODE_BAD)
            continue;
        if (rule == NULL || rule->reach == WC_REACH_NEVER)
            refuse_at(load, m->key_at, m->key_span, say(load, "'%s' reaches the host", m->key),
                      NULL);
        else if (rule->check != NULL)
            rule->check(load, s, m->value);
    }
    check_mounts(load, s);
}

/* A name of the project's own: "<project>_<key>". */
static bool is_own(struct wc_load *load, const struct wc_project *project, const char *name,
                   const char *key)
{
    return wc_streq(name, wc_arena_printf(load->arena, "%s_%s", project->name, key));
}

static void check_network(struct wc_load *load, const struct wc_project *project,
                          const struct wc_network *n)
{
    if ((n->external || !is_own(load, project, n->name, n->key)) &&
        !wc_strv_has(&load->options->grant->networks, n->name))
        refuse_at(load, n->at, 1, say(load, "the network %s isn't the project's own", n->name),
                  say(load, "networks: [%s]", n->name));
    if (n->driver != NULL && !wc_streq(n->driver, "bridge") && !wc_streq(n->driver, "default"))
        refuse_at(load, n->at, 1, say(load, "network driver '%s' reaches the host", n->driver),
                  NULL);
    if (n->driver_opts.n > 0)
        refuse_at(load, n->at, 1, "driver_opts of a network reach the host", NULL);
}

static void check_volume(struct wc_load *load, const struct wc_project *project,
                         const struct wc_volume *v)
{
    if ((v->external || !is_own(load, project, v->name, v->key)) &&
        !wc_strv_has(&load->options->grant->volumes, v->name))
        refuse_at(load, v->at, 1, say(load, "the volume %s isn't the project's own", v->name),
                  say(load, "volumes: [%s]", v->name));
    if (v->driver != NULL && !wc_streq(v->driver, "local"))
        refuse_at(load, v->at, 1, say(load, "volume driver '%s' reaches the host", v->driver),
                  NULL);
    if (v->driver_opts.n > 0) /* o=bind, device=/ */
        refuse_at(load, v->at, 1, "driver_opts of a volume reach the host", NULL);
}

void wc_granted_check(struct wc_load *load, const struct wc_project *project)
{
    if (load->options->grant == NULL)
        return;
    for (size_t i = 0; i < project->n_services; i++)
        check_service(load, &project->services[i]);
    for (size_t i = 0; i < project->n_networks; i++)
        if (project->networks[i].used)
            check_network(load, project, &project->networks[i]);
    for (size_t i = 0; i < project->n_volumes; i++)
        if (project->volumes[i].used)
            check_volume(load, project, &project->volumes[i]);
    wc_granted_check_limits(load, project);
}
