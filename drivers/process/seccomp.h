/* seccomp.h - which system calls a container may make (process driver).
 *
 * Idea:    one value, two outputs: OCI JSON for the runtime and a compiled filter for
 * wcompose-join, so that a health check is held by the same rules as the service. The default is a
 * list of what is allowed, by family (seccomp_table.c); calls that need a capability are allowed
 * with it only. Everything else answers EPERM, clone3 ENOSYS (so that libc falls back to clone,
 * whose flags can be checked). Owner:   the arena. Threads: any; export blocks (disk).
 */
#ifndef DRIVERS_PROCESS_SECCOMP_H
#define DRIVERS_PROCESS_SECCOMP_H

#include <stddef.h>
#include <stdint.h>

#include "wcompose/err.h"

struct wc_arena;
struct wc_buf;
struct wc_jsonw;

/* One comparison of an argument; op is the OCI name ("SCMP_CMP_EQ"). */
struct wc_seccomp_arg {
    unsigned index;
    uint64_t value, value_two;
    const char *op;
};

/* Calls that share an action ("SCMP_ACT_ALLOW"); all args must hold. */
struct wc_seccomp_rule {
    const char *const *names;
    size_t n_names;
    const char *action;
    int errno_ret; /* -1: none given */
    const struct wc_seccomp_arg *args;
    size_t n_args;
};

struct wc_seccomp {
    const char *default_action;
    int default_errno;
    const char *const *archs; /* "SCMP_ARCH_X86_64", n_archs entries */
    size_t n_archs;
    struct wc_seccomp_rule *rules;
    size_t n_rules, cap_rules;
};

/* One family of the built-in list: `names` ends with NULL; needs = capability, or -1 for everyone.
 */
struct wc_seccomp_family {
    const char *what;
    int needs;
    const char *const *names;
};
extern const struct wc_seccomp_family wc_seccomp_families[];
extern const size_t wc_seccomp_n_families;

/* Makes the default profile for a process that may have `caps`. */
const struct wc_seccomp *wc_seccomp_default(uint64_t caps, struct wc_arena *arena);

/* The same for a process that starts a file server (virtiofsd): its threads may part with each
 * other's working directory, and with nothing else (unshare with CLONE_FS alone). */
const struct wc_seccomp *wc_seccomp_file_server(uint64_t caps, struct wc_arena *arena);

/* Reads a profile file as Docker's --security-opt seccomp=FILE takes them (defaultAction, archMap
 * or architectures, syscalls with name or names, args, includes and excludes). Returns 0,
 * WC_ERR_NOENT, WC_ERR_SPEC.
 */
int wc_seccomp_load(const char *path, uint64_t caps, struct wc_arena *arena,
                    const struct wc_seccomp **out, struct wc_err *err);

/* Writes the OCI member "seccomp". */
void wc_seccomp_render(const struct wc_seccomp *profile, struct wc_jsonw *w);

/* Makes sure that the compiled filter is in directory `cache` (made when missing) and returns its
 * path, named by the hash of the profile. Returns 0, WC_ERR_IO, or WC_ERR_SPEC for a rule that
 * can't be compiled.
 */
int wc_seccomp_export(const struct wc_seccomp *profile, const char *cache, struct wc_arena *arena,
                      const char **path, struct wc_err *err);

#endif
