/* source.c - reading the three forms. Seeking in an archive instead of copying its members would
 * save a write for those that are no blobs (a few JSON files) and lose pipes and compression. */
#include "images/source.h"

#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"
#include "images/ref.h"
#include "images/tar.h"

enum {
    MEMBERS_MAX = 100000,
    NAME_LEN_MAX = 1024,
    LINKS_MAX = 8,
    JSON_MAX = 16 << 20,
    COPY_BLOCK = 1 << 18
};
static const uint64_t ARCHIVE_MAX = UINT64_C(256) << 30;
static const char blob_prefix[] = "blobs/sha256/";

static const struct {
    const char *prefix;
    enum wc_source_kind kind;
    bool directory;
} forms[] = {
    { "oci:", WC_SOURCE_OCI, true },
    { "oci-archive:", WC_SOURCE_OCI, false },
    { "docker-archive:", WC_SOURCE_DOCKER, false },
};

static const char *plain_name(const char *name)
{
    while (wc_str_starts(name, "./"))
        name += 2;
    return name;
}

/* True for the name of a blob that the store has; its content need not be read again. */
static bool known_blob(const struct wc_image_txn *txn, const char *name)
{
    char digest[8 + WC_SHA256_HEX];
    if (!wc_str_starts(name, blob_prefix))
        return false;
    snprintf(digest, sizeof digest, "sha256:%s", name + sizeof blob_prefix - 1);
    return wc_ref_is_digest(digest) && strlen(name) == sizeof blob_prefix - 1 + WC_SHA256_HEX &&
           wc_txn_has_blob(txn, digest + 7);
}

static int copy_member(struct wc_source *s, struct wc_tar *tar, struct wc_source_member *member,
                       struct wc_err *err)
{
    struct wc_sink sink;
    int rc = wc_sink_open(s->txn, &sink, err);
    if (rc != 0)
        return rc;
    struct wc_tar_run run = { 0 };
    while (rc == 0 && !run.end) {
        rc = wc_tar_data(tar, &run, err);
        if (rc == 0 && run.offset != sink.size && run.len > 0)
            rc = wc_err_set(err, WC_ERR_SPEC, 0, "sparse files have no place in an image archive");
        if (rc == 0 && run.len > 0)
            rc = wc_sink_write(&sink, run.bytes, run.len, err);
    }
    int closed = wc_sink_close(&sink, rc == 0 ? err : NULL);
    member->temp = sink.temp;
    member->size = sink.size;
    memcpy(member->hex, sink.hex, sizeof member->hex);
    return rc != 0 ? rc : closed;
}

/* "<id>/layer.tar" -> "../<other id>/layer.tar": docker save links layers that repeat. */
static const char *link_target(struct wc_arena *arena, const char *name, const char *target)
{
    if (wc_str_starts(target, "../"))
        return wc_arena_strdup(arena, target + 3);
    const char *slash = strrchr(name, '/');
    return slash == NULL ? wc_arena_strdup(arena, target)
                         : wc_arena_printf(arena, "%.*s/%s", (int)(slash - name), name, target);
}

static bool is_long(const char *name)
{
    return name != NULL && strlen(name) > NAME_LEN_MAX;
}

static int take_member(struct wc_source *s, struct wc_tar *tar, struct archive_entry *entry,
                       struct wc_err *err)
{
    struct wc_arena *arena = &s->txn->arena;
    const char *name = archive_entry_pathname(entry);
    const char *hard = archive_entry_hardlink(entry);
    const char *soft =
        archive_entry_filetype(entry) == AE_IFLNK ? archive_entry_symlink(entry) : NULL;
    if (name == NULL)
        return wc_err_set(err, WC_ERR_SPEC, 0, "a member without a name");
    if (is_long(name) || is_long(hard) || is_long(soft)) /* each is kept in memory */
        return wc_err_set(err, WC_ERR_LIMIT, 0, "a member's name is longer than %d bytes: %.40s…",
                          NAME_LEN_MAX, name);
    name = wc_arena_strdup(arena, plain_name(name));
    struct wc_source_member *member = WC_NEW(arena, struct wc_source_member);
    int rc = 0;
    if (hard != NULL) {
        member->link = wc_arena_strdup(arena, plain_name(hard));
    } else if (archive_entry_filetype(entry) == AE_IFLNK) {
        member->link = link_target(arena, name, soft == NULL ? "" : soft);
    } else if (archive_entry_filetype(entry) != AE_IFREG) {
        return 0;
    } else if (known_blob(s->txn, name)) {
        memcpy(member->hex, name + sizeof blob_prefix - 1, sizeof member->hex);
    } else {
        rc = copy_member(s, tar, member, err);
    }
    if (rc == 0)
        wc_map_put(&s->members, name, member);
    return rc;
}

static int read_members(struct wc_source *s, int fd, struct wc_err *err)
{
    struct wc_tar *tar = NULL;
    struct archive_entry *entry = NULL;
    size_t n = 0; /* of all kinds, names that repeat included: each costs memory or an inode */
    int rc = wc_tar_open_fd(fd, ARCHIVE_MAX, &tar, err);
    do {
        if (rc == 0)
            rc = wc_tar_next(tar, &entry, err);
        if (rc == 0 && entry != NULL && ++n > MEMBERS_MAX)
            rc = wc_err_set(err, WC_ERR_LIMIT, 0, "more than %d files in it", MEMBERS_MAX);
        if (rc == 0 && entry != NULL)
            rc = take_member(s, tar, entry, err);
    } while (rc == 0 && entry != NULL);
    wc_tar_close(tar);
    return rc;
}

static int open_directory(struct wc_source *s, struct wc_err *err)
{
    s->dir_fd = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->dir_fd < 0)
        return wc_err_set(err, wc_fs_code(errno), errno, "open %s", s->path);
    struct stat st; /* a pipe by that name would keep us, and the store's lock, for ever */
    if (fstatat(s->dir_fd, "index.json", &st, 0) != 0 || !S_ISREG(st.st_mode))
        return wc_err_set(err, WC_ERR_SPEC, 0,
                          "%s is not an OCI image layout: it has no index.json", s->path);
    s->kind = WC_SOURCE_OCI;
    return 0;
}

static int open_archive(struct wc_source *s, bool any_kind, struct wc_err *err)
{
    WC_CLEANUP_FD int fd = open(s->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return wc_err_set(err, wc_fs_code(errno), errno, "open %s", s->path);
    int rc = read_members(s, fd, err);
    if (rc != 0)
        return wc_err_wrap(err, rc, "%s", s->path);
    bool docker = wc_map_has(&s->members, "manifest.json");
    bool oci = wc_map_has(&s->members, "index.json");
    if (any_kind) /* docker save of today writes both; its own has the plainer names */
        s->kind = docker ? WC_SOURCE_DOCKER : WC_SOURCE_OCI;
    if (s->kind == WC_SOURCE_DOCKER ? docker : oci)
        return 0;
    if (wc_map_has(&s->members, "repositories"))
        return wc_err_set(err, WC_ERR_SPEC, 0,
                          "%s is an archive of docker before 1.10; save it again with a newer one",
                          s->path);
    return wc_err_set(err, WC_ERR_SPEC, 0, "%s is not an image archive: it has no %s", s->path,
                      any_kind                      ? "manifest.json or index.json"
                      : s->kind == WC_SOURCE_DOCKER ? "manifest.json"
                                                    : "index.json");
}

int wc_source_open(struct wc_image_txn *txn, const char *text, struct wc_source *out,
                   struct wc_err *err)
{
    *out = (struct wc_source){ .txn = txn, .path = text, .dir_fd = -1 };
    wc_map_init(&out->members, &txn->arena);
    int rc = 0;
    for (size_t i = 0; i < WC_COUNT(forms); i++) {
        if (!wc_str_starts(text, forms[i].prefix))
            continue;
        out->path = text + strlen(forms[i].prefix);
        out->kind = forms[i].kind;
        rc = forms[i].directory ? open_directory(out, err) : open_archive(out, false, err);
        goto end;
    }
    struct stat st;
    if (stat(text, &st) != 0)
        rc = wc_err_set(err, wc_fs_code(errno), errno, "%s", text);
    else
        rc = S_ISDIR(st.st_mode) ? open_directory(out, err) : open_archive(out, true, err);
end:
    if (rc != 0)
        wc_source_close(out);
    return rc;
}

void wc_source_close(struct wc_source *source)
{
    if (source->dir_fd >= 0)
        close(source->dir_fd);
    source->dir_fd = -1;
}

static const struct wc_source_member *find_member(const struct wc_source *s, const char *name)
{
    name = plain_name(name);
    for (int links = 0; links < LINKS_MAX; links++) {
        const struct wc_source_member *member = wc_map_get(&s->members, name);
        if (member == NULL || member->link == NULL)
            return member;
        name = member->link;
    }
    return NULL;
}

static int missing(const struct wc_source *s, const char *name, struct wc_err *err)
{
    return wc_err_set(err, WC_ERR_SPEC, 0, "%s is incomplete: %.100s is missing", s->path, name);
}

int wc_source_json(const struct wc_source *source, const char *name, struct wc_buf *out,
                   struct wc_err *err)
{
    char path[4096];
    if (source->dir_fd >= 0) {
        snprintf(path, sizeof path, "%s/%s", source->path, name);
    } else {
        const struct wc_source_member *member = find_member(source, name);
        if (member == NULL || member->temp == NULL)
            return missing(source, name, err);
        snprintf(path, sizeof path, "%s/%s", source->txn->store->dir, member->temp);
    }
    return wc_fs_read(path, JSON_MAX, out, err);
}

static void stage_member(struct wc_source *s, const struct wc_source_member *member)
{
    if (member->temp == NULL)
        return;
    struct wc_sink sink = { .temp = member->temp, .size = member->size };
    memcpy(sink.hex, member->hex, sizeof sink.hex);
    wc_txn_stage(s->txn, &sink);
}

static int copy_file(int from, struct wc_sink *sink, uint64_t max, struct wc_err *err)
{
    char *block = wc_alloc(COPY_BLOCK);
    int rc = 0;
    ssize_t n = 1;
    while (rc == 0 && n > 0 && sink->size <= max) {
        n = read(from, block, COPY_BLOCK);
        if (n < 0 && errno == EINTR)
            n = 1;
        else if (n < 0)
            rc = wc_err_set(err, WC_ERR_IO, errno, "read");
        else
            rc = wc_sink_write(sink, block, (size_t)n, err);
    }
    wc_free(block);
    return rc;
}

static int wrong_blob(const struct wc_source *s, const struct wc_desc *desc, struct wc_err *err)
{
    return wc_err_set(err, WC_ERR_SPEC, 0,
                      "%s is corrupt: blob %.19s… has other content than its digest says", s->path,
                      desc->digest);
}

static int open_file(const struct wc_source *s, const struct wc_desc *desc, int *fd,
                     struct wc_err *err)
{
    char path[128];
    snprintf(path, sizeof path, "%s%s", blob_prefix, desc->digest + 7);
    *fd = openat(s->dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (*fd >= 0)
        return 0;
    return errno == ENOENT ? missing(s, desc->digest, err)
                           : wc_err_set(err, wc_fs_code(errno), errno, "open %s/%s", s->path, path);
}

/* A layout directory is somebody else's and may change while we read: so copy, then compare. */
static int stage_file(struct wc_source *s, const struct wc_desc *desc, struct wc_err *err)
{
    WC_CLEANUP_FD int fd = -1;
    struct wc_sink sink;
    int rc = open_file(s, desc, &fd, err);
    if (rc == 0)
        rc = wc_sink_open(s->txn, &sink, err);
    if (rc != 0)
        return rc;
    rc = copy_file(fd, &sink, (uint64_t)desc->size, err);
    int closed = wc_sink_close(&sink, rc == 0 ? err : NULL);
    if (rc != 0 || closed != 0)
        return rc != 0 ? rc : closed;
    if (sink.size != (uint64_t)desc->size || !wc_streq(sink.hex, desc->digest + 7))
        return wrong_blob(s, desc, err);
    wc_txn_stage(s->txn, &sink);
    return 0;
}

int wc_source_stage(struct wc_source *source, const struct wc_desc *desc, struct wc_err *err)
{
    if (wc_txn_has_blob(source->txn, desc->digest + 7))
        return 0;
    if (source->dir_fd >= 0)
        return stage_file(source, desc, err);
    char name[128];
    snprintf(name, sizeof name, "%s%s", blob_prefix, desc->digest + 7);
    const struct wc_source_member *member = find_member(source, name);
    if (member == NULL)
        return missing(source, desc->digest, err);
    if (!wc_streq(member->hex, desc->digest + 7) || member->size != (uint64_t)desc->size)
        return wrong_blob(source, desc, err);
    stage_member(source, member);
    return 0;
}

int wc_source_open_blob(struct wc_source *source, const struct wc_desc *desc, int *fd,
                        struct wc_err *err)
{
    *fd = -1;
    if (source->dir_fd < 0 || wc_txn_has_blob(source->txn, desc->digest + 7))
        return wc_source_stage(source, desc, err);
    return open_file(source, desc, fd, err);
}

int wc_source_stage_member(struct wc_source *source, const char *name, struct wc_desc *out,
                           struct wc_err *err)
{
    const struct wc_source_member *member = find_member(source, name);
    if (member == NULL)
        return missing(source, name, err);
    stage_member(source, member);
    *out =
        (struct wc_desc){ .digest = wc_arena_printf(&source->txn->arena, "sha256:%s", member->hex),
                          .size = (int64_t)member->size };
    if (member->temp == NULL) { /* known to the store: ask it for the size */
        int fd = -1;
        struct stat st;
        int rc = wc_txn_open_blob(source->txn, out->digest, &fd, err);
        if (rc != 0)
            return rc;
        if (fstat(fd, &st) == 0)
            out->size = st.st_size;
        close(fd);
    }
    return 0;
}
