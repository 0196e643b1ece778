/* git_tidy.c - what a repository of ours need not keep: leavings of programs that were killed,
 * history before what was applied, packs by the dozen.
 *
 * A git that is killed leaves its locks, and one that gives up in the middle of a transfer its half
 * of a pack, of which each try makes another. It is all known by its names, and nobody else is at
 * work here: the pass holds the app's lock, and all programs of a jail end with it. (Rejected: to
 * make the repository anew instead. Without the commit that was applied last, the next fetch brings
 * the whole history.)
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/str.h"
#include "orchestrator/gitops/git.h"

enum { PACKS_MAX = 40, DEPTH_MAX = 16 };

static bool ends_with(const char *name, const char *end)
{
    size_t len = strlen(name), n = strlen(end);
    return len > n && wc_streq(name + len - n, end);
}

/* No reference may end with ".lock"; but one may begin with "tmp_", or end with ".keep". A pack is
 * kept by a fetch until its references are written; by one that was killed for ever, and gc would
 * leave it as it is. */
static bool is_leaving(const char *name, bool is_objects)
{
    return ends_with(name, ".lock") || wc_streq(name, "gc.pid") ||
           (is_objects && (wc_str_starts(name, "tmp_") || wc_str_starts(name, ".tmp-") ||
                           ends_with(name, ".keep")));
}

/* Takes over fd. No link is followed: the directory is one that git could write. */
static void sweep(int fd, bool is_objects, unsigned depth)
{
    DIR *dir = fdopendir(fd);
    if (dir == NULL) {
        close(fd);
        return;
    }
    for (const struct dirent *e; (e = readdir(dir)) != NULL;) {
        struct stat st;
        if (wc_streq(e->d_name, ".") || wc_streq(e->d_name, "..") ||
            fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        if (S_ISREG(st.st_mode) && is_leaving(e->d_name, is_objects))
            (void)unlinkat(fd, e->d_name, 0);
        if (!S_ISDIR(st.st_mode) || depth == DEPTH_MAX)
            continue;
        int below = openat(fd, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (below >= 0)
            sweep(below, is_objects || (depth == 0 && wc_streq(e->d_name, "objects")), depth + 1);
    }
    closedir(dir);
}

static int open_repository(const struct wc_git *git)
{
    const char *path = wc_arena_printf(git->place->arena, "%s/repo.git", git->jail.dir);
    return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

void wc_git_sweep(const struct wc_git *git)
{
    int fd = open_repository(git);
    if (fd >= 0)
        sweep(fd, false, 0);
}

/* "packs: 12" of `git count-objects -v`; 0 when it isn't said. */
static int64_t read_count(const struct wc_buf *text, const char *name)
{
    const char *at = strstr(text->data, name);
    int64_t n = 0;
    if (at != NULL)
        (void)wc_str_to_i64s(at + strlen(name), &n, 1);
    return n;
}

static int count(const struct wc_git *git, int64_t *packs, int64_t *kib, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    int status = 1;
    const char *const args[] = { "count-objects", "-v", NULL };
    int rc = wc_git_ask(git, args, &out, &status, err);
    *packs = rc == 0 && status == 0 ? read_count(&out, "packs: ") : 0;
    *kib = rc == 0 && status == 0 ? read_count(&out, "size-pack: ") : 0;
    return rc;
}

static int pack(const struct wc_git *git, struct wc_err *err)
{
    const char *const args[] = { "gc", "--quiet", "--prune=now", NULL };
    return wc_git_run(git, args, NULL, NULL, err);
}

/* Says where history ends from now on, as a fetch with --depth would; git has no word for it that
 * needs no remote. */
static int write_shallow(const struct wc_git *git, const char *id, struct wc_err *err)
{
    const char *line = wc_arena_printf(git->place->arena, "%s\n", id);
    int dir = open_repository(git), sys = 0;
    int fd = dir < 0 ? -1
                     : openat(dir, "shallow.lock",
                              O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, line, strlen(line)) != (ssize_t)strlen(line) ||
        fchown(fd, git->jail.uid, git->jail.gid) != 0 ||
        renameat(dir, "shallow.lock", dir, "shallow") != 0)
        sys = errno != 0 ? errno : EIO;
    if (fd >= 0)
        close(fd);
    if (dir >= 0)
        close(dir);
    return sys == 0 ? 0 : wc_err_set(err, WC_ERR_IO, sys, "write %s/shallow", git->jail.dir);
}

/* Removes all references but the applied one's. */
static int forget_others(const struct wc_git *git, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf names = WC_BUF_INIT;
    WC_CLEANUP_BUF struct wc_buf orders = WC_BUF_INIT;
    const char *const list[] = { "for-each-ref", "--format=%(refname)", NULL };
    const char *const forget[] = { "update-ref", "--stdin", NULL };
    int rc = wc_git_run(git, list, NULL, &names, err);
    for (const char *at = names.data; rc == 0 && at != NULL && *at != '\0';) {
        size_t len = strcspn(at, "\n");
        if (len != strlen(WC_GIT_APPLIED) || memcmp(at, WC_GIT_APPLIED, len) != 0)
            wc_buf_printf(&orders, "delete %.*s\n", (int)len, at);
        at += len + (at[len] == '\n');
    }
    return rc == 0 && orders.len > 0 ? wc_git_run(git, forget, &orders, NULL, err) : rc;
}

int wc_git_shed(const struct wc_git *git, const char *last_id, struct wc_err *err)
{
    int64_t packs, kib;
    int rc = count(git, &packs, &kib, err);
    if (rc != 0 || kib < (int64_t)(wc_source_max_bytes(git->source) >> 10))
        return rc;
    rc = forget_others(git, err);
    if (rc == 0)
        rc = write_shallow(git, last_id, err);
    return rc == 0 ? pack(git, err) : rc;
}

int wc_git_tidy(const struct wc_app_source *source, const struct wc_source_place *place,
                struct wc_err *err)
{
    struct wc_git git;
    int64_t packs = 0, kib;
    int rc = wc_git_open(&git, source, place, err);
    if (rc == 0)
        rc = count(&git, &packs, &kib, err);
    if (rc == 0 && packs > PACKS_MAX)
        rc = pack(&git, err);
    wc_git_close(&git);
    return rc;
}
