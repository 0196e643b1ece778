/* fields_build.c - the rows of how a service comes to be: build, develop, hooks, provider, models.
 */
#include "spec/fields.h"

#define B(member) (long)offsetof(struct wc_service_draft, service.build.member)

static const char *const watch_actions[] = { "rebuild",      "restart",   "sync",
                                             "sync+restart", "sync+exec", NULL };

_Static_assert(offsetof(struct wc_build, n_ulimits) ==
                   offsetof(struct wc_build, ulimits) + sizeof(void *),
               "ulimits and n_ulimits are one pair");

/* clang-format off */
static const struct wc_field build_rows[] = {
    { ROW("additional_contexts", contexts, B(contexts), KEYS, CARRIED, KEEPS) },
    { ROW("args", env, B(args), KEYS, CARRIED, KEEPS) },
    { ROW("cache_from", strings, B(cache_from), APPEND, CARRIED, KEEPS) },
    { ROW("cache_to", strings, B(cache_to), APPEND, CARRIED, KEEPS) },
    { ROW("context", context, B(context), REPLACE, CARRIED, KEEPS), .fallback = "." },
    { ROW("dockerfile", string, B(dockerfile), REPLACE, CARRIED, KEEPS), .fallback = "Dockerfile" },
    { ROW("dockerfile_inline", string, B(dockerfile_inline), REPLACE, CARRIED, KEEPS) },
    { ROW("entitlements", strings, NONE, APPEND, WARNED, KEEPS) },
    { ROW("extra_hosts", hosts, B(extra_hosts), APPEND, CARRIED, KEEPS) },
    { ROW("isolation", isolation, B(isolation), REPLACE, CARRIED, KEEPS) },
    { ROW("labels", kv, B(labels), KEYS, CARRIED, KEEPS) },
    { ROW("network", string, B(network), REPLACE, CARRIED, KEEPS) },
    { ROW("no_cache", bool, B(no_cache), REPLACE, CARRIED, KEEPS), .fallback = "false" },
    { ROW("no_cache_filter", string_or_list, NONE, APPEND, WARNED, KEEPS),
      .clause = "build.md#no_cache" },
    { ROW("platforms", strings, B(platforms), APPEND, CARRIED, KEEPS) },
    { ROW("privileged", bool, B(privileged), REPLACE, CARRIED, KEEPS), .fallback = "false" },
    { ROW("provenance", truth_text, NONE, REPLACE, WARNED, KEEPS) },
    { ROW("pull", bool, B(pull), REPLACE, CARRIED, KEEPS), .fallback = "false" },
    { ROW("sbom", truth_text, NONE, REPLACE, WARNED, KEEPS) },
    { ROW("secrets", configs, NONE, APPEND, CARRIED, KEEPS),
      .sub = &wc_table_reference, .required = "source" },
    { ROW("shm_size", bytes, B(shm_size_bytes), REPLACE, CARRIED, KEEPS) },
    { ROW("ssh", ssh, NONE, KEYS, CARRIED, KEEPS) },
    { ROW("tags", strings, B(tags), UNIQUE, CARRIED, KEEPS), .ident = wc_ident_text },
    { ROW("target", string, B(target), REPLACE, CARRIED, KEEPS), .fallback = "the last stage" },
    { ROW("ulimits", ulimits, B(ulimits), KEYS, CARRIED, KEEPS), .sub = &wc_table_ulimit,
      .words = wc_ulimit_names },
};
const struct wc_table wc_table_build = TABLE(build_rows, "build", "build.md#");

static const struct wc_field hook_rows[] = {
    { ROW("command", command, NONE, WHOLE, CARRIED, RECREATES), SHOWS_ZERO },
    { ROW("environment", env, NONE, KEYS, CARRIED, RECREATES) },
    { ROW("privileged", bool, NONE, REPLACE, CARRIED, RECREATES), .fallback = "false" },
    { ROW("user", string, NONE, REPLACE, CARRIED, RECREATES), .fallback = "the service's" },
    { ROW("working_dir", string, NONE, REPLACE, CARRIED, RECREATES), .fallback = "the service's" },
};
const struct wc_table wc_table_hook = TABLE(hook_rows, "hook", "05-services.md#post_start");

static const struct wc_field pre_start_rows[] = {
    { ROW("command", command, NONE, WHOLE, REFUSED, KEEPS), SHOWS_ZERO, .fallback = "the image's" },
    { ROW("environment", env, NONE, KEYS, REFUSED, KEEPS) },
    { ROW("image", string, NONE, REPLACE, REFUSED, KEEPS), .fallback = "the service's" },
    { ROW("per_replica", bool, NONE, REPLACE, REFUSED, KEEPS), .fallback = "false" },
    { ROW("privileged", bool, NONE, REPLACE, REFUSED, KEEPS), .fallback = "false" },
    { ROW("user", string, NONE, REPLACE, REFUSED, KEEPS), .fallback = "the image's" },
    { ROW("working_dir", string, NONE, REPLACE, REFUSED, KEEPS), .fallback = "the service's" },
};
const struct wc_table wc_table_pre_start =
    TABLE(pre_start_rows, "pre_start_hook", "05-services.md#pre_start");

static const struct wc_field watch_rows[] = {
    { ROW("action", word, NONE, REPLACE, WARNED, KEEPS), .words = watch_actions },
    { ROW("exec", section, NONE, MAP, WARNED, KEEPS),
      .sub = &wc_table_hook, .required = "command" },
    { ROW("ignore", string_or_list, NONE, APPEND, WARNED, KEEPS) },
    { ROW("include", string_or_list, NONE, APPEND, WARNED, KEEPS) },
    { ROW("initial_sync", flag, NONE, REPLACE, WARNED, KEEPS), .fallback = "false" },
    { ROW("path", path, NONE, REPLACE, WARNED, KEEPS) },
    { ROW("target", string, NONE, REPLACE, WARNED, KEEPS) },
};
static const struct wc_table watch_table = TABLE(watch_rows, "watch", "develop.md#");

static const struct wc_field develop_rows[] = {
    { ROW("watch", items, NONE, APPEND, WARNED, KEEPS),
      .sub = &watch_table, .required = "path action" },
};
const struct wc_table wc_table_develop = TABLE(develop_rows, "develop", "develop.md#");

static const struct wc_field provider_rows[] = {
    { ROW("options", choices, NONE, MAP, REFUSED, KEEPS) },
    { ROW("type", string, NONE, REPLACE, REFUSED, KEEPS) },
};
const struct wc_table wc_table_provider = TABLE(provider_rows, "provider", "05-services.md#");

static const struct wc_field service_model_rows[] = {
    { ROW("endpoint_var", string, NONE, REPLACE, REFUSED, KEEPS), .fallback = "MODEL_URL" },
    { ROW("model_var", string, NONE, REPLACE, REFUSED, KEEPS), .fallback = "MODEL" },
};
const struct wc_table wc_table_service_model =
    TABLE(service_model_rows, "service_model", "05-services.md#models");

static const struct wc_field model_rows[] = {
    { ROW("context_size", whole, NONE, REPLACE, QUIET, KEEPS) },
    { ROW("model", string, NONE, REPLACE, QUIET, KEEPS) },
    { ROW("name", string, NONE, REPLACE, QUIET, KEEPS) },
    { ROW("runtime_flags", strings, NONE, APPEND, QUIET, KEEPS) },
};
/* clang-format on */

const struct wc_table wc_table_model = TABLE(model_rows, "model", "models.md#attributes");
