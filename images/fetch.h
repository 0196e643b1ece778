/* fetch.h - getting one thing (a manifest, a blob) from a registry or its mirrors, whatever it
 * takes (images).
 *
 * Idea:    a fetch goes through endpoints in order. At each it is redirected, asked for
 * credentials, broken off and gone on with (Range) as often as is sensible; what can't be had is
 * said once, at the end. Several go on at once. Owner:   a registry client owns hosts and
 * credentials for the time of a pull; a fetch is the caller's until `done` has run or it was
 * stopped. Strings are in the client's arena. Threads: one. Blocks: wc_registry_wait only. Errors:
 * WC_ERR_NOENT (the registry doesn't have it), WC_ERR_PERM (refused), WC_ERR_UNAVAILABLE (not
 * reached, or broken off too often), WC_ERR_LIMIT (more than the limit), WC_ERR_SPEC. Messages name
 * the host. Source:  OCI Distribution Specification 1.0, "Pull".
 */
#ifndef IMAGES_FETCH_H
#define IMAGES_FETCH_H

#include "images/auth.h"
#include "images/registries.h"
#include "images/settings.h"

struct wc_registry {
    struct wc_arena *arena;
    const struct wc_pull_settings *settings;
    struct wc_http *http;
    struct wc_hosts hosts;
    struct wc_auth *auths;
    struct wc_fetch *fetches; /* under way */
};

int wc_registry_open(struct wc_registry *registry, struct wc_arena *arena,
                     const struct wc_pull_settings *settings, struct wc_err *err);
void wc_registry_close(struct wc_registry *registry);

/* Works for a while, at most max_ms; runs `done` of fetches that end. 0 or WC_ERR_CANCELLED. */
int wc_registry_wait(struct wc_registry *registry, int max_ms, int interrupt_fd,
                     struct wc_err *err);

/* Monotonic. */
uint64_t wc_registry_now(void);

enum wc_fetch_take {
    WC_FETCH_TAKEN,
    WC_FETCH_LATER, /* nothing was taken: the same bytes come again after wc_fetch_go_on */
    WC_FETCH_WRONG, /* no more is wanted: fetch->err says why */
};

struct wc_fetch {
    /* set by the caller */
    struct wc_registry *registry;
    const struct wc_endpoints *endpoints;
    size_t endpoint;    /* to begin with; afterwards the one that answered, or failed last */
    bool head;          /* only ask: no body comes */
    const char *what;   /* "manifests/latest", "blobs/sha256:…", "tags/list" */
    const char *accept; /* "Accept: …" or NULL */
    uint64_t limit;     /* most bytes */
    /* Takes what comes. NULL: it is collected in `text`, and never gone on with. */
    enum wc_fetch_take (*take)(void *data, const void *bytes, size_t len);
    void (*done)(void *data);
    void *data;

    /* how it is and ended */
    int code; /* 0 or an error, which is in err */
    struct wc_err err;
    struct wc_buf text;
    const char *digest, *content_type, *link; /* as the registry says; NULL = not said */
    uint64_t received;
    unsigned resumed; /* how often it broke and went on */

    /* inner */
    struct wc_fetch *next;
    struct wc_http_request request;
    struct wc_host *host; /* that the request goes to */
    struct wc_auth *auth; /* of the endpoint */
    const char *location; /* redirected to, or NULL */
    uint64_t skip;        /* bytes that come again because Range was ignored */
    uint64_t mark;        /* received when `tries` was last 0 */
    uint64_t wake_at_ms;  /* tried again then; 0 = not waiting */
    unsigned tries, redirects, refusals, generation;
    bool waits_for_auth, is_first, is_paused, is_wrong, is_active, was_tls;
};

void wc_fetch_start(struct wc_fetch *fetch);

/* There is room again for who said WC_FETCH_LATER. */
void wc_fetch_go_on(struct wc_fetch *fetch);

/* Gives it up, without `done`; and frees what it holds, also after `done`. */
void wc_fetch_stop(struct wc_fetch *fetch);

#endif
