/* paths.c - which attributes are paths, and making them absolute.
 *
 * Paths are resolved where the directory of a file is still known: at the end of each unit, and for
 * an extended service before anything is laid over it. So a value that comes from another directory
 * keeps its meaning wherever it is merged to. What doesn't change isn't copied.
 */
#include "spec/paths.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

/* What a value may be besides a path. */
enum kind {
    PATH,    /* nothing else; empty stays empty */
    HOST,    /* a path of a Windows host stays */
    NAMED,   /* what has no '/' is a name */
    CONTEXT, /* a URL or service:name stays */
};

struct base {
    struct wc_load *load;
    const char *dir;
    bool relative; /* no_path_resolution */
};

bool wc_paths_windows(const char *path)
{
    bool drive = wc_ascii_isalnum(path[0]) && !wc_ascii_isdigit(path[0]) && path[1] == ':' &&
                 (path[2] == '\\' || path[2] == '/');
    return drive || (path[0] == '\\' && path[1] == '\\');
}

static bool is_remote(const char *path)
{
    static const char *const starts[] = { "github.com/", "git@", "service:" };
    if (strstr(path, "://") != NULL)
        return true;
    for (size_t i = 0; i < WC_COUNT(starts); i++)
        if (wc_str_starts(path, starts[i]))
            return true;
    return false;
}

/* "sub", "../other": the way from one absolute, clean directory to another. */
static const char *way(struct wc_load *load, const char *from, const char *to)
{
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    size_t same = 0;
    for (size_t i = 0;; i++) {
        bool end_from = from[i] == '\0' || from[i] == '/', end_to = to[i] == '\0' || to[i] == '/';
        if (end_from && end_to)
            same = i;
        if (from[i] != to[i] || from[i] == '\0')
            break;
    }
    for (const char *p = from + same; *p != '\0'; p++)
        if (*p == '/' && p[1] != '\0')
            wc_buf_adds(&out, out.len == 0 ? ".." : "/..");
    const char *rest = to + same + (to[same] == '/' ? 1 : 0);
    if (*rest != '\0' && out.len != 0)
        wc_buf_addc(&out, '/');
    wc_buf_adds(&out, rest);
    return wc_arena_strdup(load->arena, out.len == 0 ? "." : out.data);
}

static const char *resolved(const struct base *base, const char *path)
{
    const char *full = wc_load_path(base->load, base->dir, path);
    if (!base->relative || path[0] == '~')
        return full;
    return way(base->load, base->load->project_dir, full);
}

/* With relative results only a value that differs from what was written shows that it has been here
 * before, with the extended file's directory. */
static bool done(const struct base *base, const struct wc_node *node)
{
    return base->relative && node->text != node->raw;
}

/* An absolute path stays as it is written. That of a restricted file doesn't where it leads back
 * up: it is held against directories as a text, and "/dir/link/.." is another one for the kernel.
 * What was looked at is to be what is used. */
static bool folds(const struct base *base, const char *path)
{
    return path[0] != '/' || (base->load->options->restricted && strstr(path, "/..") != NULL);
}

static struct wc_node *path_node(const struct base *base, struct wc_node *node, enum kind kind)
{
    if (node == NULL || node->kind != WC_NODE_STRING || !folds(base, node->text) ||
        done(base, node))
        return node;
    if ((node->text[0] == '\0' && kind != HOST) || (kind == HOST && wc_paths_windows(node->text)) ||
        (kind == CONTEXT && is_remote(node->text)) ||
        (kind == NAMED && strchr(node->text, '/') == NULL))
        return node;
    struct wc_node *copy = wc_node_copy(base->load->arena, node);
    copy->text =
        node->text[0] == '/' ? wc_load_clean(base->load, node->text) : resolved(base, node->text);
    return copy;
}

/* Sets a member of *map to what it has become; copies the map when that is something else. */
static void put(const struct base *base, struct wc_node **map, struct wc_node *original,
                const struct wc_member *member, struct wc_node *value)
{
    if (value == member->value)
        return;
    if (*map == original)
        *map = wc_node_copy(base->load->arena, original);
    wc_node_put_at(base->load->arena, *map, member, value);
}

typedef struct wc_node *each_fn(const struct base *base, struct wc_node *node);

/* Every value of a map or item of a list; anything else stays. */
static struct wc_node *each(const struct base *base, struct wc_node *node, each_fn *change)
{
    struct wc_node *out = node;
    for (size_t i = 0; node->kind == WC_NODE_MAP && i < node->n; i++)
        put(base, &out, node, &node->members[i], change(base, node->members[i].value));
    for (size_t i = 0; node->kind == WC_NODE_LIST && i < node->n; i++) {
        struct wc_node *item = change(base, node->items[i]);
        if (item == node->items[i])
            continue;
        if (out == node)
            out = wc_node_copy(base->load->arena, node);
        out->items[i] = item;
    }
    return out;
}

/* One member of a map, when it is there. */
static struct wc_node *member(const struct base *base, struct wc_node *map, const char *key,
                              each_fn *change)
{
    struct wc_node *out = map;
    const struct wc_member *found = wc_node_member(map, key);
    if (found != NULL)
        put(base, &out, map, found, change(base, found->value));
    return out;
}

static struct wc_node *as_path(const struct base *base, struct wc_node *node)
{
    return path_node(base, node, PATH);
}

static struct wc_node *as_host(const struct base *base, struct wc_node *node)
{
    return path_node(base, node, HOST);
}

static struct wc_node *as_context(const struct base *base, struct wc_node *node)
{
    return path_node(base, node, CONTEXT);
}

static struct wc_node *contexts(const struct base *base, struct wc_node *node)
{
    return each(base, node, as_context);
}

/* SSH keys by their id; an id alone is the agent's. */
static struct wc_node *keys(const struct base *base, struct wc_node *node)
{
    return each(base, node, as_host);
}

static struct wc_node *build(const struct base *base, struct wc_node *node)
{
    node = member(base, node, "context", as_context);
    node = member(base, node, "additional_contexts", contexts);
    return member(base, node, "ssh", keys);
}

static struct wc_node *env_file(const struct base *base, struct wc_node *node)
{
    return member(base, node, "path", as_path);
}

static struct wc_node *as_clean_path(const struct base *base, struct wc_node *node)
{
    if (node->kind != WC_NODE_STRING || node->text[0] == '\0' || node->text[0] == '/')
        return node;
    const char *full = wc_load_path(base->load, base->dir, node->text);
    return wc_streq(way(base->load, base->dir, full), node->text) ? as_path(base, node) : node;
}

static struct wc_node *clean_env_file(const struct base *base, struct wc_node *node)
{
    return member(base, node, "path", as_clean_path);
}

static struct wc_node *clean_env_files(const struct base *base, struct wc_node *node)
{
    return each(base, node, clean_env_file);
}

static struct wc_node *env_files(const struct base *base, struct wc_node *node)
{
    return each(base, node, env_file);
}

static struct wc_node *label_files(const struct base *base, struct wc_node *node)
{
    return each(base, node, as_path);
}

static struct wc_node *watches(const struct base *base, struct wc_node *node)
{
    return each(base, node, env_file);
}

static struct wc_node *develop(const struct base *base, struct wc_node *node)
{
    return member(base, node, "watch", watches);
}

static struct wc_node *mount(const struct base *base, struct wc_node *node)
{
    const char *type = wc_node_text(node, "type");
    return type != NULL && wc_streq(type, "bind") ? member(base, node, "source", as_host) : node;
}

static struct wc_node *mounts(const struct base *base, struct wc_node *node)
{
    return each(base, node, mount);
}

static struct wc_node *as_named(const struct base *base, struct wc_node *node)
{
    return path_node(base, node, NAMED);
}

static struct wc_node *vm(const struct base *base, struct wc_node *node)
{
    return member(base, node, "kernel", as_named);
}

static struct wc_node *own(const struct base *base, struct wc_node *node)
{
    return member(base, node, "vm", vm);
}

static struct wc_node *service(const struct base *base, struct wc_node *node)
{
    node = member(base, node, "x-wcompose", own);
    node = member(base, node, "build", build);
    node = member(base, node, "develop", develop);
    node = member(base, node, "env_file", env_files);
    node = member(base, node, "label_file", label_files);
    return member(base, node, "volumes", mounts);
}

static struct wc_node *file_object(const struct base *base, struct wc_node *node)
{
    return member(base, node, "file", as_host);
}

static struct wc_node *device(const struct base *base, struct wc_node *node)
{
    return member(base, node, "device", as_host);
}

/* A volume that is a bind mount in disguise. */
static struct wc_node *volume(const struct base *base, struct wc_node *node)
{
    const char *driver = wc_node_text(node, "driver");
    const char *options = wc_node_text(wc_node_get(node, "driver_opts"), "o");
    bool bind =
        driver != NULL && options != NULL && wc_streq(driver, "local") && wc_streq(options, "bind");
    return bind ? member(base, node, "driver_opts", device) : node;
}

static struct wc_node *services(const struct base *base, struct wc_node *node)
{
    return each(base, node, service);
}

static struct wc_node *volumes(const struct base *base, struct wc_node *node)
{
    return each(base, node, volume);
}

static struct wc_node *file_objects(const struct base *base, struct wc_node *node)
{
    return each(base, node, file_object);
}

/* With no_path_resolution, what is beside the project stays as it is written; but not what comes
 * from another file there by extends: "./a" is "a" then, as docker compose has it. */
static bool stays(const struct base *base)
{
    return base->relative && wc_streq(base->dir, base->load->project_dir);
}

struct wc_node *wc_paths_service(struct wc_load *load, struct wc_node *node, const char *dir)
{
    struct base base = { load, dir, load->options->no_path_resolution };
    return load->canonical ? node : service(&base, node);
}

static struct wc_node *early(const struct base *base, struct wc_node *node)
{
    return member(base, node, "env_file", clean_env_files);
}

static struct wc_node *early_services(const struct base *base, struct wc_node *node)
{
    return each(base, node, early);
}

struct wc_node *wc_paths_env_files(struct wc_load *load, struct wc_node *root, const char *dir)
{
    struct base base = { load, dir, load->options->no_path_resolution };
    if (load->canonical || stays(&base))
        return root;
    return member(&base, root, "services", early_services);
}

struct wc_node *wc_paths_resolve(struct wc_load *load, struct wc_node *root, const char *dir)
{
    struct base base = { load, dir, load->options->no_path_resolution };
    if (load->canonical || stays(&base))
        return root;
    root = member(&base, root, "x-wcompose", own);
    root = member(&base, root, "services", services);
    root = member(&base, root, "volumes", volumes);
    root = member(&base, root, "configs", file_objects);
    return member(&base, root, "secrets", file_objects);
}
