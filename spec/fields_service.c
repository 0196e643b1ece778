/* fields_service.c - the attributes of a service, one row each, sorted by key.
 *
 * To carry out a further attribute: give its row a type with a decoder and an offset, and change
 * WC_WARNED or WC_REFUSED to WC_CARRIED (CONTRIBUTING.md).
 */
#include <stddef.h>

#include "spec/draft.h"
#include "spec/special.h"
#include "spec/types.h"

#define S(member) (long)offsetof(struct wc_service_draft, service.member)
#define D(member) (long)offsetof(struct wc_service_draft, member)
#define NET(member) (long)offsetof(struct wc_service_net, member)
#define NONE WC_NO_OFFSET
#define ROWS(rows)                                                                                 \
    {                                                                                              \
        rows, sizeof(rows) / sizeof((rows)[0]), false                                              \
    }

/* Adjacent members that list decoders fill together. */
#define PAIR(items, n)                                                                             \
    _Static_assert(offsetof(struct wc_service, n) ==                                               \
                       offsetof(struct wc_service, items) + sizeof(void *),                        \
                   #items " and " #n " are one pair")
PAIR(ports, n_ports);
PAIR(mounts, n_mounts);
PAIR(networks, n_networks);
PAIR(deps, n_deps);
PAIR(ulimits, n_ulimits);

static const char *const conditions[] = { "service_started", "service_healthy",
                                          "service_completed_successfully", NULL };
static const char *const trusts[] = { "trusted", "untrusted", NULL };
static const char *const mount_types[] = { "bind",  "volume",  "tmpfs", "npipe",
                                           "image", "cluster", NULL };
static const char *const propagations[] = { "rprivate", "private", "rshared", "shared",
                                            "rslave",   "slave",   NULL };
static const char *const formats[] = { "raw", NULL };
static const char *const protocols[] = { "tcp", "udp", "sctp", NULL };
static const char *const port_modes[] = { "ingress", "host", NULL };
static const char *const selinux[] = { "z", "Z", NULL };

/* clang-format off */
static const struct wc_field dep_rows[] = {
    { ROW("condition", word, NONE, REPLACE, CARRIED, KEEPS), .words = conditions },
    { ROW("required", bool, NONE, REPLACE, CARRIED, KEEPS) },
    { ROW("restart", bool, NONE, REPLACE, CARRIED, KEEPS) },
};
static const struct wc_table dep_table = ROWS(dep_rows);

static const struct wc_field network_rows[] = {
    { ROW("aliases", strings, NET(aliases), UNIQUE, CARRIED, RECREATES), .ident = wc_ident_text },
    { ROW("driver_opts", kv, NONE, KEYS, WARNED, KEEPS) },
    { ROW("gw_priority", int, NONE, REPLACE, WARNED, KEEPS) },
    { ROW("interface_name", string, NONE, REPLACE, WARNED, KEEPS) },
    { ROW("ipv4_address", string, NET(ipv4_address), REPLACE, CARRIED, RECREATES) },
    { ROW("ipv6_address", string, NET(ipv6_address), REPLACE, CARRIED, RECREATES) },
    { ROW("link_local_ips", strings, NONE, UNIQUE, WARNED, KEEPS), .ident = wc_ident_text },
    { ROW("mac_address", string, NET(mac_address), REPLACE, CARRIED, RECREATES) },
    { ROW("priority", int, NET(priority), REPLACE, CARRIED, RECREATES) },
};
static const struct wc_table network_table = ROWS(network_rows);

static const struct wc_field port_rows[] = {
    { ROW("app_protocol", string, NONE, REPLACE, CARRIED, RECREATES) },
    { ROW("host_ip", string, NONE, REPLACE, CARRIED, RECREATES) },
    { ROW("mode", word, NONE, REPLACE, CARRIED, RECREATES), .words = port_modes },
    { ROW("name", string, NONE, REPLACE, CARRIED, RECREATES) },
    { ROW("protocol", word, NONE, REPLACE, CARRIED, RECREATES), .words = protocols },
    { ROW("published", text, NONE, REPLACE, CARRIED, RECREATES) },
    { ROW("target", int, NONE, REPLACE, CARRIED, RECREATES) },
};
static const struct wc_table port_table = ROWS(port_rows);

static const struct wc_field bind_rows[] = {
    { ROW("create_host_path", bool, NONE, REPLACE, CARRIED, RECREATES) },
    { ROW("propagation", word, NONE, REPLACE, CARRIED, RECREATES), .words = propagations },
    { ROW("recursive", string, NONE, REPLACE, WARNED, KEEPS) },
    { ROW("selinux", word, NONE, REPLACE, WARNED, KEEPS), .words = selinux },
};
static const struct wc_table bind_table = ROWS(bind_rows);

static const struct wc_field volume_rows[] = {
    { ROW("labels", kv, NONE, KEYS, WARNED, KEEPS) },
    { ROW("nocopy", bool, NONE, REPLACE, CARRIED, RECREATES) },
    { ROW("subpath", string, NONE, REPLACE, CARRIED, RECREATES) },
};
static const struct wc_table volume_table = ROWS(volume_rows);

static const struct wc_field tmpfs_rows[] = {
    { ROW("mode", count, NONE, REPLACE, CARRIED, RECREATES) },
    { ROW("size", bytes, NONE, REPLACE, CARRIED, RECREATES) },
};
static const struct wc_table tmpfs_table = ROWS(tmpfs_rows);

static const struct wc_field image_rows[] = {
    { ROW("subpath", string, NONE, REPLACE, CARRIED, RECREATES) },
};
static const struct wc_table image_table = ROWS(image_rows);

static const struct wc_field mount_rows[] = {
    { ROW("bind", section, NONE, MAP, CARRIED, RECREATES), .sub = &bind_table },
    { ROW("consistency", string, NONE, REPLACE, QUIET, KEEPS) },
    { ROW("image", section, NONE, MAP, CARRIED, RECREATES), .sub = &image_table },
    { ROW("read_only", bool, NONE, REPLACE, CARRIED, RECREATES) },
    { ROW("source", string, NONE, REPLACE, CARRIED, RECREATES) },
    { ROW("target", string, NONE, REPLACE, CARRIED, RECREATES) },
    { ROW("tmpfs", section, NONE, MAP, CARRIED, RECREATES), .sub = &tmpfs_table },
    { ROW("type", word, NONE, REPLACE, CARRIED, RECREATES), .words = mount_types },
    { ROW("volume", section, NONE, MAP, CARRIED, RECREATES), .sub = &volume_table },
};
static const struct wc_table mount_table = ROWS(mount_rows);

static const struct wc_field device_rows[] = {
    { ROW("permissions", string, NONE, REPLACE, CARRIED, RECREATES) },
    { ROW("source", string, NONE, REPLACE, CARRIED, RECREATES) },
    { ROW("target", string, NONE, REPLACE, CARRIED, RECREATES) },
};
static const struct wc_table device_table = ROWS(device_rows);

static const struct wc_field env_file_rows[] = {
    { ROW("format", word, NONE, REPLACE, CARRIED, KEEPS), .words = formats },
    { ROW("path", string, NONE, REPLACE, CARRIED, KEEPS) },
    { ROW("required", bool, NONE, REPLACE, CARRIED, KEEPS) },
};
static const struct wc_table env_file_table = ROWS(env_file_rows);

static const struct wc_field reference_rows[] = {
    { ROW("gid", text, NONE, REPLACE, CARRIED, RECREATES) },
    { ROW("mode", text, NONE, REPLACE, CARRIED, RECREATES) },
    { ROW("source", string, NONE, REPLACE, CARRIED, RECREATES) },
    { ROW("target", string, NONE, REPLACE, CARRIED, RECREATES) },
    { ROW("uid", text, NONE, REPLACE, CARRIED, RECREATES) },
};
static const struct wc_table reference_table = ROWS(reference_rows);

static const struct wc_field health_rows[] = {
    { ROW("disable", bool, S(health.disable), REPLACE, CARRIED, RECREATES) },
    { ROW("interval", duration, S(health.interval_ms), REPLACE, CARRIED, RECREATES) },
    { ROW("retries", count, S(health.retries), REPLACE, CARRIED, RECREATES) },
    { ROW("start_interval", duration, S(health.start_interval_ms), REPLACE, CARRIED, RECREATES) },
    { ROW("start_period", duration, S(health.start_period_ms), REPLACE, CARRIED, RECREATES) },
    { ROW("test", test, S(health.test), WHOLE, CARRIED, RECREATES) },
    { ROW("timeout", duration, S(health.timeout_ms), REPLACE, CARRIED, RECREATES) },
};
static const struct wc_table health_table = ROWS(health_rows);

static const struct wc_field logging_rows[] = {
    { ROW("driver", string, S(logging.driver), REPLACE, CARRIED, RECREATES) },
    { ROW("options", kv, S(logging.options), KEYS, CARRIED, RECREATES) },
};
static const struct wc_table logging_table = ROWS(logging_rows);

static const struct wc_field own_rows[] = {
    { ROW("tenant", string, S(tenant), REPLACE, CARRIED, RECREATES) },
    { ROW("trust", trust, S(trust), REPLACE, CARRIED, RECREATES), .words = trusts },
};
static const struct wc_table own_table = { own_rows, sizeof own_rows / sizeof own_rows[0], true };

static const struct wc_field rows[] = {
    { ROW("annotations", kv, S(annotations), KEYS, CARRIED, RECREATES) },
    { ROW("attach", bool, NONE, REPLACE, WARNED, KEEPS) },
    { ROW("blkio_config", any, NONE, MAP, WARNED, KEEPS) },
    { ROW("build", build, NONE, MAP, WARNED, KEEPS), .sub = &wc_table_build },
    { ROW("cap_add", strings, S(cap_add), UNIQUE, CARRIED, RECREATES), .ident = wc_ident_text },
    { ROW("cap_drop", strings, S(cap_drop), UNIQUE, CARRIED, RECREATES), .ident = wc_ident_text },
    { ROW("cgroup", string, S(cgroup), REPLACE, CARRIED, RECREATES) },
    { ROW("cgroup_parent", string, S(cgroup_parent), REPLACE, CARRIED, RECREATES) },
    { ROW("command", command, S(command), WHOLE, CARRIED, RECREATES) },
    { ROW("configs", files_refs, NONE, UNIQUE, REFUSED, KEEPS),
      .sub = &reference_table, .ident = wc_ident_target },
    { ROW("container_name", container_name, S(container_name), REPLACE, CARRIED, RECREATES) },
    { ROW("cpu_count", count, NONE, REPLACE, WARNED, KEEPS) },
    { ROW("cpu_percent", number, NONE, REPLACE, WARNED, KEEPS) },
    { ROW("cpu_period", int, NONE, REPLACE, WARNED, KEEPS) },
    { ROW("cpu_quota", int, NONE, REPLACE, WARNED, KEEPS) },
    { ROW("cpu_rt_period", text, NONE, REPLACE, WARNED, KEEPS) },
    { ROW("cpu_rt_runtime", text, NONE, REPLACE, WARNED, KEEPS) },
    { ROW("cpu_shares", count, S(cpu_shares), REPLACE, CARRIED, RECREATES) },
    { ROW("cpus", number, S(nano_cpus), REPLACE, CARRIED, RECREATES) },
    { ROW("cpuset", string, S(cpuset), REPLACE, CARRIED, RECREATES) },
    { ROW("credential_spec", any, NONE, MAP, WARNED, KEEPS) },
    { ROW("depends_on", depends_on, S(deps), MAP, CARRIED, KEEPS), .sub = &dep_table },
    { ROW("deploy", section, NONE, MAP, CARRIED, RECREATES), .sub = &wc_table_deploy },
    { ROW("develop", any, NONE, MAP, WARNED, KEEPS) },
    { ROW("device_cgroup_rules", strings, NONE, APPEND, WARNED, KEEPS) },
    { ROW("devices", devices, S(devices), UNIQUE, CARRIED, RECREATES),
      .sub = &device_table, .ident = wc_ident_target },
    { ROW("dns", string_or_list, S(dns), UNIQUE, CARRIED, RECREATES), .ident = wc_ident_text },
    { ROW("dns_opt", strings, S(dns_opt), UNIQUE, CARRIED, RECREATES), .ident = wc_ident_text },
    { ROW("dns_search", string_or_list, S(dns_search), UNIQUE, CARRIED, RECREATES),
      .ident = wc_ident_text },
    { ROW("domainname", string, S(domainname), REPLACE, CARRIED, RECREATES) },
    { ROW("entrypoint", command, S(entrypoint), WHOLE, CARRIED, RECREATES) },
    { ROW("env_file", env_files, NONE, UNIQUE, CARRIED, KEEPS),
      .sub = &env_file_table, .ident = wc_ident_path },
    { ROW("environment", env, S(environment), KEYS, CARRIED, RECREATES) },
    { ROW("expose", texts, S(expose), UNIQUE, CARRIED, RECREATES), .ident = wc_ident_text },
    { ROW("extends", any, NONE, REPLACE, REFUSED, KEEPS) },
    { ROW("external_links", strings, NONE, APPEND, REFUSED, KEEPS) },
    { ROW("extra_hosts", hosts, S(extra_hosts), APPEND, CARRIED, RECREATES) },
    { ROW("gpus", gpus, NONE, APPEND, REFUSED, KEEPS) },
    { ROW("group_add", texts, S(group_add), APPEND, CARRIED, RECREATES) },
    { ROW("healthcheck", section, NONE, MAP, CARRIED, RECREATES), .sub = &health_table },
    { ROW("hostname", string, S(hostname), REPLACE, CARRIED, RECREATES) },
    { ROW("image", string, S(image), REPLACE, CARRIED, RECREATES) },
    { ROW("init", tri, S(init), REPLACE, CARRIED, RECREATES) },
    { ROW("ipc", string, S(ipc), REPLACE, CARRIED, RECREATES) },
    { ROW("isolation", isolation, S(isolation), REPLACE, CARRIED, RECREATES) },
    { ROW("label_file", string_or_list, NONE, APPEND, CARRIED, KEEPS) },
    { ROW("labels", kv, S(labels), KEYS, CARRIED, RECREATES) },
    { ROW("links", strings, D(links), UNIQUE, CARRIED, KEEPS), .ident = wc_ident_text },
    { ROW("logging", section, NONE, DRIVER, CARRIED, RECREATES), .sub = &logging_table },
    { ROW("mac_address", string, NONE, REPLACE, WARNED, KEEPS) },
    { ROW("mem_limit", bytes_m1, S(mem_limit_bytes), REPLACE, CARRIED, RECREATES) },
    { ROW("mem_reservation", bytes, S(mem_reservation_bytes), REPLACE, CARRIED, RECREATES) },
    { ROW("mem_swappiness", count, NONE, REPLACE, WARNED, KEEPS) },
    { ROW("memswap_limit", memswap, D(memswap), REPLACE, CARRIED, RECREATES) },
    { ROW("models", any, NONE, REPLACE, REFUSED, KEEPS) },
    { ROW("network_mode", string, D(network_mode), REPLACE, CARRIED, RECREATES) },
    { ROW("networks", networks, S(networks), MAP, CARRIED, RECREATES), .sub = &network_table },
    { ROW("oom_kill_disable", bool, S(oom_kill_disable), REPLACE, CARRIED, RECREATES) },
    { ROW("oom_score_adj", oom_score, S(oom_score_adj), REPLACE, CARRIED, RECREATES) },
    { ROW("pid", string, S(pid), REPLACE, CARRIED, RECREATES) },
    { ROW("pids_limit", int, S(pids_limit), REPLACE, CARRIED, RECREATES) },
    { ROW("platform", string, S(platform), REPLACE, CARRIED, RECREATES) },
    { ROW("ports", ports, S(ports), UNIQUE, CARRIED, RECREATES),
      .sub = &port_table, .ident = wc_ident_port },
    { ROW("post_start", any, NONE, APPEND, REFUSED, KEEPS) },
    { ROW("pre_start", any, NONE, APPEND, REFUSED, KEEPS) },
    { ROW("pre_stop", any, NONE, APPEND, REFUSED, KEEPS) },
    { ROW("privileged", bool, S(privileged), REPLACE, CARRIED, RECREATES) },
    { ROW("profiles", strings, S(profiles), UNIQUE, CARRIED, KEEPS), .ident = wc_ident_text },
    { ROW("provider", any, NONE, MAP, REFUSED, KEEPS) },
    { ROW("pull_policy", pull_policy, S(pull_policy), REPLACE, CARRIED, KEEPS) },
    { ROW("pull_refresh_after", string, NONE, REPLACE, WARNED, KEEPS) },
    { ROW("read_only", bool, S(read_only), REPLACE, CARRIED, RECREATES) },
    { ROW("restart", restart, D(restart), REPLACE, CARRIED, KEEPS) },
    { ROW("runtime", string, S(runtime), REPLACE, CARRIED, RECREATES) },
    { ROW("scale", count, D(scale), REPLACE, CARRIED, KEEPS) },
    { ROW("secrets", files_refs, NONE, UNIQUE, REFUSED, KEEPS),
      .sub = &reference_table, .ident = wc_ident_target },
    { ROW("security_opt", strings, S(security_opt), APPEND, CARRIED, RECREATES) },
    { ROW("shm_size", bytes, S(shm_size_bytes), REPLACE, CARRIED, RECREATES) },
    { ROW("stdin_open", tri, S(stdin_open), REPLACE, CARRIED, RECREATES) },
    { ROW("stop_grace_period", duration, S(stop_grace_ms), REPLACE, CARRIED, RECREATES) },
    { ROW("stop_signal", signal, S(stop_signal), REPLACE, CARRIED, RECREATES) },
    { ROW("storage_opt", any, NONE, MAP, WARNED, KEEPS) },
    { ROW("sysctls", kv, S(sysctls), KEYS, CARRIED, RECREATES) },
    { ROW("tmpfs", tmpfs, S(mounts), UNIQUE, CARRIED, RECREATES), .ident = wc_ident_tmpfs },
    { ROW("tty", tri, S(tty), REPLACE, CARRIED, RECREATES) },
    { ROW("ulimits", ulimits, S(ulimits), KEYS, CARRIED, RECREATES) },
    { ROW("use_api_socket", bool, NONE, REPLACE, REFUSED, KEEPS) },
    { ROW("user", string, S(user), REPLACE, CARRIED, RECREATES) },
    { ROW("userns_mode", string, S(userns_mode), REPLACE, CARRIED, RECREATES) },
    { ROW("uts", string, S(uts), REPLACE, CARRIED, RECREATES) },
    { ROW("volumes", mounts, S(mounts), UNIQUE, CARRIED, RECREATES),
      .sub = &mount_table, .ident = wc_ident_target },
    { ROW("volumes_from", strings, NONE, APPEND, REFUSED, KEEPS) },
    { ROW("working_dir", string, S(working_dir), REPLACE, CARRIED, RECREATES) },
    { ROW("x-wcompose", section, NONE, MAP, CARRIED, RECREATES), .sub = &own_table },
};
/* clang-format on */

const struct wc_table wc_table_service = ROWS(rows);
