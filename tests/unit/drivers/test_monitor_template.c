/* test_monitor_template.c - wcompose-monitor writes a machine down, wakes one up, and starts anew
 * what doesn't come up. The case plays guest and emulator (monitor_box.h). */
// TIMEOUT: 120
#include "monitor_box.h"

static const char greeting[] = "{\"QMP\": {\"version\": {}, \"capabilities\": [\"oob\"]}}\r\n";
static const char done[] = "{\"return\": {}}\r\n";
static const char completed[] =
    "{\"timestamp\": {}, \"event\": \"MIGRATION\", \"data\": {\"status\": "
    "\"completed\"}}\r\n";
static const char setup[] = "{\"event\": \"MIGRATION\", \"data\": {\"status\": \"setup\"}}\r\n";
static const char failed[] = "{\"event\": \"MIGRATION\", \"data\": {\"status\": \"failed\"}}\r\n";
static const char refused[] = "{\"error\": {\"class\": \"GenericError\", \"desc\": \"no\"}}\r\n";
static const char no_use[] = "says the template is of no use, a cold start instead:";

/* ---- the emulator ---- */

static void say_qmp(const struct mon_box *box, const char *line)
{
    assert_int_equal(send(box->qmp, line, strlen(line), MSG_NOSIGNAL), (ssize_t)strlen(line));
}

/* One command; returns the descriptor that came with it, -1 = none. */
static int hear_qmp(const struct mon_box *box, const char *what)
{
    union {
        char space[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } c;
    char line[512];
    struct iovec iov = { line, sizeof line - 1 };
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = c.space, .msg_controllen = sizeof c.space
    };
    int fd = -1;
    assert_true(mon_ready(box->qmp, POLLIN, MON_WAIT_MS));
    ssize_t len = recvmsg(box->qmp, &msg, MSG_CMSG_CLOEXEC);
    assert_true(len > 2);
    line[len] = '\0';
    assert_string_equal(line + len - 2, "\r\n");
    assert_ptr_equal(strchr(line, '\n'), line + len - 1); /* one at a time */
    if (strstr(line, what) == NULL)
        fail_msg("%s instead of %s", line, what);
    if (msg.msg_controllen > 0)
        memcpy(&fd, CMSG_DATA(&c.align), sizeof fd);
    return fd;
}

/* A command without a descriptor, and its answer. */
static void serve(const struct mon_box *box, const char *what, const char *answer)
{
    assert_int_equal(hear_qmp(box, what), -1);
    say_qmp(box, answer);
}

static void greet(const struct mon_box *box)
{
    say_qmp(box, greeting);
    serve(box, "\"qmp_capabilities\"", done);
}

/* The descriptor of the state's file. */
static int hear_state(const struct mon_box *box)
{
    serve(box, "\"migrate-set-capabilities\"", done);
    int fd = hear_qmp(box, "\"getfd\"");
    assert_true(fd >= 0);
    say_qmp(box, done);
    return fd;
}

static void say_hello(const struct mon_box *box)
{
    static const char hello[] = { WC_VM_VERSION, 0, 0, 0, '6' };
    mon_say(box, WC_VM_HELLO, 0, hello, sizeof hello);
}

/* ---- writing down ---- */

static void begin_save(struct mon_box *box)
{
    mon_open(box);
    mon_meet_vmm(box);
    assert_int_equal(box->vmm_is, 'v');
    greet(box);
    assert_false(mon_ready(box->qmp, POLLIN, MON_QUIET_MS)); /* not before the agent is there */
    say_hello(box);
}

static void a_machine_is_written_down(void **state)
{
    struct mon_box box = { .mode = "save" };
    struct stat st;
    (void)state;
    begin_save(&box);
    serve(&box, "\"stop\"", done);
    int fd = hear_state(&box);
    assert_int_equal(write(fd, "what it is", 10), 10);
    close(fd);
    serve(&box, "\"migrate\"", done);
    say_qmp(&box, setup);
    mon_expect_quiet(&box); /* nothing that is one machine's own is said to it */
    assert_int_equal(kill(box.monitor, 0), 0);
    say_qmp(&box, completed);
    assert_int_equal(mon_status(&box), 0);
    assert_true(mon_vmm_is_gone(&box));
    assert_int_equal(stat(mon_path(&box, "vm/" WC_MON_STATE), &st), 0);
    assert_int_equal(st.st_size, 10);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(st.st_uid, MON_UID);
    assert_string_equal(mon_word_within(&box, 0), "");
    mon_close(&box);
}

/* Whatever goes wrong, nobody takes what is there for a template. */
static void writing_down_fails(void **state)
{
    (void)state;
    struct mon_box stop = { .mode = "save" }, late = { .mode = "save", .boot_ms = 12000 },
                   silent = { .mode = "save", .boot_ms = 4000 }, dead = { .mode = "save" },
                   broken = { .mode = "save" };
    begin_save(&stop);
    serve(&stop, "\"stop\"", refused);
    assert_non_null(strstr(mon_word_within(&stop, MON_WAIT_MS), "\"desc\": \"no\""));
    assert_int_equal(mon_status(&stop), 137);
    mon_close(&stop);

    begin_save(&late); /* the emulator says nothing more */
    assert_int_equal(hear_qmp(&late, "\"stop\""), -1);
    mon_expect_broken(&late, "failed the guest did not come up in time");
    mon_close(&late);

    mon_open(&silent);
    mon_meet_vmm(&silent);
    greet(&silent);
    mon_expect_broken(&silent, "failed the guest did not come up in time");
    mon_close(&silent);

    begin_save(&dead);
    serve(&dead, "\"stop\"", done);
    close(hear_state(&dead));
    mon_vmm_exits(&dead, 3);
    mon_expect_broken(&dead, "failed the virtual machine ended with status 3 before its agent was "
                             "heard of");
    mon_close(&dead);

    begin_save(&broken);
    serve(&broken, "\"stop\"", done);
    close(hear_state(&broken));
    serve(&broken, "\"migrate\"", done);
    say_qmp(&broken, failed);
    assert_non_null(strstr(mon_word_within(&broken, MON_WAIT_MS), "failed {\"event\""));
    assert_int_equal(mon_status(&broken), 137);
    mon_close(&broken);
}

/* ---- waking up ---- */

static void begin_restore(struct mon_box *box)
{
    mon_open(box);
    mon_meet_vmm(box);
    assert_int_equal(box->vmm_is, 'v');
    greet(box);
    int fd = hear_state(box);
    char text[16];
    assert_int_equal(pread(fd, text, sizeof text, 0), 7); /* the one that was made */
    assert_memory_equal(text, "devices", 7);
    assert_int_equal(write(fd, "x", 1), -1);
    close(fd);
    serve(box, "\"migrate-incoming\"", done);
    say_qmp(box, setup);
    mon_expect_quiet(box);
}

/* What it has to hear, which is its own: fresh entropy first. It is asked whether it lives, too. */
static void wake(struct mon_box *box, uint64_t *asked)
{
    say_qmp(box, completed);
    assert_int_equal(hear_qmp(box, "\"cont\""), -1);
    mon_expect(box, WC_VM_ENTROPY, 0, 64);
    mon_expect(box, WC_VM_CLOCK, 0, 8);
    memcpy(asked, mon_expect(box, WC_VM_PING, 0, 8)->data, sizeof *asked);
    mon_expect(box, WC_VM_CONF, 0, sizeof mon_boot_conf);
    mon_expect(box, WC_VM_BEGIN, 0, 0);
}

static void a_machine_is_woken(void **state)
{
    struct mon_box box = { .mode = "restore" };
    uint64_t asked;
    (void)state;
    begin_restore(&box);
    wake(&box, &asked);
    mon_say(&box, WC_VM_PONG, 0, &asked, sizeof asked);
    mon_say_u32(&box, WC_VM_RUNS, 0, 1);
    mon_expect_word(&box, "started");
    mon_say_ended(&box, 0, (struct wc_vm_ended){ .code = 4 }, "");
    mon_power_off(&box);
    assert_int_equal(mon_status(&box), 4);
    mon_close(&box);
}

/* It comes up as if there had never been a template; of the other one nothing is left. */
static void comes_up_cold(struct mon_box *box)
{
    pid_t before = box->vmm;
    mon_shut(&box->control);
    mon_let_go(box);
    mon_meet_vmm(box);
    assert_int_equal(box->vmm_is, 'c');
    assert_true(mon_is_gone(before));
    mon_hello(box);
    mon_say_u32(box, WC_VM_RUNS, 0, 1);
    mon_expect_word(box, "started");
    mon_say_ended(box, 0, (struct wc_vm_ended){ .code = 6 }, "");
    mon_power_off(box);
    assert_int_equal(mon_status(box), 6);
    mon_close(box);
}

static void a_template_of_no_use(void **state)
{
    (void)state;
    struct mon_box refuses = { .mode = "restore" }, fails = { .mode = "restore" },
                   dies = { .mode = "restore" };
    mon_open(&refuses);
    mon_meet_vmm(&refuses);
    greet(&refuses);
    serve(&refuses, "\"migrate-set-capabilities\"", refused);
    mon_expect_word(&refuses, no_use);
    assert_non_null(strstr(mon_word_within(&refuses, MON_WAIT_MS), "\"desc\": \"no\""));
    comes_up_cold(&refuses);

    begin_restore(&fails);
    say_qmp(&fails, failed);
    mon_expect_word(&fails, no_use);
    mon_word_within(&fails, MON_WAIT_MS);
    comes_up_cold(&fails);

    begin_restore(&dies);
    mon_vmm_exits(&dies, 1);
    mon_expect_word(&dies, no_use);
    mon_expect_word(&dies, "says the machine ended, or took too long");
    comes_up_cold(&dies);
}

/* It was told all, and nothing was heard: another one is told the same. */
static void it_does_not_wake(void **state)
{
    (void)state;
    struct mon_box sleeps = { .mode = "restore", .boot_ms = 4500 },
                   hangs = { .mode = "restore", .boot_ms = 3000 };
    uint64_t asked;
    begin_restore(&sleeps);
    wake(&sleeps, &asked);
    mon_expect_word(&sleeps, no_use);
    mon_expect_word(&sleeps, "says the machine ended, or took too long");
    comes_up_cold(&sleeps);

    mon_open(&hangs); /* the emulator hangs while it loads */
    mon_meet_vmm(&hangs);
    greet(&hangs);
    mon_expect_word(&hangs, no_use);
    mon_expect_word(&hangs, "says the machine ended, or took too long");
    comes_up_cold(&hangs);
}

/* One that was asleep said HELLO before, and has not been asked anything yet. */
static void words_of_a_sleeper(void **state)
{
    static const char why[] = "failed the agent broke the protocol: a frame that may not come now";
    (void)state;
    struct mon_box hello = { .mode = "restore" }, pong = { .mode = "restore" },
                   twice = { .mode = "restore" };
    uint64_t asked = 0;
    begin_restore(&hello);
    say_hello(&hello);
    mon_expect_broken(&hello, why);
    mon_close(&hello);
    begin_restore(&pong);
    mon_say(&pong, WC_VM_PONG, 0, &asked, sizeof asked);
    mon_expect_broken(&pong, why);
    mon_close(&pong);
    begin_restore(&twice);
    wake(&twice, &asked);
    mon_say(&twice, WC_VM_PONG, 0, &asked, sizeof asked);
    mon_say(&twice, WC_VM_PONG, 0, &asked, sizeof asked); /* asked once */
    mon_expect_broken(&twice, why);
    mon_close(&twice);
}

static void modes_that_are_none(void **state)
{
    static const char times[] = "uid=7\ngid=7\nboot_ms=1\nbeat_ms=1\npatience_ms=1";
    static const char *const rows[] = { "vmm=/q\nmode=resave", "vmm=/q\nmode=restore" };
    char conf[200];
    (void)state;
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        snprintf(conf, sizeof conf, "%s\n%s", rows[i], times);
        struct mon_box box = { .conf = conf };
        mon_open(&box);
        assert_non_null(strstr(mon_word_within(&box, MON_WAIT_MS), "no such mode"));
        assert_int_equal(mon_status(&box), 125);
        mon_close(&box);
    }
}

/* ---- anew ---- */

/* After a sixth, then a third of the time; a second try that comes up is as good as a first. */
static void started_anew(void **state)
{
    static const char anew[] = "says nothing was heard of the guest: it is started anew";
    (void)state;
    struct mon_box once = { .boot_ms = 12000, .retries = 2 },
                   never = { .boot_ms = 12000, .retries = 2 };
    mon_open(&once);
    mon_meet_vmm(&once);
    pid_t first = once.vmm;
    mon_expect_word(&once, anew);
    mon_shut(&once.control);
    mon_let_go(&once);
    mon_meet_vmm(&once);
    assert_int_equal(once.vmm_is, 'v');
    assert_true(mon_is_gone(first));
    mon_hello(&once);
    mon_say_u32(&once, WC_VM_RUNS, 0, 1);
    mon_expect_word(&once, "started");
    mon_say_ended(&once, 0, (struct wc_vm_ended){ .code = 2 }, "");
    mon_power_off(&once);
    assert_int_equal(mon_status(&once), 2);
    mon_close(&once);

    mon_open(&never);
    for (int i = 0; i < 3; i++) {
        mon_shut(&never.control);
        mon_let_go(&never);
        mon_meet_vmm(&never);
        if (i < 2)
            mon_expect_word(&never, anew);
    }
    mon_expect_broken(&never, "failed the guest did not come up in time");
    mon_close(&never);
}

MON_MAIN(WC_CASE(a_machine_is_written_down), WC_CASE(writing_down_fails),
         WC_CASE(a_machine_is_woken), WC_CASE(a_template_of_no_use), WC_CASE(it_does_not_wake),
         WC_CASE(words_of_a_sleeper), WC_CASE(modes_that_are_none), WC_CASE(started_anew))
