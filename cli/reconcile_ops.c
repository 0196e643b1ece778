/* reconcile_ops.c - what a pass over an app needs of this room: to load what was checked out, to
 * bring its images, to see what runs.
 */
#include <string.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"
#include "cli/build_images.h"
#include "cli/pull_services.h"
#include "cli/reconcile.h"
#include "cli/scene.h"
#include "cli/status.h"
#include "cli/table.h"
#include "wcompose/history.h"
#include "wcompose/plan.h"
#include "wcompose/source.h"
#include "wcompose/spec.h"

/* Loading --------------------------------------------------------------------------------------*/

/* COMPOSE_… of whoever started the agent would choose other files and profiles. */
static const char *const *environment(const struct wc_cli *cli)
{
    size_t n = 0, kept = 0;
    while (cli->environ[n] != NULL)
        n++;
    const char **out = WC_NEW_ARRAY(cli->arena, const char *, n + 1);
    for (size_t i = 0; i < n; i++)
        if (!wc_str_starts(cli->environ[i], "COMPOSE_"))
            out[kept++] = cli->environ[i];
    return out;
}

static const char *const *beneath(struct wc_cli *cli, const char *dir, const struct wc_strv *names)
{
    const char **out = WC_NEW_ARRAY(cli->arena, const char *, names->n + 1);
    for (size_t i = 0; i < names->n; i++)
        out[i] = wc_arena_printf(cli->arena, "%s/%s", dir, names->items[i]);
    return out;
}

/* The files that are read: those of the agent file, else the one that has a usual name; nothing is
 * looked for above the checkout. */
static const char *const *files_of(struct wc_cli *cli, const struct wc_agent_app *app,
                                   const char *dir, size_t *n)
{
    static const char *usual[] = { "compose.yaml", "compose.yml", "docker-compose.yaml",
                                   "docker-compose.yml" };
    struct wc_strv one = { .items = usual, .n = 1 };
    *n = app->files.n > 0 ? app->files.n : 1;
    if (app->files.n > 0)
        return beneath(cli, dir, &app->files);
    for (size_t i = 0; i < WC_COUNT(usual); i++) {
        one.items = &usual[i];
        const char *const *found = beneath(cli, dir, &one);
        if (wc_fs_exists(found[0]))
            return found;
    }
    one.items = usual;
    return beneath(cli, dir, &one);
}

/* The first error becomes the reason that is remembered; all are printed. */
static int report(const struct wc_cli *cli, const struct wc_diags *diags, int status,
                  struct wc_err *err)
{
    if (diags->n > 0 && status != 0)
        wc_cli_diags(cli, diags);
    if (status == 0)
        return 0;
    for (size_t i = 0; i < diags->n; i++) {
        const struct wc_diag *d = &diags->items[i];
        const char *file = d->at.file != NULL ? strrchr(d->at.file, '/') : NULL;
        if (d->severity != WC_SEVERITY_ERROR)
            continue;
        if (file != NULL && d->at.line > 0)
            return wc_err_set(err, WC_ERR_SPEC, 0, "%s:%u:%u: %s", file + 1, d->at.line, d->at.col,
                              d->msg);
        return wc_err_set(err, WC_ERR_SPEC, 0, "%s", d->msg);
    }
    return wc_err_set(err, WC_ERR_SPEC, 0, "it can't be loaded");
}

static struct wc_grant grant_of(const struct wc_agent_app *app)
{
    const struct wc_agent_grant *g = &app->grant;
    return (struct wc_grant){
        .ports = g->ranges,
        .n_ports = g->n_ranges,
        .binds = g->binds,
        .caps = g->caps,
        .sysctls = g->sysctls,
        .devices = g->devices,
        .networks = g->networks,
        .volumes = g->volumes,
        .build = g->build,
        .limits = g->limits,
    };
}

/* What is in force: levels of services aren't lowered by who writes the files. */
static int read_good(struct wc_cli_reconcile *r, const struct wc_agent_app *app,
                     const struct wc_project **out, struct wc_err *err)
{
    struct wc_arena *arena = r->cli->arena;
    struct wc_gitops_record record;
    *out = NULL;
    int rc = wc_gitops_record_read(wc_gitops_dir(&r->paths, arena, app->name), arena, &record, err);
    if (rc != 0 || record.good_text == NULL)
        return rc;
    const struct wc_history_row row = { .text = record.good_text, .len = strlen(record.good_text) };
    rc = wc_history_model(&row, arena, out, err);
    return rc == 0 ? 0 : wc_err_wrap(err, WC_ERR_UNAVAILABLE, "what is in force can't be read");
}

static enum wc_isolation floor_of(const struct wc_agent_grant *grant)
{
    if (grant->isolation == NULL)
        return WC_ISOLATION_DEFAULT;
    return wc_streq(grant->isolation, "hyperv") ? WC_ISOLATION_HYPERV : WC_ISOLATION_PROCESS;
}

/* Where files of a checkout are kept by their content. */
struct keeping {
    struct wc_app_source bounds; /* its caps hold for each thing that is mounted */
    struct wc_source_place place;
    const char *root;
};

static int keep(void *data, const char *path, const char **out, struct wc_err *err)
{
    const struct keeping *keeping = data;
    size_t len = strlen(keeping->root);
    if (strncmp(path, keeping->root, len) != 0 || (path[len] != '/' && path[len] != '\0'))
        return 0; /* not of the checkout: what the host grants stays where it is */
    return wc_content_keep(&keeping->bounds, &keeping->place, keeping->root, path, out, err);
}

static int load(void *data, const struct wc_agent_app *app, const char *dir, struct wc_buf *wire,
                struct wc_project **out, struct wc_err *err)
{
    struct wc_cli_reconcile *r = data;
    struct wc_cli *cli = r->cli;
    struct wc_project *project = NULL;
    const struct wc_project *good = NULL;
    struct wc_diags diags;
    struct wc_plan plan;
    size_t n_files;
    bool is_restricted = wc_streq(app->trust, "restricted");
    const struct wc_grant grant = grant_of(app);
    struct keeping keeping = { .bounds = { .max_bytes = (size_t)app->source.max_bytes },
                               .place = { wc_gitops_dir(&r->paths, cli->arena, app->name),
                                          cli->arena },
                               .root = dir };
    const struct wc_spec_options options = {
        .files = files_of(cli, app, dir, &n_files),
        .n_files = n_files,
        .env_files = beneath(cli, dir, &app->env_files),
        .n_env_files = app->env_files.n,
        .profiles = (const char *const *)app->profiles.items,
        .n_profiles = app->profiles.n,
        .project_name = app->name,
        .project_directory = dir,
        .cwd = dir,
        .environ = environment(cli),
        .check = wc_plan_check,
        .restricted = is_restricted,
        .grant = is_restricted ? &grant : NULL,
        .relocate = keep,
        .relocate_data = &keeping,
        .allow_env = (const char *const *)app->grant.env.items,
        .n_allow_env = app->grant.env.n,
        .age_files = &app->age_file, /* its own: what the host has for others is not for it */
        .n_age_files = app->age_file != NULL ? 1 : 0,
    };
    wc_diags_init(&diags, cli->arena);
    if (is_restricted && read_good(r, app, &good, err) != 0)
        return err->code;
    int code = wc_spec_load(&options, cli->arena, &diags, &project);
    int status = code == 0 ? 0 : wc_err_exit_status(code);
    if (status == 0)
        status = wc_cli_read_policy(cli, cli->arena, &diags);
    wc_diags_sort(&diags);
    cli->sources = diags.sources;
    if (status == 0) {
        wc_plan_settle(project, &cli->policy, true, cli->arena);
        if (is_restricted &&
            wc_plan_hold(project, good, floor_of(&app->grant), cli->arena, &diags) != 0)
            status = WC_EXIT_ISOLATION;
        else
            status = wc_cli_plan_quietly(cli, project, cli->arena, &diags, &plan);
    }
    if (status != 0)
        return report(cli, &diags, status, err);
    wc_spec_render_wire(project, wire);
    *out = project;
    return 0;
}

/* Images ---------------------------------------------------------------------------------------*/

/* Names the service whose image isn't there, as the commands below only print it. */
static int missing(struct wc_cli_reconcile *r, const struct wc_project *project, struct wc_err *err)
{
    struct wc_image_store *store;
    struct wc_err none = { 0 };
    const char *name = NULL, *image = NULL;
    if (wc_image_store_open(r->paths.images, &store, err) != 0)
        return err->code;
    for (size_t i = 0; i < project->n_services && name == NULL; i++) {
        const struct wc_service *s = &project->services[i];
        struct wc_image_info info;
        if (s->image != NULL &&
            wc_image_resolve_for(store, s->image, s->platform, r->cli->arena, &info, &none) != 0)
            name = s->name, image = s->image;
    }
    wc_image_store_close(store);
    if (name == NULL)
        return wc_err_set(err, WC_ERR_UNAVAILABLE, 0, "its images can't be brought");
    return wc_err_set(err, WC_ERR_UNAVAILABLE, 0, "service %s: image %s can't be had", name, image);
}

static int images(void *data, const struct wc_project *project, struct wc_err *err)
{
    struct wc_cli_reconcile *r = data;
    const struct wc_cli_pull_services pull = { .quiet = true, .by_settings = true };
    const struct wc_cli_build build = { .quiet = true }; /* what is built may have changed */
    int status = wc_cli_pull_services(r->cli, project, &pull);
    if (status == 0)
        status = wc_cli_build_images(r->cli, project, &build);
    return status == 0 ? 0 : missing(r, project, err);
}

/* Comparing ------------------------------------------------------------------------------------*/

static bool differ(struct wc_gitops_compared *out, const char *why)
{
    out->drifted = true;
    out->why = why;
    return true;
}

/* What a person stopped: by its state, and before that is looked at by the goal that it has
 * reached. */
static bool is_stopped(const struct wc_ps_row *row)
{
    bool is_up = row->fact.life == WC_LIFE_RUNNING || row->fact.life == WC_LIFE_PAUSED;
    return row->phase == WC_PHASE_STOPPED || (row->phase == WC_PHASE_SETTLED && !is_up);
}

/* What the supervisor doesn't put right by itself: that it isn't there, that it was told something
 * else, that somebody stopped a service. What changes behind its back it mends (docs/drift.md). */
static bool has_drifted(struct wc_cli *cli, const struct wc_scene *scene, const char *text,
                        const struct wc_status *status, struct wc_gitops_compared *out)
{
    const struct wc_history_row *row = scene->history.in_force;
    if (row == NULL)
        return differ(out, "nothing of it is in force");
    if (!wc_streq0(row->text, text))
        return differ(out, wc_arena_printf(cli->arena,
                                           "generation @%llu is in force, which isn't "
                                           "from its source",
                                           (unsigned long long)row->number));
    if (!scene->ps.supervised)
        return differ(out,
                      wc_arena_printf(cli->arena, "no supervisor is running%s%s",
                                      status->ready.reason != NULL ? ": " : "",
                                      status->ready.reason != NULL ? status->ready.reason : ""));
    for (size_t i = 0; i < status->n; i++) {
        const struct wc_service *s =
            wc_project_service(scene->accepted, status->services[i].service);
        if (s != NULL && s->replicas > 0 && !status->services[i].wanted)
            return differ(out, wc_arena_printf(cli->arena, "somebody stopped service %s", s->name));
    }
    for (size_t i = 0; i < scene->ps.n; i++) {
        const struct wc_ps_row *row_of = &scene->ps.rows[i];
        if (row_of->wanted && is_stopped(row_of))
            return differ(out, wc_arena_printf(cli->arena, "somebody stopped service %s",
                                               row_of->fact.service));
    }
    return false;
}

static int compare(void *data, const struct wc_agent_app *app, const char *text,
                   struct wc_gitops_compared *out, struct wc_err *err)
{
    struct wc_cli_reconcile *r = data;
    struct wc_scene scene = { .paths = r->paths, .project = app->name };
    struct wc_status status;
    if (wc_scene_look(r->cli, &scene) != 0)
        return wc_err_set(err, WC_ERR_UNAVAILABLE, 0, "what runs can't be seen");
    struct wc_why_in in = wc_scene_why(r->cli, &scene, NULL);
    wc_status_make(&in, app->name, false, r->cli->arena, &status);
    *out = (struct wc_gitops_compared){ 0 };
    if (has_drifted(r->cli, &scene, text, &status, out) || status.ready.holds)
        return 0;
    out->not_ready = true;
    out->why = status.ready.reason;
    return 0;
}

static void say(void *data, const char *line)
{
    struct wc_cli_reconcile *r = data;
    WC_CLEANUP_BUF struct wc_buf safe = WC_BUF_INIT;
    wc_text_add_safe(&safe, line, strlen(line)); /* subjects and values are who knows whose */
    wc_cli_note(r->cli, "%s: %s", r->app, safe.data);
}

struct wc_gitops_ops wc_reconcile_ops(struct wc_cli_reconcile *reconcile)
{
    return (struct wc_gitops_ops){
        .load = load,
        .tags = wc_reconcile_tags,
        .digests = wc_reconcile_digests,
        .pin = wc_reconcile_pin,
        .images = images,
        .compare = compare,
        .say = say,
        .data = reconcile,
    };
}
