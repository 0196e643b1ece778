/* guest_die.c - the ways out: all of them end the machine.
 *
 * Power off where the kernel can (ACPI), else a reset, which QEMU with -no-reboot takes as the end;
 * never a halt, which would hang with the lights on. A process of its own pulls the plug when sync
 * doesn't come back (a shared file system whose server is gone).
 */
#include "drivers/hyperv/guest/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SYNC_PATIENCE_S = 5, REAP_PATIENCE_MS = 1000, WORDS_PATIENCE_MS = 200 };

static struct wc_guest *the_guest; /* for the handler of our own faults */

static _Noreturn void switch_off(const struct wc_guest *guest, int status)
{
    if (guest->place.test || getpid() == 0)
        _exit(status);
    if (access("/sys/firmware/acpi/tables", F_OK) == 0)
        reboot(RB_POWER_OFF);
    reboot(RB_AUTOBOOT);
    for (;;)
        pause();
}

static void pull_the_plug_later(const struct wc_guest *guest)
{
    if (guest->place.test || fork() != 0)
        return;
    const struct timespec patience = { .tv_sec = SYNC_PATIENCE_S };
    nanosleep(&patience, NULL);
    switch_off(guest, 1);
}

/* As the first process we reach all; in a test that isn't one, only our own. */
static void kill_all(struct wc_guest *guest)
{
    if (getpid() == 1)
        kill(-1, SIGKILL);
    else
        for (size_t i = 0; i < WC_VM_STREAMS; i++)
            if (guest->streams[i].pid > 0)
                kill(guest->streams[i].pid, SIGKILL);
}

static void reap_all(void)
{
    const struct timespec nap = { .tv_nsec = 2000000 };
    uint64_t until = wc_guest_now_ms() + REAP_PATIENCE_MS;
    pid_t pid;
    while ((pid = waitpid(-1, NULL, WNOHANG)) >= 0 && wc_guest_now_ms() < until)
        if (pid == 0)
            nanosleep(&nap, NULL);
}

static _Noreturn void end(struct wc_guest *guest, int status)
{
    kill_all(guest);
    reap_all();
    pull_the_plug_later(guest);
    sync();
    switch_off(guest, status);
}

void wc_guest_off(struct wc_guest *guest)
{
    end(guest, 0);
}

/* By the kernel's log, which is written before the call returns: what waits in the console's own
 * buffer is lost when the machine is reset. As an alert, which is shown on a quiet kernel too. */
void wc_guest_to_console(const struct wc_guest *guest, const char *why)
{
    char line[600];
    struct wc_text text = WC_TEXT(line);
    int fd = guest->place.test ? 2 : open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
    wc_text_put(&text, fd == 2 ? "" : "<1>");
    wc_text_put(&text, "wcompose-guest: ");
    wc_text_put(&text, why);
    wc_text_put(&text, "\n");
    if (fd >= 0)
        wc_file_write_all(fd, line, text.len);
    if (fd > 2)
        close(fd);
}

/* What is queued, and the reason after it, for as long as the host takes it. */
static void to_host(struct wc_guest *guest, const char *why)
{
    struct wc_vm_writer *writer = &guest->writer;
    uint64_t until = wc_guest_now_ms() + WORDS_PATIENCE_MS;
    if (guest->place.channel < 0)
        return;
    fcntl(guest->place.channel, F_SETFL, O_RDWR | O_NONBLOCK);
    wc_guest_say_text(guest, WC_VM_SAYS, why);
    while (writer->len > 0 && wc_guest_now_ms() < until) {
        ssize_t k = write(guest->place.channel, writer->buf + writer->at, writer->len);
        if (k > 0)
            wc_vm_gone(writer, (size_t)k);
        else if (errno != EAGAIN && errno != EINTR)
            return;
        else {
            struct pollfd poll_fd = { .fd = guest->place.channel, .events = POLLOUT };
            poll(&poll_fd, 1, WORDS_PATIENCE_MS / 10);
        }
    }
}

void wc_guest_die(struct wc_guest *guest, const char *why)
{
    static bool dying;
    if (!dying) { /* else words themselves are what went wrong */
        dying = true;
        wc_guest_to_console(guest, why);
        to_host(guest, why);
    }
    end(guest, 1);
}

static void on_fault(int signal_number)
{
    char line[64];
    struct wc_text text = WC_TEXT(line);
    wc_text_put(&text, "ends by signal");
    wc_text_field(&text, (uint64_t)signal_number);
    wc_guest_to_console(the_guest, line);
    if (the_guest->place.test)
        _exit(70);
    switch_off(the_guest, 70);
}

static void on_alarm(int signal_number)
{
    (void)signal_number;
    wc_guest_to_console(the_guest, "nobody listens to the port named wcompose.agent");
    switch_off(the_guest, 1);
}

void wc_guest_patience(unsigned seconds)
{
    sigset_t own;
    struct sigaction act = { .sa_handler = on_alarm };
    sigaction(SIGALRM, &act, NULL);
    sigemptyset(&own);
    sigaddset(&own, SIGALRM);
    sigprocmask(seconds > 0 ? SIG_UNBLOCK : SIG_BLOCK, &own, NULL);
    alarm(seconds);
}

void wc_guest_catch(struct wc_guest *guest)
{
    static char stack[16384];
    static const int faults[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS };
    const stack_t own = { .ss_sp = stack, .ss_size = sizeof stack };
    struct sigaction act = { .sa_handler = on_fault, .sa_flags = SA_ONSTACK | (int)SA_RESETHAND };
    the_guest = guest;
    sigaltstack(&own, NULL);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        sigaction(faults[i], &act, NULL);
}
