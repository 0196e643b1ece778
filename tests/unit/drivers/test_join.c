/* test_join.c - wcompose-join into real containers: exit statuses, rights, stdio, terminal, safety.
 */
#include "unit/drivers/keeper_box.h"

#include <dirent.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <termios.h>

enum { MAX_ARGS = 24 };

struct joined {
    int status; /* of the shell's kind */
    char out[65536], err[2048];
};

/* join.conf for the box's process; `extra` records are separated by newlines. */
static void write_join_conf(const struct box *box, const char *extra)
{
    WC_CLEANUP_BUF struct wc_buf conf = WC_BUF_INIT;
    wc_buf_printf(&conf, "pid=%ld%cstarttime=%llu%c", box->pid, 0, box->starttime, 0);
    wc_buf_printf(&conf, "env=PATH=/bin%cenv=COLOUR=blue%c", 0, 0);
    for (const char *at = extra; at != NULL && *at != '\0';) {
        size_t len = strcspn(at, "\n");
        wc_buf_add(&conf, at, len);
        wc_buf_addc(&conf, '\0');
        at += len + (at[len] == '\n');
    }
    box_write(box_path(box, "run/" WC_JOIN_CONF), conf.data, conf.len);
}

static void open_sleeper(struct box *box, const char *extra)
{
    *box = (struct box){ .runtime = "crun", .program = "while :; do sleep 100; done" };
    box_open(box);
    box_start(box);
    write_join_conf(box, extra);
}

static void close_sleeper(struct box *box)
{
    kill((pid_t)box->pid, SIGKILL);
    box_expect(box, "exited 137 ");
    box_expect_end(box, 0);
    box_close(box);
}

/* Starts join with `options` (NULL-terminated) before "--" and `argv` after it. in: its stdin. */
static pid_t spawn(const struct box *box, const char *const *options, const char *const *argv,
                   int in, int out, int err)
{
    char program[512];
    const char *args[MAX_ARGS] = { "wcompose-join", "--run", box_path(box, "run") };
    size_t n = 3;
    for (; *options != NULL; options++)
        args[n++] = *options;
    args[n++] = "--";
    for (; *argv != NULL; argv++)
        args[n++] = *argv;
    assert_true(n < MAX_ARGS);
    box_program_path("wcompose-join", program);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(in, 0);
        dup2(out, 1);
        dup2(err, 2);
        execv(program, (char **)args);
        _exit(99);
    }
    return pid;
}

static void slurp(int fd, char *text, size_t cap)
{
    size_t len = 0;
    ssize_t k;
    while (len < cap - 1 && (k = read(fd, text + len, cap - 1 - len)) > 0)
        len += (size_t)k;
    text[len] = '\0';
    close(fd);
}

static int shell_status(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static const struct joined *run(const struct box *box, const char *const *options,
                                const char *const *argv, const char *input)
{
    static struct joined joined;
    int in[2], out[2], err[2];
    assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC) | pipe2(err, O_CLOEXEC), 0);
    pid_t pid = spawn(box, options, argv, in[0], out[1], err[1]);
    close(in[0]);
    close(out[1]);
    close(err[1]);
    if (input != NULL)
        assert_int_equal(write(in[1], input, strlen(input)), (ssize_t)strlen(input));
    close(in[1]);
    slurp(out[0], joined.out, sizeof joined.out);
    slurp(err[0], joined.err, sizeof joined.err);
    joined.status = shell_status(pid);
    return &joined;
}

#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define NONE ((const char *const[]){ NULL })
#define SH(line) LIST("sh", "-c", line)

static void exit_statuses(void **state)
{
    (void)state;
    struct box box;
    open_sleeper(&box, NULL);
    assert_int_equal(run(&box, NONE, LIST("true"), NULL)->status, 0);
    assert_int_equal(run(&box, NONE, SH("exit 42"), NULL)->status, 42);
    assert_int_equal(run(&box, NONE, SH("kill -9 $$"), NULL)->status, 137);
    const struct joined *none = run(&box, NONE, LIST("no-such"), NULL);
    assert_int_equal(none->status, 127);
    assert_string_equal(none->err, "wcompose-join: run no-such: No such file or directory\n");
    assert_int_equal(run(&box, NONE, LIST("/bin/no-such"), NULL)->status, 127);
    assert_int_equal(run(&box, NONE, LIST("/etc/passwd"), NULL)->status, 126);
    assert_int_equal(run(&box, NONE, LIST("/etc"), NULL)->status, 126);
    const struct joined *bad = run(&box, LIST("--colour"), LIST("true"), NULL);
    assert_int_equal(bad->status, 125);
    assert_non_null(strstr(bad->err, "--colour"));
    assert_int_equal(run(&box, LIST("--workdir", "/nowhere"), LIST("true"), NULL)->status, 125);
    assert_int_equal(run(&box, LIST("--user", "eve"), LIST("true"), NULL)->status, 125);
    close_sleeper(&box);
}

static void a_reused_pid_is_refused(void **state)
{
    (void)state;
    struct box box;
    open_sleeper(&box, NULL);
    box.starttime++;
    write_join_conf(&box, NULL);
    const struct joined *joined = run(&box, NONE, LIST("true"), NULL);
    assert_int_equal(joined->status, 125);
    assert_string_equal(joined->err, "wcompose-join: the instance is not running\n");
    box.starttime--;
    write_join_conf(&box, NULL);
    kill((pid_t)box.pid, SIGKILL);
    box_expect(&box, "exited 137 ");
    assert_int_equal(run(&box, NONE, LIST("true"), NULL)->status, 125);
    box_expect_end(&box, 0);
    box_close(&box);
}

/* A memfd that holds `len` bytes, at its start, as the option's value. */
static const char *env_fd(const char *bytes, size_t len, int *fd)
{
    static char number[16];
    *fd = memfd_create("env", 0);
    assert_int_equal(write(*fd, bytes, len), (ssize_t)len);
    assert_int_equal(lseek(*fd, 0, SEEK_SET), 0);
    snprintf(number, sizeof number, "%d", *fd);
    return number;
}

static void surroundings(void **state)
{
    (void)state;
    struct box box;
    open_sleeper(&box, "cwd=/tmp\numask=63\nrlimit=7 100 200\nenv=HOME=/elsewhere");
    static const char env[] = "COLOUR=red\0SIZE=9";
    int fd;
    const struct joined *joined =
        run(&box, LIST("--env-fd", env_fd(env, sizeof env, &fd)),
            SH("pwd; umask; ulimit -n; ulimit -H -n; echo $COLOUR $SIZE $HOME $TERM; ps | head -2;"
               "busybox hostname; stat -c %a . >/dev/null; readlink /proc/self/fd/0"),
            NULL);
    assert_int_equal(joined->status, 0);
    assert_true(wc_str_starts(joined->out, "/tmp\n0077\n100\n200\nred 9 /elsewhere\nPID"));
    assert_non_null(strstr(joined->out, "    1 ")); /* the instance's processes, from its first */
    assert_non_null(strstr(joined->out, "\nbox\n/dev/null\n"));
    close(fd);
    close_sleeper(&box);
}

/* Not in join's arguments, nor those of the program; and the program doesn't get the descriptor. */
static void variables_stay_out_of_the_arguments(void **state)
{
    (void)state;
    static const char env[] = "TOKEN=swordfish\0PLAIN=";
    struct box box;
    char path[64], byte;
    int out[2], fd;
    open_sleeper(&box, NULL);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    const char *number = env_fd(env, sizeof env, &fd);
    pid_t pid = spawn(&box, LIST("--env-fd", number),
                      SH("[ $TOKEN = swordfish ] && echo; sleep 99"), 0, out[1], 2);
    assert_int_equal(read(out[0], &byte, 1), 1);
    snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
    WC_CLEANUP_BUF struct wc_buf line = WC_BUF_INIT;
    assert_int_equal(wc_fs_read(path, 4096, &line, NULL), 0);
    assert_non_null(memmem(line.data, line.len, "--env-fd", 8));
    assert_null(memmem(line.data, line.len, "TOKEN=", 6)); /* the shell's own text has no '=' */
    kill(pid, SIGTERM);
    assert_int_equal(shell_status(pid), 143);
    close(out[0]);
    close(out[1]);
    close(fd);
    number = env_fd(env, sizeof env, &fd);
    assert_string_equal(
        run(&box, LIST("--env-fd", number), SH("cd /proc/self/fd; echo *"), NULL)->out,
        "0 1 2 3\n");
    close(fd);
    static const struct {
        const char *bytes;
        size_t len;
        const char *said;
    } bad[] = { { "TOKEN", 6, "NAME=value" }, { "=x", 3, "NAME=value" }, { "A=1", 3, "cut off" } };
    for (size_t i = 0; i < WC_COUNT(bad); i++) {
        number = env_fd(bad[i].bytes, bad[i].len, &fd);
        const struct joined *joined = run(&box, LIST("--env-fd", number), LIST("true"), NULL);
        assert_int_equal(joined->status, 125);
        assert_non_null(strstr(joined->err, bad[i].said));
        assert_null(strstr(joined->err, "TOKEN"));
        close(fd);
    }
    assert_int_equal(run(&box, LIST("--env-fd", "1"), LIST("true"), NULL)->status, 125);
    assert_int_equal(run(&box, LIST("--env-fd", "99"), LIST("true"), NULL)->status, 125);
    close_sleeper(&box);
}

static void users_are_the_instances(void **state)
{
    (void)state;
    static const struct {
        const char *user, *said;
    } rows[] = {
        { "bob", "1000 1001 1001 1002 /home/bob\n" },
        { "1000", "1000 1001 1001 1002 /home/bob\n" },
        { "bob:extra", "1000 1002 1002 /home/bob\n" },
        { "0:7", "0 7 7 /root\n" },
        { "77", "77 0 0 /\n" },
    };
    struct box box;
    open_sleeper(&box, "uid=5\ngid=6\ngroups=7,8");
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        const struct joined *joined = run(&box, LIST("--user", rows[i].user),
                                          SH("echo $(id -u) $(id -g) $(id -G) $HOME"), NULL);
        assert_string_equal(joined->out, rows[i].said);
    }
    assert_string_equal(run(&box, NONE, SH("echo $(id -u) $(id -g) $(id -G) $HOME"), NULL)->out,
                        "5 6 6 7 8 /\n");
    close_sleeper(&box);
}

static void has(const char *status, const char *line)
{
    if (strstr(status, line) == NULL)
        fail_msg("no '%s' in: %s", line, strstr(status, "CapInh"));
}

/* What /proc/self/status says inside; the filter forbids only one call, mkdir. */
static void rights(void **state)
{
    (void)state;
    const struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mkdir, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOANO),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct box box;
    char extra[256];
    open_sleeper(&box, NULL);
    box_write(box_path(&box, "run/seccomp"), (const char *)filter, sizeof filter);
    for (int nnp = 0; nnp < 2; nnp++) {
        snprintf(extra, sizeof extra, "caps=0x20\nnnp=%d\nseccomp=%s", nnp,
                 box_path(&box, "run/seccomp"));
        write_join_conf(&box, extra);
        const char *root = run(&box, NONE, LIST("cat", "/proc/self/status"), NULL)->out;
        has(root, "CapInh:\t0000000000000000\nCapPrm:\t0000000000000020\n"
                  "CapEff:\t0000000000000020\nCapBnd:\t0000000000000020\n"
                  "CapAmb:\t0000000000000000\n");
        has(root, nnp ? "NoNewPrivs:\t1\nSeccomp:\t2\n" : "NoNewPrivs:\t0\nSeccomp:\t2\n");
        has(root, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
        const char *user =
            run(&box, LIST("--user", "bob"), LIST("cat", "/proc/self/status"), NULL)->out;
        has(user, "CapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n"
                  "CapBnd:\t0000000000000020\n");
        has(user, nnp ? "NoNewPrivs:\t1\nSeccomp:\t2\n" : "NoNewPrivs:\t0\nSeccomp:\t2\n");
        assert_int_equal(run(&box, NONE, LIST("busybox", "mkdir", "/x"), NULL)->status, 1);
        const char *all =
            run(&box, LIST("--privileged"), LIST("cat", "/proc/self/status"), NULL)->out;
        has(all, "NoNewPrivs:\t0\nSeccomp:\t0\n");
        assert_null(strstr(all, "CapEff:\t0000000000000020\n"));
        assert_int_equal(
            run(&box, LIST("--privileged"), LIST("busybox", "mkdir", "/x"), NULL)->status, nnp);
    }
    /* a profile that the kernel doesn't take is no reason to run without */
    write_join_conf(&box, "apparmor=no-such-profile-of-ours");
    const struct joined *without = run(&box, NONE, LIST("true"), NULL);
    assert_int_equal(without->status, 125);
    has(without->err, "AppArmor profile no-such-profile-of-ours");
    close_sleeper(&box);
}

static void in_the_instances_cgroups(void **state)
{
    (void)state;
    struct box box;
    char path[64], extra[2048] = "", theirs[8192];
    open_sleeper(&box, NULL);
    snprintf(path, sizeof path, "/proc/%ld/cgroup", box.pid);
    snprintf(theirs, sizeof theirs, "%s", box_read(path));
    const char *at = theirs;
    while (*at != '\0') { /* "4:memory:/name" or "0::/name" */
        size_t len = strcspn(at, "\n");
        char controller[64] = "", name[128] = "";
        if (sscanf(at, "%*d:%63[^:]:%127[^\n]", controller, name) == 2) {
            const char *tree = strncmp(controller, "name=", 5) == 0 ? controller + 5 : controller;
            size_t used = strlen(extra);
            snprintf(extra + used, sizeof extra - used, "cgroup=/sys/fs/cgroup/%s%s/cgroup.procs\n",
                     tree, name);
        } else if (sscanf(at, "0::%127[^\n]", name) == 1) {
            size_t used = strlen(extra);
            bool hybrid = access("/sys/fs/cgroup/unified/cgroup.procs", F_OK) == 0;
            snprintf(extra + used, sizeof extra - used, "cgroup=/sys/fs/cgroup%s%s/cgroup.procs\n",
                     hybrid ? "/unified" : "", name);
        }
        at += len + (at[len] == '\n');
    }
    write_join_conf(&box, extra);
    const struct joined *joined = run(&box, NONE, LIST("cat", "/proc/self/cgroup"), NULL);
    assert_string_equal(joined->err, "");
    assert_string_equal(joined->out, theirs);
    write_join_conf(&box, "cgroup=/sys/fs/cgroup/no-such/cgroup.procs");
    joined = run(&box, NONE, LIST("true"), NULL); /* never outside its limits */
    assert_int_equal(joined->status, 125);
    assert_non_null(strstr(joined->err, "no-such"));
    close_sleeper(&box);
}

static void stdin_only_if_asked_for(void **state)
{
    (void)state;
    struct box box;
    open_sleeper(&box, NULL);
    assert_string_equal(run(&box, LIST("--stdin"), LIST("cat"), "typed\n")->out, "typed\n");
    assert_string_equal(run(&box, NONE, LIST("cat"), "typed\n")->out, "");
    close_sleeper(&box);
}

static void wait_for_file(const struct box *box, const char *name)
{
    for (int ms = 0; access(box_path(box, name), F_OK) != 0; ms++) {
        assert_true(ms < BOX_WAIT_MS);
        usleep(1000);
    }
}

static void signals_are_passed_on(void **state)
{
    (void)state;
    static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1 };
    struct box box;
    open_sleeper(&box, NULL);
    for (size_t i = 0; i < WC_COUNT(signals); i++) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        char program[160];
        snprintf(program, sizeof program,
                 "trap 'exit 66' %d; touch /tmp/ready; while :; do sleep 0.01; done", signals[i]);
        pid_t pid = spawn(&box, NONE, SH(program), null, null, 2);
        wait_for_file(&box, "rootfs/tmp/ready");
        assert_int_equal(kill(pid, signals[i]), 0);
        assert_int_equal(shell_status(pid), 66);
        assert_int_equal(unlink(box_path(&box, "rootfs/tmp/ready")), 0);
        close(null);
    }
    close_sleeper(&box);
}

/* Processes of ours whose command line holds `text`: join's own and, outside, its program's. */
static size_t find_pids(const char *text, pid_t *out, size_t cap)
{
    size_t n = 0;
    char path[64];
    DIR *proc = opendir("/proc");
    const struct dirent *entry;
    assert_non_null(proc);
    while ((entry = readdir(proc)) != NULL) {
        WC_CLEANUP_BUF struct wc_buf line = WC_BUF_INIT;
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
        if (pid > 0 && wc_fs_read(path, 4096, &line, NULL) == 0 && n < cap &&
            memmem(line.data, line.len, text, strlen(text)) != NULL)
            out[n++] = pid;
    }
    closedir(proc);
    return n;
}

static pid_t child_of(pid_t parent)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", parent, parent);
    return (pid_t)strtol(box_read(path), NULL, 10);
}

/* Adopts orphans and reaps none, as the first process of many a CI container, until the instance
 * has ended: that must not need it. */
static void close_unreaped(struct box *box)
{
    close_sleeper(box);
    while (waitpid(-1, NULL, 0) > 0)
        continue;
}

/* A supervisor that gives up a probe kills join, and with it the probe. */
static void killing_join_kills_the_program(void **state)
{
    (void)state;
    struct box box;
    int out[2];
    char text[64];
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    for (int which = 0; which < 2; which++) { /* the front; its holder */
        open_sleeper(&box, NULL);
        assert_int_equal(pipe2(out, O_CLOEXEC), 0);
        pid_t pid = spawn(&box, NONE, SH("echo started; exec sleep 1000"), 0, out[1], 2);
        close(out[1]);
        assert_int_equal(read(out[0], text, sizeof text), 8);
        pid_t holder = child_of(pid);
        assert_true(holder > 0);
        kill(which == 0 ? pid : holder, SIGKILL);
        assert_int_equal(shell_status(pid), 137);
        assert_int_equal(read(out[0], text, sizeof text), 0); /* the last writer is gone */
        close(out[0]);
        close_unreaped(&box);
    }
    open_sleeper(&box, NULL);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC); /* what ends is told in order */
    pid_t pid =
        spawn(&box, NONE, SH("trap '' 14 15; touch /tmp/ready; while :; do sleep 0.01; done"), null,
              null, 2);
    wait_for_file(&box, "rootfs/tmp/ready");
    assert_int_equal(kill(pid, SIGALRM), 0);
    assert_int_equal(shell_status(pid), 137);
    close(null);
    close_sleeper(&box);
}

static void detached(void **state)
{
    (void)state;
    struct box box;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    open_sleeper(&box, NULL);
    assert_int_equal(run(&box, LIST("--detach"), SH("sleep 0.05; touch /tmp/done"), NULL)->status,
                     0);
    wait_for_file(&box, "rootfs/tmp/done");
    assert_int_equal(run(&box, LIST("--detach"), LIST("no-such"), NULL)->status, 127);
    assert_int_equal(kill(box.keeper, 0), 0);
    close_unreaped(&box);
}

/* Front and holder stay with a detached program; it survives the end of either. */
static void a_detached_program_keeps_a_parent(void **state)
{
    (void)state;
    struct box box;
    pid_t pids[8];
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    for (int which = 0; which < 2; which++) {
        open_sleeper(&box, NULL);
        assert_int_equal(
            run(&box, LIST("--detach"),
                SH("trap 'touch /tmp/ended; exit' 10; touch /tmp/up; while :; do sleep 0.01; done"),
                NULL)
                ->status,
            0);
        wait_for_file(&box, "rootfs/tmp/up");
        assert_int_equal(find_pids(box_path(&box, "run"), pids, WC_COUNT(pids)), 3); /* + keeper */
        pid_t front = pids[0] == box.keeper ? pids[1] : pids[0];
        pid_t holder = child_of(front);
        if (holder == 0 || child_of(holder) == 0) {
            front = pids[2] == box.keeper ? pids[1] : pids[2];
            holder = child_of(front);
        }
        pid_t program = child_of(holder);
        assert_true(front > 0 && holder > 0 && program > 0);
        assert_int_equal(kill(which == 0 ? front : holder, SIGKILL), 0);
        usleep(20000);
        assert_int_equal(kill(program, SIGUSR1), 0);
        wait_for_file(&box, "rootfs/tmp/ended");
        close_unreaped(&box);
    }
}

static void terminal(void **state)
{
    (void)state;
    struct box box;
    open_sleeper(&box, NULL);
    const struct joined *joined = run(&box, LIST("--tty", "--stdin"),
                                      SH("tty; echo $TERM; read x; echo got $x; exit 6"), "word\n");
    assert_int_equal(joined->status, 6);
    assert_non_null(strstr(joined->out, "/dev/pts/"));
    assert_non_null(strstr(joined->out, "xterm\r\n"));
    assert_non_null(strstr(joined->out, "got word\r\n"));
    joined =
        run(&box, LIST("--tty", "--stdin"), SH("cat; echo over"), ""); /* end of file is typed */
    assert_int_equal(joined->status, 0);
    assert_non_null(strstr(joined->out, "over\r\n"));
    joined = run(&box, LIST("--tty"), SH("seq 1 5000"), NULL); /* all of it, though it is quick */
    assert_true(wc_str_starts(joined->out, "1\r\n2\r\n3\r\n"));
    assert_non_null(strstr(joined->out, "\r\n5000\r\n"));
    int out[2], null = open("/dev/null", O_RDWR | O_CLOEXEC);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    pid_t pid = spawn(&box, LIST("--tty"), LIST("yes"), null, out[1], null);
    close(out[1]);
    close(out[0]); /* nobody looks any more: the program is hung up on, not left to block */
    assert_int_equal(shell_status(pid), 128 + SIGHUP);
    close(null);
    close_sleeper(&box);
}

/* The caller's own terminal: size in, raw meanwhile, restored after, whatever the end. */
static void the_callers_terminal(void **state)
{
    (void)state;
    static const struct {
        const char *program;
        int status;
    } rows[] = { { "stty size; exit 3", 3 }, { "stty size; kill -9 $$", 137 } };
    struct box box;
    open_sleeper(&box, NULL);
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
        assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
        int slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
        struct winsize size = { .ws_row = 21, .ws_col = 77 };
        struct termios before, after;
        char shown[256] = "";
        assert_int_equal(ioctl(slave, TIOCSWINSZ, &size), 0);
        assert_int_equal(tcgetattr(slave, &before), 0);
        pid_t pid = spawn(&box, LIST("--tty", "--stdin"), SH(rows[i].program), slave, slave, slave);
        assert_int_equal(shell_status(pid), rows[i].status);
        assert_int_equal(tcgetattr(slave, &after), 0);
        assert_int_equal(after.c_lflag, before.c_lflag);
        assert_int_equal(after.c_oflag, before.c_oflag);
        assert_true(read(master, shown, sizeof shown - 1) > 0);
        assert_non_null(strstr(shown, "21 77\r"));
        close(slave);
        close(master);
    }
    close_sleeper(&box);
}

/* No descriptor of the host comes along, none is reachable as a working directory, and the program
 * that runs inside is never the file on the host. */
static void nothing_of_the_host_leaks(void **state)
{
    (void)state;
    struct box box;
    char path[64], image[256] = "";
    open_sleeper(&box, NULL);
    int leak = open("/", O_RDONLY | O_DIRECTORY); /* without close-on-exec, on purpose */
    assert_true(leak >= 0);
    assert_string_equal(run(&box, NONE, SH("cd /proc/self/fd; echo *"), NULL)->out,
                        /* 3: the listing */ "0 1 2 3\n");
    for (int fd = 3; fd < 12; fd++) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        const struct joined *joined = run(&box, LIST("--workdir", path), SH("ls"), NULL);
        assert_int_equal(joined->status, 125);
        assert_string_equal(joined->out, "");
    }
    close(leak);
    int out[2];
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    pid_t pid = spawn(&box, NONE, SH("echo; exec sleep 1000"), 0, out[1], 2);
    assert_int_equal(read(out[0], image, 1), 1);
    snprintf(path, sizeof path, "/proc/%d/exe", pid);
    assert_true(readlink(path, image, sizeof image - 1) > 0);
    assert_true(wc_str_starts(image, "/memfd:wcompose-join"));
    kill(pid, SIGTERM);
    assert_int_equal(shell_status(pid), 143);
    int again = open(path, O_WRONLY);
    assert_int_equal(again, -1);
    close(out[0]);
    close(out[1]);
    /* the attack itself: inside, our own image is what /proc/self/exe names; it can't be written */
    const struct joined *self = run(&box, NONE, LIST("/proc/self/exe"), NULL);
    assert_int_equal(self->status, 125);
    assert_non_null(strstr(self->err, "usage"));
    close_sleeper(&box);
}

WC_MAIN(WC_CASE(exit_statuses), WC_CASE(a_reused_pid_is_refused), WC_CASE(surroundings),
        WC_CASE(variables_stay_out_of_the_arguments), WC_CASE(users_are_the_instances),
        WC_CASE(rights), WC_CASE(in_the_instances_cgroups), WC_CASE(stdin_only_if_asked_for),
        WC_CASE(signals_are_passed_on), WC_CASE(killing_join_kills_the_program), WC_CASE(detached),
        WC_CASE(a_detached_program_keeps_a_parent), WC_CASE(terminal),
        WC_CASE(the_callers_terminal), WC_CASE(nothing_of_the_host_leaks))
