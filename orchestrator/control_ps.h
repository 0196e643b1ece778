/* control_ps.h - one instance's status as it travels (private to orchestrator/). */
#ifndef ORCHESTRATOR_CONTROL_PS_H
#define ORCHESTRATOR_CONTROL_PS_H

#include "wcompose/client.h"

struct wc_buf;
struct wc_json;
struct wc_jsonw;

/* Writes one object. */
void wc_ps_write(struct wc_jsonw *w, const struct wc_instance_status *status,
                 const struct wc_project *project);

/* Reads what wc_ps_write wrote; strings go to the arena, members that are missing are zero. */
void wc_ps_read(const struct wc_json *object, struct wc_arena *arena, struct wc_ps_row *out);

/* Appends "127.0.0.1:8080->80/tcp, …" for a service's published ports. `service` may be NULL. */
void wc_ps_ports(const struct wc_service *service, struct wc_buf *out);

/* Appends the same for a port that was assigned. */
void wc_ps_published(const struct wc_published *port, struct wc_buf *out);

/* Copies a fact with its strings into an arena. */
void wc_ps_copy_fact(const struct wc_fact *fact, struct wc_arena *arena, struct wc_fact *out);

#endif
