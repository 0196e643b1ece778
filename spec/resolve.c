/* resolve.c - env files, label files, variables of the environment, the default network, and what
 * build, provider and pre_start leave out.
 *
 * Order for a container: environment, then env files (the later wins), then the image. A key
 * without a value that the environment doesn't have removes the variable, also when an env file
 * sets it.
 */
#include "spec/resolve.h"

#include <string.h>

#include "base/arena.h"
#include "base/str.h"
#include "spec/access.h"
#include "spec/dotenv.h"
#include "spec/interpolate.h"
#include "spec/sealed.h"

/* What the text of an env file can use: the environment, then the service's own. */
struct scope {
    const struct wc_load *load;
    const struct wc_node *environment;
};

static const char *look_up(void *data, const char *name)
{
    const struct scope *scope = data;
    const char *value = wc_load_env(scope->load, name);
    return value != NULL ? value : wc_node_text(scope->environment, name);
}

static bool is_false(const struct wc_node *value)
{
    return value != NULL && value->kind == WC_NODE_BOOL && !value->boolean;
}

static bool usable(const struct wc_node *list)
{
    return list != NULL && list->kind == WC_NODE_LIST;
}

/* A file as messages name it: from the working directory, or as it is written when it is elsewhere
 * and that leads there. What an included file writes counts from another directory. */
static const char *name_of(struct wc_load *load, const struct wc_node *path, const char *full)
{
    const char *shown = wc_load_shown(load, full);
    bool leads_there = wc_streq(load->project_dir, load->options->cwd) &&
                       wc_streq(wc_load_path(load, load->project_dir, path->raw), full);
    return shown[0] == '/' && leads_there ? path->raw : shown;
}

/* The text of a file that a service names; it is parsed when all were got. */
static void get_file(struct wc_load *load, const struct wc_node *path, bool required)
{
    const char *full = wc_load_path(load, load->project_dir, path->text);
    struct wc_text text;
    if (required || wc_access_exists(load, full))
        (void)wc_access_env(load, full, name_of(load, path, full), path->at, path->span, &text);
}

void wc_resolve_get(struct wc_load *load, const struct wc_node *service)
{
    const struct wc_node *files = wc_node_get(service, "env_file");
    bool reads = !load->options->no_env_resolution && !load->canonical;
    for (size_t i = 0; usable(files) && reads && i < files->n; i++) {
        const struct wc_node *path = wc_node_get(files->items[i], "path");
        if (path != NULL && path->kind == WC_NODE_STRING)
            get_file(load, path, !is_false(wc_node_get(files->items[i], "required")));
    }
    files = wc_node_get(service, "label_file");
    for (size_t i = 0; usable(files) && i < files->n; i++)
        if (files->items[i]->kind == WC_NODE_STRING)
            get_file(load, files->items[i], true);
}

static void read_file(struct wc_load *load, const struct wc_node *path, bool raw,
                      struct scope *scope, struct wc_map *into)
{
    const char *full = wc_load_path(load, load->project_dir, path->text);
    const char *shown = name_of(load, path, full);
    struct wc_text text;
    if (load->budget.over || !wc_access_kept(load, full, &text))
        return;
    if (scope == NULL && wc_sealed_refuse(load, &text, full, path->at, path->span, "a label_file"))
        return;
    if (!wc_map_has(&load->origins, shown)) {
        struct wc_origin *from = WC_NEW(load->arena, struct wc_origin);
        *from = (struct wc_origin){ path->at, path->span, "read for this" };
        wc_map_put(&load->origins, shown, from);
    }
    wc_diags_source(load->diags, shown, text.bytes, text.len);
    struct wc_dotenv in = { .file = shown,
                            .text = text.bytes,
                            .len = text.len,
                            .outer = scope == NULL ? NULL : look_up,
                            .data = scope,
                            .out = into,
                            .raw = raw };
    wc_dotenv_parse(load, &in);
}

/* Puts what the files say under what the section says. */
static void lay_under(struct wc_load *load, struct wc_node *service, const char *key,
                      const struct wc_map *found, const struct wc_node *like)
{
    const struct wc_node *section = wc_node_get(service, key);
    struct wc_node *out = wc_node_new(load->arena, WC_NODE_MAP, section == NULL ? like : section);
    for (size_t i = 0; i < found->n; i++)
        if (found->entries[i].value != NULL)
            wc_node_put(load->arena, out, found->entries[i].key,
                        wc_node_string(load->arena, found->entries[i].value, like));
    for (size_t i = 0; section != NULL && i < section->n; i++)
        wc_node_put_at(load->arena, out, &section->members[i], section->members[i].value);
    wc_node_put(load->arena, service, key, out);
}

/* True when it is encrypted: what is in it must not get into the tree, which is shown and kept. */
static bool stays_sealed(struct wc_load *load, const struct wc_node *path)
{
    const char *full = wc_load_path(load, load->project_dir, path->text);
    struct wc_text text;
    return load->canonical || (wc_access_kept(load, full, &text) && wc_sealed_is(&text, full));
}

static void read_env_files(struct wc_load *load, struct wc_node *service)
{
    struct wc_node *sealed = NULL;
    const struct wc_node *files = wc_node_get(service, "env_file");
    const struct wc_node *section = wc_node_get(service, "environment");
    struct scope scope = { load, section };
    struct wc_map found;
    wc_map_init(&found, load->arena);
    for (size_t i = 0; usable(files) && i < files->n; i++) {
        const struct wc_node *path = wc_node_get(files->items[i], "path");
        const char *format = wc_node_text(files->items[i], "format");
        if (path == NULL || path->kind != WC_NODE_STRING)
            continue;
        if (!stays_sealed(load, path)) {
            read_file(load, path, format != NULL && wc_streq(format, "raw"), &scope, &found);
            continue;
        }
        if (sealed == NULL)
            sealed = wc_node_new(load->arena, WC_NODE_LIST, files);
        wc_node_add(load->arena, sealed, files->items[i]);
        wc_sealed_hide(load, wc_load_path(load, load->project_dir, path->text), path, &found);
    }
    if (usable(files) && (section == NULL || section->kind == WC_NODE_MAP))
        lay_under(load, service, "environment", &found, files);
    if (sealed != NULL)
        wc_node_put(load->arena, service, "env_file", sealed);
    else if (usable(files))
        wc_node_drop(service, "env_file");
}

/* A label file sees no variables but its own. */
static void read_label_files(struct wc_load *load, struct wc_node *service)
{
    const struct wc_node *files = wc_node_get(service, "label_file");
    const struct wc_node *section = wc_node_get(service, "labels");
    struct wc_map found;
    wc_map_init(&found, load->arena);
    for (size_t i = 0; usable(files) && i < files->n; i++)
        if (files->items[i]->kind == WC_NODE_STRING)
            read_file(load, files->items[i], false, NULL, &found);
    if (usable(files) && (section == NULL || section->kind == WC_NODE_MAP))
        lay_under(load, service, "labels", &found, files);
    if (usable(files))
        wc_node_drop(service, "label_file");
}

/* A key alone takes the environment's value. */
static void look_up_open_keys(struct wc_load *load, struct wc_node *service)
{
    const struct wc_node *section = wc_node_get(service, "environment");
    if (section == NULL || section->kind != WC_NODE_MAP)
        return;
    struct wc_node *out = NULL;
    for (size_t i = 0; i < section->n; i++) {
        const struct wc_member *m = &section->members[i];
        if (m->value->kind != WC_NODE_NULL)
            continue;
        const char *value = wc_load_env(load, m->key);
        if (value == NULL) {
            (void)wc_env_refused(load, m->key, m->key_at, m->key_span);
            continue;
        }
        if (out == NULL)
            out = wc_node_copy(load->arena, section);
        out->members[i].value = wc_node_string(load->arena, value, m->value);
    }
    if (out != NULL)
        wc_node_put(load->arena, service, "environment", out);
}

static void join_default_network(struct wc_load *load, struct wc_node *service)
{
    const char *mode = wc_node_text(service, "network_mode");
    const struct wc_node *given = wc_node_get(service, "networks");
    bool named = given != NULL && (given->kind != WC_NODE_MAP || given->n != 0);
    if ((mode != NULL && mode[0] != '\0') || named || wc_node_member(service, "provider") != NULL)
        return;
    struct wc_node *networks = wc_node_new(load->arena, WC_NODE_MAP, service);
    wc_node_put(load->arena, networks, "default", wc_node_new(load->arena, WC_NODE_NULL, service));
    wc_node_put(load->arena, service, "networks", networks);
}

/* A build argument without a value takes the environment's, or isn't there. */
static struct wc_node *resolved_args(struct wc_load *load, const struct wc_node *args)
{
    struct wc_node *out = wc_node_new(load->arena, WC_NODE_MAP, args);
    for (size_t i = 0; i < args->n; i++) {
        struct wc_node *value = args->members[i].value;
        const char *found = wc_load_env(load, args->members[i].key);
        if (value->kind == WC_NODE_NULL && found == NULL)
            (void)wc_env_refused(load, args->members[i].key, args->members[i].key_at,
                                 args->members[i].key_span);
        else if (value->kind == WC_NODE_NULL)
            value = wc_node_string(load->arena, found, value);
        if (value->kind != WC_NODE_NULL || load->canonical)
            wc_node_put_at(load->arena, out, &args->members[i], value);
    }
    return out;
}

static void complete_build(struct wc_load *load, struct wc_node *service)
{
    const struct wc_node *build = wc_node_get(service, "build");
    if (build == NULL || build->kind != WC_NODE_MAP)
        return;
    struct wc_node *out = wc_node_copy(load->arena, build);
    const struct wc_node *args = wc_node_get(out, "args");
    if (wc_node_get(out, "context") == NULL)
        wc_node_put(load->arena, out, "context",
                    wc_node_string(load->arena, load->project_dir, build));
    if (wc_node_get(out, "dockerfile") == NULL && wc_node_get(out, "dockerfile_inline") == NULL)
        wc_node_put(load->arena, out, "dockerfile",
                    wc_node_string(load->arena, "Dockerfile", build));
    if (args != NULL && args->kind == WC_NODE_MAP)
        wc_node_put(load->arena, out, "args", resolved_args(load, args));
    wc_node_put(load->arena, service, "build", out);
}

/* Every option of a provider is a list. */
static void complete_provider(struct wc_load *load, struct wc_node *service)
{
    const struct wc_node *provider = wc_node_get(service, "provider");
    const struct wc_node *options = wc_node_get(provider, "options");
    if (options == NULL || options->kind != WC_NODE_MAP)
        return;
    struct wc_node *copy = wc_node_copy(load->arena, provider);
    struct wc_node *out = wc_node_copy(load->arena, options);
    for (size_t i = 0; i < out->n; i++) {
        if (out->members[i].value->kind != WC_NODE_STRING)
            continue;
        struct wc_node *list = wc_node_new(load->arena, WC_NODE_LIST, out->members[i].value);
        wc_node_add(load->arena, list, out->members[i].value);
        out->members[i].value = list;
    }
    wc_node_put(load->arena, copy, "options", out);
    wc_node_put(load->arena, service, "provider", copy);
}

/* A step before the start runs in the service's image unless it names another. */
static void complete_pre_start(struct wc_load *load, struct wc_node *service)
{
    const struct wc_node *steps = wc_node_get(service, "pre_start");
    struct wc_node *image = wc_node_get(service, "image");
    if (!usable(steps) || image == NULL || image->kind != WC_NODE_STRING)
        return;
    struct wc_node *out = wc_node_new(load->arena, WC_NODE_LIST, steps);
    for (size_t i = 0; i < steps->n; i++) {
        struct wc_node *step = wc_node_copy(load->arena, steps->items[i]);
        if (step->kind == WC_NODE_MAP && wc_node_get(step, "image") == NULL)
            wc_node_put(load->arena, step, "image", image);
        wc_node_add(load->arena, out, step);
    }
    wc_node_put(load->arena, service, "pre_start", out);
}

struct wc_node *wc_resolve_service(struct wc_load *load, const struct wc_node *service)
{
    struct wc_node *out = wc_node_copy(load->arena, service);
    look_up_open_keys(load, out);
    if (!load->options->no_normalize) {
        join_default_network(load, out);
        complete_build(load, out);
        complete_pre_start(load, out);
    }
    complete_provider(load, out);
    const char *isolation = wc_node_text(out, "isolation");
    if (isolation != NULL && isolation[0] == '\0')
        wc_node_drop(out, "isolation");
    return out;
}

struct wc_node *wc_resolve_files(struct wc_load *load, const struct wc_node *service)
{
    if (!usable(wc_node_get(service, "env_file")) && !usable(wc_node_get(service, "label_file")))
        return NULL;
    struct wc_node *out = wc_node_copy(load->arena, service);
    if (!load->options->no_env_resolution)
        read_env_files(load, out);
    read_label_files(load, out);
    return out;
}
