/* build_images.h - the images of a project's services are built (cli). */
#ifndef CLI_BUILD_IMAGES_H
#define CLI_BUILD_IMAGES_H

#include "cli/cli.h"
#include "wcompose/model.h"

/* Which services, and how. */
struct wc_cli_build {
    bool only_missing;          /* those whose image isn't there, or that say pull_policy: build */
    bool all_platforms;         /* of build.platforms; else the one that is run here */
    bool no_cache, pull, quiet; /* quiet: the builder's lines are shown when it fails only */
    const char *const *args;    /* NAME=VALUE or NAME, before those of the file */
    size_t n_args;
};

/* Builds them one after the other, what another one's context names ("service:NAME") before it;
 * tells of each on standard error. Returns 0 or an exit status, having printed why. Blocks:
 * minutes. */
int wc_cli_build_images(struct wc_cli *cli, const struct wc_project *project,
                        const struct wc_cli_build *how);

#endif
