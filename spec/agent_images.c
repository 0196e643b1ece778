/* agent_images.c - image_policy of the agent file: a kind alone, or a map with a range, an interval
 * and services that have rules of their own.
 *
 * It is the host's admin who says what may change without a commit. (Rejected: a label of the
 * Compose file. Then whoever may push to the source could have the host follow any tag.)
 */
#include "base/arena.h"
#include "base/semver.h"
#include "base/str.h"
#include "spec/agent_check.h"
#include "spec/kinds.h"
#include "spec/special.h"
#include "spec/types.h"

enum { SECOND_MS = 1000, DEFAULT_INTERVAL_MS = 5 * 60 * SECOND_MS };
static const int64_t DAY_MS = 86400000;

/* Long forms -----------------------------------------------------------------------------------*/

/* "semver" is {kind: semver}. */
static struct wc_node *canon_policy(struct wc_load *load, const struct wc_field *field,
                                    struct wc_node *node, const struct wc_where *where)
{
    struct wc_node *map = node;
    if (node->kind == WC_NODE_STRING) {
        map = wc_node_new(load->arena, WC_NODE_MAP, node);
        wc_node_put(load->arena, map, "kind", node);
    }
    return wc_canon_section(load, field->sub, map, where);
}

static const struct wc_type rule_type = { .expects = "a kind of image policy or a map",
                                          .kinds = STRING | MAP,
                                          .canon = canon_policy };

static struct wc_node *canon_rules(struct wc_load *load, const struct wc_field *field,
                                   struct wc_node *node, const struct wc_where *where)
{
    const struct wc_field rule = { .type = &rule_type, .sub = field->sub, .required = "kind" };
    struct wc_node *out = wc_node_new(load->arena, WC_NODE_MAP, node);
    for (size_t i = 0; i < node->n; i++) {
        struct wc_member *m = &node->members[i];
        struct wc_where inner = { where, m->key, m->key_at, m->key_span, 0 };
        struct wc_node *value = m->value->kind == WC_NODE_NULL
                                    ? wc_canon_refuse(load, &rule, m->value, &inner)
                                    : wc_canon_value(load, &rule, m->value, &inner);
        wc_node_put_at(load->arena, out, m, value);
    }
    return out;
}

static void decode_policy(struct wc_load *load, const struct wc_field *field,
                          const struct wc_node *node, void *dst)
{
    const struct wc_where where = *load->decoding;
    wc_decode_section(load, field->sub, node, dst, &where);
}

static void decode_rules(struct wc_load *load, const struct wc_field *field,
                         const struct wc_node *node, void *dst)
{
    const struct wc_where where = *load->decoding;
    struct wc_agent_images *images =
        (struct wc_agent_images *)(void *)((char *)dst -
                                           offsetof(struct wc_agent_images, services));
    images->services = WC_NEW_ARRAY(load->arena, struct wc_agent_image_rule, node->n + 1);
    for (size_t i = 0; i < node->n; i++) {
        const struct wc_member *m = &node->members[i];
        struct wc_where inner = { &where, m->key, m->key_at, m->key_span, 0 };
        struct wc_agent_image_rule *rule = &images->services[images->n_services++];
        rule->service = m->key;
        if (m->value->kind == WC_NODE_MAP)
            wc_decode_section(load, field->sub, m->value, rule, &inner);
    }
}

const struct wc_type wc_type_image_policy = { .expects = "a kind of image policy or a map",
                                              .kinds = STRING | MAP,
                                              .canon = canon_policy,
                                              .decode = decode_policy,
                                              .brief = "digest-changes",
                                              .schema = SCHEMA_EITHER(SCHEMA_STRING, "@") };
const struct wc_type wc_type_image_rules = { .expects = "a map",
                                             .kinds = MAP,
                                             .canon = canon_rules,
                                             .decode = decode_rules,
                                             .schema =
                                                 SCHEMA_MAP(SCHEMA_EITHER(SCHEMA_STRING, "@")) };

/* Checks ---------------------------------------------------------------------------------------*/

static void check_rule(struct wc_load *load, const struct wc_node *map,
                       const struct wc_agent_image_rule *rule)
{
    const struct wc_member *range = wc_node_member(map, "range");
    const char *why = NULL;
    bool is_semver = wc_streq0(rule->kind, "semver");
    if (rule->kind == NULL)
        return; /* said already */
    if (is_semver && range == NULL)
        wc_report(load, WC_E_MISSING, wc_node_get(map, "kind"), "semver needs a range of versions")
            ->hint = "such as {kind: semver, range: \"~1.4\"}";
    else if (!is_semver && range != NULL)
        wc_report_at(load, WC_E_CONFLICT, range->key_at, range->key_span,
                     "range is for semver alone, and %s never looks at it", rule->kind);
    else if (rule->range != NULL && !wc_semver_range_valid(rule->range, &why))
        wc_report(load, WC_E_VALUE, range->value, "'%s' is no range of versions", rule->range)
            ->hint = why;
}

static void check_interval(struct wc_load *load, const struct wc_node *map,
                           const struct wc_agent_images *images)
{
    const struct wc_member *m = wc_node_member(map, "interval");
    if (m == NULL)
        return;
    if (images->interval_ms < 5 * SECOND_MS || images->interval_ms > DAY_MS)
        wc_report(load, WC_E_VALUE, m->value, "interval must be from 5s to %llds",
                  (long long)(DAY_MS / SECOND_MS));
    else if (!wc_agent_follows_images(images))
        wc_report_at(load, WC_E_CONFLICT, m->key_at, m->key_span,
                     "interval is given, and no registry is asked")
            ->hint = "kind: digest-changes or semver; or remove it";
}

void wc_agent_check_images(struct wc_load *load, const struct wc_node *node,
                           struct wc_agent_images *images)
{
    const struct wc_node *services = wc_node_get(node, "services");
    if (node != NULL && node->kind == WC_NODE_MAP) {
        check_rule(load, node, &images->all);
        for (size_t i = 0; i < images->n_services; i++)
            check_rule(load, wc_node_get(services, images->services[i].service),
                       &images->services[i]);
        check_interval(load, node, images);
    }
    if (images->all.kind == NULL)
        images->all.kind = "none";
    for (size_t i = 0; i < images->n_services; i++)
        if (images->services[i].kind == NULL)
            images->services[i].kind = "none";
    if (images->interval_ms == 0)
        images->interval_ms = DEFAULT_INTERVAL_MS;
}

/* Questions ------------------------------------------------------------------------------------*/

const struct wc_agent_image_rule *wc_agent_image_rule(const struct wc_agent_images *images,
                                                      const char *service)
{
    for (size_t i = 0; i < images->n_services; i++)
        if (wc_streq(images->services[i].service, service))
            return &images->services[i];
    return &images->all;
}

bool wc_agent_follows_images(const struct wc_agent_images *images)
{
    bool any = !wc_streq0(images->all.kind, "none") && images->all.kind != NULL;
    for (size_t i = 0; i < images->n_services; i++)
        any = any || !wc_streq0(images->services[i].kind, "none");
    return any;
}
