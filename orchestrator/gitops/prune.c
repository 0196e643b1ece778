/* prune.c - apps that the agent file no longer has, where its admin wants them gone.
 *
 * The inventory is what passes left behind: an app is this file's when its last pass was made for
 * this file, and what runs is what that pass put in force. What somebody else has applied since, or
 * suspended, or what no pass ever applied, is not ours to end. The record goes last but for the
 * name of the file, and an app is found by either: so that a kill at any instruction leaves one
 * that is found again, until nothing is left of it.
 */
#include "wcompose/gitops.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/paths.h"
#include "base/str.h"
#include "orchestrator/gitops/apply.h"
#include "orchestrator/gitops/inputs.h"
#include "wcompose/history.h"

#define OWNER "owner"

enum { OWNER_MAX = 4096 };

/* One that is looked at. */
struct gone {
    const struct wc_gitops_prune *ask;
    struct wc_arena *arena;
    const char *app, *dir;
};

__attribute__((format(printf, 2, 3))) static void say(const struct gone *gone, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    const char *text = wc_arena_vprintf(gone->arena, fmt, args);
    va_end(args);
    gone->ask->say(gone->ask->data, wc_arena_printf(gone->arena, "%s: %s", gone->app, text));
}

int wc_gitops_own(const char *dir, const char *file, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf old = WC_BUF_INIT;
    struct wc_err none = { 0 };
    char path[4096];
    snprintf(path, sizeof path, "%s/" OWNER, dir);
    if (wc_fs_read(path, OWNER_MAX, &old, &none) == 0 && wc_streq(old.data, file))
        return 0;
    return wc_fs_write_atomic(path, file, strlen(file), 0600, true, err);
}

static bool is_owned(const struct gone *gone)
{
    WC_CLEANUP_BUF struct wc_buf owner = WC_BUF_INIT;
    struct wc_err none = { 0 };
    const char *path = wc_arena_printf(gone->arena, "%s/" OWNER, gone->dir);
    return wc_fs_read(path, OWNER_MAX, &owner, &none) == 0 && wc_streq(owner.data, gone->ask->file);
}

/* What is in force of it: nothing, what passes applied, or what somebody else did. */
enum in_force { NOTHING, OURS, ANOTHERS };

static int look(const struct gone *gone, const struct wc_gitops_record *record, enum in_force *out,
                struct wc_err *err)
{
    struct wc_history history;
    const char *project = wc_paths_project_lib(gone->ask->paths, gone->arena, gone->app);
    *out = NOTHING;
    if (!wc_fs_exists(project))
        return 0;
    int rc = wc_history_read(gone->ask->paths, gone->app, gone->arena, &history, err);
    if (rc != 0 || history.in_force == NULL)
        return rc;
    const char *text = history.in_force->text;
    bool is_ours = (record->good_text != NULL && wc_streq0(text, record->good_text)) ||
                   (record->attempt_text != NULL && wc_streq0(text, record->attempt_text));
    *out = is_ours ? OURS : ANOTHERS;
    return 0;
}

/* Removes all that is kept of an app but its lock, which is held; at the end what it is found by.
 */
static int forget(const struct gone *gone, struct wc_err *err)
{
    const char *record = wc_arena_printf(gone->arena, "%s/record.json", gone->dir);
    const char *owner = wc_arena_printf(gone->arena, "%s/" OWNER, gone->dir);
    DIR *dir = opendir(gone->dir);
    int rc = 0;
    if (dir == NULL)
        return wc_err_set(err, WC_ERR_IO, errno, "open %s", gone->dir);
    for (struct dirent *entry; rc == 0 && (entry = readdir(dir)) != NULL;) {
        const char *name = entry->d_name;
        if (!wc_streq(name, ".") && !wc_streq(name, "..") && !wc_streq(name, "lock") &&
            !wc_streq(name, "record.json") && !wc_streq(name, OWNER))
            rc = wc_fs_remove_tree(wc_arena_printf(gone->arena, "%s/%s", gone->dir, name), err);
    }
    closedir(dir);
    if (rc == 0)
        rc = wc_fs_remove_tree(record, err);
    return rc == 0 ? wc_fs_remove_tree(owner, err) : rc;
}

/* Why it is left alone, or NULL. */
static const char *stays(const struct gone *gone, enum in_force in_force)
{
    if (wc_fs_exists(wc_gitops_suspended_path(gone->dir, gone->arena)))
        return "it is suspended";
    return in_force == ANOTHERS ? "what runs of it was applied by somebody else" : NULL;
}

static int end_it(const struct gone *gone, enum in_force in_force, struct wc_gitops_pruned *out,
                  struct wc_err *err)
{
    if (in_force == OURS) {
        say(gone, "isn't in the file any more, and is taken down; volumes stay");
        int rc = wc_gitops_down(gone->ask->paths, gone->app, gone->ask->interrupt_fd, err);
        if (rc != 0)
            return rc;
        out->n_ended++;
    }
    return forget(gone, err);
}

static int prune_one(const struct gone *gone, struct wc_gitops_pruned *out, struct wc_err *err)
{
    WC_CLEANUP_FD int lock_fd = -1;
    struct wc_gitops_record record;
    enum in_force in_force;
    if (!is_owned(gone))
        return 0;
    int rc = wc_gitops_lock(gone->dir, &lock_fd, err);
    if (rc == 0)
        rc = wc_gitops_record_read(gone->dir, gone->arena, &record, err);
    if (rc == 0)
        rc = look(gone, &record, &in_force, err);
    if (rc != 0)
        return rc;
    const char *why = stays(gone, in_force);
    if (why != NULL) {
        say(gone, "isn't in the file any more, and is left alone: %s", why);
        out->n_left++;
        return 0;
    }
    if (gone->ask->only_check) {
        out->n_ended += in_force == OURS;
        return 0;
    }
    return end_it(gone, in_force, out, err);
}

static bool has(const char *dir, const char *name, const char *file)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/%s/%s", dir, name, file);
    return n > 0 && (size_t)n < sizeof path && wc_fs_exists(path);
}

/* A directory of lib/gitops that a pass has made, of an app that the file doesn't have. */
static bool is_gone(const struct wc_gitops_prune *ask, const char *dir, const char *name)
{
    return name[0] != '.' && wc_agent_app(ask->agent, name) == NULL &&
           (has(dir, name, "record.json") || has(dir, name, OWNER));
}

int wc_gitops_prune(const struct wc_gitops_prune *ask, struct wc_gitops_pruned *out,
                    struct wc_err *err)
{
    struct wc_gitops_pruned pruned = { 0 };
    struct wc_arena arena;
    *out = pruned;
    if (!ask->agent->prune_apps || ask->agent->n_apps == 0)
        return 0;
    wc_arena_init(&arena);
    const char *top = wc_arena_printf(&arena, "%s/gitops", ask->paths->lib);
    DIR *dir = opendir(top);
    int rc = dir == NULL && errno != ENOENT ? wc_err_set(err, WC_ERR_IO, errno, "open %s", top) : 0;
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        struct wc_err why = { 0 };
        if (!is_gone(ask, top, entry->d_name))
            continue;
        const char *app = wc_arena_strdup(&arena, entry->d_name);
        const struct gone gone = { ask, &arena, app, wc_gitops_dir(ask->paths, &arena, app) };
        if (prune_one(&gone, &pruned, &why) != 0) {
            say(&gone, "isn't in the file any more, and can't be taken down yet: %s", why.msg);
            pruned.n_failed++;
        }
    }
    if (dir != NULL)
        closedir(dir);
    wc_arena_deinit(&arena);
    *out = pruned;
    return rc;
}
