/* txn.c - changing the store: everything is made in a directory of our own; the commit syncs once
 * for all of it, and under the lock renames and replaces the index last. One lock for the whole of
 * a change was simpler, and made everybody wait for the slowest network. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/str.h"
#include "images/stage.h"
#include "images/work.h"

static int fail(const char *doing, const char *path, struct wc_err *err)
{
    int sys = errno;
    return wc_err_set(err, wc_fs_code(sys), sys, "image store: %s %s", doing, path);
}

static int open_lock(const struct wc_image_store *store, const char *name, int *fd,
                     struct wc_err *err)
{
    *fd = openat(store->fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    return *fd >= 0 ? 0 : fail("open", name, err);
}

/* Takes the lock in that way; says once that it waits. */
static int take(struct wc_image_txn *txn, int fd, int how, struct wc_err *err)
{
    if (flock(fd, how | LOCK_NB) == 0)
        return 0;
    if (txn->progress != NULL)
        txn->progress(txn->progress_data, "waiting for another change of the image store", 0, 0);
    while (flock(fd, how) != 0)
        if (errno != EINTR)
            return fail("lock", txn->store->dir, err);
    return 0;
}

static struct wc_work_place place(const struct wc_image_txn *txn)
{
    return (struct wc_work_place){ txn->store->fd, txn->store->dir };
}

static void release(struct wc_image_txn *txn)
{
    const struct wc_work_place store = place(txn);
    if (txn->work_fd >= 0)
        wc_work_close(&store, txn->work, txn->work_fd);
    if (txn->lock_fd >= 0)
        close(txn->lock_fd);
    if (txn->users_fd >= 0)
        close(txn->users_fd);
    wc_arena_deinit(&txn->arena);
}

int wc_txn_begin(struct wc_image_store *store, wc_image_progress_fn *progress, void *progress_data,
                 struct wc_image_txn *txn, struct wc_err *err)
{
    *txn = (struct wc_image_txn){ .store = store,
                                  .progress = progress,
                                  .progress_data = progress_data,
                                  .lock_fd = -1,
                                  .users_fd = -1,
                                  .work_fd = -1 };
    wc_arena_init(&txn->arena);
    wc_map_init(&txn->blobs, &txn->arena);
    wc_map_init(&txn->layers, &txn->arena);
    const struct wc_work_place where = place(txn);
    int rc = open_lock(store, "users.lock", &txn->users_fd, err);
    if (rc == 0)
        rc = take(txn, txn->users_fd, LOCK_SH, err);
    if (rc == 0)
        wc_work_sweep(&where);
    if (rc == 0)
        rc = wc_work_open(&where, &txn->arena, &txn->work, &txn->work_fd, err);
    if (rc == 0)
        rc = wc_store_read_index(store, &txn->arena, &txn->index, err);
    if (rc != 0)
        release(txn);
    return rc;
}

int wc_txn_lock(struct wc_image_txn *txn, struct wc_err *err)
{
    if (txn->lock_fd >= 0)
        return 0;
    int fd = -1;
    struct wc_index index = { 0 };
    int rc = open_lock(txn->store, "lock", &fd, err);
    if (rc != 0)
        return rc;
    rc = take(txn, fd, LOCK_EX, err);
    if (rc == 0)
        rc = wc_store_read_index(txn->store, &txn->arena, &index, err);
    if (rc != 0) {
        close(fd);
        return rc;
    }
    txn->lock_fd = fd;
    txn->index = index;
    for (size_t i = 0; i < txn->tags.n; i++)
        wc_txn_tag(txn, &txn->tags.items[i]);
    return 0;
}

/* Renames, unless what it would make is there: another process may have made the same meanwhile,
 * and somebody may be using it. */
static int publish_one(struct wc_image_txn *txn, struct wc_txn_rename *r, struct wc_err *err)
{
    int fd = txn->store->fd;
    if (r->diff_id != NULL && wc_store_layer_bytes(txn->store, r->diff_id) >= 0)
        return 0;
    if (r->diff_id == NULL && faccessat(fd, r->to, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return 0;
    if (renameat(fd, r->from, fd, r->to) != 0) {
        /* a directory that a crash left without its diff: out of the way, and again */
        if ((errno != ENOTEMPTY && errno != EEXIST) ||
            renameat(fd, r->to, fd, wc_txn_temp(txn)) != 0 || renameat(fd, r->from, fd, r->to) != 0)
            return fail("rename to", r->to, err);
    }
    r->done = true;
    return 0;
}

/* Puts the finished files in their places, oldest first, so that a layer comes before its diff. */
static int publish(struct wc_image_txn *txn, struct wc_err *err)
{
    struct wc_txn_rename *oldest = NULL;
    for (struct wc_txn_rename *r = txn->renames, *next; r != NULL; r = next) {
        next = r->older;
        r->older = oldest;
        oldest = r;
    }
    txn->renames = oldest;
    int rc = 0;
    for (struct wc_txn_rename *r = oldest; rc == 0 && r != NULL; r = r->older) {
        if (r->diff_id != NULL)
            rc = wc_stage_check_collision(txn, r->diff_id, err);
        if (rc == 0)
            rc = publish_one(txn, r, err);
    }
    return rc;
}

static void unpublish(struct wc_image_txn *txn)
{
    for (const struct wc_txn_rename *r = txn->renames; r != NULL; r = r->older)
        if (r->done && renameat(txn->store->fd, r->to, txn->store->fd, r->from) != 0)
            wc_log(WC_LOG_WARN, "images", "leftover stays: %s/%s", txn->store->dir, r->to);
}

/* The new names must be on disk before the index that speaks of them: not every file system keeps
 * the order of renames in different directories. */
static int sync_names(struct wc_image_txn *txn, struct wc_err *err)
{
    static const char *const dirs[] = { "blobs/sha256", "layers", "diffs" };
    for (size_t i = 0; txn->renames != NULL && i < WC_COUNT(dirs); i++) {
        WC_CLEANUP_FD int fd = openat(txn->store->fd, dirs[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 || fsync(fd) != 0)
            return fail("sync", dirs[i], err);
    }
    return 0;
}

/* Everything that was written is on disk before anything is renamed; long before the lock, as it
 * takes long. */
static int sync_work(const struct wc_image_txn *txn, struct wc_err *err)
{
    if (txn->renames == NULL || syncfs(txn->store->fd) == 0)
        return 0;
    return fail("sync", txn->store->dir, err);
}

/* The index is written in full before anything is renamed, so that a full disk shows in time. */
static int replace_index(struct wc_image_txn *txn, struct wc_err *err)
{
    const char *index = NULL;
    int fd = txn->store->fd;
    int rc = wc_stage_index(txn, &index, err);
    if (rc == 0)
        rc = publish(txn, err);
    if (rc == 0)
        rc = sync_names(txn, err);
    if (rc == 0 && renameat(fd, index, fd, "index.json") != 0)
        rc = fail("rename to", "index.json", err);
    if (rc != 0) {
        unpublish(txn);
        return rc;
    }
    return fsync(fd) == 0 ? 0 : fail("sync", txn->store->dir, err);
}

int wc_txn_put_index(struct wc_image_txn *txn, struct wc_err *err)
{
    const char *index = NULL;
    int fd = txn->store->fd;
    int rc = wc_stage_index(txn, &index, err);
    if (rc == 0 && (renameat(fd, index, fd, "index.json") != 0 || fsync(fd) != 0))
        rc = fail("replace", "index.json", err);
    return rc;
}

/* Whether nobody but us is changing the store. Others may begin only when we have ended. */
static bool is_alone(const struct wc_image_txn *txn)
{
    if (flock(txn->users_fd, LOCK_EX | LOCK_NB) == 0)
        return true;
    wc_log(WC_LOG_INFO, "images",
           "another process is changing the store: space is given back by the next image rm or "
           "prune");
    return false;
}

int wc_txn_commit(struct wc_image_txn *txn, struct wc_err *err)
{
    int rc = sync_work(txn, err);
    if (rc == 0)
        rc = wc_txn_lock(txn, err);
    if (rc == 0)
        rc = replace_index(txn, err);
    if (rc == 0 && txn->collect) {
        txn->deferred = !is_alone(txn);
        rc = txn->deferred ? 0 : wc_store_collect(txn, err);
    }
    release(txn);
    return rc;
}

void wc_txn_abort(struct wc_image_txn *txn)
{
    release(txn);
}
