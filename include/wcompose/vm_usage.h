/* vm_usage.h - how big the virtual machine of an instance is, and what goes on in it (contract,
 * pure of libuv).
 *
 * Idea:    read from what is kept beside the instance, so that a command needs neither a driver nor
 *          the model: the file may have changed since the machine was made. What the host has
 *          counted is told apart from what the guest says of itself, which its owner may make up.
 * Owner:   values only. Threads: any; calls block (small files of the run directory, root's; a
 *          guest that doesn't answer is waited for as long as is said).
 * Errors:  WC_ERR_NOENT: the instance has no machine, or its run directory is gone.
 */
#ifndef WCOMPOSE_VM_USAGE_H
#define WCOMPOSE_VM_USAGE_H

#include "wcompose/vm.h"

/* How big the machine is that was made for instance `id` of `project`. */
int wc_vm_size_made(const struct wc_paths *paths, const char *project, const char *id,
                    struct wc_vm_size *out, struct wc_err *err);

/* What the guest's kernel has counted; WC_UNSET = it doesn't say. Totals since the machine was
 * started. */
struct wc_vm_figures_said {
    int64_t cpu_ns;                         /* of the service */
    int64_t memory_bytes, memory_max_bytes; /* of the service, without cache that can be dropped */
    int64_t machine_bytes, available_bytes; /* of all the machine's memory */
    int64_t pids;                           /* processes and threads of the service */
    int64_t read_bytes, write_bytes;        /* of its disks */
    int64_t net_rx_bytes, net_tx_bytes;     /* of its links */
};

/* Reads them; the guest has `patience_ms` to answer. WC_ERR_STATE: no machine runs there;
 * WC_ERR_FAILED: there was no answer, or it is paused. */
int wc_vm_figures_ask(const struct wc_paths *paths, const char *project, const char *id,
                      unsigned patience_ms, struct wc_vm_figures_said *out, struct wc_err *err);

/* What the machine has received and sent over its links, by the host's books; WC_UNSET where one of
 * the links is gone. */
int wc_vm_links_count(const struct wc_paths *paths, const char *project, const char *id,
                      int64_t *rx_bytes, int64_t *tx_bytes, struct wc_err *err);

#endif
