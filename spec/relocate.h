/* relocate.h - options.relocate: files of the project are used from where they are kept (spec,
 * private). */
#ifndef SPEC_RELOCATE_H
#define SPEC_RELOCATE_H

#include "spec/load.h"
#include "wcompose/model.h"

/* Gives bind mounts, and the files of configs and secrets, of the services that remain the paths
 * that options.relocate gives, read-only, in the model and in the trees that are hashed and
 * rendered. Reports E118 for what it can't give. Returns the root with the new sections. */
struct wc_node *wc_relocate(struct wc_load *load, struct wc_project *project, struct wc_node *root);

#endif
