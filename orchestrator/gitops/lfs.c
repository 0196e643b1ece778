/* lfs.c - files whose content isn't in git. All that a part of the checkout has is counted before
 * anything of it is asked for, so that a pointer to a terabyte costs nothing. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/str.h"
#include "orchestrator/gitops/lfs.h"

#define OF_NOTHING "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

enum { SHOWN_MAX = 80 };

static int refuse(const char *path, const char *why, struct wc_err *err)
{
    return wc_err_set(err, WC_ERR_PERM, 0, "%s begins as a pointer of LFS: %s", path, why);
}

int wc_lfs_note(struct wc_lfs_use *use, struct wc_lfs_files *files, const struct wc_lfs_file *file,
                const struct wc_piece *bytes, bool *is_pointer, struct wc_err *err)
{
    struct wc_lfs_file one = *file;
    const char *why = NULL, *shown;
    enum wc_lfs_kind kind = wc_lfs_read_pointer(bytes->at, bytes->len, &one.object, &why);
    *is_pointer = kind == WC_LFS_POINTER;
    if (kind == WC_LFS_PLAIN)
        return 0;
    shown = wc_git_printable(use->place->arena, (struct wc_piece){ file->path, strlen(file->path) },
                             SHOWN_MAX);
    if (kind == WC_LFS_BROKEN)
        return refuse(shown, why, err);
    if (one.object.size == 0 && !wc_streq(one.object.oid, OF_NOTHING))
        return refuse(shown, "nothing but an empty file has no bytes", err);
    one.path = wc_arena_strdup(use->place->arena, file->path);
    one.object.path = shown;
    files->items =
        wc_arena_grow(use->place->arena, files->items, files->n, &files->cap, sizeof *files->items);
    files->items[files->n++] = one;
    use->named =
        wc_arena_grow(use->place->arena, use->named, use->n, &use->cap, sizeof *use->named);
    use->named[use->n++] = one.object;
    return 0;
}

static int check_sizes(const struct wc_lfs_use *use, const struct wc_lfs_files *files,
                       struct wc_err *err)
{
    uint64_t left = use->tree->bytes_left;
    for (size_t i = 0; i < files->n; i++) {
        if (files->items[i].object.size > left)
            return wc_err_set(err, WC_ERR_LIMIT, 0,
                              "there is more in it than size_limit allows, with its files of LFS");
        left -= files->items[i].object.size;
    }
    if (files->n > use->tree->files_left)
        return wc_err_set(err, WC_ERR_LIMIT, 0,
                          "there are more files in it than the cap allows (max_files)");
    return 0;
}

/* Those that aren't here, each once. */
static int list_missing(const struct wc_lfs_use *use, const struct wc_lfs_files *files,
                        struct wc_lfs_object *out, size_t *n, struct wc_err *err)
{
    size_t kept = 0;
    int rc = 0;
    for (size_t i = 0; i < files->n; i++)
        out[i] = files->items[i].object;
    qsort(out, files->n, sizeof *out, wc_lfs_compare);
    for (size_t i = 0; rc == 0 && i < files->n; i++) {
        bool is_here = out[i].size == 0,
             is_again = kept > 0 && wc_streq(out[i].oid, out[kept - 1].oid);
        if (is_again && out[i].size != out[kept - 1].size)
            rc = wc_err_set(err, WC_ERR_PERM, 0, "two pointers of LFS say another size of %.12s",
                            out[i].oid);
        if (rc == 0 && !is_here && !is_again)
            rc = wc_lfs_store_has(use->place, &out[i], &is_here, err);
        if (rc == 0 && !is_here && !is_again)
            out[kept++] = out[i];
    }
    *n = kept;
    return rc;
}

static int put(struct wc_lfs_use *use, const struct wc_lfs_file *file, struct wc_err *err)
{
    const struct wc_piece nothing = { "", 0 };
    if (file->object.size == 0)
        return wc_tree_file(use->tree, file->path, &nothing, file->is_program, err);
    int fd = wc_lfs_store_get(use->place, &file->object);
    if (fd < 0)
        return wc_err_set(err, WC_ERR_IO, errno, "open the content of %.100s", file->path);
    const struct wc_tree_copy copy = { .fd = fd,
                                       .bytes = (size_t)file->object.size,
                                       .is_program = file->is_program };
    int rc = wc_tree_file_from(use->tree, file->path, &copy, err);
    close(fd);
    return rc;
}

int wc_lfs_lay_out(struct wc_lfs_use *use, struct wc_git *git, const struct wc_lfs_files *files,
                   struct wc_err *err)
{
    size_t n = 0;
    int rc = check_sizes(use, files, err);
    if (rc != 0 || files->n == 0)
        return rc;
    struct wc_lfs_object *missing = WC_NEW_ARRAY(use->place->arena, struct wc_lfs_object, files->n);
    rc = list_missing(use, files, missing, &n, err);
    if (rc == 0 && n > 0)
        rc = wc_lfs_fetch(use, git, missing, n, err);
    for (size_t i = 0; rc == 0 && i < files->n; i++)
        rc = put(use, &files->items[i], err);
    return rc;
}
