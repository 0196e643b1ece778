/* test_keeper_clean.c - the end of a container: what the keeper removes itself, when it leaves that
 * to the runtime, and what is left on the host; and the runtime run from sealed memory.
 */
#include "unit/drivers/keeper_box.h"

#include <sched.h>
#include <sys/mount.h>

#include "base/arena.h"
#include "drivers/process/cgroup.h"
#include "drivers/process/sealed.h"

static const char crun_files[] =
    "state_file=status\nstate_file=config.json\nstate_file=seccomp.bpf\nstate_file=exec.fifo\n"
    "start_fifo=exec.fifo\n";
static const char runc_files[] = "state_file=state.json\nstate_file=exec.fifo\n";

/* Puts a script in the runtime's place that notes each command, and tells the keeper of the
 * runtime's files and of the groups. */
static void box_observe(struct box *box, const char *files)
{
    static char extra[2048];
    char script[512];
    struct wc_arena arena;
    struct wc_cgroup_host host;
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    wc_arena_init(&arena);
    assert_int_equal(wc_cgroup_detect(&arena, &host, NULL), 0);
    wc_buf_printf(&out, "%sgroup=%s\n", files, box_cgroup(box));
    for (size_t i = 0; i < host.n_trees; i++)
        if (!wc_streq(host.trees[i].mount, "/sys/fs/cgroup/unified")) /* is detached */
            wc_buf_printf(&out, "hierarchy=%s\n", host.trees[i].mount);
    wc_arena_deinit(&arena);
    assert_in_range(out.len, 1, sizeof extra - 1);
    memcpy(extra, out.data, out.len + 1);
    snprintf(script, sizeof script, "#!/bin/sh\necho \"$7\" >> %s\nexec %s \"$@\"\n",
             box_path(box, "verbs"), box->runtime);
    box_copy(box, "runtime", script, strlen(script), 0755);
    box->runtime = box_path(box, "runtime");
    box->extra = extra;
    box_settings(box);
}

static bool has_group(const struct box *box)
{
    struct wc_arena arena;
    struct wc_strv procs = { 0 };
    struct wc_cgroup_host host;
    wc_arena_init(&arena);
    assert_int_equal(wc_cgroup_detect(&arena, &host, NULL), 0);
    wc_cgroup_procs(&host, box_cgroup(box), &arena, &procs);
    bool has = procs.n > 0;
    wc_arena_deinit(&arena);
    return has;
}

static void without_the_runtime(void **state)
{
    (void)state;
    for (size_t r = 0; r < WC_COUNT(box_runtimes); r++) {
        struct box box = { .runtime = box_runtimes[r], .program = "exit 3" };
        box_open(&box);
        box_observe(&box, r == 0 ? crun_files : runc_files);
        box_start(&box);
        box_expect(&box, "exited 3 ");
        box_expect_end(&box, 0);
        assert_string_equal(box_read(box_path(&box, "verbs")),
                            r == 0 ? "create\n" : "create\nstart\n");
        assert_false(has_group(&box));
        box_close(&box);
    }
}

/* What isn't as it was said to be is left to the runtime's own start. */
static void another_way_to_start_is_the_runtimes(void **state)
{
    (void)state;
    static const char *const names[] = { "start_fifo=status\n", "start_fifo=nothing\n" };
    for (size_t i = 0; i < WC_COUNT(names); i++) {
        struct box box = { .runtime = "crun", .program = "exit 3" };
        box_open(&box);
        box_observe(&box, names[i]);
        box_start(&box);
        box_expect(&box, "exited 3 ");
        box_expect_end(&box, 0);
        assert_string_equal(box_read(box_path(&box, "verbs")), "create\nstart\ndelete\n");
        box_close(&box);
    }
}

/* To the runtime, one that the keeper started is one that it started itself. */
static void the_runtime_takes_it_for_started(void **state)
{
    (void)state;
    char line[512];
    struct box box = { .runtime = "crun", .program = "sleep 60" };
    box_open(&box);
    box_observe(&box, crun_files);
    box_start(&box);
    snprintf(line, sizeof line, "%s --root %s state %s.1 > %s", box_find("crun"),
             box_path(&box, "oci"), strrchr(box.root, '/') + 1, box_path(&box, "state"));
    assert_int_equal(system(line), 0);
    assert_non_null(strstr(box_read(box_path(&box, "state")), "\"running\""));
    assert_int_equal(kill((pid_t)box.pid, SIGKILL), 0);
    box_expect(&box, "exited 137 ");
    box_expect_end(&box, 0);
    assert_string_equal(box_read(box_path(&box, "verbs")), "create\n");
    box_close(&box);
}

static void an_unknown_runtime_deletes_itself(void **state)
{
    (void)state;
    struct box box = { .runtime = "crun", .program = "exit 3" };
    box_open(&box);
    box_observe(&box, "");
    box_start(&box);
    box_expect(&box, "exited 3 ");
    box_expect_end(&box, 0);
    assert_string_equal(box_read(box_path(&box, "verbs")), "create\nstart\ndelete\n");
    assert_false(has_group(&box));
    box_close(&box);
}

static void unknown_state_is_the_runtimes(void **state)
{
    (void)state;
    char name[128];
    struct box box = { .runtime = "crun", .program = "exit 3" };
    box_open(&box);
    box_observe(&box, crun_files);
    box_create(&box);
    snprintf(name, sizeof name, "oci/%s.1/else", strrchr(box.root, '/') + 1);
    box_write(box_path(&box, name), "x", 1);
    box_send(&box, "start");
    box_expect(&box, "running ");
    box_expect(&box, "exited 3 ");
    box_expect_end(&box, 0);
    assert_string_equal(box_read(box_path(&box, "verbs")), "create\ndelete\n");
    assert_false(has_group(&box));
    box_close(&box);
}

/* A process that another made in the container's group (as exec does) is left at its end. */
static void a_group_in_use_is_the_runtimes(void **state)
{
    (void)state;
    char pid[24];
    struct wc_arena arena;
    struct wc_strv procs = { 0 };
    struct wc_cgroup_host host;
    struct box box = { .runtime = "crun", .program = "exit 3" };
    box_open(&box);
    box_observe(&box, crun_files);
    box_create(&box);
    wc_arena_init(&arena);
    assert_int_equal(wc_cgroup_detect(&arena, &host, NULL), 0);
    wc_cgroup_procs(&host, box_cgroup(&box), &arena, &procs);
    assert_true(procs.n > 0);
    pid_t stranger = fork();
    if (stranger == 0)
        for (;;)
            pause();
    snprintf(pid, sizeof pid, "%d", (int)stranger);
    for (size_t i = 0; i < procs.n; i++) {
        int fd = open(procs.items[i], O_WRONLY | O_CLOEXEC);
        assert_true(fd >= 0 && write(fd, pid, strlen(pid)) > 0);
        close(fd);
    }
    wc_arena_deinit(&arena);
    box_send(&box, "start");
    box_expect(&box, "running ");
    box_expect(&box, "exited 3 ");
    int status = 0; /* the runtime's delete ends it */
    assert_int_equal(waitpid(stranger, &status, 0), stranger);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    box_expect_end(&box, 0);
    assert_string_equal(box_read(box_path(&box, "verbs")), "create\ndelete\n");
    assert_false(has_group(&box));
    box_close(&box);
}

/* The runtime looks for a group where the v2 tree was taken away; what it makes there must not stay
 * on the host, below the mount where nobody sees it. */
static void nothing_below_a_detached_mount(void **state)
{
    (void)state;
    char hidden[160];
    struct box box = { .runtime = "crun", .program = "exit 0" };
    if (geteuid() != 0 || access("/sys/fs/cgroup/unified", F_OK) != 0)
        WC_SKIP("needs root and a v2 tree beside v1");
    box_run(&box);
    box_expect_end(&box, 0);
    snprintf(hidden, sizeof hidden, "/sys/fs/cgroup/unified%s", box_cgroup(&box));
    assert_int_equal(unshare(CLONE_NEWNS), 0);
    assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
    (void)umount2("/sys/fs/cgroup/unified", MNT_DETACH);
    assert_int_equal(access(hidden, F_OK), -1);
    box_close(&box);
}

static void from_sealed_memory(void **state)
{
    (void)state;
    struct wc_sealed sealed = WC_SEALED_INIT;
    struct box box = { .runtime = "crun", .program = "exit 5" };
    box_open(&box);
    box.sealed = wc_sealed_get(&sealed, box.runtime);
    assert_true(box.sealed > 0);
    box.runtime = "/nowhere/crun"; /* so it can be the copy only */
    box_settings(&box);
    box_start(&box);
    box_expect(&box, "exited 5 ");
    box_expect_end(&box, 0);
    close(box.sealed);
    wc_sealed_deinit(&sealed);
    box_close(&box);
}

static void copies_are_sealed_and_fresh(void **state)
{
    (void)state;
    struct wc_sealed sealed = WC_SEALED_INIT;
    char path[] = "/tmp/sealed-XXXXXX", fresh[64];
    int file = mkstemp(path);
    assert_true(file >= 0);
    snprintf(fresh, sizeof fresh, "%s.new", path);
    assert_int_equal(wc_sealed_get(&sealed, "/nowhere/crun"), -1);
    box_write(path, "#!/bin/sh\n", 10);
    assert_int_equal(wc_sealed_get(&sealed, path), -1); /* a script needs its file */
    box_write(path, "\177ELF one", 8);
    int one = wc_sealed_get(&sealed, path);
    assert_true(one >= 0);
    assert_int_equal(write(one, "x", 1), -1);
    assert_int_equal(errno, EPERM);
    assert_int_equal(ftruncate(one, 0), -1);
    struct stat first, again, other;
    assert_int_equal(fstat(one, &first), 0);
    int same = wc_sealed_get(&sealed, path);
    assert_int_equal(fstat(same, &again), 0);
    assert_int_equal(first.st_ino, again.st_ino);
    box_write(fresh, "\177ELF other", 10); /* an upgrade */
    assert_int_equal(rename(fresh, path), 0);
    int two = wc_sealed_get(&sealed, path);
    char text[16] = "";
    assert_int_equal(fstat(two, &other), 0);
    assert_int_equal(pread(two, text, sizeof text - 1, 0), 10);
    assert_string_equal(text, "\177ELF other");
    assert_int_equal(pread(one, text, sizeof text - 1, 0), 8); /* who runs the old one goes on */
    close(one);
    close(same);
    close(two);
    close(file);
    wc_sealed_deinit(&sealed);
    unlink(path);
}

WC_MAIN(WC_CASE(without_the_runtime), WC_CASE(another_way_to_start_is_the_runtimes),
        WC_CASE(the_runtime_takes_it_for_started), WC_CASE(an_unknown_runtime_deletes_itself),
        WC_CASE(unknown_state_is_the_runtimes), WC_CASE(a_group_in_use_is_the_runtimes),
        WC_CASE(nothing_below_a_detached_mount), WC_CASE(from_sealed_memory),
        WC_CASE(copies_are_sealed_and_fresh))
