/* profile.h - which services are on, and what our own profiles say about them (spec, private). */
#ifndef SPEC_PROFILE_H
#define SPEC_PROFILE_H

#include "spec/load.h"

struct wc_service;

/* Activates the profiles of services that the command line names and no active profile turns on. */
void wc_profile_name(struct wc_load *load, const struct wc_node *services);

/* True when a service has no profiles or one of them is active. Canonical text holds active
 * services only. */
bool wc_profile_active(const struct wc_load *load, const struct wc_node *service);

/* Lays the active profiles of x-wcompose over a service's long form (a copy that may be changed):
 * isolation, trust, tenant. The strongest wins; a profile that lowers what the service asks for is
 * reported (E111). root  the merged file; *said  isolation_profile and isolation_filled_in are set
 */
void wc_profile_apply(struct wc_load *load, const struct wc_node *root, const char *name,
                      struct wc_node *service, struct wc_service *said);

/* vm.c: lays x-wcompose.vm of the top level under that of a service's long form (a copy that may be
 * changed), member by member; places stay those of where a value is written. root  the merged file
 */
void wc_vm_inherit(struct wc_load *load, const struct wc_node *root, struct wc_node *service);

#endif
