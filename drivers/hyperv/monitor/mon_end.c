/* mon_end.c - signals, deadlines, deaths: how a machine ends, and what is said of it.
 *
 * Deaths are told apart by who is heard of last: the agent (ENDED: the service's own end), QMP
 * (panic, reset), the VMM's wait status (killed), the clock (silence). Whatever it was, the VMM is
 * gone before the monitor is.
 */
#include "drivers/hyperv/monitor/mon.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    BRIEF_MS = 1000,  /* between looks at a machine that comes up or goes down */
    LATE_MS = 500,    /* a turn that is later by more is taken for a pause */
    LAST_WORDS = 256, /* reads */
    OFF_MS = 10000,   /* for the agent to sync and power off */
    KILLED = 128 + 9, /* what a container's end looks like that was taken from outside */
};

uint64_t wc_mon_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Nothing depends on it: what can't be written is left out. */
void wc_mon_time(const struct wc_mon *mon, const char *what)
{
    char said[64];
    struct wc_text line = WC_TEXT(said);
    struct timespec used = { 0 };
    clockid_t clock;
    if (mon->vmm > 0 && !mon->vmm_gone && clock_getcpuclockid(mon->vmm, &clock) == 0)
        (void)clock_gettime(clock, &used);
    int fd = open(WC_MON_TIMES, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return;
    wc_text_put(&line, what);
    wc_text_field(&line, wc_mon_now_ms());
    wc_text_field(&line, (uint64_t)used.tv_sec * 1000 + (uint64_t)used.tv_nsec / 1000000);
    wc_text_put(&line, "\n");
    (void)wc_file_write_all(fd, said, line.len);
    close(fd);
}

void wc_mon_word(struct wc_mon *mon, const char *word, const char *text)
{
    char said[640];
    struct wc_text out = WC_TEXT(said);
    wc_text_put(&out, word);
    if (text != NULL) {
        wc_text_put(&out, " ");
        wc_text_put(&out, text);
    }
    if (out.len > sizeof said - 2)
        out.len = sizeof said - 2;
    said[out.len] = '\n';
    /* less than PIPE_BUF: all or nothing. Who makes a template reads our stderr */
    (void)wc_file_write_all(mon->word < 0 ? 2 : mon->word, said, out.len + 1);
}

static void kill_vmm(const struct wc_mon *mon)
{
    if (mon->vmm > 0 && !mon->vmm_gone)
        (void)kill(mon->vmm, SIGKILL);
}

void wc_mon_break(struct wc_mon *mon, const char *why)
{
    if (mon->over)
        return;
    if (mon->state != WC_MON_ENDS) {
        bool early = mon->state != WC_MON_RUNS;
        wc_mon_word(mon, early ? "failed" : "cause", why);
        mon->status = KILLED;
    }
    mon->over = true;
    kill_vmm(mon);
}

void wc_mon_power_off(struct wc_mon *mon)
{
    mon->state = WC_MON_ENDS;
    mon->deadline_ms = wc_mon_now_ms() + OFF_MS;
}

/* What the guest's kernel said last is all that is known of one that never came up. */
static void put_last_words(const struct wc_mon *mon, struct wc_text *text)
{
    if (mon->state != WC_MON_BOOTS || wc_mon_console_last()[0] == '\0')
        return;
    wc_text_put(text, "; its last words: ");
    wc_text_put(text, wc_mon_console_last());
}

static void tell_late(struct wc_mon *mon)
{
    char why[300];
    struct wc_text text = WC_TEXT(why);
    wc_text_put(&text, mon->state == WC_MON_BOOTS
                           ? "the guest did not come up in time"
                           : "the guest came up, but its service did not start in time");
    put_last_words(mon, &text);
    wc_mon_break(mon, why);
}

/* What it said last may lie there yet; no more than a socket holds. */
static void hear_the_rest(struct wc_mon *mon)
{
    for (int turns = 0; turns < LAST_WORDS; turns++) {
        if (mon->console >= 0)
            wc_mon_console_read(mon);
        if (mon->qmp >= 0)
            wc_mon_qmp_read(mon);
    }
}

/* Why a machine is gone whose service had not ended. */
static void tell_death(struct wc_mon *mon)
{
    char why[300];
    struct wc_text text = WC_TEXT(why);
    hear_the_rest(mon);
    const char *panic = wc_mon_console_panic();
    if (mon->panicked || panic[0] != '\0') {
        wc_text_put(&text, "the guest's kernel panicked");
        wc_text_put(&text, panic[0] != '\0' ? ": " : "");
        wc_text_put(&text, panic);
    } else if (mon->reset) {
        wc_text_put(&text, "the guest reset itself");
    } else if (WIFSIGNALED(mon->vmm_status)) {
        wc_text_put(&text, "the virtual machine was killed by signal");
        wc_text_field(&text, (uint64_t)WTERMSIG(mon->vmm_status));
    } else {
        wc_text_put(&text, "the virtual machine ended with status");
        wc_text_field(&text, (uint64_t)WEXITSTATUS(mon->vmm_status));
        wc_text_put(&text, mon->state == WC_MON_BOOTS ? " before its agent was heard of" : "");
    }
    put_last_words(mon, &text);
    wc_mon_break(mon, why);
}

static void reap(struct wc_mon *mon)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == mon->share)
            mon->share = 0; /* a mount that stands still is the guest's to see */
        if (pid != mon->vmm)
            continue;
        mon->vmm_gone = true;
        mon->vmm_status = status;
    }
}

/* A service that isn't there yet can't be told: what ends programs ends the machine. */
static void pass_on(struct wc_mon *mon, int signal)
{
    const uint32_t number = (uint32_t)signal;
    if (mon->state == WC_MON_RUNS) {
        (void)wc_mon_send(mon, WC_VM_SIGNAL, 0, &number, sizeof number);
    } else if (mon->state != WC_MON_ENDS &&
               (signal == SIGTERM || signal == SIGINT || signal == SIGQUIT || signal == SIGHUP)) {
        wc_mon_break(mon, "it was stopped before it ran");
        mon->status = 128 + signal;
    }
}

static void pass_size(struct wc_mon *mon)
{
    struct winsize size;
    if (mon->state != WC_MON_RUNS || !mon->conf.tty || ioctl(0, TIOCGWINSZ, &size) != 0)
        return;
    const uint16_t rows_columns[2] = { size.ws_row, size.ws_col };
    (void)wc_mon_send(mon, WC_VM_SIZE, 0, rows_columns, sizeof rows_columns);
}

void wc_mon_on_signals(struct wc_mon *mon)
{
    struct signalfd_siginfo info;
    while (read(mon->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        int signal = (int)info.ssi_signo;
        if (signal == SIGCHLD)
            reap(mon);
        else if (signal == SIGWINCH)
            pass_size(mon);
        else if (signal != SIGPIPE)
            pass_on(mon, signal);
    }
}

/* The service has ended: its output first, then the machine. */
static void turn_off(struct wc_mon *mon)
{
    if (mon->asked_off || !wc_mon_stream_is_dry(&mon->streams[0]))
        return;
    mon->asked_off = wc_mon_send(mon, WC_VM_POWER_OFF, 0, NULL, 0);
    if (mon->asked_off) /* the last reader may have taken his time */
        mon->deadline_ms = wc_mon_now_ms() + OFF_MS;
}

/* Asks the agent whether it lives, and the VMM, which says whose fault silence is. */
static void beat(struct wc_mon *mon, uint64_t now)
{
    if (now - mon->beat_ms >= mon->conf.beat_ms) {
        mon->beat_ms = now;
        (void)wc_mon_send(mon, WC_VM_PING, 0, &now, sizeof now);
        wc_mon_qmp_send(mon, "{\"execute\":\"query-status\"}\r\n", -1);
    }
    if (now - mon->answered_ms <= mon->conf.patience_ms)
        return;
    wc_mon_break(mon, now - mon->vmm_answered_ms > mon->conf.patience_ms
                          ? "the virtual machine stands still: neither QEMU nor its guest answers"
                          : "the guest hangs: its agent has not answered in time");
}

static uint64_t later(uint64_t since_ms, uint64_t by_ms, uint64_t now)
{
    return since_ms == 0 || now - since_ms < by_ms ? since_ms : since_ms + by_ms;
}

/* We are frozen with the machine (`wcompose pause`), and as slow as it on a busy host: what passed
 * meanwhile is nobody's silence. What was heard since then stays as it is. */
static void forget_pause(struct wc_mon *mon, uint64_t now)
{
    uint64_t due = mon->turned_ms + mon->wait_ms;
    if (mon->turned_ms == 0 || mon->wait_ms == UINT64_MAX || now < due + LATE_MS)
        return;
    uint64_t lost = now - due;
    mon->answered_ms = later(mon->answered_ms, lost, now);
    mon->vmm_answered_ms = later(mon->vmm_answered_ms, lost, now);
    mon->beat_ms = later(mon->beat_ms, lost, now);
    mon->boots_ms = later(mon->boots_ms, lost, now);
    mon->woken_ms = later(mon->woken_ms, lost, now);
    if (mon->deadline_ms != 0)
        mon->deadline_ms += lost;
}

/* What a boot was given no processor for is added, as much again as it has at most. */
static bool is_late(const struct wc_mon *mon, uint64_t now)
{
    if (mon->deadline_ms == 0 || now < mon->deadline_ms)
        return false;
    uint64_t starved = mon->state == WC_MON_BOOTS ? wc_mon_starved_ms(mon, mon->starved_ms) : 0;
    return now >= mon->deadline_ms + (starved < mon->conf.boot_ms ? starved : mon->conf.boot_ms);
}

/* How long until the next turn, ms; -1 = until something comes. */
static int turn(struct wc_mon *mon, uint64_t now)
{
    if (mon->state == WC_MON_ENDS)
        turn_off(mon);
    if (mon->state == WC_MON_RUNS)
        beat(mon, now);
    if (mon->over)
        return 0;
    if ((mon->state == WC_MON_LOADS && (mon->vmm_gone || is_late(mon, now))) ||
        wc_mon_template_sleeps(mon, now)) {
        wc_mon_template_give_up(mon, "the machine ended, or took too long");
        return 0;
    }
    if (wc_mon_boot_is_stuck(mon, now)) {
        wc_mon_boot_again(mon);
        return 0;
    }
    if (mon->vmm_gone && mon->state != WC_MON_ENDS && mon->channel < 0) {
        tell_death(mon); /* all that the agent said is read */
        return 0;
    }
    if (mon->state == WC_MON_ENDS && wc_mon_stream_is_dry(&mon->streams[0]) &&
        (mon->vmm_gone || is_late(mon, now))) {
        mon->over = true;
        return 0;
    }
    if (mon->state != WC_MON_ENDS && is_late(mon, now)) {
        tell_late(mon);
        return 0;
    }
    if (mon->state == WC_MON_RUNS) {
        uint64_t next = mon->beat_ms + mon->conf.beat_ms;
        return next > now ? (int)(next - now) : 0;
    }
    if (mon->deadline_ms == 0)
        return -1;
    /* in steps: else a pause can't be told from waiting */
    uint64_t left = mon->deadline_ms > now ? mon->deadline_ms - now : BRIEF_MS;
    return left < BRIEF_MS ? (int)left : BRIEF_MS;
}

int wc_mon_turn(struct wc_mon *mon)
{
    uint64_t now = wc_mon_now_ms();
    forget_pause(mon, now);
    int wait_ms = turn(mon, now);
    mon->turned_ms = now;
    mon->wait_ms = wait_ms < 0 ? UINT64_MAX : (uint64_t)wait_ms;
    return wait_ms;
}
