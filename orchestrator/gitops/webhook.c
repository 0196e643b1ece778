/* webhook.c - the agent's ear for forges: a signed request makes an app due, and is all forgotten.
 */
#include "orchestrator/gitops/agent_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"
#include "orchestrator/core/exposition.h"
#include "orchestrator/core/hook.h"
#include "orchestrator/supervisor_http.h"

enum { CALLERS_MAX = 16, LIMIT_MS = 10000 };

/* One who calls. */
struct caller {
    uv_tcp_t tcp;
    uv_timer_t limit;
    struct wc_gitops_loop *loop;
    struct wc_buf in;
    struct wc_buf out;
    uv_write_t write;
    unsigned n_open;
    bool is_closing;
};

static void on_caller_closed(uv_handle_t *handle)
{
    struct caller *caller = handle->data;
    if (--caller->n_open > 0)
        return;
    caller->loop->n_callers--;
    wc_buf_deinit(&caller->in);
    wc_buf_deinit(&caller->out);
    wc_free(caller);
}

static void hang_up(struct caller *caller)
{
    if (caller->is_closing)
        return;
    caller->is_closing = true;
    uv_close((uv_handle_t *)&caller->tcp, on_caller_closed);
    uv_close((uv_handle_t *)&caller->limit, on_caller_closed);
}

static void on_written(uv_write_t *write, int status)
{
    (void)status;
    hang_up(write->data);
}

static void on_limit(uv_timer_t *limit)
{
    hang_up(limit->data);
}

static void answer(struct caller *caller, int status, const struct wc_buf *body)
{
    wc_buf_printf(&caller->out,
                  "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
                  "X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
                  status,
                  status == 200   ? "OK"
                  : status == 202 ? "Accepted"
                  : status == 401 ? "Unauthorized"
                                  : "Refused",
                  WC_EXPOSITION_TYPE, body == NULL ? 0 : body->len);
    if (body != NULL)
        wc_buf_add(&caller->out, body->data, body->len);
    uv_buf_t bytes = uv_buf_init(caller->out.data, (unsigned)caller->out.len);
    caller->write.data = caller;
    uv_read_stop((uv_stream_t *)&caller->tcp);
    if (uv_write(&caller->write, (uv_stream_t *)&caller->tcp, &bytes, 1, on_written) != 0)
        hang_up(caller);
}

/* A scraper's request, which needs no key: true when it is answered. */
static bool answer_scraper(struct caller *caller)
{
    bool is_head;
    WC_CLEANUP_BUF struct wc_buf body = WC_BUF_INIT;
    if (wc_http_judge(caller->in.data, caller->in.len, &is_head) != 200)
        return false;
    if (!is_head)
        wc_agent_metrics(caller->loop, &body);
    answer(caller, 200, &body);
    return true;
}

/* Judges a whole request by the key, which is read for each: a new one holds at once. */
static int judge_by_key(const struct caller *caller, char name[WC_HOOK_NAME_MAX])
{
    struct wc_gitops_loop *loop = caller->loop;
    WC_CLEANUP_BUF struct wc_buf key = WC_BUF_INIT;
    struct wc_err err = { 0 };
    if (wc_fs_read_secret(loop->agent.webhook_secret_file, WC_AGENT_KEY_MAX, &key, &err) != 0) {
        wc_agent_say(loop, "webhook: %s", err.msg);
        return 401;
    }
    while (key.len > 0 && (key.data[key.len - 1] == '\n' || key.data[key.len - 1] == '\r'))
        key.len--;
    int status = wc_hook_judge(caller->in.data, caller->in.len, key.data, key.len, name);
    explicit_bzero(key.data, key.cap);
    return status;
}

/* Without the key it is seen whether a request is whole, and worth it. Who may not ask hears the
 * same of an app that is there as of one that isn't. */
static void judge(struct caller *caller)
{
    struct wc_gitops_loop *loop = caller->loop;
    char name[WC_HOOK_NAME_MAX];
    int status = wc_hook_judge(caller->in.data, caller->in.len, NULL, 0, name);
    if (status == 401)
        status = judge_by_key(caller, name);
    struct wc_loop_app *app = status == 202 ? wc_agent_find(loop, name) : NULL;
    if (status == 202 && app == NULL)
        status = 404;
    if (status != 0)
        answer(caller, status, NULL);
    if (app != NULL) {
        wc_agent_tell(app);
        wc_agent_pump(loop);
    }
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct caller *caller = handle->data;
    wc_buf_reserve(&caller->in, suggested);
    *out = uv_buf_init(caller->in.data + caller->in.len, (unsigned)suggested);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *bytes)
{
    struct caller *caller = stream->data;
    (void)bytes;
    if (n < 0) {
        hang_up(caller);
        return;
    }
    caller->in.len += (size_t)n;
    if (caller->in.len > WC_HOOK_HEAD_MAX + WC_HOOK_BODY_MAX)
        answer(caller, 413, NULL);
    else if (!answer_scraper(caller))
        judge(caller);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct wc_gitops_loop *loop = listener->data;
    if (status != 0)
        return;
    struct caller *caller = wc_calloc(1, sizeof *caller);
    caller->loop = loop;
    caller->in = caller->out = (struct wc_buf)WC_BUF_INIT;
    caller->n_open = 2;
    uv_tcp_init(&loop->uv, &caller->tcp);
    uv_timer_init(&loop->uv, &caller->limit);
    caller->tcp.data = caller->limit.data = caller;
    loop->n_callers++;
    if (uv_accept(listener, (uv_stream_t *)&caller->tcp) != 0 || loop->n_callers > CALLERS_MAX ||
        uv_timer_start(&caller->limit, on_limit, LIMIT_MS, 0) != 0 ||
        uv_read_start((uv_stream_t *)&caller->tcp, on_alloc, on_read) != 0)
        hang_up(caller);
}

static void on_listener_closed(uv_handle_t *handle)
{
    struct wc_gitops_loop *loop = handle->data;
    loop->has_hook = false;
    if (!loop->is_leaving)
        wc_agent_hook(loop); /* the file names another address now */
}

static int listen_at(struct wc_gitops_loop *loop, const char *address)
{
    struct sockaddr_storage at;
    struct wc_err err = { 0 };
    if (wc_http_address(address, &at, &err) != 0)
        return UV_EINVAL;
    int rc = uv_tcp_bind(&loop->hook, (const struct sockaddr *)&at, 0);
    return rc == 0 ? uv_listen((uv_stream_t *)&loop->hook, CALLERS_MAX, on_connection) : rc;
}

void wc_agent_hook(struct wc_gitops_loop *loop)
{
    const char *address = loop->is_leaving ? NULL : loop->agent.webhook_listen;
    if (loop->has_hook) {
        bool is_same = address != NULL && wc_streq(address, loop->hook_at);
        if (!is_same && !uv_is_closing((uv_handle_t *)&loop->hook))
            uv_close((uv_handle_t *)&loop->hook, on_listener_closed);
        return;
    }
    if (address == NULL)
        return;
    snprintf(loop->hook_at, sizeof loop->hook_at, "%s", address);
    uv_tcp_init(&loop->uv, &loop->hook);
    loop->hook.data = loop;
    loop->has_hook = true;
    int rc = listen_at(loop, address);
    if (rc != 0)
        wc_agent_say(loop, "webhook: nobody can be heard at %s: %s", address, uv_strerror(rc));
    else
        wc_agent_say(loop, "webhook: POST http://%s/hook/APP", address);
}
