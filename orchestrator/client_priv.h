/* client_priv.h - the client's parts (private to orchestrator/client*.c). */
#ifndef ORCHESTRATOR_CLIENT_PRIV_H
#define ORCHESTRATOR_CLIENT_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "wcompose/client.h"

struct wc_client {
    const struct wc_paths *paths; /* borrowed, as project */
    const char *project;
    int fd;
    pid_t peer;         /* the supervisor's pid */
    bool may_spawn;     /* opened with spawn: a supervisor that left may be replaced once */
    bool has_heard;     /* something was received */
    struct wc_buf sent; /* the first call, for that once */
    struct wc_buf in;
    size_t scanned;
    uint64_t last_id;
};

/* Starts a supervisor of `project` and waits until it serves. Returns 0 also when another client
 * has just started one. */
int wc_client_spawn(const struct wc_paths *paths, const char *project, const char *run_dir,
                    struct wc_err *err);

/* Connects; with `spawn` starts a supervisor first where none runs. */
int wc_client_connect(struct wc_client *client, bool spawn, struct wc_err *err);

/* Replaces a supervisor that executes another file than this process, if it is free to go; else
 * the same one is connected to anew. Returns 0, or as wc_client_connect. */
int wc_client_renew(struct wc_client *client, struct wc_err *err);

/* Sends bytes, waiting for room. */
int wc_client_write(struct wc_client *client, const char *bytes, size_t len, struct wc_err *err);

/* Reads what has arrived into client->in. Returns the number of bytes, 0 = nothing now, or a
 * negative code (WC_ERR_UNAVAILABLE at the end). */
int wc_client_fill(struct wc_client *client, struct wc_err *err);

/* Waits until the socket or `interrupt_fd` (-1: none) is readable, or deadline_ms (0: none) has
 * passed. 0, WC_ERR_CANCELLED, WC_ERR_TIMEOUT. */
int wc_client_poll(struct wc_client *client, int interrupt_fd, uint64_t deadline_ms,
                   struct wc_err *err);

/* Borrows the next whole line (without its newline) of client->in, NULL when there is none;
 * wc_client_drop_line takes it off. */
const char *wc_client_line(struct wc_client *client, size_t *len);
void wc_client_drop_line(struct wc_client *client, size_t len);

/* Sends a request line and waits for the first line of the answer, borrowed as above; *line is NULL
 * where the code returned says why. */
int wc_client_ask(struct wc_client *client, const char *request, const char **line, size_t *len,
                  struct wc_err *err);

#endif
