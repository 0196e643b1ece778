/* test_gitops_jail.c - what a program in the jail can't do. The program is a shell: it tries. */
// TIMEOUT: 180
#include "harness/wc_test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/fs.h"
#include "base/str.h"
#include "orchestrator/gitops/jail.h"

static char root[64];
static struct wc_arena arena;
static struct wc_jail jail;
static struct wc_jail_answer answer;
static struct wc_err err;

static const char *in_root(const char *name)
{
    return wc_arena_printf(&arena, "%s/%s", root, name);
}

static void open_jail(void)
{
    snprintf(root, sizeof root, "/tmp/wc-test-jail-XXXXXX");
    assert_non_null(mkdtemp(root));
    wc_arena_init(&arena);
    jail = (struct wc_jail){ .arena = &arena,
                             .dir = in_root("d"),
                             .max_file_bytes = 1 << 20,
                             .max_out_bytes = 65536,
                             .deadline_at_ms = wc_jail_now_ms() + 60000 };
    assert_int_equal(wc_jail_open(&jail, &err), 0);
}

static void close_jail(void)
{
    wc_jail_close(&jail);
    wc_arena_deinit(&arena);
    assert_int_equal(wc_fs_remove_tree(root, &err), 0);
}

/* Runs a script in it; what wc_jail_run returns. */
static int run(const char *script)
{
    static const char *const env[] = { "PATH=/usr/bin:/bin", "ONLY=this", NULL };
    const char *const argv[] = { "sh", "-c", script, NULL };
    const struct wc_jail_call call = { .argv = argv, .env = env };
    memset(&err, 0, sizeof err);
    answer = (struct wc_jail_answer){ .out = WC_BUF_INIT };
    return wc_jail_run(&jail, &call, &answer, &err);
}

static void says(const char *script, const char *want)
{
    int rc = run(script);
    if (rc != 0 || !wc_streq(answer.out.data, want))
        fail_msg("%s: %d %s '%s' '%s'", script, rc, err.msg, answer.out.data, answer.tail);
    wc_buf_deinit(&answer.out);
}

static long has_landlock(void)
{
    return syscall(SYS_landlock_create_ruleset, NULL, 0, 1);
}

static void it_works_in_its_directory(void **state)
{
    (void)state;
    open_jail();
    says("echo hi >f && cat f", "hi\n");
    says("env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= -e ^OLDPWD=", "PATH=/usr/bin:/bin\nONLY=this\n");
    says("cat", "");
    int rc = run("echo no >&2; exit 7");
    assert_int_equal(rc, 0);
    assert_int_equal(answer.status, 7);
    assert_string_equal(answer.tail, "no\n");
    wc_buf_deinit(&answer.out);
    struct stat st;
    assert_int_equal(lstat(in_root("d/f"), &st), 0);
    assert_int_equal(st.st_uid, jail.uid);
    close_jail();
}

static void nothing_else_is_written(void **state)
{
    (void)state;
    if (has_landlock() < 1)
        WC_SKIP("the kernel has no Landlock");
    open_jail();
    says("for p in /etc /usr /var /tmp /tmp/f /dev /run /proc/self /; do"
         " (echo x >$p/wc-test-jail) 2>/dev/null && echo $p; done; true",
         "");
    says(wc_arena_printf(&arena, "(echo x >%s/x) 2>/dev/null && echo written; true", root), "");
    assert_false(wc_fs_exists(in_root("x")));
    says("(echo 1 >/proc/sys/kernel/panic) 2>/dev/null && echo set; true", "");
    close_jail();
}

static void nothing_of_ours_is_read(void **state)
{
    (void)state;
    if (has_landlock() < 1)
        WC_SKIP("the kernel has no Landlock");
    open_jail();
    assert_int_equal(wc_fs_write_atomic(in_root("secret"), "s3cret", 6, 0644, false, &err), 0);
    says(wc_arena_printf(&arena, "cat %s/secret /root/.profile 2>/dev/null; true", root), "");
    if (geteuid() == 0)
        says("cat /etc/shadow /proc/1/environ 2>/dev/null; true", "");
    close_jail();
}

static void it_has_no_privilege(void **state)
{
    (void)state;
    open_jail();
    if (!jail.is_boxed)
        WC_SKIP("a jail with namespaces takes root");
    says("id -u", wc_arena_printf(&arena, "%u\n", (unsigned)jail.uid));
    jail.local = "/usr/share";                /* so that it is let at least the one that reads */
    says("kill -0 1 && echo self", "self\n"); /* the init of its own namespace */
    says(wc_arena_printf(&arena, "kill -0 %d 2>/dev/null && echo alive; true", (int)getpid()), "");
    says("mount -t tmpfs x /mnt 2>/dev/null && echo mounted; true", "");
    says("unshare -r true 2>/dev/null && mknod n c 1 3 2>/dev/null && echo made; true", "");
    close_jail();
}

static void files_are_handed_in(void **state)
{
    (void)state;
    open_jail();
    assert_int_equal(wc_fs_write_atomic(in_root("key"), "the key\n", 8, 0600, false, &err), 0);
    struct wc_jail_file key = { .name = "key", .path = in_root("key"), .is_secret = true };
    assert_int_equal(wc_jail_add(&jail, key, &err), 0);
    says(wc_arena_printf(&arena, "cat %s", wc_jail_file(&jail, "key")), "the key\n");
    jail.secret = "t0ken";
    says("cat /dev/fd/3; cat /dev/fd/3", "t0kent0ken");
    says("echo $0 $* $(env) | grep -c t0ken", "0\n");
    assert_null(wc_jail_file(&jail, "none"));
    assert_int_equal(chmod(in_root("key"), 0644), 0);
    assert_int_equal(wc_jail_add(&jail, key, &err), WC_ERR_PERM);
    close_jail();
}

static void the_local_directory_is_read(void **state)
{
    (void)state;
    open_jail();
    assert_int_equal(mkdir(in_root("l"), 0700), 0);
    assert_int_equal(wc_fs_write_atomic(in_root("l/f"), "local\n", 6, 0600, false, &err), 0);
    jail.local = in_root("l");
    says(wc_arena_printf(&arena, "cat %s/f", wc_jail_local(&jail)), "local\n");
    says(wc_arena_printf(&arena, "(echo x >%s/f) 2>/dev/null && echo written; true",
                         wc_jail_local(&jail)),
         has_landlock() < 1 && !jail.is_boxed ? "written\n" : "");
    close_jail();
}

static void time_and_size_are_bounded(void **state)
{
    (void)state;
    open_jail();
    assert_int_equal(run("while :; do echo 0123456789012345678901234567890123456789; done"),
                     WC_ERR_LIMIT);
    wc_buf_deinit(&answer.out);
    assert_int_equal(run("head -c 3000000 /dev/zero >big; head -c 3000000 /dev/zero >&2"), 0);
    assert_non_null(strstr(answer.tail, "?????"));
    wc_buf_deinit(&answer.out);
    struct stat st;
    assert_int_equal(stat(in_root("d/big"), &st), 0);
    assert_true(st.st_size <= 1 << 20);
    jail.deadline_at_ms = wc_jail_now_ms() + 2000;
    assert_int_equal(run("setsid sh -c 'while :; do sleep 1; date >>alive; done' & sleep 600"),
                     WC_ERR_TIMEOUT);
    wc_buf_deinit(&answer.out);
    if (jail.is_boxed) { /* what has left its group has died with the namespace */
        (void)unlink(in_root("d/alive"));
        sleep(3);
        assert_false(wc_fs_exists(in_root("d/alive")));
    }
    jail.deadline_at_ms = wc_jail_now_ms() + 2000;
    assert_int_equal(run("exec >&- 2>&-; sleep 600"), WC_ERR_TIMEOUT);
    wc_buf_deinit(&answer.out);
    close_jail();
}

/* Counts what comes, up to 200000 bytes. */
static int count_up(void *data, const char *bytes, size_t len, struct wc_err *why)
{
    size_t *all = data;
    (void)bytes;
    *all += len;
    return *all > 200000 ? wc_err_set(why, WC_ERR_UNAVAILABLE, 0, "enough") : 0;
}

/* Output that is taken as it comes may be longer than what is kept, and is ended by who takes it.
 */
static void output_is_taken(void **state)
{
    (void)state;
    static const char *const env[] = { "PATH=/usr/bin:/bin", NULL };
    const char *argv[] = { "sh", "-c", "head -c 150000 /dev/zero; echo done >&2", NULL };
    size_t all = 0;
    const struct wc_jail_call call = {
        .argv = argv, .env = env, .take = count_up, .take_data = &all
    };
    open_jail();
    answer = (struct wc_jail_answer){ .out = WC_BUF_INIT };
    assert_int_equal(wc_jail_run(&jail, &call, &answer, &err), 0);
    assert_int_equal(all, 150000);
    assert_int_equal(answer.out.len, 0);
    assert_string_equal(answer.tail, "done\n");
    argv[2] = "cat /dev/zero"; /* without an end: killed */
    all = 0;
    assert_int_equal(wc_jail_run(&jail, &call, &answer, &err), WC_ERR_UNAVAILABLE);
    assert_string_equal(err.msg, "enough");
    assert_in_range(all, 200001, 300000);
    close_jail();
}

static void what_isnt_there(void **state)
{
    (void)state;
    open_jail();
    const char *const argv[] = { "wc-no-such-program", NULL };
    static const char *const env[] = { NULL };
    const struct wc_jail_call call = { .argv = argv, .env = env };
    answer = (struct wc_jail_answer){ .out = WC_BUF_INIT };
    assert_int_equal(wc_jail_run(&jail, &call, &answer, &err), WC_ERR_NOENT);
    assert_int_equal(wc_fs_remove_tree(in_root("d"), &err), 0);
    assert_int_not_equal(run("true"), 0);
    wc_buf_deinit(&answer.out);
    assert_int_equal(mkdir(in_root("d"), 0755), 0); /* of somebody else's making */
    assert_int_equal(wc_jail_open(&jail, &err), 0);
    says("echo fine", "fine\n");
    close_jail();
}

WC_MAIN(WC_CASE(it_works_in_its_directory), WC_CASE(nothing_else_is_written),
        WC_CASE(nothing_of_ours_is_read), WC_CASE(it_has_no_privilege),
        WC_CASE(files_are_handed_in), WC_CASE(the_local_directory_is_read),
        WC_CASE(time_and_size_are_bounded), WC_CASE(output_is_taken), WC_CASE(what_isnt_there))
