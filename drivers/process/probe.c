/* probe.c - EXEC with a check: one look at an instance, without a program of its own.
 *
 * A thread of the pool takes the look that must happen inside (look.c) and gives back an answer or
 * a socket; connecting, asking and reading go on here, on the loop, until the deadline. What a peer
 * may send is bounded by the size of the answer's head that is kept. 127.0.0.1 is asked first, ::1
 * when nobody listens there. Looks along a path can hang (a network file system below it): only a
 * few may be on the pool at a time, so that they can't keep everything else from it.
 */
#include "drivers/process/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "drivers/process/flavour.h"
#include "drivers/process/http_answer.h"
#include "drivers/process/look.h"

enum { PATH_LOOKS = 2, HEAD_MAX_BYTES = 4096, PASSED = 0, FAILED = 1 };

struct wc_probe {
    struct wc_probe *next;
    struct wc_inst *inst;
    struct wc_op *op;      /* NULL once it is answered: only the thread is waited for */
    struct wc_check check; /* texts in the arena */
    struct wc_arena arena;
    uv_work_t work;
    struct wc_look_in look;
    int rc;
    struct wc_err err;
    uv_poll_t poll;
    uv_timer_t deadline;
    bool looking, polling, asked;
    unsigned open; /* handles not closed yet */
    char *request;
    size_t request_len, sent, got;
    char head[HEAD_MAX_BYTES];
};

static bool is_path(const struct wc_check *check)
{
    return check->kind == WC_CHECK_FILE || check->kind == WC_CHECK_UNIX;
}

/* Frees it when nothing of it is left on the loop or the pool. */
static void forget(struct wc_probe *probe)
{
    struct wc_inst *inst = probe->inst;
    struct wc_process *driver = inst->driver;
    if (probe->open > 0 || probe->looking || probe->op != NULL)
        return;
    struct wc_probe **at = &driver->probes;
    while (*at != probe)
        at = &(*at)->next;
    *at = probe->next;
    if (probe->look.fd >= 0)
        close(probe->look.fd);
    if (probe->look.pidfd >= 0)
        close(probe->look.pidfd);
    wc_arena_deinit(&probe->arena);
    wc_free(probe);
    inst->n_execs--;
    wc_inst_next(inst);
    wc_process_settle(driver);
}

static void on_closed(uv_handle_t *handle)
{
    struct wc_probe *probe = handle->data;
    probe->open--;
    forget(probe);
}

/* Ends the op; what is left of the probe goes when it can. */
static void finish(struct wc_probe *probe, int rc, const struct wc_err *err)
{
    struct wc_op *op = probe->op;
    if (op == NULL)
        return;
    probe->op = NULL;
    if (probe->polling)
        uv_close((uv_handle_t *)&probe->poll, on_closed);
    probe->polling = false;
    uv_close((uv_handle_t *)&probe->deadline, on_closed);
    wc_process_finish(probe->inst->driver, op, rc, err);
}

static void answer(struct wc_probe *probe, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void answer(struct wc_probe *probe, int code, const char *fmt, ...)
{
    va_list args;
    if (probe->op == NULL)
        return;
    va_start(args, fmt);
    vsnprintf(probe->op->output, sizeof probe->op->output, fmt, args);
    va_end(args);
    probe->op->exit_code = code;
    finish(probe, 0, NULL);
}

/* "tcp 127.0.0.1:5432", for people. */
static const char *name_of(const struct wc_probe *probe)
{
    const struct wc_check *check = &probe->check;
    if (is_path(check))
        return check->path;
    return wc_arena_printf((struct wc_arena *)(uintptr_t)&probe->arena, "%s:%lld",
                           probe->look.ip6 ? "[::1]" : "127.0.0.1", (long long)check->port);
}

static void look(struct wc_probe *probe);

/* Nobody listens at this address. The other one may have somebody; its silence says no more. */
static void refused(struct wc_probe *probe, int sys)
{
    if (probe->look.fd >= 0)
        close(probe->look.fd);
    probe->look.fd = -1;
    if (!probe->look.ip6 && sys == ECONNREFUSED) {
        probe->look.ip6 = true;
        look(probe);
        return;
    }
    probe->look.ip6 = false;
    answer(probe, FAILED, "%s: %s", name_of(probe),
           strerror(sys == EADDRNOTAVAIL || sys == EAFNOSUPPORT ? ECONNREFUSED : sys));
}

/* ---- on the loop: connecting, then HTTP ---- */

static void judge_status(struct wc_probe *probe, int status)
{
    const struct wc_check *check = &probe->check;
    bool well = status >= (int)check->status_min && status <= (int)check->status_max;
    if (status == WC_HTTP_NONE)
        answer(probe, FAILED, "%s: no HTTP answer", name_of(probe));
    else
        answer(probe, well ? PASSED : FAILED, "%s%s: status %d", name_of(probe), check->path,
               status);
}

static void read_answer(struct wc_probe *probe)
{
    ssize_t n = recv(probe->look.fd, probe->head + probe->got, sizeof probe->head - probe->got, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n < 0) {
        answer(probe, FAILED, "%s: %s", name_of(probe), strerror(errno));
        return;
    }
    probe->got += (size_t)n;
    int status = wc_http_status(probe->head, probe->got);
    if (status != WC_HTTP_MORE)
        judge_status(probe, status);
    else if (n == 0)
        answer(probe, FAILED, "%s: closed without an answer", name_of(probe));
    else if (probe->got == sizeof probe->head)
        answer(probe, FAILED, "%s: no status within %d bytes", name_of(probe), HEAD_MAX_BYTES);
}

static void on_ready(uv_poll_t *poll, int status, int events);

static void send_request(struct wc_probe *probe)
{
    ssize_t n = send(probe->look.fd, probe->request + probe->sent, probe->request_len - probe->sent,
                     MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n < 0) {
        answer(probe, FAILED, "%s: %s", name_of(probe), strerror(errno));
        return;
    }
    probe->sent += (size_t)n;
    if (probe->sent < probe->request_len)
        return;
    probe->asked = true;
    uv_poll_start(&probe->poll, UV_READABLE, on_ready);
}

static void connected(struct wc_probe *probe)
{
    const struct wc_check *check = &probe->check;
    if (check->kind == WC_CHECK_TCP) {
        answer(probe, PASSED, "%s: connected", name_of(probe));
        return;
    }
    if (probe->request == NULL) {
        probe->request =
            wc_arena_printf(&probe->arena,
                            "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: wcompose\r\nAccept: */*\r\n"
                            "Connection: close\r\n\r\n",
                            check->path, check->host);
        probe->request_len = strlen(probe->request);
    }
    send_request(probe);
}

static void on_poll_closed_for_retry(uv_handle_t *handle)
{
    struct wc_probe *probe = handle->data;
    probe->open--;
    int sys = probe->look.why;
    if (probe->op != NULL)
        refused(probe, sys);
    else
        forget(probe);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct wc_probe *probe = poll->data;
    int sys = 0;
    socklen_t len = sizeof sys;
    (void)events;
    if (probe->look.connecting) {
        (void)getsockopt(probe->look.fd, SOL_SOCKET, SO_ERROR, &sys, &len);
        probe->look.connecting = false;
    }
    if (sys != 0) {
        probe->look.why = sys;
        probe->polling = false;
        uv_close((uv_handle_t *)&probe->poll, on_poll_closed_for_retry);
    } else if (probe->asked || status != 0) {
        read_answer(probe);
    } else {
        connected(probe);
    }
}

static void wait_for_peer(struct wc_probe *probe)
{
    struct wc_err err = { 0 };
    if (uv_poll_init(probe->inst->driver->loop, &probe->poll, probe->look.fd) != 0) {
        int rc = wc_err_set(&err, WC_ERR_FAILED, 0, "cannot watch a socket");
        finish(probe, rc, &err);
        return;
    }
    probe->poll.data = probe;
    probe->polling = true;
    probe->open++;
    uv_poll_start(&probe->poll, UV_WRITABLE, on_ready);
}

/* ---- on the pool: the look inside ---- */

static void work(uv_work_t *req)
{
    struct wc_probe *probe = req->data;
    const struct wc_flavour *flavour = probe->inst->driver->flavour;
    if (flavour != NULL)
        probe->rc = flavour->look(probe->inst->run_dir, &probe->look, &probe->err);
    else
        probe->rc = wc_look_inside(&probe->look, &probe->err);
}

/* One that waits for a place takes it. */
static void next_path_look(struct wc_process *driver)
{
    for (struct wc_probe *p = driver->probes; p != NULL; p = p->next)
        if (p->op != NULL && is_path(&p->check) && !p->looking) {
            look(p);
            return;
        }
}

static void after_work(uv_work_t *req, int status)
{
    struct wc_probe *probe = req->data;
    struct wc_process *driver = probe->inst->driver;
    bool along_path = is_path(&probe->check);
    (void)status;
    probe->looking = false;
    driver->n_path_looks -= along_path;
    if (probe->op == NULL) {
        forget(probe);
    } else if (probe->rc != 0 && !probe->look.ip6) {
        finish(probe, probe->rc, &probe->err);
    } else if (probe->rc != 0) {
        refused(probe, ECONNREFUSED); /* no IPv6 in there */
    } else if (probe->look.fd >= 0) {
        wait_for_peer(probe);
    } else if (along_path) {
        answer(probe, probe->look.passed ? PASSED : FAILED, "%s: %s", name_of(probe),
               probe->look.passed ? "there" : strerror(probe->look.why));
    } else {
        refused(probe, probe->look.why);
    }
    if (along_path)
        next_path_look(driver);
}

static void look(struct wc_probe *probe)
{
    struct wc_process *driver = probe->inst->driver;
    bool along_path = is_path(&probe->check);
    if (along_path && driver->n_path_looks >= PATH_LOOKS)
        return; /* until another one ends, or its time is over */
    driver->n_path_looks += along_path;
    probe->looking = true;
    uv_queue_work(driver->loop, &probe->work, work, after_work);
}

/* A peer that doesn't answer has failed; a look that never came back is none. */
static void on_deadline(uv_timer_t *timer)
{
    struct wc_probe *probe = timer->data;
    struct wc_err err = { 0 };
    if (probe->polling) {
        answer(probe, FAILED, "%s: no answer in time", name_of(probe));
        return;
    }
    int rc = wc_err_set(&err, WC_ERR_FAILED, 0, "could not look in time");
    finish(probe, rc, &err);
}

static int copy_check(struct wc_probe *probe, const struct wc_inst *inst)
{
    const struct wc_check *check = probe->op->check;
    probe->check = *check;
    probe->check.path = wc_arena_strdup(&probe->arena, check->path);
    probe->check.host = wc_arena_strdup(&probe->arena, check->host);
    probe->look.check = &probe->check;
    probe->look.pid = inst->pid;
    probe->look.fd = -1;
    probe->look.pidfd = inst->pidfd >= 0 ? fcntl(inst->pidfd, F_DUPFD_CLOEXEC, 3) : -1;
    return probe->look.pidfd;
}

void wc_begin_probe(struct wc_inst *inst, struct wc_op *op)
{
    struct wc_process *driver = inst->driver;
    struct wc_probe *probe = wc_calloc(1, sizeof *probe);
    wc_arena_init(&probe->arena);
    probe->inst = inst;
    probe->op = op;
    probe->next = driver->probes;
    driver->probes = probe;
    inst->n_execs++;
    uv_timer_init(driver->loop, &probe->deadline);
    probe->deadline.data = probe->work.data = probe;
    probe->open = 1;
    if (copy_check(probe, inst) < 0) {
        struct wc_err err = { 0 };
        int rc = wc_err_set(&err, WC_ERR_STATE, errno, "cannot look into it");
        finish(probe, rc, &err);
        return;
    }
    if (op->deadline_ms != 0) {
        uint64_t now = uv_now(driver->loop);
        uv_timer_start(&probe->deadline, on_deadline,
                       op->deadline_ms > now ? op->deadline_ms - now : 0, 0);
    }
    look(probe);
}

void wc_probes_cancel(struct wc_process *driver)
{
    struct wc_err err = { 0 };
    (void)wc_err_set(&err, WC_ERR_CANCELLED, 0, "the look was given up");
    for (struct wc_probe *probe = driver->probes; probe != NULL; probe = probe->next)
        finish(probe, WC_ERR_CANCELLED, &err);
}
