/* rules.c - matching: everything that a rule says must hold. */
#include "orchestrator/core/rules.h"

#include <string.h>

#include "base/arena.h"
#include "base/str.h"

/* The first part of a name is a registry when it couldn't be a user's. */
static bool has_registry(const char *name)
{
    size_t len = strcspn(name, "/");
    return name[len] == '/' && (memchr(name, '.', len) != NULL || memchr(name, ':', len) != NULL ||
                                (len == strlen("localhost") && wc_str_starts(name, "localhost")));
}

const char *wc_rule_image(const char *written, struct wc_arena *arena)
{
    const char *slash = strrchr(written, '/');
    const char *last = slash != NULL ? slash + 1 : written;
    const char *tag = strpbrk(last, ":@") == NULL ? ":latest" : "";
    if (has_registry(written))
        return wc_arena_printf(arena, "%s%s", written, tag);
    return wc_arena_printf(arena, "docker.io/%s%s%s", slash == NULL ? "library/" : "", written,
                           tag);
}

/* No pattern at all is no condition. */
static bool one_matches(const struct wc_strv *patterns, const char *text)
{
    if (patterns->n == 0)
        return !patterns->set;
    for (size_t i = 0; text != NULL && i < patterns->n; i++)
        if (wc_pattern_matches(patterns->items[i], text))
            return true;
    return false;
}

static bool image_matches(const struct wc_strv *patterns, const char *image, struct wc_arena *arena)
{
    if (patterns->n == 0 || image == NULL)
        return one_matches(patterns, image);
    return one_matches(patterns, image) || one_matches(patterns, wc_rule_image(image, arena));
}

static bool label_matches(const struct wc_kv *wanted, const struct wc_kvs *labels)
{
    for (size_t i = 0; i < labels->n; i++) {
        const char *value = labels->items[i].value != NULL ? labels->items[i].value : "";
        if (wc_streq(labels->items[i].key, wanted->key))
            return wanted->value == NULL || wanted->value[0] == '\0' ||
                   wc_pattern_matches(wanted->value, value);
    }
    return false;
}

static bool labels_match(const struct wc_kvs *wanted, const struct wc_kvs *labels)
{
    for (size_t i = 0; i < wanted->n; i++)
        if (!label_matches(&wanted->items[i], labels))
            return false;
    return true;
}

static bool trust_matches(enum wc_rule_trust wanted, enum wc_trust trust)
{
    switch (wanted) {
    case WC_RULE_TRUST_ANY:
        return true;
    case WC_RULE_TRUST_UNSET:
        return trust == WC_TRUST_UNSET;
    case WC_RULE_TRUST_TRUSTED:
        return trust == WC_TRUST_TRUSTED;
    case WC_RULE_TRUST_UNTRUSTED:
        return trust == WC_TRUST_UNTRUSTED;
    }
    return false;
}

bool wc_rule_matches(const struct wc_rule *rule, const struct wc_project *project,
                     const struct wc_service *service, struct wc_arena *arena)
{
    const struct wc_rule_match *m = &rule->match;
    bool privilege = m->is_privileged == WC_TRI_UNSET ||
                     (m->is_privileged == WC_TRI_TRUE) == service->privileged;
    return privilege && trust_matches(m->trust, service->trust) &&
           one_matches(&m->tenants, service->tenant) && one_matches(&m->services, service->name) &&
           one_matches(&m->projects, project->name) &&
           image_matches(&m->images, service->image, arena) &&
           labels_match(&m->labels, &service->labels);
}

const char *wc_rule_other_tenant(const struct wc_project *project, const struct wc_service *service)
{
    if (service->tenant == NULL)
        return NULL;
    for (size_t i = 0; i < project->tenants.n; i++)
        if (!wc_streq(project->tenants.items[i], service->tenant))
            return project->tenants.items[i];
    for (size_t i = 0; i < project->n_services; i++)
        if (project->services[i].tenant != NULL &&
            !wc_streq(project->services[i].tenant, service->tenant))
            return project->services[i].tenant;
    return NULL;
}
