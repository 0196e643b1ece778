/* paths.h - relative paths of a tree, counted from its own directory (spec, private).
 *
 * Source:  which attributes are paths: Compose Specification, each attribute; the rest as
 * compose-go has it: build.dockerfile counts from the context and credential_spec.file from
 * wherever the engine looks, so neither is touched.
 */
#ifndef SPEC_PATHS_H
#define SPEC_PATHS_H

#include "spec/load.h"

/* Returns the tree of a whole file with its paths made absolute against `dir`. With the option
 * no_path_resolution they become relative to the project directory instead, and those of the
 * project directory itself stay as written. Values keep what was written in `raw`. */
struct wc_node *wc_paths_resolve(struct wc_load *load, struct wc_node *root, const char *dir);

/* The same for one service. */
struct wc_node *wc_paths_service(struct wc_load *load, struct wc_node *service, const char *dir);

/* The same for the env files of all services whose paths have no needless parts. To be called
 * before merging: what an extended file calls a.env is then known to be this file's a.env, while
 * ./a.env stays another entry of the list, as docker compose has it. */
struct wc_node *wc_paths_env_files(struct wc_load *load, struct wc_node *root, const char *dir);

/* True for "C:\x", "C:/x" and "\\host\share". */
bool wc_paths_windows(const char *path);

#endif
