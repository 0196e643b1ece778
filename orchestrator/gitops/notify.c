/* notify.c - people are told: by a command, or by curl.
 *
 * Each one who is told has a mailbox, which sends one message at a time, oldest first: what comes
 * later holds later. A message is on disk (outbox.h) from before it is sent until it is taken, so
 * that one that wasn't is sent by the next agent, with the same id. The disk is waited for by a
 * thread (outbox_queue.h): a mailbox sends nothing while something of it is on its way there. Each
 * sending is a process with the message on its standard input: no address with a token in it, and
 * no key, is in an argument. (Rejected: libcurl in the agent, which would double what it takes in
 * memory for something that happens once a day.)
 */
#include "orchestrator/gitops/agent_priv.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/str.h"

enum { FIRST_MS = 1000, DOUBLINGS = 8, SENDING_MS = 30000, DAY_MS = 86400000 };

/* A message that waits: its file's name, and what is in it. */
struct letter {
    char *name, *body;
};

/* One who is told, and what for. */
struct wc_mailbox {
    struct wc_gitops_loop *loop;
    char to[WC_OUTBOX_TO + 1];
    struct letter *letters; /* oldest first; the first is being sent */
    size_t n;
    unsigned tries;   /* of the first */
    uv_timer_t timer; /* the next try, or how long one may take */
    uv_process_t process;
    uv_pipe_t in;
    uv_write_t write;
    struct wc_buf input;
    unsigned n_open; /* handles of a sending */
    unsigned n_jobs; /* changes on their way to the disk */
    bool is_sending; /* its process lives */
    bool has_failed, is_closed;
};

/* Letters --------------------------------------------------------------------------------------*/

static void forget(struct wc_mailbox *box, size_t i)
{
    wc_free(box->letters[i].name);
    wc_free(box->letters[i].body);
    memmove(&box->letters[i], &box->letters[i + 1], (box->n - i - 1) * sizeof *box->letters);
    box->n--;
}

static void send_first(struct wc_mailbox *box);
static void free_if_over(struct wc_mailbox *box);

/* The disk has it: what waited for that goes on. */
static void on_stored(struct wc_mailbox *box)
{
    box->n_jobs--;
    if (!box->is_closed && !uv_is_active((uv_handle_t *)&box->timer))
        send_first(box);
    free_if_over(box);
}

static void on_dropped(void *data, const struct wc_err *err)
{
    struct wc_mailbox *box = data;
    if (err->code != 0)
        wc_agent_say(box->loop, "notify: %s: it will be sent again", err->msg);
    on_stored(box);
}

static void on_put(void *data, const struct wc_err *err)
{
    struct wc_mailbox *box = data;
    if (err->code != 0)
        wc_agent_say(box->loop, "notify: %s: a message is sent, and not kept", err->msg);
    on_stored(box);
}

/* It was taken, or nobody wants it any more. */
static void drop(struct wc_mailbox *box, size_t i)
{
    struct wc_arena arena;
    wc_arena_init(&arena);
    const struct wc_outbox_for whom = { wc_outbox_dir(box->loop->config->paths, &arena), on_dropped,
                                        box };
    box->n_jobs++;
    wc_outbox_queue_drop(&box->loop->outbox, &whom, box->letters[i].name);
    wc_arena_deinit(&arena);
    forget(box, i);
}

static void add_letter(struct wc_mailbox *box, const char *name, const char *body)
{
    box->letters = wc_realloc(box->letters, box->n + 1, sizeof *box->letters);
    box->letters[box->n++] = (struct letter){ wc_strdup(name), wc_strdup(body) };
}

/* Sending --------------------------------------------------------------------------------------*/

static const struct wc_agent_notify *receiver(const struct wc_mailbox *box)
{
    char to[WC_OUTBOX_TO + 1];
    for (size_t i = 0; i < box->loop->agent.n_notify; i++) {
        wc_outbox_to(&box->loop->agent.notify[i], to);
        if (wc_streq(to, box->to))
            return &box->loop->agent.notify[i];
    }
    return NULL;
}

static void on_timer(uv_timer_t *timer)
{
    send_first(timer->data);
}

/* What has failed for a day is given up; not before it was tried, however long no agent ran. */
static void give_up_old(struct wc_mailbox *box)
{
    struct wc_outbox_name name;
    if (!wc_outbox_read_name(box->letters[0].name, &name) ||
        wc_agent_wall_ms() - name.at_ms < DAY_MS)
        return;
    wc_agent_say(box->loop, "notify: a message can't be delivered, and is given up: %.200s",
                 box->letters[0].body);
    drop(box, 0);
}

static void settle(struct wc_mailbox *box)
{
    uint64_t pause_ms = 0;
    if (box->is_closed)
        return;
    if (box->has_failed) {
        give_up_old(box);
        unsigned doublings = box->tries < DOUBLINGS ? box->tries : DOUBLINGS;
        pause_ms = (uint64_t)FIRST_MS << doublings;
    } else {
        drop(box, 0);
        box->tries = 0;
    }
    uv_timer_stop(&box->timer);
    if (box->n > 0)
        uv_timer_start(&box->timer, on_timer, pause_ms, 0);
}

static void free_if_over(struct wc_mailbox *box)
{
    if (!box->is_closed || box->n_open > 0 || box->n_jobs > 0)
        return;
    while (box->n > 0)
        forget(box, box->n - 1);
    wc_free(box->letters);
    wc_buf_deinit(&box->input);
    wc_free(box);
}

static void on_closed(uv_handle_t *handle)
{
    struct wc_mailbox *box = handle->data;
    if (--box->n_open > 0)
        return;
    if (box->is_closed && !box->has_failed && box->n > 0)
        drop(box, 0); /* it was taken while the agent was leaving */
    settle(box);
    free_if_over(box);
}

static void on_exit(uv_process_t *process, int64_t status, int signal)
{
    struct wc_mailbox *box = process->data;
    box->is_sending = false;
    box->has_failed = status != 0 || signal != 0;
    uv_close((uv_handle_t *)process, on_closed);
}

static void on_written(uv_write_t *write, int status)
{
    struct wc_mailbox *box = write->data;
    (void)status; /* the exit status says it */
    uv_close((uv_handle_t *)&box->in, on_closed);
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
static bool add_signature(struct wc_mailbox *box, const char *secret_file)
{
    WC_CLEANUP_BUF struct wc_buf key = WC_BUF_INIT;
    char hex[WC_SHA256_HEX + 1], header[128];
    struct wc_err err = { 0 };
    const char *body = box->letters[0].body;
    if (secret_file == NULL)
        return true;
    if (wc_fs_read_secret(secret_file, WC_AGENT_KEY_MAX, &key, &err) != 0) {
        wc_agent_say(box->loop, "notify: %s", err.msg);
        return false;
    }
    while (key.len > 0 && (key.data[key.len - 1] == '\n' || key.data[key.len - 1] == '\r'))
        key.len--;
    wc_hmac_sha256_hex(key.data, key.len, body, strlen(body), hex);
    explicit_bzero(key.data, key.cap);
    snprintf(header, sizeof header, "X-Wcompose-Signature-256: sha256=%s", hex);
    add_quoted(&box->input, "header", header);
    return true;
}

static bool make_input(struct wc_mailbox *box, const struct wc_agent_notify *to)
{
    wc_buf_reset(&box->input);
    if (to->url == NULL) {
        wc_buf_printf(&box->input, "%s\n", box->letters[0].body);
        return true;
    }
    add_quoted(&box->input, "url", to->url);
    add_quoted(&box->input, "header", "Content-Type: application/json");
    add_quoted(&box->input, "data-raw", box->letters[0].body);
    return add_signature(box, to->secret_file);
}

/* Starts what takes the message. Returns 0, or what libuv says; the handles are open anyway. */
static int spawn(struct wc_mailbox *box, const struct wc_agent_notify *to)
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
    char **words = wc_calloc(to->command.n + 1, sizeof *words);
    for (size_t i = 0; i < to->command.n; i++)
        words[i] = (char *)(uintptr_t)to->command.items[i];
    uv_stdio_container_t stdio[3] = {
        { .flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&box->in },
        { .flags = UV_IGNORE },
        { .flags = UV_INHERIT_FD, .data.fd = 2 },
    };
    const uv_process_options_t options = {
        .file = to->url != NULL ? "curl" : words[0],
        .args = to->url != NULL ? curl : words,
        .exit_cb = on_exit,
        .stdio_count = 3,
        .stdio = stdio,
    };
    box->n_open = 2;
    uv_pipe_init(&box->loop->uv, &box->in, 0);
    box->process.data = box->in.data = box->write.data = box;
    int rc = uv_spawn(&box->loop->uv, &box->process, &options);
    if (rc != 0)
        wc_agent_say(box->loop, "notify: %s: %s", options.file, uv_strerror(rc));
    wc_free(words);
    return rc;
}

/* A command that never ends would hold up all that comes after. */
static void on_late(uv_timer_t *timer)
{
    struct wc_mailbox *box = timer->data;
    wc_agent_say(box->loop, "notify: who is told took longer than %d s", SENDING_MS / 1000);
    if (box->is_sending)
        uv_process_kill(&box->process, SIGKILL);
}

static void send_first(struct wc_mailbox *box)
{
    const struct wc_agent_notify *to = receiver(box);
    if (box->n == 0 || box->n_open > 0 || box->n_jobs > 0 || box->is_closed)
        return;
    if (to == NULL) {
        wc_agent_say(box->loop,
                     "notify: %zu messages are for one whom the file doesn't name any "
                     "more",
                     box->n);
        while (box->n > 0)
            drop(box, 0);
        return;
    }
    box->tries++;
    if (!make_input(box, to)) {
        box->has_failed = true;
        settle(box);
        return;
    }
    if (spawn(box, to) != 0) {
        box->has_failed = true;
        uv_close((uv_handle_t *)&box->process, on_closed);
        uv_close((uv_handle_t *)&box->in, on_closed);
        return;
    }
    box->is_sending = true;
    uv_timer_start(&box->timer, on_late, SENDING_MS, 0);
    uv_buf_t bytes = uv_buf_init(box->input.data, (unsigned)box->input.len);
    if (uv_write(&box->write, (uv_stream_t *)&box->in, &bytes, 1, on_written) != 0)
        uv_close((uv_handle_t *)&box->in, on_closed);
}

/* Mailboxes ------------------------------------------------------------------------------------*/

static struct wc_mailbox *mailbox(struct wc_gitops_loop *loop, const char *to)
{
    for (size_t i = 0; i < loop->n_mailboxes; i++)
        if (wc_streq(loop->mailboxes[i]->to, to))
            return loop->mailboxes[i];
    struct wc_mailbox *box = wc_calloc(1, sizeof *box);
    box->loop = loop;
    box->input = (struct wc_buf)WC_BUF_INIT;
    snprintf(box->to, sizeof box->to, "%s", to);
    uv_timer_init(&loop->uv, &box->timer);
    box->timer.data = box;
    loop->mailboxes = wc_realloc(loop->mailboxes, loop->n_mailboxes + 1, sizeof *loop->mailboxes);
    loop->mailboxes[loop->n_mailboxes++] = box;
    return box;
}

static bool has_letter(const struct wc_mailbox *box, const char *id)
{
    struct wc_outbox_name name;
    for (size_t i = 0; i < box->n; i++)
        if (wc_outbox_read_name(box->letters[i].name, &name) && wc_streq(name.id, id))
            return true;
    return false;
}

/* Of what waits and isn't being sent, the oldest goes for a new one. */
static void make_room(struct wc_mailbox *box)
{
    while (box->n >= WC_OUTBOX_MOST) {
        size_t oldest = box->n_open > 0 ? 1 : 0;
        wc_agent_say(box->loop, "notify: too many messages wait; one is dropped: %.200s",
                     box->letters[oldest].body);
        drop(box, oldest);
    }
}

void wc_agent_post(struct wc_gitops_loop *loop, const struct wc_agent_notify *to, const char *id,
                   const char *body)
{
    struct wc_arena arena;
    struct wc_outbox_name name = { .at_ms = wc_agent_wall_ms() };
    wc_outbox_to(to, name.to);
    snprintf(name.id, sizeof name.id, "%s", id);
    struct wc_mailbox *box = mailbox(loop, name.to);
    if (has_letter(box, id))
        return; /* put by an agent that was killed before it could write down that it had */
    make_room(box);
    wc_arena_init(&arena);
    const char *file = wc_outbox_name(&name, &arena);
    const struct wc_outbox_for whom = { wc_outbox_dir(loop->config->paths, &arena), on_put, box };
    box->n_jobs++;
    wc_outbox_queue_put(&loop->outbox, &whom, file, body);
    add_letter(box, file, body);
    wc_arena_deinit(&arena);
}

void wc_agent_notify_open(struct wc_gitops_loop *loop)
{
    struct wc_arena arena;
    struct wc_strv names = { 0 };
    struct wc_outbox_name name;
    struct wc_err err = { 0 };
    wc_outbox_queue_init(&loop->outbox, &loop->uv);
    wc_arena_init(&arena);
    const char *dir = wc_outbox_dir(loop->config->paths, &arena), *body;
    if (wc_outbox_list(dir, &arena, &names, &err) != 0)
        wc_agent_say(loop, "notify: %s", err.msg);
    for (size_t i = 0; i < names.n; i++) {
        if (!wc_outbox_read_name(names.items[i], &name))
            continue;
        if (wc_outbox_get(dir, names.items[i], &arena, &body, &err) != 0)
            wc_agent_say(loop, "notify: %s", err.msg);
        else
            add_letter(mailbox(loop, name.to), names.items[i], body);
    }
    wc_arena_deinit(&arena);
    wc_agent_notify_again(loop);
}

void wc_agent_notify_again(struct wc_gitops_loop *loop)
{
    for (size_t i = 0; i < loop->n_mailboxes; i++) {
        struct wc_mailbox *box = loop->mailboxes[i];
        if (box->n_open > 0)
            continue;
        box->tries = 0;
        uv_timer_stop(&box->timer);
        send_first(box);
    }
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct wc_mailbox *box = handle->data;
    box->is_closed = true;
    free_if_over(box);
}

void wc_agent_notify_close(struct wc_gitops_loop *loop)
{
    for (size_t i = 0; i < loop->n_mailboxes; i++) {
        struct wc_mailbox *box = loop->mailboxes[i];
        if (box->is_sending) /* it is kept, and sent again */
            uv_process_kill(&box->process, SIGTERM);
        uv_close((uv_handle_t *)&box->timer, on_timer_closed);
    }
    wc_free(loop->mailboxes);
    loop->mailboxes = NULL;
    loop->n_mailboxes = 0;
}
