/* fetch.c - one judgement for each answer: it is done, it is tried again (at once, later, with
 * credentials, elsewhere), or it has failed at this endpoint. */
#include "images/fetch.h"

#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/log.h"
#include "base/str.h"

enum {
    REDIRECTS_MAX = 10,
    REFUSALS_MAX = 2,
    BACKOFF_MS = 500,
    BACKOFF_MAX_MS = 20000,
    RETRY_AFTER_MAX_S = 60,
    PROGRESS = 1 << 20, /* bytes that make a broken transfer worth going on with */
    IDLE_MS = 1000,
};

uint64_t wc_registry_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- ends ---- */

static void unlink_fetch(struct wc_fetch *f)
{
    struct wc_fetch **link = &f->registry->fetches;
    while (*link != NULL && *link != f)
        link = &(*link)->next;
    if (*link != NULL)
        *link = f->next;
    f->is_active = false;
}

static void finish(struct wc_fetch *f, int code)
{
    unlink_fetch(f);
    f->code = code;
    f->done(f->data);
}

static void ask(struct wc_fetch *f);
static void begin_endpoint(struct wc_fetch *f);

/* It can't be had here; f->err says why. */
static void fail(struct wc_fetch *f)
{
    if (f->endpoint + 1 >= f->endpoints->n) {
        finish(f, f->err.code);
        return;
    }
    wc_log(WC_LOG_INFO, "images", "%s; the next one is asked", f->err.msg);
    f->endpoint++;
    begin_endpoint(f);
}

/* Later, if it is worth while: f->err says what broke. */
static void later(struct wc_fetch *f, int64_t wait_s)
{
    const struct wc_endpoint *e = &f->endpoints->items[f->endpoint];
    unsigned most =
        e->is_mirror && f->endpoint + 1 < f->endpoints->n ? 2 : f->registry->settings->tries;
    if (f->received >= f->mark + PROGRESS) {
        f->mark = f->received;
        f->tries = 0;
    }
    if (++f->tries >= most) {
        fail(f);
        return;
    }
    uint64_t wait = BACKOFF_MS;
    for (unsigned i = 1; i < f->tries && wait < BACKOFF_MAX_MS; i++)
        wait *= 2;
    uint16_t chance = 0; /* so that many who broke off together don't come back together */
    if (getrandom(&chance, sizeof chance, GRND_NONBLOCK) != (ssize_t)sizeof chance)
        chance = 0;
    wait = wait / 2 + wait * chance / 65536;
    if (wait_s > 0)
        wait += (uint64_t)(wait_s < RETRY_AFTER_MAX_S ? wait_s : RETRY_AFTER_MAX_S) * 1000;
    f->resumed++;
    f->location = NULL; /* such addresses are good for a while only */
    f->redirects = 0;
    f->wake_at_ms = wc_registry_now() + wait;
    wc_log(WC_LOG_INFO, "images", "%s; again in %llu ms, from byte %llu", f->err.msg,
           (unsigned long long)wait, (unsigned long long)f->received);
}

static void fail_with(struct wc_fetch *f, int code, const char *what)
{
    const char *words =
        f->auth != NULL ? wc_auth_words(f->auth, f->registry->arena, &f->request.text) : "";
    (void)wc_err_set(&f->err, code, 0, "%s %s%s%s", f->host->name, what, *words != '\0' ? ": " : "",
                     words);
    fail(f);
}

/* ---- bodies ---- */

/* True when the answer goes on where we are. */
static bool starts_right(struct wc_fetch *f)
{
    const struct wc_http_request *r = &f->request;
    int64_t from = -1;
    if (r->status == 206) {
        const char *range = r->content_range != NULL ? r->content_range : "";
        if (wc_str_starts(range, "bytes ")) {
            const char *start = range + strlen("bytes ");
            const char *digits = wc_arena_strndup(f->registry->arena, start, strcspn(start, "-/ "));
            (void)wc_str_to_i64(digits, 0, INT64_MAX, &from);
        }
        return from >= 0 && (uint64_t)from == f->received;
    }
    f->skip = f->received; /* Range was ignored: what is known comes again */
    return true;
}

static enum wc_http_take give(struct wc_fetch *f, const char *bytes, size_t len)
{
    if (f->take == NULL) {
        wc_buf_add(&f->text, bytes, len);
    } else {
        enum wc_fetch_take taken = f->take(f->data, bytes, len);
        f->is_paused = taken == WC_FETCH_LATER;
        f->is_wrong = taken == WC_FETCH_WRONG;
        if (taken != WC_FETCH_TAKEN)
            return taken == WC_FETCH_LATER ? WC_HTTP_LATER : WC_HTTP_STOP;
    }
    f->received += len;
    f->refusals = 0;
    return WC_HTTP_TAKEN;
}

static enum wc_http_take on_body(void *data, const void *bytes, size_t len)
{
    struct wc_fetch *f = data;
    const char *from = bytes;
    if (f->is_first && !starts_right(f)) {
        (void)wc_err_set(&f->err, WC_ERR_UNAVAILABLE, 0, "%s sends another part than was asked for",
                         f->host->name);
        return WC_HTTP_STOP;
    }
    f->is_first = false;
    size_t known = f->skip < len ? (size_t)f->skip : len;
    if (f->received + (len - known) > f->limit) {
        (void)wc_err_set(&f->err, f->take == NULL ? WC_ERR_LIMIT : WC_ERR_SPEC, 0,
                         f->take == NULL
                             ? "%s answers with more than %llu bytes"
                             : "%s sends more than the %llu bytes that the manifest says",
                         f->host->name, (unsigned long long)f->limit);
        return WC_HTTP_STOP;
    }
    enum wc_http_take taken = known < len ? give(f, from + known, len - known) : WC_HTTP_TAKEN;
    if (taken == WC_HTTP_TAKEN)
        f->skip -= known;
    return taken;
}

/* ---- answers ---- */

static void redirect(struct wc_fetch *f)
{
    struct wc_registry *reg = f->registry;
    const struct wc_http_request *r = &f->request;
    const struct wc_endpoint *e = &f->endpoints->items[f->endpoint];
    const char *name;
    bool tls;
    if (r->location == NULL || ++f->redirects > REDIRECTS_MAX) {
        fail_with(f, WC_ERR_UNAVAILABLE, "redirects without an end");
    } else if (!wc_host_of_url(reg->arena, r->location, &name, &tls)) {
        fail_with(f, WC_ERR_UNAVAILABLE, "redirects to what is no http(s) address");
    } else if (!tls && !e->insecure) {
        fail_with(f, WC_ERR_UNAVAILABLE, "redirects to an address without TLS");
    } else if (wc_host_get(&reg->hosts, name,
                           e->insecure && (!tls || wc_streq(name, f->host->name)), &f->host,
                           &f->err) != 0) {
        fail(f);
    } else {
        f->location = wc_arena_strdup(reg->arena, r->location);
        ask(f);
    }
}

static bool is_registry(const struct wc_fetch *f)
{
    return f->location == NULL || f->host == f->auth->host;
}

/* The registry wants to know who asks; who is elsewhere is not told. */
static void unauthorised(struct wc_fetch *f)
{
    struct wc_auth *auth = f->auth;
    if (!is_registry(f) || ++f->refusals > REFUSALS_MAX) {
        fail_with(f, WC_ERR_PERM, "refuses");
        return;
    }
    f->location = NULL;
    if (auth->generation != f->generation) { /* another fetch has asked meanwhile */
        ask(f);
        return;
    }
    f->waits_for_auth = true;
    if (!auth->busy)
        wc_auth_ask(auth, &f->request.challenge);
}

/* Everybody who waited goes on, or fails; which may end others, so the list is looked at anew. */
static void on_auth(void *data)
{
    struct wc_registry *reg = data;
    struct wc_fetch *f = reg->fetches;
    while (f != NULL) {
        if (!f->waits_for_auth || f->auth->busy) {
            f = f->next;
            continue;
        }
        f->waits_for_auth = false;
        f->err = f->auth->err;
        if (f->auth->code == 0)
            ask(f);
        else
            fail(f);
        f = reg->fetches;
    }
}

static void judge_status(struct wc_fetch *f)
{
    const struct wc_http_request *r = &f->request;
    switch (r->status) {
    case 200:
    case 206:
        f->digest = r->digest;
        f->content_type = r->content_type;
        f->link = r->link;
        finish(f, 0);
        break;
    case 301:
    case 302:
    case 303:
    case 307:
    case 308:
        redirect(f);
        break;
    case 401:
        unauthorised(f);
        break;
    case 403:
        if (!is_registry(f)) { /* what it redirected to is good for a while only */
            (void)wc_err_set(&f->err, WC_ERR_PERM, 0, "%s refuses", f->host->name);
            later(f, 0);
            break;
        }
        fail_with(f, WC_ERR_PERM, "refuses");
        break;
    case 404:
        fail_with(f, WC_ERR_NOENT, "doesn't have it");
        break;
    case 416: /* nothing is left to send, or what was there changed */
        (void)wc_err_set(&f->err, WC_ERR_UNAVAILABLE, 0, "%s can't go on where it broke off",
                         f->host->name);
        fail(f);
        break;
    case 408:
    case 425:
    case 429:
    case 500:
    case 502:
    case 503:
    case 504:
        (void)wc_err_set(&f->err, WC_ERR_UNAVAILABLE, 0, "%s answers with status %ld%s",
                         f->host->name, r->status,
                         r->status == 429 ? ": too many requests, come back later" : "");
        later(f, r->retry_after_s);
        break;
    default:
        (void)wc_err_set(&f->err, WC_ERR_UNAVAILABLE, 0, "%s answers with status %ld",
                         f->host->name, r->status);
        fail(f);
        break;
    }
}

static void judge_fault(struct wc_fetch *f)
{
    const struct wc_http_request *r = &f->request;
    struct wc_host *host = f->host;
    bool unreached = r->fault == WC_HTTP_CONNECT || r->fault == WC_HTTP_TLS;
    if (unreached && f->was_tls && host->insecure && (host->plain || !host->settled)) {
        host->plain = true; /* TLS first, then without */
        ask(f);
        return;
    }
    if (unreached && !host->settled)
        host->plain = false;
    if (r->fault == WC_HTTP_STOPPED && f->is_wrong) {
        finish(f, f->err.code);
        return;
    }
    if (r->fault != WC_HTTP_STOPPED)
        (void)wc_err_set(&f->err, WC_ERR_UNAVAILABLE, 0, "%s: %s", host->name, r->reason);
    else if (f->err.code == 0)
        (void)wc_err_set(&f->err, WC_ERR_UNAVAILABLE, 0, "%s sends no sensible answer", host->name);
    if (r->fault == WC_HTTP_CONNECT)
        f->tries++; /* who isn't there rarely comes up meanwhile */
    if (r->fault == WC_HTTP_CONNECT || r->fault == WC_HTTP_BROKEN)
        later(f, 0);
    else
        fail(f);
}

static void on_answer(void *data)
{
    struct wc_fetch *f = data;
    if (f->request.status != 0)
        f->host->settled = true;
    if (f->request.fault == WC_HTTP_ANSWERED)
        judge_status(f);
    else if (f->take != NULL && f->received == f->limit && f->limit > 0 && !f->is_wrong)
        finish(f, 0); /* broken off behind the last byte */
    else
        judge_fault(f);
}

/* ---- questions ---- */

static void ask(struct wc_fetch *f)
{
    struct wc_registry *reg = f->registry;
    const struct wc_endpoint *e = &f->endpoints->items[f->endpoint];
    if (f->location == NULL) {
        f->host = f->auth->host;
        f->redirects = 0;
    }
    struct wc_buf text = f->request.text;
    f->request = (struct wc_http_request){
        .method = f->head ? WC_HTTP_HEAD : WC_HTTP_GET,
        .url = f->location != NULL
                   ? f->location
                   : wc_host_url(&reg->hosts, f->host,
                                 wc_arena_printf(reg->arena, "/v2/%s/%s", e->path, f->what)),
        .offset = f->take != NULL ? f->received : 0,
        .trust = &f->host->trust,
        .body = on_body,
        .done = on_answer,
        .data = f,
        .text = text,
    };
    size_t n = 0;
    if (f->accept != NULL)
        f->request.headers[n++] = f->accept;
    f->generation = f->auth->generation;
    if (is_registry(f) && f->auth->header != NULL)
        f->request.headers[n++] = f->auth->header;
    if (f->take == NULL) {
        wc_buf_reset(&f->text);
        f->received = 0;
    }
    f->skip = 0;
    f->is_first = true;
    f->was_tls = wc_str_starts(f->request.url, "https:");
    f->is_paused = f->is_wrong = false;
    f->wake_at_ms = 0;
    wc_http_start(reg->http, &f->request, reg->arena);
}

/* The record of who we are to a repository at a host. */
static struct wc_auth *auth_for(struct wc_registry *reg, const struct wc_endpoint *e,
                                struct wc_host *host)
{
    for (struct wc_auth *a = reg->auths; a != NULL; a = a->next)
        if (a->host == host && wc_streq(a->path, e->path))
            return a;
    struct wc_auth *auth = WC_NEW(reg->arena, struct wc_auth);
    *auth = (struct wc_auth){ .arena = reg->arena,
                              .http = reg->http,
                              .hosts = &reg->hosts,
                              .host = host,
                              .files = &reg->settings->credential_files,
                              .domain = e->domain,
                              .path = e->path,
                              .ready = on_auth,
                              .data = reg,
                              .answer = WC_BUF_INIT,
                              .next = reg->auths };
    reg->auths = auth;
    return auth;
}

static void begin_endpoint(struct wc_fetch *f)
{
    struct wc_registry *reg = f->registry;
    const struct wc_endpoint *e = &f->endpoints->items[f->endpoint];
    int rc = wc_host_get(&reg->hosts, e->host, e->insecure, &f->host, &f->err);
    f->tries = f->redirects = f->refusals = 0;
    f->location = NULL;
    if (rc != 0) {
        finish(f, rc);
        return;
    }
    f->auth = auth_for(reg, e, f->host);
    ask(f);
}

void wc_fetch_start(struct wc_fetch *fetch)
{
    fetch->err = (struct wc_err){ 0 };
    fetch->text = (struct wc_buf)WC_BUF_INIT;
    fetch->received = fetch->mark = 0;
    fetch->resumed = 0;
    fetch->next = fetch->registry->fetches;
    fetch->registry->fetches = fetch;
    fetch->is_active = true;
    begin_endpoint(fetch);
}

void wc_fetch_go_on(struct wc_fetch *fetch)
{
    if (!fetch->is_paused)
        return;
    fetch->is_paused = false;
    wc_http_go_on(&fetch->request);
}

void wc_fetch_stop(struct wc_fetch *fetch)
{
    wc_http_stop(&fetch->request);
    if (fetch->is_active)
        unlink_fetch(fetch);
    if (fetch->request.text.data != NULL)
        wc_buf_deinit(&fetch->request.text);
    if (fetch->text.data != NULL)
        wc_buf_deinit(&fetch->text);
}

/* ---- the client ---- */

int wc_registry_open(struct wc_registry *registry, struct wc_arena *arena,
                     const struct wc_pull_settings *settings, struct wc_err *err)
{
    *registry = (struct wc_registry){
        .arena = arena,
        .settings = settings,
        .hosts = { .arena = arena, .cert_dirs = &settings->cert_dirs, .ca_file = settings->ca_file }
    };
    return wc_http_new(&settings->http, &registry->http, err);
}

void wc_registry_close(struct wc_registry *registry)
{
    while (registry->fetches != NULL)
        wc_fetch_stop(registry->fetches);
    for (struct wc_auth *a = registry->auths; a != NULL; a = a->next)
        wc_auth_stop(a);
    wc_http_free(registry->http);
    registry->http = NULL;
}

/* Asks again where it is time; returns how long there is nothing to do. */
static int wake_some(struct wc_registry *reg, int max_ms)
{
    uint64_t now = wc_registry_now();
    struct wc_fetch *f = reg->fetches;
    while (f != NULL) {
        struct wc_fetch *next = f->next; /* asking ends nothing */
        if (f->wake_at_ms != 0 && f->wake_at_ms <= now)
            ask(f);
        else if (f->wake_at_ms != 0 && f->wake_at_ms - now < (uint64_t)max_ms)
            max_ms = (int)(f->wake_at_ms - now);
        f = next;
    }
    return max_ms;
}

int wc_registry_wait(struct wc_registry *registry, int max_ms, int interrupt_fd, struct wc_err *err)
{
    int wait_ms = wake_some(registry, max_ms < IDLE_MS ? max_ms : IDLE_MS);
    return wc_http_wait(registry->http, wait_ms, interrupt_fd, err);
}
