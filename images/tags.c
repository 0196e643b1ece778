/* tags.c - the tags of a repository, page by page. Bounded in bytes, pages and tags: a registry
 * may have any number, and a page may lead to itself.
 */
#include "images/tags.h"

#include <string.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/str.h"
#include "images/fetch.h"

enum {
    QUERY_MAX = 2048,
    PAGE_BYTES = 4 << 20,
    PAGES_MAX = 1000,
    TAGS_MAX = 100000,
    WAIT_MS = 1000,
};

int wc_tags_read(struct wc_arena *arena, const char *text, size_t len, struct wc_strv *out,
                 struct wc_err *err)
{
    WC_CLEANUP_JSON struct wc_json *root = NULL;
    int rc = wc_json_parse(text, len, &root, err);
    if (rc != 0)
        return wc_err_wrap(err, rc, "a list of tags");
    const struct wc_json *list = wc_json_get(root, "tags");
    if (list == NULL || (wc_json_kind(list) != WC_JSON_ARRAY && wc_json_kind(list) != WC_JSON_NULL))
        return wc_err_set(err, WC_ERR_SPEC, 0, "not a list of tags");
    for (const struct wc_json *at = wc_json_first(list); at != NULL; at = wc_json_next(at)) {
        const char *tag = wc_json_str(at, "");
        if (wc_ref_is_tag(tag))
            wc_strv_add(arena, out, wc_arena_strdup(arena, tag));
    }
    return 0;
}

/* Parameters of one link, up to the comma that ends it: true when one is rel="next". */
static bool is_next(const char *at, const char **end)
{
    bool found = false;
    while (*at == ';' || *at == ' ' || *at == '\t') {
        at += strspn(at, "; \t");
        size_t len = strcspn(at, ";,");
        static const char *const forms[] = { "rel=\"next\"", "rel=next" };
        size_t n = len;
        while (n > 0 && (at[n - 1] == ' ' || at[n - 1] == '\t'))
            n--;
        for (size_t i = 0; i < WC_COUNT(forms); i++)
            found = found || (n == strlen(forms[i]) && strncmp(at, forms[i], n) == 0);
        at += len;
    }
    *end = at;
    return found;
}

/* The question of an address: what follows "/tags/list?", in characters that may stand there. */
static const char *question(struct wc_arena *arena, const char *url, size_t len)
{
    static const char mark[] = "/tags/list?";
    const char *text = wc_arena_strndup(arena, url, len);
    const char *found = strstr(text, mark);
    if (found == NULL)
        return NULL;
    const char *query = found + strlen(mark);
    for (const char *at = query; *at != '\0'; at++)
        if (!wc_ascii_isalnum(*at) && strchr("-._~!$&'()*+,;=:@/?%", *at) == NULL)
            return NULL;
    if (*query == '\0' || strlen(query) > QUERY_MAX)
        return NULL;
    return wc_arena_printf(arena, "tags/list?%s", query);
}

const char *wc_tags_next(struct wc_arena *arena, const char *link)
{
    const char *at = link != NULL ? strchr(link, '<') : NULL;
    while (at != NULL) {
        const char *close = strchr(at, '>'), *end;
        if (close == NULL)
            return NULL;
        if (is_next(close + 1, &end))
            return question(arena, at + 1, (size_t)(close - at - 1));
        at = strchr(end, '<');
    }
    return NULL;
}

/* Asking ---------------------------------------------------------------------------------------*/

static void on_done(void *data)
{
    bool *done = data;
    *done = true;
}

/* Works until the fetch has ended. */
static int await(struct wc_fetch *fetch, const bool *done, int interrupt_fd, struct wc_err *err)
{
    wc_fetch_start(fetch);
    while (!*done) {
        int rc = wc_registry_wait(fetch->registry, WAIT_MS, interrupt_fd, err);
        if (rc != 0)
            return rc;
    }
    if (fetch->code != 0)
        *err = fetch->err;
    return fetch->code;
}

/* All pages, one after the other: only the one before says what the next one is called. */
static int read_pages(struct wc_registry *registry, const struct wc_endpoints *endpoints,
                      int interrupt_fd, struct wc_strv *tags, struct wc_err *err)
{
    const char *what = "tags/list?n=1000";
    size_t endpoint = 0, before = tags->n;
    int rc = 0;
    for (int page = 0; rc == 0 && what != NULL; page++) {
        bool done = false;
        struct wc_fetch fetch = { .registry = registry,
                                  .endpoints = endpoints,
                                  .endpoint = endpoint,
                                  .what = what,
                                  .accept = "Accept: application/json",
                                  .limit = PAGE_BYTES,
                                  .done = on_done,
                                  .data = &done };
        rc = await(&fetch, &done, interrupt_fd, err);
        if (rc == 0)
            rc = wc_tags_read(registry->arena, fetch.text.data, fetch.text.len, tags, err);
        if (rc != 0 && fetch.code == 0 && rc != WC_ERR_CANCELLED)
            (void)wc_err_wrap(err, rc, "%s", fetch.host->name);
        endpoint = fetch.endpoint;
        what = wc_tags_next(registry->arena, fetch.link);
        if (rc == 0 && (tags->n - before > TAGS_MAX || page + 1 == PAGES_MAX))
            rc = wc_err_set(err, WC_ERR_LIMIT, 0,
                            "%s lists more than %d tags, or pages without "
                            "an end",
                            fetch.host->name, TAGS_MAX);
        wc_fetch_stop(&fetch);
    }
    return rc;
}

int wc_image_tags(const struct wc_image_pull_config *config, const char *reference,
                  int interrupt_fd, struct wc_arena *arena, struct wc_strv *tags,
                  struct wc_err *err)
{
    struct wc_pull_settings settings;
    struct wc_registry registry;
    struct wc_endpoints endpoints = { 0 };
    struct wc_ref ref;
    int rc = wc_ref_parse(arena, reference, &ref, err);
    if (rc == 0)
        rc = wc_pull_settings_read(config, arena, &settings, err);
    if (rc == 0)
        rc = wc_registries_endpoints(&settings.registries, arena, &ref, &endpoints, err);
    if (rc == 0)
        rc = wc_registry_open(&registry, arena, &settings, err);
    if (rc != 0)
        return rc;
    rc = read_pages(&registry, &endpoints, interrupt_fd, tags, err);
    wc_registry_close(&registry);
    return rc == 0 ? 0 : wc_err_wrap(err, rc, "tags of %s", wc_image_short_reference(ref.name));
}
