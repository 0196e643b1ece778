/* caps.h - capabilities by name and as a mask (process driver, pure but for wc_caps_available).
 * Threads: any. Source: capabilities(7); Docker's default set of 14.
 */
#ifndef DRIVERS_PROCESS_CAPS_H
#define DRIVERS_PROCESS_CAPS_H

#include <stdbool.h>
#include <stdint.h>

#include "wcompose/err.h"

struct wc_service;

/* Docker's default set. */
uint64_t wc_caps_default(void);

/* The bounding set of this process: what can be handed on at all. */
uint64_t wc_caps_available(void);

/* Number by name ("NET_ADMIN", "cap_net_admin"), or -1. */
int wc_caps_number(const char *name);

/* "CAP_CHOWN", or NULL beyond the last one known. */
const char *wc_caps_name(int number);

/* The service's set by privileged, cap_drop and cap_add ("ALL" in either), within `available`.
 * Returns 0, WC_ERR_SPEC (unknown name, with a suggestion) or WC_ERR_PERM (an added one that this
 * host can't give).
 */
int wc_caps_resolve(const struct wc_service *spec, uint64_t available, uint64_t *out,
                    struct wc_err *err);

#endif
