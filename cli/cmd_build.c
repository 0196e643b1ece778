/* cmd_build.c - wcompose build: the images of services that have a build. */
#include "cli/build_images.h"

int wc_cmd_build(struct wc_cli *cli)
{
    struct wc_cli_load what = { .services = cli->words,
                                .n_services = cli->n_words,
                                .no_deps = !wc_cli_flag(cli, "with-dependencies"),
                                .only_shown = true }; /* nothing of it is run */
    const struct wc_project *project;
    struct wc_cli_build how = { .all_platforms = true,
                                .no_cache = wc_cli_flag(cli, "no-cache"),
                                .pull = wc_cli_flag(cli, "pull"),
                                .quiet = wc_cli_flag(cli, "quiet") };
    how.args = wc_cli_list(cli, "build-arg", &how.n_args);
    int status = wc_cli_load(cli, &what, cli->arena, &project);
    if (status != 0)
        return status;
    bool any = false;
    for (size_t i = 0; i < project->n_services; i++)
        any = any || project->services[i].build.set;
    if (!any)
        wc_cli_note(cli, "no service has a build: nothing to do");
    return wc_cli_build_images(cli, project, &how);
}
