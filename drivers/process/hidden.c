/* hidden.c - see hidden.h. */
#include "drivers/process/hidden.h"

#include <stddef.h>

const char *const wc_hidden_masked[] = {
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
    NULL,
};

const char *const wc_hidden_readonly[] = { "/proc/bus",           "/proc/fs",
                                           "/proc/irq",           "/proc/sys",
                                           "/proc/sysrq-trigger", NULL };
