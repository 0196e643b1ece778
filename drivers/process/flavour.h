/* flavour.h - what makes an instance of this driver something else than a container (process
 * driver).
 *
 * Idea:    whatever an instance runs in, it has a bundle, an OCI runtime that makes its
 * surroundings, a keeper, a log, an exit record, groups, and a first process that stands for it. So
 * a virtual machine is a container whose program is the machine's monitor (drivers/hyperv, ADR 18),
 * and only the bundle differs: the flavour turns the answers about the service into answers about
 * the jail. Owner:   flavours are constants. Threads: wrap, kill and look run on a worker and may
 * block.
 */
#ifndef DRIVERS_PROCESS_FLAVOUR_H
#define DRIVERS_PROCESS_FLAVOUR_H

#include "drivers/process/bundle_request.h"
#include "drivers/process/oci.h"
#include "wcompose/state.h"

struct wc_limits;
struct wc_look_in;

/* What a flavour needs to know to make a bundle. Borrowed for the call. */
struct wc_wrap {
    const struct wc_bundle_request *request;
    const struct wc_oci *service; /* what the service is to find, resolved as for a container */
    int root_fd;                  /* the image's root, O_PATH */
    const struct wc_buf *inside;  /* rtnetlink messages that give the links their addresses */
};

struct wc_flavour {
    const char *level; /* as records have it; a driver has no other instances */
    enum wc_isolation isolation;
    /* What a driver object keeps for its instances (request->flavour_data); close frees it. */
    void *(*open)(void);
    void (*close)(void *data);
    /* As wc_driver_check_fn. */
    int (*check)(const struct wc_paths *paths, const struct wc_instance *instance,
                 struct wc_err *err);
    /* Writes what it needs below the run and lib directories, and sets *out to the jail that the
     * runtime is to make. What it wrote goes with those directories. */
    int (*wrap)(const struct wc_wrap *in, struct wc_arena *arena, struct wc_oci *out,
                struct wc_err *err);
    /* What the groups of an instance that was made are to be given for `service`, as it stands now.
     * WC_ERR_CONFLICT: only a new one can have it. */
    int (*limits)(const char *run_dir, const struct wc_service *service, struct wc_limits *out,
                  struct wc_err *err);
    /* Kills the service in a running instance, so that what it wrote is kept; its process ends soon
     * after. False: nobody is there who could be asked. */
    bool (*kill)(const char *run_dir);
    /* As wc_look_inside: looks into a running instance for a probe. */
    int (*look)(const char *run_dir, struct wc_look_in *look, struct wc_err *err);
};

#endif
