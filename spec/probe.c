/* probe.c - how a service's health is asked: its healthcheck, or a probe, which is one question and
 * the only one.
 */
#include "spec/draft.h"

#include <string.h>

#include "base/arena.h"
#include "base/str.h"

static const struct {
    const char *key;
    enum wc_check_kind kind;
} questions[] = {
    { "file", WC_CHECK_FILE }, { "http", WC_CHECK_HTTP }, { "notify", WC_CHECK_NOTIFY },
    { "tcp", WC_CHECK_TCP },   { "unix", WC_CHECK_UNIX },
};

static bool is_given(const struct wc_member *member)
{
    return member != NULL && member->value->kind != WC_NODE_NULL &&
           member->value->kind != WC_NODE_BAD;
}

static void report_pair(struct wc_load *load, const struct wc_member *at,
                        const struct wc_member *other, const char *text)
{
    struct wc_diag *diag = wc_report_at(load, WC_E_CONFLICT, at->key_at, at->key_span, "%s", text);
    diag->hint = "keep one of the two";
    diag->related = other->key_at;
    diag->related_span = other->key_span;
    diag->related_label = "the other is here";
}

/* The one question that is asked, or NULL. */
static const struct wc_member *find_question(struct wc_load *load, const struct wc_member *probe,
                                             enum wc_check_kind *kind)
{
    const struct wc_member *found = NULL;
    for (size_t i = 0; i < WC_COUNT(questions); i++) {
        const struct wc_member *member = wc_node_member(probe->value, questions[i].key);
        if (member == NULL || member->value->kind == WC_NODE_NULL ||
            (member->value->kind == WC_NODE_BOOL && !member->value->boolean))
            continue;
        if (found != NULL)
            report_pair(load, member, found,
                        wc_arena_printf(load->arena, "a probe asks one question, not '%s' and '%s'",
                                        found->key, member->key));
        if (found == NULL)
            *kind = questions[i].kind;
        found = found == NULL ? member : found;
    }
    if (found == NULL) {
        struct wc_diag *diag = wc_report_at(load, WC_E_MISSING, probe->key_at, probe->key_span,
                                            "the probe asks nothing");
        diag->hint = "one of tcp, http, file, unix and notify";
    }
    return found;
}

static void check_port(struct wc_load *load, const struct wc_member *port, int64_t value)
{
    if (is_given(port) && value != WC_UNSET && (value < 1 || value > 65535))
        wc_report(load, WC_E_VALUE, port->value, "a port is from 1 to 65535, not %lld",
                  (long long)value);
}

static void check_path(struct wc_load *load, const struct wc_member *member, const char *path)
{
    if (is_given(member) && path != NULL && path[0] != '/' &&
        !wc_canon_is_template(load, member->value))
        wc_report(load, WC_E_VALUE, member->value, "%s: '%s' doesn't start with '/'", member->key,
                  path);
}

/* What would end the line of the request, or the request. */
static void check_words(struct wc_load *load, const struct wc_member *member, const char *text)
{
    const char *p = text;
    while (p != NULL && (unsigned char)*p > ' ' && *p != 127)
        p++;
    if (is_given(member) && p != NULL && *p != '\0')
        wc_report(load, WC_E_VALUE, member->value, "'%s' is one word, without blanks", member->key);
}

/* "204" or "200-399". */
static void settle_status(struct wc_load *load, const struct wc_member *member, const char *text,
                          struct wc_check *check)
{
    int64_t low, high;
    check->status_min = 200;
    check->status_max = 399;
    if (text == NULL || (is_given(member) && wc_canon_is_template(load, member->value)))
        return;
    const char *dash = strchr(text, '-');
    const char *first =
        dash == NULL ? text : wc_arena_strndup(load->arena, text, (size_t)(dash - text));
    bool ok = wc_str_to_i64(first, 100, 599, &low) &&
              wc_str_to_i64(dash == NULL ? first : dash + 1, 100, 599, &high) && low <= high;
    if (!ok && is_given(member))
        wc_report(load, WC_E_VALUE, member->value, "a status is such as 204 or 200-399, not '%s'",
                  text);
    if (!ok)
        return;
    check->status_min = (unsigned)low;
    check->status_max = (unsigned)high;
}

static void settle_http(struct wc_load *load, struct wc_service_draft *draft,
                        const struct wc_node *http)
{
    struct wc_check *check = &draft->service.health.check;
    check_port(load, wc_node_member(http, "port"), check->port);
    check_path(load, wc_node_member(http, "path"), check->path);
    check_words(load, wc_node_member(http, "path"), check->path);
    check_words(load, wc_node_member(http, "host"), check->host);
    settle_status(load, wc_node_member(http, "status"), draft->probe_status, check);
    if (check->path == NULL)
        check->path = "/";
    if (check->host == NULL)
        check->host = "localhost";
}

static void settle_health(struct wc_service *s, const struct wc_node *node)
{
    const struct wc_member *member = wc_node_member(node, "healthcheck");
    struct wc_healthcheck *h = &s->health;
    if (member == NULL || member->value->kind != WC_NODE_MAP)
        return;
    h->set = true;
    h->at = member->key_at;
    if (h->test.n > 0 && wc_streq(h->test.items[0], "NONE"))
        h->disable = true;
    if (h->test.n == 0)
        return; /* the image's test: its times hold where the file says nothing */
    if (h->interval_ms == WC_UNSET)
        h->interval_ms = 30000;
    if (h->timeout_ms == WC_UNSET)
        h->timeout_ms = 30000;
    if (h->start_period_ms == WC_UNSET)
        h->start_period_ms = 0;
    if (h->start_interval_ms == WC_UNSET)
        h->start_interval_ms = 5000;
    if (h->retries == WC_UNSET)
        h->retries = 3;
}

void wc_probe_settle(struct wc_load *load, struct wc_service_draft *draft,
                     const struct wc_node *node)
{
    struct wc_healthcheck *health = &draft->service.health;
    const struct wc_member *probe = wc_node_member(wc_node_get(node, "x-wcompose"), "probe");
    const struct wc_member *other = wc_node_member(node, "healthcheck");
    enum wc_check_kind kind;
    settle_health(&draft->service, node);
    if (!is_given(probe) || probe->value->kind != WC_NODE_MAP)
        return;
    const struct wc_member *question = find_question(load, probe, &kind);
    if (is_given(other) && other->value->n > 0)
        report_pair(load, probe, other,
                    wc_arena_printf(load->arena, "service '%s' has a probe beside its healthcheck",
                                    draft->service.name));
    if (question == NULL)
        return;
    health->set = true;
    health->at = probe->key_at;
    health->check.kind = kind;
    switch (kind) {
    case WC_CHECK_TCP:
        check_port(load, question, health->check.port);
        break;
    case WC_CHECK_HTTP:
        settle_http(load, draft, question->value);
        break;
    case WC_CHECK_FILE:
    case WC_CHECK_UNIX:
        check_path(load, question, health->check.path);
        break;
    case WC_CHECK_NOTIFY:
    case WC_CHECK_TEST:
        break;
    }
    if (kind != WC_CHECK_NOTIFY && health->watchdog_ms > 0)
        wc_report_at(load, WC_E_CONFLICT, question->key_at, question->key_span,
                     "'watchdog' goes with 'notify', not with '%s'", question->key);
}
