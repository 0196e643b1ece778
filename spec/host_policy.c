/* host_policy.c - the host's own rules: one small YAML file, read by the same machinery as Compose
 * files but for what such files may do (variables, includes, several documents): what it says must
 * not depend on who asks.
 */
#include "wcompose/spec.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/map.h"
#include "spec/encoding.h"
#include "spec/fields.h"
#include "spec/load.h"
#include "spec/own.h"

/* Also when nothing is there, which is no rule; false: reported. */
static bool read_text(struct wc_load *load, const char *path, struct wc_text *out, bool *is_there)
{
    WC_CLEANUP_BUF struct wc_buf buf = WC_BUF_INIT;
    const struct wc_spec_access *access = load->options->access;
    const struct wc_loc at = { path, 0, 0 };
    size_t limit = load->budget.max[WC_LIMIT_FILE_BYTES];
    struct wc_err err = { 0 };
    int rc = access != NULL ? access->read(access->data, path, limit, &buf, &err)
                            : wc_fs_read_ours(path, limit, &buf, &err);
    *is_there = rc != WC_ERR_NOENT;
    if (rc == WC_ERR_NOENT)
        return true;
    if (rc != 0) {
        struct wc_diag *diag = wc_report_at(load, WC_E_HOST_POLICY, at, 1,
                                            "the host's policy can't be used: %s", err.msg);
        diag->hint = "nothing is decided without it: make it readable, and writable by its owner "
                     "alone, root or the user that runs wcompose";
        return false;
    }
    char *copy = wc_arena_alloc(load->arena, buf.len + 1); /* it may hold anything, zeros too */
    if (buf.len > 0)
        memcpy(copy, buf.data, buf.len);
    *out = (struct wc_text){ copy, buf.len };
    return wc_encoding_take(load, path, out);
}

static void take_rules(struct wc_load *load, struct wc_node *root, struct wc_policy *out)
{
    static const struct wc_where top = { 0 };
    static const struct wc_field row = { .key = "the policy",
                                         .type = &wc_type_section,
                                         .sub = &wc_table_host_policy };
    const struct wc_where where = { &top, "policy", { 0 }, 0, 0 };
    if (root->kind == WC_NODE_NULL)
        return; /* nothing but comments */
    struct wc_node *section = wc_canon_value(load, &row, root, &top);
    if (section->kind != WC_NODE_MAP)
        return;
    wc_require_all(load, &wc_table_host_policy, section, &top);
    wc_decode_section(load, &wc_table_host_policy, section, NULL, &top);
    wc_own_rules(load, wc_node_get(section, "policy"), &where, out);
}

int wc_spec_host_policy(const char *path, const struct wc_spec_access *access,
                        struct wc_arena *arena, struct wc_diags *diags, struct wc_policy *out)
{
    const struct wc_spec_options options = { .cwd = "/", .access = access };
    struct wc_load load = wc_load_begin(&options, arena, diags);
    struct wc_documents documents = { 0 };
    struct wc_text text;
    size_t before = diags->n_errors;
    bool is_there;
    *out = (struct wc_policy){ 0 };
    if (!read_text(&load, path, &text, &is_there))
        return WC_ERR_SPEC;
    if (!is_there)
        return 0;
    wc_diags_source(diags, path, text.bytes, text.len);
    bool is_sound = wc_node_parse(arena, diags, path, &text, &load.budget, &documents);
    if (is_sound && documents.n > 1)
        wc_report(&load, WC_E_HOST_POLICY, documents.roots[1],
                  "the host's policy is one document, and this is the second");
    if (is_sound && documents.n > 0)
        take_rules(&load, documents.roots[0], out);
    if (diags->n_errors == before)
        return 0;
    *out = (struct wc_policy){ 0 };
    return WC_ERR_SPEC;
}
