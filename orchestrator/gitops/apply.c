/* apply.c - the same call that `up --wait` makes, so that all that knows of projects (ps, why,
 * events, rollback) knows of these. */
#include "orchestrator/gitops/apply.h"

#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/str.h"
#include "wcompose/client.h"
#include "wcompose/history.h"

/* The longest stop_grace_period is ten minutes. */
enum { DOWN_LIMIT_MS = 900000, LEAVE_LIMIT_MS = 5000 };

/* What the answers told. */
struct told {
    struct wc_arena *arena;
    const char *bad; /* the first bad news of an instance, or the last word on one */
    bool is_final, done;
    int code;
    const char *error;
};

static void note_bad(struct told *told, const struct wc_event *event)
{
    if (event->type != WC_EVENT_INSTANCE || event->service == NULL)
        return;
    bool is_final = wc_streq(event->action, "failed");
    bool is_bad = is_final || wc_streq(event->action, "unhealthy") ||
                  (wc_streq(event->action, "exited") && event->exit_code != 0);
    if (!is_bad || told->is_final || (told->bad != NULL && !is_final))
        return;
    told->is_final = is_final;
    if (event->reason != NULL)
        told->bad = wc_arena_printf(told->arena, "service %s %s: %s", event->service, event->action,
                                    event->reason);
    else
        told->bad = wc_arena_printf(told->arena, "service %s %s (exit code %d)", event->service,
                                    event->action, event->exit_code);
}

static void on_answer(void *data, const struct wc_answer *answer)
{
    struct told *told = data;
    if (answer->event != NULL)
        note_bad(told, answer->event);
    if (answer->done) {
        told->done = true;
        told->code = answer->code;
        told->error = wc_arena_strdup(told->arena, answer->error);
    }
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* The number of the generation that has this text, so that the supervisor knows a rollback; 0 = it
 * isn't kept any more. */
static uint64_t generation_of(const struct wc_gitops_apply *apply, struct wc_arena *arena)
{
    struct wc_history history;
    struct wc_err none = { 0 };
    if (wc_history_read(apply->paths, apply->project, arena, &history, &none) != 0)
        return 0;
    for (size_t i = history.n; i-- > 0;)
        if (wc_streq0(history.rows[i].text, apply->text))
            return history.rows[i].number;
    return 0;
}

/* Words for what went wrong: the instance's own rather than the call's. */
static const char *words(const struct told *told, const char *fallback)
{
    if (told->bad != NULL)
        return told->bad;
    return told->error != NULL ? told->error : fallback;
}

static enum wc_gitops_applied judge(const struct told *told, int rc, const struct wc_err *err,
                                    const char **why)
{
    *why = "";
    if (rc == WC_ERR_CANCELLED)
        return WC_APPLIED_LEFT;
    if (rc == WC_ERR_TIMEOUT) {
        *why = wc_arena_printf(told->arena, "not ready in time: %s",
                               words(told, "it is still starting"));
        return WC_APPLIED_NOT_READY;
    }
    if (rc != 0) {
        *why = wc_arena_strdup(told->arena, err->msg);
        return WC_APPLIED_BROKEN;
    }
    if (told->code == 0)
        return WC_APPLIED_READY;
    *why = words(told, "it did not become ready");
    bool is_ours = told->code == WC_ERR_UNAVAILABLE || told->code == WC_ERR_IO ||
                   told->code == WC_ERR_CANCELLED || told->code == WC_ERR_BUG;
    return is_ours ? WC_APPLIED_BROKEN : WC_APPLIED_NOT_READY;
}

struct wc_gitops_applying {
    const struct wc_gitops_apply *apply;
    struct wc_client *client;
    struct told told;
    uint64_t id, deadline_ms;
    int rc; /* of what was asked */
    struct wc_err err;
};

struct wc_gitops_applying *wc_gitops_apply_begin(const struct wc_gitops_apply *apply,
                                                 struct wc_arena *arena)
{
    struct wc_gitops_applying *a = WC_NEW(arena, struct wc_gitops_applying);
    const struct wc_call call = {
        .verb = WC_CALL_APPLY,
        .wait = WC_WAIT_READY,
        .spec = apply->text,
        .spec_len = strlen(apply->text),
        .restores = apply->is_old ? generation_of(apply, arena) : 0,
        .timeout_ms = WC_UNSET,
        .remove_orphans = apply->prune,
        .events = true,
    };
    a->apply = apply;
    a->told.arena = arena;
    a->deadline_ms = now_ms() + (uint64_t)apply->limit_ms;
    a->rc = wc_client_open(apply->paths, apply->project, true, &a->client, &a->err);
    if (a->rc == 0)
        a->rc = wc_client_send(a->client, &call, &a->id, &a->err);
    return a;
}

int64_t wc_gitops_apply_left_ms(const struct wc_gitops_applying *a)
{
    uint64_t now = now_ms();
    return now < a->deadline_ms ? (int64_t)(a->deadline_ms - now) : 0;
}

/* One descriptor for both, so that the wait knows of one. Its end is found out by asking them. */
static int join(int interrupt_fd, int wake_fd)
{
    struct epoll_event either = { .events = EPOLLIN };
    int fd = epoll_create1(EPOLL_CLOEXEC);
    if (fd >= 0 && interrupt_fd >= 0)
        (void)epoll_ctl(fd, EPOLL_CTL_ADD, interrupt_fd, &either);
    if (fd >= 0)
        (void)epoll_ctl(fd, EPOLL_CTL_ADD, wake_fd, &either);
    return fd;
}

static bool is_readable(int fd)
{
    struct pollfd news = { .fd = fd, .events = POLLIN };
    return fd >= 0 && poll(&news, 1, 0) > 0;
}

static void drain(int fd)
{
    char bytes[1024];
    while (is_readable(fd) && read(fd, bytes, sizeof bytes) > 0)
        ;
}

static int wait_for(struct wc_gitops_applying *a, uint64_t until_ms, int fd)
{
    const struct wc_client_waiting waiting = { .id = a->id,
                                               .interrupt_fd = fd,
                                               .deadline_ms = until_ms,
                                               .answer = on_answer,
                                               .data = &a->told };
    struct wc_err none = { 0 };
    int rc = wc_client_wait(a->client, &waiting, &a->err);
    if (rc == WC_ERR_TIMEOUT && !a->told.done) /* what has come by now counts */
        (void)wc_client_read(a->client, on_answer, &a->told, &none);
    return a->told.done ? 0 : rc;
}

enum wc_gitops_applied wc_gitops_apply_wait(struct wc_gitops_applying *a, uint64_t look_up_at_ms,
                                            const char **why)
{
    const struct wc_gitops_apply *apply = a->apply;
    bool looks_up = look_up_at_ms != 0 && look_up_at_ms < a->deadline_ms;
    bool heeds = look_up_at_ms != 0 && apply->wake_fd >= 0;
    WC_CLEANUP_FD int joined = heeds ? join(apply->interrupt_fd, apply->wake_fd) : -1;
    if (a->rc == 0 && !a->told.done)
        a->rc = wait_for(a, looks_up ? look_up_at_ms : a->deadline_ms,
                         joined >= 0 ? joined : apply->interrupt_fd);
    *why = "";
    bool is_woken = a->rc == WC_ERR_CANCELLED && !is_readable(apply->interrupt_fd);
    if (is_woken || (a->rc == WC_ERR_TIMEOUT && wc_gitops_apply_left_ms(a) > 0)) {
        a->rc = 0;
        if (!is_woken)
            return WC_APPLIED_PENDING;
        drain(apply->wake_fd);
        return WC_APPLIED_TOLD;
    }
    return judge(&a->told, a->rc, &a->err, why);
}

void wc_gitops_apply_end(struct wc_gitops_applying *a)
{
    if (a != NULL)
        wc_client_close(a->client);
}

int wc_gitops_down(const struct wc_paths *paths, const char *project, int interrupt_fd,
                   struct wc_err *err)
{
    struct wc_client *client = NULL;
    struct wc_arena arena;
    wc_arena_init(&arena);
    struct told told = { .arena = &arena };
    struct wc_client_waiting waiting = { .interrupt_fd = interrupt_fd,
                                         .deadline_ms = now_ms() + DOWN_LIMIT_MS,
                                         .answer = on_answer,
                                         .data = &told };
    const struct wc_call call = { .verb = WC_CALL_DOWN,
                                  .timeout_ms = WC_UNSET,
                                  .remove_orphans = true };
    int rc = wc_client_open(paths, project, true, &client, err);
    if (rc == 0)
        rc = wc_client_send(client, &call, &waiting.id, err);
    if (rc == 0)
        rc = wc_client_wait(client, &waiting, err);
    if (rc == 0 && told.code != 0)
        rc = wc_err_set(err, told.code, 0, "%s", told.error != NULL ? told.error : "down failed");
    if (rc == 0)
        wc_client_wait_gone(client, LEAVE_LIMIT_MS);
    wc_client_close(client);
    wc_arena_deinit(&arena);
    return rc;
}
