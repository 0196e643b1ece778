/* build.h - from the merged tree to the model, and what the project's own tree is (spec, private).
 */
#ifndef SPEC_BUILD_H
#define SPEC_BUILD_H

#include "spec/load.h"
#include "wcompose/model.h"

/* The model of all active services, networks and volumes; nothing is selected yet. */
struct wc_project *wc_build_project(struct wc_load *load, const struct wc_node *root);

/* Leaves only the services that the options name and, without no_deps, what those depend on; then
 * reads the env_file and label_file of those.
 * Reports unknown names (E209). */
void wc_build_select(struct wc_load *load, struct wc_project *project, const struct wc_node *root);

/* Sets project->tree (long forms of what is left) and every service's spec_hash. */
void wc_build_finish(struct wc_load *load, struct wc_project *project, const struct wc_node *root);

#endif
