/* test_creds.c - credentials of systemd's, made by its own program in a place of the test's. */
#include "harness/wc_test.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/creds.h"
#include "base/fs.h"

/* A host key that nobody else sees: /var/lib/systemd of this process alone is another. */
static void open_box(void)
{
    if (geteuid() != 0 || access("/usr/bin/systemd-creds", X_OK) != 0)
        WC_SKIP("needs root and systemd-creds (package systemd)");
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", "/var/lib/systemd", "tmpfs", 0, "mode=700") != 0 ||
        mount("tmpfs", "/mnt", "tmpfs", 0, "mode=700") != 0)
        WC_SKIP("needs a mount namespace");
    assert_int_equal(system("systemd-creds setup 2>/dev/null"), 0);
}

static void encrypt(const char *options, struct wc_buf *out)
{
    char command[300];
    snprintf(command, sizeof command,
             "printf 'planted-value' | systemd-creds encrypt --with-key=host %s - - 2>/dev/null "
             ">/mnt/c",
             options);
    assert_int_equal(system(command), 0);
    assert_int_equal(wc_fs_read("/mnt/c", 65536, out, NULL), 0);
}

static int open_as(const struct wc_buf *text, const char *name, struct wc_secret *out,
                   struct wc_err *err)
{
    const struct wc_creds_ask ask = {
        .text = text->data, .len = text->len, .name = name, .cancel_fd = -1
    };
    return wc_creds_open(&ask, out, err);
}

static void opens_by_its_name(void **state)
{
    (void)state;
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    WC_CLEANUP_SECRET struct wc_secret plain = WC_SECRET_INIT;
    struct wc_err err = { 0 };
    open_box();
    encrypt("--name=shop.cert", &text);
    assert_true(wc_creds_is(text.data, text.len));
    assert_int_equal(open_as(&text, "shop.cert", &plain, &err), 0);
    assert_int_equal(plain.len, 13);
    assert_memory_equal(plain.bytes, "planted-value", 13);
    assert_int_equal(open_as(&text, "other.cert", &plain, &err), WC_ERR_PERM);
    assert_non_null(strstr(err.msg, "does not match"));
    text.data[60] = text.data[60] == 'A' ? 'B' : 'A'; /* altered */
    assert_int_equal(open_as(&text, "shop.cert", &plain, &err), WC_ERR_PERM);
    assert_int_equal(plain.len, 13);
    wc_buf_reset(&text);
    encrypt("--name=", &text);
    assert_int_equal(open_as(&text, "shop.cert", &plain, &err), WC_ERR_PERM);
    assert_non_null(strstr(err.msg, "without a name"));
    assert_null(strstr(err.msg, "planted"));
    assert_int_equal(plain.len, 13);
}

static void knows_them(void **state)
{
    (void)state;
    static const char raw[] = "\x5a\x1c\x6a\x86\xdf\x9d\x40\x96\xb1\xd5\xa6\x5e\x08\x62\xf1\x9a";
    static const char keyless[] = "BYRp2vb1QySABUnaD46i+yAAAAABAAAA\n";
    WC_CLEANUP_SECRET struct wc_secret plain = WC_SECRET_INIT;
    struct wc_err err = { 0 };
    assert_true(wc_creds_is(raw, 16));
    assert_false(wc_creds_is(raw, 15));
    assert_true(wc_creds_is("Whxqht+dQJax1aZeCGLxmiAAAAABAAAA", 32));
    assert_false(wc_creds_is("Whxqht+dQJax1aZeCGLxmi", 22));
    assert_false(wc_creds_is("Whxqht+dQJax1aZeCGLxniAAAAABAAAA", 32));
    assert_false(wc_creds_is("", 0));
    assert_int_equal(wc_creds_open(&(struct wc_creds_ask){ raw, 16, "x", false, -1 }, &plain, &err),
                     WC_ERR_SPEC);
    assert_int_equal(
        wc_creds_open(&(struct wc_creds_ask){ keyless, sizeof keyless - 1, "x", false, -1 }, &plain,
                      &err),
        WC_ERR_PERM);
    assert_non_null(strstr(err.msg, "without a key"));
}

WC_MAIN(WC_CASE(opens_by_its_name), WC_CASE(knows_them))
