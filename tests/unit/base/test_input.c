/* test_input.c - whatever a name leads to: an answer at once, and never out of the root. */
#include "harness/wc_test.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/input.h"

static char root[64];

static const char *path(const char *name)
{
    static char text[4][256];
    static unsigned turn;
    char *out = text[turn++ % 4];
    snprintf(out, sizeof text[0], "%s/%s", root, name);
    return out;
}

static void make_root(void)
{
    struct wc_err err = { 0 };
    snprintf(root, sizeof root, "/tmp/wc-test-input-XXXXXX");
    assert_non_null(mkdtemp(root));
    assert_int_equal(wc_fs_write_atomic(path("plain"), "hello", 5, 0644, false, &err), 0);
    assert_int_equal(mkdir(path("in"), 0755), 0);
}

static void remove_root(void)
{
    struct wc_err err = { 0 };
    assert_int_equal(wc_fs_remove_tree(root, &err), 0);
}

static void must_fail(const char *file, const char *beneath, int code, const char *why)
{
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    struct wc_err err = { 0 };
    wc_buf_adds(&out, "kept");
    assert_int_equal(wc_input_read(file, beneath, 100, &out, &err), code);
    assert_string_equal(out.data, "kept");
    if (strstr(err.msg, why) == NULL)
        fail_msg("%s: '%s' does not say '%s'", file, err.msg, why);
}

static void must_read(const char *file, const char *beneath, const char *want)
{
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    struct wc_err err = { 0 };
    if (wc_input_read(file, beneath, 100, &out, &err) != 0)
        fail_msg("%s: %s", file, err.msg);
    assert_string_equal(out.data, want);
}

static void make_socket(const char *file)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    snprintf(at.sun_path, sizeof at.sun_path, "%s", file);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    close(fd);
}

static void kinds(void **state)
{
    (void)state;
    make_root();
    must_read(path("plain"), NULL, "hello");
    must_fail(path("in"), NULL, WC_ERR_IO, "a directory");
    must_fail("/dev/zero", NULL, WC_ERR_IO, "a device");
    must_fail(path("nothing"), NULL, WC_ERR_NOENT, "No such file");
    must_fail(path("plain/x"), NULL, WC_ERR_NOENT, "Not a directory");
    assert_int_equal(mkfifo(path("fifo"), 0644), 0);
    must_fail(path("fifo"), NULL, WC_ERR_IO, "a named pipe");
    make_socket(path("socket"));
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    struct wc_err err = { 0 };
    assert_int_not_equal(wc_input_read(path("socket"), NULL, 100, &out, &err), 0);
    assert_int_equal(wc_input_read("/proc/self/limits", NULL, 65536, &out, &err), 0);
    assert_non_null(strstr(out.data, "Max open files"));
    remove_root();
}

static void too_large(void **state)
{
    (void)state;
    make_root();
    struct wc_err err = { 0 };
    char text[101] = { 0 };
    assert_int_equal(wc_fs_write_atomic(path("large"), text, sizeof text, 0644, false, &err), 0);
    must_fail(path("large"), NULL, WC_ERR_LIMIT, "larger than 100 bytes");
    /* a hole is refused by its size, without being read */
    assert_int_equal(truncate(path("large"), (off_t)1 << 40), 0);
    must_fail(path("large"), NULL, WC_ERR_LIMIT, "larger than 100 bytes");
    remove_root();
}

static void handed_over_pipe(void **state)
{
    (void)state;
    int ends[2];
    char file[32];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "text", 4), 4);
    close(ends[1]);
    snprintf(file, sizeof file, "/dev/fd/%d", ends[0]);
    must_read(file, NULL, "text");
    close(ends[0]);
}

static void stays_in_its_root(void **state)
{
    (void)state;
    make_root();
    assert_int_equal(symlink("../plain", path("in/up")), 0);
    assert_int_equal(symlink("plain", path("same")), 0);
    assert_int_equal(symlink("/etc/hostname", path("absolute")), 0);
    assert_int_equal(symlink("/etc", path("in/dir")), 0);
    assert_int_equal(symlink("nothing", path("dangling")), 0);
    must_read(path("plain"), root, "hello");
    must_read(path("same"), root, "hello");
    must_read(path("in/up"), root, "hello");
    must_fail(path("in/up"), path("in"), WC_ERR_PERM, "out of the directory");
    must_fail(path("absolute"), root, WC_ERR_PERM, "out of the directory");
    must_fail(path("in/dir/hostname"), root, WC_ERR_PERM, "out of the directory");
    must_fail(path("dangling"), root, WC_ERR_NOENT, "No such file");
    must_fail("/etc/hostname", root, WC_ERR_PERM, "out of the directory");
    must_fail("/proc/self/root/etc/hostname", "/proc/self", WC_ERR_PERM, "out of the directory");
    char near[80]; /* a name that merely begins like the root */
    snprintf(near, sizeof near, "%s2", root);
    must_fail(near, root, WC_ERR_PERM, "out of the directory");
    struct wc_err err = { 0 };
    assert_int_equal(wc_input_beneath(path("in"), root, &err), 0);
    assert_int_equal(wc_input_beneath(root, root, &err), 0);
    assert_int_equal(wc_input_beneath(path("not/there"), root, &err), 0);
    assert_int_equal(wc_input_beneath(path("in/dir/x"), root, &err), WC_ERR_PERM);
    remove_root();
}

static atomic_bool stop_writing;

static void *keep_writing(void *data)
{
    const char *file = data;
    int fd = open(file, O_WRONLY | O_CLOEXEC);
    for (unsigned i = 0; !atomic_load(&stop_writing); i++)
        if (pwrite(fd, i % 2 == 0 ? "even!" : "odd!!", 5, 0) != 5)
            break;
    close(fd);
    return NULL;
}

/* A file that never holds still gives an error or one of its whole states. */
static void changing_file(void **state)
{
    (void)state;
    make_root();
    pthread_t writer;
    char file[256];
    snprintf(file, sizeof file, "%s", path("plain"));
    assert_int_equal(pthread_create(&writer, NULL, keep_writing, file), 0);
    for (int i = 0; i < 200; i++) {
        WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
        struct wc_err err = { 0 };
        int rc = wc_input_read(file, NULL, 100, &out, &err);
        if (rc != 0)
            assert_string_equal(err.msg, "it changes while it is read");
        else
            assert_int_equal(out.len, 5);
    }
    atomic_store(&stop_writing, true);
    pthread_join(writer, NULL);
    remove_root();
}

WC_MAIN(WC_CASE(kinds), WC_CASE(too_large), WC_CASE(handed_over_pipe), WC_CASE(stays_in_its_root),
        WC_CASE(changing_file))
