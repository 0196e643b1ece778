/* test_keeper_faults.c - every system call by which a keeper writes its records fails, one at a
 * time: the n-th of its kind, for every n, by strace's fault injection.
 *
 * Whatever fails, the keeper says how it goes (either what went wrong, or how the program ended)
 * and ends; what it leaves behind is a whole record or none; the program isn't harmed.
 */
#include "keeper_box.h"

#include <sys/prctl.h>

enum { CALLS_MAX = 60 };

static const char *const calls[] = { "open",   "openat",   "write",    "fsync",
                                     "rename", "renameat", "ftruncate" };

/* How often the call is made in a run without faults; strace writes a line for each. */
static unsigned count_lines(const char *text)
{
    unsigned n = 0;
    for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
        n++;
    return n;
}

static void start_traced(struct box *box, const char *call, const char *fault)
{
    char program[512], trace[64], inject[128], run[256], log[256];
    int ends[2];
    snprintf(trace, sizeof trace, "trace=%s", call);
    snprintf(inject, sizeof inject, "inject=%s:%s", call, fault != NULL ? fault : "delay_enter=0");
    snprintf(run, sizeof run, "%s", box_path(box, "run"));
    snprintf(log, sizeof log, "%s", box_path(box, "trace"));
    box_program_path("wcompose-keeper", program);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    box->keeper = fork();
    if (box->keeper == 0) {
        int theirs = fcntl(ends[1], F_DUPFD_CLOEXEC, 20);
        int err = open(box_path(box, "run/keeper.err"), O_WRONLY | O_CREAT | O_APPEND, 0600);
        dup2(err, 1);
        dup2(err, 2);
        dup2(theirs, WC_KEEPER_CLIENT_FD);
        for (int fd = WC_KEEPER_CLIENT_FD + 1; fd < 20; fd++)
            close(fd);
        execl(box_find("strace"), "strace", "-D", "-qq", "-o", log, "-e", trace, "-e",
              fault != NULL ? inject : trace, program, run, NULL);
        _exit(127);
    }
    close(ends[1]);
    box->link = ends[0];
}

/* The last word of the keeper: "exited …" or "failed …". "start" is sent when it is asked for. */
static void last_word(struct box *box, char word[64])
{
    struct pollfd poll_fd = { .fd = box->link, .events = POLLIN };
    char packet[600];
    word[0] = '\0';
    for (;;) {
        assert_int_equal(poll(&poll_fd, 1, BOX_WAIT_MS), 1);
        ssize_t len = recv(box->link, packet, sizeof packet - 1, 0);
        if (len <= 0)
            return;
        packet[len] = '\0';
        if (wc_str_starts(packet, "created "))
            assert_true(send(box->link, "start", 5, MSG_NOSIGNAL) >= 0 || errno == EPIPE);
        if (wc_str_starts(packet, "exited ") || wc_str_starts(packet, "failed "))
            snprintf(word, 64, "%.63s", packet);
    }
}

/* One run. Returns how often the call was made. */
static unsigned run_with(const char *call, const char *fault)
{
    char word[64];
    struct box box = { .runtime = "crun", .program = "echo one; echo two >&2; exit 42" };
    if (box_find("strace") == NULL)
        WC_SKIP("needs strace");
    box_open(&box);
    start_traced(&box, call, fault);
    last_word(&box, word);
    box_wait_keeper(&box);
    close(box.link);
    bool failed = wc_str_starts(word, "failed ");
    if (!failed && !wc_str_starts(word, "exited 42 0 "))
        fail_msg("%s %s: the last word is '%s'", call, fault != NULL ? fault : "", word);
    const char *record = box_read(box_path(&box, "lib/exit"));
    if (record[0] != '\0' && (!wc_str_starts(record, "42 0 0 ") || strchr(record, '\n') == NULL))
        fail_msg("%s %s: the record is '%s'", call, fault != NULL ? fault : "", record);
    for (const char *log = box_read(box_path(&box, "lib/log.json")); *log != '\0';) {
        const char *end = strchr(log, '\n');
        if (end == NULL || !wc_str_starts(log, "{\"log\":\"") || strncmp(end - 3, "Z\"}", 3) != 0)
            fail_msg("%s %s: the log is '%s'", call, fault != NULL ? fault : "", log);
        log = end + 1;
    }
    unsigned n = count_lines(box_read(box_path(&box, "trace")));
    box_remove_cgroups(&box);
    box_close(&box);
    return n;
}

static void every_call(const char *error)
{
    char fault[64];
    unsigned faults = 0;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    for (size_t i = 0; i < WC_COUNT(calls); i++) {
        unsigned n = run_with(calls[i], NULL);
        for (unsigned at = 1; at <= n && at < CALLS_MAX; at++) {
            snprintf(fault, sizeof fault, "%s:when=%u", error, at);
            run_with(calls[i], fault);
            faults++;
        }
    }
    assert_true(faults > 20);
    print_message("%u faults\n", faults);
}

static void no_room(void **state)
{
    (void)state;
    every_call("error=ENOSPC");
}

static void bad_disk(void **state)
{
    (void)state;
    every_call("error=EIO");
}

static void interrupted(void **state)
{
    (void)state;
    every_call("error=EINTR");
}

WC_MAIN(WC_CASE(no_room), WC_CASE(bad_disk), WC_CASE(interrupted))
