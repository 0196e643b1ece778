/* archive.c - curl and tar in the jail. What arrives is copied to where no jail can write, and
 * hashed on the way, a piece at a time, as it may be larger than what we want in memory; its
 * signature is checked while it is still one file. It is decompressed into another, whose size is
 * capped, before tar sees it; and what tar made is copied out by us, as any directory is. So a bomb
 * ends at the cap, and a path or a link that leads out ends in the jail.
 */
#include "orchestrator/gitops/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/fs.h"
#include "base/str.h"
#include "orchestrator/gitops/archive_bytes.h"
#include "orchestrator/gitops/git.h"
#include "orchestrator/gitops/git_text.h"
#include "orchestrator/gitops/signature.h"
#include "orchestrator/gitops/tree.h"

#define TOO_LARGE "File too large" /* EFBIG's text, which all of them print */

enum { ARGS_MAX = 32, SIGNATURE_MAX = 64 << 10 };

/* One use of curl or tar. */
struct archive {
    const struct wc_app_source *source;
    const struct wc_source_place *place;
    struct wc_jail jail;
    const char *env[5];
};

static bool is_header(const char *line, size_t len, const char *name)
{
    size_t n = strlen(name);
    if (len <= n || line[n] != ':')
        return false;
    for (size_t i = 0; i < n; i++)
        if (wc_ascii_lower(line[i]) != name[i])
            return false;
    return true;
}

static bool take_mark(const char *line, size_t len, const char *kind, char mark[256])
{
    const char *at = memchr(line, ':', len), *end = line + len;
    for (at++; at < end && *at == ' ';)
        at++;
    while (end > at && (end[-1] == ' ' || end[-1] == '\r'))
        end--;
    size_t n = strlen(kind), value = (size_t)(end - at);
    if (value == 0 || n + value + 2 > 256)
        return false;
    for (size_t i = 0; i < value; i++)
        if ((unsigned char)at[i] < ' ' || (unsigned char)at[i] > '~')
            return false;
    snprintf(mark, 256, "%s %.*s", kind, (int)value, at);
    return true;
}

bool wc_archive_read_mark(const char *headers, size_t len, char mark[256])
{
    const char *end = headers + len;
    char modified[256] = "";
    mark[0] = '\0';
    for (const char *line = headers; line < end;) {
        const char *eol = memchr(line, '\n', (size_t)(end - line));
        size_t n = (size_t)((eol == NULL ? end : eol) - line);
        if (n >= 5 && memcmp(line, "HTTP/", 5) == 0)
            mark[0] = modified[0] = '\0'; /* the answer before was a redirection */
        else if (is_header(line, n, "etag"))
            (void)take_mark(line, n, "etag", mark);
        else if (is_header(line, n, "last-modified"))
            (void)take_mark(line, n, "modified", modified);
        line = eol == NULL ? end : eol + 1;
    }
    if (mark[0] == '\0')
        snprintf(mark, 256, "%s", modified);
    return mark[0] != '\0';
}

/* "user:token" as curl's settings; quotation marks and backslashes are escaped. */
static int add_token(struct archive *a, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    int rc = wc_source_token(a->source, "git", &a->jail, err);
    if (rc != 0)
        return rc;
    wc_buf_adds(&text, "user = \"");
    for (const char *at = a->jail.secret; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\')
            wc_buf_addc(&text, '\\');
        wc_buf_addc(&text, *at);
    }
    wc_buf_adds(&text, "\"\n");
    a->jail.secret = wc_arena_strdup(a->place->arena, text.data);
    explicit_bzero(text.data, text.len);
    return 0;
}

static int open_archive(struct archive *a, const struct wc_app_source *source,
                        const struct wc_source_place *place, struct wc_err *err)
{
    *a = (struct archive){ .source = source, .place = place };
    int rc = wc_source_jail(source, place, "fetch", &a->jail, err);
    if (rc == 0 && source->ca_file != NULL)
        rc = wc_jail_add(&a->jail,
                         (struct wc_jail_file){ .name = "ca_file", .path = source->ca_file }, err);
    if (rc == 0 && source->token_file != NULL)
        rc = add_token(a, err);
    a->env[0] = "PATH=/usr/bin:/bin";
    a->env[1] = "LC_ALL=C";
    a->env[2] = wc_arena_printf(place->arena, "HOME=%s", wc_jail_dir(&a->jail));
    return rc;
}

/* curl says of a disk that is full what it says of a file that may not be longer. */
static bool is_at_cap(const struct archive *a)
{
    static const char *const names[] = { "archive", "signature" };
    struct stat st;
    for (size_t i = 0; i < WC_COUNT(names); i++) {
        const char *path = wc_arena_printf(a->place->arena, "%s/%s", a->jail.dir, names[i]);
        if (lstat(path, &st) == 0 && st.st_size >= 0 &&
            (size_t)st.st_size >= a->jail.max_file_bytes)
            return true;
    }
    return false;
}

static int explain(const struct archive *a, const char *program,
                   const struct wc_jail_answer *answer, struct wc_err *err)
{
    enum { TIMED_OUT = 28, CANT_WRITE = 23, TOO_MUCH = 63 }; /* of curl */
    bool is_curl = wc_streq(program, "curl");
    if (is_curl && answer->status == TIMED_OUT)
        return wc_err_set(err, WC_ERR_TIMEOUT, 0, "curl took too long");
    if (is_curl && answer->status == CANT_WRITE && !is_at_cap(a))
        return wc_err_set(err, WC_ERR_IO, 0, "what comes can't be written: the disk may be full");
    if ((is_curl && (answer->status == TOO_MUCH || answer->status == CANT_WRITE)) ||
        strstr(answer->tail, TOO_LARGE) != NULL)
        return wc_err_set(err, WC_ERR_LIMIT, 0, "there is more in it than size_limit allows");
    return wc_source_explain(program, answer->tail, err);
}

static int run(struct archive *a, const char *const *argv, struct wc_buf *out, struct wc_err *err)
{
    struct wc_jail_answer answer = { .out = WC_BUF_INIT };
    const struct wc_jail_call call = { .argv = argv, .env = a->env };
    int rc = wc_jail_run(&a->jail, &call, &answer, err);
    /* tar says so of a sparse file, and ends as if nothing were wrong */
    if (rc == 0 && (answer.status != 0 || strstr(answer.tail, TOO_LARGE) != NULL))
        rc = explain(a, argv[0], &answer, err);
    if (rc == 0 && out != NULL)
        wc_buf_add(out, answer.out.data, answer.out.len);
    wc_buf_deinit(&answer.out);
    return rc;
}

/* Asks for url + suffix: its headers alone, or, with `file`, what it is. */
static int get(struct archive *a, const char *suffix, const char *file, size_t most,
               struct wc_buf *headers, struct wc_err *err)
{
    struct wc_arena *arena = a->place->arena;
    const char *args[ARGS_MAX] = { "curl",
                                   "--disable",
                                   "--silent",
                                   "--show-error",
                                   "--fail",
                                   "--location",
                                   "--max-redirs",
                                   "5",
                                   "--proto",
                                   "=https",
                                   "--proto-redir",
                                   "=https",
                                   "--connect-timeout",
                                   "20",
                                   "--dump-header",
                                   "-",
                                   "--max-filesize" };
    size_t n = 17;
    args[n++] = wc_arena_printf(arena, "%zu", most);
    if (a->source->ca_file != NULL) {
        args[n++] = "--cacert";
        args[n++] = wc_jail_file(&a->jail, "ca_file");
    }
    if (a->jail.secret != NULL) {
        args[n++] = "--config";
        args[n++] = "/dev/fd/3";
    }
    if (file == NULL)
        args[n++] = "--head";
    args[n++] = "--output";
    args[n++] = file == NULL ? "/dev/null" : file;
    args[n++] = "--url";
    args[n++] = wc_arena_printf(arena, "%s%s", a->source->url, suffix);
    args[n] = NULL;
    return run(a, args, headers, err);
}

int wc_archive_look(const struct wc_app_source *source, const struct wc_source_place *place,
                    struct wc_revision *out, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf headers = WC_BUF_INIT;
    struct archive a;
    struct wc_revision found = { .ref = "archive", .name = "archive" };
    int rc = open_archive(&a, source, place, err);
    if (rc == 0)
        rc = get(&a, "", NULL, wc_source_max_bytes(source), &headers, err);
    wc_jail_close(&a.jail);
    if (rc != 0)
        return rc;
    (void)wc_archive_read_mark(headers.data, headers.len, found.mark);
    *out = found;
    return 0;
}

/* A file that a program in the jail made, which is no link. */
static int read_made(const struct archive *a, const char *name, size_t most, struct wc_buf *out,
                     struct wc_err *err)
{
    const char *path = wc_arena_printf(a->place->arena, "%s/%s", a->jail.dir, name);
    struct stat st;
    if (lstat(path, &st) != 0)
        return wc_err_set(err, wc_fs_code(errno), errno, "open %s", path);
    if (!S_ISREG(st.st_mode))
        return wc_err_set(err, WC_ERR_PERM, 0, "%s is not a regular file", path);
    return wc_fs_read(path, most, out, err);
}

/* Where the bytes that a checkout was made of are kept, so that they can be verified again. */
static const char *kept(const struct archive *a, const char *name)
{
    return wc_arena_printf(a->place->arena, "%s/archive/%s", a->place->dir, name);
}

static int keep_file(const struct archive *a, const char *name, const struct wc_buf *bytes,
                     struct wc_err *err)
{
    const char *dir;
    int rc = wc_source_dir(a->place, "archive", &dir, err);
    if (rc != 0)
        return rc;
    wc_fs_sweep_atomic(kept(a, name)); /* of a pass that was killed at it: as large as this one */
    return wc_fs_write_atomic(kept(a, name), bytes->data, bytes->len, 0600, false, err);
}

/* Takes what curl made to where we keep it: from there on nobody in a jail can change it. */
static int keep_archive(const struct archive *a, struct wc_archive_bytes *bytes, struct wc_err *err)
{
    const char *dir, *made = wc_arena_printf(a->place->arena, "%s/archive", a->jail.dir);
    const char *next = wc_arena_printf(a->place->arena, "%s.new", kept(a, "file"));
    int rc = wc_source_dir(a->place, "archive", &dir, err);
    if (rc != 0)
        return rc;
    WC_CLEANUP_FD int in = open(made, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;
    if (in < 0 || fstat(in, &st) != 0)
        return wc_err_set(err, wc_fs_code(errno), errno, "open %s", made);
    if (!S_ISREG(st.st_mode))
        return wc_err_set(err, WC_ERR_PERM, 0, "%s is not a regular file", made);
    WC_CLEANUP_FD int out = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (out < 0)
        return wc_err_set(err, wc_fs_code(errno), errno, "open %s", next);
    rc = wc_archive_pass(in, out, wc_source_max_bytes(a->source), bytes, err);
    if (rc == 0 && fsync(out) != 0)
        rc = wc_err_set(err, wc_fs_code(errno), errno, "write %s", next);
    if (rc != 0)
        (void)unlink(next);
    return rc;
}

/* It is believed: what was kept before goes for it. */
static int take_kept(const struct archive *a, struct wc_err *err)
{
    const char *path = kept(a, "file"), *next = wc_arena_printf(a->place->arena, "%s.new", path);
    return rename(next, path) == 0 ? 0
                                   : wc_err_set(err, wc_fs_code(errno), errno, "replace %s", path);
}

static int check_sum(const struct archive *a, const struct wc_archive_bytes *bytes,
                     struct wc_err *err)
{
    if (a->source->sha256 == NULL || wc_streq(bytes->sum, a->source->sha256))
        return 0;
    return wc_err_set(err, WC_ERR_PERM, 0,
                      "the archive is not believed: its SHA-256 is %s, not what sha256 says",
                      bytes->sum);
}

static int check_signature(const struct archive *a, const char *path,
                           const struct wc_buf *signature, const char **signer, struct wc_err *err)
{
    const struct wc_signed text = { .what = "the archive",
                                    .name_space = "file",
                                    .text_file = path,
                                    .signature = signature->data,
                                    .signature_len = signature->len };
    return wc_signature_check(a->source, a->place, &text, signer, err);
}

static int believe(struct archive *a, const struct wc_archive_bytes *bytes,
                   struct wc_buf *signature, struct wc_revision *revision, struct wc_err *err)
{
    int rc = check_sum(a, bytes, err);
    if (rc != 0 || a->source->verify == WC_VERIFY_NONE)
        return rc;
    rc = get(a, ".sig", "signature", SIGNATURE_MAX, NULL, err);
    if (rc == 0)
        rc = read_made(a, "signature", SIGNATURE_MAX, signature, err);
    if (rc != 0)
        return wc_err_wrap(err, rc, "the archive's signature");
    const char *next = wc_arena_printf(a->place->arena, "%s.new", kept(a, "file"));
    return check_signature(a, next, signature, &revision->signer, err);
}

/* Gets both files; *signer is NULL where no signature is wanted. */
static int transfer(struct archive *a, struct wc_archive_bytes *bytes, struct wc_revision *revision,
                    struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf headers = WC_BUF_INIT;
    WC_CLEANUP_BUF struct wc_buf signature = WC_BUF_INIT;
    int rc = get(a, "", "archive", wc_source_max_bytes(a->source), &headers, err);
    if (rc == 0)
        rc = keep_archive(a, bytes, err);
    if (rc != 0)
        return rc;
    (void)wc_archive_read_mark(headers.data, headers.len, revision->mark);
    rc = believe(a, bytes, &signature, revision, err);
    if (rc != 0)
        (void)unlink(wc_arena_printf(a->place->arena, "%s.new", kept(a, "file")));
    if (rc == 0)
        rc = take_kept(a, err);
    return rc == 0 ? keep_file(a, "signature", &signature, err) : rc;
}

/* The program that makes tar of it, and how it wants the name to end; NULL: it is tar. */
static const char *decompressor(const struct wc_archive_bytes *bytes, const char **suffix)
{
    static const struct {
        const char *magic;
        size_t len;
        const char *program, *suffix;
    } forms[] = { { "\x1f\x8b", 2, "gzip", ".gz" }, { "\x28\xb5\x2f\xfd", 4, "zstd", ".zst" } };
    for (size_t i = 0; i < WC_COUNT(forms); i++)
        if (bytes->len > forms[i].len && memcmp(bytes->head, forms[i].magic, forms[i].len) == 0) {
            *suffix = forms[i].suffix;
            return forms[i].program;
        }
    return NULL;
}

/* Unpacks "archive" to "tree", both in the jail. */
static int unpack(struct archive *a, const struct wc_archive_bytes *bytes, struct wc_err *err)
{
    const char *suffix = "", *program = decompressor(bytes, &suffix);
    struct wc_arena *arena = a->place->arena;
    int rc = 0;
    if (program != NULL) {
        const char *packed = wc_arena_printf(arena, "archive%s", suffix);
        const char *const move[] = { "mv", "archive", packed, NULL };
        const char *const open_it[] = { program, "-d", "-q", "-f", packed, NULL };
        rc = run(a, move, NULL, err);
        if (rc == 0)
            rc = run(a, open_it, NULL, err);
    }
    static const char *const make[] = { "mkdir", "tree", NULL };
    static const char *const extract[] = { "tar",
                                           "--extract",
                                           "--file=archive",
                                           "--directory=tree",
                                           "--no-same-owner",
                                           "--no-same-permissions",
                                           "--no-overwrite-dir",
                                           "--force-local",
                                           NULL };
    if (rc == 0)
        rc = run(a, make, NULL, err);
    return rc == 0 ? run(a, extract, NULL, err) : rc;
}

/* Copies the sub-path out. */
static int take_tree(const struct archive *a, char id[65], struct wc_err *err)
{
    struct wc_tree tree;
    const char *dir, *path = wc_arena_printf(a->place->arena, "%s/tree", a->jail.dir);
    int top = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int fd = top < 0 ? -1
                     : wc_tree_open(top, a->source->path == NULL ? "" : a->source->path,
                                    O_RDONLY | O_DIRECTORY);
    int sys = errno;
    if (top >= 0)
        close(top);
    if (fd < 0)
        return wc_err_set(err, sys == EXDEV ? WC_ERR_PERM : WC_ERR_NOENT, 0,
                          "there is no directory '%s' in the archive",
                          a->source->path == NULL ? "" : a->source->path);
    int rc = wc_tree_begin(&tree, a->source, a->place, "trees", err);
    if (rc == 0) {
        rc = wc_source_tree_copy(&tree, fd, "", false, id, err);
        if (rc == 0)
            rc = wc_tree_keep(&tree, id, &dir, err);
        else
            wc_tree_drop(&tree);
    }
    close(fd);
    return rc;
}

static int fetch(struct archive *a, struct wc_revision *found, struct wc_err *err)
{
    struct wc_archive_bytes bytes;
    int rc = transfer(a, &bytes, found, err);
    if (rc == 0)
        rc = unpack(a, &bytes, err);
    if (rc == 0)
        rc = take_tree(a, found->id, err);
    if (rc != 0)
        return rc;
    const struct wc_buf id = { found->id, strlen(found->id), 0 };
    return keep_file(a, "id", &id, err);
}

int wc_archive_fetch(const struct wc_app_source *source, const struct wc_source_place *place,
                     struct wc_revision *revision, struct wc_err *err)
{
    struct archive a = { 0 };
    struct wc_revision found = { .ref = "archive" };
    struct wc_err ignored = { 0 };
    const char *dir = wc_arena_printf(place->arena, "%s/fetch", place->dir);
    int rc = wc_fs_remove_tree(dir, err);
    if (rc == 0)
        rc = open_archive(&a, source, place, err);
    if (rc == 0)
        rc = fetch(&a, &found, err);
    wc_jail_close(&a.jail);
    (void)wc_fs_remove_tree(dir, &ignored);
    if (rc != 0)
        return rc;
    snprintf(found.tree, sizeof found.tree, "%s", found.id);
    found.name = wc_arena_printf(place->arena, "archive@%.12s", found.id);
    *revision = found;
    return 0;
}

static int read_kept(const struct archive *a, struct wc_archive_bytes *bytes, struct wc_err *err)
{
    const char *path = kept(a, "file");
    WC_CLEANUP_FD int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return wc_err_set(err, wc_fs_code(errno), errno, "open %s", path);
    return wc_archive_pass(fd, -1, wc_source_max_bytes(a->source), bytes, err);
}

int wc_archive_verify(const struct wc_app_source *source, const struct wc_source_place *place,
                      struct wc_revision *revision, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf id = WC_BUF_INIT;
    struct wc_archive_bytes bytes;
    WC_CLEANUP_BUF struct wc_buf signature = WC_BUF_INIT;
    const struct archive a = { .source = source, .place = place };
    struct wc_err ignored = { 0 };
    if (wc_fs_read(kept(&a, "id"), 64, &id, &ignored) != 0 || !wc_streq(id.data, revision->id))
        return wc_err_set(err, WC_ERR_NOENT, 0, "the archive is gone; fetch it again");
    int rc = read_kept(&a, &bytes, err);
    if (rc == 0)
        rc = check_sum(&a, &bytes, err);
    if (rc != 0 || source->verify == WC_VERIFY_NONE)
        return rc;
    rc = wc_fs_read(kept(&a, "signature"), SIGNATURE_MAX, &signature, err);
    return rc == 0 ? check_signature(&a, kept(&a, "file"), &signature, &revision->signer, err) : rc;
}
