/* supervisor_notify.h - tells the service manager that started us how we are: ready, alive, leaving
 * (private to orchestrator/supervisor*.c).
 *
 * Idea:    datagrams to the socket that NOTIFY_SOCKET names; nothing at all where there is none.
 * The watchdog is fed by a timer of the loop, so that a loop that hangs is a supervisor that is
 * restarted. Owner:   the value is the caller's; its timer closes with wc_notify_close. Threads:
 * the loop's. Blocks: at most SEND_MS for a manager that reads nothing. Source:  sd_notify(3),
 * sd_watchdog_enabled(3).
 */
#ifndef ORCHESTRATOR_SUPERVISOR_NOTIFY_H
#define ORCHESTRATOR_SUPERVISOR_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <uv.h>

struct wc_notify {
    int fd; /* -1: nobody wants to hear of us */
    struct sockaddr_un to;
    socklen_t to_len;
    uint64_t beat_ms; /* between two WATCHDOG=1; 0: no watchdog */
    uv_timer_t timer; /* does not keep the loop alive */
};

/* Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the environment: keepers and runtimes
 * are not to speak for us. A socket that can't be used is logged, and then not used. */
void wc_notify_open(struct wc_notify *notify, uv_loop_t *loop);

/* Sends lines "KEY=value", joined by newlines. */
void wc_notify_send(const struct wc_notify *notify, const char *lines);

/* Closes the socket and the timer. */
void wc_notify_close(struct wc_notify *notify);

#endif
