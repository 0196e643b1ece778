/* sealed.c - what is encrypted is found by its content, so that nothing is used encrypted by
 * mistake.
 */
#include "spec/sealed.h"

#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/creds.h"
#include "base/str.h"
#include "spec/access.h"
#include "spec/creds.h"
#include "spec/sops_read.h"
#include "spec/unseal.h"

struct wc_sealing {
    struct wc_opener opener;
    struct wc_map open; /* path -> struct wc_unsealed; NULL value: it isn't encrypted */
    struct wc_sealed_files files;
};

static struct wc_sealing *sealing(struct wc_load *load)
{
    if (load->sealing != NULL)
        return load->sealing;
    struct wc_sealing *s = WC_NEW(load->arena, struct wc_sealing);
    wc_map_init(&s->open, load->arena);
    for (size_t i = 0; i < load->options->n_age_files; i++)
        wc_strv_add(load->arena, &s->files.identities, load->options->age_files[i]);
    s->opener = (struct wc_opener){ .arena = load->arena,
                                    .identities = &s->files.identities,
                                    .was_opened = load->canonical,
                                    .cancel_fd = -1 };
    load->sealing = s;
    return s;
}

bool wc_sealed_is(const struct wc_text *text, const char *path)
{
    return wc_creds_is(text->bytes, text->len) || wc_sops_store(text, path) != WC_SOPS_NONE;
}

bool wc_sealed_refuse(struct wc_load *load, const struct wc_text *text, const char *path,
                      struct wc_loc at, unsigned span, const char *what)
{
    if (!wc_sealed_is(text, path))
        return false;
    struct wc_diag *diag =
        wc_report_at(load, WC_E_SECRET, at, span, "'%s' is encrypted, and can't be %s",
                     wc_load_shown(load, path), what);
    diag->hint =
        "its values would be shown or kept: use it as an env_file, a secret or a config of "
        "a service";
    return true;
}

static struct wc_err open_file(struct wc_load *load, struct wc_sealed_file *file,
                               struct wc_unsealed *out)
{
    struct wc_opener *opener = &sealing(load)->opener;
    struct wc_err err = { 0 };
    opener->project = load->project_name;
    (void)wc_unseal(opener, wc_load_shown(load, file->path), file, out, &err);
    return err;
}

static void report(struct wc_load *load, const struct wc_sealed_file *file,
                   const struct wc_err *why, const struct wc_node *node)
{
    const char *shown = wc_load_shown(load, file->path);
    wc_diags_source(load->diags, shown, file->text, file->len);
    bool is_inside = why->at.line != 0 && why->at.file == shown;
    struct wc_diag *diag =
        wc_report_at(load, WC_E_SECRET, is_inside ? why->at : node->at, is_inside ? 1 : node->span,
                     "'%s' can't be decrypted: %s", shown, why->msg);
    diag->hint =
        wc_creds_is(file->text, file->len)
            ? "systemd-creds encrypt --name=PROJECT.FILE - FILE.cred, on this host as root "
              "(docs/secrets.md)"
        : why->code == WC_ERR_PERM
            ? "give the file of an age identity: --age-identity FILE, or "
              "SOPS_AGE_KEY_FILE (docs/secrets.md)"
            : "take the file from where it was right, or encrypt it anew: it is used whole "
              "or not at all";
    if (is_inside) {
        diag->related = node->at;
        diag->related_span = node->span;
        diag->related_label = "used here";
    }
}

const struct wc_unsealed *wc_sealed_file(struct wc_load *load, const char *path,
                                         const struct wc_node *node)
{
    struct wc_sealing *s = load->sealing;
    struct wc_text text;
    if (load->options->only_shown)
        return NULL;
    if (s != NULL && wc_map_has(&s->open, path))
        return wc_map_get(&s->open, path);
    if (load->canonical)
        return NULL;
    bool is_sealed = (wc_access_kept(load, path, &text) || wc_access_peek(load, path, &text)) &&
                     wc_sealed_is(&text, path);
    if (!is_sealed)
        return NULL;
    s = sealing(load);
    struct wc_sealed_file *file = WC_NEW(load->arena, struct wc_sealed_file);
    struct wc_unsealed *out = WC_NEW(load->arena, struct wc_unsealed);
    *file = (struct wc_sealed_file){ .path = path, .text = text.bytes, .len = text.len };
    struct wc_err why = open_file(load, file, out);
    if (why.code != 0)
        report(load, file, &why, node);
    wc_map_put(&s->open, path, out);
    s->files.items = wc_arena_grow(load->arena, s->files.items, s->files.n, &s->files.cap,
                                   sizeof *s->files.items);
    s->files.items[s->files.n++] = *file;
    return out;
}

/* ---- what a canonical text brings along ---- */

static void read_file(struct wc_load *load, struct wc_sealing *s, const struct wc_node *node)
{
    const char *path = wc_node_text(node, "path"), *text = wc_node_text(node, "text");
    const char *mark = wc_node_text(node, "mark");
    const struct wc_node *marks = wc_node_get(node, "marks");
    if (path == NULL || text == NULL || mark == NULL)
        return;
    struct wc_sealed_file *file = WC_NEW(load->arena, struct wc_sealed_file);
    struct wc_unsealed *out = WC_NEW(load->arena, struct wc_unsealed);
    size_t n = marks != NULL && marks->kind == WC_NODE_MAP ? marks->n : 0;
    *file =
        (struct wc_sealed_file){ .path = path, .text = text, .len = strlen(text), .mark = mark };
    file->marks.items = WC_NEW_ARRAY(load->arena, struct wc_kv, n + 1);
    for (size_t i = 0; i < n; i++)
        if (marks->members[i].value->kind == WC_NODE_STRING)
            file->marks.items[file->marks.n++] =
                (struct wc_kv){ marks->members[i].key, marks->members[i].value->text };
    if (load->options->leaves_sealed)
        *out = (struct wc_unsealed){ .file = file,
                                     .closed = "its file is not open yet",
                                     .is_untried = true };
    else
        (void)open_file(load, file, out);
    wc_map_put(&s->open, path, out);
    s->files.items = wc_arena_grow(load->arena, s->files.items, s->files.n, &s->files.cap,
                                   sizeof *s->files.items);
    s->files.items[s->files.n++] = *file;
}

void wc_sealed_read(struct wc_load *load, const struct wc_node *root)
{
    const struct wc_node *sealed = wc_node_get(wc_node_get(root, "x-loaded"), "sealed");
    const struct wc_node *names = wc_node_get(sealed, "identities");
    const struct wc_node *files = wc_node_get(sealed, "files");
    if (!load->canonical || files == NULL || files->kind != WC_NODE_LIST)
        return;
    struct wc_sealing *s = sealing(load);
    for (size_t i = 0; names != NULL && names->kind == WC_NODE_LIST && i < names->n; i++)
        if (names->items[i]->kind == WC_NODE_STRING)
            wc_strv_add(load->arena, &s->files.identities, names->items[i]->text);
    for (size_t i = 0; i < files->n; i++)
        read_file(load, s, files->items[i]);
}

void wc_sealed_end(struct wc_load *load, struct wc_project *project)
{
    if (load->sealing == NULL)
        return;
    struct wc_sealed_files *files = &load->sealing->files;
    wc_opener_deinit(&load->sealing->opener);
    if (project == NULL || files->n == 0)
        return;
    files->closed_in = load->canonical && load->options->leaves_sealed ? project : NULL;
    project->sealed = files;
}

/* ---- env files ---- */

void wc_sealed_hide(struct wc_load *load, const char *path, const struct wc_node *node,
                    struct wc_map *found)
{
    const struct wc_unsealed *file = wc_sealed_file(load, path, node);
    for (size_t i = 0; file != NULL && i < file->file->marks.n; i++)
        if (wc_map_has(found, file->file->marks.items[i].key))
            wc_map_put(found, file->file->marks.items[i].key, NULL);
}

static bool has_key(const struct wc_kvs *list, const char *key)
{
    for (size_t i = 0; i < list->n; i++)
        if (wc_streq(list->items[i].key, key))
            return true;
    return false;
}

/* Adds what a file sets to `values` and `marks`; later files replace. */
static void lay_over(const struct wc_unsealed *file, struct wc_map *values, struct wc_map *marks)
{
    for (size_t i = 0; i < file->file->marks.n; i++) {
        const char *key = file->file->marks.items[i].key;
        const char *value = i < file->pairs.n ? file->pairs.items[i].value : NULL;
        wc_map_put(marks, key, (void *)(uintptr_t)file->file->marks.items[i].value);
        wc_map_put(values, key, (void *)(uintptr_t)value);
    }
}

static void add_variables(struct wc_load *load, struct wc_service *service,
                          struct wc_sealed *sealed, const struct wc_map *values,
                          const struct wc_map *marks)
{
    struct wc_kvs all = { .n = 0 };
    all.items = WC_NEW_ARRAY(load->arena, struct wc_kv, service->environment.n + values->n + 1);
    sealed->env.items = WC_NEW_ARRAY(load->arena, struct wc_kv, values->n + 1);
    for (size_t i = 0; i < service->environment.n; i++)
        all.items[all.n++] = service->environment.items[i];
    for (size_t i = 0; i < values->n; i++) {
        const char *key = values->entries[i].key, *value = values->entries[i].value;
        if (has_key(&service->environment, key))
            continue;
        sealed->env.items[sealed->env.n++] = (struct wc_kv){ key, wc_map_get(marks, key) };
        if (value != NULL)
            all.items[all.n++] = (struct wc_kv){ key, value };
    }
    service->environment = all;
    service->sealed = sealed;
}

void wc_sealed_settle(struct wc_load *load, struct wc_service *service)
{
    const struct wc_node *files = wc_node_get(service->tree, "env_file");
    struct wc_map values, marks;
    struct wc_sealed *sealed = NULL;
    if (files == NULL || files->kind != WC_NODE_LIST || load->options->no_env_resolution)
        return;
    wc_map_init(&values, load->arena);
    wc_map_init(&marks, load->arena);
    for (size_t i = 0; i < files->n; i++) {
        const struct wc_node *node = wc_node_get(files->items[i], "path");
        const char *path = node != NULL && node->kind == WC_NODE_STRING
                               ? wc_load_path(load, load->project_dir, node->text)
                               : NULL;
        const struct wc_unsealed *file = path == NULL ? NULL : wc_sealed_file(load, path, node);
        if (file == NULL)
            continue;
        if (sealed == NULL)
            sealed = WC_NEW(load->arena, struct wc_sealed);
        if (sealed->closed == NULL)
            sealed->closed = file->closed;
        sealed->is_untried = sealed->is_untried || file->is_untried;
        struct wc_text text = { file->file->text, file->file->len };
        if (file->closed == NULL && wc_creds_is(text.bytes, text.len)) {
            if (!file->has_pairs && !load->canonical)
                wc_report(load, WC_E_SECRET, node,
                          "what is encrypted in '%s' isn't of lines NAME=VALUE",
                          wc_load_shown(load, path));
        } else if (file->closed == NULL && wc_sops_store(&text, path) != WC_SOPS_DOTENV &&
                   !load->canonical)
            wc_report(load, WC_E_SECRET, node,
                      "'%s' is encrypted as a tree of values, and an env_file is of lines",
                      wc_load_shown(load, path))
                ->hint = "encrypt a .env file: sops encrypt --input-type dotenv …";
        lay_over(file, &values, &marks);
    }
    if (sealed != NULL)
        add_variables(load, service, sealed, &values, &marks);
}
