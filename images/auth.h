/* auth.h - getting to be allowed to pull from one repository (images).
 *
 * Idea:    a record for each host and repository. A request that is refused brings the registry's
 *          challenge here; what comes of it, a header to send, serves all requests of that
 *          repository, and is got anew when the registry no longer takes it.
 * Owner:   the arena given. Threads: one. Blocks: on credential files and helpers.
 * Errors:  WC_ERR_PERM (refused), WC_ERR_UNAVAILABLE (nobody answers), WC_ERR_SPEC (a malformed
 *          file). No credential is in any of them, nor in the log.
 * Source:  Docker Registry v2 authentication: "Token Authentication Specification" (GET) and "OAuth
 *          2" (POST, for identity tokens); RFC 7617 (Basic).
 */
#ifndef IMAGES_AUTH_H
#define IMAGES_AUTH_H

#include "images/credentials.h"
#include "images/host.h"

struct wc_auth {
    /* set by the caller */
    struct wc_arena *arena;
    struct wc_http *http;
    struct wc_hosts *hosts;
    struct wc_host *host;
    const struct wc_strv *files; /* credential files */
    const char *domain, *path;   /* as in references */
    void (*ready)(void *data);   /* a wc_auth_ask is over: see code */
    void *data;

    /* what there is */
    const char *header;  /* "Authorization: …" to send to the host, or NULL */
    unsigned generation; /* grows with each header */
    bool busy;           /* one is being got */
    int code;            /* of the last attempt */
    struct wc_err err;

    /* under way */
    bool has_looked;
    struct wc_credentials credentials;
    struct wc_http_request request;
    struct wc_buf answer;
    unsigned tries;
    struct wc_auth *next;
};

/* The registry refused with that challenge. `ready` is called when it is known what to do: at once,
 * or from wc_http_wait. */
void wc_auth_ask(struct wc_auth *auth, const struct wc_challenge *challenge);

/* True when a text holds what must not be shown. */
bool wc_auth_is_secret(const struct wc_auth *auth, const char *text);

/* Ends what is under way. */
void wc_auth_stop(struct wc_auth *auth);

/* What a registry says in the body of a refusal, fit to be shown: its first message, or "". */
const char *wc_auth_words(const struct wc_auth *auth, struct wc_arena *arena,
                          const struct wc_buf *body);

#endif
