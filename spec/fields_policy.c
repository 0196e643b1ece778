/* fields_policy.c - the rows of a rule: of x-wcompose.policy, and of the host's policy file. */
#include "spec/fields.h"

#include "wcompose/isolation.h"

#define R(member) (long)offsetof(struct wc_rule, member)

#define RULE_CLAUSE "11-extension.md"

static const char *const trusts[] = { "trusted", "untrusted", "unset", NULL };

/* clang-format off */
static const struct wc_field match_rows[] = {
    { ROW("image", string_or_list, R(match.images), REPLACE, CARRIED, KEEPS) },
    { ROW("label", kv, R(match.labels), REPLACE, CARRIED, KEEPS) },
    { ROW("privileged", tri, R(match.is_privileged), REPLACE, CARRIED, KEEPS), SHOWS_ZERO },
    { ROW("project", string_or_list, R(match.projects), REPLACE, CARRIED, KEEPS) },
    { ROW("service", string_or_list, R(match.services), REPLACE, CARRIED, KEEPS) },
    { ROW("tenant", string_or_list, R(match.tenants), REPLACE, CARRIED, KEEPS) },
    { ROW("trust", rule_trust, R(match.trust), REPLACE, CARRIED, KEEPS), .words = trusts },
};
static const struct wc_table match_table =
    CLOSED_TABLE(match_rows, "wcompose_match", RULE_CLAUSE);

static const struct wc_field rule_rows[] = {
    { ROW("match", section, NONE, MAP, CARRIED, KEEPS), .sub = &match_table },
    { ROW("name", string, R(name), REPLACE, CARRIED, KEEPS) },
    { ROW("reason", string, R(reason), REPLACE, CARRIED, KEEPS) },
    { ROW("require", level, R(require), REPLACE, CARRIED, KEEPS) },
};
const struct wc_table wc_table_rule = CLOSED_TABLE(rule_rows, "wcompose_rule", RULE_CLAUSE);

static const struct wc_field host_rows[] = {
    { ROW("policy", items, NONE, APPEND, CARRIED, KEEPS),
      .sub = &wc_table_rule, .required = "match require" },
};
/* clang-format on */

const struct wc_table wc_table_host_policy =
    CLOSED_TABLE(host_rows, "wcompose_host_policy", RULE_CLAUSE);
