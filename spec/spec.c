/* spec.c - the pipeline. Every stage goes on after an error, so that one run finds all of them; a
 * value that was reported is marked and passed over by the stages behind. Only a limit ends the
 * load: what is beyond it would cost more than it could tell.
 */
#include "wcompose/spec.h"

#include <string.h>

#include "base/arena.h"
#include "base/str.h"
#include "spec/build.h"
#include "spec/discover.h"
#include "spec/files.h"
#include "spec/given.h"
#include "spec/granted.h"
#include "spec/load.h"
#include "spec/loaded.h"
#include "spec/objects.h"
#include "spec/relocate.h"
#include "spec/restricted.h"
#include "spec/sealed.h"
#include "spec/validate.h"

/* What ${…} was replaced from, for who asks ("config --environment"). */
static void keep_variables(const struct wc_load *load, struct wc_project *project)
{
    struct wc_kvs *out = &project->variables;
    out->items = WC_NEW_ARRAY(load->arena, struct wc_kv, load->env.n);
    for (size_t i = 0; i < load->env.n; i++) {
        const struct wc_map_entry *entry = &load->env.entries[i];
        out->items[out->n++] = (struct wc_kv){ entry->key, entry->value };
    }
}

/* One place is one key or value, so what its code says is said once. */
static bool one_per_place(const char *code)
{
    static const enum wc_spec_code codes[] = { WC_E_UNKNOWN_KEY, WC_E_TYPE,    WC_E_VALUE,
                                               WC_E_ISOLATION,   WC_E_NOT_YET, WC_W_NOT_YET };
    for (size_t i = 0; i < WC_COUNT(codes); i++)
        if (wc_streq(wc_spec_code(codes[i])->code, code))
            return true;
    return false;
}

static bool same(const struct wc_diag *a, const struct wc_diag *b)
{
    return wc_streq0(a->code, b->code) && a->at.line == b->at.line && a->at.col == b->at.col &&
           wc_streq0(a->at.file, b->at.file) &&
           (wc_streq(a->msg, b->msg) || (a->at.line != 0 && one_per_place(a->code)));
}

/* Says what brought a file in, where nothing else is the second place. */
static void add_origins(const struct wc_load *load, struct wc_diags *diags)
{
    for (size_t i = 0; i < diags->n; i++) {
        struct wc_diag *diag = &diags->items[i];
        const struct wc_origin *from =
            diag->at.file == NULL ? NULL : wc_map_get(&load->origins, diag->at.file);
        if (from == NULL || diag->related_label != NULL)
            continue;
        diag->related = from->at;
        diag->related_span = from->span;
        diag->related_label = from->label;
    }
}

/* Sorts, and drops repeats: what stands in an anchor is seen at every alias. */
static void tidy(struct wc_diags *diags)
{
    wc_diags_sort(diags);
    size_t kept = 0;
    for (size_t i = 0; i < diags->n; i++) {
        if (kept > 0 && same(&diags->items[kept - 1], &diags->items[i])) {
            diags->kept[diags->items[i].severity]--;
            if (diags->items[i].severity == WC_SEVERITY_ERROR)
                diags->n_errors--;
            else
                diags->n_warnings--;
            continue;
        }
        diags->items[kept++] = diags->items[i];
    }
    diags->n = kept;
}

int wc_spec_load(const struct wc_spec_options *options, struct wc_arena *arena,
                 struct wc_diags *diags, struct wc_project **out)
{
    struct wc_load load = wc_load_begin(options, arena, diags);
    int rc = wc_discover(&load);
    struct wc_node *root = rc == 0 && !load.budget.over ? wc_files_load(&load) : NULL;
    struct wc_project *project = NULL;
    if (root != NULL && !load.budget.over) {
        wc_sealed_read(&load, root);
        project = wc_build_project(&load, root);
        wc_validate(&load, project, root);
        wc_objects_check(&load, project, root);
        wc_restricted_check(&load, project, root);
        wc_build_select(&load, project, root);
        wc_granted_check(&load, project);
        root = wc_relocate(&load, project, root);
        wc_given_settle(&load, project, root);
    }
    if (project != NULL && !load.budget.over) {
        wc_build_finish(&load, project, root);
        wc_loaded_read(&load, root, project);
        keep_variables(&load, project);
        if (options->check != NULL)
            options->check(project, arena, diags);
    }
    wc_sealed_end(&load, project);
    add_origins(&load, diags);
    tidy(diags);
    if (rc != 0)
        return rc;
    if (diags->n_errors != 0 || project == NULL)
        return load.is_file_missing ? WC_ERR_NOENT : WC_ERR_SPEC;
    *out = project;
    return 0;
}
