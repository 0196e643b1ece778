/* accel.h - the parts of the accelerator probe (hyperv driver); the whole is wc_vm_accel_probe in
 * wcompose/vm.h.
 *
 * Threads: any; each call blocks for the time that it names. Errors: none but those named.
 */
#ifndef DRIVERS_HYPERV_ACCEL_H
#define DRIVERS_HYPERV_ACCEL_H

#include "wcompose/vm.h"

/* Where the probe looks; the fields of the real host are in wc_accel_host. */
struct wc_accel_places {
    const char *device;  /* "/dev/kvm" */
    const char *modules; /* "/sys/module" */
    const char *boot_id; /* file with the boot's id */
};
extern const struct wc_accel_places wc_accel_host;

enum { WC_KVM_TRIAL_MS = 500 };

/* Runs a guest of a few hundred thousand instructions, in 64-bit mode with paging, in a process of
 * its own. Returns 0 when it did the right thing within a time that only hardware gives;
 * WC_ERR_UNAVAILABLE with the reason; WC_ERR_TIMEOUT when it was killed after WC_KVM_TRIAL_MS;
 * WC_ERR_IO when there could be no process. */
int wc_kvm_trial(const char *device, struct wc_err *err);

/* Kilohertz of the time stamp counter, by comparing it with CLOCK_MONOTONIC_RAW over some 5 ms; 0
 * on processors without one. */
uint64_t wc_tsc_khz(void);

/* The probe with other places. */
int wc_accel_probe_at(const struct wc_accel_places *places, const struct wc_paths *paths,
                      struct wc_vm_accel_facts *out, struct wc_err *err);

#endif
