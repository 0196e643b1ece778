/* host_facts.h - hosts that aren't here, as the command line names them (cli, layer 5). */
#ifndef CLI_HOST_FACTS_H
#define CLI_HOST_FACTS_H

#include "cli/cli.h"
#include "wcompose/host.h"

/* Finds the hosts of --host: names ("ws2022"), joined by commas, and JSON files (a word with '/' or
 * ending in ".json") that hold one object or a list of them. *out: n of them, in order. Returns 0
 * or an exit status, printed.
 */
int wc_cli_hosts(struct wc_cli *cli, const struct wc_host_facts **out, size_t *n);

#endif
