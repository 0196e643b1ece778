/* test_monitor_client.c - vm/sock of wcompose-monitor: programs beside the service, connections,
 * looks, and what it does to clients that are gone, too many, or not root. */
#include "monitor_box.h"

#include <sys/resource.h>

#include "base/arena.h"
#include "base/paths.h"
#include "wcompose/vm_usage.h"

/* ---- a client ---- */

static int dial(const struct mon_box *box)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    snprintf(name.sun_path, sizeof name.sun_path, "%s/vm/" WC_MON_SOCKET, box->root);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&name, sizeof name), 0);
    return fd;
}

/* A packet of any bytes with any descriptors. */
static void ask_raw(int client, const void *data, size_t len, const int *fds, size_t n)
{
    union {
        char space[CMSG_SPACE(MON_MAX_FDS * sizeof(int))];
        struct cmsghdr align;
    } c = { .space = { 0 } };
    struct iovec iov = { (void *)(uintptr_t)data, len };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    if (n > 0) {
        msg.msg_control = c.space;
        msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
        c.align = (struct cmsghdr){ .cmsg_len = CMSG_LEN(n * sizeof(int)),
                                    .cmsg_level = SOL_SOCKET,
                                    .cmsg_type = SCM_RIGHTS };
        memcpy(CMSG_DATA(&c.align), fds, n * sizeof(int));
    }
    assert_int_equal(sendmsg(client, &msg, MSG_NOSIGNAL), (ssize_t)len);
}

static void ask(int client, unsigned type, const void *data, size_t len, const int *fds, size_t n)
{
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    mon_put_frame(&out, type, 0, data, len);
    ask_raw(client, out.data, out.len, fds, n);
}

/* What it is told: the type; of ENDED the code, and why. 0 = the monitor hung up. */
static unsigned told(int client, struct wc_vm_ended *ended, char why[WC_VM_TEXT_MAX + 1])
{
    char packet[2048];
    struct wc_vm_head head;
    assert_true(mon_ready(client, POLLIN, MON_WAIT_MS));
    ssize_t len = recv(client, packet, sizeof packet, 0);
    if (len <= 0)
        return 0;
    assert_true(len >= (ssize_t)sizeof head);
    memcpy(&head, packet, sizeof head);
    assert_int_equal(head.len, (size_t)len - sizeof head);
    if (head.type != WC_VM_ENDED)
        return head.type;
    assert_true(head.len >= sizeof *ended);
    memcpy(ended, packet + sizeof head, sizeof *ended);
    size_t more = head.len - sizeof *ended;
    memcpy(why, packet + sizeof head + sizeof *ended, more);
    why[more] = '\0';
    return head.type;
}

static void expect_ended(int client, unsigned code, const char *why)
{
    struct wc_vm_ended ended = { 0 };
    char text[WC_VM_TEXT_MAX + 1];
    assert_int_equal(told(client, &ended, text), WC_VM_ENDED);
    assert_int_equal(ended.code, code);
    assert_string_equal(text, why);
    assert_int_equal(told(client, &ended, text), 0);
    close(client);
}

static void expect_runs(int client)
{
    struct wc_vm_ended ended;
    char text[WC_VM_TEXT_MAX + 1];
    assert_int_equal(told(client, &ended, text), WC_VM_RUNS);
}

/* ---- a program ---- */

struct program {
    int client, in, out, err; /* our ends */
    unsigned n;               /* its stream */
};

static const char run_record[] = "arg=ls";

static void begin(struct mon_box *box, struct program *p)
{
    int in[2], out[2], err[2];
    assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC) | pipe2(err, O_CLOEXEC), 0);
    *p = (struct program){ .client = dial(box), .in = in[1], .out = out[0], .err = err[0] };
    ask(p->client, WC_VM_RUN, run_record, sizeof run_record, (int[]){ in[0], out[1], err[1] }, 3);
    close(in[0]);
    close(out[1]);
    close(err[1]);
    const struct mon_frame *frame = mon_hear(box);
    assert_int_equal(frame->head.type, WC_VM_RUN);
    assert_int_equal(frame->head.len, sizeof run_record);
    assert_memory_equal(frame->data, run_record, sizeof run_record);
    p->n = frame->head.stream;
    assert_true(p->n > 0 && p->n < WC_VM_STREAMS);
}

static void run(struct mon_box *box, struct program *p)
{
    begin(box, p);
    mon_say_u32(box, WC_VM_RUNS, p->n, 42);
    expect_runs(p->client);
}

static void end(struct program *p)
{
    mon_shut(&p->in);
    mon_shut(&p->out);
    mon_shut(&p->err);
}

static void a_program(void **state)
{
    struct mon_box box = { 0 };
    struct program p;
    static char out[WC_VM_WINDOW], text[2 * WC_VM_WINDOW];
    (void)state;
    mon_run(&box);
    begin(&box, &p);
    assert_int_equal(write(p.in, "early", 5), 5);
    mon_expect_quiet(&box); /* it doesn't run yet */
    mon_say_u32(&box, WC_VM_RUNS, p.n, 42);
    expect_runs(p.client);
    assert_memory_equal(mon_expect(&box, WC_VM_INPUT, p.n, 5)->data, "early", 5);
    mon_shut(&p.in);
    mon_expect(&box, WC_VM_INPUT_END, p.n, 0);
    assert_true(fcntl(p.out, F_SETPIPE_SZ, 4096) > 0);
    memset(out, 'o', sizeof out);
    mon_say_output(&box, p.n, 2, "complaint", 9);
    mon_say_output(&box, p.n, 1, out, WC_VM_WINDOW / 2);
    mon_say_ended(&box, p.n, (struct wc_vm_ended){ .code = 7 }, "");
    assert_false(mon_ready(p.client, POLLIN, MON_QUIET_MS)); /* all output comes first */
    mon_read_all(p.out, text, WC_VM_WINDOW / 2);
    mon_read_all(p.err, text, 9);
    expect_ended(p.client, 7, "");
    end(&p);
    run(&box, &p); /* and the service was not touched */
    end(&p);
    close(p.client);
    mon_expect(&box, WC_VM_INPUT_END, p.n, 0);
    mon_expect(&box, WC_VM_CLOSE, p.n, 0);
    mon_close(&box);
}

static void words_to_a_program(void **state)
{
    struct mon_box box = { 0 };
    struct program p;
    const uint32_t sigusr1 = SIGUSR1;
    const uint16_t size[2] = { 30, 90 };
    (void)state;
    mon_run(&box);
    run(&box, &p);
    ask(p.client, WC_VM_SIGNAL, &sigusr1, sizeof sigusr1, NULL, 0);
    assert_int_equal(mon_expect_u32(&box, WC_VM_SIGNAL, p.n), SIGUSR1);
    ask(p.client, WC_VM_SIZE, size, sizeof size, NULL, 0);
    assert_memory_equal(mon_expect(&box, WC_VM_SIZE, p.n, sizeof size)->data, size, sizeof size);
    ask(p.client, WC_VM_SIGNAL, &sigusr1, 3, NULL, 0); /* of no size that it has, */
    ask(p.client, WC_VM_POWER_OFF, NULL, 0, NULL, 0);  /* not a client's to say, */
    ask(p.client, WC_VM_RUN, run_record, sizeof run_record, (int[]){ 0, 1, 2 }, 3); /* twice */
    mon_expect_quiet(&box);
    ask(p.client, WC_VM_CLOSE, NULL, 0, NULL, 0);
    mon_expect(&box, WC_VM_CLOSE, p.n, 0);
    mon_say_ended(&box, p.n, (struct wc_vm_ended){ .code = 137, .signal = 9 }, "");
    expect_ended(p.client, 137, "");
    end(&p);
    mon_close(&box);
}

static void a_program_goes_on_alone(void **state)
{
    struct mon_box box = { 0 };
    struct program p;
    (void)state;
    mon_run(&box);
    run(&box, &p);
    ask(p.client, WC_VM_INPUT_END, NULL, 0, NULL, 0);
    close(p.client);
    mon_expect_quiet(&box); /* no CLOSE */
    mon_say_output(&box, p.n, 1, "still here", 10);
    char text[32];
    mon_read_all(p.out, text, 10);
    mon_say_ended(&box, p.n, (struct wc_vm_ended){ .code = 0 }, "");
    assert_int_equal(mon_drain(p.out, text, sizeof text), 0);
    end(&p);
    run(&box, &p); /* its number is free again */
    end(&p);
    close(p.client);
    mon_close(&box);
}

/* Nobody waits for it any more, whether it runs yet or not; then ENDED is for nobody. */
static void a_client_is_gone(void **state)
{
    struct mon_box box = { 0 };
    struct program p;
    (void)state;
    mon_run(&box);
    for (int runs_yet = 0; runs_yet < 2; runs_yet++) {
        begin(&box, &p);
        if (runs_yet) {
            mon_say_u32(&box, WC_VM_RUNS, p.n, 42);
            expect_runs(p.client);
        }
        close(p.client);
        mon_expect(&box, WC_VM_CLOSE, p.n, 0);
        if (!runs_yet)
            mon_say_u32(&box, WC_VM_RUNS, p.n, 42);
        mon_say_ended(&box, p.n, (struct wc_vm_ended){ .code = 137 }, "");
        mon_expect_quiet(&box);
        end(&p);
    }
    mon_close(&box);
}

/* ---- the others ---- */

static void a_connection(void **state)
{
    struct mon_box box = { 0 };
    int ends[2], client;
    char text[16];
    (void)state;
    mon_run(&box);
    client = dial(&box);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    ask(client, WC_VM_CONNECT, "port=80", 8, &ends[1], 1);
    close(ends[1]);
    unsigned n = mon_hear(&box)->head.stream;
    assert_int_equal(box.frame.head.type, WC_VM_CONNECT);
    assert_string_equal(box.frame.data, "port=80");
    mon_say_u32(&box, WC_VM_RUNS, n, 0);
    expect_runs(client);
    assert_int_equal(write(ends[0], "GET", 3), 3);
    assert_memory_equal(mon_expect(&box, WC_VM_INPUT, n, 3)->data, "GET", 3);
    mon_say_output(&box, n, 1, "200", 3);
    mon_read_all(ends[0], text, 3);
    close(ends[0]); /* nobody has it any more */
    mon_expect(&box, WC_VM_CLOSE, n, 0);
    mon_say_ended(&box, n, (struct wc_vm_ended){ .code = 0 }, "");
    expect_ended(client, 0, "");
    mon_close(&box);
}

static void a_connection_that_is_refused(void **state)
{
    struct mon_box box = { 0 };
    int ends[2], client;
    (void)state;
    mon_run(&box);
    client = dial(&box);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    ask(client, WC_VM_CONNECT, "port=81", 8, &ends[1], 1);
    close(ends[1]);
    unsigned n = mon_hear(&box)->head.stream;
    mon_say_ended(&box, n, (struct wc_vm_ended){ .code = ECONNREFUSED }, "");
    expect_ended(client, ECONNREFUSED, "");
    assert_int_equal(read(ends[0], ends, 1), 0); /* the end that was handed over is closed */
    mon_close(&box);
}

static void a_look(void **state)
{
    struct mon_box box = { 0 };
    (void)state;
    mon_run(&box);
    int client = dial(&box);
    ask(client, WC_VM_LOOK, "path=/x", 8, NULL, 0);
    unsigned n = mon_hear(&box)->head.stream;
    assert_int_equal(box.frame.head.type, WC_VM_LOOK);
    assert_string_equal(box.frame.data, "path=/x");
    mon_say_ended(&box, n, (struct wc_vm_ended){ .code = ENOENT }, "");
    expect_ended(client, ENOENT, "");
    mon_close(&box);
}

static void a_signal_alone(void **state)
{
    struct mon_box box = { 0 };
    struct wc_vm_ended ended;
    char text[WC_VM_TEXT_MAX + 1];
    const uint32_t number = SIGKILL;
    (void)state;
    mon_run(&box);
    int client = dial(&box);
    ask(client, WC_VM_SIGNAL, &number, sizeof number, NULL, 0);
    assert_int_equal(mon_expect_u32(&box, WC_VM_SIGNAL, 0), SIGKILL);
    assert_int_equal(told(client, &ended, text), 0);
    close(client);
    mon_close(&box);
}

static void nothing_before_the_service_runs(void **state)
{
    struct mon_box box = { 0 };
    const uint32_t number = SIGKILL;
    (void)state;
    mon_open(&box);
    mon_meet_vmm(&box);
    mon_hello(&box);
    int client = dial(&box);
    ask(client, WC_VM_RUN, run_record, sizeof run_record, (int[]){ 0, 1, 2 }, 3);
    expect_ended(client, 125, "it is not running");
    client = dial(&box);
    ask(client, WC_VM_SIGNAL, &number, sizeof number, NULL, 0);
    expect_ended(client, 125, "it is not running");
    mon_expect_quiet(&box);
    mon_close(&box);
}

/* What breaks a rule is refused, or hung up on, and no descriptor of it stays. */
static void packets_that_break_rules(void **state)
{
    static const struct {
        unsigned type;
        size_t fds;
        bool refused; /* with a reason */
    } rows[] = { { WC_VM_RUN, 2, true },     { WC_VM_RUN, 0, true },     { WC_VM_RUN, 1, true },
                 { WC_VM_CONNECT, 0, true }, { WC_VM_CONNECT, 3, true }, { WC_VM_LOOK, 1, true },
                 { WC_VM_PING, 0, true },    { WC_VM_INPUT, 0, true },   { WC_VM_RUNS, 0, true },
                 { WC_VM_BEGIN, 0, true },   { 255, 0, true },           { WC_VM_RUN, 4, false },
                 { WC_VM_RUN, 8, false } };
    struct mon_box box = { 0 };
    struct program p;
    (void)state;
    mon_run(&box);
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        int pipe_ends[2], fds[MON_MAX_FDS], client = dial(&box);
        struct wc_vm_ended ended;
        char why[WC_VM_TEXT_MAX + 1], byte;
        assert_int_equal(pipe2(pipe_ends, O_CLOEXEC), 0);
        for (size_t k = 0; k < MON_MAX_FDS; k++)
            fds[k] = pipe_ends[1];
        ask(client, rows[i].type, "x", 2, fds, rows[i].fds);
        close(pipe_ends[1]);
        if (rows[i].refused)
            expect_ended(client, 125, "the monitor can't take that now");
        else
            assert_int_equal(told(client, &ended, why), 0);
        assert_true(mon_ready(pipe_ends[0], POLLIN, MON_WAIT_MS));
        assert_int_equal(read(pipe_ends[0], &byte, 1), 0);
        close(pipe_ends[0]);
    }
    mon_expect_quiet(&box);
    run(&box, &p);
    end(&p);
    close(p.client);
    mon_close(&box);
}

static void packets_that_are_no_frames(void **state)
{
    const struct wc_vm_head longer = { .len = 5, .type = WC_VM_LOOK };
    const struct wc_vm_head huge = { .len = UINT32_MAX, .type = WC_VM_LOOK };
    static char big[sizeof(struct wc_vm_head) + WC_VM_PAYLOAD_MAX + 1];
    const struct {
        const void *data;
        size_t len;
    } rows[] = {
        { "", 1 }, { &longer, sizeof longer }, { &huge, sizeof huge }, { big, sizeof big }
    };
    struct mon_box box = { 0 };
    struct program p;
    (void)state;
    memcpy(big, &longer, sizeof longer);
    mon_run(&box);
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        struct wc_vm_ended ended;
        char why[WC_VM_TEXT_MAX + 1];
        int client = dial(&box);
        ask_raw(client, rows[i].data, rows[i].len, NULL, 0);
        assert_int_equal(told(client, &ended, why), 0);
        close(client);
    }
    mon_expect_quiet(&box);
    run(&box, &p);
    end(&p);
    close(p.client);
    mon_close(&box);
}

/* ---- who may, and how many ---- */

/* The machine's own user can reach the socket's name, and is what a guest would be that broke out
 * into the VMM. */
static void only_root_may_ask(void **state)
{
    struct mon_box box = { 0 };
    int status;
    (void)state;
    mon_run(&box);
    pid_t pid = fork();
    if (pid == 0) {
        char byte;
        if (chroot(box.root) != 0 || chdir(WC_MON_DIR) != 0 ||
            setresgid(MON_UID, MON_UID, MON_UID) || setresuid(MON_UID, MON_UID, MON_UID))
            _exit(1);
        const struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = WC_MON_SOCKET };
        int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
        if (connect(fd, (const struct sockaddr *)&name, sizeof name) != 0)
            _exit(2);
        _exit(mon_ready(fd, POLLIN, MON_WAIT_MS) && recv(fd, &byte, 1, 0) <= 0 ? 0 : 3);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    mon_expect_quiet(&box);
    mon_close(&box);
}

static void sixty_four_clients(void **state)
{
    struct mon_box box = { 0 };
    struct program programs[WC_VM_STREAMS - 1];
    (void)state;
    mon_run(&box);
    for (unsigned i = 0; i < WC_COUNT(programs); i++) {
        run(&box, &programs[i]);
        assert_int_equal(programs[i].n, i + 1);
    }
    expect_ended(dial(&box), 125, "too many programs beside the service");
    for (unsigned i = 0; i < WC_COUNT(programs); i++) {
        char byte;
        mon_say_output(&box, programs[i].n, 1, "!", 1);
        mon_read_all(programs[i].out, &byte, 1);
    }
    mon_say_ended(&box, programs[9].n, (struct wc_vm_ended){ .code = 1 }, "");
    expect_ended(programs[9].client, 1, "");
    end(&programs[9]);
    run(&box, &programs[9]);
    assert_int_equal(programs[9].n, 10);
    mon_say_ended(&box, 0, (struct wc_vm_ended){ .code = 0 }, "");
    mon_power_off(&box);
    assert_int_equal(mon_status(&box), 0);
    for (unsigned i = 0; i < WC_COUNT(programs); i++) {
        end(&programs[i]);
        close(programs[i].client);
    }
    mon_close(&box);
}

/* ---- a guest that does not listen ---- */

static long cpu_ms(pid_t pid)
{
    char path[64], text[1024] = "";
    unsigned long user = 0, system = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(read(fd, text, sizeof text - 1) > 0);
    close(fd);
    const char *at = strrchr(text, ')');
    assert_int_equal(
        sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system), 2);
    return (long)((user + system) * 1000 / (unsigned long)sysconf(_SC_CLK_TCK));
}

/* Packets wait with the kernel; nobody spins meanwhile, and signals still have room. */
static void guest_that_does_not_listen(void **state)
{
    struct mon_box box = { 0 };
    static char record[60000];
    int clients[12], pipe_ends[2];
    unsigned runs = 0;
    (void)state;
    mon_run(&box);
    assert_int_equal(pipe2(pipe_ends, O_CLOEXEC), 0);
    for (size_t i = 0; i < WC_COUNT(clients); i++) {
        clients[i] = dial(&box);
        ask(clients[i], WC_VM_RUN, record, sizeof record,
            (int[]){ pipe_ends[0], pipe_ends[1], pipe_ends[1] }, 3);
    }
    usleep(200000);
    close(clients[11]); /* and one has gone again */
    long before = cpu_ms(box.monitor);
    usleep(700000);
    assert_true(cpu_ms(box.monitor) - before < 250);
    for (int i = 0; i < 20; i++) {
        kill(box.monitor, SIGUSR1);
        usleep(5000);
    }
    for (unsigned signals = 0; signals < 20 || runs < 12;) {
        const struct mon_frame *frame = mon_hear(&box);
        runs += frame->head.type == WC_VM_RUN;
        signals += frame->head.type == WC_VM_SIGNAL;
        if (frame->head.type == WC_VM_CLOSE)
            break;
    }
    assert_true(runs >= 11);
    mon_close(&box);
}

/* ---- what the guest uses ---- */

static const struct wc_vm_figures figures = { .cpu_ns = 7,
                                              .memory_bytes = 4096,
                                              .memory_max_bytes = WC_VM_UNKNOWN,
                                              .machine_bytes = (uint64_t)INT64_MAX + 1,
                                              .pids = 3 };

/* Asks as a command does, in a process of its own; ends with 0 when it got the above. */
static pid_t ask_for_figures(const struct mon_box *box, int expected)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    char dir[] = "/tmp/mon-run-XXXXXX", path[256];
    struct wc_paths paths = { .run = mkdtemp(dir) };
    struct wc_vm_figures_said said;
    struct wc_arena arena;
    struct wc_err err = { 0 };
    wc_arena_init(&arena);
    snprintf(path, sizeof path, "%s/projects/p/instances", dir);
    int rc = wc_fs_mkdirs(path, 0700, &err);
    if (rc == 0 && symlink(box->root, wc_paths_instance_run(&paths, &arena, "p", "i")) != 0)
        rc = WC_ERR_IO;
    if (rc == 0)
        rc = wc_vm_figures_ask(&paths, "p", "i", 500, &said, &err);
    bool well = rc == expected;
    if (rc == 0)
        well = well && said.cpu_ns == 7 && said.memory_bytes == 4096 && said.pids == 3 &&
               said.memory_max_bytes == WC_UNSET && said.machine_bytes == WC_UNSET;
    (void)wc_fs_remove_tree(dir, &err);
    wc_arena_deinit(&arena);
    _exit(well ? 0 : 1);
}

static int exit_of(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void figures_are_asked_for(void **state)
{
    struct mon_box box = { 0 };
    (void)state;
    mon_run(&box);
    pid_t who = ask_for_figures(&box, 0);
    const struct mon_frame *frame = mon_hear(&box);
    unsigned n = frame->head.stream;
    assert_int_equal(frame->head.type, WC_VM_STATS);
    assert_int_equal(frame->head.len, 0);
    mon_say(&box, WC_VM_FIGURES, n, &figures, sizeof figures);
    mon_say_ended(&box, n, (struct wc_vm_ended){ .code = 0 }, "");
    assert_int_equal(exit_of(who), 0);
    mon_close(&box);
}

/* A guest that doesn't answer is waited for no longer than was said; what comes then is for
 * nobody. */
static void figures_that_do_not_come(void **state)
{
    struct mon_box box = { 0 };
    (void)state;
    mon_run(&box);
    pid_t who = ask_for_figures(&box, WC_ERR_FAILED);
    unsigned n = mon_hear(&box)->head.stream;
    assert_int_equal(exit_of(who), 0);
    mon_expect(&box, WC_VM_CLOSE, n, 0);
    mon_say(&box, WC_VM_FIGURES, n, &figures, sizeof figures);
    mon_say_ended(&box, n, (struct wc_vm_ended){ .code = 0 }, "");
    mon_expect_quiet(&box);
    who = ask_for_figures(&box, WC_ERR_FAILED);
    n = mon_hear(&box)->head.stream;
    mon_say_ended(&box, n, (struct wc_vm_ended){ .code = 0 }, ""); /* without any */
    assert_int_equal(exit_of(who), 0);
    mon_close(&box);
}

static void figures_twice(void **state)
{
    struct mon_box box = { 0 };
    (void)state;
    mon_run(&box);
    pid_t who = ask_for_figures(&box, 0);
    unsigned n = mon_hear(&box)->head.stream;
    mon_say(&box, WC_VM_FIGURES, n, &figures, sizeof figures);
    mon_say(&box, WC_VM_FIGURES, n, &figures, sizeof figures);
    mon_expect_broken(&box, "cause the agent broke the protocol: a frame that may not come now");
    assert_int_equal(exit_of(who), 0);
    mon_close(&box);
}

MON_MAIN(WC_CASE(a_program), WC_CASE(words_to_a_program), WC_CASE(a_program_goes_on_alone),
         WC_CASE(a_client_is_gone), WC_CASE(a_connection), WC_CASE(a_connection_that_is_refused),
         WC_CASE(a_look), WC_CASE(a_signal_alone), WC_CASE(nothing_before_the_service_runs),
         WC_CASE(packets_that_break_rules), WC_CASE(packets_that_are_no_frames),
         WC_CASE(only_root_may_ask), WC_CASE(sixty_four_clients),
         WC_CASE(guest_that_does_not_listen), WC_CASE(figures_are_asked_for),
         WC_CASE(figures_that_do_not_come), WC_CASE(figures_twice))
