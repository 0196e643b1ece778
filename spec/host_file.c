/* host_file.c - one small YAML file, one document, nobody else's to write. */
#include "spec/host_file.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "spec/encoding.h"
#include "spec/types.h"

static int read_text(struct wc_load *load, const char *path, const char *noun, struct wc_text *out)
{
    WC_CLEANUP_BUF struct wc_buf buf = WC_BUF_INIT;
    const struct wc_spec_access *access = load->options->access;
    const struct wc_loc at = { path, 0, 0 };
    size_t limit = load->budget.max[WC_LIMIT_FILE_BYTES];
    struct wc_err err = { 0 };
    int rc = access != NULL ? access->read(access->data, path, limit, &buf, &err)
                            : wc_fs_read_ours(path, limit, &buf, &err);
    if (rc == WC_ERR_NOENT)
        return rc;
    if (rc != 0) {
        struct wc_diag *diag =
            wc_report_at(load, WC_E_HOST_POLICY, at, 1, "%s can't be used: %s", noun, err.msg);
        diag->hint = "nothing is decided without it: make it readable, and writable by its owner "
                     "alone, root or the user that runs wcompose";
        return WC_ERR_SPEC;
    }
    char *copy = wc_arena_alloc(load->arena, buf.len + 1); /* it may hold anything, zeros too */
    if (buf.len > 0)
        memcpy(copy, buf.data, buf.len);
    *out = (struct wc_text){ copy, buf.len };
    return wc_encoding_take(load, path, out) ? 0 : WC_ERR_SPEC;
}

/* The first node with !reset or !override, or NULL. */
static const struct wc_node *find_tagged(const struct wc_node *node)
{
    const struct wc_node *found = node->tag != WC_TAG_NONE ? node : NULL;
    for (uint32_t i = 0; found == NULL && node->kind == WC_NODE_LIST && i < node->n; i++)
        found = find_tagged(node->items[i]);
    for (uint32_t i = 0; found == NULL && node->kind == WC_NODE_MAP && i < node->n; i++)
        found = find_tagged(node->members[i].value);
    return found;
}

static int check(struct wc_load *load, const char *noun, const struct wc_table *table,
                 struct wc_node *root, struct wc_node **out)
{
    static const struct wc_where top = { 0 };
    const struct wc_field row = { .key = noun, .type = &wc_type_section, .sub = table };
    if (root->kind == WC_NODE_NULL)
        return 0; /* nothing but comments */
    struct wc_node *section = wc_canon_value(load, &row, root, &top);
    if (section->kind != WC_NODE_MAP)
        return WC_ERR_SPEC;
    wc_require_all(load, table, section, &top);
    *out = section;
    return 0;
}

int wc_host_file_read(struct wc_load *load, const char *path, const char *noun,
                      const struct wc_table *table, struct wc_node **out)
{
    struct wc_documents documents = { 0 };
    struct wc_text text;
    *out = NULL;
    int rc = read_text(load, path, noun, &text);
    if (rc != 0)
        return rc;
    wc_diags_source(load->diags, path, text.bytes, text.len);
    bool is_sound = wc_node_parse(load->arena, load->diags, path, &text, &load->budget, &documents);
    if (is_sound && documents.n > 1)
        wc_report(load, WC_E_HOST_POLICY, documents.roots[1],
                  "%s is one document, and this is the second", noun);
    const struct wc_node *tagged = NULL;
    for (size_t i = 0; i < documents.n && documents.tagged && tagged == NULL; i++)
        tagged = find_tagged(documents.roots[i]);
    if (tagged != NULL)
        wc_report(load, WC_E_HOST_POLICY, tagged,
                  "!reset and !override change what other files say, and %s is one alone", noun);
    if (!is_sound || tagged != NULL)
        return WC_ERR_SPEC;
    return documents.n > 0 ? check(load, noun, table, documents.roots[0], out) : 0;
}
