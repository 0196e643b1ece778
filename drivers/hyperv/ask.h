/* ask.h - how this host's programs reach the monitor of a machine (hyperv driver; packets are those
 * of monitor/conf.h, WC_MON_SOCKET).
 *
 * Owner:   descriptors are the caller's. Threads: any; calls block no longer than the patience.
 * Errors:  WC_ERR_STATE: there is no monitor. Root only.
 */
#ifndef DRIVERS_HYPERV_ASK_H
#define DRIVERS_HYPERV_ASK_H

#include "drivers/hyperv/protocol.h"
#include "wcompose/err.h"

enum { WC_VM_ASK_MAX = 4200 /* bytes of a record, its NUL included */ };

/* Connects to the monitor of the machine with that run directory. What is received later is waited
 * for so long. Returns the socket. */
int wc_vm_dial(const char *run_dir, unsigned patience_ms, struct wc_err *err);

/* Sends a request with one record (NULL: none) and a descriptor to go along, or -1. Returns 0 or an
 * errno. */
int wc_vm_ask(int monitor, enum wc_vm_type type, const char *record, int handed);

#endif
