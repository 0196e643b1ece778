/* kernel_config.h - the configuration of the guest kernel that we build (hyperv driver, pure).
 * Threads: any. Errors: none.
 */
#ifndef DRIVERS_HYPERV_KERNEL_CONFIG_H
#define DRIVERS_HYPERV_KERNEL_CONFIG_H

struct wc_buf;

/* Options that are wanted for one reason: "NAME=value NAME=value", without CONFIG_; "OLD|NEW=value"
 * where a later version of Linux has it under another name. */
struct wc_kernel_options {
    const char *why, *options;
};

/* Appends them as a file for KCONFIG_ALLCONFIG, the reasons as comments. */
void wc_kernel_config_text(struct wc_buf *out);

/* Appends the names of those that a finished .config doesn't hold, blanks between; nothing when it
 * has them all. */
void wc_kernel_config_absent(const char *config, struct wc_buf *out);

#endif
