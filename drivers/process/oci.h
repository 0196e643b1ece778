/* oci.h - everything that a container's config.json says, resolved to numbers and host paths
 * (process driver).
 *
 * Idea:    two steps. wc_oci_resolve looks at the model, the image and the host and answers all
 * questions (who is user "app", where is volume "data", which capabilities can be had);
 * wc_oci_render and the keeper's and join's files only write the answers down, so that what a
 * health check may do and what the service may do come from one value.
 * Owner:   one arena per preparation owns all strings and lists.
 * Threads: a worker's; resolve blocks (disk), render doesn't.
 * Source:  OCI Runtime Specification 1.0, config.md and config-linux.md.
 */
#ifndef DRIVERS_PROCESS_OCI_H
#define DRIVERS_PROCESS_OCI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "wcompose/err.h"
#include "wcompose/model.h"

struct wc_arena;
struct wc_buf;
struct wc_instance;
struct wc_limits;
struct wc_seccomp;

/* Who the process is, after /etc/passwd and /etc/group of the image had their say. */
struct wc_oci_user {
    uint32_t uid, gid;
    uint32_t *groups; /* supplementary, n_groups entries, the primary one first */
    size_t n_groups;
    const char *home; /* never NULL */
};

/* One mount; options in order, as mount(8) and the runtime spell them. */
struct wc_oci_mount {
    const char *target, *type, *source;
    struct wc_strv options;
};

/* One device node to be made. */
struct wc_oci_device {
    const char *path;
    char type; /* 'c' or 'b' */
    unsigned major, minor;
    mode_t mode;
    uint32_t uid, gid;
    const char *access; /* "rwm" for the cgroup's list */
};

struct wc_oci_rlimit {
    int resource;     /* RLIMIT_* */
    const char *name; /* "RLIMIT_NOFILE" */
    uint64_t soft, hard;
};

/* Where the notify socket's directory is mounted in an instance that has one. */
#define WC_OCI_NOTIFY_DIR "/run/wcompose"

/* What wc_oci_resolve needs to know beside the instance. */
struct wc_oci_host {
    int root_fd;               /* the image's root as the container will see it, O_PATH */
    const char *rootfs;        /* directory the keeper mounts it on */
    const char *instance_dir;  /* lib directory of the instance: hosts, hostname, volumes/, pins/ */
    const char *volumes_dir;   /* lib/volumes */
    const char *cgroup_path;   /* "/wcompose/<project>/<runtime id>" */
    const char *given_dir;     /* for the copies of configs and secrets; on memory */
    const char *notify_dir;    /* host directory of the keeper's notify socket, or NULL */
    const char *init_program;  /* host path of wcompose-init; needed for init: true only */
    const char *seccomp_cache; /* directory for compiled filters */
    bool recursive_ro;         /* the runtime and the kernel know "rro" */
    uint64_t caps_available;   /* wc_caps_available() */
};

struct wc_oci {
    struct wc_arena *arena;
    struct wc_strv args, env; /* env as "KEY=VALUE" */
    const char *cwd, *hostname, *domainname;
    struct wc_oci_user user;
    uint64_t caps;     /* bit mask */
    bool is_home_ours; /* HOME in env is the user's home: neither image nor service set it */
    bool no_new_privs, tty, privileged, root_readonly;
    bool host_pid, host_ipc, host_uts, host_cgroup; /* namespaces that are not made */
    struct wc_oci_mount *mounts;
    size_t n_mounts, cap_mounts;
    int handed;          /* a descriptor that the process gets after those; 0 = none. Borrowed */
    struct wc_strv taps; /* for the keeper: links that the process gets as descriptors */
    struct wc_strv pins; /* for the keeper, in threes: place, volume's data, path in it */
    struct wc_oci_device *devices;
    size_t n_devices, cap_devices;
    struct wc_oci_rlimit *rlimits;
    size_t n_rlimits, cap_rlimits;
    struct wc_kvs sysctls;            /* for config.json: those of the ipc namespace */
    struct wc_kvs net_sysctls;        /* for the keeper */
    const struct wc_seccomp *seccomp; /* NULL: unconfined */
    const char *seccomp_bpf;          /* its compiled form on disk, or NULL */
    struct wc_kvs annotations;        /* the service's, and ours to the runtime */
    const char *apparmor;             /* profile, or NULL */
    int oom_score_adj;
    bool has_oom_score_adj;
    const char *cgroup_path, *rootfs;
    const struct wc_service *spec;
    const struct wc_limits *limits; /* NULL: the service's */
    struct wc_strv notes; /* what could not be had as asked and was lessened, for people */
};

/* Answers everything for `inst` into *out. Fills volumes on the way (wc_volume_*). Returns 0, or
 * WC_ERR_NOENT (bind source, user, group, device missing), WC_ERR_SPEC, WC_ERR_PERM (a capability
 * that this host can't give), WC_ERR_UNAVAILABLE (an attribute this driver doesn't carry out),
 * WC_ERR_IO; with the place in the user's file where there is one.
 */
int wc_oci_resolve(const struct wc_instance *inst, const struct wc_oci_host *host,
                   struct wc_arena *arena, struct wc_oci *out, struct wc_err *err);

/* Appends config.json. */
void wc_oci_render(const struct wc_oci *oci, struct wc_buf *out);

/* Appends the records of join.conf that don't depend on the run (all but pid, starttime, cgroup).
 */
void wc_oci_render_join(const struct wc_oci *oci, struct wc_buf *out);

/* Appends a "key=value" record ended by a NUL, as keeper.conf and join.conf want it. */
void wc_oci_record(struct wc_buf *out, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The parts of wc_oci_resolve, apart for the tests. All errors as there. */
int wc_oci_resolve_process(const struct wc_instance *inst, const struct wc_oci_host *host,
                           struct wc_oci *oci, struct wc_err *err);
int wc_oci_resolve_args(const struct wc_instance *inst, struct wc_oci *oci, struct wc_err *err);
int wc_oci_resolve_mounts(const struct wc_instance *inst, const struct wc_oci_host *host,
                          struct wc_oci *oci, struct wc_err *err);
int wc_oci_resolve_devices(const struct wc_instance *inst, struct wc_oci *oci, struct wc_err *err);
int wc_oci_resolve_limits(const struct wc_instance *inst, struct wc_oci *oci, struct wc_err *err);

/* Finds `user` ("", "name", "uid", either with ":group" or ":gid") in root_fd's etc/passwd and
 * etc/group as Docker does: a name must be there, a number need not. group_add: names or numbers.
 */
int wc_oci_user_resolve(int root_fd, const char *user, const struct wc_strv *group_add,
                        struct wc_arena *arena, struct wc_oci_user *out, struct wc_err *err);

/* Adds a note and logs it. */
void wc_oci_note(struct wc_oci *oci, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
