/* image_store.h - what the verbs about images share (cli, layer 5). Threads: one.
 */
#ifndef CLI_IMAGE_STORE_H
#define CLI_IMAGE_STORE_H

#include "base/paths.h"
#include "cli/cli.h"
#include "wcompose/image.h"

/* Opens the store. 0 or an exit status; the caller closes it. */
int wc_cli_images(struct wc_cli *cli, struct wc_paths *paths, struct wc_image_store **out);

/* What removing has to keep: what all projects of this host run from, and what their accepted
 * models name. wc_cli_image_uses fills both; *keeping must outlive what it gives. */
struct wc_cli_keeping {
    struct wc_cli *cli;
    const struct wc_paths *paths;
    struct wc_strv *layers, *references;
};
struct wc_image_uses wc_cli_image_uses(struct wc_cli_keeping *keeping, struct wc_cli *cli,
                                       const struct wc_paths *paths);

/* Adds the names of the projects that this host knows. */
void wc_cli_projects(struct wc_cli *cli, const struct wc_paths *paths, struct wc_strv *out);

/* The verbs that verbs.c finds here. */
wc_verb_fn wc_cmd_image_tag, wc_cmd_image_save, wc_cmd_image_prune, wc_cmd_image_inspect,
    wc_cmd_system_df, wc_cmd_lock;

#endif
