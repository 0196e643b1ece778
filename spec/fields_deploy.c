/* fields_deploy.c - the rows of deploy. What needs a cluster is warned about: one machine has no
 * other place to put an instance.
 */
#include "spec/fields.h"

#define D(member) (long)offsetof(struct wc_service_draft, member)

static const char *const restart_conditions[] = { "none", "on-failure", "any", NULL };
static const char *const modes[] = { "replicated", "global", "replicated-job", "global-job", NULL };
static const char *const endpoint_modes[] = { "vip", "dnsrr", NULL };
static const char *const failure_actions[] = { "continue", "pause", "rollback", NULL };
static const char *const orders[] = { "start-first", "stop-first", NULL };

/* clang-format off */
static const struct wc_field limit_rows[] = {
    { ROW("cpus", number, D(limit_nano_cpus), REPLACE, CARRIED, INPLACE) },
    { ROW("memory", size, D(limit_memory), REPLACE, CARRIED, INPLACE) },
    { ROW("pids", int, D(limit_pids), REPLACE, CARRIED, INPLACE), WINDOWS(REFUSED) },
};
static const struct wc_table limit_table = TABLE(limit_rows, "limits", "deploy.md#");

static const struct wc_field reservation_rows[] = {
    { ROW("cpus", number, NONE, REPLACE, WARNED, KEEPS) },
    { ROW("devices", requests, NONE, APPEND, REFUSED, KEEPS),
      .sub = &wc_table_request, .required = "capabilities" },
    { ROW("generic_resources", items, NONE, APPEND, WARNED, KEEPS),
      .sub = &wc_table_generic, .clause = "deploy.md#resources" },
    { ROW("memory", size, D(reserve_memory), REPLACE, CARRIED, INPLACE), WINDOWS(WARNED) },
};
static const struct wc_table reservation_table =
    TABLE(reservation_rows, "reservations", "deploy.md#");

static const struct wc_field resource_rows[] = {
    { ROW("limits", section, NONE, MAP, CARRIED, RECREATES), .sub = &limit_table },
    { ROW("reservations", section, NONE, MAP, CARRIED, RECREATES), .sub = &reservation_table },
};
static const struct wc_table resource_table =
    TABLE(resource_rows, "resources", "deploy.md#resources");

static const struct wc_field restart_rows[] = {
    { ROW("condition", word, D(deploy_condition), REPLACE, CARRIED, KEEPS),
      .words = restart_conditions, .fallback = "any" },
    { ROW("delay", duration, D(service.restart_delay_ms), REPLACE, CARRIED, KEEPS),
      .fallback = "100ms, doubling" },
    { ROW("max_attempts", count, D(deploy_max_attempts), REPLACE, CARRIED, KEEPS), SHOWS_ZERO,
      .fallback = "no limit" },
    { ROW("window", duration, D(service.restart_window_ms), REPLACE, CARRIED, KEEPS),
      .fallback = "10s, and ten times the wait" },
};
static const struct wc_table restart_table =
    TABLE(restart_rows, "restart_policy", "deploy.md#restart_policy");

#define UPDATE_ROWS(of)                                                                           \
    { ROW("delay", duration, D(service.of.delay_ms), REPLACE, CARRIED, KEEPS), .fallback = "0s" },\
    { ROW("failure_action", word, D(of##_action), REPLACE, CARRIED, KEEPS),                       \
      .words = failure_actions, .fallback = "pause" },                                            \
    { ROW("max_failure_ratio", number, D(service.of.max_failure_nano), REPLACE, CARRIED, KEEPS),  \
      .fallback = "0" },                                                                          \
    { ROW("monitor", duration, D(service.of.monitor_ms), REPLACE, CARRIED, KEEPS),                \
      .fallback = "5s" },                                                                         \
    { ROW("order", word, D(of##_order), REPLACE, CARRIED, KEEPS),                                 \
      .words = orders, .fallback = "stop-first" },                                                \
    { ROW("parallelism", count, D(service.of.parallelism), REPLACE, CARRIED, KEEPS),              \
      SHOWS_ZERO, .fallback = "1" }

static const struct wc_field update_rows[] = { UPDATE_ROWS(update) };
static const struct wc_field rollback_rows[] = { UPDATE_ROWS(rollback) };
static const struct wc_table update_table =
    TABLE(update_rows, "update_config", "deploy.md#update_config");
static const struct wc_table rollback_table =
    TABLE(rollback_rows, "rollback_config", "deploy.md#rollback_config");

static const struct wc_field preference_rows[] = {
    { ROW("spread", string, NONE, REPLACE, WARNED, KEEPS) },
};
static const struct wc_table preference_table =
    TABLE(preference_rows, "preference", "deploy.md#preferences");

static const struct wc_field placement_rows[] = {
    { ROW("constraints", strings, NONE, APPEND, WARNED, KEEPS) },
    { ROW("max_replicas_per_node", count, NONE, REPLACE, WARNED, KEEPS),
      .clause = "deploy.md#placement" },
    { ROW("preferences", items, NONE, APPEND, WARNED, KEEPS), .sub = &preference_table },
};
static const struct wc_table placement_table = TABLE(placement_rows, "placement", "deploy.md#");

static const struct wc_field deploy_rows[] = {
    { ROW("endpoint_mode", word, NONE, REPLACE, WARNED, KEEPS), .words = endpoint_modes },
    { ROW("labels", kv, NONE, KEYS, WARNED, KEEPS) },
    { ROW("mode", word, NONE, REPLACE, WARNED, KEEPS),
      .words = modes, .fallback = "replicated" },
    { ROW("placement", section, NONE, MAP, WARNED, KEEPS), .sub = &placement_table },
    { ROW("replicas", count, D(replicas), REPLACE, CARRIED, KEEPS), SHOWS_ZERO, .fallback = "1" },
    { ROW("resources", section, NONE, MAP, CARRIED, RECREATES), .sub = &resource_table },
    { ROW("restart_policy", section, NONE, MAP, CARRIED, KEEPS), .sub = &restart_table },
    { ROW("rollback_config", section, NONE, MAP, CARRIED, KEEPS), .sub = &rollback_table },
    { ROW("update_config", section, NONE, MAP, CARRIED, KEEPS), .sub = &update_table },
};
/* clang-format on */

const struct wc_table wc_table_deploy = TABLE(deploy_rows, "deploy", "deploy.md#");
