/* mon_main.c - wcompose-monitor: starts one virtual machine and stands for its service.
 *
 * Run as the first process of the machine's jail (drivers/hyperv/jail.c), without arguments; to
 * make a template (template.c) with a directory in WC_MON_DIR's place.
 */
#include "drivers/hyperv/monitor/mon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum { FAULTY = 125, LAST_WORDS = 32 };

static struct wc_mon the_mon;

static int map_boot(struct wc_mon *mon)
{
    struct stat st;
    int fd = open(WC_MON_BOOT, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &st) != 0 || st.st_size == 0)
        return wc_fault("read", WC_MON_BOOT, errno);
    mon->boot_len = (size_t)st.st_size;
    mon->boot = mmap(NULL, mon->boot_len, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (mon->boot == MAP_FAILED)
        return wc_fault("map", WC_MON_BOOT, errno);
    return 0;
}

/* The terminal in the guest does what terminals do; ours only carries bytes. */
static void be_raw(void)
{
    struct termios mode;
    if (tcgetattr(0, &mode) != 0)
        return;
    cfmakeraw(&mode);
    (void)tcsetattr(0, TCSANOW, &mode);
}

static int open_signals(struct wc_mon *mon)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    int fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
    mon->signals = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 64);
    close(fd);
    return mon->signals >= 0 ? 0 : wc_fault("signals", NULL, errno);
}

static int set_up(struct wc_mon *mon, const char *dir)
{
    umask(077);
    prctl(PR_SET_NAME, "wcompose-vm");
    if (open_signals(mon) != 0)
        return -1;
    if (chdir(dir) != 0)
        return wc_fault("enter", dir, errno);
    int word = open(WC_MON_WORD, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
    mon->word = word < 0 ? -1 : fcntl(word, F_DUPFD_CLOEXEC, 64);
    if (word >= 0)
        close(word);
    if (wc_mon_conf_load(&mon->conf) != 0 || wc_mon_spawn(mon) != 0)
        return -1;
    bool saves = mon->conf.mode != NULL && mon->conf.mode[0] == 's';
    mon->state = mon->conf.mode == NULL || saves ? WC_MON_BOOTS : WC_MON_LOADS;
    if (!saves && (map_boot(mon) != 0 || wc_mon_listen(mon) != 0))
        return -1;
    if (mon->conf.tty)
        be_raw();
    int in = mon->conf.input || mon->conf.tty ? 0 : -1;
    wc_mon_stream_open(mon, 0, in, 1, mon->conf.tty ? -1 : 2, -1)->begun = true;
    mon->boots_ms = wc_mon_now_ms();
    mon->deadline_ms = mon->boots_ms + (saves ? mon->conf.boot_ms / 4 : mon->conf.boot_ms);
    return 0;
}

static void turn(struct wc_mon *mon)
{
    enum { SIGNALS, CHANNEL, QMP, CONSOLE, PROGRAMS, LISTENER, FIXED };
    static struct pollfd fds[WC_MON_POLLED];
    int wait_ms = wc_mon_turn(mon);
    if (mon->over)
        return;
    fds[SIGNALS] = (struct pollfd){ .fd = mon->signals, .events = POLLIN };
    fds[CHANNEL] = (struct pollfd){ .fd = mon->channel, .events = wc_mon_channel_events(mon) };
    fds[QMP] = (struct pollfd){ .fd = mon->qmp, .events = POLLIN };
    fds[CONSOLE] = (struct pollfd){ .fd = mon->console, .events = POLLIN };
    fds[PROGRAMS] = (struct pollfd){ .fd = mon->programs, .events = POLLIN };
    fds[LISTENER] = (struct pollfd){ .fd = mon->listener, .events = POLLIN };
    size_t n = FIXED + wc_mon_streams_poll(mon, fds + FIXED);
    if (poll(fds, n, wait_ms) < 0)
        return;
    if (fds[SIGNALS].revents != 0)
        wc_mon_on_signals(mon);
    if (fds[QMP].revents != 0)
        wc_mon_qmp_read(mon);
    if (fds[CONSOLE].revents != 0)
        wc_mon_console_read(mon);
    if (fds[PROGRAMS].revents != 0)
        wc_mon_programs_read(mon);
    if (fds[LISTENER].revents != 0)
        wc_mon_accept(mon);
    if (mon->channel >= 0 && (fds[CHANNEL].revents & (POLLIN | POLLHUP | POLLERR)) != 0)
        wc_mon_channel_read(mon);
    if (mon->channel >= 0)
        wc_mon_channel_write(mon);
    wc_mon_streams_turn(mon);
}

/* The VMM goes first; the jail's other processes go with us. */
static int end(struct wc_mon *mon)
{
    if (mon->vmm > 0 && !mon->vmm_gone) {
        (void)kill(mon->vmm, SIGKILL);
        while (waitpid(mon->vmm, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    for (int turns = 0; turns < LAST_WORDS && mon->programs >= 0; turns++)
        wc_mon_programs_read(mon);
    return mon->status;
}

int main(int argc, char **argv)
{
    struct wc_mon *mon = &the_mon;
    mon->signals = mon->channel = mon->qmp = mon->console = mon->programs = -1;
    mon->listener = mon->word = mon->state_fd = -1;
    if (set_up(mon, argc > 1 ? argv[1] : WC_MON_DIR) != 0) {
        wc_mon_word(mon, "failed", wc_fault_text());
        (void)end(mon);
        return FAULTY;
    }
    while (!mon->over)
        turn(mon);
    return end(mon);
}
