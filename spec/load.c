/* load.c - reports, hints, variables and paths for every stage. */
#include "spec/load.h"

#include <stdarg.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

/* Candidates that all suggestions of one load together look at: a fraction of a second. */
enum { SUGGEST_WORDS_MAX = 200000 };

struct wc_load wc_load_begin(const struct wc_spec_options *options, struct wc_arena *arena,
                             struct wc_diags *diags)
{
    struct wc_load load = { .arena = arena, .diags = diags, .options = options };
    load.canonical = options->canonical;
    load.budget = wc_budget_make(&options->limits);
    load.suggest_left = SUGGEST_WORDS_MAX;
    wc_map_init(&load.env, arena);
    wc_map_init(&load.warned, arena);
    wc_map_init(&load.opened, arena);
    wc_map_init(&load.written, arena);
    wc_map_init(&load.origins, arena);
    wc_map_init(&load.texts, arena);
    return load;
}

/* What no_consistency leaves out, and no_interpolate, as names may be templates: what attributes
 * say about each other and about services, networks and volumes elsewhere in the file. */
static bool is_consistency(enum wc_spec_code code)
{
    static const enum wc_spec_code codes[] = {
        WC_E_UNKNOWN_SERVICE, WC_E_UNKNOWN_NETWORK, WC_E_UNKNOWN_VOLUME, WC_E_UNKNOWN_OBJECT,
        WC_E_DISABLED_DEP,    WC_E_TWINS,           WC_E_SAME_TARGET,    WC_E_SCALE,
    };
    for (size_t i = 0; i < WC_COUNT(codes); i++)
        if (codes[i] == code)
            return true;
    return false;
}

struct wc_diag *wc_report_at(struct wc_load *load, enum wc_spec_code code, struct wc_loc at,
                             unsigned span, const char *fmt, ...)
{
    const char *name = wc_spec_code(code)->code;
    va_list args;
    if ((load->options->no_consistency || load->options->no_interpolate) && is_consistency(code)) {
        load->diags->scratch = (struct wc_diag){ .msg = "" };
        return &load->diags->scratch;
    }
    va_start(args, fmt);
    struct wc_diag *diag = wc_diags_vadd(
        load->diags, name[0] == 'E' ? WC_SEVERITY_ERROR : WC_SEVERITY_WARNING, name, at, fmt, args);
    va_end(args);
    diag->span = span == 0 ? 1 : span;
    return diag;
}

struct wc_diag *wc_report_not_yet(struct wc_load *load, struct wc_loc at, unsigned span,
                                  const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    const char *msg = wc_arena_vprintf(load->arena, fmt, args);
    va_end(args);
    enum wc_spec_code code = load->options->only_shown ? WC_W_ONLY_SHOWN : WC_E_NOT_YET;
    return wc_report_at(load, code, at, span, "%s", msg);
}

void wc_hint(struct wc_load *load, struct wc_diag *diag, const char *fmt, ...)
{
    va_list args;
    if (diag == &load->diags->scratch)
        return;
    va_start(args, fmt);
    diag->hint = wc_diags_text(load->arena, fmt, args);
    va_end(args);
}

void wc_hint_words(struct wc_load *load, struct wc_diag *diag, const char *word,
                   const char *const *words, size_t n, bool list_all)
{
    bool wanted = diag != &load->diags->scratch && n <= load->suggest_left;
    const char *close = wanted ? wc_str_suggest(word, words, n) : NULL;
    if (wanted)
        load->suggest_left -= n;
    if (close != NULL) {
        wc_hint(load, diag, "did you mean '%s'?", close);
        return;
    }
    if (!list_all || !wanted || n == 0)
        return;
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    for (size_t i = 0; i < n; i++)
        wc_buf_printf(&text, "%s%s", i == 0 ? "one of: " : ", ", words[i]);
    wc_hint(load, diag, "%s", text.data);
}

/* The keys of a map as words; kept, since one wrong name seldom comes alone. */
static void find_names(struct wc_load *load, const struct wc_node *map)
{
    if (load->names_of == map)
        return;
    load->names_of = map;
    load->names = WC_NEW_ARRAY(load->arena, const char *, map->n + 1);
    for (size_t i = 0; i < map->n; i++)
        load->names[i] = map->members[i].key;
}

void wc_hint_keys(struct wc_load *load, struct wc_diag *diag, const char *word,
                  const struct wc_node *map)
{
    if (map == NULL || map->kind != WC_NODE_MAP || diag == &load->diags->scratch)
        return;
    find_names(load, map);
    wc_hint_words(load, diag, word, load->names, map->n, false);
}

static void add_where(struct wc_buf *out, const struct wc_where *where)
{
    if (where == NULL || where->name == NULL)
        return;
    add_where(out, where->up);
    wc_buf_printf(out, "%s%s", out->len == 0 ? "" : ".", where->name);
    if (where->item != 0)
        wc_buf_printf(out, "[%zu]", where->item - 1);
}

const char *wc_where_text(struct wc_load *load, const struct wc_where *where)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    add_where(&text, where);
    return text.len == 0 ? "the top level" : wc_arena_strdup(load->arena, text.data);
}

bool wc_load_raw(const struct wc_load *load)
{
    return load->canonical || load->options->no_interpolate;
}

const char *wc_load_env(const struct wc_load *load, const char *name)
{
    return wc_map_get(&load->env, name);
}

/* Appends path to out (which holds an absolute path or nothing), folding "." and "..". */
static void append_clean(struct wc_buf *out, const char *path)
{
    while (*path != '\0') {
        size_t len = strcspn(path, "/");
        if (len == 2 && path[0] == '.' && path[1] == '.') {
            while (out->len > 0 && out->data[out->len - 1] != '/')
                out->data[--out->len] = '\0';
            if (out->len > 0)
                out->data[--out->len] = '\0';
        } else if (len > 0 && !(len == 1 && path[0] == '.')) {
            wc_buf_addc(out, '/');
            wc_buf_add(out, path, len);
        }
        path += len;
        path += strspn(path, "/");
    }
}

const char *wc_load_clean(struct wc_load *load, const char *path)
{
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    append_clean(&out, path);
    return out.len == 0 ? "/" : wc_arena_strdup(load->arena, out.data);
}

const char *wc_load_path(struct wc_load *load, const char *base, const char *path)
{
    const char *home = wc_load_env(load, "HOME");
    if (path[0] == '/')
        return path;
    if (path[0] == '~' && load->options->restricted)
        return path; /* refused where it is used */
    if (path[0] == '~' && home != NULL)
        return wc_load_clean(load, wc_arena_printf(load->arena, "%s/%s", home, path + 1));
    return wc_load_clean(load, wc_arena_printf(load->arena, "%s/%s", base, path));
}

const char *wc_load_shown(const struct wc_load *load, const char *path)
{
    const char *cwd = load->options->cwd;
    size_t len = strlen(cwd);
    if (strncmp(path, cwd, len) == 0 && path[len] == '/')
        return path + len + 1;
    return path;
}

const char *wc_load_dir(struct wc_load *load, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL || slash == path)
        return "/";
    return wc_arena_strndup(load->arena, path, (size_t)(slash - path));
}
