/* resolve.h - what a service gets from outside its own section (spec, private). */
#ifndef SPEC_RESOLVE_H
#define SPEC_RESOLVE_H

#include "spec/load.h"

/* Returns a service's long form with env_file and label_file read into environment and labels, open
 * environment keys looked up, and the default network joined where no other is. */
struct wc_node *wc_resolve_service(struct wc_load *load, const struct wc_node *service);

#endif
