/* test_monitor.c - wcompose-monitor stands for a service: ends, words, bytes, signals, clocks,
 * rights. The case plays the machine (monitor_box.h). */
#include "monitor_box.h"

#include <sys/ioctl.h>
#include <termios.h>

enum { MIB = 1 << 20 };

/* ---- how it ends ---- */

static void exit_code(void **state)
{
    struct mon_box box = { 0 };
    char text[64];
    (void)state;
    mon_run(&box);
    mon_say_output(&box, 0, 1, "to stdout", 9);
    mon_say_output(&box, 0, 2, "to stderr", 9);
    mon_say_ended(&box, 0, (struct wc_vm_ended){ .code = 3 }, "");
    mon_power_off(&box);
    assert_int_equal(mon_status(&box), 3);
    mon_drain(box.out, text, sizeof text);
    assert_string_equal(text, "to stdout");
    mon_drain(box.err, text, sizeof text);
    assert_string_equal(text, "to stderr");
    assert_string_equal(mon_word_within(&box, 0), "");
    mon_close(&box);
}

static void words_of_the_end(void **state)
{
    struct mon_box box = { 0 };
    (void)state;
    mon_run(&box);
    mon_say_ended(&box, 0, (struct wc_vm_ended){ .code = 137, .signal = 9, .oom = 1 },
                  "a\nb\x1b[31m\xff");
    mon_expect_word(&box, "signal 9");
    mon_expect_word(&box, "oom");
    mon_expect_word(&box, "cause a b [31m "); /* no line of its own, nothing for a terminal */
    mon_power_off(&box);
    assert_int_equal(mon_status(&box), 137);
    mon_close(&box);
}

static void service_that_cannot_be_had(void **state)
{
    struct mon_box box = { 0 };
    (void)state;
    mon_open(&box);
    mon_meet_vmm(&box);
    mon_hello(&box);
    mon_say(&box, WC_VM_SAYS, 0, "two\nlines", 9);
    mon_say(&box, WC_VM_FAILED, 0, "no user \"bob\"", 13);
    mon_expect_word(&box, "says two lines");
    mon_expect_broken(&box, "failed no user \"bob\"");
    mon_close(&box);
}

static void program_that_cannot_be_run(void **state)
{
    struct mon_box box = { 0 };
    (void)state;
    mon_open(&box);
    mon_meet_vmm(&box);
    mon_hello(&box);
    mon_say_ended(&box, 0, (struct wc_vm_ended){ .code = 127 }, "nginx: not found");
    mon_expect_word(&box, "cause nginx: not found");
    mon_power_off(&box);
    assert_int_equal(mon_status(&box), 127);
    mon_close(&box);
}

static void machine_that_does_not_power_off(void **state)
{
    struct mon_box box = { 0 };
    (void)state;
    mon_run(&box);
    mon_say_ended(&box, 0, (struct wc_vm_ended){ .code = 4 }, "");
    mon_expect(&box, WC_VM_POWER_OFF, 0, 0);
    assert_true(kill(box.vmm, 0) == 0);
    usleep(300000);
    assert_int_equal(kill(box.monitor, SIGTERM), 0); /* nothing to be told any more */
    mon_expect_quiet(&box);
    assert_int_equal(kill(box.vmm, SIGKILL), 0);
    assert_int_equal(mon_status(&box), 4);
    mon_close(&box);
}

/* Who reads late gets all of it, and the machine its time to save what it wrote after that. */
static void last_output_is_read_late(void **state)
{
    struct mon_box box = { 0 };
    static char out[2 * WC_VM_WINDOW], text[2 * WC_VM_WINDOW];
    (void)state;
    mon_run(&box);
    assert_true(fcntl(box.out, F_SETPIPE_SZ, 4096) >= 0);
    memset(out, 'x', WC_VM_WINDOW);
    mon_say_output(&box, 0, 1, out, WC_VM_WINDOW / 2);
    mon_say_output(&box, 0, 1, out, WC_VM_WINDOW / 2);
    assert_true(mon_expect_u32(&box, WC_VM_MORE, 0) > 0);
    mon_say_ended(&box, 0, (struct wc_vm_ended){ .code = 5 }, "");
    mon_expect_quiet(&box); /* no POWER_OFF yet */
    usleep(10500000);       /* beyond what powering off may take */
    assert_int_equal(waitpid(box.monitor, NULL, WNOHANG), 0);
    mon_read_all(box.out, text, WC_VM_WINDOW);
    mon_expect(&box, WC_VM_POWER_OFF, 0, 0);
    usleep(300000);
    assert_int_equal(waitpid(box.monitor, NULL, WNOHANG), 0);
    assert_int_equal(kill(box.vmm, 0), 0);
    mon_vmm_exits(&box, 0);
    assert_int_equal(mon_status(&box), 5);
    mon_close(&box);
}

/* What the agent said is read to its end, also when the VMM is long gone. */
static void words_of_a_dead_machine(void **state)
{
    struct mon_box box = { 0 };
    char text[64];
    (void)state;
    mon_run(&box);
    assert_int_equal(kill(box.monitor, SIGSTOP), 0);
    mon_say_output(&box, 0, 1, "last words", 10);
    mon_say_ended(&box, 0, (struct wc_vm_ended){ .code = 6 }, "");
    mon_vmm_exits(&box, 0);
    usleep(100000);
    assert_int_equal(kill(box.monitor, SIGCONT), 0);
    assert_int_equal(mon_status(&box), 6);
    mon_drain(box.out, text, sizeof text);
    assert_string_equal(text, "last words");
    mon_close(&box);
}

static void machine_is_killed(void **state)
{
    struct mon_box box = { 0 };
    (void)state;
    mon_run(&box);
    assert_int_equal(kill(box.vmm, SIGKILL), 0);
    mon_let_go(&box);
    mon_expect_broken(&box, "cause the virtual machine was killed by signal 9");
    mon_close(&box);
}

static void machine_that_does_not_come_up(void **state)
{
    struct mon_box box = { 0 };
    (void)state;
    mon_open(&box);
    mon_meet_vmm(&box);
    mon_vmm_exits(&box, 1);
    mon_expect_broken(&box, "failed the virtual machine ended with status 1 before its agent was "
                            "heard of");
    mon_close(&box);
}

static void emulator_that_is_not_there(void **state)
{
    struct mon_box box = { .conf = "vmm=/no/such/qemu\nuid=1879048193\ngid=1879048193\n"
                                   "boot_ms=60000\nbeat_ms=1000\npatience_ms=1000" };
    (void)state;
    mon_open(&box);
    mon_expect_broken(&box, "failed the virtual machine ended with status 127 before its agent "
                            "was heard of");
    mon_close(&box);
}

static void settings_that_are_wrong(void **state)
{
    static const struct {
        const char *conf, *word;
    } rows[] = {
        { "vmm=/q\nuid=0\ngid=7\nboot_ms=1\nbeat_ms=1\npatience_ms=1",
          "failed settings: a machine is nobody's but its own user's" },
        { "vmm=/q\nuid=7\ngid=7\nboot_ms=1\nbeat_ms=1", "failed settings: missing: vmm or a time" },
        { "uid=7\ngid=7\nboot_ms=1\nbeat_ms=1\npatience_ms=1",
          "failed settings: missing: vmm or a time" },
    };
    (void)state;
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        struct mon_box box = { .conf = rows[i].conf };
        mon_open(&box);
        mon_expect_word(&box, rows[i].word);
        assert_int_equal(mon_status(&box), 125);
        mon_close(&box);
    }
}

/* ---- clocks ---- */

static void guest_that_stays_silent(void **state)
{
    struct mon_box box = { .boot_ms = 2500 }, told = { .boot_ms = 8000 };
    (void)state;
    mon_open(&box); /* nobody is met: that may take as long */
    mon_expect_broken(&box, "failed the guest did not come up in time");
    mon_close(&box);
    mon_open(&told);
    mon_meet_vmm(&told);
    mon_hello(&told);
    mon_expect_broken(&told, "failed the guest came up, but its service did not start in time");
    mon_close(&told);
}

static void heartbeats(void **state)
{
    struct mon_box box = { .beat_ms = 100, .patience_ms = 3000, .boot_ms = 5000 };
    (void)state;
    mon_run(&box);
    for (int i = 0; i < 35; i++) { /* longer than its patience */
        uint64_t asked;
        memcpy(&asked, mon_expect(&box, WC_VM_PING, 0, 8)->data, sizeof asked);
        mon_say(&box, WC_VM_PONG, 0, &asked, sizeof asked);
    }
    mon_expect_broken(&box, "cause the virtual machine stands still: neither QEMU nor its "
                            "guest answers");
    mon_close(&box);
}

/* The VMM is asked as well: where it answers, it is the guest that hangs. */
static void the_vmm_answers_for_its_guest(void **state)
{
    static const char running[] = "{\"return\": {\"status\": \"running\"}}\r\n";
    struct mon_box box = { .beat_ms = 100, .patience_ms = 1000, .boot_ms = 5000 };
    (void)state;
    mon_run(&box);
    while (!mon_ready(box.word, POLLIN, 0)) { /* until its patience is over */
        if (!mon_ready(box.agent, POLLIN, 10))
            continue;
        mon_expect(&box, WC_VM_PING, 0, 8);
        assert_int_equal(write(box.qmp, running, sizeof running - 1), sizeof running - 1);
    }
    mon_expect_broken(&box, "cause the guest hangs: its agent has not answered in time");
    mon_close(&box);
}

static void pause_for(const struct mon_box *box, unsigned ms)
{
    assert_int_equal(kill(box->monitor, SIGSTOP), 0);
    usleep(ms * 1000);
    assert_int_equal(kill(box->monitor, SIGCONT), 0);
}

/* The monitor is frozen with its machine: what it didn't hear meanwhile was not silence, neither
 * while the guest comes up nor while the service runs. A guest that hangs after it is found. */
static void pauses(void **state)
{
    struct mon_box box = { .beat_ms = 100, .patience_ms = 2000, .boot_ms = 4000 };
    (void)state;
    mon_open(&box);
    mon_meet_vmm(&box);
    pause_for(&box, 4500);
    mon_hello(&box);
    pause_for(&box, 4500);
    mon_say_u32(&box, WC_VM_RUNS, 0, 1);
    mon_expect_word(&box, "started");
    for (int i = 0; i < 12; i++) {
        uint64_t asked;
        if (i % 6 == 0)
            pause_for(&box, 2500);
        while (mon_hear(&box)->head.type ==
               WC_VM_SIGNAL) /* SIGCONT, which the freezer has none of */
            continue;
        assert_int_equal(box.frame.head.type, WC_VM_PING);
        memcpy(&asked, box.frame.data, sizeof asked);
        mon_say(&box, WC_VM_PONG, 0, &asked, sizeof asked);
    }
    pause_for(&box, 2500);
    mon_expect_broken(&box, "cause the virtual machine stands still: neither QEMU nor its "
                            "guest answers");
    mon_close(&box);
}

/* The channel's end alone proves nothing; silence does. */
static void channel_is_closed(void **state)
{
    struct mon_box box = { .beat_ms = 100, .patience_ms = 500 };
    (void)state;
    mon_run(&box);
    mon_shut(&box.agent);
    mon_expect_broken(&box, "cause the virtual machine stands still: neither QEMU nor its "
                            "guest answers");
    mon_close(&box);
}

/* ---- bytes ---- */

/* No byte says MORE than one that a reader has taken, and none is lost. */
static void output_waits_for_its_reader(void **state)
{
    struct mon_box box = { 0 };
    static char sent[WC_VM_WINDOW];
    (void)state;
    mon_run(&box);
    int room = fcntl(box.out, F_SETPIPE_SZ, 4096);
    assert_int_equal(room, 4096);
    size_t said = 0, read_back = 0, allowed = WC_VM_WINDOW;
    unsigned turn = 0;
    while (read_back < MIB) {
        while (allowed > 0 && said < MIB) { /* all that an honest agent may send */
            size_t part = 1 + (turn++ * 7919) % 30000;
            part = part < allowed ? part : allowed;
            part = part < MIB - said ? part : MIB - said;
            for (size_t i = 0; i < part; i++)
                sent[i] = (char)((said + i) * 31 >> 3);
            mon_say_output(&box, 0, 1, sent, part);
            said += part;
            allowed -= part;
        }
        if (turn % 8 == 0 && said < MIB) { /* the reader rests; what may come has come */
            while (mon_ready(box.agent, POLLIN, MON_QUIET_MS))
                allowed += mon_expect_u32(&box, WC_VM_MORE, 0);
            assert_true(said + allowed <= read_back + WC_VM_WINDOW + (size_t)room);
        }
        char got[6000];
        mon_read_all(box.out, got, 1);
        ssize_t more = mon_ready(box.out, POLLIN, 0) ? read(box.out, got + 1, sizeof got - 1) : 0;
        for (size_t i = 0; i < 1 + (size_t)more; i++)
            assert_int_equal(got[i], (char)((read_back + i) * 31 >> 3));
        read_back += 1 + (size_t)more;
        while (mon_ready(box.agent, POLLIN, 0))
            allowed += mon_expect_u32(&box, WC_VM_MORE, 0);
        turn++;
    }
    mon_say_ended(&box, 0, (struct wc_vm_ended){ .code = 0 }, "");
    while (mon_hear(&box)->head.type == WC_VM_MORE) {
    }
    assert_int_equal(box.frame.head.type, WC_VM_POWER_OFF);
    mon_vmm_exits(&box, 0);
    assert_int_equal(mon_status(&box), 0);
    mon_close(&box);
}

static void output_that_nobody_reads(void **state)
{
    struct mon_box box = { 0 };
    static char out[WC_VM_WINDOW];
    (void)state;
    mon_run(&box);
    mon_shut(&box.out); /* as with a pipe: lost, and the service goes on */
    for (int i = 0; i < 8; i++) {
        size_t allowed = 0;
        mon_say_output(&box, 0, 1, out, WC_VM_WINDOW - 1);
        while (allowed < WC_VM_WINDOW - 1)
            allowed += mon_expect_u32(&box, WC_VM_MORE, 0);
    }
    mon_say_ended(&box, 0, (struct wc_vm_ended){ .code = 9 }, "");
    mon_power_off(&box);
    assert_int_equal(mon_status(&box), 9);
    mon_close(&box);
}

/* Takes INPUT frames up to `len` bytes and looks at what is in them. */
static void expect_input(struct mon_box *box, size_t *at, size_t len)
{
    while (len > 0) {
        const struct mon_frame *frame = mon_hear(box);
        assert_int_equal(frame->head.type, WC_VM_INPUT);
        assert_true(frame->head.len > 0 && frame->head.len <= len);
        for (size_t i = 0; i < frame->head.len; i++)
            assert_int_equal(frame->data[i], (char)((*at + i) * 13 >> 2));
        *at += frame->head.len;
        len -= frame->head.len;
    }
}

static void input_waits_for_the_guest(void **state)
{
    struct mon_box box = { .input = true };
    static char typed[100000];
    size_t at = 0;
    (void)state;
    for (size_t i = 0; i < sizeof typed; i++)
        typed[i] = (char)(i * 13 >> 2);
    mon_open(&box);
    assert_true(fcntl(box.in, F_SETPIPE_SZ, 1 << 17) >= (int)sizeof typed);
    assert_int_equal(write(box.in, typed, sizeof typed), sizeof typed);
    mon_meet_vmm(&box);
    mon_hello(&box); /* BEGIN is the last of it: no INPUT before the service runs */
    mon_expect_quiet(&box);
    mon_say_u32(&box, WC_VM_RUNS, 0, 1);
    expect_input(&box, &at, WC_VM_WINDOW);
    mon_expect_quiet(&box);
    mon_say_u32(&box, WC_VM_TAKEN, 0, 1000);
    expect_input(&box, &at, 1000);
    mon_expect_quiet(&box);
    mon_shut(&box.in);
    mon_say_u32(&box, WC_VM_TAKEN, 0, WC_VM_WINDOW);
    expect_input(&box, &at, sizeof typed - at);
    mon_expect(&box, WC_VM_INPUT_END, 0, 0);
    mon_expect_quiet(&box);
    mon_expect_word(&box, "started");
    mon_say_u32(&box, WC_VM_TAKEN, 0, WC_VM_WINDOW); /* more than was sent since */
    mon_expect_broken(&box, "cause the agent broke the protocol: more input taken than was sent");
    mon_close(&box);
}

/* ---- signals and terminals ---- */

static void signals_are_passed_on(void **state)
{
    static const int passed[] = { SIGTERM, SIGHUP, SIGINT, SIGUSR1, SIGQUIT };
    struct mon_box box = { 0 };
    (void)state;
    mon_run(&box);
    for (size_t i = 0; i < WC_COUNT(passed); i++) {
        assert_int_equal(kill(box.monitor, passed[i]), 0);
        assert_int_equal(mon_expect_u32(&box, WC_VM_SIGNAL, 0), passed[i]);
    }
    assert_int_equal(kill(box.monitor, SIGPIPE), 0);
    assert_int_equal(kill(box.monitor, SIGWINCH), 0); /* no terminal */
    mon_expect_quiet(&box);
    mon_say_ended(&box, 0, (struct wc_vm_ended){ .code = 143, .signal = 15 }, "");
    mon_expect_word(&box, "signal 15");
    mon_power_off(&box);
    assert_int_equal(mon_status(&box), 143);
    mon_close(&box);
}

static void stopped_before_it_ran(void **state)
{
    struct mon_box box = { 0 };
    (void)state;
    mon_open(&box);
    mon_meet_vmm(&box);
    mon_hello(&box);
    assert_int_equal(kill(box.monitor, SIGUSR1), 0); /* for nobody */
    assert_int_equal(kill(box.monitor, SIGTERM), 0);
    mon_expect_word(&box, "failed it was stopped before it ran");
    assert_int_equal(mon_status(&box), 128 + SIGTERM);
    mon_close(&box);
}

static void expect_size(struct mon_box *box, unsigned rows, unsigned columns)
{
    uint16_t size[2];
    memcpy(size, mon_expect(box, WC_VM_SIZE, 0, sizeof size)->data, sizeof size);
    assert_int_equal(size[0], rows);
    assert_int_equal(size[1], columns);
}

static void terminal(void **state)
{
    struct mon_box box = { .tty = true };
    struct winsize size = { .ws_row = 50, .ws_col = 132 };
    struct termios mode;
    char text[16];
    (void)state;
    mon_run(&box);
    expect_size(&box, 24, 80);
    assert_int_equal(tcgetattr(box.in, &mode), 0);
    assert_int_equal(mode.c_lflag & (tcflag_t)(ICANON | ECHO | ISIG), 0);
    assert_int_equal(mode.c_oflag & (tcflag_t)OPOST, 0);
    assert_int_equal(ioctl(box.in, TIOCSWINSZ, &size), 0);
    assert_int_equal(kill(box.monitor, SIGWINCH), 0);
    expect_size(&box, 50, 132);
    assert_int_equal(write(box.in, "\x03", 1), 1); /* the guest's terminal makes a signal of it */
    assert_int_equal(mon_expect(&box, WC_VM_INPUT, 0, 1)->data[0], 3);
    mon_say_output(&box, 0, 1, "a\nb", 3);
    mon_read_all(box.out, text, 3);
    assert_memory_equal(text, "a\nb", 3);
    mon_say_ended(&box, 0, (struct wc_vm_ended){ .code = 0 }, "");
    mon_power_off(&box);
    assert_int_equal(mon_status(&box), 0);
    mon_close(&box);
}

/* ---- rights ---- */

/* The value of a line of /proc/PID/status; borrowed. */
static const char *fact_of(pid_t pid, const char *key)
{
    static char text[2][8192];
    static unsigned next;
    char *at = text[next++ % 2], path[64];
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = read(fd, at, sizeof text[0] - 1);
    assert_true(len > 0);
    at[len] = '\0';
    close(fd);
    char *found = strstr(at, key);
    assert_non_null(found);
    found += strlen(key);
    found += strspn(found, ":\t ");
    found[strcspn(found, "\n")] = '\0';
    return found;
}

static void has_no_rights(pid_t pid)
{
    static const char *const sets[] = { "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb" };
    char ids[64];
    for (size_t i = 0; i < WC_COUNT(sets); i++)
        assert_int_equal(strtoull(fact_of(pid, sets[i]), NULL, 16), 0);
    snprintf(ids, sizeof ids, "%d\t%d\t%d\t%d", MON_UID, MON_UID, MON_UID, MON_UID);
    assert_string_equal(fact_of(pid, "Uid"), ids);
    assert_string_equal(fact_of(pid, "Gid"), ids);
    assert_string_equal(fact_of(pid, "Groups"), "");
    assert_string_equal(fact_of(pid, "NoNewPrivs"), "1");
}

/* Of what the VMM was started with it has only the three, which it gave away, and one to the case;
 * a guest that took it over has no more. */
static void has_only_its_descriptors(pid_t pid)
{
    char path[64], target[256];
    unsigned others = 0;
    for (int i = 0; i < 500 && others != 1; i++) { /* it may be giving them away just now */
        if (i > 0)
            usleep(10000);
        others = 0;
        for (int fd = 3; fd < 256; fd++) {
            snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)pid, fd);
            others += readlink(path, target, sizeof target) > 0;
        }
    }
    assert_int_equal(others, 1);
}

static pid_t child_beside(pid_t parent, pid_t other)
{
    char path[64], text[256] = "";
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)parent, (int)parent);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = read(fd, text, sizeof text - 1);
    assert_true(len > 0);
    close(fd);
    for (char *at = text; *at != '\0' && *at != '\n';) {
        pid_t pid = (pid_t)strtol(at, &at, 10);
        if (pid > 0 && pid != other)
            return pid;
        at += *at == ' ';
    }
    fail_msg("no other child");
    return 0;
}

static void rights_are_shed(void **state)
{
    struct mon_box box = { .share = true };
    struct stat st;
    (void)state;
    mon_run(&box);
    has_no_rights(box.monitor);
    has_no_rights(box.vmm);
    has_only_its_descriptors(box.vmm);
    pid_t share = child_beside(box.monitor, box.vmm);
    assert_int_not_equal(strtoull(fact_of(share, "CapEff"), NULL, 16), 0); /* came before */
    assert_int_equal(stat(mon_path(&box, "vm/" WC_MON_SHARE_SOCKET), &st), 0);
    assert_int_equal(st.st_uid, MON_UID);
    assert_int_equal(stat(mon_path(&box, "vm/" WC_MON_SOCKET), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    mon_close(&box);
    assert_true(mon_is_gone(share)); /* it doesn't outlive us */
}

MON_MAIN(WC_CASE(exit_code), WC_CASE(words_of_the_end), WC_CASE(service_that_cannot_be_had),
         WC_CASE(program_that_cannot_be_run), WC_CASE(machine_that_does_not_power_off),
         WC_CASE(last_output_is_read_late), WC_CASE(words_of_a_dead_machine),
         WC_CASE(machine_is_killed), WC_CASE(machine_that_does_not_come_up),
         WC_CASE(emulator_that_is_not_there), WC_CASE(settings_that_are_wrong),
         WC_CASE(guest_that_stays_silent), WC_CASE(heartbeats),
         WC_CASE(the_vmm_answers_for_its_guest), WC_CASE(pauses), WC_CASE(channel_is_closed),
         WC_CASE(output_waits_for_its_reader), WC_CASE(output_that_nobody_reads),
         WC_CASE(input_waits_for_the_guest), WC_CASE(signals_are_passed_on),
         WC_CASE(stopped_before_it_ran), WC_CASE(terminal), WC_CASE(rights_are_shed))
