/* config_lists.h - the lists that wcompose config prints instead of the project (cli, layer 5).
 *
 * Threads: the one of the command.
 */
#ifndef CLI_CONFIG_LISTS_H
#define CLI_CONFIG_LISTS_H

#include "cli/cli.h"

struct wc_buf;
struct wc_project;

/* No option asks for a list. Not an exit status. */
enum { WC_CONFIG_NO_LIST = -1 };

/* Appends the list that the options ask for; of several the first of services, volumes, networks,
 * models, hash, profiles, images, variables, environment. Lines, or one JSON array with --json.
 * 0, an exit status, or WC_CONFIG_NO_LIST. */
int wc_config_list(const struct wc_cli *cli, const struct wc_project *project, struct wc_buf *out);

/* True when the services on the command line select what is listed or printed: docker compose
 * passes over them for lists of the whole project, and with --no-interpolate. */
bool wc_config_selects(const struct wc_cli *cli);

#endif
