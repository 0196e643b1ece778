/* fields_project.c - the rows of the top level, and of our own extension there. */
#include "spec/fields.h"

static const char *const trusts[] = { "trusted", "untrusted", NULL };
static const char *const fallbacks[] = { "none", "stronger", NULL };

#define OWN_CLAUSE "11-extension.md"

/* clang-format off */
static const struct wc_field include_rows[] = {
    { ROW("env_file", string_or_list, NONE, REPLACE, CARRIED, KEEPS), .fallback = ".env" },
    { ROW("path", string_or_list, NONE, REPLACE, CARRIED, KEEPS) },
    { ROW("project_directory", string, NONE, REPLACE, CARRIED, KEEPS),
      .fallback = "the directory of path" },
};
static const struct wc_table include_table =
    CLOSED_TABLE(include_rows, "include", "14-include.md#");

static const struct wc_field profile_service_rows[] = {
    { ROW("isolation", isolation, NONE, REPLACE, CARRIED, KEEPS) },
    { ROW("tenant", string, NONE, REPLACE, CARRIED, KEEPS) },
    { ROW("trust", trust, NONE, REPLACE, CARRIED, KEEPS), .words = trusts },
};
static const struct wc_table profile_service_table =
    CLOSED_TABLE(profile_service_rows, "wcompose_profile_service", OWN_CLAUSE);

static const struct wc_field profile_rows[] = {
    { ROW("fallback", word, NONE, REPLACE, CARRIED, KEEPS), .words = fallbacks },
    { ROW("isolation", isolation, NONE, REPLACE, CARRIED, KEEPS) },
    { ROW("production", bool, NONE, REPLACE, CARRIED, KEEPS), SHOWS_ZERO },
    { ROW("services", entries, NONE, MAP, CARRIED, KEEPS), .sub = &profile_service_table },
};
static const struct wc_table profile_table =
    CLOSED_TABLE(profile_rows, "wcompose_profile", OWN_CLAUSE);

static const struct wc_field own_rows[] = {
    { ROW("fallback", word, NONE, REPLACE, CARRIED, KEEPS),
      .words = fallbacks, .fallback = "none" },
    { ROW("policy", items, NONE, APPEND, CARRIED, KEEPS),
      .sub = &wc_table_rule, .required = "match require" },
    { ROW("production", bool, NONE, REPLACE, CARRIED, KEEPS), SHOWS_ZERO },
    { ROW("profiles", entries, NONE, MAP, CARRIED, KEEPS), .sub = &profile_table },
    { ROW("vm", section, NONE, MAP, CARRIED, KEEPS), WINDOWS(WARNED), .sub = &wc_table_vm },
};
static const struct wc_table own_table = CLOSED_TABLE(own_rows, "wcompose", OWN_CLAUSE);

static const struct wc_field project_rows[] = {
    { ROW("configs", entries, NONE, MAP, QUIET, KEEPS),
      .sub = &wc_table_config, .clause = "08-configs.md" },
    { ROW("include", include, NONE, APPEND, CARRIED, KEEPS),
      .sub = &include_table, .clause = "14-include.md" },
    { ROW("models", entries, NONE, MAP, QUIET, KEEPS),
      .sub = &wc_table_model, .required = "model", .clause = "models.md" },
    { ROW("name", string, NONE, REPLACE, CARRIED, KEEPS), .fallback = "the project directory's",
      .clause = "04-version-and-name.md#name-top-level-element" },
    { ROW("networks", entries, NONE, MAP, CARRIED, KEEPS),
      .sub = &wc_table_network, .clause = "06-networks.md" },
    { ROW("secrets", entries, NONE, MAP, QUIET, KEEPS),
      .sub = &wc_table_secret, .clause = "09-secrets.md" },
    { ROW("services", entries, NONE, MAP, CARRIED, KEEPS),
      .sub = &wc_table_service, .clause = "05-services.md" },
    { ROW("version", string, NONE, REPLACE, QUIET, KEEPS),
      .clause = "04-version-and-name.md#version-top-level-element-obsolete" },
    { ROW("volumes", entries, NONE, MAP, CARRIED, KEEPS),
      .sub = &wc_table_volume, .clause = "07-volumes.md" },
    { ROW("x-wcompose", section, NONE, MAP, CARRIED, KEEPS),
      .sub = &own_table, .clause = OWN_CLAUSE },
};
/* clang-format on */

const struct wc_table wc_table_project = TABLE(project_rows, "project", "03-compose-file.md");
