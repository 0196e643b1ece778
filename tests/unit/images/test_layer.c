// LINK: z zstd
/* test_layer.c - unpacking layers: what an honest one becomes, and that a hostile one gets nowhere.
 */
#include "harness/wc_test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/str.h"
#include "images/layer.h"
#include "packing.h"
#include "tarball.h"

/* A directory with the layer's root in it and a file beside, which must stay as it is. */
struct bench {
    char dir[64], root[80], secret[80];
    int root_fd;
    struct wc_buf tar;
    struct wc_layer_result result;
    struct wc_err err;
};

static void bench_open(struct bench *b)
{
    memset(b, 0, sizeof *b);
    snprintf(b->dir, sizeof b->dir, "/tmp/wc-layer-XXXXXX");
    assert_non_null(mkdtemp(b->dir));
    snprintf(b->root, sizeof b->root, "%s/root", b->dir);
    snprintf(b->secret, sizeof b->secret, "%s/secret", b->dir);
    assert_int_equal(mkdir(b->root, 0755), 0);
    assert_int_equal(wc_fs_write_atomic(b->secret, "secret", 6, 0600, false, NULL), 0);
    b->root_fd = open(b->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    b->tar = (struct wc_buf)WC_BUF_INIT;
}

static void bench_close(struct bench *b)
{
    struct wc_buf text = WC_BUF_INIT;
    struct stat st;
    assert_int_equal(wc_fs_read(b->secret, 100, &text, NULL), 0);
    assert_string_equal(text.data, "secret");
    assert_int_equal(stat(b->secret, &st), 0);
    assert_int_equal(st.st_nlink, 1);
    assert_int_equal(st.st_mode & 07777, 0600);
    wc_buf_deinit(&text);
    close(b->root_fd);
    wc_buf_deinit(&b->tar);
    assert_int_equal(wc_fs_remove_tree(b->dir, NULL), 0);
}

static int unpack_bytes(struct bench *b, const void *bytes, size_t len,
                        const struct wc_layer_limits *limits)
{
    struct wc_layer_options options = { .limits =
                                            limits == NULL ? wc_layer_limits_default : *limits };
    int fd = memfd_create("layer", MFD_CLOEXEC);
    assert_true(write(fd, bytes, len) == (ssize_t)len);
    lseek(fd, 0, SEEK_SET);
    int rc = wc_layer_unpack(fd, b->root_fd, &options, &b->result, &b->err);
    close(fd);
    return rc;
}

static int unpack(struct bench *b)
{
    tar_end(&b->tar);
    return unpack_bytes(b, b->tar.data, b->tar.len, NULL);
}

static struct stat stat_at(const struct bench *b, const char *name)
{
    struct stat st;
    if (fstatat(b->root_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        fail_msg("%s: %s", name, strerror(errno));
    return st;
}

static bool exists(const struct bench *b, const char *name)
{
    return faccessat(b->root_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void assert_text(const struct bench *b, const char *name, const char *text)
{
    char path[200];
    struct wc_buf buf = WC_BUF_INIT;
    snprintf(path, sizeof path, "%s/%s", b->root, name);
    assert_int_equal(wc_fs_read(path, 1 << 20, &buf, NULL), 0);
    assert_string_equal(buf.data, text);
    wc_buf_deinit(&buf);
}

static bool is_opaque(const struct bench *b, const char *name)
{
    char path[200], value[8] = "";
    snprintf(path, sizeof path, "%s/%s", b->root, name);
    return getxattr(path, "trusted.overlay.opaque", value, sizeof value) == 1 && value[0] == 'y';
}

static void need_root(void)
{
    if (geteuid() != 0)
        WC_SKIP("needs root: owners, devices and trusted attributes");
}

static void kinds_and_owners(void **state)
{
    (void)state;
    need_root();
    struct bench b;
    bench_open(&b);
    tar_add(&b.tar, (struct tar_entry){ .name = "./", .type = '5', .mode = 0711, .mtime = 7 });
    tar_add(&b.tar, (struct tar_entry){
                        .name = "a/", .type = '5', .mode = 01777, .uid = 5, .mtime = 1000 });
    tar_add(&b.tar, (struct tar_entry){ .name = "a/f",
                                        .type = '0',
                                        .mode = 04755,
                                        .uid = 1000,
                                        .gid = 1001,
                                        .data = "text",
                                        .mtime = 1234567890 });
    tar_link(&b.tar, '1', "a/hard", "a/f");
    tar_link(&b.tar, '2', "a/soft", "/../../nowhere");
    tar_add(&b.tar,
            (struct tar_entry){ .name = "dev", .type = '3', .mode = 0620, .major = 1, .minor = 3 });
    tar_add(&b.tar,
            (struct tar_entry){ .name = "blk", .type = '4', .mode = 0600, .major = 7, .minor = 1 });
    tar_add(&b.tar, (struct tar_entry){ .name = "pipe", .type = '6', .mode = 0666 });
    tar_file(&b.tar, "un/named/parents/x", "");
    assert_int_equal(unpack(&b), 0);
    struct stat st = stat_at(&b, "a/f");
    assert_int_equal(st.st_mode, S_IFREG | 04755);
    assert_int_equal(st.st_uid, 1000);
    assert_int_equal(st.st_gid, 1001);
    assert_int_equal(st.st_mtim.tv_sec, 1234567890);
    assert_int_equal(st.st_nlink, 2);
    assert_int_equal(stat_at(&b, "a/hard").st_ino, st.st_ino);
    assert_true(S_ISLNK(stat_at(&b, "a/soft").st_mode));
    st = stat_at(&b, "a");
    assert_int_equal(st.st_mode, S_IFDIR | 01777);
    assert_int_equal(st.st_uid, 5);
    assert_int_equal(st.st_mtim.tv_sec, 1000);
    assert_int_equal(stat_at(&b, ".").st_mode, S_IFDIR | 0711);
    assert_int_equal(stat_at(&b, ".").st_mtim.tv_sec, 7);
    st = stat_at(&b, "dev");
    assert_int_equal(st.st_mode, S_IFCHR | 0620);
    assert_int_equal(st.st_rdev, makedev(1, 3));
    assert_int_equal(stat_at(&b, "blk").st_mode, S_IFBLK | 0600);
    assert_int_equal(stat_at(&b, "pipe").st_mode, S_IFIFO | 0666);
    assert_int_equal(stat_at(&b, "un/named").st_mode, S_IFDIR | 0755);
    char hex[WC_SHA256_HEX + 1];
    wc_sha256_hex(b.tar.data, b.tar.len, hex);
    assert_string_equal(b.result.diff_id, hex);
    assert_int_equal(b.result.bytes, 4);
    bench_close(&b);
}

static void whiteouts(void **state)
{
    (void)state;
    need_root();
    struct bench b;
    bench_open(&b);
    tar_file(&b.tar, ".wh.top", "");
    tar_file(&b.tar, "d/.wh.gone", "");
    tar_file(&b.tar, "o/.wh..wh..opq", "");
    tar_file(&b.tar, "o/new", "n");
    tar_file(&b.tar, "d/.wh..wh.aufs", ""); /* book-keeping: ignored */
    tar_file(&b.tar, "both", "stays");      /* a file of this layer isn't hidden by it … */
    tar_file(&b.tar, ".wh.both", "");
    tar_dir(&b.tar, "dir"); /* … and a directory becomes opaque */
    tar_file(&b.tar, ".wh.dir", "");
    tar_file(&b.tar, ".wh.later", ""); /* the same, the other way round */
    tar_dir(&b.tar, "later");
    tar_file(&b.tar, "later/f", "f");
    assert_int_equal(unpack(&b), 0);
    static const char *const gone[] = { "top", "d/gone" };
    for (size_t i = 0; i < WC_COUNT(gone); i++) {
        struct stat st = stat_at(&b, gone[i]);
        assert_true(S_ISCHR(st.st_mode));
        assert_int_equal(st.st_rdev, 0);
    }
    assert_true(is_opaque(&b, "o"));
    assert_false(is_opaque(&b, "d"));
    assert_text(&b, "o/new", "n");
    assert_text(&b, "both", "stays");
    assert_true(is_opaque(&b, "dir"));
    assert_true(is_opaque(&b, "later"));
    assert_text(&b, "later/f", "f");
    assert_false(exists(&b, "o/.wh..wh..opq"));
    assert_false(exists(&b, "d/.wh..wh.aufs"));
    bench_close(&b);
}

/* Docker takes a whiteout, then entries below that name, as "gone, and made anew": also where the
 * directory itself has no entry, and deeper down. */
static void whiteout_then_entries_below(void **state)
{
    (void)state;
    need_root();
    struct bench b;
    bench_open(&b);
    tar_file(&b.tar, ".wh.foo", "");
    tar_file(&b.tar, "foo/bar", "1");
    tar_file(&b.tar, "foo/deep/er", "2");
    tar_file(&b.tar, "a/b/.wh.c", "");
    tar_file(&b.tar, "a/b/other", "3");
    tar_file(&b.tar, "a/b/c/d/e", "4");
    assert_int_equal(unpack(&b), 0);
    assert_text(&b, "foo/bar", "1");
    assert_text(&b, "foo/deep/er", "2");
    assert_text(&b, "a/b/c/d/e", "4");
    assert_true(is_opaque(&b, "foo"));
    assert_false(is_opaque(&b, "foo/deep"));
    assert_true(is_opaque(&b, "a/b/c"));
    assert_false(is_opaque(&b, "a/b"));
    assert_int_equal(stat_at(&b, "foo").st_mode & 07777, 0755);
    bench_close(&b);
}

static void replacing(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    tar_file(&b.tar, "x", "old");
    tar_file(&b.tar, "x", "new");
    tar_file(&b.tar, "was_dir/a/b", "deep");
    tar_file(&b.tar, "was_dir/a/c", "deep");
    tar_file(&b.tar, "was_dir", "file");
    tar_link(&b.tar, '2', "was_link", "/etc");
    tar_dir(&b.tar, "was_link");
    tar_file(&b.tar, "was_link/in", "in");
    tar_dir(&b.tar, "kept");
    tar_file(&b.tar, "kept/f", "f");
    tar_add(&b.tar, (struct tar_entry){ .name = "kept", .type = '5', .mode = 0700 });
    assert_int_equal(unpack(&b), 0);
    assert_text(&b, "x", "new");
    assert_text(&b, "was_dir", "file");
    assert_text(&b, "was_link/in", "in");
    assert_text(&b, "kept/f", "f");
    assert_int_equal(stat_at(&b, "kept").st_mode, S_IFDIR | 0700);
    bench_close(&b);
}

static void attributes(void **state)
{
    (void)state;
    need_root();
    struct bench b;
    bench_open(&b);
    static const unsigned char cap[20] = { 1, 0, 0, 2, 0, 4 }; /* version 2, NET_BIND_SERVICE */
    tar_pax(&b.tar, "SCHILY.xattr.security.capability", cap, sizeof cap);
    tar_add(&b.tar,
            (struct tar_entry){ .name = "ping", .type = '0', .mode = 0755, .uid = 9, .data = "x" });
    tar_pax(&b.tar, "SCHILY.xattr.user.note", "hello", 5);
    tar_file(&b.tar, "noted", "");
    tar_pax(&b.tar, "SCHILY.xattr.user.dir", "d", 1);
    tar_dir(&b.tar, "noted_dir");
    tar_pax(&b.tar, "SCHILY.xattr.trusted.overlay.redirect", "/etc", 4);
    tar_dir(&b.tar, "sly");
    tar_pax(&b.tar, "SCHILY.xattr.user.overlay.opaque", "y", 1);
    tar_dir(&b.tar, "sly2");
    assert_int_equal(unpack(&b), 0);
    char path[200], value[64];
    snprintf(path, sizeof path, "%s/ping", b.root);
    assert_int_equal(getxattr(path, "security.capability", value, sizeof value), 20);
    assert_memory_equal(value, cap, 20);
    snprintf(path, sizeof path, "%s/noted", b.root);
    assert_int_equal(getxattr(path, "user.note", value, sizeof value), 5);
    snprintf(path, sizeof path, "%s/noted_dir", b.root);
    assert_int_equal(getxattr(path, "user.dir", value, sizeof value), 1);
    snprintf(path, sizeof path, "%s/sly", b.root);
    assert_int_equal(listxattr(path, value, sizeof value), 0);
    snprintf(path, sizeof path, "%s/sly2", b.root);
    assert_int_equal(listxattr(path, value, sizeof value), 0);
    bench_close(&b);
}

static void names_stay_beneath(void **state)
{
    (void)state;
    static const char *const refused[] = { "../secret", "a/../../secret", "..",
                                           "a/..",      "/../secret",     "./../secret" };
    for (size_t i = 0; i < WC_COUNT(refused); i++) {
        struct bench b;
        bench_open(&b);
        tar_file(&b.tar, refused[i], "evil");
        assert_int_equal(unpack(&b), WC_ERR_SPEC);
        assert_non_null(strstr(b.err.msg, ".."));
        bench_close(&b);
    }
    struct bench b;
    bench_open(&b);
    char absolute[100];
    snprintf(absolute, sizeof absolute, "%s",
             b.secret); /* absolute: beneath the root all the same */
    tar_file(&b.tar, absolute, "evil");
    tar_file(&b.tar, "//a///b/./c", "fine");
    assert_int_equal(unpack(&b), 0);
    assert_text(&b, absolute + 1, "evil");
    assert_text(&b, "a/b/c", "fine");
    bench_close(&b);
}

static void links_lead_nowhere(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b); /* through a symbolic link that the layer itself brings */
    tar_link(&b.tar, '2', "out", "..");
    tar_file(&b.tar, "out/secret", "evil");
    assert_int_equal(unpack(&b), WC_ERR_SPEC);
    bench_close(&b);
    bench_open(&b); /* over one: the link is replaced, not followed */
    tar_link(&b.tar, '2', "f", "../secret");
    tar_file(&b.tar, "f", "evil");
    assert_int_equal(unpack(&b), 0);
    assert_text(&b, "f", "evil");
    bench_close(&b);
    bench_open(&b); /* into a directory that became a link after it was used */
    tar_file(&b.tar, "d/x", "x");
    tar_link(&b.tar, '2', "d", "..");
    tar_file(&b.tar, "d/secret", "evil");
    assert_int_equal(unpack(&b), WC_ERR_SPEC);
    bench_close(&b);
    bench_open(&b); /* a deeper directory whose parent was swapped */
    tar_file(&b.tar, "d/e/x", "x");
    tar_link(&b.tar, '2', "d", "..");
    tar_file(&b.tar, "d/e/x", "evil");
    assert_int_equal(unpack(&b), WC_ERR_SPEC);
    bench_close(&b);
}

static void hard_links_stay_inside(void **state)
{
    (void)state;
    static const char *const targets[] = { "../secret", "nothing", "dir", "soft/secret", "" };
    for (size_t i = 0; i < WC_COUNT(targets); i++) {
        struct bench b;
        bench_open(&b);
        tar_dir(&b.tar, "dir");
        tar_link(&b.tar, '2', "soft", "..");
        tar_link(&b.tar, '1', "hard", targets[i]);
        assert_int_equal(unpack(&b), WC_ERR_SPEC);
        assert_false(exists(&b, "hard"));
        bench_close(&b);
    }
    struct bench b;
    bench_open(&b); /* to a symbolic link: the link itself, not what it names */
    tar_link(&b.tar, '2', "soft", "../secret");
    tar_link(&b.tar, '1', "hard", "soft");
    tar_file(&b.tar, "self", "s");
    tar_link(&b.tar, '1', "self", "self");
    assert_int_equal(unpack(&b), 0);
    assert_true(S_ISLNK(stat_at(&b, "hard").st_mode));
    assert_text(&b, "self", "s");
    bench_close(&b);
}

static void whiteouts_cannot_climb(void **state)
{
    (void)state;
    static const char *const names[] = { ".wh..",    "a/.wh..", ".wh...",
                                         "a/.wh...", ".wh.",    "../.wh.secret" };
    for (size_t i = 0; i < WC_COUNT(names); i++) {
        struct bench b;
        bench_open(&b);
        tar_dir(&b.tar, "a");
        tar_file(&b.tar, names[i], "");
        assert_int_equal(unpack(&b), WC_ERR_SPEC);
        bench_close(&b);
    }
}

static void caps(void **state)
{
    (void)state;
    struct wc_layer_limits limits = { .bytes = 1000, .entries = 3, .depth = 4, .names = 300 };
    struct bench b;
    bench_open(&b);
    tar_add(&b.tar, (struct tar_entry){
                        .name = "big", .type = '0', .mode = 0644, .size_text = "77777777777" });
    assert_int_equal(unpack_bytes(&b, b.tar.data, b.tar.len, &limits), WC_ERR_LIMIT);
    bench_close(&b);
    bench_open(&b);
    for (int i = 0; i < 4; i++)
        tar_file(&b.tar, "same", "x");
    tar_end(&b.tar);
    assert_int_equal(unpack_bytes(&b, b.tar.data, b.tar.len, &limits), WC_ERR_LIMIT);
    bench_close(&b);
    bench_open(&b);
    tar_file(&b.tar, "1/2/3/4/5", "x");
    tar_end(&b.tar);
    assert_int_equal(unpack_bytes(&b, b.tar.data, b.tar.len, &limits), WC_ERR_LIMIT);
    bench_close(&b);
    bench_open(&b); /* two that fit alone and not together */
    static const char block[600];
    tar_add(&b.tar, (struct tar_entry){ .name = "a", .type = '0', .data = block, .len = 600 });
    tar_add(&b.tar, (struct tar_entry){ .name = "b", .type = '0', .data = block, .len = 600 });
    tar_end(&b.tar);
    assert_int_equal(unpack_bytes(&b, b.tar.data, b.tar.len, &limits), WC_ERR_LIMIT);
    bench_close(&b);
    bench_open(&b); /* a name longer than a name may be */
    char name[400];
    memset(name, 'n', sizeof name);
    tar_pax(&b.tar, "path", name, sizeof name);
    tar_file(&b.tar, "short", "x");
    assert_int_equal(unpack(&b), WC_ERR_LIMIT);
    bench_close(&b);
}

/* Directories that an entry needs cost an inode and memory each, like those that are written down.
 */
static void implied_directories_count(void **state)
{
    (void)state;
    struct wc_layer_limits limits = { .bytes = 9, .entries = 50, .depth = 200, .names = 99999 };
    struct bench b;
    bench_open(&b);
    char deep[101];
    for (size_t i = 0; i < 100; i++)
        deep[i] = i % 2 == 0 ? 'd' : '/';
    deep[100] = '\0';
    deep[99] = 'x'; /* 50 parts: 49 directories and a file */
    tar_file(&b.tar, deep, "x");
    tar_end(&b.tar);
    assert_int_equal(unpack_bytes(&b, b.tar.data, b.tar.len, &limits), 0);
    assert_int_equal(b.result.entries, 50);
    bench_close(&b);
    bench_open(&b);
    tar_file(&b.tar, deep, "x");
    tar_end(&b.tar);
    limits.entries = 49;
    assert_int_equal(unpack_bytes(&b, b.tar.data, b.tar.len, &limits), WC_ERR_LIMIT);
    assert_non_null(strstr(b.err.msg, "more than 49 entries"));
    bench_close(&b);
    for (int written = 0; written < 2; written++) { /* the same one, again and again */
        bench_open(&b);
        limits = (struct wc_layer_limits){ .entries = 99999, .depth = 200, .names = 2000 };
        for (int i = 0; i < 100 && written; i++)
            tar_dir(&b.tar, "directory");
        if (!written)
            tar_file(&b.tar, deep, "");
        tar_end(&b.tar);
        assert_int_equal(unpack_bytes(&b, b.tar.data, b.tar.len, &limits), WC_ERR_LIMIT);
        assert_non_null(strstr(b.err.msg, "names"));
        bench_close(&b);
    }
}

/* A sparse file as GNU tar writes it in pax form: 1 TiB of hole, one byte. */
static void sparse_bomb(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    char body[1024] = "1\n1099511627775\n1\n";
    body[512] = 'x';
    struct wc_buf pax = WC_BUF_INIT;
    pax_record(&pax, "GNU.sparse.major", "1", 1);
    pax_record(&pax, "GNU.sparse.minor", "0", 1);
    pax_record(&pax, "GNU.sparse.name", "bomb", 4);
    pax_record(&pax, "GNU.sparse.realsize", "1099511627776", 13);
    tar_records(&b.tar, &pax);
    tar_add(
        &b.tar,
        (struct tar_entry){
            .name = "GNUSparseFile.0/bomb", .type = '0', .mode = 0644, .data = body, .len = 513 });
    assert_int_equal(unpack(&b), WC_ERR_LIMIT);
    wc_buf_deinit(&pax);
    bench_close(&b);
}

static void compressed(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    tar_file(&b.tar, "f", "packed");
    tar_end(&b.tar);
    struct wc_buf gz = WC_BUF_INIT;
    gzip_into(&gz, b.tar.data, b.tar.len);
    assert_int_equal(unpack_bytes(&b, gz.data, gz.len, NULL), 0);
    assert_text(&b, "f", "packed");
    char hex[WC_SHA256_HEX + 1];
    wc_sha256_hex(b.tar.data, b.tar.len, hex);
    assert_string_equal(b.result.diff_id, hex);
    for (size_t cut = 1; cut < gz.len; cut += 7) /* truncated anywhere: never taken for whole */
        assert_true(unpack_bytes(&b, gz.data, gz.len - cut, NULL) != 0);
    wc_buf_reset(&gz);
    zstd_into(&gz, b.tar.data, b.tar.len);
    zstd_skip_into(&gz); /* as zstd:chunked ends */
    assert_int_equal(unpack_bytes(&b, gz.data, gz.len, NULL), 0);
    assert_string_equal(b.result.diff_id, hex);
    wc_buf_deinit(&gz);
    bench_close(&b);
}

static void zip_bomb(void **state)
{
    (void)state;
    struct wc_layer_limits limits = { .bytes = 1 << 20, .entries = 10, .depth = 10, .names = 1000 };
    struct bench b;
    bench_open(&b);
    char *zeros = wc_calloc(8, 1 << 20);
    struct wc_buf gz = WC_BUF_INIT;
    tar_file(&b.tar, "f", "x");
    tar_end(&b.tar);
    wc_buf_add(&b.tar, zeros, 8 << 20); /* after the end, where only the hash reads on */
    gzip_into(&gz, b.tar.data, b.tar.len);
    assert_true(gz.len < 20000);
    assert_int_equal(unpack_bytes(&b, gz.data, gz.len, &limits), WC_ERR_LIMIT);
    wc_buf_reset(&gz);
    zstd_into(&gz, b.tar.data, b.tar.len);
    assert_true(gz.len < 4000);
    assert_int_equal(unpack_bytes(&b, gz.data, gz.len, &limits), WC_ERR_LIMIT);
    assert_non_null(strstr(b.err.msg, "more than is allowed"));
    wc_buf_deinit(&gz);
    wc_free(zeros);
    bench_close(&b);
}

static void truncated_and_garbage(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    tar_add(
        &b.tar,
        (struct tar_entry){
            .name = "f", .type = '0', .mode = 0644, .size_text = "00000002000", .data = "short" });
    assert_int_equal(unpack_bytes(&b, b.tar.data, b.tar.len, NULL), WC_ERR_SPEC);
    assert_int_equal(unpack_bytes(&b, b.tar.data, 100, NULL), WC_ERR_SPEC);
    char noise[4096];
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (char)(i * 7919 >> 3);
    assert_int_equal(unpack_bytes(&b, noise, sizeof noise, NULL), WC_ERR_SPEC);
    assert_int_equal(unpack_bytes(&b, "", 0, NULL), 0); /* nothing at all is an empty layer */
    bench_close(&b);
}

static void names_in_utf8(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    tar_pax(&b.tar, "path", "gr\303\274n/\344\275\240", strlen("gr\303\274n/\344\275\240"));
    tar_file(&b.tar, "ascii", "1");
    tar_file(&b.tar, "raw-\303\244", "2");
    tar_file(&b.tar, "latin-\344", "3");
    assert_int_equal(unpack(&b), 0);
    assert_text(&b, "gr\303\274n/\344\275\240", "1");
    assert_text(&b, "raw-\303\244", "2");
    assert_text(&b, "latin-\344", "3");
    bench_close(&b);
}

static void merged_usr(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    struct wc_layer_options options = { .limits = wc_layer_limits_default, .merge_usr = true };
    tar_dir(&b.tar, "./bin/");
    tar_file(&b.tar, "./bin/x", "x");
    tar_file(&b.tar, "./usr/bin/y", "y");
    tar_file(&b.tar, "./lib64/z", "z");
    tar_file(&b.tar, "./binary/q", "q");
    tar_link(&b.tar, '1', "./sbin/x2", "./bin/x");
    tar_end(&b.tar);
    int fd = memfd_create("layer", MFD_CLOEXEC);
    assert_true(write(fd, b.tar.data, b.tar.len) == (ssize_t)b.tar.len);
    lseek(fd, 0, SEEK_SET);
    assert_int_equal(wc_layer_unpack(fd, b.root_fd, &options, &b.result, &b.err), 0);
    close(fd);
    assert_text(&b, "usr/bin/x", "x");
    assert_text(&b, "usr/bin/y", "y");
    assert_text(&b, "usr/lib64/z", "z");
    assert_text(&b, "usr/sbin/x2", "x");
    assert_text(&b, "binary/q", "q");
    assert_false(exists(&b, "bin"));
    bench_close(&b);
}

WC_MAIN(WC_CASE(kinds_and_owners), WC_CASE(whiteouts), WC_CASE(whiteout_then_entries_below),
        WC_CASE(replacing), WC_CASE(attributes), WC_CASE(names_stay_beneath),
        WC_CASE(links_lead_nowhere), WC_CASE(hard_links_stay_inside),
        WC_CASE(whiteouts_cannot_climb), WC_CASE(caps), WC_CASE(implied_directories_count),
        WC_CASE(sparse_bomb), WC_CASE(compressed), WC_CASE(zip_bomb),
        WC_CASE(truncated_and_garbage), WC_CASE(names_in_utf8), WC_CASE(merged_usr))
