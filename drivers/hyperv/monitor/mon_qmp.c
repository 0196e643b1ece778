/* mon_qmp.c - what the VMM tells of the machine: lines of JSON, of which two events matter.
 *
 * The VMM is not trusted with more than these: a guest that has taken it over can say that it
 * panicked, and nothing else. So nothing is parsed but two words.
 */
#include "drivers/hyperv/monitor/mon.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char line[4096];
static size_t line_len;
static bool too_long, greeted;

void wc_mon_qmp_reset(void)
{
    line_len = 0;
    too_long = greeted = false;
}

void wc_mon_qmp_send(struct wc_mon *mon, const char *command, int fd)
{
    union {
        char space[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = { .space = { 0 } };
    struct iovec iov = { (void *)(uintptr_t)command, strlen(command) };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    if (fd >= 0) {
        msg.msg_control = control.space;
        msg.msg_controllen = sizeof control.space;
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &fd, sizeof fd);
    }
    if (mon->qmp >= 0)
        (void)sendmsg(mon->qmp, &msg, MSG_NOSIGNAL); /* a full socket's end is a deadline's */
}

static void on_line(struct wc_mon *mon)
{
    static const char capabilities[] = "{\"execute\":\"qmp_capabilities\"}\r\n";
    if (!greeted && strstr(line, "\"QMP\"") != NULL)
        greeted = wc_file_write_all(mon->qmp, capabilities, sizeof capabilities - 1) == 0;
    if (mon->conf.mode != NULL && (mon->state == WC_MON_LOADS || mon->conf.mode[0] == 's'))
        wc_mon_template_line(mon, line);
    if (strstr(line, "\"event\"") == NULL)
        return;
    if (strstr(line, "\"GUEST_PANICKED\"") != NULL)
        mon->panicked = true;
    if (strstr(line, "\"SHUTDOWN\"") != NULL && strstr(line, "\"guest-reset\"") != NULL)
        mon->reset = true;
}

static void take(struct wc_mon *mon, const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (data[i] == '\n') {
            line[line_len] = '\0';
            if (!too_long)
                on_line(mon);
            line_len = 0;
            too_long = false;
        } else if (line_len < sizeof line - 1) {
            line[line_len++] = data[i];
        } else {
            too_long = true;
        }
    }
}

void wc_mon_qmp_read(struct wc_mon *mon)
{
    char data[2048];
    ssize_t k = read(mon->qmp, data, sizeof data);
    if (k > 0) {
        mon->vmm_answered_ms = wc_mon_now_ms();
        take(mon, data, (size_t)k);
    } else if (k == 0 || (errno != EAGAIN && errno != EINTR)) {
        close(mon->qmp);
        mon->qmp = -1;
    }
}
