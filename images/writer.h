/* writer.h - writes the entries of a layer beneath one directory, and nowhere else (images).
 *
 * Idea:    a name is never followed twice: parents are opened by openat2 beneath the root without
 *          symbolic links or mounts, and everything else happens relative to that descriptor.
 * Owner:   the caller lends root_fd for the writer's life.
 * Threads: one at a time. Blocks: on the disk.
 * Errors:  WC_ERR_SPEC for hostile or senseless entries, WC_ERR_LIMIT, WC_ERR_IO (disk full …),
 *          WC_ERR_PERM. Messages name the entry.
 * Source:  OCI Image Format Specification 1.0, layer ("Whiteouts"); Linux overlayfs.rst.
 */
#ifndef IMAGES_WRITER_H
#define IMAGES_WRITER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

#include "base/arena.h"
#include "wcompose/err.h"

struct wc_layer_limits {
    uint64_t bytes;   /* of file content, holes included */
    uint64_t entries; /* in all, directories that others need included */
    unsigned depth;   /* of directories */
    size_t names;     /* bytes of memory for the names of directories */
};

/* One entry as the archive says it; nothing in here is trusted. */
struct wc_layer_entry {
    const char *path;     /* as stored: may be absolute, hold "..", end in '/' */
    const char *hardlink; /* another entry's path, or NULL */
    const char *symlink;  /* target, or NULL */
    mode_t mode;          /* type and permissions */
    int64_t uid, gid;
    uint64_t size;
    dev_t rdev;
    struct timespec mtime;
};

struct wc_layer_writer {
    int root_fd;
    struct wc_layer_limits limits;
    bool merge_usr; /* "bin/x" goes to "usr/bin/x": Debian packages into a merged root */
    bool privileged;
    uint64_t bytes, entries;
    struct wc_arena arena;     /* the directory list below */
    struct wc_layer_dir *dirs; /* newest first */
    size_t dirs_bytes;         /* memory that the list takes */
    char parent[4096];         /* path whose descriptor is kept, "" = none */
    int parent_fd;             /* -1 = none */
};

/* Size of a path in its clean form, with its NUL. */
enum { WC_LAYER_PATH = 4096 };

/* Brings a stored path into the form "a/b/c" ("" = the root itself), with merge_usr "usr/bin/x" for
 * "bin/x", or refuses it: for "..", more than max_depth parts, or its length. */
int wc_layer_path(bool merge_usr, unsigned max_depth, const char *path, char clean[WC_LAYER_PATH],
                  struct wc_err *err);

/* Makes a writer for the directory root_fd. */
void wc_layer_writer_init(struct wc_layer_writer *w, int root_fd,
                          const struct wc_layer_limits *limits);
void wc_layer_writer_deinit(struct wc_layer_writer *w);

/* Makes one entry. For a regular file or a directory *fd is a new descriptor of it, -1 for all
 * other kinds. The caller then writes `size` bytes (files), calls _owner, _xattr as often as needed
 * (in this order: a change of owner or content drops file capabilities), and gives it to _close. */
int wc_layer_writer_add(struct wc_layer_writer *w, const struct wc_layer_entry *entry, int *fd,
                        struct wc_err *err);

/* Sets owner and mode. */
int wc_layer_writer_owner(const struct wc_layer_writer *w, const struct wc_layer_entry *e, int fd,
                          struct wc_err *err);

/* Sets one extended attribute: `security.capability` and `user.*` are kept, others are the host's
 * business and left out. */
int wc_layer_writer_xattr(int fd, const char *name, const void *value, size_t len,
                          struct wc_err *err);

/* Sets the time and closes fd, also on failure. */
int wc_layer_writer_close(const struct wc_layer_entry *entry, int fd, struct wc_err *err);

/* Sets the directories' times, which writing into them has changed. */
int wc_layer_writer_finish(struct wc_layer_writer *w, struct wc_err *err);

#endif
