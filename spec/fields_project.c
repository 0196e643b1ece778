/* fields_project.c - the rows of everything that isn't a service: the top level, networks, volumes,
 * deploy, build, and our own extension.
 */
#include <stddef.h>

#include "spec/draft.h"
#include "spec/types.h"

#define D(member) (long)offsetof(struct wc_service_draft, member)
#define N(member) (long)offsetof(struct wc_network, member)
#define V(member) (long)offsetof(struct wc_volume, member)
#define NONE WC_NO_OFFSET
#define ROWS(rows)                                                                                 \
    {                                                                                              \
        rows, sizeof(rows) / sizeof((rows)[0]), false                                              \
    }
#define OWN_ROWS(rows)                                                                             \
    {                                                                                              \
        rows, sizeof(rows) / sizeof((rows)[0]), true                                               \
    }

static const char *const restart_conditions[] = { "none", "on-failure", "any", NULL };
static const char *const trusts[] = { "trusted", "untrusted", NULL };

/* clang-format off */
static const struct wc_field limit_rows[] = {
    { ROW("cpus", number, D(limit_nano_cpus), REPLACE, CARRIED, RECREATES) },
    { ROW("memory", bytes, D(limit_memory), REPLACE, CARRIED, RECREATES) },
    { ROW("pids", int, D(limit_pids), REPLACE, CARRIED, RECREATES) },
};
static const struct wc_table limit_table = ROWS(limit_rows);

static const struct wc_field reservation_rows[] = {
    { ROW("cpus", number, NONE, REPLACE, WARNED, KEEPS) },
    { ROW("devices", any, NONE, APPEND, REFUSED, KEEPS) },
    { ROW("generic_resources", any, NONE, APPEND, WARNED, KEEPS) },
    { ROW("memory", bytes, D(reserve_memory), REPLACE, CARRIED, RECREATES) },
};
static const struct wc_table reservation_table = ROWS(reservation_rows);

static const struct wc_field resource_rows[] = {
    { ROW("limits", section, NONE, MAP, CARRIED, RECREATES), .sub = &limit_table },
    { ROW("reservations", section, NONE, MAP, CARRIED, RECREATES), .sub = &reservation_table },
};
static const struct wc_table resource_table = ROWS(resource_rows);

static const struct wc_field restart_rows[] = {
    { ROW("condition", word, D(deploy_condition), REPLACE, CARRIED, KEEPS),
      .words = restart_conditions },
    { ROW("delay", duration, NONE, REPLACE, WARNED, KEEPS) },
    { ROW("max_attempts", count, D(deploy_max_attempts), REPLACE, CARRIED, KEEPS) },
    { ROW("window", duration, NONE, REPLACE, WARNED, KEEPS) },
};
static const struct wc_table restart_table = ROWS(restart_rows);

static const struct wc_field deploy_rows[] = {
    { ROW("endpoint_mode", string, NONE, REPLACE, WARNED, KEEPS) },
    { ROW("labels", kv, NONE, KEYS, WARNED, KEEPS) },
    { ROW("mode", string, NONE, REPLACE, WARNED, KEEPS) },
    { ROW("placement", any, NONE, MAP, WARNED, KEEPS) },
    { ROW("replicas", count, D(replicas), REPLACE, CARRIED, KEEPS) },
    { ROW("resources", section, NONE, MAP, CARRIED, RECREATES), .sub = &resource_table },
    { ROW("restart_policy", section, NONE, MAP, CARRIED, KEEPS), .sub = &restart_table },
    { ROW("rollback_config", any, NONE, MAP, WARNED, KEEPS) },
    { ROW("update_config", any, NONE, MAP, WARNED, KEEPS) },
};
const struct wc_table wc_table_deploy = ROWS(deploy_rows);

static const struct wc_field build_rows[] = {
    { ROW("additional_contexts", kv, NONE, KEYS, QUIET, KEEPS) },
    { ROW("args", env, NONE, KEYS, QUIET, KEEPS) },
    { ROW("cache_from", strings, NONE, APPEND, QUIET, KEEPS) },
    { ROW("cache_to", strings, NONE, APPEND, QUIET, KEEPS) },
    { ROW("context", string, NONE, REPLACE, QUIET, KEEPS) },
    { ROW("dockerfile", string, NONE, REPLACE, QUIET, KEEPS) },
    { ROW("dockerfile_inline", string, NONE, REPLACE, QUIET, KEEPS) },
    { ROW("entitlements", strings, NONE, APPEND, QUIET, KEEPS) },
    { ROW("extra_hosts", hosts, NONE, APPEND, QUIET, KEEPS) },
    { ROW("isolation", isolation, NONE, REPLACE, QUIET, KEEPS) },
    { ROW("labels", kv, NONE, KEYS, QUIET, KEEPS) },
    { ROW("network", string, NONE, REPLACE, QUIET, KEEPS) },
    { ROW("no_cache", bool, NONE, REPLACE, QUIET, KEEPS) },
    { ROW("no_cache_filter", string_or_list, NONE, APPEND, QUIET, KEEPS) },
    { ROW("platforms", strings, NONE, APPEND, QUIET, KEEPS) },
    { ROW("privileged", bool, NONE, REPLACE, QUIET, KEEPS) },
    { ROW("provenance", any, NONE, REPLACE, QUIET, KEEPS) },
    { ROW("pull", bool, NONE, REPLACE, QUIET, KEEPS) },
    { ROW("sbom", any, NONE, REPLACE, QUIET, KEEPS) },
    { ROW("secrets", any, NONE, APPEND, QUIET, KEEPS) },
    { ROW("shm_size", bytes, NONE, REPLACE, QUIET, KEEPS) },
    { ROW("ssh", any, NONE, APPEND, QUIET, KEEPS) },
    { ROW("tags", strings, NONE, UNIQUE, QUIET, KEEPS), .ident = wc_ident_text },
    { ROW("target", string, NONE, REPLACE, QUIET, KEEPS) },
    { ROW("ulimits", ulimits, NONE, KEYS, QUIET, KEEPS) },
};
const struct wc_table wc_table_build = ROWS(build_rows);

static const struct wc_field pool_rows[] = {
    { ROW("aux_addresses", any, NONE, MAP, WARNED, KEEPS) },
    { ROW("gateway", string, NONE, REPLACE, CARRIED, RECREATES) },
    { ROW("ip_range", string, NONE, REPLACE, WARNED, KEEPS) },
    { ROW("subnet", string, NONE, REPLACE, CARRIED, RECREATES) },
};
static const struct wc_table pool_table = ROWS(pool_rows);

static const struct wc_field ipam_rows[] = {
    { ROW("config", items, NONE, UNIQUE, CARRIED, RECREATES),
      .sub = &pool_table, .ident = wc_ident_subnet },
    { ROW("driver", string, NONE, REPLACE, WARNED, KEEPS) },
    { ROW("options", kv, NONE, KEYS, WARNED, KEEPS) },
};
static const struct wc_table ipam_table = ROWS(ipam_rows);

static const struct wc_field network_rows[] = {
    { ROW("attachable", bool, N(attachable), REPLACE, CARRIED, KEEPS) },
    { ROW("driver", string, N(driver), REPLACE, CARRIED, RECREATES) },
    { ROW("driver_opts", kv, N(driver_opts), KEYS, CARRIED, RECREATES) },
    { ROW("enable_ipv4", bool, NONE, REPLACE, WARNED, KEEPS) },
    { ROW("enable_ipv6", tri, N(enable_ipv6), REPLACE, CARRIED, RECREATES) },
    { ROW("external", external, N(external), REPLACE, CARRIED, RECREATES) },
    { ROW("internal", bool, N(internal), REPLACE, CARRIED, RECREATES) },
    { ROW("ipam", section, NONE, MAP, CARRIED, RECREATES), .sub = &ipam_table },
    { ROW("labels", kv, N(labels), KEYS, CARRIED, KEEPS) },
    { ROW("name", string, N(name), REPLACE, CARRIED, RECREATES) },
};
const struct wc_table wc_table_network = ROWS(network_rows);

static const struct wc_field volume_rows[] = {
    { ROW("driver", string, V(driver), REPLACE, CARRIED, RECREATES) },
    { ROW("driver_opts", kv, V(driver_opts), KEYS, CARRIED, RECREATES) },
    { ROW("external", external, V(external), REPLACE, CARRIED, RECREATES) },
    { ROW("labels", kv, V(labels), KEYS, CARRIED, KEEPS) },
    { ROW("name", string, V(name), REPLACE, CARRIED, RECREATES) },
};
const struct wc_table wc_table_volume = ROWS(volume_rows);

static const struct wc_field file_rows[] = {
    { ROW("content", string, NONE, REPLACE, QUIET, KEEPS) },
    { ROW("driver", string, NONE, REPLACE, QUIET, KEEPS) },
    { ROW("driver_opts", kv, NONE, KEYS, QUIET, KEEPS) },
    { ROW("environment", string, NONE, REPLACE, QUIET, KEEPS) },
    { ROW("external", external, NONE, REPLACE, QUIET, KEEPS) },
    { ROW("file", string, NONE, REPLACE, QUIET, KEEPS) },
    { ROW("labels", kv, NONE, KEYS, QUIET, KEEPS) },
    { ROW("name", string, NONE, REPLACE, QUIET, KEEPS) },
    { ROW("template_driver", string, NONE, REPLACE, QUIET, KEEPS) },
};
static const struct wc_table file_table = ROWS(file_rows);

static const struct wc_field model_rows[] = {
    { ROW("context_size", count, NONE, REPLACE, QUIET, KEEPS) },
    { ROW("model", string, NONE, REPLACE, QUIET, KEEPS) },
    { ROW("name", string, NONE, REPLACE, QUIET, KEEPS) },
    { ROW("runtime_flags", strings, NONE, APPEND, QUIET, KEEPS) },
};
static const struct wc_table model_table = ROWS(model_rows);

static const struct wc_field profile_service_rows[] = {
    { ROW("isolation", isolation, NONE, REPLACE, CARRIED, KEEPS) },
    { ROW("tenant", string, NONE, REPLACE, CARRIED, KEEPS) },
    { ROW("trust", trust, NONE, REPLACE, CARRIED, KEEPS), .words = trusts },
};
static const struct wc_table profile_service_table = OWN_ROWS(profile_service_rows);

static const struct wc_field profile_rows[] = {
    { ROW("isolation", isolation, NONE, REPLACE, CARRIED, KEEPS) },
    { ROW("services", entries, NONE, MAP, CARRIED, KEEPS), .sub = &profile_service_table },
};
static const struct wc_table profile_table = OWN_ROWS(profile_rows);

static const struct wc_field own_rows[] = {
    { ROW("policy", any, NONE, APPEND, REFUSED, KEEPS) },
    { ROW("profiles", entries, NONE, MAP, CARRIED, KEEPS), .sub = &profile_table },
};
static const struct wc_table own_table = OWN_ROWS(own_rows);

static const struct wc_field project_rows[] = {
    { ROW("configs", entries, NONE, MAP, QUIET, KEEPS), .sub = &file_table },
    { ROW("include", any, NONE, APPEND, REFUSED, KEEPS) },
    { ROW("models", entries, NONE, MAP, QUIET, KEEPS), .sub = &model_table, .required = "model" },
    { ROW("name", string, NONE, REPLACE, CARRIED, KEEPS) },
    { ROW("networks", entries, NONE, MAP, CARRIED, KEEPS), .sub = &wc_table_network },
    { ROW("secrets", entries, NONE, MAP, QUIET, KEEPS), .sub = &file_table },
    { ROW("services", entries, NONE, MAP, CARRIED, KEEPS), .sub = &wc_table_service },
    { ROW("version", string, NONE, REPLACE, QUIET, KEEPS) },
    { ROW("volumes", entries, NONE, MAP, CARRIED, KEEPS), .sub = &wc_table_volume },
    { ROW("x-wcompose", section, NONE, MAP, CARRIED, KEEPS), .sub = &own_table },
};
/* clang-format on */

const struct wc_table wc_table_project = ROWS(project_rows);
