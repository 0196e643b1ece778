/* load.c - from the global options to a model, a project name, the directories of the installation.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/paths.h"
#include "base/fs.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/args.h"
#include "cli/reconcile.h"
#include "wcompose/driver.h"
#include "wcompose/plan.h"
#include "wcompose/spec.h"

/* What a model of some dozens of services takes, and talking about it. */
enum { WARM_BYTES = 768 * 1024 };

/* "A,B" and repeated options to a list of names. */
static const char *const *split_names(const struct wc_cli *cli, const char *option, size_t *n)
{
    size_t n_given;
    const char *const *given = wc_cli_list(cli, option, &n_given);
    struct wc_strv names = { 0 };
    for (size_t i = 0; i < n_given; i++) {
        for (const char *p = given[i]; *p != '\0';) {
            size_t len = strcspn(p, ",");
            if (len > 0)
                wc_strv_add(cli->arena, &names, wc_arena_strndup(cli->arena, p, len));
            p += len + (p[len] == ',');
        }
    }
    *n = names.n;
    return names.items;
}

static const char *absolute(const struct wc_cli *cli, const char *path)
{
    return path[0] == '/' ? path : wc_arena_printf(cli->arena, "%s/%s", cli->cwd, path);
}

/* Those of --age-identity, else of SOPS_AGE_KEY_FILE as sops has it, else etc/age.key where it is.
 */
static void fill_identities(const struct wc_cli *cli, struct wc_spec_options *out)
{
    const char *variable = wc_cli_env(cli, "SOPS_AGE_KEY_FILE");
    size_t n;
    const char *const *given = wc_cli_list(cli, "age-identity", &n);
    const char **files = WC_NEW_ARRAY(cli->arena, const char *, n + 1);
    struct wc_paths paths;
    for (size_t i = 0; i < n; i++)
        files[out->n_age_files++] = absolute(cli, given[i]);
    if (n == 0 && variable != NULL)
        files[out->n_age_files++] = absolute(cli, variable);
    if (out->n_age_files == 0 && wc_paths_find(cli->arena, &paths, NULL) == 0) {
        const char *own = wc_arena_printf(cli->arena, "%s/age.key", paths.etc);
        if (wc_fs_exists(own))
            files[out->n_age_files++] = own;
    }
    out->age_files = files;
}

/* WCOMPOSE_LIMITS, then --limit over it. 0 or an exit status. */
static int fill_limits(const struct wc_cli *cli, struct wc_spec_limits *out)
{
    struct wc_err err = { 0 };
    const char *variable = wc_cli_env(cli, "WCOMPOSE_LIMITS");
    if (variable != NULL && wc_spec_limits_parse(variable, out, &err) != 0)
        return wc_cli_usage_hint(cli, "docs/limits.md lists the limits", "WCOMPOSE_LIMITS: %s",
                                 err.msg);
    size_t n;
    const char *const *given = wc_cli_list(cli, "limit", &n);
    for (size_t i = 0; i < n; i++)
        if (wc_spec_limits_parse(given[i], out, &err) != 0)
            return wc_cli_usage_hint(cli, "docs/limits.md lists the limits", "--limit: %s",
                                     err.msg);
    return 0;
}

static int fill_options(const struct wc_cli *cli, const struct wc_cli_load *what,
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
        .no_path_resolution = what->no_path_resolution,
        .no_env_resolution = what->no_env_resolution,
        .no_normalize = what->no_normalize,
        .no_consistency = what->no_consistency,
        .only_shown = what->only_shown,
        .check = what->no_consistency || what->no_interpolate ? NULL : wc_plan_check,
        .restricted = wc_cli_flag(cli, "restricted"),
    };
    out->files = wc_cli_list(cli, "file", &out->n_files);
    out->env_files = wc_cli_list(cli, "env-file", &out->n_env_files);
    out->profiles = wc_cli_list(cli, "profile", &out->n_profiles);
    out->allow_env = split_names(cli, "allow-env", &out->n_allow_env);
    fill_identities(cli, out);
    return fill_limits(cli, &out->limits);
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
    diags->n_warnings = diags->kept[WC_SEVERITY_WARNING] = 0;
}

/* Sets the replicas of "SERVICE=N". 0 or an exit status. */
static int scale_one(const struct wc_cli *cli, struct wc_project *project, const char *text)
{
    const char *equals = strrchr(text, '=');
    int64_t replicas;
    if (equals == NULL || equals == text || !wc_str_to_i64(equals + 1, 0, 10000, &replicas))
        return wc_cli_usage_hint(cli, "write it as --scale SERVICE=N, with N from 0 to 10000",
                                 "--scale: '%s' is not SERVICE=N", text);
    const char *name = wc_arena_strndup(cli->arena, text, (size_t)(equals - text));
    int status = wc_cli_check_services(cli, project, &name, 1);
    for (size_t i = 0; status == 0 && i < project->n_services; i++) {
        if (wc_streq(project->services[i].name, name))
            project->services[i].replicas = replicas;
    }
    return status;
}

static int apply_scale(const struct wc_cli *cli, struct wc_project *project)
{
    bool has_scale = false;
    for (size_t i = 0; i < cli->verb->n_options; i++)
        has_scale = has_scale || wc_streq(cli->verb->options[i].name, "scale");
    size_t n = 0;
    const char *const *list = has_scale ? wc_cli_list(cli, "scale", &n) : NULL;
    int status = 0;
    for (size_t i = 0; status == 0 && i < n; i++)
        status = scale_one(cli, project, list[i]);
    return status;
}

int wc_cli_read_policy(struct wc_cli *cli, struct wc_arena *arena, struct wc_diags *diags)
{
    struct wc_paths paths;
    int status = wc_cli_paths(cli, &paths);
    if (status != 0)
        return -status;
    int code =
        wc_spec_host_policy(wc_paths_policy(&paths, arena), NULL, arena, diags, &cli->policy);
    return code == 0 ? 0 : wc_err_exit_status(code);
}

int wc_cli_load_quietly(struct wc_cli *cli, const struct wc_cli_load *what, struct wc_arena *arena,
                        struct wc_diags *diags, struct wc_project **out)
{
    struct wc_spec_options options;
    wc_alloc_warm(WARM_BYTES);
    wc_diags_init(diags, arena);
    int status = fill_options(cli, what, &options);
    if (status != 0)
        return -status;
    int code = wc_spec_load(&options, arena, diags, out);
    status = code == 0 ? 0 : wc_err_exit_status(code);
    int policy = what->only_shown || what->is_elsewhere ? 0 : wc_cli_read_policy(cli, arena, diags);
    if (status == 0)
        status = policy;
    if (status == 0 && options.check != NULL)
        wc_plan_settle(*out, &cli->policy, true, arena);
    wc_diags_sort(diags);
    cli->sources = diags->sources;
    return status;
}

int wc_cli_load(struct wc_cli *cli, const struct wc_cli_load *what, struct wc_arena *arena,
                const struct wc_project **out)
{
    struct wc_diags diags;
    struct wc_project *project = NULL;
    int status = wc_cli_load_quietly(cli, what, arena, &diags, &project);
    if (what->no_warnings && status == 0)
        drop_warnings(&diags);
    if (diags.n > 0)
        wc_cli_diags(cli, &diags);
    if (status != 0)
        return status < 0 ? -status : status;
    *out = project;
    return apply_scale(cli, project);
}

/* What this host can give, found without changing anything. True: machines are emulated. */
static bool find_host(struct wc_cli *cli, struct wc_plan_host *out)
{
    const struct wc_driver_ops *driver = wc_driver_for(WC_ISOLATION_HYPERV);
    struct wc_driver_facts *facts = WC_NEW(cli->arena, struct wc_driver_facts);
    struct wc_paths paths;
    *out = (struct wc_plan_host){ .hyperv_why = "this build has no driver for it" };
    if (driver == NULL || wc_paths_find(cli->arena, &paths, NULL) != 0)
        return false;
    driver->probe(&paths, facts);
    out->hyperv_usable = facts->usable;
    out->hyperv_why = facts->why;
    return facts->is_emulated;
}

/* Once, however many there are. */
static void warn_of_emulation(const struct wc_plan *plan, struct wc_diags *diags)
{
    for (size_t i = 0; i < plan->n_services; i++) {
        const struct wc_plan_service *s = &plan->services[i];
        if (s->isolation.level != WC_ISOLATION_HYPERV || s->service->vm.accel == WC_VM_ACCEL_TCG)
            continue;
        struct wc_diag *diag = wc_diags_add(
            diags, WC_SEVERITY_WARNING, "W402", s->isolation.at,
            "KVM doesn't work here: virtual machines are emulated (TCG), several times slower");
        diag->hint = "wcompose doctor says why; x-wcompose: {vm: {accel: tcg}} says that you know";
        return;
    }
}

int wc_cli_prove(struct wc_cli *cli, const struct wc_project *project,
                 const struct wc_service *service, struct wc_isolation_choice *out)
{
    struct wc_plan_host here;
    struct wc_diags diags;
    wc_diags_init(&diags, cli->arena);
    int status = wc_cli_read_policy(cli, cli->arena, &diags);
    wc_diags_sort(&diags);
    if (diags.n > 0)
        wc_cli_diags(cli, &diags);
    if (status != 0)
        return status < 0 ? -status : status;
    bool emulates = find_host(cli, &here);
    const struct wc_host_facts host = { .os = WC_OS_LINUX,
                                        .hyperv = here.hyperv_usable ? WC_TRI_TRUE : WC_TRI_FALSE,
                                        .hyperv_why = here.hyperv_why,
                                        .is_emulated = emulates };
    const struct wc_proof_in in = {
        .project = project, .service = service, .policy = &cli->policy, .host = &host
    };
    wc_plan_prove(&in, cli->arena, out);
    return 0;
}

int wc_cli_plan_quietly(struct wc_cli *cli, const struct wc_project *project,
                        struct wc_arena *arena, struct wc_diags *diags, struct wc_plan *out)
{
    struct wc_plan_host host;
    bool emulates = find_host(cli, &host);
    host.policy = &cli->policy;
    int code = wc_plan_make(project, &host, arena, diags, out);
    out->is_emulated = emulates;
    if (code == 0 && emulates)
        warn_of_emulation(out, diags);
    wc_diags_sort(diags);
    return code == 0 ? 0 : wc_err_exit_status(code);
}

int wc_cli_plan(struct wc_cli *cli, const struct wc_project *project, struct wc_arena *arena,
                struct wc_plan *out)
{
    struct wc_diags diags;
    wc_diags_init(&diags, arena);
    diags.sources = cli->sources;
    int status = wc_cli_plan_quietly(cli, project, arena, &diags, out);
    if (diags.n > 0)
        wc_cli_diags(cli, &diags);
    return status;
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
    struct wc_cli_load all = { .no_warnings = true, .only_shown = true };
    int status = wc_cli_load(cli, &all, arena, project);
    if (status != 0 || *project == NULL)
        return status;
    *name = (*project)->name;
    return 0;
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
