/* cmd_config.c - wcompose config: check the files, print the project or a list out of it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/paths.h"
#include "base/str.h"
#include "cli/args.h"
#include "cli/config_lists.h"
#include "wcompose/image.h"
#include "wcompose/spec.h"

/* What was asked for, into `out`. 0 or an exit status. */
static int format(const struct wc_cli *cli, const struct wc_project *project, struct wc_buf *out)
{
    int status = wc_config_list(cli, project, out);
    if (status != WC_CONFIG_NO_LIST)
        return status;
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
        return wc_arena_printf(pinning->cli->arena, "%s@%s", info.reference,
                               info.list_digest != NULL ? info.list_digest : info.digest);
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
    /* Variables are told from their templates. */
    bool variables = wc_cli_flag(cli, "variables");
    struct wc_cli_load what = { .services = cli->words,
                                .n_services = wc_config_selects(cli) ? cli->n_words : 0,
                                .no_interpolate = wc_cli_flag(cli, "no-interpolate") || variables,
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
