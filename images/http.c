/* http.c - easy handles on one multi handle. curl's own redirects are off: its rule for credentials
 * is by host name, ours by scheme, host and port, and a client certificate must not follow either.
 */
#include "images/http.h"

#include <limits.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "images/curl.h"

enum {
    TEXT_MAX = 8192,
    HEADER_MAX = 16384,
    HEADERS_MAX = 256 << 10,
    BUFFER_BYTES = 256 << 10,
    STALL_BYTES = 64
};

struct wc_http {
    const struct wc_curl *curl;
    CURLM *multi;
    struct wc_http_limits limits;
    struct wc_http_transfer *transfers; /* under way */
};

struct wc_http_transfer {
    struct wc_http_transfer *next;
    struct wc_http_request *request;
    CURL *easy;
    struct curl_slist *headers;
    size_t header_bytes; /* of the answer */
    char reason[CURL_ERROR_SIZE];
};

int wc_http_new(const struct wc_http_limits *limits, struct wc_http **out, struct wc_err *err)
{
    const struct wc_curl *curl;
    int rc = wc_curl_load(&curl, err);
    if (rc != 0)
        return rc;
    struct wc_http *http = wc_calloc(1, sizeof *http);
    *http = (struct wc_http){ .curl = curl, .multi = curl->multi_init(), .limits = *limits };
    if (http->multi == NULL) {
        wc_free(http);
        return wc_err_set(err, WC_ERR_FAILED, 0, "libcurl can't start");
    }
    curl->multi_setopt(http->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
    *out = http;
    return 0;
}

static void drop(struct wc_http *http, struct wc_http_transfer *t)
{
    struct wc_http_transfer **link = &http->transfers;
    while (*link != t)
        link = &(*link)->next;
    *link = t->next;
    t->request->transfer = NULL;
    http->curl->multi_remove(http->multi, t->easy);
    http->curl->easy_cleanup(t->easy);
    http->curl->slist_free_all(t->headers);
    wc_free(t);
}

void wc_http_free(struct wc_http *http)
{
    if (http == NULL)
        return;
    while (http->transfers != NULL)
        drop(http, http->transfers);
    http->curl->multi_cleanup(http->multi);
    wc_free(http);
}

/* ---- the answer ---- */

static void reset_answer(struct wc_http_request *r)
{
    r->status = 0;
    r->challenge = (struct wc_challenge){ 0 };
    r->content_type = r->digest = r->location = r->content_range = r->link = NULL;
    r->length = r->retry_after_s = -1;
    wc_buf_reset(&r->text);
}

static void take_header(struct wc_http_request *r, const char *name, const char *value)
{
    if (wc_str_caseeq(name, "content-type"))
        r->content_type = value;
    else if (wc_str_caseeq(name, "docker-content-digest"))
        r->digest = value;
    else if (wc_str_caseeq(name, "content-range"))
        r->content_range = value;
    else if (wc_str_caseeq(name, "link"))
        r->link = value;
    else if (wc_str_caseeq(name, "www-authenticate"))
        wc_challenge_read(r->arena, value, &r->challenge);
    else if (wc_str_caseeq(name, "retry-after"))
        (void)wc_str_to_i64(value, 0, INT32_MAX, &r->retry_after_s);
}

static size_t on_header(char *bytes, size_t size, size_t n, void *data)
{
    struct wc_http_transfer *t = data;
    struct wc_http_request *r = t->request;
    size_t len = size * n;
    t->header_bytes += len;
    if (len > HEADER_MAX || t->header_bytes > HEADERS_MAX)
        return 0;
    if (len > 5 && memcmp(bytes, "HTTP/", 5) == 0) { /* also after a 1xx */
        reset_answer(r);
        return len;
    }
    const char *colon = memchr(bytes, ':', len);
    if (colon == NULL)
        return len;
    const char *end = bytes + len, *value = colon + 1;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && (end[-1] == '\r' || end[-1] == '\n' || end[-1] == ' '))
        end--;
    take_header(r, wc_arena_strndup(r->arena, bytes, (size_t)(colon - bytes)),
                wc_arena_strndup(r->arena, value, (size_t)(end - value)));
    return len;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *data)
{
    struct wc_http_transfer *t = data;
    struct wc_http_request *r = t->request;
    size_t len = size * n;
    if (r->status == 0)
        t->request->http->curl->easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &r->status);
    if ((r->status == 200 || r->status == 206) && r->body != NULL) {
        enum wc_http_take take = r->body(r->data, bytes, len);
        return take == WC_HTTP_TAKEN ? len : take == WC_HTTP_LATER ? CURL_WRITEFUNC_PAUSE : 0;
    }
    size_t room = TEXT_MAX - r->text.len;
    wc_buf_add(&r->text, bytes, len < room ? len : room);
    return len;
}

static enum wc_http_fault fault_of(CURLcode code)
{
    switch (code) { /* NOLINT(clang-diagnostic-switch-enum): curl's, a hundred of them */
    case CURLE_OK:
        return WC_HTTP_ANSWERED;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
        return WC_HTTP_CONNECT;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CIPHER:
        return WC_HTTP_TLS;
    case CURLE_WRITE_ERROR:
        return WC_HTTP_STOPPED;
    case CURLE_PARTIAL_FILE:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
    case CURLE_AGAIN:
        return WC_HTTP_BROKEN;
    default:
        return WC_HTTP_FAILED;
    }
}

static void take_end(struct wc_http_transfer *t, CURLcode code)
{
    struct wc_http_request *r = t->request;
    const struct wc_curl *curl = r->http->curl;
    curl_off_t length = -1;
    char *location = NULL;
    long connected = 0, version = 0;
    r->fault = fault_of(code);
    curl->easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &r->status);
    curl->easy_getinfo(t->easy, CURLINFO_NUM_CONNECTS, &connected);
    if (code == CURLE_OPERATION_TIMEDOUT && connected == 0 && r->status == 0)
        r->fault = WC_HTTP_CONNECT;
    if (r->fault != WC_HTTP_ANSWERED) {
        /* who the peer was can't be told of a connection that broke at once: no reason, only first
         */
        bool told = t->reason[0] != '\0' && !wc_str_starts(t->reason, "getpeername");
        const char *why = told ? t->reason : curl->easy_strerror(code);
        r->reason = wc_arena_strndup(r->arena, why, strcspn(why, "\r\n"));
    }
    if (curl->easy_getinfo(t->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length) == CURLE_OK)
        r->length = length;
    if (curl->easy_getinfo(t->easy, CURLINFO_REDIRECT_URL, &location) == CURLE_OK)
        r->location = wc_arena_strdup(r->arena, location);
    curl->easy_getinfo(t->easy, CURLINFO_HTTP_VERSION, &version);
    wc_log(WC_LOG_DEBUG, "images", "%s: %ld%s%s%s", r->url, r->status,
           version == CURL_HTTP_VERSION_2_0 ? " by HTTP/2" : "",
           r->fault != WC_HTTP_ANSWERED ? " " : "", r->fault != WC_HTTP_ANSWERED ? r->reason : "");
}

/* ---- the question ---- */

#define SET(option, value) (void)curl->easy_setopt(t->easy, (option), (value))

static void set_trust(struct wc_http_transfer *t, const struct wc_http_trust *trust)
{
    const struct wc_curl *curl = t->request->http->curl;
    SET(CURLOPT_SSL_VERIFYPEER, trust->insecure ? 0L : 1L);
    SET(CURLOPT_SSL_VERIFYHOST, trust->insecure ? 0L : 2L);
    if (trust->ca_file != NULL)
        SET(CURLOPT_CAINFO, trust->ca_file);
    if (trust->ca_pem != NULL) { /* the system's directory of certificates counts as well */
        struct curl_blob blob = { .data = (void *)(uintptr_t)trust->ca_pem,
                                  .len = strlen(trust->ca_pem),
                                  .flags = CURL_BLOB_NOCOPY };
        SET(CURLOPT_CAINFO_BLOB, &blob);
    }
    if (trust->cert != NULL) {
        SET(CURLOPT_SSLCERT, trust->cert);
        SET(CURLOPT_SSLKEY, trust->key);
    }
}

static void set_proxy(struct wc_http_transfer *t)
{
    const struct wc_curl *curl = t->request->http->curl;
    const char *plain = t->request->http->limits.plain_proxy;
    if (t->request->trust->direct)
        SET(CURLOPT_NOPROXY, "*");
    else if (plain != NULL && wc_str_starts(t->request->url, "http:"))
        SET(CURLOPT_PROXY, plain);
}

static void set_method(struct wc_http_transfer *t)
{
    const struct wc_curl *curl = t->request->http->curl;
    const struct wc_http_request *r = t->request;
    if (r->method == WC_HTTP_HEAD)
        SET(CURLOPT_NOBODY, 1L);
    if (r->method == WC_HTTP_POST) {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDSIZE, (long)strlen(r->form));
        SET(CURLOPT_POSTFIELDS, r->form);
    }
    if (r->method == WC_HTTP_GET && r->offset > 0)
        SET(CURLOPT_RANGE, wc_arena_printf(r->arena, "%llu-", (unsigned long long)r->offset));
    for (size_t i = 0; i < WC_COUNT(r->headers) && r->headers[i] != NULL; i++)
        t->headers = curl->slist_append(t->headers, r->headers[i]);
    SET(CURLOPT_HTTPHEADER, t->headers);
}

void wc_http_start(struct wc_http *http, struct wc_http_request *request, struct wc_arena *arena)
{
    const struct wc_curl *curl = http->curl;
    struct wc_http_transfer *t = wc_calloc(1, sizeof *t);
    *t = (struct wc_http_transfer){ .next = http->transfers, .request = request };
    http->transfers = t;
    request->transfer = t;
    request->http = http;
    request->arena = arena;
    if (request->text.data == NULL)
        request->text = (struct wc_buf)WC_BUF_INIT;
    reset_answer(request);
    t->easy = curl->easy_init();
    SET(CURLOPT_URL, request->url);
    SET(CURLOPT_PRIVATE, t);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_ERRORBUFFER, t->reason);
    SET(CURLOPT_USERAGENT, "wcompose/" WC_VERSION);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SET(CURLOPT_BUFFERSIZE, (long)BUFFER_BYTES);
    SET(CURLOPT_CONNECTTIMEOUT, (long)http->limits.connect_s);
    SET(CURLOPT_LOW_SPEED_LIMIT, (long)STALL_BYTES);
    SET(CURLOPT_LOW_SPEED_TIME, (long)http->limits.stall_s);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, t);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, t);
    set_trust(t, request->trust);
    set_proxy(t);
    set_method(t);
    curl->multi_add(http->multi, t->easy);
}

void wc_http_go_on(struct wc_http_request *request)
{
    if (request->transfer != NULL)
        (void)request->http->curl->easy_pause(request->transfer->easy, CURLPAUSE_CONT);
}

void wc_http_stop(struct wc_http_request *request)
{
    if (request->transfer != NULL)
        drop(request->http, request->transfer);
}

static void finish_some(struct wc_http *http)
{
    int left;
    const CURLMsg *message;
    while ((message = http->curl->multi_info_read(http->multi, &left)) != NULL) {
        struct wc_http_transfer *t = NULL;
        CURLcode code = message->data.result;
        if (message->msg != CURLMSG_DONE ||
            http->curl->easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &t) != CURLE_OK)
            continue;
        struct wc_http_request *request = t->request;
        take_end(t, code);
        drop(http, t);
        request->done(request->data);
    }
}

int wc_http_wait(struct wc_http *http, int timeout_ms, int interrupt_fd, struct wc_err *err)
{
    struct curl_waitfd more = { .fd = interrupt_fd, .events = CURL_WAIT_POLLIN };
    int running = 0;
    CURLMcode code = http->curl->multi_perform(http->multi, &running);
    finish_some(http);
    if (code == CURLM_OK)
        code =
            http->curl->multi_poll(http->multi, &more, interrupt_fd >= 0 ? 1 : 0, timeout_ms, NULL);
    if (code != CURLM_OK)
        return wc_err_set(err, WC_ERR_FAILED, 0, "libcurl: error %d", (int)code);
    if (more.revents != 0)
        return wc_err_set(err, WC_ERR_CANCELLED, 0, "interrupted");
    (void)http->curl->multi_perform(http->multi, &running);
    finish_some(http);
    return 0;
}

void wc_http_wake(struct wc_http *http)
{
    http->curl->multi_wakeup(http->multi);
}

const char *wc_http_escape(struct wc_arena *arena, const char *text)
{
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    for (const char *p = text; *p != '\0'; p++) {
        if (wc_ascii_isalnum(*p) || strchr("-._~", *p) != NULL)
            wc_buf_addc(&out, *p);
        else
            wc_buf_printf(&out, "%%%02X", (unsigned char)*p);
    }
    return wc_arena_strdup(arena, out.data);
}
