/* machine_size.h - how big the virtual machines of a plan are, for people and programs (cli). */
#ifndef CLI_MACHINE_SIZE_H
#define CLI_MACHINE_SIZE_H

#include "base/buf.h"
#include "base/json.h"
#include "wcompose/plan.h"

/* Appends a line for each service that gets a machine; nothing when there is none. */
void wc_machine_sizes_text(const struct wc_plan *plan, struct wc_buf *out);

/* Adds the member "machine" for a service that gets one, null for others. */
void wc_machine_size_json(const struct wc_plan *plan, const struct wc_plan_service *service,
                          struct wc_jsonw *w);

#endif
