/* test_keeper.c - wcompose-keeper over real crun and runc: life, exit records, failures, clients.
 */
#include "unit/drivers/keeper_box.h"

#include <sys/file.h>

#include <elf.h>
#include <sched.h>

static void exit_codes(void **state)
{
    (void)state;
    static const struct {
        const char *program, *exited, *record;
    } rows[] = {
        { "exit 0", "exited 0 0 0 ", "0 0 0 " },
        { "exit 7", "exited 7 0 0 ", "7 0 0 " },
        { "exit 255", "exited 255 0 0 ", "255 0 0 " },
    };
    for (size_t r = 0; r < WC_COUNT(box_runtimes); r++)
        for (size_t i = 0; i < WC_COUNT(rows); i++) {
            struct box box = { .runtime = box_runtimes[r], .program = rows[i].program };
            box_run(&box);
            assert_true(wc_str_starts(box.packet, rows[i].exited));
            /* the record is on disk before we are told: code, signal, oom, ended, started */
            long long ended = 0, started = 0;
            const char *record = box_read(box_path(&box, "lib/exit"));
            assert_true(wc_str_starts(record, rows[i].record));
            assert_int_equal(sscanf(record, "%*d %*d %*d %lld %lld", &ended, &started), 2);
            assert_in_range(ended - started, 0, BOX_WAIT_MS);
            char status[601];
            snprintf(status, sizeof status, "%s\n", box.packet);
            assert_string_equal(box_read(box_path(&box, "run/status")), status);
            box_expect_end(&box, 0);
            box_close(&box);
        }
}

static void killed(void **state)
{
    (void)state;
    for (size_t r = 0; r < WC_COUNT(box_runtimes); r++) {
        struct box box = { .runtime = box_runtimes[r], .program = "exec sleep 1000" };
        box_open(&box);
        box_start(&box);
        assert_int_equal(kill((pid_t)box.pid, SIGKILL), 0);
        box_expect(&box, "exited 137 9 0 ");
        box_expect_end(&box, 0);
        assert_true(wc_str_starts(box_read(box_path(&box, "lib/exit")), "137 9 0 "));
        box_close(&box);
    }
}

/* Who leaves is spared the sync, not the record: a client that comes later still finds it. */
static void killed_while_leaving(void **state)
{
    (void)state;
    struct box box = { .runtime = "crun", .program = "exec sleep 1000" };
    box_open(&box);
    box_start(&box);
    box_send(&box, "leaving");
    assert_int_equal(kill((pid_t)box.pid, SIGKILL), 0);
    box_expect(&box, "exited 137 9 0 ");
    box_expect_end(&box, 0);
    assert_true(wc_str_starts(box_read(box_path(&box, "lib/exit")), "137 9 0 "));
    box_close(&box);
}

static void abort_of_created(void **state)
{
    (void)state;
    for (size_t r = 0; r < WC_COUNT(box_runtimes); r++) {
        struct box box = { .runtime = box_runtimes[r], .program = "echo never" };
        box_open(&box);
        box_create(&box);
        box_send(&box, "abort");
        box_expect(&box, "exited 137 9 0 ");
        long long started = -1;
        assert_int_equal(
            sscanf(box_read(box_path(&box, "lib/exit")), "%*d %*d %*d %*d %lld", &started), 1);
        assert_int_equal(started, 0);
        assert_string_equal(box_read(box_path(&box, "lib/log.json")), "");
        box_expect_end(&box, 0);
        box_close(&box);
    }
}

/* An impatient client may send both before there is anything to start or to give up. */
static void early_commands(void **state)
{
    (void)state;
    struct box box = { .runtime = "crun", .program = "exit 4" };
    box_open(&box);
    box_spawn(&box);
    box_send(&box, "start");
    box_expect(&box, "created ");
    box_expect(&box, "running ");
    box_expect(&box, "exited 4 ");
    box_expect_end(&box, 0);
    box_close(&box);

    struct box other = { .runtime = "crun", .program = "exit 4" };
    box_open(&other);
    box_spawn(&other);
    box_send(&other, "abort");
    box_expect(&other, "created ");
    box_expect(&other, "exited 137 9 ");
    box_expect_end(&other, 0);
    box_close(&other);
}

static void missing_program(void **state)
{
    (void)state;
    for (size_t r = 0; r < WC_COUNT(box_runtimes); r++) {
        struct box box = { .runtime = box_runtimes[r], .argv0 = "/bin/no-such-program" };
        box_open(&box);
        box_spawn(&box);
        box_expect(&box, "failed ");
        assert_non_null(strstr(box.packet, "/bin/no-such-program"));
        assert_non_null(strstr(box_read(box_path(&box, "run/status")), "/bin/no-such-program"));
        assert_non_null(strstr(box_read(box_path(&box, "run/keeper.err")), "no-such-program"));
        box_expect_end(&box, 1);
        assert_string_equal(box_read(box_path(&box, "lib/log.json")), ""); /* not the log's */
        assert_int_equal(access(box_path(&box, "lib/exit"), F_OK), -1);
        box_close(&box);
    }
}

static void bad_settings(void **state)
{
    (void)state;
    static const struct {
        const char *extra, *said;
    } rows[] = {
        { "runtime=/nonexistent/crun", "failed run /nonexistent/crun: No such file" },
        { "colour=blue", "failed settings: unknown key colour" },
        { "log_max_bytes=1k", "failed settings: not a number: log_max_bytes" },
        { "log_max_files=0", "failed settings: out of range: log_max_files" },
        { "tty=yes", "failed settings: not 0 or 1: tty" },
        { "netns=elsewhere", "failed settings: netns is not new, host or a path: elsewhere" },
        { "lib=relative", "failed settings: not an absolute path: lib" },
        { "lower=a", "failed settings: missing rootfs" },
        { "log=syslog", "failed settings: unknown value of log" },
        { "netns=new\nnet_sysctl=kernel.panic=1", "failed network: bad net_sysctl kernel.panic=1" },
        { "netns=new\nnet_sysctl=net.no.such=1", "failed sysctl net.no.such=1: No such file" },
        { "netns=/nonexistent", "failed network: join /nonexistent: No such file" },
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        struct box box = { .runtime = "crun", .program = "exit 0", .extra = rows[i].extra };
        box_open(&box);
        box_spawn(&box);
        box_expect(&box, rows[i].said);
        assert_string_equal(box_receive(&box, box.link), "");
        assert_int_equal(box_wait_keeper(&box), 1);
        box_close(&box);
    }
}

static int connect_again(const struct box *box)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    snprintf(name.sun_path, sizeof name.sun_path, "%s/run/%s", box->root, WC_KEEPER_SOCKET);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&name, sizeof name), 0);
    return fd;
}

/* Supervisors come, die by SIGKILL, and come again; the instance doesn't notice. */
static void clients_come_and_go(void **state)
{
    (void)state;
    struct box box = { .runtime = "crun",
                       .program = "echo one; read x; exit 9",
                       .extra = "stdin=fifo" };
    char running[600];
    box_open(&box);
    box_start(&box);
    snprintf(running, sizeof running, "%s", box.packet);
    close(box.link); /* the first supervisor is gone */
    for (int i = 0; i < 20; i++) {
        pid_t client = fork();
        if (client == 0) {
            char packet[600];
            ssize_t len = recv(connect_again(&box), packet, sizeof packet, 0);
            _exit(len > 0 ? (kill(getpid(), SIGKILL), 1) : 2);
        }
        int status;
        assert_int_equal(waitpid(client, &status, 0), client);
        assert_true(WIFSIGNALED(status));
    }
    box.link = connect_again(&box);
    assert_string_equal(box_receive(&box, box.link), running);
    kill(box.keeper, SIGTERM); /* and none of these is a reason to go */
    kill(box.keeper, SIGINT);
    kill(box.keeper, SIGHUP);
    kill(box.keeper, SIGPIPE);
    box_send(&box, "nonsense");
    box_send(&box, "resize 1");
    int typed = open(box_path(&box, "run/stdin"), O_WRONLY | O_CLOEXEC);
    assert_int_equal(write(typed, "go\n", 3), 3);
    close(typed);
    box_expect(&box, "exited 9 0 0 ");
    box_expect_end(&box, 0);
    box_close(&box);
}

static void too_many_clients(void **state)
{
    (void)state;
    struct box box = { .runtime = "crun", .program = "exec sleep 1000" };
    int fds[40];
    box_open(&box);
    box_start(&box);
    for (size_t i = 0; i < WC_COUNT(fds); i++)
        fds[i] = connect_again(&box);
    unsigned served = 0;
    for (size_t i = 0; i < WC_COUNT(fds); i++) {
        served += wc_str_starts(box_receive(&box, fds[i]), "running ");
        close(fds[i]);
    }
    assert_in_range(served, 8, WC_COUNT(fds) - 1); /* the rest is turned away, not left waiting */
    kill((pid_t)box.pid, SIGKILL);
    box_expect(&box, "exited 137 "); /* the first one is still there */
    box_expect_end(&box, 0);
    box_close(&box);
}

static long switches(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    const char *at = strstr(box_read(path), "\nvoluntary_ctxt_switches:");
    assert_non_null(at);
    return strtol(strchr(at, ':') + 1, NULL, 10);
}

static void idle_means_no_wakeups(void **state)
{
    (void)state;
    struct box box = { .runtime = "crun", .program = "exec sleep 1000" };
    char path[64];
    long dirty_kib = 0;
    box_open(&box);
    box_start(&box);
    long before, after = -1;
    int tries = 0;
    do { /* it may have had something left to do */
        assert_true(tries++ < 20);
        before = switches(box.keeper);
        usleep(300000);
        after = switches(box.keeper);
    } while (after != before);
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", box.keeper);
    const char *anonymous = strstr(box_read(path), "Pss_Anon:");
    if (anonymous != NULL)
        assert_int_equal(sscanf(anonymous, "Pss_Anon: %ld", &dirty_kib), 1);
    assert_in_range(dirty_kib, 0, 64); /* 28 to 36 with musl */
    kill((pid_t)box.pid, SIGKILL);
    box_expect(&box, "exited 137 ");
    box_expect_end(&box, 0);
    box_close(&box);
}

/* Static, and yet wherever the kernel likes: no interpreter, and not linked to an address. */
static void programs_have_no_fixed_address(void **state)
{
    (void)state;
    static const char *const names[] = { "wcompose-keeper", "wcompose-join", "wcompose-init",
                                         "wcompose-dns" };
    for (size_t i = 0; i < WC_COUNT(names); i++) {
        char path[512];
        Elf64_Ehdr head;
        Elf64_Phdr part;
        box_program_path(names[i], path);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(pread(fd, &head, sizeof head, 0), sizeof head);
        assert_int_equal(head.e_type, ET_DYN);
        for (size_t k = 0; k < head.e_phnum; k++) {
            off_t at = (off_t)(head.e_phoff + k * sizeof part);
            assert_int_equal(pread(fd, &part, sizeof part, at), sizeof part);
            assert_int_not_equal(part.p_type, PT_INTERP);
        }
        close(fd);
    }
}

/* Two layers in the place of the box's root; `more` is one more record. */
static void lay_over(struct box *box, char extra[1024], const char *more)
{
    assert_int_equal(rename(box_path(box, "rootfs"), box_path(box, "base")), 0);
    assert_int_equal(mkdir(box_path(box, "rootfs"), 0755), 0);
    assert_int_equal(mkdir(box_path(box, "top"), 0755), 0);
    assert_int_equal(mkdir(box_path(box, "top/etc"), 0755), 0);
    assert_int_equal(mkdir(box_path(box, "up,per"), 0755), 0);
    assert_int_equal(mkdir(box_path(box, "work"), 0755), 0);
    box_write(box_path(box, "top/etc/passwd"), "from the top\n", 13);
    snprintf(extra, 1024,
             "layers=%s\nlower=top:base\nupper=%s/up,per\nwork=%s/work\nrootfs=%s/rootfs\n%s",
             box->root, box->root, box->root, box->root, more);
    box->extra = extra;
    box_settings(box);
}

/* A run that is followed by another one tells of its end first; the other one waits with its root
 * until the first has let go of it. */
static void roots_take_turns(void **state)
{
    (void)state;
    struct box box = { .runtime = "crun", .program = "exec sleep 1000" };
    char extra[1024];
    box_open(&box);
    lay_over(&box, extra, "again=always");
    int held = open(box_path(&box, "up,per"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(flock(held, LOCK_EX), 0);
    box_spawn(&box);
    struct pollfd link = { .fd = box.link, .events = POLLIN };
    assert_int_equal(poll(&link, 1, 300), 0);
    close(held);
    box_expect(&box, "created ");
    held = open(box_path(&box, "up,per"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(flock(held, LOCK_EX | LOCK_NB), -1);
    box_send(&box, "abort");
    box_expect(&box, "exited 137 9 0 ");
    assert_true(wc_str_starts(box_read(box_path(&box, "lib/exit")), "137 9 0 "));
    assert_int_equal(flock(held, LOCK_EX), 0);
    box_expect_end(&box, 0);
    close(held);
    box_close(&box);
}

static void overlay_root(void **state)
{
    (void)state;
    for (int read_only = 0; read_only < 2; read_only++) {
        struct box box = { .runtime = box_runtimes[read_only],
                           .program =
                               "cat /etc/passwd /added | head -1; echo x > /made || exit 3" };
        char extra[1024];
        box_open(&box);
        lay_over(&box, extra, read_only ? "read_only=1" : "read_only=0");
        box_start(&box);
        box_expect(&box, read_only ? "exited 3 " : "exited 0 ");
        assert_non_null(strstr(box_read(box_path(&box, "lib/log.json")), "from the top"));
        assert_null(strstr(box_read("/proc/self/mounts"), box.root)); /* never the host's */
        box_expect_end(&box, 0);
        assert_int_equal(access(box_path(&box, "up,per/made"), F_OK), read_only ? -1 : 0);
        box_close(&box);
    }
}

static void terminal(void **state)
{
    (void)state;
    for (size_t r = 0; r < WC_COUNT(box_runtimes); r++) {
        struct box box = { .runtime = box_runtimes[r],
                           .tty = true,
                           .extra = "stdin=fifo",
                           .program = "tty; stty size; read x; echo got $x; printf end" };
        box_open(&box);
        box_create(&box);
        box_send(&box, "resize 33 99");
        box_send(&box, "start");
        box_expect(&box, "running ");
        int typed = open(box_path(&box, "run/stdin"), O_WRONLY | O_CLOEXEC);
        assert_int_equal(write(typed, "word\n", 5), 5);
        close(typed);
        box_expect(&box, "exited 0 ");
        const char *log = box_read(box_path(&box, "lib/log.json"));
        assert_non_null(strstr(log, "\"log\":\"/dev/"));
        assert_non_null(strstr(log, "\"log\":\"33 99\\r\\n\""));
        assert_non_null(strstr(log, "\"log\":\"got word\\r\\n\""));
        assert_non_null(strstr(log, "\"log\":\"end\""));
        box_expect_end(&box, 0);
        box_close(&box);
    }
}

/* A non-root program can open its own output by name. */
static void output_of_a_user(void **state)
{
    (void)state;
    struct box box = { .runtime = "crun",
                       .as_user = true,
                       .program = "id -u; echo again > /proc/self/fd/1" };
    box_run(&box);
    assert_true(wc_str_starts(box.packet, "exited 0 "));
    assert_non_null(strstr(box_read(box_path(&box, "lib/log.json")), "1000\\n"));
    assert_non_null(strstr(box_read(box_path(&box, "lib/log.json")), "again\\n"));
    box_expect_end(&box, 0);
    box_close(&box);
}

static void out_of_memory(void **state)
{
    (void)state;
    struct statfs fs;
    struct box box = { .runtime = "crun",
                       .program = "exec tail /dev/zero",
                       .limits = "{\"memory\":{\"limit\":16777216,\"swap\":16777216}}" };
    char extra[256];
    box_open(&box);
    bool pure = statfs("/sys/fs/cgroup", &fs) == 0 && (unsigned long)fs.f_type == 0x63677270;
    snprintf(extra, sizeof extra, "oom_file=/sys/fs/cgroup%s%s/%s", pure ? "" : "/memory",
             box_cgroup(&box), pure ? "memory.events" : "memory.oom_control");
    box.extra = extra;
    /* without a device list /dev/zero is made by hand */
    box_settings(&box);
    box_create(&box);
    if (access(strchr(extra, '/'), R_OK) != 0) {
        kill((pid_t)box.pid, SIGKILL);
        box_expect(&box, "exited ");
        box_expect_end(&box, 0);
        box_close(&box);
        WC_SKIP("needs a memory controller");
    }
    box_send(&box, "start");
    box_expect(&box, "running ");
    box_expect(&box, "exited 137 9 1 ");
    assert_true(wc_str_starts(box_read(box_path(&box, "lib/exit")), "137 9 1 "));
    box_expect_end(&box, 0);
    box_close(&box);
}

/* Somebody else who has the container's output and writes on and on: the exit is told all the same.
 */
static void a_writer_outlives_the_program(void **state)
{
    (void)state;
    struct box box = { .runtime = "crun", .program = "exit 6", .extra = "log=none" };
    char chunk[4096];
    memset(chunk, 'x', sizeof chunk);
    chunk[sizeof chunk - 1] = '\n';
    box_open(&box);
    box_create(&box);
    pid_t writer = fork();
    if (writer == 0) {
        int fd = open(box_path(&box, "run/stdout"), O_WRONLY);
        for (int i = 0; fd >= 0 && i < 2000000; i++) /* ends some time, should the test be killed */
            if (write(fd, chunk, sizeof chunk) < 0)
                break;
        _exit(0);
    }
    box_send(&box, "start");
    box_expect(&box, "running ");
    box_expect(&box, "exited 6 ");
    kill(writer, SIGKILL);
    assert_int_equal(waitpid(writer, NULL, 0), writer);
    box_expect_end(&box, 0);
    box_close(&box);
}

WC_MAIN(WC_CASE(exit_codes), WC_CASE(killed), WC_CASE(killed_while_leaving),
        WC_CASE(abort_of_created), WC_CASE(early_commands), WC_CASE(missing_program),
        WC_CASE(bad_settings), WC_CASE(clients_come_and_go), WC_CASE(too_many_clients),
        WC_CASE(idle_means_no_wakeups), WC_CASE(programs_have_no_fixed_address),
        WC_CASE(overlay_root), WC_CASE(roots_take_turns), WC_CASE(terminal),
        WC_CASE(output_of_a_user), WC_CASE(out_of_memory), WC_CASE(a_writer_outlives_the_program))
