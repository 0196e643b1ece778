/* fields_vm.c - the rows of x-wcompose.vm, of a service and of the top level. */
#include "spec/fields.h"

#define S(member) (long)offsetof(struct wc_service_draft, service.vm.member)

static const char *const accels[] = { "auto", "kvm", "tcg", NULL };

/* clang-format off */
static const struct wc_field rows[] = {
    { ROW("accel", accel, S(accel), REPLACE, CARRIED, MACHINE),
      .words = accels, .fallback = "auto" },
    { ROW("cpus", count, S(cpus), REPLACE, CARRIED, MACHINE),
      .fallback = "as many as the service's cpus need" },
    { ROW("disk", bytes, S(disk_bytes), REPLACE, CARRIED, MACHINE),
      .fallback = "the driver's" },
    { ROW("hang_timeout", duration, S(hang_ms), REPLACE, CARRIED, MACHINE),
      .fallback = "1m, without KVM 2m" },
    { ROW("kernel", string, S(kernel), REPLACE, CARRIED, MACHINE),
      .fallback = "the installed one that is in use" },
    { ROW("memory", bytes, S(memory_bytes), REPLACE, CARRIED, MACHINE),
      .fallback = "made of mem_limit" },
    { ROW("template", tri, S(use_template), REPLACE, CARRIED, MACHINE),
      SHOWS_ZERO, .fallback = "where it is known to work" },
};
/* clang-format on */

const struct wc_table wc_table_vm = CLOSED_TABLE(rows, "wcompose_vm", "11-extension.md");
