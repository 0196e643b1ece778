/* build_images.c - the order of builds, and what is seen of them. */
#include "cli/build_images.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/paths.h"
#include "base/str.h"
#include "wcompose/image.h"
#include "wcompose/pull.h"

enum { KEPT_MAX = 64 << 10 };

struct builds {
    struct wc_cli *cli;
    const struct wc_project *project;
    const struct wc_cli_build *how;
    struct wc_image_store *store;
    unsigned char *state; /* of each service */
    const char *service;  /* under way */
    struct wc_buf kept;   /* quiet: what the builder said */
};

enum { UNSEEN, UNDER_WAY, DONE };

static void tell(const struct builds *b, const char *service, const char *text)
{
    if (!b->cli->json) {
        fprintf(stderr, "%s  %s\n", service, text);
        return;
    }
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    struct wc_jsonw w = WC_JSONW_INIT(&out);
    wc_jsonw_object(&w, NULL);
    wc_jsonw_i64(&w, "v", 1);
    wc_jsonw_str(&w, "service", service);
    wc_jsonw_str(&w, "build", text);
    wc_jsonw_end_object(&w);
    fprintf(stderr, "%s\n", out.data);
}

/* Builders colour and move; what they print is for a screen of ours. */
static void on_line(void *data, const char *line)
{
    struct builds *b = data;
    WC_CLEANUP_BUF struct wc_buf clean = WC_BUF_INIT;
    for (const char *c = line; *c != '\0'; c++)
        if ((unsigned char)*c >= ' ' || *c == '\t')
            wc_buf_addc(&clean, *c);
    if (!b->how->quiet)
        tell(b, b->service, clean.data);
    else if (b->kept.len < KEPT_MAX)
        wc_buf_printf(&b->kept, "%s\n", clean.data);
}

/* The file's arguments, and before them those of the command line. */
static struct wc_kvs merged_args(const struct builds *b, const struct wc_kvs *file)
{
    struct wc_kvs out = { 0 };
    out.items = wc_arena_array(b->cli->arena, file->n + b->how->n_args + 1, sizeof *out.items);
    for (size_t i = 0; i < b->how->n_args; i++) {
        const char *sign = strchr(b->how->args[i], '=');
        size_t len = strcspn(b->how->args[i], "=");
        out.items[out.n++] =
            (struct wc_kv){ .key = wc_arena_strndup(b->cli->arena, b->how->args[i], len),
                            .value = sign != NULL ? sign + 1 : NULL };
    }
    for (size_t i = 0; i < file->n; i++) {
        bool given = false;
        for (size_t k = 0; k < b->how->n_args; k++)
            given = given || wc_streq(out.items[k].key, file->items[i].key);
        if (!given)
            out.items[out.n++] = file->items[i];
    }
    return out;
}

static const char service_scheme[] = "service:";

/* Contexts of other services are their images. */
static struct wc_kvs resolved_contexts(const struct builds *b, const struct wc_kvs *contexts)
{
    struct wc_kvs out = { .n = contexts->n };
    out.items = wc_arena_array(b->cli->arena, contexts->n + 1, sizeof *out.items);
    for (size_t i = 0; i < contexts->n; i++) {
        const char *value = contexts->items[i].value;
        out.items[i] = contexts->items[i];
        if (value == NULL || !wc_str_starts(value, service_scheme))
            continue;
        const struct wc_service *other =
            wc_project_service(b->project, value + strlen(service_scheme));
        if (other != NULL && other->image != NULL)
            out.items[i].value = wc_arena_printf(b->cli->arena, "docker-image://%s", other->image);
    }
    return out;
}

/* What the service runs as here: what it says, else this host's, else the first it is built for. */
static const char *own_platform(const struct wc_service *s)
{
    const struct wc_strv *platforms = &s->build.platforms;
    if (s->platform != NULL && *s->platform != '\0')
        return s->platform;
    for (size_t i = 0; i < platforms->n; i++)
        if (wc_image_same_platform(NULL, platforms->items[i]))
            return NULL;
    return platforms->n > 0 ? platforms->items[0] : NULL;
}

static int build_for(struct builds *b, const struct wc_service *s, const char *platform)
{
    struct wc_err err = { 0 };
    struct wc_build build = s->build;
    bool built = false;
    build.args = merged_args(b, &s->build.args);
    build.contexts = resolved_contexts(b, &s->build.contexts);
    struct wc_image_build_options options = { .build = &build,
                                              .name = s->image,
                                              .platform = platform,
                                              .no_cache = b->how->no_cache,
                                              .pull = b->how->pull,
                                              .line = on_line,
                                              .line_data = b };
    b->service = s->name;
    wc_buf_reset(&b->kept);
    int rc = wc_image_build(b->store, &options, b->cli->arena, &built, &err);
    if (rc == 0) {
        const char *what = platform == NULL
                               ? s->image
                               : wc_arena_printf(b->cli->arena, "%s for %s", s->image, platform);
        tell(b, s->name,
             wc_arena_printf(b->cli->arena,
                             built ? "built %s" : "%s is up to date: nothing to build", what));
        return 0;
    }
    if (b->kept.len > 0)
        fputs(b->kept.data, stderr);
    struct wc_err named = { 0 };
    (void)wc_err_at(&named, rc, s->build.at, "service %s: build: %s", s->name, err.msg);
    return wc_cli_fail(b->cli, &named);
}

static int build_one(struct builds *b, const struct wc_service *s)
{
    const struct wc_strv *platforms = &s->build.platforms;
    if (!b->how->all_platforms || platforms->n == 0)
        return build_for(b, s, own_platform(s));
    int status = 0;
    for (size_t i = 0; i < platforms->n && status == 0; i++)
        status = build_for(
            b, s, wc_image_same_platform(NULL, platforms->items[i]) ? NULL : platforms->items[i]);
    return status;
}

static bool wanted(const struct builds *b, const struct wc_service *s)
{
    struct wc_image_info info;
    struct wc_err unsaid = { 0 };
    if (!s->build.set || s->image == NULL)
        return false;
    return !b->how->only_missing || wc_streq0(s->pull_policy, "build") ||
           wc_image_resolve_for(b->store, s->image, own_platform(s), b->cli->arena, &info,
                                &unsaid) != 0 ||
           !wc_image_is_for(own_platform(s), &info);
}

static int visit(struct builds *b, size_t index)
{
    const struct wc_service *s = &b->project->services[index];
    int status = 0;
    if (b->state[index] == UNDER_WAY) {
        struct wc_err err = { 0 };
        (void)wc_err_at(&err, WC_ERR_SPEC, s->build.at,
                        "the builds of services go round: '%s' needs its own image", s->name);
        return wc_cli_fail(b->cli, &err);
    }
    if (b->state[index] == DONE)
        return 0;
    b->state[index] = UNDER_WAY;
    bool needed = wanted(b, s);
    for (size_t i = 0; needed && status == 0 && i < s->build.contexts.n; i++) {
        const char *value = s->build.contexts.items[i].value;
        const struct wc_service *other =
            value != NULL && wc_str_starts(value, service_scheme)
                ? wc_project_service(b->project, value + strlen(service_scheme))
                : NULL;
        if (other != NULL)
            status = visit(b, (size_t)(other - b->project->services));
    }
    if (status == 0 && needed)
        status = build_one(b, s);
    b->state[index] = DONE;
    return status;
}

int wc_cli_build_images(struct wc_cli *cli, const struct wc_project *project,
                        const struct wc_cli_build *how)
{
    struct builds b = { .cli = cli, .project = project, .how = how, .kept = WC_BUF_INIT };
    struct wc_paths paths;
    struct wc_err err = { 0 };
    bool any = false;
    for (size_t i = 0; i < project->n_services; i++)
        any = any || project->services[i].build.set;
    if (!any)
        return 0;
    int status = wc_cli_paths(cli, &paths);
    if (status != 0)
        return status;
    if (wc_image_store_open(paths.images, &b.store, &err) != 0)
        return wc_cli_fail(cli, &err);
    b.state = wc_arena_array(cli->arena, project->n_services, sizeof *b.state);
    for (size_t i = 0; i < project->n_services && status == 0; i++)
        status = visit(&b, i);
    wc_buf_deinit(&b.kept);
    wc_image_store_close(b.store);
    return status;
}
