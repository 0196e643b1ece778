/* pull_services.h - the images of a project's services: which are to be pulled, by whose word (cli,
 * layer 5).
 *
 * Source:  Compose Specification, "pull_policy", "platform".
 */
#ifndef CLI_PULL_SERVICES_H
#define CLI_PULL_SERVICES_H

#include "cli/pull.h"

struct wc_cli_pins;

struct wc_cli_pull_services {
    const char *policy;    /* of the command line, instead of the services' own; NULL: theirs */
    bool all;              /* also what is there, unless a service says otherwise (pull) */
    bool ignore_buildable; /* leave services alone that have a build */
    bool ignore_failures, quiet;
    bool by_settings;               /* as in struct wc_cli_pull */
    const struct wc_cli_pins *pins; /* what wcompose.lock says, when it counts; or NULL */
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

/* What becomes of a service's image before it can run. */
struct wc_pull_choice {
    const char *policy;         /* that counts, by command line or service; NULL: missing */
    struct wc_pull_known known; /* of its image */
    bool is_due;                /* its registry is asked */
    bool is_lenient; /* a pull that fails is a warning: it can be built, or is there already */
    bool is_left;    /* there is nothing to do: no image, or no instance */
};
int wc_cli_pull_choose(struct wc_cli *cli, struct wc_image_store *store,
                       const struct wc_cli_pull_services *how, const struct wc_service *service,
                       struct wc_pull_choice *out);

/* Pulls what is due, each image once. 0 or an exit status, everything printed. */
int wc_cli_pull_services(struct wc_cli *cli, const struct wc_project *project,
                         const struct wc_cli_pull_services *how);

#endif
