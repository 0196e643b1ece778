/* usage.c - the books of an instance added up. */
#include "wcompose/usage.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "orchestrator/usage_groups.h"
#include "wcompose/model.h"

static int64_t cpu_of(const struct wc_usage_group *group)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    if (!group->v2)
        return wc_usage_number(group->dir, "cpuacct.usage");
    if (!wc_usage_file(group->dir, "cpu.stat", &text))
        return WC_UNSET;
    int64_t us = wc_usage_field(text.data, "usage_usec");
    return us < 0 ? WC_UNSET : us * 1000;
}

/* ---- memory ---- */

/* Cache that was not touched for long goes as soon as someone needs the room: it is not "used". */
static int64_t memory_of(const struct wc_usage_group *group)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    int64_t used =
        wc_usage_number(group->dir, group->v2 ? "memory.current" : "memory.usage_in_bytes");
    if (used < 0 || !wc_usage_file(group->dir, "memory.stat", &text))
        return used;
    int64_t idle = wc_usage_field(text.data, group->v2 ? "inactive_file" : "total_inactive_file");
    return idle > 0 && idle < used ? used - idle : used;
}

/* The tightest of the group's own limit and those above it; WC_UNSET when there is none. */
static int64_t limit_of(const struct wc_usage_group *group, const char *file)
{
    char dir[4096];
    int64_t least = WC_UNSET;
    if (group->dir == NULL)
        return WC_UNSET;
    size_t top = strlen(group->mount);
    snprintf(dir, sizeof dir, "%s", group->dir);
    while (strlen(dir) > top) { /* the host's own group has none */
        int64_t limit = wc_usage_number(dir, file);
        if (limit >= 0 && (least < 0 || limit < least))
            least = limit;
        *strrchr(dir, '/') = '\0';
    }
    return least;
}

static int64_t host_memory(const char *proc)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    if (!wc_usage_file(proc, "meminfo", &text))
        return WC_UNSET;
    const char *at = strstr(text.data, "MemTotal:");
    int64_t kib = 0;
    if (at == NULL || !wc_str_to_i64s(at + strlen("MemTotal:"), &kib, 1))
        return WC_UNSET;
    return kib * 1024;
}

static int64_t memory_limit(const char *proc, const struct wc_usage_group *group)
{
    int64_t host = host_memory(proc);
    int64_t limit = limit_of(group, group->v2 ? "memory.max" : "memory.limit_in_bytes");
    return limit < 0 || (host >= 0 && limit > host) ? host : limit;
}

/* ---- block devices ---- */

/* "8:0 rbytes=1 wbytes=2 rios=…", a line a device. */
static void block_v2(const char *text, struct wc_usage *out)
{
    out->read_bytes = out->write_bytes = 0;
    for (const char *at = text; (at = strstr(at, "bytes=")) != NULL; at++) {
        char number[32];
        int64_t value;
        size_t len = strcspn(at + 6, " \n");
        snprintf(number, sizeof number, "%.*s", (int)(len < 31 ? len : 31), at + 6);
        if (at - text < 2 || at[-2] != ' ' || !wc_str_to_i64(number, 0, INT64_MAX, &value))
            continue;
        if (at[-1] == 'r')
            out->read_bytes += value;
        else if (at[-1] == 'w') /* and not d, of what was discarded */
            out->write_bytes += value;
    }
}

/* "8:0 Read 1", a line a device and kind. */
static void block_v1(const char *text, struct wc_usage *out)
{
    int64_t value;
    out->read_bytes = out->write_bytes = 0;
    for (const char *line = text; line != NULL && *line != '\0';) {
        const char *kind = line + strcspn(line, " \n");
        if (wc_str_starts(kind, " Read ") && wc_str_to_i64s(kind + 6, &value, 1))
            out->read_bytes += value;
        else if (wc_str_starts(kind, " Write ") && wc_str_to_i64s(kind + 7, &value, 1))
            out->write_bytes += value;
        line = strchr(line, '\n');
        line = line != NULL ? line + 1 : NULL;
    }
}

static void block_of(const struct wc_usage_group *group, struct wc_usage *out)
{
    static const char *const files[] = { "blkio.throttle.io_service_bytes_recursive",
                                         "blkio.throttle.io_service_bytes" };
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    if (group->v2) {
        if (wc_usage_file(group->dir, "io.stat", &text))
            block_v2(text.data, out);
        return;
    }
    for (size_t i = 0; i < WC_COUNT(files); i++) {
        if (wc_usage_file(group->dir, files[i], &text)) {
            block_v1(text.data, out);
            return;
        }
    }
}

/* ---- the network ---- */

/* What uses the host's network has no books of its own. */
static bool has_own_network(const char *proc, int pid)
{
    char path[256], ours[64] = "", its[64] = "";
    snprintf(path, sizeof path, "%s/self/ns/net", proc);
    ssize_t a = readlink(path, ours, sizeof ours - 1);
    snprintf(path, sizeof path, "%s/%d/ns/net", proc, pid);
    ssize_t b = readlink(path, its, sizeof its - 1);
    return a > 0 && b > 0 && !wc_streq(ours, its);
}

/* "  eth0: RX-bytes packets errs drop fifo frame compressed multicast TX-bytes …" */
static void network_of(const char *proc, int pid, struct wc_usage *out)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    char dir[256];
    int64_t fields[9]; /* received: bytes and seven more; then sent: bytes */
    snprintf(dir, sizeof dir, "%s/%d/net", proc, pid);
    if (!has_own_network(proc, pid) || !wc_usage_file(dir, "dev", &text))
        return;
    out->net_rx_bytes = out->net_tx_bytes = 0;
    for (const char *line = text.data; line != NULL && *line != '\0';) {
        const char *name = line + strspn(line, " "), *colon = strpbrk(name, ":\n");
        bool counts = colon != NULL && *colon == ':' && !wc_str_starts(name, "lo:");
        if (counts && wc_str_to_i64s(colon + 1, fields, WC_COUNT(fields))) {
            out->net_rx_bytes += fields[0];
            out->net_tx_bytes += fields[8];
        }
        line = strchr(line, '\n');
        line = line != NULL ? line + 1 : NULL;
    }
}

int wc_usage_read(const char *proc, int pid, struct wc_usage *out, struct wc_err *err)
{
    struct wc_usage_groups groups;
    struct wc_arena arena;
    wc_arena_init(&arena);
    int rc = wc_usage_find_groups(proc, pid, &arena, &groups, err);
    if (rc == 0) {
        *out = (struct wc_usage){ .net_rx_bytes = WC_UNSET,
                                  .net_tx_bytes = WC_UNSET,
                                  .read_bytes = WC_UNSET,
                                  .write_bytes = WC_UNSET };
        out->cpu_ns = cpu_of(&groups.cpu);
        out->memory_bytes = memory_of(&groups.memory);
        out->memory_limit_bytes = memory_limit(proc, &groups.memory);
        block_of(&groups.block, out);
        out->pids = wc_usage_number(groups.pids.dir, "pids.current");
        out->pids_limit = limit_of(&groups.pids, "pids.max");
        network_of(proc, pid, out);
    }
    wc_arena_deinit(&arena);
    return rc;
}
