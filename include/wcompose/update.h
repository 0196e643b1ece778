/* update.h - how a change reaches the replicas of a service: a part of the model (contract, plain
 * data, pure).
 *
 * Owner:   values. Threads: values.
 * Source:  Compose Deploy Specification, "update_config", "rollback_config".
 */
#ifndef WCOMPOSE_UPDATE_H
#define WCOMPOSE_UPDATE_H

#include <stdbool.h>
#include <stdint.h>

#include "wcompose/err.h"

/* deploy.update_config, deploy.rollback_config: how a change reaches the replicas of a service.
 * Times are in ms. */
enum wc_failure_action { WC_FAILURE_PAUSE, WC_FAILURE_CONTINUE, WC_FAILURE_ROLLBACK };
struct wc_update_config {
    bool set;         /* false: all at once, without a watch */
    bool start_first; /* order: the new one comes before the old one goes. Not where the file fixes
                         an address or a MAC, which both would have */
    enum wc_failure_action action;
    int64_t parallelism;      /* replicas at a time; 0 = all */
    int64_t delay_ms;         /* between two */
    int64_t monitor_ms;       /* that a new one must stay ready to count */
    int64_t progress_ms;      /* that a new one may take to become ready */
    int64_t max_failure_nano; /* share of the replicas that may fail, in billionths */
    struct wc_loc at;
};

#endif
