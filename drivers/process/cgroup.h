/* cgroup.h - where an instance's control groups are, on v1, hybrid and v2 hosts (process driver).
 *
 * Idea:    /proc/self/mountinfo says it all; it is read once. The runtime makes the groups, we only
 * find, read, kill and remove them.
 * Owner:   the arena. Threads: any; kill and remove block. Errors: WC_ERR_UNAVAILABLE, WC_ERR_IO.
 */
#ifndef DRIVERS_PROCESS_CGROUP_H
#define DRIVERS_PROCESS_CGROUP_H

#include <stdbool.h>
#include <stddef.h>

#include "wcompose/err.h"
#include "wcompose/model.h"

struct wc_arena;

enum wc_cgroup_mode {
    WC_CGROUP_V1,
    WC_CGROUP_HYBRID, /* v1 controllers and a v2 tree beside them */
    WC_CGROUP_V2,
};

/* One mounted hierarchy. */
struct wc_cgroup_tree {
    const char *mount; /* "/sys/fs/cgroup/memory" */
    const char *names; /* v1: its controllers, "cpu,cpuacct"; v2: "" */
    bool v2;
};

struct wc_cgroup_host {
    enum wc_cgroup_mode mode;
    struct wc_cgroup_tree *trees; /* n_trees entries; not NULL */
    size_t n_trees, cap_trees;
    const char *detach; /* v2 mount that crun refuses beside v1 controllers, or NULL */
};

/* Reads the text of a mountinfo file. Returns 0 or WC_ERR_UNAVAILABLE when no cgroup is mounted. */
int wc_cgroup_parse(const char *mountinfo, struct wc_arena *arena, struct wc_cgroup_host *out,
                    struct wc_err *err);

/* The same for this process. */
int wc_cgroup_detect(struct wc_arena *arena, struct wc_cgroup_host *out, struct wc_err *err);

/* "v1", "hybrid", "v2". */
const char *wc_cgroup_mode_name(enum wc_cgroup_mode mode);

/* Directory of group `path` ("/wcompose/…") for a controller; on v2 they all share one. NULL when
 * the host has no such controller. */
const char *wc_cgroup_dir(const struct wc_cgroup_host *host, const char *controller,
                          const char *path, struct wc_arena *arena);

/* The file with "oom_kill N" of a group, or NULL. */
const char *wc_cgroup_oom_file(const struct wc_cgroup_host *host, const char *path,
                               struct wc_arena *arena);

/* Appends the cgroup.procs files of `path` that exist now, one per hierarchy. */
void wc_cgroup_procs(const struct wc_cgroup_host *host, const char *path, struct wc_arena *arena,
                     struct wc_strv *out);

/* Kills every process in the group: cgroup.kill where the kernel has it, else each by pid until
 * none is left. Absent is success. */
int wc_cgroup_kill(const struct wc_cgroup_host *host, const char *path, struct wc_err *err);

/* Removes the group and the groups below it in every hierarchy; absent is success. Waits a little
 * for processes that are just ending. */
int wc_cgroup_remove(const struct wc_cgroup_host *host, const char *path, struct wc_err *err);

/* Removes whatever is empty at the path and below it; what holds a process stays. */
void wc_cgroup_sweep(const struct wc_cgroup_host *host, const char *path);

/* Removes the group if it is empty, in every hierarchy; else nothing. */
void wc_cgroup_remove_empty(const struct wc_cgroup_host *host, const char *path);

#endif
