/* driver.h - the process driver's table (Linux: OCI containers), and its functions for drivers
 * whose instances are of a flavour.
 */
#ifndef DRIVERS_PROCESS_DRIVER_H
#define DRIVERS_PROCESS_DRIVER_H

#include "drivers/process/flavour.h"
#include "wcompose/driver.h"

struct wc_process;

extern const struct wc_driver_ops wc_process_ops;

/* As wc_driver_open_fn; ops: the table of the driver that it becomes; flavour: NULL = containers.
 */
int wc_process_open(const struct wc_driver_config *config, const struct wc_driver_ops *ops,
                    const struct wc_flavour *flavour, struct wc_driver **out, struct wc_err *err);
wc_driver_submit_fn wc_process_submit;
wc_driver_close_fn wc_process_close;
wc_driver_check_fn wc_process_check;

/* True when a record's level (NULL: not known) is the driver's. Any thread. */
bool wc_process_is_ours(const struct wc_process *driver, const char *level);

#endif
