/* registry.c - the drivers of this build: one explicit array. */
#include "wcompose/driver.h"

#include <stddef.h>

#include "drivers/hyperv/driver.h"
#include "drivers/process/driver.h"
#include "drivers/sim/sim.h"

const struct wc_driver_ops *const wc_drivers[] = { &wc_process_ops, &wc_hyperv_ops, &wc_sim_ops,
                                                   NULL };

const struct wc_driver_ops *wc_driver_for(enum wc_isolation level)
{
    switch (level) {
    case WC_ISOLATION_DEFAULT:
    case WC_ISOLATION_PROCESS:
        return &wc_process_ops;
    case WC_ISOLATION_HYPERV:
        return &wc_hyperv_ops;
    }
    return NULL;
}
