/* mounts.c - volumes: [source:]target[:options] and the long form.
 *
 * A source that starts with '.', '/', '~' or a drive is a path on the host, anything else the name
 * of a volume. An unknown option is refused: ignoring "RO" would mount writable.
 */
#include "spec/types.h"

#include <string.h>

#include "base/arena.h"
#include "base/str.h"
#include "base/units.h"
#include "spec/kinds.h"

/* A short form, taken apart. */
struct short_mount {
    const char *source, *target, *options; /* source and options may be NULL */
};

static const struct wc_type item_type = { .expects = "a string or a map", .kinds = STRING | MAP };
static const struct wc_field item_row = { .type = &item_type };

static bool is_drive(const char *p)
{
    return wc_ascii_isalnum(p[0]) && !wc_ascii_isdigit(p[0]) && p[1] == ':' && p[2] == '\\';
}

/* "c:/": a drive, or the volume c and a target. */
static bool may_be_drive(const char *p)
{
    return wc_ascii_isalnum(p[0]) && !wc_ascii_isdigit(p[0]) && p[1] == ':' && p[2] == '/';
}

static bool is_host_path(const char *text)
{
    return text[0] == '.' || text[0] == '/' || text[0] == '~' || text[0] == '\\' ||
           is_drive(text) || may_be_drive(text);
}

/* End of a field. "c:/a" is a drive's path where another path follows ("c:/a:/b"), and as a target;
 * else it is volume c at /a, which docker compose takes for the drive as well. */
static const char *field_end(const char *p, bool is_target)
{
    bool drive = is_drive(p);
    if (!drive && may_be_drive(p)) {
        const char *next = strchr(p + 2, ':');
        drive = is_target || (next != NULL && (next[1] == '/' || next[1] == '\\' ||
                                               is_drive(next + 1) || may_be_drive(next + 1)));
    }
    return p + (drive ? 2 : 0) + strcspn(p + (drive ? 2 : 0), ":");
}

/* The same in a template, where colons between braces are its own. */
static const char *template_end(const char *p)
{
    size_t depth = 0;
    for (; *p != '\0' && (depth != 0 || *p != ':'); p++) {
        if (p[0] == '$' && p[1] == '{')
            depth++;
        else if (*p == '}' && depth != 0)
            depth--;
    }
    return p;
}

static bool take_apart(struct wc_arena *arena, const char *text, bool template,
                       struct short_mount *out)
{
    const char *fields[3] = { NULL, NULL, NULL };
    size_t n = 0;
    for (const char *p = text;; p++) {
        const char *end = template ? template_end(p) : field_end(p, n == 1);
        if (n == 3 || end == p)
            return false;
        fields[n++] = wc_arena_strndup(arena, p, (size_t)(end - p));
        if (*end == '\0')
            break;
        p = end;
    }
    *out = (struct short_mount){ NULL, fields[0], NULL };
    if (n > 1)
        *out = (struct short_mount){ fields[0], fields[1], fields[2] };
    return true;
}

static struct wc_node *sub_map(struct wc_load *load, struct wc_node *mount, const char *key)
{
    struct wc_node *map = wc_node_get(mount, key);
    if (map == NULL) {
        map = wc_node_new(load->arena, WC_NODE_MAP, mount);
        wc_node_put(load->arena, mount, key, map);
    }
    return map;
}

static bool put_option(struct wc_load *load, struct wc_node *mount, const char *option, bool bind)
{
    static const char *const propagations[] = { "rprivate", "private", "rshared",
                                                "shared",   "rslave",  "slave" };
    static const char *const consistencies[] = { "cached", "delegated", "consistent" };
    struct wc_arena *arena = load->arena;
    if (wc_streq(option, "ro")) {
        wc_node_put(arena, mount, "read_only", wc_node_boolean(arena, true, mount));
    } else if (wc_streq(option, "rw")) {
        wc_node_drop(mount, "read_only");
    } else if (wc_streq(option, "z") || wc_streq(option, "Z")) {
        wc_node_put(arena, sub_map(load, mount, "bind"), "selinux",
                    wc_node_string(arena, option, mount));
    } else if (!bind && wc_streq(option, "nocopy")) {
        wc_node_put(arena, sub_map(load, mount, "volume"), "nocopy",
                    wc_node_boolean(arena, true, mount));
    } else if (bind && wc_str_suggest(option, propagations, WC_COUNT(propagations)) != NULL &&
               wc_streq(wc_str_suggest(option, propagations, WC_COUNT(propagations)), option)) {
        wc_node_put(arena, sub_map(load, mount, "bind"), "propagation",
                    wc_node_string(arena, option, mount));
    } else {
        for (size_t i = 0; i < WC_COUNT(consistencies); i++)
            if (wc_streq(option, consistencies[i]))
                return true;
        return false;
    }
    return true;
}

static bool put_options(struct wc_load *load, struct wc_node *item, struct wc_node *mount,
                        const char *options, bool bind)
{
    static const char *const words[] = { "ro",     "rw",      "z",         "Z",         "nocopy",
                                         "shared", "rshared", "private",   "rprivate",  "slave",
                                         "rslave", "cached",  "delegated", "consistent" };
    bool ok = true;
    while (ok && *options != '\0') {
        size_t len = strcspn(options, ",");
        const char *option = wc_arena_strndup(load->arena, options, len);
        ok = put_option(load, mount, option, bind);
        if (!ok) {
            struct wc_diag *diag =
                wc_report(load, WC_E_VALUE, item, "volume '%s': unknown option '%s'%s", item->raw,
                          option, bind ? "" : " for a named volume");
            wc_hint_words(load, diag, option, words, WC_COUNT(words), false);
        }
        options += len + (options[len] == ',' ? 1 : 0);
    }
    return ok;
}

/* Removes a trailing '/', "." and ".." from a target. Windows paths are left alone. */
static const char *clean_target(struct wc_load *load, const char *target)
{
    return target[0] == '/' ? wc_load_clean(load, target) : target;
}

/* What a template stands for can't be checked. */
static bool is_open(const struct wc_load *load, const char *text)
{
    return load->options->no_interpolate && !load->canonical && strchr(text, '$') != NULL;
}

static bool check_target(struct wc_load *load, const struct wc_node *at, const char *target)
{
    if (is_open(load, target))
        return true;
    if (target[0] == '/' || is_drive(target) || may_be_drive(target) || target[0] == '\\')
        return true;
    struct wc_diag *diag = wc_report(load, WC_E_VALUE, at,
                                     "the target of a mount is an absolute path, not '%s'", target);
    diag->hint = "[source:]/path/in/the/container[:options]";
    return false;
}

static struct wc_node *expand_short(struct wc_load *load, struct wc_node *item)
{
    struct wc_arena *arena = load->arena;
    struct short_mount in;
    if (!take_apart(arena, item->text, wc_canon_is_template(load, item), &in)) {
        wc_report(load, WC_E_VALUE, item,
                  "volume '%s' is not of the form [source:]target[:options]", item->raw);
        return NULL;
    }
    if (in.options != NULL && is_open(load, in.options))
        return item;
    bool bind = in.source != NULL && is_host_path(in.source);
    struct wc_node *mount = wc_node_new(arena, WC_NODE_MAP, item);
    wc_node_put(arena, mount, "type", wc_node_string(arena, bind ? "bind" : "volume", item));
    if (in.source != NULL)
        wc_node_put(arena, mount, "source", wc_node_string(arena, in.source, item));
    if (!check_target(load, item, in.target))
        return NULL;
    wc_node_put(arena, mount, "target", wc_node_string(arena, clean_target(load, in.target), item));
    if (bind)
        wc_node_put(arena, sub_map(load, mount, "bind"), "create_host_path",
                    wc_node_boolean(arena, true, item));
    else if (strlen(item->text) > 2) /* docker compose prints none for "/" and "/x" */
        sub_map(load, mount, "volume");
    if (in.options != NULL && !put_options(load, item, mount, in.options, bind))
        return NULL;
    return mount;
}

static bool finish_long(struct wc_load *load, struct wc_node *mount, const struct wc_where *where)
{
    struct wc_arena *arena = load->arena;
    const char *type = wc_node_text(mount, "type");
    struct wc_node *target = wc_node_get(mount, "target"), *source = wc_node_get(mount, "source");
    const struct wc_node *kind = wc_node_get(mount, "type");
    if (type == NULL && kind != NULL && kind->kind != WC_NODE_NULL)
        return false; /* reported: not one of the types */
    if (type == NULL || target == NULL) {
        wc_report(load, WC_E_MISSING, mount, "%s needs '%s'", wc_where_text(load, where),
                  type == NULL ? "type" : "target");
        return false;
    }
    if (target->kind == WC_NODE_STRING) {
        if (!check_target(load, target, target->text))
            return false;
        wc_node_put(arena, mount, "target",
                    wc_node_string(arena, clean_target(load, target->text), target));
    }
    if (!wc_streq(type, "bind"))
        return true;
    if (source == NULL || source->kind != WC_NODE_STRING || source->text[0] == '\0') {
        wc_report(load, WC_E_MISSING, mount, "%s needs 'source'", wc_where_text(load, where));
        return false;
    }
    return true;
}

static struct wc_node *canon_mounts(struct wc_load *load, const struct wc_field *field,
                                    struct wc_node *node, const struct wc_where *where)
{
    struct wc_node *out = wc_node_new(load->arena, WC_NODE_LIST, node);
    for (size_t i = 0; i < node->n; i++) {
        struct wc_node *item = node->items[i], *mount = NULL;
        struct wc_where inner = { where->up, where->name, { 0 }, 0, i + 1 };
        if (item->kind == WC_NODE_STRING) {
            mount = expand_short(load, item);
        } else if (item->kind == WC_NODE_MAP) {
            mount = wc_canon_section(load, field->sub, item, &inner);
            if (!finish_long(load, mount, &inner))
                mount = NULL;
        } else if (item->kind != WC_NODE_BAD) {
            wc_canon_refuse(load, &item_row, item, &inner);
        }
        if (mount == NULL) {
            mount = wc_node_new(load->arena, WC_NODE_BAD, item);
        }
        wc_node_add(load->arena, out, mount);
    }
    return out;
}

static int64_t number_at(const struct wc_node *map, const char *key)
{
    const struct wc_node *value = wc_node_get(map, key);
    int64_t bytes;
    if (value == NULL)
        return WC_UNSET;
    if (value->kind == WC_NODE_INT)
        return value->integer;
    return value->kind == WC_NODE_STRING && wc_bytes_parse(value->text, &bytes) ? bytes : WC_UNSET;
}

static bool truth_at(const struct wc_node *map, const char *key, bool otherwise)
{
    const struct wc_node *value = wc_node_get(map, key);
    return value == NULL || value->kind != WC_NODE_BOOL ? otherwise : value->boolean;
}

static bool decode_mount(struct wc_load *load, const struct wc_node *node, struct wc_mount *mount)
{
    static const char *const types[] = { "bind", "volume", "tmpfs" };
    const char *type = wc_node_text(node, "type"), *source = wc_node_text(node, "source");
    const struct wc_node *bind = wc_node_get(node, "bind"), *volume = wc_node_get(node, "volume");
    const struct wc_node *tmpfs = wc_node_get(node, "tmpfs");
    size_t i = 0;
    while (i < WC_COUNT(types) && (type == NULL || !wc_streq(types[i], type)))
        i++;
    if (i == WC_COUNT(types)) {
        const struct wc_node *at = wc_node_get(node, "type");
        at = at == NULL ? node : at;
        wc_report_not_yet(load, at->at, at->span, "mounts of type '%s' are not carried out yet",
                          type == NULL ? "" : type);
        return false;
    }
    *mount =
        (struct wc_mount){ .type = (enum wc_mount_type)i,
                           .source = i == 2 || (source != NULL && *source == '\0') ? NULL : source,
                           .target = wc_node_text(node, "target"),
                           .read_only = truth_at(node, "read_only", false),
                           .create_host_path = truth_at(bind, "create_host_path", true),
                           .propagation = wc_node_text(bind, "propagation"),
                           .nocopy = truth_at(volume, "nocopy", false),
                           .subpath = wc_node_text(volume, "subpath"),
                           .tmpfs_size_bytes = number_at(tmpfs, "size"),
                           .tmpfs_mode = number_at(tmpfs, "mode"),
                           .at = node->at };
    return mount->target != NULL;
}

struct mount_list {
    struct wc_mount *items;
    size_t n;
};

/* Fills in one mount; false after a report. */
typedef bool decode_mount_fn(struct wc_load *load, const struct wc_node *item,
                             struct wc_mount *mount);

static bool tmpfs_option(struct wc_load *load, const struct wc_node *item, const char *option,
                         struct wc_mount *mount)
{
    int64_t value;
    if (wc_streq(option, "ro")) {
        mount->read_only = true;
    } else if (wc_str_starts(option, "size=")) {
        if (!wc_bytes_parse(option + 5, &mount->tmpfs_size_bytes)) {
            wc_report(load, WC_E_VALUE, item, "tmpfs '%s': '%s' is not a size", item->text,
                      option + 5);
            return false;
        }
    } else if (wc_str_starts(option, "mode=")) {
        value = 0;
        for (const char *p = option + 5; *p != '\0'; p++)
            value = *p < '0' || *p > '7' || value > 07777 ? 010000 : value * 8 + (*p - '0');
        if (value > 07777 || option[5] == '\0') {
            wc_report(load, WC_E_VALUE, item, "tmpfs '%s': '%s' is not an octal mode", item->text,
                      option + 5);
            return false;
        }
        mount->tmpfs_mode = value;
    } else if (!wc_streq(option, "rw")) {
        mount->tmpfs_options =
            mount->tmpfs_options == NULL
                ? option
                : wc_arena_printf(load->arena, "%s,%s", mount->tmpfs_options, option);
    }
    return true;
}

/* "/run:size=64m,mode=1777" */
static bool decode_tmpfs_item(struct wc_load *load, const struct wc_node *item,
                              struct wc_mount *mount)
{
    const char *colon = strchr(item->text, ':');
    size_t len = colon == NULL ? strlen(item->text) : (size_t)(colon - item->text);
    const char *target = wc_arena_strndup(load->arena, item->text, len);
    if (!check_target(load, item, target))
        return false;
    *mount = (struct wc_mount){ .type = WC_MOUNT_TMPFS,
                                .target = clean_target(load, target),
                                .tmpfs_size_bytes = WC_UNSET,
                                .tmpfs_mode = WC_UNSET,
                                .at = item->at };
    bool ok = true;
    for (const char *p = colon == NULL ? "" : colon + 1; ok && *p != '\0';) {
        size_t n = strcspn(p, ",");
        if (n != 0)
            ok = tmpfs_option(load, item, wc_arena_strndup(load->arena, p, n), mount);
        p += n + (p[n] == ',' ? 1 : 0);
    }
    return ok;
}

/* Both attributes make mounts of one list, each behind what the other made. */
static void decode_into(struct wc_load *load, const struct wc_node *node, enum wc_node_kind kind,
                        decode_mount_fn *decode, void *dst)
{
    struct mount_list list;
    memcpy(&list, dst, sizeof list);
    struct wc_mount *items = WC_NEW_ARRAY(load->arena, struct wc_mount, list.n + node->n + 1);
    if (list.n != 0)
        memcpy(items, list.items, list.n * sizeof *items);
    list.items = items;
    for (size_t i = 0; i < node->n; i++)
        if (node->items[i]->kind == kind && decode(load, node->items[i], &list.items[list.n]))
            list.n++;
    memcpy(dst, &list, sizeof list);
}

static void decode_mounts(struct wc_load *load, const struct wc_field *field,
                          const struct wc_node *node, void *dst)
{
    (void)field;
    decode_into(load, node, WC_NODE_MAP, decode_mount, dst);
}

static void decode_tmpfs(struct wc_load *load, const struct wc_field *field,
                         const struct wc_node *node, void *dst)
{
    (void)field;
    decode_into(load, node, WC_NODE_STRING, decode_tmpfs_item, dst);
}

static struct wc_node *canon_tmpfs(struct wc_load *load, const struct wc_field *field,
                                   struct wc_node *node, const struct wc_where *where)
{
    return wc_type_string_or_list.canon(load, field, node, where);
}

const char *wc_ident_tmpfs(struct wc_arena *arena, const struct wc_node *item)
{
    return wc_arena_strndup(arena, item->text, strcspn(item->text, ":="));
}

const struct wc_type wc_type_mounts = { .expects = "a list of mounts",
                                        .kinds = LIST,
                                        .canon = canon_mounts,
                                        .decode = decode_mounts,
                                        .brief = "[source:/target:ro]",
                                        .schema = SCHEMA_LIST(SCHEMA_EITHER(SCHEMA_STRING, "@")) };
const struct wc_type wc_type_tmpfs = { .expects = "a path or a list of paths",
                                       .kinds = STRING | LIST,
                                       .canon = canon_tmpfs,
                                       .decode = decode_tmpfs,
                                       .brief = "/run:size=64m",
                                       .schema = SCHEMA_EITHER(SCHEMA_STRING,
                                                               SCHEMA_LIST(SCHEMA_STRING)) };
