/* lfs_store.c - objects by their SHA-256: place/lfs/<sha256>, for as long as the revision that was
 * laid out last has them. They are hashed as they come and synced before they get their name, so
 * what has one is whole, whenever we are killed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/str.h"
#include "orchestrator/gitops/lfs.h"

#define STORE "lfs"
#define FRESH ".new" /* one at a time: the pass holds the app's lock */

static const char *path_of(const struct wc_source_place *place, const char *name)
{
    return wc_arena_printf(place->arena, "%s/" STORE "/%s", place->dir, name);
}

int wc_lfs_store_open(const struct wc_source_place *place, struct wc_err *err)
{
    const char *dir;
    int rc = wc_source_dir(place, STORE, &dir, err);
    if (rc == 0)
        (void)unlink(path_of(place, FRESH));
    return rc;
}

int wc_lfs_store_get(const struct wc_source_place *place, const struct wc_lfs_object *object)
{
    return open(path_of(place, object->oid), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
}

int wc_lfs_store_has(const struct wc_source_place *place, const struct wc_lfs_object *object,
                     bool *is_here, struct wc_err *err)
{
    struct stat st;
    *is_here = lstat(path_of(place, object->oid), &st) == 0;
    if (*is_here && (uint64_t)st.st_size != object->size)
        return wc_err_set(err, WC_ERR_PERM, 0,
                          "a pointer of LFS says %llu bytes of %.12s, which has %lld",
                          (unsigned long long)object->size, object->oid, (long long)st.st_size);
    return 0;
}

int wc_lfs_compare(const void *a, const void *b)
{
    const struct wc_lfs_object *one = a, *other = b;
    int order = strcmp(one->oid, other->oid);
    return order != 0 ? order : (one->size > other->size) - (one->size < other->size);
}

static int compare_names(const void *name, const void *object)
{
    return strcmp(name, ((const struct wc_lfs_object *)object)->oid);
}

int wc_lfs_store_sweep(const struct wc_source_place *place, struct wc_lfs_object *used, size_t n,
                       struct wc_err *err)
{
    const char *path = wc_arena_printf(place->arena, "%s/" STORE, place->dir);
    DIR *dir = opendir(path);
    int rc = 0;
    if (dir == NULL)
        return errno == ENOENT ? 0 : wc_err_set(err, WC_ERR_IO, errno, "open %s", path);
    if (n > 1)
        qsort(used, n, sizeof *used, wc_lfs_compare);
    for (const struct dirent *entry; rc == 0 && (entry = readdir(dir)) != NULL;) {
        if (wc_streq(entry->d_name, ".") || wc_streq(entry->d_name, "..") ||
            (n > 0 && bsearch(entry->d_name, used, n, sizeof *used, compare_names) != NULL))
            continue;
        rc = wc_fs_remove_tree(path_of(place, entry->d_name), err);
    }
    closedir(dir);
    return rc;
}

static int begin(struct wc_lfs_intake *in, struct wc_err *err)
{
    in->fresh = path_of(in->place, FRESH);
    (void)unlink(in->fresh);
    in->fd = open(in->fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (in->fd < 0)
        return wc_err_set(err, WC_ERR_IO, errno, "write %s", in->fresh);
    in->left = in->objects[in->done].size;
    in->hash = wc_sha256_new();
    return 0;
}

static void give_up(struct wc_lfs_intake *in)
{
    if (in->hash != NULL)
        wc_sha256_finish(in->hash, NULL);
    in->hash = NULL;
    if (in->fd >= 0) {
        close(in->fd);
        (void)unlink(in->fresh);
    }
    in->fd = -1;
}

/* It is all there: is it what was meant? */
static int finish(struct wc_lfs_intake *in, struct wc_err *err)
{
    char hex[WC_SHA256_HEX + 1];
    const struct wc_lfs_object *object = &in->objects[in->done];
    wc_sha256_finish(in->hash, hex);
    in->hash = NULL;
    int rc = 0;
    if (!wc_streq(hex, object->oid))
        rc = wc_err_set(err, WC_ERR_UNAVAILABLE, 0,
                        "what comes isn't what the commit says: its SHA-256 is %s", hex);
    else if (fsync(in->fd) != 0 || rename(in->fresh, path_of(in->place, object->oid)) != 0)
        rc = wc_err_set(err, WC_ERR_IO, errno, "write %s", in->fresh);
    if (rc != 0) {
        give_up(in);
        return rc;
    }
    close(in->fd);
    in->fd = -1;
    in->done++;
    return 0;
}

static int write_all(struct wc_lfs_intake *in, const char *bytes, size_t len, struct wc_err *err)
{
    for (size_t at = 0; at < len;) {
        ssize_t n = write(in->fd, bytes + at, len - at);
        if (n < 0 && errno != EINTR)
            return wc_err_set(err, WC_ERR_IO, errno, "write %s", in->fresh);
        at += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

int wc_lfs_intake_take(void *data, const char *bytes, size_t len, struct wc_err *err)
{
    struct wc_lfs_intake *in = data;
    int rc = 0;
    while (rc == 0 && len > 0) {
        if (in->done == in->n)
            return wc_err_set(err, WC_ERR_UNAVAILABLE, 0, "more comes than the commit says");
        if (in->fd < 0)
            rc = begin(in, err);
        size_t part = len < in->left ? len : (size_t)in->left;
        if (rc == 0)
            rc = write_all(in, bytes, part, err);
        if (rc != 0)
            return rc;
        wc_sha256_update(in->hash, bytes, part);
        bytes += part;
        len -= part;
        in->left -= part;
        if (in->left == 0)
            rc = finish(in, err);
    }
    return rc;
}

void wc_lfs_intake_end(struct wc_lfs_intake *in)
{
    give_up(in);
}
