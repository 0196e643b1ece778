/* resolve.h - what a service gets from outside its own section (spec, private). */
#ifndef SPEC_RESOLVE_H
#define SPEC_RESOLVE_H

#include "spec/load.h"

/* Returns a service's long form with open environment keys looked up, the default network joined
 * where no other is, and what other defaults the options leave. */
struct wc_node *wc_resolve_service(struct wc_load *load, const struct wc_node *service);

/* Reads the files that env_file and label_file name, and reports those that can't be. Called for
 * all services before wc_resolve_files is for any: together they may be too much. Only for services
 * that stay: files of others aren't opened. */
void wc_resolve_get(struct wc_load *load, const struct wc_node *service);

/* Returns it with env_file and label_file read into environment and labels; NULL when it has
 * neither. */
struct wc_node *wc_resolve_files(struct wc_load *load, const struct wc_node *service);

#endif
