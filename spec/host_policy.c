/* host_policy.c - the host's own rules: one small YAML file (host_file.h). */
#include "wcompose/spec.h"

#include "spec/fields.h"
#include "spec/host_file.h"
#include "spec/load.h"
#include "spec/own.h"

static void take_rules(struct wc_load *load, struct wc_node *section, struct wc_policy *out)
{
    static const struct wc_where top = { 0 };
    const struct wc_where where = { &top, "policy", { 0 }, 0, 0 };
    wc_decode_section(load, &wc_table_host_policy, section, NULL, &top);
    wc_own_rules(load, wc_node_get(section, "policy"), &where, out);
}

int wc_spec_host_policy(const char *path, const struct wc_spec_access *access,
                        struct wc_arena *arena, struct wc_diags *diags, struct wc_policy *out)
{
    const struct wc_spec_options options = { .cwd = "/", .access = access };
    struct wc_load load = wc_load_begin(&options, arena, diags);
    struct wc_node *section;
    size_t before = diags->n_errors;
    *out = (struct wc_policy){ 0 };
    int rc = wc_host_file_read(&load, path, "the host's policy", &wc_table_host_policy, &section);
    if (rc == WC_ERR_NOENT) /* which is no rule */
        return 0;
    if (section != NULL)
        take_rules(&load, section, out);
    if (rc == 0 && diags->n_errors == before)
        return 0;
    *out = (struct wc_policy){ 0 };
    return WC_ERR_SPEC;
}
