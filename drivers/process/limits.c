/* limits.c - limits to files of control groups, v1 and v2.
 *
 * Memory comes first: it is what a kernel may refuse, and then nothing else has changed. On v1 a
 * write below what is in use fails by itself (EBUSY); v2 would kill instead, so what is in use is
 * given back first as far as that goes, and what is left decides. (Rejected: the OCI runtime's
 * `update`: a process of its own for a few writes, with other defaults for what is no longer
 * limited, and each runtime words a refusal in its own way.)
 */
#include "drivers/process/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"
#include "base/units.h"

enum { CPU_PERIOD_US = 100000, CPU_PERIOD_LEAST_US = 1000, CPU_PERIOD_MOST_US = 1000000 };
enum { CPU_QUOTA_LEAST_US = 1000, CPU_SHARES_USUAL = 1024 };

void wc_limits_of(const struct wc_service *service, struct wc_limits *out)
{
    *out = (struct wc_limits){ .memory_bytes = -1,
                               .swap_bytes = -1,
                               .reservation_bytes = -1,
                               .cpu_quota_us = -1,
                               .cpu_period_us = CPU_PERIOD_US,
                               .cpu_shares = service->cpu_shares > 0 ? service->cpu_shares : -1,
                               .pids = service->pids_limit > 0 ? service->pids_limit : -1,
                               .cpuset = service->cpuset };
    if (service->mem_limit_bytes > 0) {
        out->memory_bytes = service->mem_limit_bytes;
        /* as Docker: as much swap again when nothing is said */
        out->swap_bytes = service->memswap_unlimited         ? -1
                          : service->memswap_limit_bytes > 0 ? service->memswap_limit_bytes
                                                             : 2 * service->mem_limit_bytes;
    }
    if (service->mem_reservation_bytes > 0)
        out->reservation_bytes = service->mem_reservation_bytes;
    if (service->nano_cpus > 0) {
        int64_t quota_us = service->nano_cpus / (1000000000 / CPU_PERIOD_US);
        out->cpu_quota_us = quota_us < CPU_QUOTA_LEAST_US ? CPU_QUOTA_LEAST_US : quota_us;
        return;
    }
    if (service->cpu_period_us > 0)
        out->cpu_period_us = service->cpu_period_us;
    if (service->cpu_quota_us > 0)
        out->cpu_quota_us = service->cpu_quota_us;
}

int wc_limits_check(const struct wc_service *service, struct wc_err *err)
{
    bool has_period = service->cpu_period_us > 0, has_quota = service->cpu_quota_us > 0;
    if (service->nano_cpus > 0 && (has_period || has_quota))
        return wc_err_at(err, WC_ERR_SPEC, service->at,
                         "cpus and %s say the same in two ways: cpus is cpu_quota / cpu_period",
                         has_quota ? "cpu_quota" : "cpu_period");
    if (has_period && (service->cpu_period_us < CPU_PERIOD_LEAST_US ||
                       service->cpu_period_us > CPU_PERIOD_MOST_US))
        return wc_err_at(err, WC_ERR_SPEC, service->at,
                         "cpu_period is between 1000 and 1000000 microseconds");
    if (has_quota && service->cpu_quota_us < CPU_QUOTA_LEAST_US)
        return wc_err_at(err, WC_ERR_SPEC, service->at, "cpu_quota is at least 1000 microseconds");
    return 0;
}

/* The group of one controller, and where the first error goes. */
struct group {
    const struct wc_cgroup_host *host;
    const char *path, *dir; /* of it; dir NULL: no such controller here */
    bool v2;
    struct wc_arena *arena;
    struct wc_err *err;
};

static struct group group_of(const struct group *of, const char *controller)
{
    struct group group = *of;
    group.dir = wc_cgroup_dir(of->host, controller, of->path, of->arena);
    return group;
}

/* Returns 0 or errno. */
static int put(const struct group *group, const char *file, const char *text)
{
    const char *path = wc_arena_printf(group->arena, "%s/%s", group->dir, file);
    WC_CLEANUP_FD int fd = open(path, O_WRONLY | O_CLOEXEC);
    size_t len = strlen(text);
    if (fd < 0)
        return errno;
    return write(fd, text, len) == (ssize_t)len ? 0 : errno != 0 ? errno : EIO;
}

static const char *number(const struct group *group, int64_t value, const char *none)
{
    return value < 0 ? none : wc_arena_printf(group->arena, "%lld", (long long)value);
}

static bool has(const struct group *group, const char *file)
{
    return access(wc_arena_printf(group->arena, "%s/%s", group->dir, file), F_OK) == 0;
}

static int64_t get(const struct group *group, const char *file)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    const char *path = wc_arena_printf(group->arena, "%s/%s", group->dir, file);
    if (wc_fs_read(path, 256, &text, NULL) != 0 || wc_str_starts(text.data, "max"))
        return INT64_MAX;
    return strtoll(text.data, NULL, 10);
}

/* What a refused write means. */
static int refused(const struct group *group, const char *what, const char *value, int sys)
{
    bool no_group = group->dir == NULL || access(group->dir, F_OK) != 0;
    int code = group->dir == NULL                               ? WC_ERR_UNAVAILABLE
               : no_group                                       ? WC_ERR_NOENT
               : sys == ENOENT                                  ? WC_ERR_UNAVAILABLE
               : sys == EBUSY || sys == EINVAL || sys == ENOSPC ? WC_ERR_CONFLICT
               : sys == EACCES || sys == EPERM                  ? WC_ERR_PERM
                                                                : WC_ERR_IO;
    if (code == WC_ERR_UNAVAILABLE)
        return wc_err_set(group->err, code, 0, "%s: this host has no control group for it", what);
    if (code == WC_ERR_NOENT)
        return wc_err_set(group->err, code, 0, "%s: its control group is gone", what);
    return wc_err_set(group->err, code, sys, "%s %s can't be had while it runs", what, value);
}

/* Writes one value. `is_asked`: it limits something; else its absence is no error. */
static int give(const struct group *group, const char *what, bool is_asked, const char *file,
                const char *value)
{
    if (group->dir == NULL && !is_asked)
        return 0;
    int sys = group->dir == NULL ? ENOENT : put(group, file, value);
    if (sys == 0 || (sys == ENOENT && !is_asked && access(group->dir, F_OK) == 0))
        return 0;
    return refused(group, what, value, sys);
}

/* ---- memory ---- */

static int too_much(const struct group *group, int64_t limit, int64_t used)
{
    WC_CLEANUP_BUF struct wc_buf wanted = WC_BUF_INIT;
    WC_CLEANUP_BUF struct wc_buf now = WC_BUF_INIT;
    wc_bytes_format(limit, &wanted);
    wc_bytes_format(used, &now);
    return wc_err_set(group->err, WC_ERR_CONFLICT, 0,
                      "mem_limit %s is less than the %s that it uses now", wanted.data, now.data);
}

/* The limit of memory and that of both together: the second is never the lower one, so which is
 * written first depends on where they are. */
static int memory_v1(const struct group *group, const struct wc_limits *limits)
{
    static const char limit_file[] = "memory.limit_in_bytes";
    static const char both_file[] = "memory.memsw.limit_in_bytes";
    const char *limit = number(group, limits->memory_bytes, "-1");
    const char *both = number(group, limits->swap_bytes, "-1");
    bool counts_swap = has(group, both_file); /* not every kernel does */
    bool rises = limits->swap_bytes < 0 || limits->swap_bytes >= get(group, both_file);
    int rc = 0;
    if (counts_swap && rises)
        rc = give(group, "memswap_limit", limits->swap_bytes >= 0, both_file, both);
    if (rc == 0) {
        int sys = put(group, limit_file, limit);
        if (sys == EBUSY)
            rc = too_much(group, limits->memory_bytes, get(group, "memory.usage_in_bytes"));
        else if (sys != 0)
            rc = refused(group, "mem_limit", limit, sys);
    }
    if (rc == 0 && counts_swap && !rises)
        rc = give(group, "memswap_limit", true, both_file, both);
    return rc != 0
               ? rc
               : give(group, "mem_reservation", limits->reservation_bytes >= 0,
                      "memory.soft_limit_in_bytes", number(group, limits->reservation_bytes, "-1"));
}

/* The kernel would kill to get below a limit: what can be given back is asked for before. */
static int make_room_v2(const struct group *group, int64_t limit)
{
    int64_t used = limit < 0 ? 0 : get(group, "memory.current");
    if (limit >= 0 && used != INT64_MAX && used > limit) {
        (void)put(group, "memory.reclaim", number(group, used - limit, ""));
        used = get(group, "memory.current");
    }
    return limit >= 0 && used != INT64_MAX && used > limit ? too_much(group, limit, used) : 0;
}

static int memory_v2(const struct group *group, const struct wc_limits *limits)
{
    int64_t swap_bytes = limits->swap_bytes < 0 ? -1 : limits->swap_bytes - limits->memory_bytes;
    int rc = make_room_v2(group, limits->memory_bytes);
    if (rc == 0)
        rc = give(group, "mem_limit", limits->memory_bytes >= 0, "memory.max",
                  number(group, limits->memory_bytes, "max"));
    if (rc == 0) /* a kernel that doesn't count swap has no such file */
        rc = give(group, "memswap_limit", false, "memory.swap.max",
                  number(group, swap_bytes, "max"));
    return rc != 0 ? rc
                   : give(group, "mem_reservation", limits->reservation_bytes >= 0, "memory.low",
                          number(group, limits->reservation_bytes, "0"));
}

static int give_memory(const struct group *of, const struct wc_limits *limits)
{
    struct group group = group_of(of, "memory");
    if (group.dir == NULL || !has(&group, group.v2 ? "memory.max" : "memory.limit_in_bytes"))
        return limits->memory_bytes < 0 && limits->reservation_bytes < 0 &&
                       (group.dir == NULL || access(group.dir, F_OK) == 0)
                   ? 0
                   : refused(&group, "mem_limit", "", ENOENT);
    return group.v2 ? memory_v2(&group, limits) : memory_v1(&group, limits);
}

/* ---- CPUs, processes ---- */

/* Shares 2..262144 to weights 1..10000, as OCI runtimes do. */
static int64_t weight_of(int64_t shares)
{
    shares = shares < 2 ? 2 : shares > 262144 ? 262144 : shares;
    return 1 + (shares - 2) * 9999 / 262142;
}

static int give_cpu(const struct group *of, const struct wc_limits *limits)
{
    struct group group = group_of(of, "cpu");
    bool has_shares = limits->cpu_shares >= 0, has_quota = limits->cpu_quota_us >= 0;
    if (group.v2) {
        int64_t weight = has_shares ? weight_of(limits->cpu_shares) : 100;
        int rc = give(&group, "cpu_shares", has_shares, "cpu.weight", number(&group, weight, ""));
        const char *quota = number(&group, limits->cpu_quota_us, "max");
        const char *max =
            wc_arena_printf(group.arena, "%s %lld", quota, (long long)limits->cpu_period_us);
        return rc != 0 ? rc : give(&group, "cpus", has_quota, "cpu.max", max);
    }
    int64_t shares = has_shares ? limits->cpu_shares : CPU_SHARES_USUAL;
    int rc = give(&group, "cpu_shares", has_shares, "cpu.shares", number(&group, shares, ""));
    if (rc == 0)
        rc = give(&group, "cpu_period", has_quota, "cpu.cfs_period_us",
                  number(&group, limits->cpu_period_us, ""));
    return rc != 0 ? rc
                   : give(&group, "cpus", has_quota, "cpu.cfs_quota_us",
                          number(&group, limits->cpu_quota_us, "-1"));
}

/* v1 has no "all": it is what the group above has. */
static const char *all_cpus(const struct group *group)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    const char *above = wc_arena_printf(group->arena, "%s/../cpuset.cpus", group->dir);
    if (group->v2 || wc_fs_read(above, 4096, &text, NULL) != 0)
        return "\n";
    return wc_arena_strdup(group->arena, text.data);
}

static int give_cpuset(const struct group *of, const struct wc_limits *limits)
{
    struct group group = group_of(of, "cpuset");
    if (group.dir == NULL && limits->cpuset == NULL)
        return 0;
    const char *cpus = limits->cpuset;
    if (cpus == NULL)
        cpus = all_cpus(&group);
    return give(&group, "cpuset", limits->cpuset != NULL, "cpuset.cpus", cpus);
}

int wc_limits_apply(const struct wc_cgroup_host *host, const char *path,
                    const struct wc_limits *limits, struct wc_err *err)
{
    struct wc_arena arena;
    wc_arena_init(&arena);
    const struct group group = {
        .host = host, .path = path, .v2 = host->mode == WC_CGROUP_V2, .arena = &arena, .err = err
    };
    int rc = give_memory(&group, limits);
    if (rc == 0)
        rc = give_cpu(&group, limits);
    if (rc == 0)
        rc = give_cpuset(&group, limits);
    struct group pids = group_of(&group, "pids");
    if (rc == 0)
        rc = give(&pids, "pids_limit", limits->pids >= 0, "pids.max",
                  number(&pids, limits->pids, "max"));
    wc_arena_deinit(&arena);
    return rc;
}
