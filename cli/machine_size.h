/* machine_size.h - how big virtual machines are, those of a plan and those that were made, for
 * people and programs (cli). */
#ifndef CLI_MACHINE_SIZE_H
#define CLI_MACHINE_SIZE_H

#include "base/buf.h"
#include "base/json.h"
#include "wcompose/plan.h"
#include "wcompose/state.h"
#include "wcompose/vm_usage.h"

/* Appends a line for each service that gets a machine; nothing when there is none. */
void wc_machine_sizes_text(const struct wc_plan *plan, struct wc_buf *out);

/* Adds the member "machine" for a service that gets one, null for others. */
void wc_machine_size_json(const struct wc_plan *plan, const struct wc_plan_service *service,
                          struct wc_jsonw *w);

/* The size of an instance's machine; false: it has none, or nothing is known of it any more. */
bool wc_machine_made(const struct wc_paths *paths, const char *project, const struct wc_fact *fact,
                     struct wc_vm_size *out);

/* Appends "2 cpus, 512 MiB + 160 MiB": the machine, and what the emulator has beside it. */
void wc_machine_made_text(const struct wc_vm_size *size, struct wc_buf *out);

/* Adds the member "Machine"; null for size NULL. */
void wc_machine_made_json(const struct wc_vm_size *size, struct wc_jsonw *w);

#endif
