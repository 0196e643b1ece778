/* layer.c - the tar walk on one side, the careful writer on the other. */
#include "images/layer.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <unistd.h>

#include "images/tar.h"

const struct wc_layer_limits wc_layer_limits_default = {
    .bytes = UINT64_C(64) << 30, .entries = 4000000, .depth = 200, .names = 256 << 20
};
enum { TAR_OVERHEAD = 4096 }; /* bytes of headers and padding we grant an entry */

struct unpack {
    struct wc_tar *tar;
    struct wc_layer_writer writer;
};

/* libarchive converts names to the locale where it can; where it can't, the stored bytes serve. */
static const char *pick(const char *native, const char *utf8)
{
    return native != NULL ? native : utf8;
}

static struct timespec sane_time(time_t sec, long nsec)
{
    const time_t max = (time_t)1 << 33; /* year 2242: what every file system keeps */
    struct timespec t = { .tv_sec = sec < 0 ? 0 : sec > max ? max : sec, .tv_nsec = nsec };
    if (nsec < 0 || nsec > 999999999)
        t.tv_nsec = 0;
    return t;
}

static int read_entry(struct archive_entry *from, struct wc_layer_entry *out, struct wc_err *err)
{
    int64_t size = archive_entry_size(from);
    *out = (struct wc_layer_entry){
        .path = pick(archive_entry_pathname(from), archive_entry_pathname_utf8(from)),
        .hardlink = pick(archive_entry_hardlink(from), archive_entry_hardlink_utf8(from)),
        .symlink = pick(archive_entry_symlink(from), archive_entry_symlink_utf8(from)),
        .mode = archive_entry_mode(from),
        .uid = archive_entry_uid(from),
        .gid = archive_entry_gid(from),
        .size = (uint64_t)size,
        .rdev = archive_entry_rdev(from),
        .mtime = sane_time(archive_entry_mtime(from), archive_entry_mtime_nsec(from)),
    };
    if (out->path == NULL)
        return wc_err_set(err, WC_ERR_SPEC, 0, "an entry without a name");
    if (size < 0)
        return wc_err_set(err, WC_ERR_SPEC, 0, "'%.100s' has a negative size", out->path);
    return 0;
}

static int write_data(struct unpack *u, const struct wc_layer_entry *e, int fd, struct wc_err *err)
{
    uint64_t end = 0;
    for (;;) {
        struct wc_tar_run run;
        int rc = wc_tar_data(u->tar, &run, err);
        if (rc != 0)
            return rc;
        if (run.end)
            break;
        if (run.offset > e->size || run.len > e->size - run.offset)
            return wc_err_set(err, WC_ERR_SPEC, 0, "'%.100s' is longer than it says", e->path);
        if (wc_write_at(fd, run.bytes, run.len, run.offset) != 0)
            return wc_err_set(err, WC_ERR_IO, errno, "write %.150s", e->path);
        end = run.offset + run.len;
    }
    if (end < e->size && ftruncate(fd, (off_t)e->size) != 0) /* a hole at the end */
        return wc_err_set(err, WC_ERR_IO, errno, "write %.150s", e->path);
    return 0;
}

static int write_xattrs(struct archive_entry *from, int fd, struct wc_err *err)
{
    const char *name;
    const void *value;
    size_t len;
    archive_entry_xattr_reset(from);
    while (archive_entry_xattr_next(from, &name, &value, &len) == ARCHIVE_OK) {
        int rc = name == NULL ? 0 : wc_layer_writer_xattr(fd, name, value, len, err);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int unpack_entry(struct unpack *u, struct archive_entry *from, struct wc_err *err)
{
    struct wc_layer_entry entry;
    int fd = -1;
    int rc = read_entry(from, &entry, err);
    if (rc == 0)
        rc = wc_layer_writer_add(&u->writer, &entry, &fd, err);
    if (rc != 0 || fd < 0)
        return rc;
    if (S_ISREG(entry.mode))
        rc = write_data(u, &entry, fd, err);
    if (rc == 0)
        rc = wc_layer_writer_owner(&u->writer, &entry, fd, err);
    if (rc == 0)
        rc = write_xattrs(from, fd, err);
    int closed = wc_layer_writer_close(&entry, fd, rc == 0 ? err : NULL);
    return rc != 0 ? rc : closed;
}

static int unpack_entries(struct unpack *u, struct wc_err *err)
{
    for (;;) {
        struct archive_entry *from = NULL;
        int rc = wc_tar_next(u->tar, &from, err);
        if (rc == 0 && from != NULL)
            rc = unpack_entry(u, from, err);
        if (rc != 0)
            return rc;
        if (from == NULL)
            return wc_layer_writer_finish(&u->writer, err);
    }
}

static uint64_t stream_max(const struct wc_layer_limits *limits)
{
    return limits->bytes + limits->entries * TAR_OVERHEAD;
}

/* Takes `tar`. */
static int unpack_tar(struct wc_tar *tar, int root_fd, const struct wc_layer_options *options,
                      struct wc_layer_result *out, struct wc_err *err)
{
    struct unpack u = { .tar = tar };
    wc_layer_writer_init(&u.writer, root_fd, &options->limits);
    u.writer.merge_usr = options->merge_usr;
    int rc = unpack_entries(&u, err);
    struct wc_layer_result result = { .bytes = u.writer.bytes, .entries = u.writer.entries };
    if (rc == 0)
        rc = wc_tar_finish(u.tar, result.diff_id, err);
    wc_layer_writer_deinit(&u.writer);
    wc_tar_close(u.tar);
    if (rc == 0)
        *out = result;
    return rc;
}

int wc_layer_unpack(int blob_fd, int root_fd, const struct wc_layer_options *options,
                    struct wc_layer_result *out, struct wc_err *err)
{
    struct wc_tar *tar = NULL;
    int rc = wc_tar_open_fd(blob_fd, stream_max(&options->limits), &tar, err);
    return rc != 0 ? rc : unpack_tar(tar, root_fd, options, out, err);
}

int wc_layer_unpack_from(const struct wc_bytes *from, int root_fd,
                         const struct wc_layer_options *options, struct wc_layer_result *out,
                         struct wc_err *err)
{
    struct wc_tar *tar = NULL;
    int rc = wc_tar_open(from, stream_max(&options->limits), &tar, err);
    return rc != 0 ? rc : unpack_tar(tar, root_fd, options, out, err);
}
