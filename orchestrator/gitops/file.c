/* file.c - as with a directory, what is loaded is a copy, so that it is one state of the file. */
#include "orchestrator/gitops/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/fs.h"
#include "base/hash.h"
#include "orchestrator/gitops/tree.h"

const char *wc_file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static int open_file(const char *path, int *out, struct wc_err *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC); /* a FIFO isn't waited for */
    int rc = 0;
    if (fd < 0)
        return wc_err_set(err, wc_fs_code(errno), errno, "open %s", path);
    if (fstat(fd, &st) != 0)
        rc = wc_err_set(err, WC_ERR_IO, errno, "stat %s", path);
    else if (!S_ISREG(st.st_mode))
        rc = wc_err_set(err, WC_ERR_PERM, 0, "%s is not a file%s", path,
                        S_ISDIR(st.st_mode) ? ", but a directory: say `directory:`" : "");
    else if (wc_tree_is_open_to_others(&st))
        rc = wc_err_set(err, WC_ERR_PERM, 0, "%s is not trusted: somebody else may write it", path);
    if (rc != 0)
        close(fd);
    else
        *out = fd;
    return rc;
}

/* Changes when the content may have: another file under the name, or this one written to. */
static int mark_of(int fd, char mark[WC_SHA256_HEX + 1], struct wc_err *err)
{
    struct stat st;
    char text[160];
    if (fstat(fd, &st) != 0)
        return wc_err_set(err, WC_ERR_IO, errno, "stat");
    int len = snprintf(text, sizeof text, "%llx %llu %o %lld %lld.%09ld %lld.%09ld",
                       (unsigned long long)st.st_dev, (unsigned long long)st.st_ino,
                       (unsigned)st.st_mode, (long long)st.st_size, (long long)st.st_mtim.tv_sec,
                       st.st_mtim.tv_nsec, (long long)st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
    wc_sha256_hex(text, (size_t)len, mark);
    return 0;
}

int wc_file_look(const struct wc_app_source *source, const struct wc_source_place *place,
                 struct wc_revision *out, struct wc_err *err)
{
    int fd;
    struct wc_revision found = { .ref = "file" };
    int rc = open_file(source->url, &fd, err);
    if (rc != 0)
        return rc;
    rc = mark_of(fd, found.mark, err);
    close(fd);
    if (rc != 0)
        return rc;
    found.name = wc_arena_strdup(place->arena, source->url);
    *out = found;
    return 0;
}

int wc_file_fetch(const struct wc_app_source *source, const struct wc_source_place *place,
                  struct wc_revision *revision, struct wc_err *err)
{
    int fd;
    const char *dir;
    const struct wc_tree_copy_open take = { source, place, "trees", wc_file_name(source->url),
                                            false };
    char id[65], before[WC_SHA256_HEX + 1], after[WC_SHA256_HEX + 1];
    int rc = open_file(source->url, &fd, err);
    if (rc != 0)
        return rc;
    rc = mark_of(fd, before, err);
    if (rc == 0)
        rc = wc_tree_copy_open(&take, fd, id, &dir, err);
    if (rc == 0)
        rc = mark_of(fd, after, err);
    close(fd);
    if (rc == 0 && strcmp(before, after) != 0)
        rc = wc_err_set(err, WC_ERR_CONFLICT, 0, "%s changes while it is copied", source->url);
    if (rc != 0)
        return rc;
    snprintf(revision->mark, sizeof revision->mark, "%s", after);
    snprintf(revision->id, sizeof revision->id, "%s", id);
    snprintf(revision->tree, sizeof revision->tree, "%s", id);
    revision->ref = "file";
    revision->name = wc_arena_printf(place->arena, "%s@%.12s", wc_file_name(source->url), id);
    return 0;
}
