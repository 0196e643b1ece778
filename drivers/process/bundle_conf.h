/* bundle_conf.h - keeper.conf of one run (process driver). Threads: a worker's. */
#ifndef DRIVERS_PROCESS_BUNDLE_CONF_H
#define DRIVERS_PROCESS_BUNDLE_CONF_H

#include "drivers/process/bundle_request.h"
#include "drivers/process/oci.h"
#include "drivers/process/oci_runtime.h"
#include "drivers/process/record.h"

/* How an instance's output is kept. */
struct wc_log_conf {
    const char *format; /* "json-file" or "none" */
    int64_t max_bytes, max_files;
};

/* Reads the service's logging section: json-file and local (both kept as json-file), none; options
 * max-size, max-file. Returns 0 or WC_ERR_SPEC, WC_ERR_UNAVAILABLE with the service's place. */
int wc_log_conf_read(const struct wc_service *spec, struct wc_log_conf *out, struct wc_err *err);

int wc_bundle_write_conf(const struct wc_bundle_request *req, const struct wc_oci *oci,
                         const struct wc_oci_runtime *runtime, const struct wc_record *record,
                         struct wc_arena *arena, struct wc_err *err);

#endif
