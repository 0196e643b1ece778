/* notify.c - people are told of conditions that changed: by a command, or by curl.
 *
 * Each message is a process of its own with the message on its standard input: no address with a
 * token in it, and no key, is in an argument. It is tried again with growing pauses, and each
 * change has an id by which who is told twice can see it. (Rejected: libcurl in the agent, which
 * would double what it takes in memory for something that happens once a day.)
 */
#include "orchestrator/gitops/agent_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/str.h"
#include "base/units.h"

enum { WAITING_MAX = 256, TRIES = 8, FIRST_MS = 1000 };

/* One message to one who is told. */
struct message {
    struct wc_gitops_loop *loop;
    char *body, *url, *secret_file; /* url NULL: a command */
    char **command;                 /* NULL-terminated */
    unsigned tries;
    uv_process_t process;
    uv_pipe_t in;
    uv_timer_t timer;
    uv_write_t write;
    struct wc_buf input;
    unsigned n_open;
    bool has_failed, is_over;
};

static void try_it(struct message *m);

static void free_message(struct message *m)
{
    m->loop->n_messages--;
    for (size_t i = 0; m->command != NULL && m->command[i] != NULL; i++)
        wc_free(m->command[i]);
    wc_free(m->command);
    wc_free(m->body);
    wc_free(m->url);
    wc_free(m->secret_file);
    wc_buf_deinit(&m->input);
    wc_free(m);
}

static void on_timer_closed(uv_handle_t *handle)
{
    free_message(handle->data);
}

static void on_timer(uv_timer_t *timer)
{
    try_it(timer->data);
}

static void again_or_over(struct message *m)
{
    if (m->has_failed && m->tries < TRIES && !m->loop->is_leaving) {
        uv_timer_start(&m->timer, on_timer, (uint64_t)FIRST_MS << m->tries, 0);
        return;
    }
    if (m->has_failed)
        wc_agent_say(m->loop, "notify: a message can't be delivered: %.200s", m->body);
    uv_close((uv_handle_t *)&m->timer, on_timer_closed);
}

static void on_closed(uv_handle_t *handle)
{
    struct message *m = handle->data;
    if (--m->n_open == 0)
        again_or_over(m);
}

static void on_exit(uv_process_t *process, int64_t status, int signal)
{
    struct message *m = process->data;
    m->has_failed = status != 0 || signal != 0;
    uv_close((uv_handle_t *)process, on_closed);
}

static void on_written(uv_write_t *write, int status)
{
    struct message *m = write->data;
    (void)status; /* the exit status says it */
    uv_close((uv_handle_t *)&m->in, on_closed);
}

/* A text as curl's settings take it. */
static void add_quoted(struct wc_buf *out, const char *name, const char *text)
{
    wc_buf_printf(out, "%s = \"", name);
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\')
            wc_buf_addc(out, '\\');
        if (*at != '\n' && *at != '\r')
            wc_buf_addc(out, *at);
    }
    wc_buf_adds(out, "\"\n");
}

/* A message that can't be signed isn't sent: who gets it wouldn't believe it. */
static bool add_signature(struct message *m)
{
    WC_CLEANUP_BUF struct wc_buf key = WC_BUF_INIT;
    char hex[WC_SHA256_HEX + 1], header[128];
    struct wc_err err = { 0 };
    if (m->secret_file == NULL)
        return true;
    if (wc_fs_read_secret(m->secret_file, WC_AGENT_KEY_MAX, &key, &err) != 0) {
        wc_agent_say(m->loop, "notify: %s", err.msg);
        return false;
    }
    while (key.len > 0 && (key.data[key.len - 1] == '\n' || key.data[key.len - 1] == '\r'))
        key.len--;
    wc_hmac_sha256_hex(key.data, key.len, m->body, strlen(m->body), hex);
    explicit_bzero(key.data, key.cap);
    snprintf(header, sizeof header, "X-Wcompose-Signature-256: sha256=%s", hex);
    add_quoted(&m->input, "header", header);
    return true;
}

static bool make_input(struct message *m)
{
    wc_buf_reset(&m->input);
    if (m->url == NULL) {
        wc_buf_printf(&m->input, "%s\n", m->body);
        return true;
    }
    add_quoted(&m->input, "url", m->url);
    add_quoted(&m->input, "header", "Content-Type: application/json");
    add_quoted(&m->input, "data-raw", m->body);
    return add_signature(m);
}

static void try_it(struct message *m)
{
    static char *curl[] = { (char *)"curl",
                            (char *)"--disable",
                            (char *)"--silent",
                            (char *)"--fail",
                            (char *)"--max-time",
                            (char *)"20",
                            (char *)"--proto",
                            (char *)"=http,https",
                            (char *)"--config",
                            (char *)"-",
                            NULL };
    uv_stdio_container_t stdio[3] = {
        { .flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&m->in },
        { .flags = UV_IGNORE },
        { .flags = UV_INHERIT_FD, .data.fd = 2 },
    };
    const uv_process_options_t options = {
        .file = m->url != NULL ? "curl" : m->command[0],
        .args = m->url != NULL ? curl : m->command,
        .exit_cb = on_exit,
        .stdio_count = 3,
        .stdio = stdio,
    };
    m->tries++;
    if (!make_input(m)) {
        m->has_failed = true;
        again_or_over(m);
        return;
    }
    m->n_open = 2;
    uv_pipe_init(&m->loop->uv, &m->in, 0);
    m->process.data = m->in.data = m;
    m->write.data = m;
    int rc = uv_spawn(&m->loop->uv, &m->process, &options);
    if (rc != 0) {
        m->has_failed = true;
        wc_agent_say(m->loop, "notify: %s: %s", options.file, uv_strerror(rc));
        uv_close((uv_handle_t *)&m->process, on_closed);
        uv_close((uv_handle_t *)&m->in, on_closed);
        return;
    }
    uv_buf_t bytes = uv_buf_init(m->input.data, (unsigned)m->input.len);
    if (uv_write(&m->write, (uv_stream_t *)&m->in, &bytes, 1, on_written) != 0)
        uv_close((uv_handle_t *)&m->in, on_closed);
}

static void send_to(struct wc_gitops_loop *loop, const struct wc_agent_notify *to, const char *body)
{
    if (loop->n_messages >= WAITING_MAX) {
        wc_agent_say(loop, "notify: too many messages wait; one is dropped: %.200s", body);
        return;
    }
    struct message *m = wc_calloc(1, sizeof *m);
    loop->n_messages++;
    m->loop = loop;
    m->input = (struct wc_buf)WC_BUF_INIT;
    m->body = wc_strdup(body);
    m->url = to->url != NULL ? wc_strdup(to->url) : NULL;
    m->secret_file = to->secret_file != NULL ? wc_strdup(to->secret_file) : NULL;
    m->command = wc_calloc(to->command.n + 1, sizeof *m->command);
    for (size_t i = 0; i < to->command.n; i++)
        m->command[i] = wc_strdup(to->command.items[i]);
    uv_timer_init(&loop->uv, &m->timer);
    uv_unref((uv_handle_t *)&m->timer);
    m->timer.data = m;
    try_it(m);
}

static void make_body(const struct wc_loop_app *app, enum wc_gitops_condition_type type,
                      const struct wc_gitops_condition *now, const char *revision,
                      struct wc_buf *out)
{
    WC_CLEANUP_BUF struct wc_buf seed = WC_BUF_INIT;
    char id[WC_SHA256_HEX + 1], at[32];
    const char *name = wc_gitops_condition_name(type);
    struct wc_jsonw w = WC_JSONW_INIT(out);
    wc_buf_printf(&seed, "%s %s %s %s %lld", app->name, name, wc_gitops_truth_name(now->status),
                  now->reason, (long long)now->since_ms);
    wc_sha256_hex(seed.data, seed.len, id);
    wc_time_rfc3339(now->since_ms, at, sizeof at);
    wc_jsonw_object(&w, NULL);
    wc_jsonw_i64(&w, "v", 1);
    wc_jsonw_str(&w, "id", id);
    wc_jsonw_str(&w, "app", app->name);
    wc_jsonw_str(&w, "condition", name);
    wc_jsonw_str(&w, "status", wc_gitops_truth_name(now->status));
    wc_jsonw_str(&w, "reason", now->reason);
    wc_jsonw_str(&w, "message", now->message);
    wc_jsonw_str(&w, "revision", revision);
    wc_jsonw_str(&w, "at", at);
    wc_jsonw_end_object(&w);
}

/* Reconciling comes and goes with every look; whoever wants it asks for the status. */
void wc_agent_notify(struct wc_loop_app *app, const struct wc_gitops_condition *now,
                     const char *revision)
{
    struct wc_gitops_loop *loop = app->loop;
    for (int i = 0; i < WC_GITOPS_CONDITIONS && !loop->is_leaving; i++) {
        const struct wc_gitops_condition *was = &app->known[i];
        bool differs = was->status != now[i].status || !wc_streq(was->reason, now[i].reason);
        if (i == WC_GITOPS_RECONCILING || !differs)
            continue;
        WC_CLEANUP_BUF struct wc_buf body = WC_BUF_INIT;
        make_body(app, (enum wc_gitops_condition_type)i, &now[i], revision, &body);
        for (size_t k = 0; k < loop->agent.n_notify; k++)
            send_to(loop, &loop->agent.notify[k], body.data);
    }
}
