/* extract.c - what `config` prints out of a project besides the project: the variables that its
 * values name, the models that it uses.
 *
 * Variables are found in values as they are written, so the project must come from a load with
 * no_interpolate. Text that is no template is passed over: the ordinary load says what is wrong.
 */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/str.h"
#include "spec/node.h"
#include "wcompose/spec.h"

struct search {
    struct wc_arena *arena;
    struct wc_map found; /* name -> struct wc_spec_variable */
};

static size_t name_length(const char *text)
{
    size_t n = 0;
    while (wc_ascii_isalnum(text[n]) || text[n] == '_')
        n++;
    return wc_ascii_isdigit(text[0]) ? 0 : n;
}

/* The brace that closes the one before `p`; braces are counted, so that a default may hold some. */
static const char *closing(const char *p)
{
    for (size_t depth = 1; *p != '\0'; p++) {
        if (*p == '{')
            depth++;
        else if (*p == '}' && --depth == 0)
            return p;
    }
    return NULL;
}

static struct wc_spec_variable *variable(struct search *search, const char *name, size_t len)
{
    const char *key = wc_arena_strndup(search->arena, name, len);
    struct wc_spec_variable *found = wc_map_get(&search->found, key);
    if (found != NULL)
        return found;
    found = WC_NEW(search->arena, struct wc_spec_variable);
    *found = (struct wc_spec_variable){ key, "", "", false };
    wc_map_put(&search->found, key, found);
    return found;
}

static void search_text(struct search *search, const char *text);

/* What stands between braces: NAME, and a sign with what follows it. */
static void search_braces(struct search *search, const char *inner)
{
    size_t len = name_length(inner);
    const char *sign = inner + len + (inner[len] == ':' ? 1 : 0);
    if (len == 0)
        return;
    struct wc_spec_variable *found = variable(search, inner, len);
    if (*sign == '?') {
        found->required = true;
    } else if (*sign == '-' || *sign == '+') {
        const char **slot = *sign == '-' ? &found->fallback : &found->alternate;
        if ((*slot)[0] == '\0')
            *slot = sign + 1;
        search_text(search, sign + 1);
    }
}

static void search_text(struct search *search, const char *text)
{
    for (const char *p = text; (p = strchr(p, '$')) != NULL;) {
        size_t len = name_length(p + 1);
        const char *end = p[1] == '{' ? closing(p + 2) : NULL;
        if (p[1] == '$') {
            p += 2;
        } else if (end != NULL) {
            search_braces(search, wc_arena_strndup(search->arena, p + 2, (size_t)(end - p - 2)));
            p = end + 1;
        } else {
            if (len != 0)
                (void)variable(search, p + 1, len);
            p += 1 + len;
        }
    }
}

static void search_node(struct search *search, const struct wc_node *node)
{
    if (node->kind == WC_NODE_STRING)
        search_text(search, node->text);
    for (size_t i = 0; node->kind == WC_NODE_LIST && i < node->n; i++)
        search_node(search, node->items[i]);
    for (size_t i = 0; node->kind == WC_NODE_MAP && i < node->n; i++)
        search_node(search, node->members[i].value);
}

static int by_name(const void *a, const void *b)
{
    const struct wc_spec_variable *x = a, *y = b;
    return strcmp(x->name, y->name);
}

size_t wc_spec_variables(const struct wc_project *project, struct wc_arena *arena,
                         struct wc_spec_variable **out)
{
    struct search search = { .arena = arena };
    wc_map_init(&search.found, arena);
    search_node(&search, project->written != NULL ? project->written : project->tree);
    *out = WC_NEW_ARRAY(arena, struct wc_spec_variable, search.found.n + 1);
    for (size_t i = 0; i < search.found.n; i++)
        (*out)[i] = *(const struct wc_spec_variable *)search.found.entries[i].value;
    if (search.found.n > 1)
        qsort(*out, search.found.n, sizeof **out, by_name);
    return search.found.n;
}

void wc_spec_models(const struct wc_project *project, struct wc_arena *arena, struct wc_strv *out)
{
    const struct wc_node *models = wc_node_get(project->tree, "models");
    for (size_t i = 0; models != NULL && models->kind == WC_NODE_MAP && i < models->n; i++) {
        const char *name = wc_node_text(models->members[i].value, "model");
        if (name != NULL && name[0] != '\0')
            wc_strv_add(arena, out, name);
    }
}
