/* cmd_pull.c - wcompose pull, image pull: images of services, or by name, from their registries. */
#include <stdio.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/paths.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/pull.h"
#include "cli/pull_services.h"

/* The name of each that is there now, or an object for each. */
static void print_results(const struct wc_cli *cli, const struct wc_cli_pull *what)
{
    for (size_t i = 0; i < what->n; i++) {
        const struct wc_pull_image *image = &what->images[i];
        if (image->name == NULL) /* nothing was begun */
            continue;
        if (!cli->json) {
            if (image->state == WC_PULL_PULLED || image->state == WC_PULL_UNCHANGED)
                puts(image->name);
            continue;
        }
        WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
        struct wc_jsonw w = WC_JSONW_INIT(&out);
        wc_jsonw_object(&w, NULL);
        wc_jsonw_i64(&w, "v", 1);
        wc_jsonw_str(&w, "image", image->name);
        wc_jsonw_str(&w, "result", wc_pull_state_name(image->state));
        if (image->digest != NULL)
            wc_jsonw_str(&w, "digest", image->digest);
        wc_jsonw_end_object(&w);
        puts(out.data);
    }
}

int wc_cmd_image_pull(struct wc_cli *cli)
{
    struct wc_paths paths;
    struct wc_image_store *store;
    struct wc_err err = { 0 };
    const char *platform = wc_cli_text(cli, "platform");
    struct wc_cli_pull what = { .images =
                                    WC_NEW_ARRAY(cli->arena, struct wc_pull_image, cli->n_words),
                                .n = cli->n_words,
                                .quiet = wc_cli_flag(cli, "quiet") };
    if (platform != NULL && wc_image_check_platform(platform, &err) != 0)
        return wc_cli_usage(cli, "--platform: %s", err.msg);
    int status = wc_cli_paths(cli, &paths);
    if (status != 0)
        return status;
    if (wc_image_store_open(paths.images, &store, &err) != 0)
        return wc_cli_fail(cli, &err);
    for (size_t i = 0; i < what.n; i++)
        what.images[i] = (struct wc_pull_image){ .reference = cli->words[i], .platform = platform };
    status = wc_cli_pull(cli, store, &what);
    print_results(cli, &what);
    wc_image_store_close(store);
    return status;
}

int wc_cmd_pull(struct wc_cli *cli)
{
    struct wc_cli_load what = { .services = cli->words,
                                .n_services = cli->n_words,
                                .no_deps = !wc_cli_flag(cli, "include-deps"),
                                .only_shown = true }; /* nothing of it is run */
    const struct wc_cli_pull_services how = {
        .policy = wc_cli_text(cli, "policy"),
        .all = true,
        .ignore_buildable = wc_cli_flag(cli, "ignore-buildable"),
        .ignore_failures = wc_cli_flag(cli, "ignore-pull-failures"),
        .quiet = wc_cli_flag(cli, "quiet"),
    };
    const struct wc_project *project;
    int status = wc_cli_load(cli, &what, cli->arena, &project);
    return status == 0 ? wc_cli_pull_services(cli, project, &how) : status;
}
