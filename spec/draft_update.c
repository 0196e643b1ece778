/* draft_update.c - deploy.update_config and rollback_config: their defaults, and what of them can't
 * be had.
 */
#include "spec/draft.h"

#include <string.h>

#include "base/str.h"

const struct wc_member *wc_draft_member(const struct wc_node *node, const char *path)
{
    const struct wc_member *member = NULL;
    while (node != NULL && *path != '\0') {
        char key[32];
        size_t len = strcspn(path, ".");
        if (len >= sizeof key)
            return NULL;
        memcpy(key, path, len);
        key[len] = '\0';
        member = wc_node_member(node, key);
        node = member == NULL ? NULL : member->value;
        path += len + (path[len] == '.' ? 1 : 0);
    }
    return node == NULL ? NULL : member;
}

/* The defaults are those of Swarm, which the section comes from: one after another, each watched
 * for five seconds. */
static void settle_update(struct wc_update_config *update, const struct wc_member *member,
                          bool start_first, const char *action, int64_t progress_ms)
{
    enum { MONITOR_MS = 5000, PROGRESS_MS = 600000 };
    update->set = member != NULL && member->value->kind == WC_NODE_MAP;
    if (update->set)
        update->at = member->key_at;
    if (update->parallelism == WC_UNSET)
        update->parallelism = 1;
    if (update->delay_ms == WC_UNSET)
        update->delay_ms = 0;
    if (update->monitor_ms == WC_UNSET)
        update->monitor_ms = MONITOR_MS;
    if (update->max_failure_nano == WC_UNSET)
        update->max_failure_nano = 0;
    update->progress_ms = progress_ms == WC_UNSET ? PROGRESS_MS : progress_ms;
    update->start_first = start_first;
    update->action = wc_streq0(action, "continue")   ? WC_FAILURE_CONTINUE
                     : wc_streq0(action, "rollback") ? WC_FAILURE_ROLLBACK
                                                     : WC_FAILURE_PAUSE;
}

/* What two incarnations of a replica can't both have; NULL: nothing. */
static const char *fixed_of(const struct wc_service *s)
{
    for (size_t i = 0; s->network_mode == WC_NETMODE_NETWORKS && i < s->n_networks; i++) {
        if (s->networks[i].ipv4_address != NULL)
            return "ipv4_address";
        if (s->networks[i].mac_address != NULL)
            return "mac_address";
    }
    return NULL;
}

static void warn_order(struct wc_load *load, const struct wc_service *s, const struct wc_node *node,
                       const char *path)
{
    const struct wc_member *order = wc_draft_member(node, path);
    const char *fixed = fixed_of(s);
    if (fixed == NULL || order == NULL || !wc_streq0(order->value->text, "start-first"))
        return;
    struct wc_diag *diag = wc_report(
        load, WC_W_NOT_YET, order->value,
        "order: start-first is carried out as stop-first for a service with a fixed %s: both "
        "incarnations of a replica would have the same",
        fixed);
    diag->hint = "with several replicas and parallelism: 1 the others serve meanwhile";
}

void wc_draft_settle_updates(struct wc_load *load, struct wc_service_draft *d,
                             const struct wc_node *node)
{
    struct wc_service *s = &d->service;
    warn_order(load, s, node, "deploy.update_config.order");
    warn_order(load, s, node, "deploy.rollback_config.order");
    bool may = fixed_of(s) == NULL;
    settle_update(&s->update, wc_draft_member(node, "deploy.update_config"),
                  may && wc_streq0(d->update_order, "start-first"), d->update_action,
                  d->progress_ms);
    settle_update(&s->rollback, wc_draft_member(node, "deploy.rollback_config"),
                  may && wc_streq0(d->rollback_order, "start-first"), d->rollback_action,
                  d->progress_ms);
}
