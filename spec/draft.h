/* draft.h - a service while it is being decoded: the model's struct and the attributes that are
 * settled into it afterwards (spec, private).
 */
#ifndef SPEC_DRAFT_H
#define SPEC_DRAFT_H

#include "spec/table.h"
#include "wcompose/model.h"

struct wc_service_draft {
    struct wc_service service; /* first: rows count offsets from here */
    const char *restart, *network_mode;
    const char *deploy_condition; /* deploy.restart_policy */
    int64_t deploy_max_attempts;
    const char *update_order, *update_action, *rollback_order, *rollback_action;
    int64_t progress_ms; /* x-wcompose.progress_deadline */
    int64_t scale, replicas;
    int64_t limit_memory, limit_nano_cpus, limit_pids, reserve_memory;
    int64_t memswap;
    struct wc_strv links;
    bool probe_notify;        /* x-wcompose.probe.notify */
    const char *probe_status; /* x-wcompose.probe.http.status */
};

/* A draft with everything unset. */
void wc_draft_init(struct wc_service_draft *draft);

/* Works out the members that several attributes share, fills the defaults of the specification and
 * reports what disagrees. node  the service's long form; at  its key */
void wc_draft_settle(struct wc_load *load, struct wc_service_draft *draft,
                     const struct wc_node *node, const struct wc_member *member);

/* Follows "deploy.resources.limits.memory" from a service; NULL when it isn't there. */
const struct wc_member *wc_draft_member(const struct wc_node *node, const char *path);

/* update_config and rollback_config, once the network mode is settled. */
void wc_draft_settle_updates(struct wc_load *load, struct wc_service_draft *draft,
                             const struct wc_node *node);
/* probe.c: fills the defaults of the healthcheck, works out which question x-wcompose.probe asks,
 * fills its defaults, and reports what isn't one question or stands beside a healthcheck. node  the
 * service's long form */
void wc_probe_settle(struct wc_load *load, struct wc_service_draft *draft,
                     const struct wc_node *node);

/* draft_build.c: names the image that a build makes, and reports what disagrees in it. node  the
 * service's long form */
void wc_build_settle(struct wc_load *load, struct wc_service_draft *draft,
                     const struct wc_node *node);

/* vm.c: fills in the places of x-wcompose.vm, and reports sizes and numbers that no machine can
 * have (E102). node  the service's long form */
void wc_vm_settle(struct wc_load *load, struct wc_service_draft *draft, const struct wc_node *node);

/* The name on the host of an entry of the top level: `name`, that of an external one, or one with
 * the project's. name  as given, or NULL */
const char *wc_draft_name(struct wc_load *load, const struct wc_member *member, const char *name,
                          bool external);

/* The struct of a network and a volume with everything unset, and its settling. */
void wc_network_init(struct wc_network *network);
void wc_network_settle(struct wc_load *load, struct wc_network *network,
                       const struct wc_member *member);
void wc_volume_settle(struct wc_load *load, struct wc_volume *volume,
                      const struct wc_member *member);

#endif
