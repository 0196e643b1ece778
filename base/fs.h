/* fs.h - files as whole things: read, replace, remove (base, layer 0).
 *
 * Threads: any; all calls block. Errors: WC_ERR_IO with errno unless said otherwise; WC_ERR_NOENT
 * for ENOENT, WC_ERR_PERM for EACCES/EPERM. Messages name the path.
 */
#ifndef BASE_FS_H
#define BASE_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "wcompose/err.h"

struct wc_buf;

/* Appends the whole of a regular file (or what a pipe gives until its end) to `out`. A directory or
 * device is refused. limit  most bytes accepted; more gives WC_ERR_LIMIT
 */
int wc_fs_read(const char *path, size_t limit, struct wc_buf *out, struct wc_err *err);

/* The same for a regular file that tells us what to do: WC_ERR_PERM, without reading it, when
 * anybody but root and ourselves owns it, or may write it (its group, unless that is root's;
 * others). */
int wc_fs_read_ours(const char *path, size_t limit, struct wc_buf *out, struct wc_err *err);

/* The same for a secret, which nobody else may read either: a regular file of root's or ours
 * without any right for its group and others, else WC_ERR_PERM with what to do about it. Never
 * waits. */
int wc_fs_read_secret(const char *path, size_t limit, struct wc_buf *out, struct wc_err *err);

/* Replaces `path` as a whole: writes path.<random>.new, fsyncs it, renames it. With `durable` the
 * directory is synced too. */
int wc_fs_write_atomic(const char *path, const void *bytes, size_t len, mode_t mode, bool durable,
                       struct wc_err *err);

/* Removes what calls of wc_fs_write_atomic for `path` have left whose process was killed. Only for
 * one that nobody else writes now: it would take the file from under their hands. */
void wc_fs_sweep_atomic(const char *path);

/* Makes a directory and its missing parents with `mode`. Existing ones are left as they are. */
int wc_fs_mkdirs(const char *path, mode_t mode, struct wc_err *err);

/* Removes a file or a tree, never following a symbolic link nor crossing into a mount. Absent is
 * success. */
int wc_fs_remove_tree(const char *path, struct wc_err *err);

/* True when something is there (not following a final symbolic link). */
bool wc_fs_exists(const char *path);

/* Maps an errno to the error kind above. */
int wc_fs_code(int sys);

#endif
