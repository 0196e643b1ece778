/* inputs.c - what a revision is judged by. Each part with its name and length before it, so that no
 * two lists read the same. */
#include "orchestrator/gitops/inputs.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/paths.h"
#include "base/str.h"

enum { KEY_FILE_MAX = 16 << 20 };

static void add(struct wc_sha256 *hash, const char *name, const char *text, size_t len)
{
    WC_CLEANUP_BUF struct wc_buf head = WC_BUF_INIT;
    wc_buf_printf(&head, "%s %zu ", name, len);
    wc_sha256_update(hash, head.data, head.len);
    wc_sha256_update(hash, text, len);
}

static void add_text(struct wc_sha256 *hash, const char *name, const char *text)
{
    add(hash, text == NULL ? "none" : name, text == NULL ? "" : text,
        text == NULL ? 0 : strlen(text));
}

static void add_list(struct wc_sha256 *hash, const char *name, const struct wc_strv *list)
{
    for (size_t i = 0; i < list->n; i++)
        add_text(hash, name, list->items[i]);
}

static void add_file(struct wc_sha256 *hash, const char *name, const char *path)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    struct wc_err none = { 0 };
    if (path == NULL)
        return;
    if (wc_fs_read(path, KEY_FILE_MAX, &text, &none) == 0)
        add(hash, name, text.data, text.len);
    else
        add_text(hash, name, NULL);
}

static void add_source(struct wc_sha256 *hash, const struct wc_agent_source *s)
{
    add_text(hash, "git", s->git);
    add_text(hash, "directory", s->directory);
    if (s->file != NULL) /* records of before it could be are of the same inputs still */
        add_text(hash, "file", s->file);
    add_text(hash, "archive", s->archive);
    add_text(hash, "branch", s->branch);
    add_text(hash, "tag", s->tag);
    add_text(hash, "semver", s->semver);
    add_text(hash, "commit", s->commit);
    add_text(hash, "path", s->path);
    add_text(hash, "sha256", s->sha256);
    add_text(hash, "verify", s->verify);
    add_text(hash, "modules", s->submodules ? "yes" : "no");
    if (s->lfs) /* without, the hash is the one from before there was such a thing */
        add_text(hash, "lfs", "yes");
    add_text(hash, "rewind", s->allow_rewind ? "yes" : "no");
    add_file(hash, "signers", s->signers);
    add_file(hash, "keyring", s->keyring);
}

/* What isn't limited has the hash that it had before it could be. */
static void add_limits(struct wc_sha256 *hash, const struct wc_grant_limits *limits)
{
    const int64_t all[] = { limits->instances, limits->memory_bytes, limits->nano_cpus,
                            limits->pids };
    char text[32];
    for (size_t i = 0; i < WC_COUNT(all); i++) {
        int len = snprintf(text, sizeof text, "%zu %lld", i, (long long)all[i]);
        if (all[i] != 0)
            add(hash, "limit", text, (size_t)len);
    }
}

/* An app whose images aren't followed has the hash that it had before they could be. */
static void add_images(struct wc_sha256 *hash, const struct wc_agent_images *images)
{
    if (!wc_agent_follows_images(images))
        return;
    add_text(hash, "images", images->all.kind);
    add_text(hash, "range", images->all.range);
    for (size_t i = 0; i < images->n_services; i++) {
        add_text(hash, "service", images->services[i].service);
        add_text(hash, "images", images->services[i].kind);
        add_text(hash, "range", images->services[i].range);
    }
}

static void add_variables(struct wc_sha256 *hash, const struct wc_gitops_run *run)
{
    const struct wc_strv *allowed = &run->app->grant.env;
    bool all = wc_streq(run->app->trust, "trusted");
    for (size_t i = 0; run->environ != NULL && run->environ[i] != NULL && !all; i++)
        for (size_t k = 0; k < allowed->n; k++)
            if (wc_str_starts(run->environ[i], allowed->items[k]) &&
                run->environ[i][strlen(allowed->items[k])] == '=')
                add_text(hash, "env", run->environ[i]);
}

void wc_gitops_inputs(const struct wc_gitops_run *run, char hex[WC_SHA256_HEX + 1])
{
    const struct wc_agent_app *app = run->app;
    const struct wc_agent_grant *g = &app->grant;
    struct wc_sha256 *hash = wc_sha256_new();
    struct wc_arena arena;
    wc_arena_init(&arena);
    add_source(hash, &app->source);
    add_list(hash, "file", &app->files);
    add_list(hash, "profile", &app->profiles);
    add_list(hash, "env_file", &app->env_files);
    add_text(hash, "trust", app->trust);
    add_list(hash, "port", &g->ports);
    add_list(hash, "grant-env", &g->env);
    add_list(hash, "bind", &g->binds);
    add_list(hash, "cap", &g->caps);
    add_list(hash, "device", &g->devices);
    add_list(hash, "network", &g->networks);
    add_list(hash, "volume", &g->volumes);
    add_list(hash, "sysctl", &g->sysctls);
    add_limits(hash, &g->limits);
    if (g->isolation != NULL)
        add_text(hash, "isolation", g->isolation);
    add_text(hash, "build", g->build ? "yes" : "no");
    add_text(hash, "prune", app->prune ? "yes" : "no");
    add_images(hash, &app->images);
    add_file(hash, "age", app->age_file);
    add_file(hash, "policy", wc_paths_policy(run->paths, &arena));
    add_variables(hash, run);
    wc_arena_deinit(&arena);
    wc_sha256_finish(hash, hex);
}

static enum wc_verify_mode verify_of(const char *word)
{
    if (wc_streq(word, "commit"))
        return WC_VERIFY_COMMIT;
    if (wc_streq(word, "tag"))
        return WC_VERIFY_TAG;
    return wc_streq(word, "both") ? WC_VERIFY_BOTH : WC_VERIFY_NONE;
}

struct wc_app_source wc_gitops_source(const struct wc_agent_app *app)
{
    const struct wc_agent_source *s = &app->source;
    struct wc_app_source out = {
        .kind = s->git != NULL         ? WC_APP_SOURCE_GIT
                : s->directory != NULL ? WC_APP_SOURCE_DIRECTORY
                : s->file != NULL      ? WC_APP_SOURCE_FILE
                                       : WC_APP_SOURCE_ARCHIVE,
        .url = s->git != NULL         ? s->git
               : s->directory != NULL ? s->directory
               : s->file != NULL      ? s->file
                                      : s->archive,
        .path = s->path,
        .ssh_key = s->ssh_key,
        .known_hosts = s->ssh_known_hosts,
        .token_file = s->token_file,
        .ca_file = s->ca_file,
        .verify = verify_of(s->verify),
        .signers = s->signers,
        .keyring = s->keyring,
        .sha256 = s->sha256,
        .submodules = s->submodules,
        .lfs = s->lfs,
        .max_bytes = (size_t)s->max_bytes,
        .timeout_ms = (unsigned)s->timeout_ms,
    };
    if (s->branch != NULL)
        out.pin_kind = WC_PIN_BRANCH, out.pin = s->branch;
    else if (s->tag != NULL)
        out.pin_kind = WC_PIN_TAG, out.pin = s->tag;
    else if (s->semver != NULL)
        out.pin_kind = WC_PIN_SEMVER, out.pin = s->semver;
    else if (s->commit != NULL)
        out.pin_kind = WC_PIN_COMMIT, out.pin = s->commit;
    return out;
}
