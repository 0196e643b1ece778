/* restricted.c - where a file from elsewhere may reach.
 *
 * Paths are compared as text first, which is enough for files that a caller holds in memory; the
 * file system's own reads then resolve beneath the root (base/input.h), so that a symbolic link in
 * the project can't lead out of it either. What is mounted later is looked at now, and could change
 * until then: who needs that closed runs the project as a user that can't read the rest.
 */
#include "spec/restricted.h"

#include <string.h>

#include "base/input.h"
#include "base/arena.h"
#include "base/str.h"
#include "spec/interpolate.h"
#include "spec/validate.h"

static const char *root_of(const struct wc_load *load)
{
    return load->project_dir != NULL ? load->project_dir : load->options->cwd;
}

static bool beneath(const char *path, const char *root)
{
    size_t len = strlen(root);
    while (len > 0 && root[len - 1] == '/')
        len--;
    return strncmp(path, root, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

bool wc_restricted_allows(const struct wc_load *load, const char *path, const char **root)
{
    *root = NULL;
    if (!load->options->restricted || wc_streq(path, "/dev/stdin"))
        return true;
    if (beneath(path, root_of(load))) {
        *root = root_of(load);
        return true;
    }
    return wc_strv_has(&load->named, path);
}

void wc_restricted_refuse(struct wc_load *load, const char *shown, struct wc_loc at, unsigned span)
{
    struct wc_diag *diag = wc_report_at(load, WC_E_RESTRICTED, at, span,
                                        "'%s' leads out of the project directory", shown);
    if (load->options->grant != NULL)
        wc_hint(load, diag,
                "a restricted source has what is in it, so put it there; directories of the host "
                "can be mounted where grant: {binds: [...]} names them");
    else
        wc_hint(load, diag, "with --restricted only what is in %s can be used: copy it there",
                root_of(load));
}

/* One path that will be used later; node says where it was written. */
static void check_path(struct wc_load *load, const char *path, struct wc_loc at, unsigned span)
{
    const char *root;
    struct wc_err err = { 0 };
    const char *written = wc_load_path(load, load->project_dir, path);
    const char *full = wc_load_clean(load, written);
    bool fine = path[0] != '~' && wc_restricted_allows(load, full, &root) && root != NULL;
    if (fine && load->options->access == NULL) /* behind a link, ".." isn't what the text says */
        fine =
            wc_input_beneath(full, root, &err) == 0 && wc_input_beneath(written, root, &err) == 0;
    if (!fine)
        wc_restricted_refuse(load, path, at, span);
}

static void check_node(struct wc_load *load, const struct wc_node *node)
{
    if (node != NULL && node->kind == WC_NODE_STRING && strstr(node->text, "://") == NULL &&
        !wc_str_starts(node->text, "git@"))
        check_path(load, node->text, node->at, node->span);
}

static void check_files(struct wc_load *load, const struct wc_node *section)
{
    for (size_t i = 0; section != NULL && section->kind == WC_NODE_MAP && i < section->n; i++)
        check_node(load, wc_node_get(section->members[i].value, "file"));
}

/* Secrets of the environment: the builder would look in ours. */
static void check_variables(struct wc_load *load, const struct wc_node *root,
                            const struct wc_node *build)
{
    const struct wc_node *used = wc_node_get(build, "secrets");
    for (size_t i = 0; used != NULL && used->kind == WC_NODE_LIST && i < used->n; i++) {
        const char *source = wc_node_text(used->items[i], "source");
        const struct wc_node *name =
            source == NULL
                ? NULL
                : wc_node_get(wc_node_get(wc_node_get(root, "secrets"), source), "environment");
        if (name != NULL && name->kind == WC_NODE_STRING)
            (void)wc_env_refused(load, name->text, name->at, name->span);
    }
}

/* What a build reads besides its context. */
static void check_build(struct wc_load *load, const struct wc_node *build)
{
    const struct wc_node *contexts = wc_node_get(build, "additional_contexts");
    const struct wc_node *dockerfile = wc_node_get(build, "dockerfile");
    const struct wc_node *ssh = wc_node_get(build, "ssh");
    const char *context = wc_node_text(build, "context");
    check_node(load, wc_node_get(build, "context"));
    if (dockerfile != NULL && dockerfile->kind == WC_NODE_STRING && context != NULL &&
        strstr(context, "://") == NULL)
        check_path(load,
                   dockerfile->text[0] == '/'
                       ? dockerfile->text
                       : wc_arena_printf(load->arena, "%s/%s", context, dockerfile->text),
                   dockerfile->at, dockerfile->span);
    for (size_t i = 0; contexts != NULL && contexts->kind == WC_NODE_MAP && i < contexts->n; i++)
        if (!wc_str_starts(wc_node_text(contexts, contexts->members[i].key), "service:"))
            check_node(load, contexts->members[i].value);
    for (size_t i = 0; ssh != NULL && ssh->kind == WC_NODE_MAP && i < ssh->n; i++)
        check_node(load, ssh->members[i].value);
}

/* True when a path of the host is granted: beneath a directory of grant->binds, links followed. */
static bool is_granted(const struct wc_load *load, const char *path)
{
    const struct wc_grant *grant = load->options->grant;
    struct wc_err err = { 0 };
    for (size_t i = 0; grant != NULL && i < grant->binds.n; i++) {
        const char *root = grant->binds.items[i];
        if (beneath(path, root) &&
            (load->options->access != NULL || wc_input_beneath(path, root, &err) == 0))
            return true;
    }
    return false;
}

void wc_restricted_check(struct wc_load *load, const struct wc_project *project,
                         const struct wc_node *root)
{
    if (!load->options->restricted)
        return;
    for (size_t i = 0; i < project->n_services; i++) {
        const struct wc_service *s = &project->services[i];
        for (size_t k = 0; k < s->n_mounts; k++)
            if (s->mounts[k].type == WC_MOUNT_BIND && s->mounts[k].source != NULL &&
                !is_granted(load, s->mounts[k].source))
                check_path(load, s->mounts[k].source, wc_validate_source_at(s, &s->mounts[k]), 1);
        check_build(load, wc_node_get(s->tree, "build"));
        check_variables(load, root, wc_node_get(s->tree, "build"));
    }
    check_files(load, wc_node_get(root, "configs"));
    check_files(load, wc_node_get(root, "secrets"));
}
