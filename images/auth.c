/* auth.c - from a challenge to a header: Basic at once, a token by one more request. */
#include "images/auth.h"

#include <string.h>

#include "base/json.h"
#include "base/str.h"

enum { ANSWER_MAX = 1 << 20, TRIES = 3, WORDS_MAX = 120 };

/* ---- what may be shown ---- */

static bool holds(const char *text, const char *secret)
{
    return secret != NULL && *secret != '\0' && strstr(text, secret) != NULL;
}

bool wc_auth_is_secret(const struct wc_auth *auth, const char *text)
{
    const struct wc_credentials *c = &auth->credentials;
    const char *header = auth->header;
    const char *blank = header != NULL ? strrchr(header, ' ') : NULL;
    return holds(text, c->password) || holds(text, c->identity_token) ||
           holds(text, c->registry_token) || (blank != NULL && holds(text, blank + 1));
}

const char *wc_auth_words(const struct wc_auth *auth, struct wc_arena *arena,
                          const struct wc_buf *body)
{
    WC_CLEANUP_JSON struct wc_json *root = NULL;
    struct wc_err none = { 0 };
    if (body->len == 0 || wc_json_parse(body->data, body->len, &root, &none) != 0)
        return "";
    const struct wc_json *first = wc_json_first(wc_json_get(root, "errors"));
    const char *words = wc_json_str(wc_json_get(first, "message"), "");
    if (*words == '\0')
        words = wc_json_str(wc_json_get(root, "details"), "");
    if (wc_auth_is_secret(auth, words))
        return "";
    char *shown = wc_arena_strndup(arena, words, WORDS_MAX);
    for (char *c = shown; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || (unsigned char)*c >= 0x7f)
            *c = '?';
    return shown;
}

/* ---- the end of an attempt ---- */

static void settle(struct wc_auth *auth, int code)
{
    auth->busy = false;
    auth->code = code;
    auth->ready(auth->data);
}

static void use_header(struct wc_auth *auth, const char *scheme, const char *value)
{
    auth->header = wc_arena_printf(auth->arena, "Authorization: %s%s", scheme, value);
    auth->generation++;
    settle(auth, 0);
}

static int refuse(struct wc_auth *auth, const char *words)
{
    bool known = auth->credentials.user != NULL || auth->credentials.identity_token != NULL;
    return wc_err_set(&auth->err, WC_ERR_PERM, 0, "%s refuses%s%s; %s", auth->host->name,
                      *words != '\0' ? ": " : "", words,
                      known ? "the credentials it was given don't do"
                            : "it may want credentials: docker login puts them where they are "
                              "looked for");
}

/* ---- tokens ---- */

static void ask_token(struct wc_auth *auth);

static enum wc_http_take on_token_body(void *data, const void *bytes, size_t len)
{
    struct wc_auth *auth = data;
    if (auth->answer.len + len > ANSWER_MAX)
        return WC_HTTP_STOP;
    wc_buf_add(&auth->answer, bytes, len);
    return WC_HTTP_TAKEN;
}

/* A token goes into a header: one that holds a line's end would be two. */
static bool is_token(const char *text)
{
    for (const char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f)
            return false;
    return *text != '\0';
}

static void take_token(struct wc_auth *auth)
{
    WC_CLEANUP_JSON struct wc_json *root = NULL;
    struct wc_err none = { 0 };
    const char *token = "";
    if (wc_json_parse(auth->answer.data, auth->answer.len, &root, &none) == 0) {
        token = wc_json_str(wc_json_get(root, "token"), "");
        if (*token == '\0')
            token = wc_json_str(wc_json_get(root, "access_token"), "");
    }
    if (is_token(token))
        use_header(auth, "Bearer ", token);
    else
        settle(auth, wc_err_set(&auth->err, WC_ERR_UNAVAILABLE, 0,
                                "the token server of %s gave no token", auth->host->name));
}

static void on_token(void *data)
{
    struct wc_auth *auth = data;
    const struct wc_http_request *r = &auth->request;
    bool broken = r->fault != WC_HTTP_ANSWERED && r->fault != WC_HTTP_STOPPED;
    bool busy = r->fault == WC_HTTP_ANSWERED && (r->status == 429 || r->status >= 500);
    if ((broken || busy) && ++auth->tries < TRIES) {
        ask_token(auth);
    } else if (r->fault == WC_HTTP_ANSWERED && r->status == 200) {
        take_token(auth);
    } else if (r->fault == WC_HTTP_ANSWERED && (r->status == 401 || r->status == 403)) {
        settle(auth, refuse(auth, wc_auth_words(auth, auth->arena, &r->text)));
    } else if (r->fault == WC_HTTP_ANSWERED) {
        settle(auth, wc_err_set(&auth->err, WC_ERR_UNAVAILABLE, 0,
                                "the token server of %s answers with status %ld", auth->host->name,
                                r->status));
    } else {
        settle(auth, wc_err_set(&auth->err, WC_ERR_UNAVAILABLE, 0, "the token server of %s: %s",
                                auth->host->name,
                                r->fault == WC_HTTP_STOPPED ? "says too much" : r->reason));
    }
}

static void ask_token(struct wc_auth *auth)
{
    wc_buf_reset(&auth->answer);
    wc_http_start(auth->http, &auth->request, auth->arena);
}

/* "?service=…&scope=…" or the same as a form. */
static const char *query(struct wc_auth *auth, const struct wc_challenge *c, bool form)
{
    const char *scope = c->scope != NULL
                            ? c->scope
                            : wc_arena_printf(auth->arena, "repository:%s:pull", auth->path);
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    if (c->service != NULL)
        wc_buf_printf(&out, "service=%s&", wc_http_escape(auth->arena, c->service));
    wc_buf_printf(&out, "scope=%s", wc_http_escape(auth->arena, scope));
    if (form)
        wc_buf_printf(&out, "&grant_type=refresh_token&client_id=wcompose&refresh_token=%s",
                      wc_http_escape(auth->arena, auth->credentials.identity_token));
    return wc_arena_strdup(auth->arena, out.data);
}

/* Whoever is asked for a token sees the credentials: not over a line that others read, when the
 * registry itself is reached by TLS. */
static int check_realm(struct wc_auth *auth, const char *realm, struct wc_host **out)
{
    const char *name;
    bool tls;
    if (!wc_host_of_url(auth->arena, realm, &name, &tls))
        return wc_err_set(&auth->err, WC_ERR_SPEC, 0,
                          "%s names a token server that is no http(s) address", auth->host->name);
    if (!tls && !auth->host->insecure)
        return wc_err_set(
            &auth->err, WC_ERR_PERM, 0,
            "%s sends to a token server without TLS (http://%.80s); that is only done "
            "for registries marked insecure",
            auth->host->name, name);
    return wc_host_get(auth->hosts, name, auth->host->insecure, out, &auth->err);
}

static int begin_token(struct wc_auth *auth, const struct wc_challenge *c)
{
    const struct wc_credentials *who = &auth->credentials;
    struct wc_host *server = NULL;
    int rc = check_realm(auth, c->realm, &server);
    if (rc != 0)
        return rc;
    struct wc_buf text = auth->request.text;
    auth->request = (struct wc_http_request){ .url = c->realm,
                                              .trust = &server->trust,
                                              .body = on_token_body,
                                              .done = on_token,
                                              .data = auth,
                                              .text = text };
    bool form = who->identity_token != NULL;
    const char *asked = query(auth, c, form);
    if (form) {
        auth->request.method = WC_HTTP_POST;
        auth->request.form = asked;
    } else {
        auth->request.url = wc_arena_printf(auth->arena, "%s%c%s", c->realm,
                                            strchr(c->realm, '?') != NULL ? '&' : '?', asked);
        if (who->user != NULL)
            auth->request.headers[0] = wc_arena_printf(auth->arena, "Authorization: %s",
                                                       wc_credentials_basic(auth->arena, who));
    }
    auth->tries = 0;
    ask_token(auth);
    return 0;
}

void wc_auth_ask(struct wc_auth *auth, const struct wc_challenge *challenge)
{
    int rc = 0;
    auth->busy = true;
    if (!auth->has_looked)
        rc = wc_credentials_find(auth->arena, auth->files, auth->domain, auth->path,
                                 &auth->credentials, &auth->err);
    auth->has_looked = rc == 0;
    if (rc != 0)
        settle(auth, rc);
    else if (challenge->bearer && auth->credentials.registry_token != NULL &&
             auth->header == NULL && is_token(auth->credentials.registry_token))
        use_header(auth, "Bearer ", auth->credentials.registry_token);
    else if (challenge->bearer)
        rc = begin_token(auth, challenge);
    else if (challenge->basic && auth->credentials.user != NULL && auth->header == NULL)
        use_header(auth, "", wc_credentials_basic(auth->arena, &auth->credentials));
    else
        settle(auth, refuse(auth, ""));
    if (rc != 0 && auth->busy)
        settle(auth, rc);
}

void wc_auth_stop(struct wc_auth *auth)
{
    wc_http_stop(&auth->request);
    wc_buf_deinit(&auth->answer);
    if (auth->request.text.data != NULL)
        wc_buf_deinit(&auth->request.text);
}
