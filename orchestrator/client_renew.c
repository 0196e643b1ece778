/* client_renew.c - a supervisor that runs another program than ours makes room for one that runs
 * ours.
 *
 * After an upgrade the supervisors of the host go on with the program that was there before: they
 * know nothing of what the new one can do, and nobody would think of restarting them. So a command
 * that needs a supervisor compares files: /proc/PID/exe leads to what the other executes also when
 * that was replaced on disk. One that is busy, or that a service manager looks after, is kept as it
 * is. Instances don't notice: they belong to their keepers.
 */
#include "orchestrator/client_priv.h"

#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"

enum { ANSWER_MS = 5000, GONE_MS = 10000 };

static bool runs_another_program(pid_t pid)
{
    char path[32];
    struct stat ours, theirs;
    snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
    return stat("/proc/self/exe", &ours) == 0 && stat(path, &theirs) == 0 &&
           (ours.st_dev != theirs.st_dev || ours.st_ino != theirs.st_ino);
}

static void keep_code(void *data, const struct wc_answer *answer)
{
    if (answer->done)
        *(int *)data = answer->code;
}

/* True when it leaves. */
static bool makes_room(struct wc_client *client)
{
    const struct wc_call leave = { .verb = WC_CALL_SHUTDOWN,
                                   .timeout_ms = WC_UNSET,
                                   .if_free = true };
    struct wc_err unsaid;
    struct timespec now;
    int code = WC_ERR_STATE;
    clock_gettime(CLOCK_MONOTONIC, &now);
    struct wc_client_waiting waiting = {
        .interrupt_fd = -1,
        .deadline_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000 + ANSWER_MS,
        .answer = keep_code,
        .data = &code,
    };
    return wc_client_send(client, &leave, &waiting.id, &unsaid) == 0 &&
           wc_client_wait(client, &waiting, &unsaid) == 0 && code == 0;
}

int wc_client_renew(struct wc_client *client, struct wc_err *err)
{
    if (client->peer <= 0 || !runs_another_program(client->peer))
        return 0;
    bool leaves = makes_room(client);
    if (leaves)
        wc_client_wait_gone(client, GONE_MS);
    else
        close(client->fd);
    client->fd = -1;
    wc_log(WC_LOG_DEBUG, "client", "the supervisor (pid %d) runs another program, and %s",
           (int)client->peer, leaves ? "makes room" : "stays");
    client->has_heard = false;
    client->scanned = 0;
    wc_buf_reset(&client->sent);
    wc_buf_reset(&client->in);
    return wc_client_connect(client, true, err);
}
