/* objects.h - configs, secrets and models of the top level (spec, private). */
#ifndef SPEC_OBJECTS_H
#define SPEC_OBJECTS_H

#include "spec/load.h"
#include "wcompose/model.h"

/* The top-level keys, NULL at the end. */
extern const char *const wc_object_sections[];

/* Reports entries without a source or with two, and references to ones that aren't there. */
void wc_objects_check(struct wc_load *load, const struct wc_project *project,
                      const struct wc_node *root);

/* Fills `used` with the keys of a section that the services name: key -> the node that does. */
void wc_objects_used(const struct wc_project *project, const char *section, struct wc_map *used);

#endif
