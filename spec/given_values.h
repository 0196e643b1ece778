/* given_values.h - values that the tree has only the names of (spec, private). */
#ifndef SPEC_GIVEN_VALUES_H
#define SPEC_GIVEN_VALUES_H

#include "wcompose/model.h"

/* Calls `visit` once for every value that came from the environment, in the order of services: the
 * tree has the variable's name only. */
void wc_given_values(const struct wc_project *project,
                     void (*visit)(void *data, const char *object, const char *value), void *data);

#endif
