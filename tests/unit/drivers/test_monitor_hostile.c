/* test_monitor_hostile.c - a guest, or a VMM that a guest took over, against wcompose-monitor: what
 * breaks the protocol ends the machine, and whatever is said stays bounded. */
#include "monitor_box.h"

#include <dirent.h>

enum { FILE_MAX = 128 << 10, SLACK = 8 << 10 };

static const char not_now[] = "the agent broke the protocol: a frame that may not come now";
static const char bad_head[] = "the agent broke the protocol: a head that no frame has";

/* Says one frame to a machine in that state; it must be its end. */
static void breaks(bool runs, struct wc_vm_head head, const char *why)
{
    struct mon_box box = { 0 };
    static char payload[WC_VM_PAYLOAD_MAX];
    char word[200];
    size_t len = head.len <= WC_VM_PAYLOAD_MAX ? head.len : 0;
    if (runs) {
        mon_run(&box);
    } else {
        mon_open(&box);
        mon_meet_vmm(&box);
        mon_hello(&box);
    }
    payload[0] = head.type == WC_VM_OUTPUT ? 1 : 0;
    mon_say_raw(&box, &head, sizeof head);
    mon_say_raw(&box, payload, len);
    snprintf(word, sizeof word, "%s %s", runs ? "cause" : "failed", why);
    mon_expect_broken(&box, word);
    mon_close(&box);
}

static void heads_that_no_frame_has(void **state)
{
    static const struct wc_vm_head rows[] = {
        { .len = WC_VM_PAYLOAD_MAX + 1, .type = WC_VM_OUTPUT },
        { .len = UINT32_MAX, .type = WC_VM_SAYS },
        { .len = 8, .type = WC_VM_PONG, .zero = 1 },
        { .len = 4, .type = WC_VM_HELLO - 1 },
        { .len = 0, .type = 0 },
        { .len = 8, .type = WC_VM_PING },
        { .len = 4, .type = WC_VM_FIGURES + 1 },
        { .len = 4, .type = 255 },
        { .len = 2, .type = WC_VM_OUTPUT, .stream = WC_VM_STREAMS },
        { .len = 2, .type = WC_VM_OUTPUT, .stream = 65535 },
    };
    (void)state;
    for (size_t i = 0; i < WC_COUNT(rows); i++)
        breaks(true, rows[i], bad_head);
}

static void frames_at_wrong_times(void **state)
{
    static const struct {
        bool runs;
        struct wc_vm_head head;
    } rows[] = {
        { true, { .len = 4, .type = WC_VM_HELLO } },              /* twice */
        { false, { .len = 4, .type = WC_VM_HELLO } },             /* the same */
        { true, { .len = 4, .type = WC_VM_RUNS } },               /* the service does */
        { true, { .len = 4, .type = WC_VM_RUNS, .stream = 3 } },  /* nobody asked */
        { false, { .len = 4, .type = WC_VM_RUNS, .stream = 3 } }, /* the same */
        { true, { .len = 4, .type = WC_VM_FAILED } },             /* too late */
        { false, { .len = 8, .type = WC_VM_PONG } },              /* to no PING */
        { true, { .len = 2, .type = WC_VM_OUTPUT, .stream = 1 } },
        { true, { .len = 4, .type = WC_VM_ENDED, .stream = 63 } },
        { true, { .len = 4, .type = WC_VM_TAKEN, .stream = 9 } },
        { true, { .len = sizeof(struct wc_vm_figures), .type = WC_VM_FIGURES } },
        { true, { .len = sizeof(struct wc_vm_figures), .type = WC_VM_FIGURES, .stream = 1 } },
        { false, { .len = sizeof(struct wc_vm_figures), .type = WC_VM_FIGURES } },
    };
    (void)state;
    for (size_t i = 0; i < WC_COUNT(rows); i++)
        breaks(rows[i].runs, rows[i].head, not_now);
}

static void frames_of_wrong_sizes(void **state)
{
    static const struct wc_vm_head rows[] = {
        { .len = sizeof(struct wc_vm_figures) - 1, .type = WC_VM_FIGURES },
        { .len = sizeof(struct wc_vm_figures) + 1, .type = WC_VM_FIGURES },
        { .len = 3, .type = WC_VM_TAKEN },
        { .len = 5, .type = WC_VM_TAKEN },
        { .len = 7, .type = WC_VM_PONG },
        { .len = 9, .type = WC_VM_PONG },
        { .len = 3, .type = WC_VM_ENDED },
        { .len = 0, .type = WC_VM_OUTPUT },
        { .len = 4 + 513, .type = WC_VM_ENDED },
        { .len = 4097, .type = WC_VM_NOTIFY },
        { .len = WC_VM_TEXT_MAX + 1, .type = WC_VM_SAYS },
    };
    (void)state;
    for (size_t i = 0; i < WC_COUNT(rows); i++)
        breaks(true, rows[i], not_now);
}

static void another_version(void **state)
{
    struct mon_box box = { 0 };
    (void)state;
    mon_open(&box);
    mon_meet_vmm(&box);
    mon_say_u32(&box, WC_VM_HELLO, 0, WC_VM_VERSION + 1);
    mon_expect_broken(&box, "failed the agent speaks another version of the protocol");
    mon_close(&box);
}

static void words_before_hello(void **state)
{
    struct mon_box box = { 0 };
    (void)state;
    mon_open(&box);
    mon_meet_vmm(&box);
    mon_say(&box, WC_VM_SAYS, 0, "early", 5); /* may come */
    mon_expect_word(&box, "says early");
    mon_say_u32(&box, WC_VM_RUNS, 0, 1);
    mon_expect_broken(&box, "failed the agent broke the protocol: a frame that may not come now");
    mon_close(&box);
}

static void output_beyond_the_window(void **state)
{
    struct mon_box box = { 0 };
    static char out[WC_VM_WINDOW];
    (void)state;
    mon_run(&box);
    assert_int_equal(fcntl(box.out, F_SETPIPE_SZ, 4096), 4096);
    mon_say_output(&box, 0, 1, out, WC_VM_WINDOW - 1);
    mon_say_output(&box, 0, 2, out, 1); /* the window is both streams' */
    for (size_t allowed = mon_expect_u32(&box, WC_VM_MORE, 0); allowed > 0; allowed--)
        mon_say_output(&box, 0, 1, "y", 1);
    mon_say_output(&box, 0, 1, "z", 1);
    mon_expect_broken(&box, "cause the agent broke the protocol: more output than it may send");
    mon_close(&box);
}

static void a_third_stream(void **state)
{
    struct mon_box box = { 0 };
    (void)state;
    mon_run(&box);
    mon_say_output(&box, 0, 3, "x", 1);
    mon_expect_broken(&box, "cause the agent broke the protocol: more output than it may send");
    mon_close(&box);
}

static void anything_after_the_end(void **state)
{
    struct mon_box box = { 0 };
    (void)state;
    mon_run(&box);
    mon_say_ended(&box, 0, (struct wc_vm_ended){ .code = 3 }, "");
    mon_expect(&box, WC_VM_POWER_OFF, 0, 0);
    mon_say_ended(&box, 0, (struct wc_vm_ended){ .code = 0 }, "");
    assert_int_equal(mon_status(&box), 3); /* what it ended with is said already */
    assert_string_equal(mon_word_within(&box, 0), "");
    mon_close(&box);
}

/* A client that has not said yet what it wants is nobody's to answer. */
static void answers_that_nobody_asked_for(void **state)
{
    struct mon_box box = { 0 };
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    char byte;
    (void)state;
    mon_run(&box);
    snprintf(name.sun_path, sizeof name.sun_path, "%s/vm/" WC_MON_SOCKET, box.root);
    int client = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(client, (struct sockaddr *)&name, sizeof name), 0);
    usleep(100000); /* it has number 1 now */
    mon_say_ended(&box, 1, (struct wc_vm_ended){ .code = 0 }, "all is well");
    mon_expect_broken(&box, "cause the agent broke the protocol: a frame that may not come now");
    assert_true(recv(client, &byte, 1, 0) <= 0);
    close(client);
    mon_close(&box);
}

static void garbage(void **state)
{
    struct mon_box box = { 0 };
    static unsigned char noise[50000];
    (void)state;
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (unsigned char)(i * i * 2654435761U >> 13 | 0x80);
    mon_run(&box);
    mon_say_raw(&box, noise, sizeof noise);
    mon_expect_broken(&box, "cause the agent broke the protocol: a head that no frame has");
    mon_close(&box);
}

/* ---- what is kept of what is said ---- */

static off_t size_of(const struct mon_box *box, const char *name)
{
    struct stat st;
    return stat(mon_path(box, name), &st) == 0 ? st.st_size : -1;
}

static void babble_is_bounded(void **state)
{
    struct mon_box box = { 0 };
    char text[WC_VM_TEXT_MAX];
    size_t said = 0, words = 0;
    (void)state;
    memset(text, '!', sizeof text);
    mon_run(&box);
    for (int i = 0; i < 2000; i++) {
        const char *word;
        mon_say(&box, WC_VM_SAYS, 0, text, i % 2 == 0 ? sizeof text : 0);
        for (; *(word = mon_word_within(&box, 0)) != '\0'; words++)
            said += strlen(word);
    }
    mon_say_ended(&box, 0, (struct wc_vm_ended){ .code = 1, .oom = 1 }, "");
    for (;; words++) { /* what matters still gets through */
        const char *word = mon_word_within(&box, MON_WAIT_MS);
        assert_string_not_equal(word, "");
        if (wc_streq(word, "oom"))
            break;
        said += strlen(word);
    }
    assert_true(words > 10 && said < 100000);
    mon_power_off(&box);
    assert_int_equal(mon_status(&box), 1);
    mon_close(&box);
}

static void pour(int fd, size_t total)
{
    static char block[8192];
    memset(block, '#', sizeof block);
    for (size_t at = 0; at < total; at += sizeof block) {
        assert_true(mon_ready(fd, POLLOUT, MON_WAIT_MS));
        assert_true(send(fd, block, sizeof block, MSG_NOSIGNAL) > 0);
    }
}

static void console_is_bounded(void **state)
{
    static const char panic[] =
        "\n[    1.5] Kernel panic - not syncing: Attempted to kill\x1b[0m init!\nmore\n";
    static const char second[] = "Kernel panic - not syncing: another\n";
    struct mon_box box = { 0 };
    (void)state;
    mon_run(&box);
    pour(box.console, 1 << 20);
    assert_true(send(box.console, panic, sizeof panic - 1, 0) > 0);
    assert_true(send(box.console, second, sizeof second - 1, 0) > 0);
    mon_vmm_exits(&box, 0); /* what it said last is heard all the same */
    mon_expect_broken(&box, "cause the guest's kernel panicked: Attempted to kill[0m init!");
    assert_true(size_of(&box, "vm/console") <= FILE_MAX + SLACK);
    assert_true(size_of(&box, "vm/console.1") <= FILE_MAX + SLACK);
    assert_true(size_of(&box, "vm/console") + size_of(&box, "vm/console.1") >= FILE_MAX);
    mon_close(&box);
}

/* Nor may the guest make a file of the host of its choice be written, by a link in its directory.
 */
static void console_follows_no_link(void **state)
{
    struct mon_box box = { 0 };
    (void)state;
    mon_open(&box);
    mon_write(&box, "vm/victim", "precious", 8);
    assert_int_equal(symlink("victim", mon_path(&box, "vm/console")), 0);
    mon_meet_vmm(&box);
    mon_hello(&box);
    assert_int_equal(send(box.console, "overwritten?\n", 13, 0), 13);
    usleep(100000);
    assert_int_equal(size_of(&box, "vm/victim"), 8);
    mon_close(&box);
}

/* ---- QMP ---- */

static void say_qmp(const struct mon_box *box, const char *text)
{
    assert_int_equal(send(box->qmp, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static void the_vmm_is_greeted_once(void **state)
{
    static const char greeting[] = "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n";
    struct mon_box box = { 0 };
    char text[256];
    (void)state;
    mon_run(&box);
    say_qmp(&box, greeting);
    static const char answer[] = "{\"execute\":\"qmp_capabilities\"}\r\n";
    mon_read_all(box.qmp, text, sizeof answer - 1);
    assert_memory_equal(text, answer, sizeof answer - 1);
    say_qmp(&box, greeting);
    assert_int_equal(mon_drain(box.qmp, text, sizeof text), 0);
    mon_close(&box);
}

/* The machine ends after these lines; what is made of them? */
static void ends_after(const char *lines, size_t len, const char *word)
{
    struct mon_box box = { 0 };
    mon_run(&box);
    for (size_t at = 0; at < len; at += 4000) {
        size_t part = len - at < 4000 ? len - at : 4000;
        assert_int_equal(send(box.qmp, lines + at, part, MSG_NOSIGNAL), (ssize_t)part);
    }
    mon_vmm_exits(&box, 0);
    mon_expect_broken(&box, word);
    mon_close(&box);
}

static void what_qmp_tells(void **state)
{
    static const char panicked[] =
        "{\"timestamp\": {}, \"event\": \"GUEST_PANICKED\", \"data\": {\"action\": \"pause\"}}\n";
    static const char reset[] = "{\"event\": \"SHUTDOWN\", \"data\": {\"guest\": true, \"reason\": "
                                "\"guest-reset\"}}\r\n";
    (void)state;
    ends_after(panicked, sizeof panicked - 1, "cause the guest's kernel panicked");
    ends_after(reset, sizeof reset - 1, "cause the guest reset itself");
}

static void qmp_lines_that_are_none(void **state)
{
    static char lines[100000];
    static const char ended[] = "cause the virtual machine ended with status 0";
    static const char tail[] = "\"event\" \"GUEST_PANICKED\"\n";
    static const char nul[] = "\0\"event\": \"GUEST_PANICKED\"\n";
    static const char partial[] = "{\"event\": \"GUEST_PANICKED\"";
    static const char answer[] =
        "{\"return\": {\"GUEST_PANICKED\": \"guest-reset SHUTDOWN\"}}\n\n\n";
    (void)state;
    memset(lines, '{', sizeof lines);
    memcpy(lines + sizeof lines - sizeof tail, tail, sizeof tail - 1); /* of a line too long */
    lines[sizeof lines - 1] = '\n';
    ends_after(lines, sizeof lines, ended);
    ends_after(nul, sizeof nul - 1, ended);
    ends_after(partial, sizeof partial - 1, ended);
    ends_after(answer, sizeof answer - 1, ended);
}

static void qmp_and_console_hang_up(void **state)
{
    struct mon_box box = { 0 };
    (void)state;
    mon_run(&box);
    mon_shut(&box.qmp);
    mon_shut(&box.console);
    mon_say_ended(&box, 0, (struct wc_vm_ended){ .code = 2 }, "");
    mon_power_off(&box);
    assert_int_equal(mon_status(&box), 2);
    mon_close(&box);
}

/* ---- notify ---- */

static void notify_goes_to_the_keeper(void **state)
{
    struct mon_box box = { .notify = true };
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    char text[64] = "";
    (void)state;
    mon_open(&box);
    snprintf(name.sun_path, sizeof name.sun_path, "%s/notify/notify", box.root);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof name), 0);
    assert_int_equal(chmod(name.sun_path, 0666), 0);
    mon_meet_vmm(&box);
    mon_hello(&box);
    mon_say(&box, WC_VM_NOTIFY, 0, "READY=1", 7);
    assert_true(mon_ready(fd, POLLIN, MON_WAIT_MS));
    assert_int_equal(recv(fd, text, sizeof text, 0), 7);
    assert_string_equal(text, "READY=1");
    for (int i = 0; i < 5000; i++) /* more than the socket takes: dropped, not waited for */
        mon_say(&box, WC_VM_NOTIFY, 0, "WATCHDOG=1", 10);
    mon_say_u32(&box, WC_VM_RUNS, 0, 1);
    mon_expect_word(&box, "started");
    close(fd);
    mon_close(&box);
}

MON_MAIN(WC_CASE(heads_that_no_frame_has), WC_CASE(frames_at_wrong_times),
         WC_CASE(frames_of_wrong_sizes), WC_CASE(another_version), WC_CASE(words_before_hello),
         WC_CASE(output_beyond_the_window), WC_CASE(a_third_stream),
         WC_CASE(anything_after_the_end), WC_CASE(answers_that_nobody_asked_for), WC_CASE(garbage),
         WC_CASE(babble_is_bounded), WC_CASE(console_is_bounded), WC_CASE(console_follows_no_link),
         WC_CASE(the_vmm_is_greeted_once), WC_CASE(what_qmp_tells),
         WC_CASE(qmp_lines_that_are_none), WC_CASE(qmp_and_console_hang_up),
         WC_CASE(notify_goes_to_the_keeper))
