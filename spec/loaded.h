/* loaded.h - what our wire form carries beside the tree (spec, private). */
#ifndef SPEC_LOADED_H
#define SPEC_LOADED_H

#include "spec/load.h"
#include "wcompose/model.h"

/* Reads x-loaded of canonical text into the project: directory, files, profiles, places. */
void wc_loaded_read(struct wc_load *load, const struct wc_node *root, struct wc_project *project);

#endif
