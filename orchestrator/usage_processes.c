/* usage_processes.c - the processes of an instance: those of its group, and of groups that it has
 * made within. A process that ends while it is read is left out.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"
#include "orchestrator/usage_groups.h"
#include "wcompose/model.h"
#include "wcompose/usage.h"

enum { DEPTH_MAX = 16, COMMAND_MAX = 4096 };

struct lister {
    const char *proc;
    struct wc_arena *arena;
    struct wc_process *list;
    size_t n, cap;
    int64_t booted_at_ms;
    long ticks; /* per second */
};

/* ---- one process ---- */

static const char *command_of(struct lister *lister, const char *dir, const char *name)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    struct wc_err unread;
    const char *path = wc_arena_printf(lister->arena, "%s/cmdline", dir);
    if (wc_fs_read(path, 1024 * 1024, &text, &unread) != 0 || text.len == 0)
        return wc_arena_printf(lister->arena, "[%s]", name);
    size_t len = text.len < COMMAND_MAX ? text.len : COMMAND_MAX;
    while (len > 0 && text.data[len - 1] == '\0')
        len--;
    for (size_t i = 0; i < len; i++)
        text.data[i] = text.data[i] == '\0' ? ' ' : text.data[i];
    return wc_arena_strndup(lister->arena, text.data, len);
}

/* /proc/PID/stat: the name is in brackets and may hold anything, brackets too (proc(5)). */
static bool read_stat(struct lister *lister, char *text, struct wc_process *out, char **name)
{
    enum { PPID, UTIME = 10, STIME = 11, STARTTIME = 18, FIELDS };
    int64_t fields[FIELDS]; /* from field 4 on */
    char *open = strchr(text, '('), *close = strrchr(text, ')');
    if (open == NULL || close == NULL || close < open || strlen(close) < 4 ||
        !wc_str_to_i64s(close + 3, fields, FIELDS))
        return false;
    *close = '\0';
    *name = open + 1;
    out->ppid = (int)fields[PPID];
    out->cpu_ms = (fields[UTIME] + fields[STIME]) * 1000 / lister->ticks;
    out->started_at_ms = lister->booted_at_ms + fields[STARTTIME] * 1000 / lister->ticks;
    return true;
}

static void add_process(struct lister *lister, int pid)
{
    WC_CLEANUP_BUF struct wc_buf stat = WC_BUF_INIT;
    WC_CLEANUP_BUF struct wc_buf status = WC_BUF_INIT;
    struct wc_process process = { .pid = pid };
    char *name = NULL;
    const char *dir = wc_arena_printf(lister->arena, "%s/%d", lister->proc, pid);
    if (!wc_usage_file(dir, "stat", &stat) || !wc_usage_file(dir, "status", &status) ||
        !read_stat(lister, stat.data, &process, &name))
        return;
    const char *uid = strstr(status.data, "\nUid:");
    int64_t real = 0;
    if (uid != NULL && wc_str_to_i64s(uid + strlen("\nUid:") + 1, &real, 1))
        process.uid = (unsigned)real;
    process.command = command_of(lister, dir, name);
    lister->list =
        wc_arena_grow(lister->arena, lister->list, lister->n, &lister->cap, sizeof *lister->list);
    lister->list[lister->n++] = process;
}

/* ---- groups ---- */

static void add_group(struct lister *lister, const char *dir, unsigned depth)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    if (wc_usage_file(dir, "cgroup.procs", &text)) {
        char *rest = text.data;
        for (char *at; (at = wc_usage_cut(&rest, '\n')) != NULL;) {
            int64_t pid;
            if (wc_str_to_i64(at, 1, INT32_MAX, &pid))
                add_process(lister, (int)pid);
        }
    }
    DIR *all = depth < DEPTH_MAX ? opendir(dir) : NULL;
    for (const struct dirent *entry; all != NULL && (entry = readdir(all)) != NULL;)
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
            add_group(lister, wc_arena_printf(lister->arena, "%s/%s", dir, entry->d_name),
                      depth + 1);
    if (all != NULL)
        closedir(all);
}

static int by_pid(const void *a, const void *b)
{
    const struct wc_process *x = a, *y = b;
    return (x->pid > y->pid) - (x->pid < y->pid);
}

static int64_t boot_time_ms(const char *proc)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    int64_t s = wc_usage_file(proc, "stat", &text) ? wc_usage_field(text.data, "btime") : 0;
    return s > 0 ? s * 1000 : 0;
}

/* A group of its own is one that the host doesn't share with it. */
static const char *own_group(const struct wc_usage_groups *groups)
{
    const struct wc_usage_group *const all[] = { &groups->pids, &groups->memory, &groups->cpu };
    for (size_t i = 0; i < WC_COUNT(all); i++)
        if (all[i]->dir != NULL && strlen(all[i]->dir) > strlen(all[i]->mount))
            return all[i]->dir;
    return NULL;
}

int wc_usage_processes(const char *proc, int pid, struct wc_arena *arena, struct wc_process **out,
                       size_t *n, struct wc_err *err)
{
    struct lister lister = { .proc = proc, .arena = arena };
    struct wc_usage_groups groups;
    int rc = wc_usage_find_groups(proc, pid, arena, &groups, err);
    if (rc != 0)
        return rc;
    lister.ticks = sysconf(_SC_CLK_TCK);
    lister.ticks = lister.ticks > 0 ? lister.ticks : 100;
    lister.booted_at_ms = boot_time_ms(proc);
    const char *dir = own_group(&groups);
    if (dir != NULL)
        add_group(&lister, dir, 0);
    else
        add_process(&lister, pid);
    if (lister.n > 1)
        qsort(lister.list, lister.n, sizeof *lister.list, by_pid);
    *out = lister.list;
    *n = lister.n;
    return 0;
}
