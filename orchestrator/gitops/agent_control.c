/* agent_control.c - the agent's socket: one line asks, one line answers. "now APP" or "now" is all
 * that can be asked; what is known is on disk, for everybody who may read it.
 */
#include "orchestrator/gitops/agent_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/paths.h"
#include "base/str.h"
#include "orchestrator/control.h"

enum { LINE_MAX_BYTES = 256, BACKLOG = 8, ANSWER_MS = 5000 };
static const char socket_name[] = "agent.sock";

/* One who asks. */
struct asker {
    uv_pipe_t pipe;
    struct wc_gitops_loop *loop;
    char line[LINE_MAX_BYTES];
    size_t len;
    uv_write_t write;
};

static void on_asker_closed(uv_handle_t *handle)
{
    wc_free(handle->data);
}

static void on_written(uv_write_t *write, int status)
{
    struct asker *asker = write->data;
    (void)status;
    uv_close((uv_handle_t *)&asker->pipe, on_asker_closed);
}

static bool tell(struct wc_gitops_loop *loop, const char *name)
{
    bool found = false;
    for (size_t i = 0; i < loop->n_apps; i++) {
        struct wc_loop_app *app = loop->apps[i];
        if (app->is_listed && (name[0] == '\0' || wc_streq(app->name, name))) {
            wc_agent_tell(app);
            found = true;
        }
    }
    if (found)
        wc_agent_pump(loop);
    return found || name[0] == '\0';
}

static void answer(struct asker *asker)
{
    static char fine[] = "ok\n", unknown[] = "unknown\n", wrong[] = "wrong\n";
    char *text = wrong;
    if (wc_streq(asker->line, "now"))
        text = tell(asker->loop, "") ? fine : unknown;
    else if (wc_str_starts(asker->line, "now "))
        text = tell(asker->loop, asker->line + 4) ? fine : unknown;
    uv_buf_t bytes = uv_buf_init(text, (unsigned)strlen(text));
    asker->write.data = asker;
    uv_read_stop((uv_stream_t *)&asker->pipe);
    if (uv_write(&asker->write, (uv_stream_t *)&asker->pipe, &bytes, 1, on_written) != 0)
        uv_close((uv_handle_t *)&asker->pipe, on_asker_closed);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct asker *asker = handle->data;
    (void)suggested;
    *out = uv_buf_init(asker->line + asker->len, (unsigned)(sizeof asker->line - 1 - asker->len));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *bytes)
{
    struct asker *asker = stream->data;
    (void)bytes;
    if (n < 0) {
        uv_close((uv_handle_t *)&asker->pipe, on_asker_closed);
        return;
    }
    asker->len += (size_t)n;
    asker->line[asker->len] = '\0';
    char *end = memchr(asker->line, '\n', asker->len);
    if (end != NULL)
        *end = '\0';
    if (end != NULL || asker->len == sizeof asker->line - 1)
        answer(asker);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct wc_gitops_loop *loop = listener->data;
    if (status != 0)
        return;
    struct asker *asker = wc_calloc(1, sizeof *asker);
    asker->loop = loop;
    uv_pipe_init(&loop->uv, &asker->pipe, 0);
    asker->pipe.data = asker;
    if (uv_accept(listener, (uv_stream_t *)&asker->pipe) != 0 ||
        uv_read_start((uv_stream_t *)&asker->pipe, on_alloc, on_read) != 0)
        uv_close((uv_handle_t *)&asker->pipe, on_asker_closed);
    else
        uv_unref((uv_handle_t *)&asker->pipe); /* nobody holds the agent up by asking nothing */
}

int wc_agent_listen(struct wc_gitops_loop *loop, struct wc_err *err)
{
    char dir[4096];
    snprintf(dir, sizeof dir, "%s/gitops", loop->config->paths->run);
    WC_CLEANUP_FD int dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = dir_fd < 0 ? -1 : wc_control_bind(dir_fd, socket_name);
    if (fd < 0)
        return wc_err_set(err, WC_ERR_IO, errno, "make %s/%s", dir, socket_name);
    uv_pipe_init(&loop->uv, &loop->control, 0);
    loop->control.data = loop;
    loop->has_control = true;
    int rc = uv_pipe_open(&loop->control, fd);
    if (rc == 0)
        rc = uv_listen((uv_stream_t *)&loop->control, BACKLOG, on_connection);
    return rc == 0 ? 0 : wc_err_set(err, WC_ERR_IO, -rc, "listen at %s/%s", dir, socket_name);
}

/* The other side ------------------------------------------------------------------------------*/

static int read_answer(int fd, const char *app, struct wc_err *err)
{
    char text[16] = "";
    struct pollfd news = { .fd = fd, .events = POLLIN };
    ssize_t n = poll(&news, 1, ANSWER_MS) == 1 ? read(fd, text, sizeof text - 1) : -1;
    if (n <= 0)
        return wc_err_set(err, WC_ERR_UNAVAILABLE, 0, "the agent doesn't answer");
    text[n] = '\0';
    if (wc_streq(text, "ok\n"))
        return 0;
    return wc_err_set(err, WC_ERR_NOENT, 0, "the agent that runs knows no app '%s'",
                      app != NULL ? app : "");
}

int wc_gitops_now(const struct wc_paths *paths, const char *app, struct wc_err *err)
{
    char dir[4096], line[LINE_MAX_BYTES];
    snprintf(dir, sizeof dir, "%s/gitops", paths->run);
    WC_CLEANUP_FD int fd = wc_control_connect(dir, socket_name);
    if (fd < 0)
        return wc_err_set(err, WC_ERR_NOENT, 0,
                          "no agent is running: wcompose reconcile starts it, and reconcile --once "
                          "does without");
    int len =
        snprintf(line, sizeof line, "now%s%s\n", app != NULL ? " " : "", app != NULL ? app : "");
    if (write(fd, line, (size_t)len) != len)
        return wc_err_set(err, WC_ERR_UNAVAILABLE, errno, "ask the agent");
    return read_answer(fd, app, err);
}
