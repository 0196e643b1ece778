/* discover.h - which files, which directory, which variables, which name (spec, private). */
#ifndef SPEC_DISCOVER_H
#define SPEC_DISCOVER_H

#include "spec/load.h"

/* Fills env, files, project_dir and profiles of the load from the options, the environment and the
 * file system. Returns 0, WC_ERR_NOENT when there is no Compose file, or WC_ERR_SPEC; both are in
 * the diagnostics. */
int wc_discover(struct wc_load *load);

/* Sets load->project_name: -p, COMPOSE_PROJECT_NAME, `name` (what the files say, may be NULL), the
 * project directory's name. */
void wc_discover_name(struct wc_load *load, const struct wc_node *name);

/* Reads variables from a file, replacing those in `out` that the file has too.
 *   node  what names the file, for errors; NULL: it may be missing
 */
void wc_discover_read(struct wc_load *load, const char *path, const struct wc_node *node,
                      struct wc_map *out);

#endif
