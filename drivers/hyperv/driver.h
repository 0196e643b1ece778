/* driver.h - the hyperv driver's table (Linux: QEMU microVMs). */
#ifndef DRIVERS_HYPERV_DRIVER_H
#define DRIVERS_HYPERV_DRIVER_H

#include "wcompose/driver.h"

extern const struct wc_driver_ops wc_hyperv_ops;

#endif
