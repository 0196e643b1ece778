/* pull.h - pulling images for a command: shown, stopped by Ctrl-C, told what failed (cli, layer 5).
 *
 * Owner:   results live in cli->arena. Threads: one.
 */
#ifndef CLI_PULL_H
#define CLI_PULL_H

#include "cli/cli.h"
#include "wcompose/pull.h"

struct wc_cli_pull {
    struct wc_pull_image *images; /* n of them */
    size_t n;
    bool quiet;           /* no progress */
    bool ask_only;        /* what the registries have is found out, and nothing is fetched */
    bool ignore_failures; /* they are warnings */
    bool by_settings;     /* the verb has no option insecure-registry: files and the environment
                             alone say what may do without TLS */
};

/* Pulls them into the store. The verb has the option insecure-registry, or by_settings is set.
 * Returns 0 or an exit status, everything printed; which failed is in the images. */
int wc_cli_pull(struct wc_cli *cli, struct wc_image_store *store, struct wc_cli_pull *what);

#endif
