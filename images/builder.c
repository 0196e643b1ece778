/* builder.c - each member of a build as an option; the two programs have most of them in common.
 *
 * Choice:  buildah's chroot isolation: it needs no network backend, leaves no bridge and no rule,
 * and works in containers too. What it lacks, processes of its own, comes by the namespaces that
 *          all of buildah runs in; they also take its mounts along when it ends. The variable
 *          BUILDAH_ISOLATION chooses another one.
 */
#include "images/builder.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/run.h"
#include "base/str.h"
#include "wcompose/model.h"

struct line {
    struct wc_arena *arena;
    struct wc_strv *argv;
    const struct wc_builder_job *job;
};

static const char *const names[] = {
    [WC_BUILDER_BUILDAH] = "buildah", [WC_BUILDER_DOCKER] = "docker"
};

const char *wc_builder_name(enum wc_builder builder)
{
    return names[builder];
}

int wc_builder_find(enum wc_builder *out, struct wc_err *err)
{
    static const char *const buildah[] = { "buildah", "--version", NULL };
    static const char *const docker[] = { "docker", "version", "--format", "{{.Server.Version}}",
                                          NULL };
    struct wc_err unsaid = { 0 };
    *out = WC_BUILDER_BUILDAH;
    if (wc_run(buildah, NULL, NULL, &unsaid) == 0)
        return 0;
    *out = WC_BUILDER_DOCKER;
    if (wc_run(docker, NULL, NULL, &unsaid) == 0)
        return 0;
    return wc_err_set(err, WC_ERR_UNAVAILABLE, 0,
                      "a build needs buildah, or docker with an engine that answers; "
                      "apt-get install buildah");
}

static void put(struct line *line, const char *word)
{
    wc_strv_add(line->arena, line->argv, word);
}

static void option(struct line *line, const char *name, const char *value)
{
    if (value == NULL)
        return;
    put(line, name);
    put(line, value);
}

static void each(struct line *line, const char *name, const struct wc_strv *values)
{
    for (size_t i = 0; i < values->n; i++)
        option(line, name, values->items[i]);
}

static void pairs(struct line *line, const char *name, const char *sign, const struct wc_kvs *list)
{
    for (size_t i = 0; i < list->n; i++)
        option(line, name,
               list->items[i].value == NULL
                   ? list->items[i].key
                   : wc_arena_printf(line->arena, "%s%s%s", list->items[i].key, sign,
                                     list->items[i].value));
}

static void secrets(struct line *line)
{
    const struct wc_build *build = line->job->build;
    for (size_t i = 0; i < build->n_secrets; i++) {
        const struct wc_build_secret *s = &build->secrets[i];
        option(line, "--secret",
               s->path != NULL
                   ? wc_arena_printf(line->arena, "id=%s,src=%s", s->id, s->path)
                   : wc_arena_printf(line->arena, "id=%s,type=env,env=%s", s->id, s->variable));
    }
}

static void ulimits(struct line *line)
{
    const struct wc_build *build = line->job->build;
    for (size_t i = 0; i < build->n_ulimits; i++) {
        const struct wc_ulimit *u = &build->ulimits[i];
        option(line, "--ulimit",
               wc_arena_printf(line->arena, "%s=%lld:%lld", u->name, (long long)u->soft,
                               (long long)u->hard));
    }
}

/* What both spell alike. */
static void common(struct line *line)
{
    const struct wc_builder_job *job = line->job;
    const struct wc_build *build = job->build;
    option(line, "--tag", job->name);
    option(line, "--file", job->file);
    option(line, "--target", build->target);
    option(line, "--network", build->network);
    option(line, "--platform", job->platform);
    pairs(line, "--build-arg", "=", &build->args);
    pairs(line, "--label", "=", &build->labels);
    pairs(line, "--add-host", ":", &build->extra_hosts);
    each(line, "--cache-from", &build->cache_from);
    each(line, "--cache-to", &build->cache_to);
    each(line, "--ssh", &build->ssh);
    secrets(line);
    ulimits(line);
    if (build->shm_size_bytes > 0)
        option(line, "--shm-size",
               wc_arena_printf(line->arena, "%lld", (long long)build->shm_size_bytes));
    if (job->no_cache || build->no_cache)
        put(line, "--no-cache");
}

/* Root can have namespaces around it; others get what buildah itself makes. */
static void buildah(struct line *line)
{
    static const char *const around[] = { "unshare",      "--mount", "--pid", "--fork",
                                          "--kill-child", "--ipc",   "--uts", "--mount-proc" };
    for (size_t i = 0; geteuid() == 0 && i < WC_COUNT(around); i++)
        put(line, around[i]);
    put(line, "buildah");
    option(line, "--root", wc_arena_printf(line->arena, "%s/storage", line->job->state));
    option(line, "--runroot", wc_arena_printf(line->arena, "%s/run", line->job->state));
}

static void build_by_buildah(struct line *line)
{
    const struct wc_builder_job *job = line->job;
    buildah(line);
    put(line, "build");
    put(line, "--layers");
    if (getenv("BUILDAH_ISOLATION") == NULL)
        option(line, "--isolation", "chroot");
    put(line, job->pull || job->build->pull ? "--pull=always" : "--pull=missing");
    if (job->build->privileged)
        put(line, "--cap-add=all");
    common(line);
    pairs(line, "--build-context", "=", &job->build->contexts);
    for (size_t i = 0; i < job->bases.n; i++)
        option(line, "--build-context",
               wc_arena_printf(line->arena, "%s=container-image://%s", job->bases.items[i].key,
                               job->bases.items[i].value));
    put(line, "--"); /* an address is anything with "://" in it */
    put(line, job->build->context);
}

static void build_by_docker(struct line *line)
{
    put(line, "docker");
    put(line, "build");
    if (line->job->pull || line->job->build->pull)
        put(line, "--pull");
    common(line);
    pairs(line, "--build-context", "=", &line->job->build->contexts);
    put(line, "--");
    put(line, line->job->build->context);
}

int wc_builder_build(enum wc_builder builder, const struct wc_builder_job *job,
                     struct wc_arena *arena, struct wc_strv *argv, struct wc_err *err)
{
    struct line line = { .arena = arena, .argv = argv, .job = job };
    if (builder == WC_BUILDER_DOCKER && job->build->privileged)
        return wc_err_set(err, WC_ERR_UNAVAILABLE, 0,
                          "docker has no privileged builds; install buildah");
    if (builder == WC_BUILDER_BUILDAH)
        build_by_buildah(&line);
    else
        build_by_docker(&line);
    return 0;
}

void wc_builder_copy(enum wc_builder builder, const struct wc_builder_job *job, const char *to,
                     struct wc_arena *arena, struct wc_strv *argv)
{
    struct line line = { .arena = arena, .argv = argv, .job = job };
    if (builder == WC_BUILDER_BUILDAH) {
        buildah(&line);
        put(&line, "push");
        put(&line, "--quiet");
        put(&line, job->name);
        put(&line, wc_arena_printf(arena, "oci:%s", to));
        return;
    }
    put(&line, "docker");
    put(&line, "save");
    option(&line, "--output", to);
    put(&line, job->name);
}
