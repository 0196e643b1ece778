/* look.c - what the driver asks of a machine's monitor (monitor/conf.h): for a probe a connection,
 * or whether a path is there; or to kill the service. The agent answers at once or the machine
 * hangs, which its heartbeats find; so a few seconds are waited for here, on a thread of the pool.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/str.h"
#include "drivers/hyperv/ask.h"
#include "drivers/hyperv/machine.h"
#include "drivers/process/look.h"

enum { PATIENCE_MS = 5000 };

/* Returns the answer's type and, of ENDED, its code; WC_ERR_* when there is none. */
static int hear(int monitor, unsigned *code, struct wc_err *err)
{
    char packet[sizeof(struct wc_vm_head) + sizeof(struct wc_vm_ended) + WC_VM_TEXT_MAX];
    struct wc_vm_head head;
    struct wc_vm_ended ended;
    ssize_t len = recv(monitor, packet, sizeof packet, 0);
    if (len < (ssize_t)sizeof head)
        return wc_err_set(err, len < 0 ? WC_ERR_FAILED : WC_ERR_STATE, len < 0 ? errno : 0,
                          "the machine's monitor gave no answer");
    memcpy(&head, packet, sizeof head);
    if (head.type == WC_VM_ENDED && len >= (ssize_t)(sizeof head + sizeof ended)) {
        memcpy(&ended, packet + sizeof head, sizeof ended);
        *code = ended.code;
    }
    return head.type;
}

static int look_along(struct wc_look_in *look, int monitor, const char *record,
                      enum wc_vm_type type, struct wc_err *err)
{
    int ends[2] = { -1, -1 };
    unsigned code = 0;
    bool connects = type == WC_VM_CONNECT;
    if (connects && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return wc_err_set(err, wc_fs_code(errno), errno, "make a socket");
    WC_CLEANUP_FD int ours = ends[0];
    int sys = wc_vm_ask(monitor, type, record, ends[1]);
    if (ends[1] >= 0)
        close(ends[1]);
    if (sys != 0)
        return wc_err_set(err, wc_fs_code(sys), sys, "ask the machine's monitor");
    int answer = hear(monitor, &code, err);
    if (answer < 0)
        return answer;
    look->passed = answer == WC_VM_RUNS || code == 0;
    look->why = (int)code;
    if (answer != WC_VM_RUNS || look->check->kind == WC_CHECK_UNIX)
        return 0;
    if (wc_vm_ask(monitor, WC_VM_INPUT_END, NULL, -1) != 0 || fcntl(ours, F_SETFL, O_NONBLOCK) != 0)
        return wc_err_set(err, WC_ERR_FAILED, errno, "the machine's monitor");
    look->fd = ours;
    ours = -1;
    return 0;
}

bool wc_vm_kill(const char *run_dir)
{
    struct {
        struct wc_vm_head head;
        uint32_t signal;
    } packet = { { .len = sizeof packet.signal, .type = WC_VM_SIGNAL }, SIGKILL };
    WC_CLEANUP_FD int monitor = wc_vm_dial(run_dir, PATIENCE_MS, NULL);
    return monitor >= 0 && send(monitor, &packet, sizeof packet, MSG_NOSIGNAL) == sizeof packet;
}

int wc_vm_look(const char *run_dir, struct wc_look_in *look, struct wc_err *err)
{
    char record[WC_VM_ASK_MAX];
    const struct wc_check *check = look->check;
    look->fd = -1;
    look->passed = look->connecting = false;
    look->why = 0;
    if (look->ip6) { /* the agent has tried both */
        look->why = ECONNREFUSED;
        return 0;
    }
    WC_CLEANUP_FD int monitor = wc_vm_dial(run_dir, PATIENCE_MS, err);
    if (monitor < 0)
        return monitor;
    switch (check->kind) {
    case WC_CHECK_TCP:
    case WC_CHECK_HTTP:
        snprintf(record, sizeof record, "port=%lld", (long long)check->port);
        return look_along(look, monitor, record, WC_VM_CONNECT, err);
    case WC_CHECK_UNIX:
        snprintf(record, sizeof record, "unix=%s", check->path);
        return look_along(look, monitor, record, WC_VM_CONNECT, err);
    case WC_CHECK_FILE:
        snprintf(record, sizeof record, "path=%s", check->path);
        return look_along(look, monitor, record, WC_VM_LOOK, err);
    case WC_CHECK_TEST:
    case WC_CHECK_NOTIFY:
        break;
    }
    return wc_err_set(err, WC_ERR_BUG, 0, "no look for a check of kind %d", (int)check->kind);
}
