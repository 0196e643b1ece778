/* restricted.h - options.restricted: files from elsewhere stay in their directory (spec, private).
 */
#ifndef SPEC_RESTRICTED_H
#define SPEC_RESTRICTED_H

#include "spec/load.h"

/* True when a path may be read: always without options.restricted; else beneath the project
 * directory (cwd before that is known), all symbolic links followed, or where the command line
 * names it by a path outside. Sets *root to the directory that the read must stay in, or NULL. */
bool wc_restricted_allows(const struct wc_load *load, const char *path, const char **root);

/* Reports E116: `shown` leads out of the project directory. */
void wc_restricted_refuse(struct wc_load *load, const char *shown, struct wc_loc at, unsigned span);

/* Reports what would be read or mounted from outside later: bind mounts, build contexts, files of
 * configs and secrets. */
void wc_restricted_check(struct wc_load *load, const struct wc_project *project,
                         const struct wc_node *root);

#endif
