/* load.c - from the global options to a model, a project name, the directories of the installation.
 */
#include <string.h>

#include "base/paths.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/args.h"
#include "wcompose/spec.h"

static void fill_options(const struct wc_cli *cli, const struct wc_cli_load *what,
                         struct wc_spec_options *out)
{
    *out = (struct wc_spec_options){
        .project_name = wc_cli_text(cli, "project-name"),
        .project_directory = wc_cli_text(cli, "project-directory"),
        .cwd = cli->cwd,
        .environ = cli->environ,
        .services = what->services,
        .n_services = what->n_services,
        .no_deps = what->no_deps,
        .no_interpolate = what->no_interpolate,
    };
    out->files = wc_cli_list(cli, "file", &out->n_files);
    out->env_files = wc_cli_list(cli, "env-file", &out->n_env_files);
    out->profiles = wc_cli_list(cli, "profile", &out->n_profiles);
}

/* Takes the warnings out, counters included. */
static void drop_warnings(struct wc_diags *diags)
{
    size_t kept = 0;
    for (size_t i = 0; i < diags->n; i++) {
        if (diags->items[i].severity == WC_SEVERITY_ERROR)
            diags->items[kept++] = diags->items[i];
    }
    diags->n = kept;
    diags->n_warnings = 0;
}

int wc_cli_load(struct wc_cli *cli, const struct wc_cli_load *what, struct wc_arena *arena,
                const struct wc_project **out)
{
    struct wc_spec_options options;
    struct wc_diags diags;
    struct wc_project *project = NULL;
    wc_diags_init(&diags, arena);
    fill_options(cli, what, &options);
    int code = wc_spec_load(&options, arena, &diags, &project);
    wc_diags_sort(&diags);
    if (what->no_warnings && code == 0)
        drop_warnings(&diags);
    if (diags.n > 0)
        wc_cli_diags(cli, &diags);
    if (code != 0)
        return wc_err_exit_status(code);
    *out = project;
    return 0;
}

/* Compose Specification, "Name top-level element": what a project name may be. */
static bool is_project_name(const char *name)
{
    if (!wc_ascii_isalnum(name[0]) || name[0] != wc_ascii_lower(name[0]))
        return false;
    for (const char *at = name; *at != '\0'; at++) {
        bool plain = wc_ascii_isalnum(*at) && *at == wc_ascii_lower(*at);
        if (!plain && *at != '_' && *at != '-')
            return false;
    }
    return true;
}

int wc_cli_project(struct wc_cli *cli, struct wc_arena *arena, const char **name,
                   const struct wc_project **project)
{
    const char *given = wc_cli_text(cli, "project-name");
    size_t n_files;
    wc_cli_list(cli, "file", &n_files);
    if (given == NULL)
        given = wc_cli_env(cli, "COMPOSE_PROJECT_NAME");
    *project = NULL;
    if (given != NULL && n_files == 0) {
        *name = given;
        if (is_project_name(given))
            return 0;
        return wc_cli_usage_hint(cli,
                                 "lower-case letters, digits, - and _, beginning with a letter or "
                                 "digit",
                                 "'%s' can't be a project name", given);
    }
    struct wc_cli_load all = { .no_warnings = true };
    int status = wc_cli_load(cli, &all, arena, project);
    if (status == 0)
        *name = (*project)->name;
    return status;
}

static int unknown_service(const struct wc_cli *cli, const struct wc_project *project,
                           const char *name)
{
    const char **names = wc_arena_array(cli->arena, project->n_services + 1, sizeof *names);
    for (size_t i = 0; i < project->n_services; i++)
        names[i] = project->services[i].name;
    const char *near = wc_str_suggest(name, names, project->n_services);
    const char *hint = near != NULL ? wc_arena_printf(cli->arena, "did you mean '%s'?", near)
                                    : "wcompose config --services lists them";
    if (wc_strv_has(&project->disabled, name))
        hint = "it belongs to a profile that is not active; switch it on with --profile";
    (void)wc_cli_usage_hint(cli, hint, "no service '%s' in project %s", name, project->name);
    return WC_EXIT_NOENT;
}

int wc_cli_check_services(const struct wc_cli *cli, const struct wc_project *project,
                          const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (wc_project_service(project, names[i]) == NULL)
            return unknown_service(cli, project, names[i]);
    }
    return 0;
}

int wc_cli_paths(struct wc_cli *cli, struct wc_paths *out)
{
    struct wc_err err = { 0 };
    int code = wc_paths_find(cli->arena, out, &err);
    return code == 0 ? 0 : wc_cli_fail(cli, &err);
}
