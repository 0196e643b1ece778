/* fields_agent.c - the rows of the agent file. They are decoded into struct wc_agent_app and kin;
 * nothing of them reaches a Compose model. */
#include "spec/fields.h"

#include "wcompose/agent.h"

#define A(member) (long)offsetof(struct wc_agent_app, member)
#define N(member) (long)offsetof(struct wc_agent_notify, member)
#define F(member) (long)offsetof(struct wc_agent, member)
#define I(member) (long)offsetof(struct wc_agent_images, member)
#define R(member) (long)offsetof(struct wc_agent_image_rule, member)

#define CLAUSE "11-extension.md"

static const char *const modes[] = { "none", "commit", "tag", "both", NULL };
static const char *const trusts[] = { "restricted", "trusted", NULL };
static const char *const drifts[] = { "repair", "report", NULL };
static const char *const levels[] = { "process", "hyperv", NULL };
static const char *const image_kinds[] = { "none", "digest-changes", "semver", NULL };

/* clang-format off */
static const struct wc_field ssh_rows[] = {
    { ROW("key", string, A(source.ssh_key), REPLACE, CARRIED, KEEPS) },
    { ROW("known_hosts", string, A(source.ssh_known_hosts), REPLACE, CARRIED, KEEPS) },
};
static const struct wc_table ssh_table = CLOSED_TABLE(ssh_rows, "agent_ssh", CLAUSE);

static const struct wc_field verify_rows[] = {
    { ROW("keyring", string, A(source.keyring), REPLACE, CARRIED, KEEPS) },
    { ROW("mode", word, A(source.verify), REPLACE, CARRIED, KEEPS), .words = modes },
    { ROW("signers", string, A(source.signers), REPLACE, CARRIED, KEEPS) },
};
static const struct wc_table verify_table = CLOSED_TABLE(verify_rows, "agent_verify", CLAUSE);

static const struct wc_field source_rows[] = {
    { ROW("allow_rewind", flag, A(source.allow_rewind), REPLACE, CARRIED, KEEPS) },
    { ROW("archive", string, A(source.archive), REPLACE, CARRIED, KEEPS) },
    { ROW("branch", text, A(source.branch), REPLACE, CARRIED, KEEPS) },
    { ROW("ca_file", string, A(source.ca_file), REPLACE, CARRIED, KEEPS) },
    { ROW("commit", text, A(source.commit), REPLACE, CARRIED, KEEPS) },
    { ROW("directory", string, A(source.directory), REPLACE, CARRIED, KEEPS) },
    { ROW("file", string, A(source.file), REPLACE, CARRIED, KEEPS) },
    { ROW("git", string, A(source.git), REPLACE, CARRIED, KEEPS) },
    { ROW("lfs", flag, A(source.lfs), REPLACE, CARRIED, KEEPS) },
    { ROW("path", string, A(source.path), REPLACE, CARRIED, KEEPS) },
    { ROW("semver", text, A(source.semver), REPLACE, CARRIED, KEEPS) },
    { ROW("sha256", text, A(source.sha256), REPLACE, CARRIED, KEEPS) },
    { ROW("size_limit", bytes, A(source.max_bytes), REPLACE, CARRIED, KEEPS) },
    { ROW("ssh", section, NONE, MAP, CARRIED, KEEPS), .sub = &ssh_table },
    { ROW("submodules", flag, A(source.submodules), REPLACE, CARRIED, KEEPS) },
    { ROW("tag", text, A(source.tag), REPLACE, CARRIED, KEEPS) },
    { ROW("timeout", duration, A(source.timeout_ms), REPLACE, CARRIED, KEEPS) },
    { ROW("token_file", string, A(source.token_file), REPLACE, CARRIED, KEEPS) },
    { ROW("verify", section, NONE, MAP, CARRIED, KEEPS), .sub = &verify_table },
};
static const struct wc_table source_table = CLOSED_TABLE(source_rows, "agent_source", CLAUSE);

static const struct wc_field limits_rows[] = {
    { ROW("cpus", number, A(grant.limits.nano_cpus), REPLACE, CARRIED, KEEPS) },
    { ROW("instances", count, A(grant.limits.instances), REPLACE, CARRIED, KEEPS),
      .fallback = "100" },
    { ROW("memory", bytes, A(grant.limits.memory_bytes), REPLACE, CARRIED, KEEPS) },
    { ROW("pids", count, A(grant.limits.pids), REPLACE, CARRIED, KEEPS) },
};
static const struct wc_table limits_table = CLOSED_TABLE(limits_rows, "agent_limits", CLAUSE);

static const struct wc_field grant_rows[] = {
    { ROW("binds", strings, A(grant.binds), REPLACE, CARRIED, KEEPS) },
    { ROW("build", flag, A(grant.build), REPLACE, CARRIED, KEEPS) },
    { ROW("caps", strings, A(grant.caps), REPLACE, CARRIED, KEEPS) },
    { ROW("devices", strings, A(grant.devices), REPLACE, CARRIED, KEEPS) },
    { ROW("env", strings, A(grant.env), REPLACE, CARRIED, KEEPS) },
    { ROW("isolation", word, A(grant.isolation), REPLACE, CARRIED, KEEPS), .words = levels },
    { ROW("limits", section, NONE, MAP, CARRIED, KEEPS), .sub = &limits_table },
    { ROW("networks", strings, A(grant.networks), REPLACE, CARRIED, KEEPS) },
    { ROW("ports", texts, A(grant.ports), REPLACE, CARRIED, KEEPS) },
    { ROW("sysctls", strings, A(grant.sysctls), REPLACE, CARRIED, KEEPS) },
    { ROW("volumes", strings, A(grant.volumes), REPLACE, CARRIED, KEEPS) },
};
static const struct wc_table grant_table = CLOSED_TABLE(grant_rows, "agent_grant", CLAUSE);

static const struct wc_field secrets_rows[] = {
    { ROW("age", string, A(age_file), REPLACE, CARRIED, KEEPS) },
};
static const struct wc_table secrets_table = CLOSED_TABLE(secrets_rows, "agent_secrets", CLAUSE);

static const struct wc_field image_rule_rows[] = {
    { ROW("kind", word, R(kind), REPLACE, CARRIED, KEEPS), .words = image_kinds },
    { ROW("range", text, R(range), REPLACE, CARRIED, KEEPS) },
};
static const struct wc_table image_rule_table =
    CLOSED_TABLE(image_rule_rows, "agent_image_rule", CLAUSE);

static const struct wc_field image_policy_rows[] = {
    { ROW("interval", duration, I(interval_ms), REPLACE, CARRIED, KEEPS), .fallback = "5m" },
    { ROW("kind", word, I(all.kind), REPLACE, CARRIED, KEEPS), .words = image_kinds },
    { ROW("range", text, I(all.range), REPLACE, CARRIED, KEEPS) },
    { ROW("services", image_rules, I(services), REPLACE, CARRIED, KEEPS),
      .sub = &image_rule_table },
};
static const struct wc_table image_policy_table =
    CLOSED_TABLE(image_policy_rows, "agent_image_policy", CLAUSE);

static const struct wc_field app_rows[] = {
    { ROW("depends_on", strings, A(depends_on), REPLACE, CARRIED, KEEPS) },
    { ROW("drift", word, A(drift), REPLACE, CARRIED, KEEPS), .words = drifts },
    { ROW("env_files", strings, A(env_files), REPLACE, CARRIED, KEEPS) },
    { ROW("files", strings, A(files), REPLACE, CARRIED, KEEPS) },
    { ROW("grant", section, NONE, MAP, CARRIED, KEEPS), .sub = &grant_table },
    { ROW("image_policy", image_policy, A(images), REPLACE, CARRIED, KEEPS),
      .sub = &image_policy_table, .required = "kind", .fallback = "none" },
    { ROW("interval", duration, A(interval_ms), REPLACE, CARRIED, KEEPS) },
    { ROW("profiles", strings, A(profiles), REPLACE, CARRIED, KEEPS) },
    { ROW("prune", flag, A(prune), REPLACE, CARRIED, KEEPS) },
    { ROW("secrets", section, NONE, MAP, CARRIED, KEEPS), .sub = &secrets_table },
    { ROW("source", section, NONE, MAP, CARRIED, KEEPS), .sub = &source_table },
    { ROW("suspend", flag, A(suspend), REPLACE, CARRIED, KEEPS) },
    { ROW("timeout", duration, A(ready_ms), REPLACE, CARRIED, KEEPS) },
    { ROW("trust", word, A(trust), REPLACE, CARRIED, KEEPS), .words = trusts },
    { ROW("windows", strings, A(window_texts), REPLACE, CARRIED, KEEPS) },
};
const struct wc_table wc_table_agent_app = CLOSED_TABLE(app_rows, "agent_app", CLAUSE);

static const struct wc_field notify_rows[] = {
    { ROW("command", strings, N(command), REPLACE, CARRIED, KEEPS) },
    { ROW("secret_file", string, N(secret_file), REPLACE, CARRIED, KEEPS) },
    { ROW("url", string, N(url), REPLACE, CARRIED, KEEPS) },
};
const struct wc_table wc_table_agent_notify = CLOSED_TABLE(notify_rows, "agent_notify", CLAUSE);

static const struct wc_field webhook_rows[] = {
    { ROW("listen", string, F(webhook_listen), REPLACE, CARRIED, KEEPS) },
    { ROW("secret_file", string, F(webhook_secret_file), REPLACE, CARRIED, KEEPS) },
};
static const struct wc_table webhook_table = CLOSED_TABLE(webhook_rows, "agent_webhook", CLAUSE);

static const struct wc_field file_rows[] = {
    { ROW("apps", entries, NONE, MAP, CARRIED, KEEPS),
      .sub = &wc_table_agent_app, .required = "source" },
    { ROW("notify", items, NONE, APPEND, CARRIED, KEEPS), .sub = &wc_table_agent_notify },
    { ROW("prune_apps", flag, F(prune_apps), REPLACE, CARRIED, KEEPS) },
    { ROW("runners", count, F(runners), REPLACE, CARRIED, KEEPS) },
    { ROW("webhook", section, NONE, MAP, CARRIED, KEEPS),
      .sub = &webhook_table, .required = "listen secret_file" },
};
/* clang-format on */

const struct wc_table wc_table_agent = CLOSED_TABLE(file_rows, "agent", CLAUSE);
