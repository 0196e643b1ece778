/* test_limits.c - limits into files of control groups, v1 and v2 (of folders that look like them).
 */
#include "harness/wc_test.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"
#include "drivers/process/limits.h"

struct groups {
    char root[64];
    struct wc_cgroup_tree trees[4];
    struct wc_cgroup_host host;
    char mounts[4][80];
};

static void put(const struct groups *g, const char *path, const char *text)
{
    char whole[256];
    snprintf(whole, sizeof whole, "%s/%s", g->root, path);
    FILE *file = fopen(whole, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* A real file keeps what was there behind a shorter text; the number before it is what counts. */
static void expect(const struct groups *g, const char *path, const char *text)
{
    char whole[256];
    WC_CLEANUP_BUF struct wc_buf now = WC_BUF_INIT;
    snprintf(whole, sizeof whole, "%s/%s", g->root, path);
    assert_int_equal(wc_fs_read(whole, 256, &now, NULL), 0);
    if (!wc_str_starts(now.data, text))
        fail_msg("%s: '%s', not '%s'", path, now.data, text);
}

static void make_dir(const struct groups *g, const char *path)
{
    char whole[256];
    snprintf(whole, sizeof whole, "%s/%s", g->root, path);
    assert_int_equal(wc_fs_mkdirs(whole, 0700, NULL), 0);
}

static void begin(struct groups *g, bool v2)
{
    static const char *const names[] = { "memory", "cpu", "cpuset", "pids" };
    *g = (struct groups){ .root = "/tmp/wc-limits-XXXXXX" };
    assert_non_null(mkdtemp(g->root));
    g->host = (struct wc_cgroup_host){ .mode = v2 ? WC_CGROUP_V2 : WC_CGROUP_V1,
                                       .trees = g->trees,
                                       .n_trees = v2 ? 1 : 4 };
    for (size_t i = 0; i < g->host.n_trees; i++) {
        snprintf(g->mounts[i], sizeof g->mounts[i], v2 ? "%s" : "%s/%s", g->root, names[i]);
        g->trees[i] = (struct wc_cgroup_tree){ g->mounts[i], v2 ? "" : names[i], v2 };
    }
}

static void end(struct groups *g)
{
    assert_int_equal(wc_fs_remove_tree(g->root, NULL), 0);
}

static void fill_v1(const struct groups *g)
{
    static const char *const dirs[] = { "memory/a", "cpu/a", "cpuset/a", "pids/a" };
    for (size_t i = 0; i < WC_COUNT(dirs); i++)
        make_dir(g, dirs[i]);
    put(g, "memory/a/memory.limit_in_bytes", "9223372036854771712\n");
    put(g, "memory/a/memory.memsw.limit_in_bytes", "9223372036854771712\n");
    put(g, "memory/a/memory.soft_limit_in_bytes", "9223372036854771712\n");
    put(g, "cpu/a/cpu.shares", "1024\n");
    put(g, "cpu/a/cpu.cfs_period_us", "100000\n");
    put(g, "cpu/a/cpu.cfs_quota_us", "-1\n");
    put(g, "cpuset/cpuset.cpus", "0-3\n");
    put(g, "cpuset/a/cpuset.cpus", "0-3\n");
    put(g, "pids/a/pids.max", "max\n");
}

static const struct wc_service none = { .mem_limit_bytes = WC_UNSET,
                                        .memswap_limit_bytes = WC_UNSET,
                                        .mem_reservation_bytes = WC_UNSET,
                                        .nano_cpus = WC_UNSET,
                                        .cpu_shares = WC_UNSET,
                                        .pids_limit = WC_UNSET };

static int apply(const struct groups *g, const struct wc_service *service, struct wc_err *err)
{
    struct wc_limits limits;
    wc_limits_of(service, &limits);
    return wc_limits_apply(&g->host, "/a", &limits, err);
}

static struct wc_service some(void)
{
    struct wc_service s = none;
    s.mem_limit_bytes = 1000000;
    s.mem_reservation_bytes = 500000;
    s.nano_cpus = 1500000000;
    s.cpu_shares = 512;
    s.pids_limit = 40;
    s.cpuset = "1";
    return s;
}

static void v1_and_back(void **state)
{
    struct groups g;
    struct wc_err err = { 0 };
    const struct wc_service limited = some();
    (void)state;
    begin(&g, false);
    fill_v1(&g);
    assert_int_equal(apply(&g, &limited, &err), 0);
    expect(&g, "memory/a/memory.limit_in_bytes", "1000000");
    expect(&g, "memory/a/memory.memsw.limit_in_bytes", "2000000");
    expect(&g, "memory/a/memory.soft_limit_in_bytes", "500000");
    expect(&g, "cpu/a/cpu.shares", "512");
    expect(&g, "cpu/a/cpu.cfs_period_us", "100000");
    expect(&g, "cpu/a/cpu.cfs_quota_us", "150000");
    expect(&g, "cpuset/a/cpuset.cpus", "1");
    expect(&g, "pids/a/pids.max", "40");
    assert_int_equal(apply(&g, &none, &err), 0);
    expect(&g, "memory/a/memory.limit_in_bytes", "-1");
    expect(&g, "memory/a/memory.memsw.limit_in_bytes", "-1");
    expect(&g, "memory/a/memory.soft_limit_in_bytes", "-1");
    expect(&g, "cpu/a/cpu.shares", "1024");
    expect(&g, "cpu/a/cpu.cfs_quota_us", "-1");
    expect(&g, "cpuset/a/cpuset.cpus", "0-3");
    expect(&g, "pids/a/pids.max", "max");
    end(&g);
}

static void v2_and_back(void **state)
{
    struct groups g;
    struct wc_err err = { 0 };
    static const char *const files[] = { "memory.max",     "memory.swap.max", "memory.low",
                                         "memory.current", "cpu.weight",      "cpu.max",
                                         "cpuset.cpus",    "pids.max" };
    char path[64];
    struct wc_service limited = some();
    (void)state;
    begin(&g, true);
    make_dir(&g, "a");
    for (size_t i = 0; i < WC_COUNT(files); i++) {
        snprintf(path, sizeof path, "a/%s", files[i]);
        put(&g, path, "4096\n");
    }
    assert_int_equal(apply(&g, &limited, &err), 0);
    expect(&g, "a/memory.max", "1000000");
    expect(&g, "a/memory.swap.max", "1000000"); /* as much again, counted apart */
    expect(&g, "a/memory.low", "500000");
    expect(&g, "a/cpu.weight", "20");
    expect(&g, "a/cpu.max", "150000 100000");
    expect(&g, "a/cpuset.cpus", "1");
    expect(&g, "a/pids.max", "40");
    limited.memswap_unlimited = true;
    assert_int_equal(apply(&g, &limited, &err), 0);
    expect(&g, "a/memory.swap.max", "max");
    assert_int_equal(apply(&g, &none, &err), 0);
    expect(&g, "a/memory.max", "max");
    expect(&g, "a/memory.low", "0");
    expect(&g, "a/cpu.weight", "100");
    expect(&g, "a/cpu.max", "max 100000");
    expect(&g, "a/pids.max", "max");
    /* the kernel would kill for it */
    put(&g, "a/memory.current", "3145728\n");
    assert_int_equal(apply(&g, &limited, &err), WC_ERR_CONFLICT);
    assert_string_equal(err.msg, "mem_limit 976 KiB is less than the 3.0 MiB that it uses now");
    expect(&g, "a/memory.max", "max");
    end(&g);
}

/* cpu_quota and cpu_period instead of cpus; the usual period comes back. */
static void quotas_and_periods(void **state)
{
    struct groups g;
    struct wc_err err = { 0 };
    struct wc_service s = none;
    (void)state;
    s.cpu_quota_us = 20000;
    s.cpu_period_us = 50000;
    begin(&g, false);
    fill_v1(&g);
    assert_int_equal(apply(&g, &s, &err), 0);
    expect(&g, "cpu/a/cpu.cfs_period_us", "50000");
    expect(&g, "cpu/a/cpu.cfs_quota_us", "20000");
    s.cpu_period_us = WC_UNSET;
    assert_int_equal(apply(&g, &s, &err), 0);
    expect(&g, "cpu/a/cpu.cfs_period_us", "100000");
    expect(&g, "cpu/a/cpu.cfs_quota_us", "20000");
    assert_int_equal(apply(&g, &none, &err), 0);
    expect(&g, "cpu/a/cpu.cfs_quota_us", "-1");
    end(&g);
    begin(&g, true);
    make_dir(&g, "a");
    static const char *const files[] = { "a/memory.max", "a/cpu.weight", "a/cpu.max",
                                         "a/cpuset.cpus", "a/pids.max" };
    for (size_t i = 0; i < WC_COUNT(files); i++)
        put(&g, files[i], "max\n");
    s.cpu_period_us = 50000;
    assert_int_equal(apply(&g, &s, &err), 0);
    expect(&g, "a/cpu.max", "20000 50000");
    s.cpu_quota_us = WC_UNSET;
    assert_int_equal(apply(&g, &s, &err), 0);
    expect(&g, "a/cpu.max", "max 50000");
    end(&g);
}

static void quotas_out_of_range_are_refused(void **state)
{
    static const struct {
        int64_t nano_cpus, quota, period;
        int rc;
    } rows[] = {
        { WC_UNSET, 1000, 1000, 0 },
        { WC_UNSET, 999, WC_UNSET, WC_ERR_SPEC },
        { WC_UNSET, WC_UNSET, 999, WC_ERR_SPEC },
        { WC_UNSET, WC_UNSET, 1000000, 0 },
        { WC_UNSET, WC_UNSET, 1000001, WC_ERR_SPEC },
        { 500000000, WC_UNSET, WC_UNSET, 0 },
        { 500000000, 50000, WC_UNSET, WC_ERR_SPEC },
        { 500000000, WC_UNSET, 50000, WC_ERR_SPEC },
    };
    (void)state;
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        struct wc_err err = { 0 };
        struct wc_service s = none;
        s.nano_cpus = rows[i].nano_cpus;
        s.cpu_quota_us = rows[i].quota;
        s.cpu_period_us = rows[i].period;
        assert_int_equal(wc_limits_check(&s, &err), rows[i].rc);
    }
}

/* What isn't asked for needs no controller; what is, does. */
static void without_a_controller(void **state)
{
    struct groups g;
    struct wc_err err = { 0 };
    struct wc_service s = none;
    (void)state;
    begin(&g, false);
    fill_v1(&g);
    g.host.n_trees = 1; /* memory */
    assert_int_equal(apply(&g, &none, &err), 0);
    s.pids_limit = 3;
    assert_int_equal(apply(&g, &s, &err), WC_ERR_UNAVAILABLE);
    assert_string_equal(err.msg, "pids_limit: this host has no control group for it");
    end(&g);
    begin(&g, false);
    make_dir(&g, "memory"); /* the group itself is gone */
    err = (struct wc_err){ 0 };
    assert_int_equal(apply(&g, &none, &err), WC_ERR_NOENT);
    end(&g);
}

WC_MAIN(WC_CASE(v1_and_back), WC_CASE(v2_and_back), WC_CASE(quotas_and_periods),
        WC_CASE(quotas_out_of_range_are_refused), WC_CASE(without_a_controller))
