/* fields_service.c - the attributes of a service, one row each, sorted by key.
 *
 * To carry out a further attribute: give its row a type with a decoder and an offset, and change
 * WC_WARNED or WC_REFUSED to WC_CARRIED (CONTRIBUTING.md).
 */
#include "spec/fields.h"

#define S(member) (long)offsetof(struct wc_service_draft, service.member)
#define D(member) (long)offsetof(struct wc_service_draft, member)

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
PAIR(post_start, n_post_start);
PAIR(pre_stop, n_pre_stop);

static const char *const conditions[] = { "service_started", "service_healthy",
                                          "service_completed_successfully", NULL };
static const char *const trusts[] = { "trusted", "untrusted", NULL };
static const char *const unhealthy_words[] = { "none", "restart", NULL };
static const char *const systems[] = { "linux", "windows", NULL };
static const char *const formats[] = { "raw", NULL };
static const char *const cgroups[] = { "host", "private", NULL };

/* clang-format off */
static const struct wc_field dep_rows[] = {
    { ROW("condition", word, NONE, REPLACE, CARRIED, KEEPS),
      .words = conditions, .fallback = "service_started" },
    { ROW("required", bool, NONE, REPLACE, CARRIED, KEEPS), SHOWS_ZERO, .fallback = "true" },
    { ROW("restart", bool, NONE, REPLACE, CARRIED, KEEPS), .fallback = "false" },
};
static const struct wc_table dep_table =
    TABLE(dep_rows, "dependency", "05-services.md#depends_on");

static const struct wc_field env_file_rows[] = {
    { ROW("format", word, NONE, REPLACE, CARRIED, KEEPS), .words = formats },
    { ROW("path", string, NONE, REPLACE, CARRIED, KEEPS), .clause = "05-services.md#env_file" },
    { ROW("required", bool, NONE, REPLACE, CARRIED, KEEPS), SHOWS_ZERO, .fallback = "true" },
};
static const struct wc_table env_file_table =
    CLOSED_TABLE(env_file_rows, "env_file", "05-services.md#");

static const struct wc_field extends_rows[] = {
    { ROW("file", string, NONE, REPLACE, CARRIED, KEEPS), .fallback = "this file" },
    { ROW("service", string, NONE, REPLACE, CARRIED, KEEPS) },
};
static const struct wc_table extends_table =
    CLOSED_TABLE(extends_rows, "extends", "05-services.md#extends");

static const struct wc_field health_rows[] = {
    { ROW("disable", bool, S(health.disable), REPLACE, CARRIED, KEEPS), .fallback = "false" },
    { ROW("interval", duration, S(health.interval_ms), REPLACE, CARRIED, KEEPS),
      .fallback = "30s" },
    { ROW("retries", count, S(health.retries), REPLACE, CARRIED, KEEPS),
      SHOWS_ZERO, .fallback = "3" },
    { ROW("start_interval", duration, S(health.start_interval_ms), REPLACE, CARRIED, KEEPS),
      .fallback = "5s" },
    { ROW("start_period", duration, S(health.start_period_ms), REPLACE, CARRIED, KEEPS),
      .fallback = "0s" },
    { ROW("test", test, S(health.test), WHOLE, CARRIED, KEEPS), .fallback = "the image's" },
    { ROW("timeout", duration, S(health.timeout_ms), REPLACE, CARRIED, KEEPS),
      .fallback = "30s" },
};
static const struct wc_table health_table =
    TABLE(health_rows, "healthcheck", "05-services.md#healthcheck");

static const struct wc_field logging_rows[] = {
    { ROW("driver", string, S(logging.driver), REPLACE, CARRIED, RECREATES),
      .fallback = "json-file" },
    { ROW("options", log_options, S(logging.options), KEYS, CARRIED, RECREATES) },
};
static const struct wc_table logging_table =
    TABLE(logging_rows, "logging", "05-services.md#logging");

static const struct wc_field http_rows[] = {
    { ROW("host", string, S(health.check.host), REPLACE, CARRIED, KEEPS),
      .fallback = "localhost" },
    { ROW("path", string, S(health.check.path), REPLACE, CARRIED, KEEPS), .fallback = "/" },
    { ROW("port", count, S(health.check.port), REPLACE, CARRIED, KEEPS) },
    { ROW("status", text, D(probe_status), REPLACE, CARRIED, KEEPS), .fallback = "200-399" },
};
static const struct wc_table http_table =
    CLOSED_TABLE(http_rows, "wcompose_http", "11-extension.md");

static const struct wc_field probe_rows[] = {
    { ROW("file", string, S(health.check.path), REPLACE, CARRIED, KEEPS) },
    { ROW("http", section, NONE, MAP, CARRIED, KEEPS),
      .sub = &http_table, .required = "port" },
    { ROW("interval", duration, S(health.interval_ms), REPLACE, CARRIED, KEEPS),
      .fallback = "30s" },
    { ROW("notify", bool, D(probe_notify), REPLACE, CARRIED, RECREATES), .fallback = "false" },
    { ROW("retries", count, S(health.retries), REPLACE, CARRIED, KEEPS),
      SHOWS_ZERO, .fallback = "3" },
    { ROW("start_interval", duration, S(health.start_interval_ms), REPLACE, CARRIED, KEEPS),
      .fallback = "5s" },
    { ROW("start_period", duration, S(health.start_period_ms), REPLACE, CARRIED, KEEPS),
      .fallback = "0s" },
    { ROW("tcp", count, S(health.check.port), REPLACE, CARRIED, KEEPS) },
    { ROW("timeout", duration, S(health.timeout_ms), REPLACE, CARRIED, KEEPS),
      .fallback = "30s" },
    { ROW("unix", string, S(health.check.path), REPLACE, CARRIED, KEEPS) },
    { ROW("watchdog", duration, S(health.watchdog_ms), REPLACE, CARRIED, RECREATES),
      .fallback = "none" },
};
static const struct wc_table probe_table =
    CLOSED_TABLE(probe_rows, "wcompose_probe", "11-extension.md");

static const struct wc_field image_rows[] = {
    { ROW("architecture", string, S(image_hint.architecture), REPLACE, CARRIED, KEEPS) },
    { ROW("os", word, S(image_hint.os), REPLACE, CARRIED, KEEPS), .words = systems },
    { ROW("os_version", string, S(image_hint.os_version), REPLACE, CARRIED, KEEPS) },
};
static const struct wc_table image_table =
    CLOSED_TABLE(image_rows, "wcompose_image", "11-extension.md");

static const struct wc_field own_rows[] = {
    { ROW("image", section, NONE, MAP, CARRIED, KEEPS), .sub = &image_table },
    { ROW("on_unhealthy", unhealthy, S(on_unhealthy), REPLACE, CARRIED, KEEPS),
      .words = unhealthy_words, .fallback = "none" },
    { ROW("probe", section, NONE, MAP, CARRIED, RECREATES), .sub = &probe_table },
    { ROW("progress_deadline", duration, (long)offsetof(struct wc_service_draft, progress_ms),
          REPLACE, CARRIED, KEEPS), .fallback = "10m" },
    { ROW("tenant", string, S(tenant), REPLACE, CARRIED, KEEPS) },
    { ROW("trust", trust, S(trust), REPLACE, CARRIED, KEEPS), .words = trusts },
    { ROW("vm", section, NONE, MAP, CARRIED, MACHINE), WINDOWS(WARNED), .sub = &wc_table_vm },
};
static const struct wc_table own_table =
    CLOSED_TABLE(own_rows, "wcompose_service", "11-extension.md");

static const struct wc_field rows[] = {
    { ROW("annotations", kv, S(annotations), KEYS, CARRIED, RECREATES) },
    { ROW("attach", bool, NONE, REPLACE, WARNED, KEEPS), SHOWS_ZERO, .fallback = "true" },
    { ROW("blkio_config", section, NONE, MAP, CARRIED, RECREATES), WINDOWS(WARNED),
      .sub = &wc_table_blkio },
    { ROW("build", build, NONE, MAP, CARRIED, KEEPS), WINDOWS(WARNED), .sub = &wc_table_build },
    { ROW("cap_add", strings, S(cap_add), UNIQUE, CARRIED, RECREATES), WINDOWS(REFUSED),
      .ident = wc_ident_text },
    { ROW("cap_drop", strings, S(cap_drop), UNIQUE, CARRIED, RECREATES), WINDOWS(REFUSED),
      .ident = wc_ident_text },
    { ROW("cgroup", word, S(cgroup), REPLACE, CARRIED, RECREATES), WINDOWS(REFUSED),
      .words = cgroups, .fallback = "private" },
    { ROW("cgroup_parent", string, S(cgroup_parent), REPLACE, CARRIED, RECREATES),
      WINDOWS(WARNED) },
    { ROW("command", command, S(command), WHOLE, CARRIED, RECREATES),
      SHOWS_ZERO, .fallback = "the image's" },
    { ROW("configs", configs, NONE, UNIQUE, CARRIED, RECREATES),
      .sub = &wc_table_reference, .ident = wc_ident_config, .required = "source" },
    { ROW("container_name", container_name, S(container_name), REPLACE, CARRIED, RECREATES),
      .fallback = "PROJECT-SERVICE-N" },
    { ROW("cpu_count", count, NONE, REPLACE, WARNED, KEEPS), WINDOWS(CARRIED) },
    { ROW("cpu_percent", number, NONE, REPLACE, WARNED, KEEPS), WINDOWS(CARRIED) },
    { ROW("cpu_period", int, S(cpu_period_us), REPLACE, CARRIED, INPLACE), WINDOWS(WARNED),
      .fallback = "100000" },
    { ROW("cpu_quota", int, S(cpu_quota_us), REPLACE, CARRIED, INPLACE), WINDOWS(WARNED),
      .fallback = "no limit" },
    { ROW("cpu_rt_period", micros, NONE, REPLACE, WARNED, KEEPS) },
    { ROW("cpu_rt_runtime", micros, NONE, REPLACE, WARNED, KEEPS) },
    { ROW("cpu_shares", count, S(cpu_shares), REPLACE, CARRIED, INPLACE) },
    { ROW("cpus", number, S(nano_cpus), REPLACE, CARRIED, INPLACE), .fallback = "no limit" },
    { ROW("cpuset", string, S(cpuset), REPLACE, CARRIED, INPLACE), WINDOWS(WARNED) },
    { ROW("credential_spec", section, NONE, MAP, WARNED, KEEPS), WINDOWS(REFUSED),
      .sub = &wc_table_credential },
    { ROW("depends_on", depends_on, S(deps), MAP, CARRIED, KEEPS), .sub = &dep_table },
    { ROW("deploy", section, NONE, MAP, CARRIED, RECREATES), .sub = &wc_table_deploy },
    { ROW("develop", section, NONE, MAP, WARNED, KEEPS), .sub = &wc_table_develop },
    { ROW("device_cgroup_rules", strings, NONE, APPEND, WARNED, KEEPS) },
    { ROW("devices", devices, S(devices), UNIQUE, CARRIED, RECREATES),
      .sub = &wc_table_device, .ident = wc_ident_target, .required = "source" },
    { ROW("dns", string_or_list, S(dns), UNIQUE, CARRIED, RECREATES), .ident = wc_ident_text },
    { ROW("dns_opt", strings, S(dns_opt), UNIQUE, CARRIED, RECREATES), .ident = wc_ident_text },
    { ROW("dns_search", string_or_list, S(dns_search), UNIQUE, CARRIED, RECREATES),
      .ident = wc_ident_text },
    { ROW("domainname", string, S(domainname), REPLACE, CARRIED, RECREATES) },
    { ROW("entrypoint", command, S(entrypoint), WHOLE, CARRIED, RECREATES), SHOWS_ZERO,
      .fallback = "the image's" },
    { ROW("env_file", env_files, NONE, UNIQUE, CARRIED, KEEPS),
      .sub = &env_file_table, .ident = wc_ident_path, .required = "path" },
    { ROW("environment", env, S(environment), KEYS, CARRIED, RECREATES) },
    { ROW("expose", expose, S(expose), UNIQUE, CARRIED, RECREATES), .ident = wc_ident_text },
    { ROW("extends", extends, NONE, REPLACE, CARRIED, KEEPS),
      .sub = &extends_table, .required = "service" },
    { ROW("external_links", strings, NONE, APPEND, REFUSED, KEEPS) },
    { ROW("extra_hosts", hosts, S(extra_hosts), APPEND, CARRIED, RECREATES) },
    { ROW("gpus", gpus, NONE, UNIQUE, REFUSED, KEEPS),
      .sub = &wc_table_request, .ident = wc_ident_request },
    { ROW("group_add", texts, S(group_add), APPEND, CARRIED, RECREATES), WINDOWS(WARNED) },
    { ROW("healthcheck", section, NONE, MAP, CARRIED, KEEPS), .sub = &health_table },
    { ROW("hostname", string, S(hostname), REPLACE, CARRIED, RECREATES) },
    { ROW("image", string, S(image), REPLACE, CARRIED, RECREATES) },
    { ROW("init", tri, S(init), REPLACE, CARRIED, RECREATES), SHOWS_ZERO, WINDOWS(WARNED) },
    { ROW("ipc", string, S(ipc), REPLACE, CARRIED, RECREATES), WINDOWS(REFUSED) },
    { ROW("isolation", isolation, S(isolation), REPLACE, CARRIED, KEEPS),
      .fallback = "default" },
    { ROW("label_file", string_or_list, NONE, APPEND, CARRIED, KEEPS) },
    { ROW("labels", kv, S(labels), KEYS, CARRIED, INPLACE) },
    { ROW("links", strings, D(links), UNIQUE, CARRIED, KEEPS), .ident = wc_ident_text },
    { ROW("logging", section, NONE, DRIVER, CARRIED, RECREATES), .sub = &logging_table },
    { ROW("mac_address", mac, NONE, REPLACE, WARNED, KEEPS) },
    { ROW("mem_limit", bytes_m1, S(mem_limit_bytes), REPLACE, CARRIED, INPLACE),
      .fallback = "no limit" },
    { ROW("mem_reservation", bytes, S(mem_reservation_bytes), REPLACE, CARRIED, INPLACE),
      WINDOWS(WARNED) },
    { ROW("mem_swappiness", swappiness, NONE, REPLACE, WARNED, KEEPS) },
    { ROW("memswap_limit", memswap, D(memswap), REPLACE, CARRIED, INPLACE), WINDOWS(WARNED) },
    { ROW("models", names, NONE, MAP, REFUSED, KEEPS), .sub = &wc_table_service_model },
    { ROW("network_mode", string, D(network_mode), REPLACE, CARRIED, RECREATES) },
    { ROW("networks", networks, S(networks), MAP, CARRIED, RECREATES),
      .sub = &wc_table_service_network, .fallback = "default" },
    { ROW("oom_kill_disable", bool, S(oom_kill_disable), REPLACE, CARRIED, RECREATES),
      WINDOWS(WARNED), .fallback = "false" },
    { ROW("oom_score_adj", oom_score, S(oom_score_adj), REPLACE, CARRIED, RECREATES),
      WINDOWS(WARNED) },
    { ROW("pid", pid, S(pid), REPLACE, CARRIED, RECREATES), WINDOWS(REFUSED) },
    { ROW("pids_limit", int, S(pids_limit), REPLACE, CARRIED, INPLACE), WINDOWS(REFUSED),
      .fallback = "no limit" },
    { ROW("platform", string, S(platform), REPLACE, CARRIED, RECREATES), .fallback = "the host's" },
    { ROW("ports", ports, S(ports), UNIQUE, CARRIED, RECREATES),
      .sub = &wc_table_port, .ident = wc_ident_port, .required = "target" },
    { ROW("post_start", hooks, S(post_start), APPEND, CARRIED, RECREATES), WINDOWS(REFUSED),
      .sub = &wc_table_hook, .required = "command" },
    { ROW("pre_start", items, NONE, APPEND, REFUSED, KEEPS), .sub = &wc_table_pre_start },
    { ROW("pre_stop", hooks, S(pre_stop), APPEND, CARRIED, RECREATES), WINDOWS(REFUSED),
      .sub = &wc_table_hook, .required = "command" },
    { ROW("privileged", bool, S(privileged), REPLACE, CARRIED, RECREATES), WINDOWS(REFUSED),
      .fallback = "false" },
    { ROW("profiles", strings, S(profiles), UNIQUE, CARRIED, KEEPS),
      .ident = wc_ident_text, .fallback = "always active" },
    { ROW("provider", section, NONE, MAP, REFUSED, KEEPS),
      .sub = &wc_table_provider, .required = "type" },
    { ROW("pull_policy", pull_policy, S(pull_policy), REPLACE, CARRIED, KEEPS),
      .fallback = "missing" },
    { ROW("pull_refresh_after", string, NONE, REPLACE, WARNED, KEEPS),
      .clause = "05-services.md#pull_policy" },
    { ROW("read_only", bool, S(read_only), REPLACE, CARRIED, RECREATES), WINDOWS(REFUSED),
      .fallback = "false" },
    { ROW("restart", restart, D(restart), REPLACE, CARRIED, KEEPS), .fallback = "no" },
    { ROW("runtime", string, S(runtime), REPLACE, CARRIED, RECREATES), WINDOWS(REFUSED) },
    { ROW("scale", count, D(scale), REPLACE, CARRIED, KEEPS), SHOWS_ZERO, .fallback = "1" },
    { ROW("secrets", secrets, NONE, UNIQUE, CARRIED, RECREATES),
      .sub = &wc_table_reference, .ident = wc_ident_target, .required = "source" },
    { ROW("security_opt", strings, S(security_opt), APPEND, CARRIED, RECREATES),
      WINDOWS(REFUSED) },
    { ROW("shm_size", bytes, S(shm_size_bytes), REPLACE, CARRIED, RECREATES), WINDOWS(WARNED),
      .fallback = "64m" },
    { ROW("stdin_open", tri, S(stdin_open), REPLACE, CARRIED, RECREATES), .fallback = "false" },
    { ROW("stop_grace_period", duration, S(stop_grace_ms), REPLACE, CARRIED, KEEPS),
      .fallback = "10s" },
    { ROW("stop_signal", signal, S(stop_signal), REPLACE, CARRIED, KEEPS),
      .fallback = "the image's, else SIGTERM" },
    { ROW("storage_opt", options, NONE, KEYS, WARNED, KEEPS) },
    { ROW("sysctls", kv, S(sysctls), KEYS, CARRIED, RECREATES), WINDOWS(REFUSED) },
    { ROW("tmpfs", tmpfs, S(mounts), UNIQUE, CARRIED, RECREATES), WINDOWS(REFUSED),
      .ident = wc_ident_tmpfs },
    { ROW("tty", tri, S(tty), REPLACE, CARRIED, RECREATES), .fallback = "false" },
    { ROW("ulimits", ulimits, S(ulimits), KEYS, CARRIED, RECREATES), WINDOWS(REFUSED),
      .sub = &wc_table_ulimit, .words = wc_ulimit_names },
    { ROW("use_api_socket", flag, NONE, REPLACE, REFUSED, KEEPS), .fallback = "false" },
    { ROW("user", string, S(user), REPLACE, CARRIED, RECREATES), .fallback = "the image's" },
    { ROW("userns_mode", string, S(userns_mode), REPLACE, CARRIED, RECREATES), WINDOWS(REFUSED) },
    { ROW("uts", string, S(uts), REPLACE, CARRIED, RECREATES), WINDOWS(REFUSED) },
    { ROW("volumes", mounts, S(mounts), UNIQUE, CARRIED, RECREATES),
      .sub = &wc_table_mount, .ident = wc_ident_target, .required = "type" },
    { ROW("volumes_from", strings, NONE, APPEND, REFUSED, KEEPS) },
    { ROW("working_dir", string, S(working_dir), REPLACE, CARRIED, RECREATES),
      .fallback = "the image's" },
    { ROW("x-wcompose", section, NONE, MAP, CARRIED, RECREATES),
      .sub = &own_table, .clause = "11-extension.md" },
};
/* clang-format on */

const struct wc_table wc_table_service = TABLE(rows, "service", "05-services.md#");
