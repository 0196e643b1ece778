/* test_io_limits.c - blkio_config into files of control groups, v1 and v2 (of folders that look
 * like them); which devices there are is the host's to say, so it is asked for one.
 */
#include "harness/wc_test.h"

#include <dirent.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"
#include "drivers/process/io_limits.h"

struct groups {
    char root[64], mount[80], device[300], number[32];
    struct wc_cgroup_tree tree;
    struct wc_cgroup_host host;
    struct wc_buf without;
};

static void put(const struct groups *g, const char *file, const char *text)
{
    char whole[256];
    snprintf(whole, sizeof whole, "%s/w/%s", g->mount, file);
    FILE *out = fopen(whole, "w");
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
}

/* What was written last; a file of cgroupfs keeps lines, these keep bytes. */
static void expect(const struct groups *g, const char *file, const char *text)
{
    char whole[256];
    WC_CLEANUP_BUF struct wc_buf now = WC_BUF_INIT;
    snprintf(whole, sizeof whole, "%s/w/%s", g->mount, file);
    assert_int_equal(wc_fs_read(whole, 4096, &now, NULL), 0);
    if (!wc_str_starts(now.data != NULL ? now.data : "", text))
        fail_msg("%s: '%s', not '%s'", file, now.data, text);
}

/* A block device of this host, in `device` and `number`. */
static bool find_device(struct groups *g)
{
    struct stat st;
    DIR *dir = opendir("/dev");
    bool found = false;
    for (struct dirent *at; dir != NULL && !found && (at = readdir(dir)) != NULL;) {
        snprintf(g->device, sizeof g->device, "/dev/%s", at->d_name);
        found = stat(g->device, &st) == 0 && S_ISBLK(st.st_mode);
    }
    if (dir != NULL)
        closedir(dir);
    if (found)
        snprintf(g->number, sizeof g->number, "%u:%u", major(st.st_rdev), minor(st.st_rdev));
    return found;
}

static void begin(struct groups *g, bool v2)
{
    char dir[128];
    *g = (struct groups){ .root = "/tmp/wc-io-XXXXXX", .without = WC_BUF_INIT };
    assert_non_null(mkdtemp(g->root));
    if (!find_device(g))
        skip();
    snprintf(g->mount, sizeof g->mount, "%s/io", g->root);
    snprintf(dir, sizeof dir, "%s/w", g->mount);
    assert_int_equal(wc_fs_mkdirs(dir, 0700, NULL), 0);
    g->tree = (struct wc_cgroup_tree){ g->mount, v2 ? "" : "blkio", v2 };
    g->host = (struct wc_cgroup_host){ .mode = v2 ? WC_CGROUP_V2 : WC_CGROUP_V1,
                                       .trees = &g->tree,
                                       .n_trees = 1 };
    put(g, "cgroup.procs", "");
}

static void end(struct groups *g)
{
    wc_buf_deinit(&g->without);
    assert_int_equal(wc_fs_remove_tree(g->root, NULL), 0);
}

static const struct wc_io_limits nothing = { .weight = WC_UNSET };

static void v1_and_back(void **state)
{
    struct groups g;
    char line[128];
    (void)state;
    begin(&g, false);
    struct wc_io_device slow[] = { { .path = g.device, .value = 1 },
                                   { .path = g.device, .value = 1048576 } };
    struct wc_io_device heavy = { .path = g.device, .value = 700 };
    struct wc_io_limits limits = { .weight = 300, .weights = { &heavy, 1 } };
    limits.rates[WC_IO_WRITE_BPS] = (struct wc_io_list){ slow, 2 };
    put(&g, "blkio.bfq.weight", "100\n");
    put(&g, "blkio.bfq.weight_device", "");
    put(&g, "blkio.throttle.write_bps_device", "");
    put(&g, "blkio.throttle.read_bps_device", "7:77 5\n");
    put(&g, "blkio.throttle.read_iops_device", "");
    put(&g, "blkio.throttle.write_iops_device", "");
    wc_io_limits_apply(&g.host, "/w", &limits, &g.without);
    expect(&g, "blkio.bfq.weight", "300");
    snprintf(line, sizeof line, "%s 700", g.number);
    expect(&g, "blkio.bfq.weight_device", line);
    snprintf(line, sizeof line, "%s 1048576", g.number); /* the last one wins */
    expect(&g, "blkio.throttle.write_bps_device", line);
    expect(&g, "blkio.throttle.read_bps_device", "7:77 0"); /* nobody asks for it any more */
    assert_int_equal(g.without.len, 0);
    wc_io_limits_apply(&g.host, "/w", &nothing, &g.without);
    expect(&g, "blkio.bfq.weight", "100");
    snprintf(line, sizeof line, "%s 0", g.number);
    expect(&g, "blkio.bfq.weight_device", line);
    expect(&g, "blkio.throttle.write_bps_device", line);
    assert_int_equal(g.without.len, 0);
    end(&g);
}

static void v2_and_back(void **state)
{
    struct groups g;
    char line[128];
    (void)state;
    begin(&g, true);
    struct wc_io_device slow = { .path = g.device, .value = 1048576 };
    struct wc_io_device few = { .path = g.device, .value = 120 };
    struct wc_io_limits limits = { .weight = 1000 };
    limits.rates[WC_IO_READ_BPS] = (struct wc_io_list){ &slow, 1 };
    limits.rates[WC_IO_WRITE_IOPS] = (struct wc_io_list){ &few, 1 };
    put(&g, "io.max", "");
    put(&g, "io.weight", "default 100\n");
    wc_io_limits_apply(&g.host, "/w", &limits, &g.without);
    expect(&g, "io.weight", "10000");
    snprintf(line, sizeof line, "%s rbps=1048576 riops=max wbps=max wiops=120", g.number);
    expect(&g, "io.max", line);
    wc_io_limits_apply(&g.host, "/w", &nothing, &g.without);
    expect(&g, "io.weight", "100");
    snprintf(line, sizeof line, "%s rbps=max riops=max wbps=max wiops=max", g.number);
    expect(&g, "io.max", line);
    limits = (struct wc_io_limits){ .weight = 10 };
    wc_io_limits_apply(&g.host, "/w", &limits, &g.without);
    expect(&g, "io.weight", "1");
    assert_int_equal(g.without.len, 0);
    end(&g);
}

/* What the kernel hasn't is told, where it is asked for, and keeps nothing from the rest. */
static void what_cannot_be_had_is_told(void **state)
{
    struct groups g;
    (void)state;
    begin(&g, false);
    struct wc_io_device slow = { .path = g.device, .value = 9 };
    struct wc_io_device none = { .path = "/dev/null", .value = 9 };
    struct wc_io_limits limits = { .weight = 300 };
    wc_io_limits_apply(&g.host, "/w", &nothing, &g.without);
    assert_int_equal(g.without.len, 0);
    limits.rates[WC_IO_READ_BPS] = (struct wc_io_list){ &slow, 1 };
    limits.rates[WC_IO_READ_IOPS] = (struct wc_io_list){ &slow, 1 };
    put(&g, "blkio.throttle.read_iops_device", "");
    wc_io_limits_apply(&g.host, "/w", &limits, &g.without);
    assert_non_null(strstr(g.without.data, "blkio_config.weight: this kernel has none"));
    assert_non_null(strstr(g.without.data, "blkio_config.device_read_bps of "));
    assert_null(strstr(g.without.data, "device_read_iops"));
    expect(&g, "blkio.throttle.read_iops_device", g.number);
    wc_buf_reset(&g.without);
    limits = nothing;
    limits.rates[WC_IO_READ_IOPS] = (struct wc_io_list){ &none, 1 };
    wc_io_limits_apply(&g.host, "/w", &limits, &g.without);
    assert_non_null(strstr(g.without.data, "/dev/null"));
    wc_buf_reset(&g.without);
    g.host.n_trees = 0;
    wc_io_limits_apply(&g.host, "/w", &limits, &g.without);
    assert_non_null(strstr(g.without.data, "no control group"));
    end(&g);
}

static void wrong_ones_are_refused(void **state)
{
    struct groups g;
    struct wc_err err = { 0 };
    (void)state;
    begin(&g, false);
    struct wc_io_device device = { .path = g.device, .value = 9 };
    struct wc_io_limits limits = nothing;
    limits.rates[WC_IO_READ_BPS] = (struct wc_io_list){ &device, 1 };
    assert_int_equal(wc_io_limits_check(&limits, &err), 0);
    device.path = "/dev/null";
    assert_int_equal(wc_io_limits_check(&limits, &err), WC_ERR_SPEC);
    assert_non_null(strstr(err.msg, "/dev/null is not a block device"));
    device.path = "/dev/wc-nothing";
    assert_int_equal(wc_io_limits_check(&limits, &err), WC_ERR_NOENT);
    device.path = "";
    assert_int_equal(wc_io_limits_check(&limits, &err), WC_ERR_SPEC);
    device = (struct wc_io_device){ .path = g.device, .value = WC_UNSET };
    assert_int_equal(wc_io_limits_check(&limits, &err), WC_ERR_SPEC);
    static const struct {
        int64_t weight;
        int rc;
    } rows[] = { { WC_UNSET, 0 }, { 0, 0 },    { 9, WC_ERR_SPEC },
                 { 10, 0 },       { 1000, 0 }, { 1001, WC_ERR_SPEC } };
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        limits = (struct wc_io_limits){ .weight = rows[i].weight };
        assert_int_equal(wc_io_limits_check(&limits, &err), rows[i].rc);
        device = (struct wc_io_device){ .path = g.device, .value = rows[i].weight };
        limits = (struct wc_io_limits){ .weight = WC_UNSET, .weights = { &device, 1 } };
        if (rows[i].weight != WC_UNSET)
            assert_int_equal(wc_io_limits_check(&limits, &err), rows[i].rc);
    }
    end(&g);
}

WC_MAIN(WC_CASE(v1_and_back), WC_CASE(v2_and_back), WC_CASE(what_cannot_be_had_is_told),
        WC_CASE(wrong_ones_are_refused))
