/* test_usage.c - books of made-up hosts: version 1, version 2, and both; and of this very process.
 */
// LINK: wc_orchestrator wc_core
#include "harness/wc_test.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/fs.h"
#include "base/str.h"
#include "wcompose/model.h"
#include "wcompose/usage.h"

static char root[64];

static void begin(void)
{
    snprintf(root, sizeof root, "/tmp/wc-test-usage-XXXXXX");
    assert_non_null(mkdtemp(root));
}

static void end(void)
{
    struct wc_err err = { 0 };
    assert_int_equal(wc_fs_remove_tree(root, &err), 0);
}

/* Writes a file of the host; %R in the text is its root. */
static void put(const char *name, const char *text)
{
    char path[512], dir[512];
    struct wc_err err = { 0 };
    snprintf(path, sizeof path, "%s/%s", root, name);
    snprintf(dir, sizeof dir, "%s", path);
    *strrchr(dir, '/') = '\0';
    assert_int_equal(wc_fs_mkdirs(dir, 0755, &err), 0);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (; *text != '\0'; text++) {
        if (text[0] == '%' && text[1] == 'R') {
            fputs(root, file);
            text++;
        } else {
            fputc(*text, file);
        }
    }
    assert_int_equal(fclose(file), 0);
}

static const char *proc(void)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/proc", root);
    return path;
}

static struct wc_usage usage(int pid)
{
    struct wc_usage out;
    struct wc_err err = { 0 };
    if (wc_usage_read(proc(), pid, &out, &err) != 0)
        fail_msg("%s", err.msg);
    return out;
}

static void link_net(const char *who, const char *what)
{
    char path[300], dir[256];
    struct wc_err err = { 0 };
    snprintf(dir, sizeof dir, "%s/proc/%s/ns", root, who);
    assert_int_equal(wc_fs_mkdirs(dir, 0755, &err), 0);
    snprintf(path, sizeof path, "%s/net", dir);
    assert_int_equal(symlink(what, path), 0);
}

static void put_common(void)
{
    put("proc/meminfo", "MemTotal:       1000 kB\nMemFree: 5 kB\n");
    put("proc/7/net/dev",
        "Inter-|   Receive                                                |  Transmit\n"
        " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs\n"
        "    lo:    5000      10    0    0    0     0          0         0     5000      10    0\n"
        "  eth0:     100       1    0    0    0     0          0         0      200       2    0\n"
        "  eth1:1000 1 0 0 0 0 0 0 2000 2 0\n");
    link_net("self", "net:[1]");
    link_net("7", "net:[2]");
}

static void version_2(void **state)
{
    (void)state;
    begin();
    put_common();
    put("proc/self/mountinfo", "25 30 0:23 / /sys rw - sysfs sysfs rw\n"
                               "26 25 0:24 / %R/cg rw,nosuid shared:4 - cgroup2 cgroup2 rw\n");
    put("proc/7/cgroup", "0::/app/web\n");
    put("cg/app/web/cpu.stat", "usage_usec 1500\nuser_usec 1000\n");
    put("cg/app/web/memory.current", "900000\n");
    put("cg/app/web/memory.stat", "anon 1\ninactive_file 100000\n");
    put("cg/app/web/memory.max", "max\n");
    put("cg/app/memory.max", "500000\n");
    put("cg/app/web/io.stat", "8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=7 dios=1\n"
                              "8:16 rbytes=100 wbytes=200 rios=1 wios=2 dbytes=0 dios=0\n");
    put("cg/app/web/pids.current", "3\n");
    put("cg/app/web/pids.max", "64\n");
    struct wc_usage u = usage(7);
    assert_int_equal(u.cpu_ns, 1500000);
    assert_int_equal(u.memory_bytes, 800000);
    assert_int_equal(u.memory_limit_bytes, 500000); /* the group above is tighter */
    assert_int_equal(u.read_bytes, 110);
    assert_int_equal(u.write_bytes, 220);
    assert_int_equal(u.pids, 3);
    assert_int_equal(u.pids_limit, 64);
    assert_int_equal(u.net_rx_bytes, 1100);
    assert_int_equal(u.net_tx_bytes, 2200);
    end();
}

static void version_1(void **state)
{
    (void)state;
    begin();
    put_common();
    put("proc/self/mountinfo",
        "31 30 0:28 / %R/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
        "34 30 0:31 /box %R/memory rw - cgroup cgroup rw,memory\n" /* a part of the hierarchy */
        "37 30 0:34 / %R/blkio rw - cgroup cgroup rw,blkio\n"
        "39 30 0:36 / %R/unified rw - cgroup2 cgroup2 rw\n");
    put("proc/7/cgroup", "9:cpu,cpuacct:/web\n8:memory:/box/web\n7:blkio:/web\n0::/elsewhere\n");
    put("cpu/web/cpuacct.usage", "123456789\n");
    put("memory/web/memory.usage_in_bytes", "5000\n");
    put("memory/web/memory.stat", "inactive_file 1\ntotal_inactive_file 1000\n");
    put("memory/web/memory.limit_in_bytes", "9223372036854771712\n");
    put("blkio/web/blkio.throttle.io_service_bytes",
        "8:0 Read 11\n8:0 Write 22\n8:0 Sync 33\n8:16 Read 100\n8:16 Total 133\nTotal 266\n");
    struct wc_usage u = usage(7);
    assert_int_equal(u.cpu_ns, 123456789);
    assert_int_equal(u.memory_bytes, 4000);
    assert_int_equal(u.memory_limit_bytes, 1000 * 1024); /* the host's */
    assert_int_equal(u.read_bytes, 111);
    assert_int_equal(u.write_bytes, 22);
    assert_int_equal(u.pids, WC_UNSET); /* version 2 has it here, and no such file */
    end();
}

static void what_is_not_kept_is_unset(void **state)
{
    (void)state;
    struct wc_usage u;
    struct wc_err err = { 0 };
    begin();
    put("proc/self/mountinfo", "26 25 0:24 / %R/cg rw - cgroup2 cgroup2 rw\nnonsense\n");
    put("proc/7/cgroup", "0::/../outside\n");
    u = usage(7);
    assert_int_equal(u.cpu_ns, WC_UNSET);
    assert_int_equal(u.memory_bytes, WC_UNSET);
    assert_int_equal(u.memory_limit_bytes, WC_UNSET);
    assert_int_equal(u.net_rx_bytes, WC_UNSET);
    assert_int_equal(u.read_bytes, WC_UNSET);
    put_common();
    link_net("8", "net:[1]"); /* the host's network is nobody's own */
    put("proc/8/cgroup", "0::/web\n");
    put("proc/8/net/dev", "  eth0: 1 1 1 1 1 1 1 1 1\n");
    put("cg/web/io.stat", "8:0 rbytes=x wbytes=99999999999999999999\n\n8:0 rbytes=");
    u = usage(8);
    assert_int_equal(u.net_rx_bytes, WC_UNSET);
    assert_int_equal(u.read_bytes, 0);
    assert_int_equal(u.write_bytes, 0);
    assert_int_equal(wc_usage_read(proc(), 9, &u, &err), WC_ERR_NOENT);
    end();
}

static void processes_of_the_group_and_within(void **state)
{
    (void)state;
    struct wc_process *list;
    struct wc_arena arena;
    struct wc_err err = { 0 };
    size_t n;
    begin();
    wc_arena_init(&arena);
    put("proc/stat", "cpu 1 2 3\nbtime 1000\nprocesses 5\n");
    put("proc/self/mountinfo", "26 25 0:24 / %R/cg rw - cgroup2 cgroup2 rw\n");
    put("proc/7/cgroup", "0::/web\n");
    put("cg/web/cgroup.procs", "9\n7\n12\n");
    put("cg/web/inner/deeper/cgroup.procs", "8\n");
    put("proc/7/stat",
        "7 (a (b) c) S 1 7 7 0 -1 4194560 1 2 3 4 150 50 0 0 20 0 1 0 500 1000 10\n");
    put("proc/7/status", "Name:\ta\nUid:\t1000\t1000\t1000\t1000\n");
    put("proc/7/cmdline", "");
    put("proc/8/stat", "8 (x) S 7 7 7 0 -1 4194560 1 2 3 4 0 0 0 0 20 0 1 0 700 1000 10\n");
    put("proc/8/status", "Name:\tx\nUid:\t0\t0\t0\t0\n");
    put("proc/8/cmdline", "sleep 1");
    put("proc/9/stat", "nonsense");
    put("proc/9/status", "");
    assert_int_equal(wc_usage_processes(proc(), 7, &arena, &list, &n, &err), 0);
    assert_int_equal(n, 2); /* 9 can't be read, 12 has ended */
    assert_int_equal(list[0].pid, 7);
    assert_int_equal(list[0].ppid, 1);
    assert_int_equal(list[0].uid, 1000);
    assert_string_equal(list[0].command, "[a (b) c]");
    int64_t ticks = sysconf(_SC_CLK_TCK);
    assert_int_equal(list[0].cpu_ms, 200 * 1000 / ticks);
    assert_int_equal(list[0].started_at_ms, 1000 * 1000 + 500 * 1000 / ticks);
    assert_string_equal(list[1].command, "sleep 1");
    wc_arena_deinit(&arena);
    end();
}

/* The real files of this host: whatever its groups, the kernel's own text is understood. */
static void of_this_process(void **state)
{
    (void)state;
    struct wc_usage u;
    struct wc_err err = { 0 };
    assert_int_equal(wc_usage_read("/proc", (int)getpid(), &u, &err), 0);
    assert_true(u.memory_limit_bytes == WC_UNSET || u.memory_limit_bytes > 1024 * 1024);
    assert_int_equal(u.net_rx_bytes, WC_UNSET); /* the same network as ours */
}

WC_MAIN(WC_CASE(version_2), WC_CASE(version_1), WC_CASE(what_is_not_kept_is_unset),
        WC_CASE(processes_of_the_group_and_within), WC_CASE(of_this_process))
