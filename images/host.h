/* host.h - how a registry's host is reached and trusted (images).
 *
 * Idea:    one record a host for the time of a pull: its certificates are read once, and whether it
 *          speaks TLS is found out once.
 * Owner:   the arena of wc_hosts. Threads: one. Blocks: on reading certificates.
 * Errors:  WC_ERR_SPEC (a key without its certificate, or the other way round), WC_ERR_IO.
 * Source:  containers-certs.d(5) and Docker's certs.d: <dir>/<host[:port]>/ with *.crt (certificate
 *          authorities) and pairs *.cert, *.key (ours).
 */
#ifndef IMAGES_HOST_H
#define IMAGES_HOST_H

#include "images/http.h"
#include "wcompose/model.h"

struct wc_host {
    struct wc_host *next;
    const char *name; /* "registry.example", "localhost:5000" */
    struct wc_http_trust trust;
    bool insecure; /* plain HTTP will do where there is no TLS */
    bool plain;    /* it does without */
    bool settled;  /* it has answered, so `plain` is known */
};

struct wc_hosts {
    struct wc_arena *arena;
    const struct wc_strv *cert_dirs;
    const char *ca_file; /* instead of the system's, or NULL */
    struct wc_host *first;
};

/* The host's record; made where there is none. */
int wc_host_get(struct wc_hosts *hosts, const char *name, bool insecure, struct wc_host **out,
                struct wc_err *err);

/* True for localhost, 127.0.0.0/8 and [::1], with or without a port: by its text, nobody is asked.
 */
bool wc_host_is_loopback(const char *name);

/* "https://host/path". */
const char *wc_host_url(const struct wc_hosts *hosts, const struct wc_host *host, const char *path);

/* Takes the host, with its port where it has one, out of an absolute URL; true when that is http or
 * https to a host, without user or password. *tls says which. */
bool wc_host_of_url(struct wc_arena *arena, const char *url, const char **host, bool *tls);

#endif
