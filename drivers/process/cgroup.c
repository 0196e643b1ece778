/* cgroup.c - hierarchies found by mountinfo; groups handled as directories. */
#include "drivers/process/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"

enum { MAX_DEPTH = 16, REMOVE_TRIES = 200, TRY_WAIT_MS = 5, KILL_ROUNDS = 50, PATH_ROOM = 4200 };

/* Cuts the next word off *rest. */
static char *next_word(char **rest)
{
    char *word = *rest;
    if (word == NULL || *word == '\0')
        return NULL;
    char *space = strchr(word, ' ');
    *rest = space != NULL ? space + 1 : NULL;
    if (space != NULL)
        *space = '\0';
    return word;
}

/* The controllers among a v1 mount's super options ("rw,cpu,cpuacct"). */
static const char *controllers_of(const char *options, struct wc_arena *arena)
{
    WC_CLEANUP_BUF struct wc_buf names = WC_BUF_INIT;
    for (const char *at = options; *at != '\0';) {
        size_t len = strcspn(at, ",");
        const char *word = wc_arena_strndup(arena, at, len);
        if (!wc_streq(word, "rw") && !wc_streq(word, "ro") && !wc_streq(word, "xattr") &&
            !wc_str_starts(word, "release_agent") && !wc_streq(word, "clone_children"))
            wc_buf_printf(&names, "%s%s", names.len > 0 ? "," : "", word);
        at += len + (at[len] == ',');
    }
    return wc_arena_strdup(arena, names.data);
}

/* ID PARENT MAJ:MIN ROOT MOUNTPOINT OPTIONS [TAG…] - TYPE SOURCE SUPEROPTIONS */
static void parse_line(char *line, struct wc_arena *arena, struct wc_cgroup_host *host)
{
    char *rest = line;
    for (int i = 0; i < 4; i++)
        next_word(&rest);
    const char *mount = next_word(&rest);
    char *dash = rest != NULL ? strstr(rest, "- ") : NULL;
    if (mount == NULL || dash == NULL)
        return;
    rest = dash + 2;
    const char *type = next_word(&rest);
    next_word(&rest);
    const char *options = next_word(&rest);
    bool v2 = wc_streq(type, "cgroup2");
    if (options == NULL || (!v2 && !wc_streq(type, "cgroup")))
        return;
    for (size_t i = 0; i < host->n_trees; i++) /* mounted over: the later one is what is seen */
        if (wc_streq(host->trees[i].mount, mount))
            host->trees[i--] = host->trees[--host->n_trees];
    host->trees =
        wc_arena_grow(arena, host->trees, host->n_trees, &host->cap_trees, sizeof *host->trees);
    host->trees[host->n_trees++] = (struct wc_cgroup_tree){
        .mount = wc_arena_strdup(arena, mount),
        .names = v2 ? "" : controllers_of(options, arena),
        .v2 = v2,
    };
}

static bool has_controllers(const char *mount)
{
    char path[PATH_ROOM];
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    snprintf(path, sizeof path, "%s/cgroup.controllers", mount);
    return wc_fs_read(path, 4096, &text, NULL) == 0 && text.len > 1;
}

int wc_cgroup_parse(const char *mountinfo, struct wc_arena *arena, struct wc_cgroup_host *out,
                    struct wc_err *err)
{
    struct wc_cgroup_host host = { 0 };
    char *rest = wc_arena_strdup(arena, mountinfo);
    while (rest != NULL && *rest != '\0') {
        char *line = rest, *end = strchr(line, '\n');
        rest = end != NULL ? end + 1 : NULL;
        if (end != NULL)
            *end = '\0';
        parse_line(line, arena, &host);
    }
    bool v1 = false;
    const char *unified = NULL;
    for (size_t i = 0; i < host.n_trees; i++) {
        v1 = v1 || !host.trees[i].v2;
        if (host.trees[i].v2)
            unified = host.trees[i].mount;
    }
    if (host.n_trees == 0)
        return wc_err_set(err, WC_ERR_UNAVAILABLE, 0,
                          "no cgroup file system is mounted; mount one at /sys/fs/cgroup");
    host.mode = !v1 ? WC_CGROUP_V2 : unified != NULL ? WC_CGROUP_HYBRID : WC_CGROUP_V1;
    if (host.mode == WC_CGROUP_HYBRID && has_controllers(unified))
        host.detach = unified;
    *out = host;
    return 0;
}

int wc_cgroup_detect(struct wc_arena *arena, struct wc_cgroup_host *out, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    int rc = wc_fs_read("/proc/self/mountinfo", 16 << 20, &text, err);
    return rc != 0 ? rc : wc_cgroup_parse(text.data, arena, out, err);
}

const char *wc_cgroup_mode_name(enum wc_cgroup_mode mode)
{
    switch (mode) {
    case WC_CGROUP_V1:
        return "v1";
    case WC_CGROUP_HYBRID:
        return "hybrid";
    case WC_CGROUP_V2:
        return "v2";
    }
    return "?";
}

static bool lists(const char *names, const char *wanted)
{
    size_t len = strlen(wanted);
    for (const char *at = names; *at != '\0';) {
        size_t word = strcspn(at, ",");
        if (word == len && strncmp(at, wanted, len) == 0)
            return true;
        at += word + (at[word] == ',');
    }
    return false;
}

const char *wc_cgroup_dir(const struct wc_cgroup_host *host, const char *controller,
                          const char *path, struct wc_arena *arena)
{
    for (size_t i = 0; i < host->n_trees; i++) {
        const struct wc_cgroup_tree *tree = &host->trees[i];
        if (tree->v2 ? host->mode == WC_CGROUP_V2 : lists(tree->names, controller))
            return wc_arena_printf(arena, "%s%s", tree->mount, path);
    }
    return NULL;
}

const char *wc_cgroup_oom_file(const struct wc_cgroup_host *host, const char *path,
                               struct wc_arena *arena)
{
    const char *dir = wc_cgroup_dir(host, "memory", path, arena);
    if (dir == NULL)
        return NULL;
    return wc_arena_printf(arena, "%s/%s", dir,
                           host->mode == WC_CGROUP_V2 ? "memory.events" : "memory.oom_control");
}

void wc_cgroup_procs(const struct wc_cgroup_host *host, const char *path, struct wc_arena *arena,
                     struct wc_strv *out)
{
    for (size_t i = 0; i < host->n_trees; i++) {
        const char *file = wc_arena_printf(arena, "%s%s/cgroup.procs", host->trees[i].mount, path);
        if (access(file, F_OK) == 0)
            wc_strv_add(arena, out, file);
    }
}

static void pause_ms(long ms)
{
    const struct timespec time = { .tv_nsec = ms * 1000000 };
    nanosleep(&time, NULL);
}

/* Sends SIGKILL to each process listed. Returns how many there were. */
static size_t kill_listed(const char *procs)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    size_t n = 0;
    if (wc_fs_read(procs, 1 << 20, &text, NULL) != 0)
        return 0;
    for (char *at = text.data; *at != '\0';) {
        long pid = strtol(at, &at, 10);
        if (pid > 1) {
            (void)kill((pid_t)pid, SIGKILL);
            n++;
        }
        at += strcspn(at, "\n");
        at += *at == '\n';
    }
    return n;
}

int wc_cgroup_kill(const struct wc_cgroup_host *host, const char *path, struct wc_err *err)
{
    char file[PATH_ROOM];
    for (size_t i = 0; i < host->n_trees; i++) {
        snprintf(file, sizeof file, "%s%s/cgroup.kill", host->trees[i].mount, path);
        WC_CLEANUP_FD int fd = open(file, O_WRONLY | O_CLOEXEC);
        if (fd >= 0 && write(fd, "1", 1) == 1)
            return 0;
    }
    for (int round = 0; round < KILL_ROUNDS; round++) {
        size_t left = 0;
        for (size_t i = 0; i < host->n_trees && left == 0; i++) {
            snprintf(file, sizeof file, "%s%s/cgroup.procs", host->trees[i].mount, path);
            left = kill_listed(file);
        }
        if (left == 0)
            return 0;
        pause_ms(TRY_WAIT_MS);
    }
    return wc_err_set(err, WC_ERR_STATE, 0, "processes in cgroup %s do not end", path);
}

/* Removes the groups below `dir`, then it. Returns 0 or -1 with errno. */
static int remove_dir(const char *dir, unsigned depth)
{
    if (rmdir(dir) == 0 || errno == ENOENT || errno == ENOTDIR)
        return 0;
    DIR *stream = depth < MAX_DEPTH ? opendir(dir) : NULL;
    const struct dirent *entry;
    while (stream != NULL && (entry = readdir(stream)) != NULL) {
        char below[PATH_ROOM];
        int len = snprintf(below, sizeof below, "%s/%s", dir, entry->d_name);
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.' && len < (int)sizeof below)
            (void)remove_dir(below, depth + 1);
    }
    if (stream != NULL)
        closedir(stream);
    return rmdir(dir) == 0 || errno == ENOENT ? 0 : -1;
}

int wc_cgroup_remove(const struct wc_cgroup_host *host, const char *path, struct wc_err *err)
{
    char dir[PATH_ROOM];
    for (size_t i = 0; i < host->n_trees; i++) {
        snprintf(dir, sizeof dir, "%s%s", host->trees[i].mount, path);
        int tries = 0;
        while (remove_dir(dir, 0) != 0) {
            if (errno != EBUSY || ++tries >= REMOVE_TRIES)
                return wc_err_set(err, WC_ERR_IO, errno, "cannot remove cgroup %s", dir);
            pause_ms(TRY_WAIT_MS);
        }
    }
    return 0;
}

void wc_cgroup_sweep(const struct wc_cgroup_host *host, const char *path)
{
    char dir[PATH_ROOM];
    for (size_t i = 0; i < host->n_trees; i++) {
        snprintf(dir, sizeof dir, "%s%s", host->trees[i].mount, path);
        (void)remove_dir(dir, 0);
    }
}

void wc_cgroup_remove_empty(const struct wc_cgroup_host *host, const char *path)
{
    char dir[PATH_ROOM];
    for (size_t i = 0; i < host->n_trees; i++) {
        snprintf(dir, sizeof dir, "%s%s", host->trees[i].mount, path);
        (void)rmdir(dir);
    }
}
