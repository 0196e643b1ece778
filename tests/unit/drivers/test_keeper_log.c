/* test_keeper_log.c - the keeper's log: complete, in order, always JSON, rotated, loss-free. */
#include "unit/drivers/keeper_box.h"

#include <sys/file.h>
#include <sys/prctl.h>

enum { LINES = 20000 };

enum { MOST_BYTES = 1 << 30 }; /* of a program that writes as fast as it can */

/* All of the log, oldest file first, appended to `out`; returns the number of files. */
static unsigned read_log(const struct box *box, struct wc_buf *out)
{
    struct wc_err err;
    char name[64];
    unsigned files = 1;
    for (;; files++) {
        snprintf(name, sizeof name, "lib/log.json.%u", files);
        if (access(box_path(box, name), F_OK) != 0)
            break;
    }
    for (unsigned i = files - 1; i > 0; i--) {
        snprintf(name, sizeof name, "lib/log.json.%u", i);
        assert_int_equal(wc_fs_read(box_path(box, name), MOST_BYTES, out, &err), 0);
    }
    assert_int_equal(wc_fs_read(box_path(box, "lib/log.json"), MOST_BYTES, out, &err), 0);
    return files;
}

/* Counts the records "{"log":"WORD <n>\n" of a stream and checks that n goes 0, 1, 2 … */
static unsigned count_in_order(const struct wc_buf *log, const char *word, const char *stream)
{
    char want[192], tag[64];
    unsigned next = 0;
    snprintf(tag, sizeof tag, "\"stream\":\"%s\",\"time\":\"20", stream);
    for (const char *line = log->data; *line != '\0'; line = strchr(line, '\n') + 1) {
        if (!wc_str_starts(line + 8, word))
            continue;
        snprintf(want, sizeof want, "{\"log\":\"%s %u\\n\",%s", word, next, tag);
        if (!wc_str_starts(line, want))
            fail_msg("line %u of %s is %.80s", next, stream, line);
        next++;
    }
    return next;
}

static void complete_and_in_order(void **state)
{
    (void)state;
    static const char program[] =
        "i=0; while [ $i -lt 20000 ]; do echo out $i; echo err $i >&2; i=$((i+1)); done; exit 5";
    for (size_t r = 0; r < WC_COUNT(box_runtimes); r++) {
        WC_CLEANUP_BUF struct wc_buf log = WC_BUF_INIT;
        struct box box = { .runtime = box_runtimes[r],
                           .program = program,
                           .extra = "log_max_bytes=300000\nlog_max_files=100" };
        box_run(&box);
        assert_true(wc_str_starts(box.packet, "exited 5 "));
        assert_in_range(read_log(&box, &log), 8, 20); /* 3.4 MB in files of 0.3 */
        assert_int_equal(count_in_order(&log, "out", "stdout"), LINES);
        assert_int_equal(count_in_order(&log, "err", "stderr"), LINES);
        box_expect_end(&box, 0);
        box_close(&box);
    }
}

static void rotation_keeps_the_newest(void **state)
{
    (void)state;
    for (unsigned files = 1; files <= 3; files++) {
        WC_CLEANUP_BUF struct wc_buf log = WC_BUF_INIT;
        char extra[64];
        struct stat st;
        struct box box = { .runtime = "crun", .program = "seq 1 30000", .extra = extra };
        snprintf(extra, sizeof extra, "log_max_bytes=100000\nlog_max_files=%u", files);
        box_run(&box);
        assert_int_equal(read_log(&box, &log), files);
        assert_int_equal(stat(box_path(&box, "lib/log.json"), &st), 0);
        assert_in_range(st.st_size, 1, 110000);
        assert_int_equal(st.st_mode & 0777, 0640 & ~077); /* nobody else's */
        assert_non_null(strstr(log.data, "\"log\":\"30000\\n\""));
        assert_null(strstr(log.data, "\"log\":\"1\\n\""));
        box_expect_end(&box, 0);
        box_close(&box);
    }
}

static const char *field(const char **at, struct wc_json **tree, const char *name)
{
    struct wc_err err;
    size_t len = strcspn(*at, "\n");
    if (len == 0)
        return NULL;
    if (wc_json_parse(*at, len, tree, &err) != 0)
        fail_msg("not JSON: %.200s (%s)", *at, err.msg);
    *at += len + 1;
    return wc_json_str(wc_json_get(*tree, name), NULL);
}

static void odd_bytes_are_json(void **state)
{
    (void)state;
    static const char program[] =
        "printf 'q\" b\\\\ t\\t r\\r c\\001\\177\\n'; printf 'bad "
        "\\377\\300\\257\\355\\240\\200.\\n';"
        "printf 'gr\\303\\274n \\342\\202\\254 \\360\\237\\230\\200\\n'; printf '\\n';"
        "printf 'unfinished'";
    static const char *const want[] = {
        "q\" b\\ t\t r\r c\x01\x7f\n",
        "bad \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd.\n",
        "gr\xc3\xbcn \xe2\x82\xac \xf0\x9f\x98\x80\n",
        "\n",
        "unfinished",
    };
    WC_CLEANUP_BUF struct wc_buf log = WC_BUF_INIT;
    struct box box = { .runtime = "crun", .program = program };
    box_run(&box);
    read_log(&box, &log);
    const char *at = log.data;
    for (size_t i = 0; i < WC_COUNT(want); i++) {
        WC_CLEANUP_JSON struct wc_json *tree = NULL;
        assert_string_equal(field(&at, &tree, "log"), want[i]);
        const char *time = wc_json_str(wc_json_get(tree, "time"), "");
        assert_int_equal(strlen(time), 30); /* 2026-11-24T04:00:00.123456789Z */
        assert_int_equal(time[10], 'T');
        assert_int_equal(time[19], '.');
        assert_int_equal(time[29], 'Z');
    }
    assert_string_equal(at, "");
    box_expect_end(&box, 0);
    box_close(&box);
}

/* 16 KiB parts; a part never ends within a character. */
static void long_lines_come_in_parts(void **state)
{
    (void)state;
    static const struct {
        const char *program;
        size_t parts[4]; /* bytes; the last one with its newline */
    } rows[] = {
        { "head -c 40000 /dev/zero | tr '\\0' x; echo", { 16384, 16384, 7233 } },
        { "head -c 16384 /dev/zero | tr '\\0' x; echo", { 16385 } },
        { "head -c 16385 /dev/zero | tr '\\0' x; echo", { 16384, 2 } },
        /* 1 + 16384 bytes of two-byte characters: the cut moves back by one */
        { "printf x; yes \xc3\xbc | head -n 8192 | tr -d '\\n'; echo", { 16383, 3 } },
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        WC_CLEANUP_BUF struct wc_buf log = WC_BUF_INIT;
        struct box box = { .runtime = "crun", .program = rows[i].program };
        box_run(&box);
        read_log(&box, &log);
        const char *at = log.data;
        for (size_t p = 0; p < WC_COUNT(rows[i].parts) && rows[i].parts[p] != 0; p++) {
            WC_CLEANUP_JSON struct wc_json *tree = NULL;
            const char *text = field(&at, &tree, "log");
            assert_non_null(text);
            assert_int_equal(strlen(text), rows[i].parts[p]);
            bool last = p + 1 == WC_COUNT(rows[i].parts) || rows[i].parts[p + 1] == 0;
            assert_int_equal(text[strlen(text) - 1] == '\n', last);
        }
        assert_string_equal(at, "");
        box_expect_end(&box, 0);
        box_close(&box);
    }
}

static void no_log_does_not_block(void **state)
{
    (void)state;
    struct box box = { .runtime = "crun",
                       .program = "seq 1 200000; seq 1 200000 >&2",
                       .extra = "log=none" };
    box_run(&box);
    assert_true(wc_str_starts(box.packet, "exited 0 "));
    assert_int_equal(access(box_path(&box, "lib/log.json"), F_OK), -1);
    box_expect_end(&box, 0);
    box_close(&box);
}

/* The line is in the log when it was written, not when the program ends or writes more. */
static void lines_arrive_at_once(void **state)
{
    (void)state;
    struct box box = { .runtime = "crun",
                       .program = "printf 'half'; echo ' whole'; read x",
                       .extra = "stdin=fifo" };
    box_open(&box);
    box_start(&box);
    int ms = 0;
    while (strstr(box_read(box_path(&box, "lib/log.json")), "half whole\\n") == NULL) {
        assert_true(ms++ < BOX_WAIT_MS);
        usleep(1000);
    }
    kill((pid_t)box.pid, SIGKILL);
    box_expect(&box, "exited 137 ");
    box_expect_end(&box, 0);
    box_close(&box);
}

/* kill -9 of the keeper: what the log doesn't have is still in the FIFO; at most the last batch is
 * in both. The container itself goes on. */
static void killed_keeper_loses_no_line(void **state)
{
    (void)state;
    WC_CLEANUP_BUF struct wc_buf log = WC_BUF_INIT;
    struct box box = { .runtime = "crun",
                       .program = "i=0; while :; do echo l $i; i=$((i+1)); done" };
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    box_open(&box);
    box_start(&box);
    int fifo = open(box_path(&box, "run/stdout"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(fifo >= 0); /* as a successor, which opens it by name */
    while (strlen(box_read(box_path(&box, "lib/log.json"))) < 60000)
        usleep(1000);
    kill(box.keeper, SIGKILL);
    assert_int_equal(box_wait_keeper(&box), 137);
    assert_int_equal(kill((pid_t)box.pid, 0), 0);
    read_log(&box, &log);
    unsigned logged = count_in_order(&log, "l", "stdout"), first = 0;
    static char rest[1 << 20];
    struct pollfd more = { .fd = fifo, .events = POLLIN };
    assert_int_equal(poll(&more, 1, BOX_WAIT_MS), 1); /* the writer goes on */
    ssize_t len = read(fifo, rest, sizeof rest - 1);
    assert_true(len > 0);
    rest[len] = '\0';
    assert_int_equal(sscanf(rest, "l %u\n", &first), 1); /* no line was torn either */
    assert_in_range(first, 0, logged);
    kill((pid_t)box.pid, SIGKILL);
    close(fifo);
    assert_int_equal(waitpid((pid_t)box.pid, NULL, 0), box.pid); /* ours by adoption */
    box_remove_cgroups(&box);                                    /* nobody else is left to do it */
    box_close(&box);
}

/* Starts a second keeper in the place of a killed one. */
static void adopt(struct box *box)
{
    char program[512], run[256];
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    box_program_path("wcompose-keeper", program);
    snprintf(run, sizeof run, "%s", box_path(box, "run"));
    box->keeper = fork();
    if (box->keeper == 0) {
        int theirs = fcntl(ends[1], F_DUPFD_CLOEXEC, 20);
        dup2(theirs, WC_KEEPER_CLIENT_FD);
        for (int fd = WC_KEEPER_CLIENT_FD + 1; fd < 20; fd++)
            close(fd);
        execl(program, program, run, "adopt", NULL);
        _exit(127);
    }
    close(ends[1]);
    box->link = ends[0];
}

/* kill -9 of the keeper again and again: its successors lose no line and double none, and know how
 * the program ended although they aren't its parent. */
static void successors_of_killed_keepers(void **state)
{
    (void)state;
    WC_CLEANUP_BUF struct wc_buf log = WC_BUF_INIT;
    struct box box = { .runtime = "crun",
                       .program = "trap 'go=; ' USR1; go=y; i=0; while [ $go ]; do echo l $i; "
                                  "i=$((i+1)); done; echo l $i; exit 42" };
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    box_open(&box);
    box_start(&box);
    for (unsigned kills = 0; kills < 60; kills++) {
        usleep(3000 + kills * 57 % 1000);
        pid_t killed = box.keeper;
        assert_int_equal(kill(killed, SIGKILL), 0);
        siginfo_t info;
        bool reaped = kills % 3 == 0; /* else it is there still, without doing anything */
        int flags = WEXITED | (reaped ? 0 : WNOWAIT);
        if (kills % 3 == 2) /* on its way out: its end of the connection is what goes first */
            while (recv(box.link, box.packet, sizeof box.packet, 0) > 0)
                ;
        else
            assert_int_equal(waitid(P_PID, (id_t)killed, &info, flags), 0);
        close(box.link);
        adopt(&box);
        box_expect(&box, "running ");
        if (!reaped)
            assert_int_equal(waitpid(killed, NULL, 0), killed);
    }
    pid_t program = (pid_t)box.pid;
    assert_int_equal(kill(program, SIGUSR1), 0);
    siginfo_t info;
    if (strstr(box.packet, "exited") == NULL && access("/proc/self/fdinfo", R_OK) == 0)
        assert_int_equal(waitid(P_PID, (id_t)program, &info, WEXITED), 0); /* ours by adoption */
    box_expect(&box, "exited 42 0 0 ");
    box_expect_end(&box, 0);
    assert_true(strncmp(box_read(box_path(&box, "lib/exit")), "42 0 0 ", 7) == 0);
    read_log(&box, &log);
    unsigned lines = count_in_order(&log, "l", "stdout");
    assert_true(lines > 1000);
    box_close(&box);
}

/* A program that writes faster than the log: every batch is full of short lines, which make more
 * records than one write takes. */
static void full_batches_are_not_doubled(void **state)
{
    (void)state;
    WC_CLEANUP_BUF struct wc_buf log = WC_BUF_INIT;
    struct box box = { .runtime = "crun",
                       .program = "awk 'BEGIN { for (i = 0; i < 150000; i++) print \"l \" i }'" };
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    box_open(&box);
    box_start(&box);
    bool ended = false;
    for (unsigned kills = 0; kills < 40 && !ended; kills++) {
        usleep(2000 + kills * 391 % 3000);
        if (kill(box.keeper, SIGKILL) != 0)
            break;
        assert_int_equal(waitpid(box.keeper, NULL, 0), box.keeper);
        ended = kill((pid_t)box.pid, 0) != 0;
        close(box.link);
        adopt(&box);
        ended = recv(box.link, box.packet, sizeof box.packet, MSG_PEEK) <= 0;
        if (!ended)
            box_expect(&box, "running ");
    }
    if (!ended)
        box_expect(&box, "exited 0 ");
    read_log(&box, &log);
    assert_true(count_in_order(&log, "l", "stdout") > 1000);
    box_close(&box);
}

/* The lock of one that was killed goes with the last of it, some time after its connection. */
static void a_lock_is_waited_for(void **state)
{
    (void)state;
    struct box box = { .runtime = "crun", .program = "sleep 100" };
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    box_open(&box);
    box_start(&box);
    assert_int_equal(kill(box.keeper, SIGKILL), 0);
    assert_int_equal(waitpid(box.keeper, NULL, 0), box.keeper);
    close(box.link);
    int held = open(box_path(&box, "run"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(flock(held, LOCK_EX | LOCK_NB), 0);
    adopt(&box);
    usleep(200000);
    assert_int_equal(waitpid(box.keeper, NULL, WNOHANG), 0);
    close(held);
    box_expect(&box, "running ");
    assert_int_equal(kill((pid_t)box.pid, SIGKILL), 0);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)box.pid, &info, WEXITED), 0);
    box_expect(&box, "exited 137 9 ");
    box_expect_end(&box, 0);
    box_close(&box);
}

/* Who isn't needed goes, and leaves everything as it was. */
static void nothing_to_adopt(void **state)
{
    (void)state;
    struct box box = { .runtime = "crun", .program = "sleep 100" };
    box_open(&box);
    box_start(&box);
    struct box second = box;
    adopt(&second);
    assert_int_equal(box_wait_keeper(&second), 1);
    close(second.link);
    assert_non_null(strstr(box_read(box_path(&box, "run/status")), "running "));
    kill((pid_t)box.pid, SIGKILL);
    box_expect(&box, "exited 137 9 ");
    box_expect_end(&box, 0);
    box_close(&box);
}

WC_MAIN(WC_CASE(complete_and_in_order), WC_CASE(rotation_keeps_the_newest),
        WC_CASE(odd_bytes_are_json), WC_CASE(long_lines_come_in_parts),
        WC_CASE(no_log_does_not_block), WC_CASE(lines_arrive_at_once),
        WC_CASE(killed_keeper_loses_no_line), WC_CASE(successors_of_killed_keepers),
        WC_CASE(full_batches_are_not_doubled), WC_CASE(a_lock_is_waited_for),
        WC_CASE(nothing_to_adopt))
