/* plan_hosts.h - wcompose plan --host: the isolation of services on hosts that aren't here (cli,
 * layer 5; private to cli/cmd_plan.c). */
#ifndef CLI_PLAN_HOSTS_H
#define CLI_PLAN_HOSTS_H

#include "cli/cli.h"

/* Prints which level each service gets on each host, from the file and what is known of the images;
 * nothing is asked of any host, and no host's own policy is known. Returns 0, an exit status of the
 * load, or WC_EXIT_ISOLATION when a service can't run on one of them. */
int wc_cli_plan_hosts(struct wc_cli *cli);

#endif
