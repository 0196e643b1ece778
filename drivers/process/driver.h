/* driver.h - the process driver's table (Linux: OCI containers). */
#ifndef DRIVERS_PROCESS_DRIVER_H
#define DRIVERS_PROCESS_DRIVER_H

#include "wcompose/driver.h"

extern const struct wc_driver_ops wc_process_ops;

#endif
