/* pull_services.h - the images of a project's services: which are to be pulled, by whose word (cli,
 * layer 5).
 *
 * Source:  Compose Specification, "pull_policy", "platform".
 */
#ifndef CLI_PULL_SERVICES_H
#define CLI_PULL_SERVICES_H

#include "cli/pull.h"

struct wc_cli_pull_services {
    const char *policy;    /* of the command line, instead of the services' own; NULL: theirs */
    bool all;              /* also what is there, unless a service says otherwise (pull) */
    bool ignore_buildable; /* leave services alone that have a build */
    bool ignore_failures, quiet;
};

/* What is known of an image on this host. */
struct wc_pull_known {
    bool is_there;     /* by that name, for that platform */
    const char *asked; /* when its registry was asked last, RFC 3339; NULL = never */
    int64_t now_ms;    /* wall clock */
};

/* Decides by the policy: "always", "missing", "never", "build", "refresh", "daily", "weekly",
 * "every_<duration>", NULL or "" for missing. */
bool wc_pull_is_due(const char *policy, const struct wc_pull_known *known);

/* Pulls what is due, each image once. 0 or an exit status, everything printed. */
int wc_cli_pull_services(struct wc_cli *cli, const struct wc_project *project,
                         const struct wc_cli_pull_services *how);

#endif
