/* registries.c - rules by longest prefix. */
#include "images/registries.h"

#include <string.h>

#include "base/arena.h"
#include "base/str.h"
#include "images/host.h"
#include "images/toml.h"

#define HUB "docker.io"
#define HUB_HOST "registry-1.docker.io"

enum when { WHEN_ALWAYS, WHEN_DIGEST, WHEN_TAG };

struct wc_registry_mirror {
    const char *location;
    bool insecure;
    enum when when;
    struct wc_loc at;
};

struct wc_registry_rule {
    const char *prefix, *location; /* NULL = not said */
    bool insecure, blocked, mirror_by_digest_only;
    struct wc_registry_mirror *mirrors;
    size_t n, cap;
    struct wc_loc at;
};

/* ---- reading ---- */

struct reader {
    struct wc_arena *arena;
    struct wc_registries *out;
};

static int wrong(const struct wc_toml_item *item, const char *what, struct wc_err *err)
{
    return wc_err_at(err, WC_ERR_SPEC, item->at, "%s: %s", item->key, what);
}

static int get_bool(const struct wc_toml_item *item, bool *out, struct wc_err *err)
{
    if (item->kind != WC_TOML_BOOL)
        return wrong(item, "true or false was expected", err);
    *out = item->flag;
    return 0;
}

/* A host with an optional port and path; `prefix` may begin with "*.". */
static int get_place(const struct wc_toml_item *item, const char **out, struct wc_err *err)
{
    if (item->kind != WC_TOML_STRING)
        return wrong(item, "text in quotes was expected", err);
    if (strstr(item->text, "://") != NULL)
        return wrong(item, "a host and a path were expected, without https://", err);
    if (item->text[0] == '/' || strpbrk(item->text, " \t\r\n@?#\\") != NULL)
        return wrong(item, "this is no host with a path", err);
    *out = item->text;
    return 0;
}

static int get_when(const struct wc_toml_item *item, enum when *out, struct wc_err *err)
{
    static const char *const words[] = { "all", "digest-only", "tag-only" };
    for (size_t i = 0; i < WC_COUNT(words); i++) {
        if (item->kind == WC_TOML_STRING && wc_streq(item->text, words[i])) {
            *out = (enum when)i;
            return 0;
        }
    }
    return wrong(item, "\"all\", \"digest-only\" or \"tag-only\" was expected", err);
}

static int take_header(struct reader *r, const struct wc_toml_item *item, struct wc_err *err)
{
    struct wc_registries *all = r->out;
    if (wc_str_starts(item->table, "registries."))
        return wc_err_at(err, WC_ERR_SPEC, item->at,
                         "[%.40s] is of version 1 of registries.conf; version 2 has [[registry]]",
                         item->table);
    bool rule = wc_streq(item->table, "registry");
    bool mirror = wc_streq(item->table, "registry.mirror");
    if ((rule || mirror) && !item->is_array)
        return wc_err_at(err, WC_ERR_SPEC, item->at, "[[%s]] was expected, with two brackets",
                         item->table);
    if (rule) {
        all->rules = wc_arena_grow(r->arena, all->rules, all->n, &all->cap, sizeof *all->rules);
        all->rules[all->n++] = (struct wc_registry_rule){ .at = item->at };
    } else if (mirror) {
        if (all->n == 0)
            return wc_err_at(err, WC_ERR_SPEC, item->at,
                             "[[registry.mirror]] needs a [[registry]] "
                             "before it");
        struct wc_registry_rule *of = &all->rules[all->n - 1];
        of->mirrors = wc_arena_grow(r->arena, of->mirrors, of->n, &of->cap, sizeof *of->mirrors);
        of->mirrors[of->n++] = (struct wc_registry_mirror){ .at = item->at };
    }
    return 0;
}

static int take_rule_key(struct wc_registry_rule *rule, const struct wc_toml_item *item,
                         struct wc_err *err)
{
    if (wc_streq(item->key, "prefix"))
        return get_place(item, &rule->prefix, err);
    if (wc_streq(item->key, "location"))
        return get_place(item, &rule->location, err);
    if (wc_streq(item->key, "insecure"))
        return get_bool(item, &rule->insecure, err);
    if (wc_streq(item->key, "blocked"))
        return get_bool(item, &rule->blocked, err);
    if (wc_streq(item->key, "mirror-by-digest-only"))
        return get_bool(item, &rule->mirror_by_digest_only, err);
    if (wc_streq(item->key, "mirror"))
        return wrong(item, "write mirrors as [[registry.mirror]]", err);
    return wrong(item,
                 "[[registry]] has prefix, location, insecure, blocked, "
                 "mirror-by-digest-only",
                 err);
}

static int take_mirror_key(struct wc_registry_mirror *mirror, const struct wc_toml_item *item,
                           struct wc_err *err)
{
    if (wc_streq(item->key, "location"))
        return get_place(item, &mirror->location, err);
    if (wc_streq(item->key, "insecure"))
        return get_bool(item, &mirror->insecure, err);
    if (wc_streq(item->key, "pull-from-mirror"))
        return get_when(item, &mirror->when, err);
    return wrong(item, "[[registry.mirror]] has location, insecure, pull-from-mirror", err);
}

static int take_item(void *data, const struct wc_toml_item *item, struct wc_err *err)
{
    struct reader *r = data;
    struct wc_registries *all = r->out;
    if (item->kind == WC_TOML_HEADER)
        return take_header(r, item, err);
    if (wc_streq(item->table, "registry"))
        return take_rule_key(&all->rules[all->n - 1], item, err);
    if (wc_streq(item->table, "registry.mirror")) {
        struct wc_registry_rule *rule = &all->rules[all->n - 1];
        return take_mirror_key(&rule->mirrors[rule->n - 1], item, err);
    }
    return 0;
}

/* What isn't said follows from the rest. */
static int complete(struct wc_registry_rule *rule, struct wc_err *err)
{
    if (rule->prefix == NULL)
        rule->prefix = rule->location;
    if (rule->prefix == NULL || *rule->prefix == '\0')
        return wc_err_at(err, WC_ERR_SPEC, rule->at, "[[registry]] needs a prefix or a location");
    bool wild = *rule->prefix == '*';
    if (wild && (!wc_str_starts(rule->prefix, "*.") || strchr(rule->prefix, '/') != NULL))
        return wc_err_at(err, WC_ERR_SPEC, rule->at,
                         "prefix '%.60s': a star stands for hosts, as in \"*.example.com\"",
                         rule->prefix);
    if (rule->location != NULL && *rule->location == '\0')
        rule->location = NULL;
    for (size_t i = 0; i < rule->n; i++) {
        if (rule->mirrors[i].location == NULL || *rule->mirrors[i].location == '\0')
            return wc_err_at(err, WC_ERR_SPEC, rule->mirrors[i].at,
                             "[[registry.mirror]] needs a location");
        if (rule->mirror_by_digest_only)
            rule->mirrors[i].when = WHEN_DIGEST;
    }
    return 0;
}

int wc_registries_read(struct wc_arena *arena, const char *text, const char *file,
                       struct wc_registries *out, struct wc_err *err)
{
    struct reader r = { .arena = arena, .out = out };
    const struct wc_toml_source source = { .text = text, .file = file };
    size_t first = out->n;
    int rc = wc_toml_read(arena, &source, take_item, &r, err);
    for (size_t i = first; rc == 0 && i < out->n; i++)
        rc = complete(&out->rules[i], err);
    return rc;
}

/* ---- asking ---- */

/* How much of the name the prefix covers; 0 = it is of something else. */
static size_t covers(const char *prefix, const char *name)
{
    size_t len = strlen(prefix);
    if (*prefix == '*') {
        size_t host = strcspn(name, "/");
        size_t domain = strcspn(name, "/:");
        if (domain <= len - 1 || memcmp(name + domain - (len - 1), prefix + 1, len - 1) != 0)
            return 0;
        return host;
    }
    if (strncmp(name, prefix, len) != 0)
        return 0;
    return name[len] == '\0' || strchr("/:@", name[len]) != NULL ? len : 0;
}

static const struct wc_registry_rule *rule_for(const struct wc_registries *all, const char *name)
{
    const struct wc_registry_rule *best = NULL;
    size_t longest = 0;
    for (size_t i = 0; i < all->n; i++) {
        size_t len = covers(all->rules[i].prefix, name) > 0 ? strlen(all->rules[i].prefix) : 0;
        if (len > longest) {
            best = &all->rules[i];
            longest = len;
        }
    }
    return best;
}

/* Adds host/path, of which `name` is the whole. */
static int add(struct wc_endpoints *out, struct wc_arena *arena, const char *name,
               const struct wc_endpoint *as, struct wc_err *err)
{
    struct wc_endpoint e = *as;
    size_t host = strcspn(name, "/");
    if (host == 0 || name[host] == '\0')
        return wc_err_set(err, WC_ERR_SPEC, 0,
                          "registries.conf leads to '%.100s', which has no host or no repository",
                          name);
    e.domain = wc_arena_strndup(arena, name, host);
    e.host = wc_streq(e.domain, HUB) ? HUB_HOST : e.domain;
    e.path = wc_arena_strdup(arena, name + host + 1);
    e.insecure = e.insecure || wc_host_is_loopback(e.host);
    out->items = wc_arena_grow(arena, out->items, out->n, &out->cap, sizeof *out->items);
    out->items[out->n++] = e;
    return 0;
}

static int add_mirrors(const struct wc_registry_rule *rule, struct wc_arena *arena,
                       const struct wc_ref *ref, const char *rest, struct wc_endpoints *out,
                       struct wc_err *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < rule->n; i++) {
        const struct wc_registry_mirror *m = &rule->mirrors[i];
        const struct wc_endpoint as = { .insecure = m->insecure, .is_mirror = true };
        if ((m->when == WHEN_DIGEST && ref->digest == NULL) ||
            (m->when == WHEN_TAG && ref->digest != NULL))
            continue;
        rc = add(out, arena, wc_arena_printf(arena, "%s%s", m->location, rest), &as, err);
    }
    return rc;
}

int wc_registries_endpoints(const struct wc_registries *registries, struct wc_arena *arena,
                            const struct wc_ref *ref, struct wc_endpoints *out, struct wc_err *err)
{
    const char *name = wc_arena_printf(arena, "%s/%s", ref->domain, ref->path);
    const struct wc_registry_rule *rule = rule_for(registries, name);
    struct wc_endpoint as = { .insecure = wc_strv_has(&registries->insecure, ref->domain) };
    struct wc_endpoints found = { 0 };
    int rc = 0;
    if (rule != NULL) {
        const char *rest = name + covers(rule->prefix, name);
        if (rule->blocked)
            return wc_err_set(err, WC_ERR_PERM, 0, "%s is blocked by %s:%u", ref->domain,
                              rule->at.file, rule->at.line);
        as.insecure = as.insecure || rule->insecure;
        rc = add_mirrors(rule, arena, ref, rest, &found, err);
        if (rule->location != NULL)
            name = wc_arena_printf(arena, "%s%s", rule->location, rest);
    }
    if (rc == 0)
        rc = add(&found, arena, name, &as, err);
    if (rc == 0)
        *out = found;
    return rc;
}
