/* bundle_request.h - what one run is to be made of (process driver). All borrowed for the call. */
#ifndef DRIVERS_PROCESS_BUNDLE_REQUEST_H
#define DRIVERS_PROCESS_BUNDLE_REQUEST_H

#include <stdint.h>
#include <sys/types.h>

#include "drivers/process/cgroup.h"

struct wc_flavour;
struct wc_instance;
struct wc_paths;
struct wc_sealed;

struct wc_bundle_request {
    const struct wc_instance *inst;
    const struct wc_paths *paths;
    const struct wc_cgroup_host *cgroup;
    const struct wc_flavour *flavour; /* NULL: a container */
    void *flavour_data;               /* the driver's */
    struct wc_sealed *sealed;         /* the driver's copy of a runtime; NULL: none is kept */
    const char *lib_dir, *run_dir;    /* of the instance */
    unsigned run;                     /* number of this run, from 1 */
    int64_t created_at_ms;            /* of the instance; 0 = now */
    pid_t join_pid;                   /* network_mode service:x: its first process, else 0 */
    uint64_t join_starttime;          /* which that number belongs to */
};

#endif
