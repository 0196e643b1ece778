/* io_limits.c - weights and rates to files of control groups, v1 and v2.
 *
 * A file holds a line for each device; who is named in it and not in the model any more is set back
 * first. (Rejected: config.json's blockIO. Runtimes differ in what they do where a file is missing,
 * and a change in place would need all of this all the same.)
 */
#include "drivers/process/io_limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"

enum { WEIGHT_LEAST = 10, WEIGHT_MOST = 1000 };
enum { USUAL_BFQ = 100, USUAL_CFQ = 500, USUAL_V2 = 100, FILE_MAX = 64 << 10 };

static const struct {
    const char *key, *v1, *v2;
} rates[WC_IO_RATES] = {
    [WC_IO_READ_BPS] = { "device_read_bps", "blkio.throttle.read_bps_device", "rbps" },
    [WC_IO_READ_IOPS] = { "device_read_iops", "blkio.throttle.read_iops_device", "riops" },
    [WC_IO_WRITE_BPS] = { "device_write_bps", "blkio.throttle.write_bps_device", "wbps" },
    [WC_IO_WRITE_IOPS] = { "device_write_iops", "blkio.throttle.write_iops_device", "wiops" },
};

struct group {
    const char *dir;
    bool v2;
    struct wc_arena *arena;
    struct wc_buf *without;
};

/* ---- devices ---- */

/* "254:0", or NULL when it is no block device. */
static const char *number_of(struct wc_arena *arena, const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISBLK(st.st_mode))
        return NULL;
    return wc_arena_printf(arena, "%u:%u", major(st.st_rdev), minor(st.st_rdev));
}

static bool is_weight(int64_t value)
{
    return value == 0 || (value >= WEIGHT_LEAST && value <= WEIGHT_MOST);
}

static int check_list(const struct wc_io_list *list, const char *what, struct wc_err *err)
{
    struct stat st;
    for (size_t i = 0; i < list->n; i++) {
        const struct wc_io_device *device = &list->items[i];
        if (device->path[0] == '\0' || device->value == WC_UNSET)
            return wc_err_at(err, WC_ERR_SPEC, device->at,
                             "blkio_config: an entry needs a path and a %s", what);
        int sys = stat(device->path, &st) != 0 ? errno : 0;
        if (sys != 0)
            return wc_err_at(err, WC_ERR_NOENT, device->at, "blkio_config: %s: %s", device->path,
                             strerror(sys));
        if (!S_ISBLK(st.st_mode))
            return wc_err_at(err, WC_ERR_SPEC, device->at, "blkio_config: %s is not a block device",
                             device->path);
    }
    return 0;
}

int wc_io_limits_check(const struct wc_io_limits *limits, struct wc_err *err)
{
    bool fits = limits->weight == WC_UNSET || is_weight(limits->weight);
    int rc = check_list(&limits->weights, "weight", err);
    for (size_t i = 0; i < limits->weights.n; i++)
        fits = fits && is_weight(limits->weights.items[i].value);
    if (rc == 0 && !fits)
        rc = wc_err_set(err, WC_ERR_SPEC, 0, "blkio_config: a weight is between 10 and 1000");
    for (size_t i = 0; rc == 0 && i < WC_IO_RATES; i++)
        rc = check_list(&limits->rates[i], "rate", err);
    return rc;
}

/* The value for a device number; -1: none. The last one in the list wins. */
static int64_t value_for(const struct group *group, const struct wc_io_list *list,
                         const char *number)
{
    for (size_t i = list->n; i > 0; i--) {
        const char *own = number_of(group->arena, list->items[i - 1].path);
        if (own != NULL && wc_streq(own, number))
            return list->items[i - 1].value;
    }
    return -1;
}

/* ---- files ---- */

static bool has(const struct group *group, const char *file)
{
    return access(wc_arena_printf(group->arena, "%s/%s", group->dir, file), F_OK) == 0;
}

/* Returns 0 or errno. */
static int put(const struct group *group, const char *file, const char *text)
{
    const char *path = wc_arena_printf(group->arena, "%s/%s", group->dir, file);
    WC_CLEANUP_FD int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    return write(fd, text, strlen(text)) >= 0 ? 0 : errno;
}

static void miss(const struct group *group, const char *key, const char *whose, int sys)
{
    bool no_file = sys == ENOENT || sys == EOPNOTSUPP;
    wc_buf_printf(group->without, "%sblkio_config.%s%s%s: %s", group->without->len > 0 ? "; " : "",
                  key, whose[0] != '\0' ? " of " : "", whose,
                  no_file ? "this kernel has none" : strerror(sys));
}

/* Numbers of the devices that a file has lines for. */
static void numbers_in(const struct group *group, const char *file, struct wc_strv *out)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    const char *path = wc_arena_printf(group->arena, "%s/%s", group->dir, file);
    if (wc_fs_read(path, FILE_MAX, &text, NULL) != 0)
        return;
    for (char *line = text.data, *next; line != NULL && *line != '\0'; line = next) {
        next = strchr(line, '\n');
        if (next != NULL)
            *next++ = '\0';
        size_t len = strspn(line, "0123456789:");
        if (len > 2 && memchr(line, ':', len) != NULL)
            wc_strv_add(group->arena, out, wc_arena_strndup(group->arena, line, len));
    }
}

static void numbers_of(const struct group *group, const struct wc_io_list *list,
                       struct wc_strv *out)
{
    for (size_t i = 0; i < list->n; i++) {
        const char *number = number_of(group->arena, list->items[i].path);
        if (number == NULL)
            miss(group, "device", list->items[i].path, ENODEV);
        else if (!wc_strv_has(out, number))
            wc_strv_add(group->arena, out, number);
    }
}

/* ---- rates ---- */

static void give_rates_v1(const struct group *group, const struct wc_io_limits *limits)
{
    for (size_t r = 0; r < WC_IO_RATES; r++) {
        struct wc_strv numbers = { 0 };
        numbers_in(group, rates[r].v1, &numbers);
        numbers_of(group, &limits->rates[r], &numbers);
        for (size_t i = 0; i < numbers.n; i++) {
            int64_t value = value_for(group, &limits->rates[r], numbers.items[i]);
            int sys = put(group, rates[r].v1,
                          wc_arena_printf(group->arena, "%s %lld", numbers.items[i],
                                          value < 0 ? 0LL : (long long)value));
            if (sys != 0 && value > 0)
                miss(group, rates[r].key, numbers.items[i], sys);
        }
    }
}

static void give_rates_v2(const struct group *group, const struct wc_io_limits *limits)
{
    struct wc_strv numbers = { 0 };
    numbers_in(group, "io.max", &numbers);
    for (size_t r = 0; r < WC_IO_RATES; r++)
        numbers_of(group, &limits->rates[r], &numbers);
    for (size_t i = 0; i < numbers.n; i++) {
        WC_CLEANUP_BUF struct wc_buf line = WC_BUF_INIT;
        bool is_asked = false;
        wc_buf_adds(&line, numbers.items[i]);
        for (size_t r = 0; r < WC_IO_RATES; r++) {
            int64_t value = value_for(group, &limits->rates[r], numbers.items[i]);
            is_asked = is_asked || value > 0;
            if (value > 0)
                wc_buf_printf(&line, " %s=%lld", rates[r].v2, (long long)value);
            else
                wc_buf_printf(&line, " %s=max", rates[r].v2);
        }
        int sys = put(group, "io.max", line.data);
        if (sys != 0 && is_asked)
            miss(group, "device_*", numbers.items[i], sys);
    }
}

/* ---- weights ---- */

/* The file of weights, its range and what it begins with; where devices have theirs, and the word
 * for none. */
struct weights {
    const char *all, *each, *unset;
    int64_t usual;
    bool is_wide; /* 1..10000 */
};

static bool find_weights(const struct group *group, struct weights *out)
{
    static const struct weights v1[] = {
        { "blkio.bfq.weight", "blkio.bfq.weight_device", "0", USUAL_BFQ, false },
        { "blkio.weight", "blkio.weight_device", "0", USUAL_CFQ, false },
    };
    static const struct weights v2[] = {
        { "io.bfq.weight", "io.bfq.weight", "0", USUAL_BFQ, false },
        { "io.weight", "io.weight", "default", USUAL_V2, true },
    };
    const struct weights *table = group->v2 ? v2 : v1;
    for (size_t i = 0; i < WC_COUNT(v1); i++) {
        if (!has(group, table[i].all))
            continue;
        *out = table[i];
        return true;
    }
    return false;
}

/* 10..1000 to 1..10000, as OCI runtimes do. */
static int64_t in_range(const struct weights *file, int64_t weight)
{
    return file->is_wide ? 1 + (weight - 10) * 9999 / 990 : weight;
}

static void give_device_weights(const struct group *group, const struct weights *file,
                                const struct wc_io_list *list)
{
    struct wc_strv numbers = { 0 };
    numbers_in(group, file->each, &numbers);
    numbers_of(group, list, &numbers);
    for (size_t i = 0; i < numbers.n; i++) {
        int64_t value = value_for(group, list, numbers.items[i]);
        const char *text =
            value > 0 ? wc_arena_printf(group->arena, "%lld", (long long)in_range(file, value))
                      : file->unset;
        int sys =
            put(group, file->each, wc_arena_printf(group->arena, "%s %s", numbers.items[i], text));
        if (sys != 0 && value > 0)
            miss(group, "weight_device", numbers.items[i], sys);
    }
}

static void give_weights(const struct group *group, const struct wc_io_limits *limits)
{
    struct weights file;
    if (!find_weights(group, &file)) {
        if (limits->weight > 0)
            miss(group, "weight", "", ENOENT);
        if (limits->weights.n > 0)
            miss(group, "weight_device", "", ENOENT);
        return;
    }
    int64_t weight = limits->weight > 0 ? in_range(&file, limits->weight) : file.usual;
    int sys = put(group, file.all, wc_arena_printf(group->arena, "%lld", (long long)weight));
    if (sys != 0 && limits->weight > 0)
        miss(group, "weight", "", sys);
    give_device_weights(group, &file, &limits->weights);
}

bool wc_io_limits_any(const struct wc_io_limits *limits)
{
    bool any = limits->weight > 0 || limits->weights.n > 0;
    for (size_t i = 0; i < WC_IO_RATES; i++)
        any = any || limits->rates[i].n > 0;
    return any;
}

void wc_io_limits_apply(const struct wc_cgroup_host *host, const char *path,
                        const struct wc_io_limits *limits, struct wc_buf *without)
{
    struct wc_arena arena;
    wc_arena_init(&arena);
    struct group group = { .v2 = host->mode == WC_CGROUP_V2, .arena = &arena, .without = without };
    group.dir = wc_cgroup_dir(host, group.v2 ? "io" : "blkio", path, &arena);
    if (group.dir == NULL || !has(&group, "cgroup.procs")) {
        if (wc_io_limits_any(limits))
            wc_buf_adds(without, "blkio_config: this host has no control group for it");
    } else {
        give_weights(&group, limits);
        if (group.v2)
            give_rates_v2(&group, limits);
        else
            give_rates_v1(&group, limits);
    }
    wc_arena_deinit(&arena);
}
