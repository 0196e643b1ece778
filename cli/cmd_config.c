/* cmd_config.c - wcompose config: check the files, print the project or a list out of it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/paths.h"
#include "base/str.h"
#include "cli/args.h"
#include "cli/table.h"
#include "wcompose/image.h"
#include "wcompose/spec.h"

/* A sorted set of names. */
struct names {
    struct wc_arena *arena;
    struct wc_strv list;
};

static void add_name(struct names *names, const char *name)
{
    if (name != NULL && !wc_strv_has(&names->list, name))
        wc_strv_add(names->arena, &names->list, name);
}

typedef void collect_fn(const struct wc_project *project, struct names *names);

static void collect_services(const struct wc_project *project, struct names *names)
{
    for (size_t i = 0; i < project->n_services; i++)
        add_name(names, project->services[i].name);
}

static void collect_volumes(const struct wc_project *project, struct names *names)
{
    for (size_t i = 0; i < project->n_volumes; i++)
        if (project->volumes[i].used)
            add_name(names, project->volumes[i].key);
}

static void collect_networks(const struct wc_project *project, struct names *names)
{
    for (size_t i = 0; i < project->n_networks; i++)
        if (project->networks[i].used)
            add_name(names, project->networks[i].key);
}

static void collect_images(const struct wc_project *project, struct names *names)
{
    for (size_t i = 0; i < project->n_services; i++)
        add_name(names, project->services[i].image);
}

static void collect_profiles(const struct wc_project *project, struct names *names)
{
    for (size_t i = 0; i < project->n_services; i++) {
        const struct wc_strv *profiles = &project->services[i].profiles;
        for (size_t k = 0; k < profiles->n; k++)
            add_name(names, profiles->items[k]);
    }
}

static const struct {
    const char *option;
    collect_fn *collect;
} lists[] = {
    { "services", collect_services }, { "volumes", collect_volumes },
    { "networks", collect_networks }, { "images", collect_images },
    { "profiles", collect_profiles },
};

/* To a terminal without what it would obey, else byte for byte. */
static void add_line(const struct wc_cli *cli, const char *text, struct wc_buf *out)
{
    if (cli->out.tty)
        wc_text_add_safe(out, text, strlen(text));
    else
        wc_buf_adds(out, text);
    wc_buf_addc(out, '\n');
}

static void format_list(const struct wc_cli *cli, struct names *names, struct wc_buf *out)
{
    if (names->list.n > 1)
        qsort(names->list.items, names->list.n, sizeof *names->list.items, wc_str_qsort_cmp);
    struct wc_jsonw w = WC_JSONW_INIT(out);
    if (cli->json)
        wc_jsonw_array(&w, NULL);
    for (size_t i = 0; i < names->list.n; i++) {
        if (cli->json)
            wc_jsonw_str(&w, NULL, names->list.items[i]);
        else
            add_line(cli, names->list.items[i], out);
    }
    if (cli->json) {
        wc_jsonw_end_array(&w);
        wc_buf_addc(out, '\n');
    }
}

/* --hash '*' or --hash a,b. 0 or an exit status. */
static int format_hashes(const struct wc_cli *cli, const struct wc_project *project,
                         const char *which, struct wc_buf *out)
{
    bool all = wc_streq(which, "*");
    for (const char *at = which; !all && *at != '\0';) {
        size_t len = strcspn(at, ",");
        const char *name = wc_arena_strndup(cli->arena, at, len);
        int status = wc_cli_check_services(cli, project, &name, 1);
        if (status != 0)
            return status;
        const struct wc_service *service = wc_project_service(project, name);
        wc_buf_printf(out, "%s %s\n", service->name, service->spec_hash);
        at += at[len] == ',' ? len + 1 : len;
    }
    for (size_t i = 0; all && i < project->n_services; i++)
        wc_buf_printf(out, "%s %s\n", project->services[i].name, project->services[i].spec_hash);
    return 0;
}

/* The variables by which ${…} is replaced: sorted, one a line. */
static void format_environment(const struct wc_cli *cli, const struct wc_project *project,
                               struct wc_buf *out)
{
    struct names names = { .arena = cli->arena };
    for (size_t i = 0; i < project->variables.n; i++) {
        const struct wc_kv *kv = &project->variables.items[i];
        wc_strv_add(
            cli->arena, &names.list,
            wc_arena_printf(cli->arena, "%s=%s", kv->key, kv->value != NULL ? kv->value : ""));
    }
    format_list(cli, &names, out);
}

/* What was asked for, into `out`. 0 or an exit status. */
static int format(const struct wc_cli *cli, const struct wc_project *project, struct wc_buf *out)
{
    const char *hash = wc_cli_text(cli, "hash");
    for (size_t i = 0; i < WC_COUNT(lists); i++) {
        if (!wc_cli_flag(cli, lists[i].option))
            continue;
        struct names names = { .arena = cli->arena };
        lists[i].collect(project, &names);
        format_list(cli, &names, out);
        return 0;
    }
    if (hash != NULL)
        return format_hashes(cli, project, hash, out);
    if (wc_cli_flag(cli, "environment"))
        format_environment(cli, project, out);
    else
        wc_spec_render(project, cli->json ? WC_RENDER_JSON : WC_RENDER_YAML, out);
    if (out->len > 0 && out->data[out->len - 1] != '\n')
        wc_buf_addc(out, '\n');
    return 0;
}

int wc_cli_write_file(const struct wc_cli *cli, const char *path, const struct wc_buf *text)
{
    FILE *file = fopen(path, "we");
    bool failed = file == NULL || fwrite(text->data, 1, text->len, file) != text->len;
    int sys = errno;
    if (file != NULL && fclose(file) != 0 && !failed) {
        failed = true;
        sys = errno;
    }
    if (!failed)
        return 0;
    struct wc_err err = { 0 };
    (void)wc_err_set(&err, WC_ERR_IO, sys, "%s", path);
    return wc_cli_fail(cli, &err);
}

/* The profiles of a file can only be listed when none of them hides a service. */
static void switch_all_profiles_on(struct wc_cli *cli)
{
    struct wc_cli_value *values = wc_arena_array(cli->arena, cli->n_values + 1, sizeof *values);
    memcpy(values, cli->values, cli->n_values * sizeof *values);
    values[cli->n_values] =
        (struct wc_cli_value){ wc_option_by_name(NULL, "profile", strlen("profile")), "*" };
    cli->values = values;
    cli->n_values++;
}

struct pinning {
    const struct wc_cli *cli;
    struct wc_image_store *store;
    int status;
};

/* "docker.io/library/nginx:1.22@sha256:…" of an image of this host's store. */
static const char *pin_image(void *data, const char *service, const char *image)
{
    struct pinning *pinning = data;
    struct wc_image_info info;
    struct wc_err err = { 0 };
    if (strchr(image, '@') != NULL)
        return image;
    if (wc_image_resolve(pinning->store, image, pinning->cli->arena, &info, &err) == 0)
        return wc_arena_printf(pinning->cli->arena, "%s@%s", info.reference, info.digest);
    (void)wc_err_wrap(&err, err.code, "service %s", service);
    pinning->status = wc_cli_fail(pinning->cli, &err);
    return NULL;
}

/* --resolve-image-digests and --lock-image-digests. 0 or an exit status. */
static int pin_images(struct wc_cli *cli, struct wc_project *project)
{
    bool lock = wc_cli_flag(cli, "lock-image-digests");
    struct pinning pinning = { .cli = cli };
    struct wc_paths paths;
    struct wc_err err = { 0 };
    if (!lock && !wc_cli_flag(cli, "resolve-image-digests"))
        return 0;
    int status = wc_cli_paths(cli, &paths);
    if (status != 0)
        return status;
    if (wc_image_store_open(paths.images, &pinning.store, &err) != 0)
        return wc_cli_fail(cli, &err);
    wc_spec_pin_images(project, cli->arena, pin_image, &pinning, lock);
    wc_image_store_close(pinning.store);
    return pinning.status;
}

int wc_cmd_config(struct wc_cli *cli)
{
    const struct wc_project *project;
    struct wc_cli_load what = { .services = cli->words,
                                .n_services = cli->n_words,
                                .no_interpolate = wc_cli_flag(cli, "no-interpolate"),
                                .no_normalize = wc_cli_flag(cli, "no-normalize"),
                                .no_path_resolution = wc_cli_flag(cli, "no-path-resolution"),
                                .no_consistency = wc_cli_flag(cli, "no-consistency"),
                                .no_env_resolution = wc_cli_flag(cli, "no-env-resolution"),
                                .only_shown = true };
    if (wc_cli_flag(cli, "profiles"))
        switch_all_profiles_on(cli);
    int status = wc_cli_load(cli, &what, cli->arena, &project);
    if (status == 0)
        status = pin_images(cli, (struct wc_project *)(uintptr_t)project);
    if (status != 0 || wc_cli_flag(cli, "quiet"))
        return status;
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    status = format(cli, project, &out);
    if (status != 0)
        return status;
    const char *path = wc_cli_text(cli, "output");
    if (path != NULL)
        return wc_cli_write_file(cli, path, &out);
    fwrite(out.data, 1, out.len, stdout);
    return WC_EXIT_OK;
}
