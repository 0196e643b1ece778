/* agent_check.h - what the rows can't say of the agent file: keys that exclude or need each other
 * (spec, private). */
#ifndef SPEC_AGENT_CHECK_H
#define SPEC_AGENT_CHECK_H

#include "spec/load.h"
#include "wcompose/agent.h"

/* Fills in the defaults of an app that was decoded, and reports what is wrong with it. member: its
 * entry under apps, in long form. */
void wc_agent_check_app(struct wc_load *load, const struct wc_member *member,
                        struct wc_agent_app *app);

/* agent_images.c: the same for its image policy. node: its value in long form, or NULL */
void wc_agent_check_images(struct wc_load *load, const struct wc_node *node,
                           struct wc_agent_images *images);

/* Reports depends_on that names no app, or leads in a circle. apps: the map of all of them. */
void wc_agent_check_deps(struct wc_load *load, const struct wc_agent *agent,
                         const struct wc_node *apps);

/* Reports what is wrong with one who is told. */
void wc_agent_check_notify(struct wc_load *load, const struct wc_node *item,
                           const struct wc_agent_notify *notify);

/* Reports what is wrong with the webhook. section: its map */
void wc_agent_check_webhook(struct wc_load *load, const struct wc_node *section,
                            const struct wc_agent *agent);

#endif
