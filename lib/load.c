/* load.c - the library's way into the loader, and what was found on it. */
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"
#include "lib/project.h"
#include "wcompose/spec.h"

static size_t count(const char *const *list)
{
    size_t n = 0;
    while (list != NULL && list[n] != NULL)
        n++;
    return n;
}

static int read_callers_file(void *data, const char *path, size_t limit, struct wc_buf *out,
                             struct wc_err *err)
{
    const struct wcompose_files *from = data;
    const char *bytes = NULL;
    size_t len = 0;
    int sys = from->read(from->data, path, &bytes, &len);
    if (sys != 0)
        return wc_err_set(err, wc_fs_code(sys), sys, "open %s", path);
    if (len > limit)
        return wc_err_set(err, WC_ERR_LIMIT, 0, "%s is larger than %zu bytes", path, limit);
    wc_buf_add(out, bytes, len);
    return 0;
}

static bool callers_file_exists(void *data, const char *path)
{
    const struct wcompose_files *from = data;
    return from->exists(from->data, path);
}

void wc_lib_show_findings(struct wcompose_project *project)
{
    const struct wc_diags *diags = &project->diags;
    project->findings = WC_NEW_ARRAY(&project->arena, struct wcompose_finding, diags->n + 1);
    project->n_findings = diags->n;
    for (size_t i = 0; i < diags->n; i++) {
        const struct wc_diag *diag = &diags->items[i];
        project->findings[i] = (struct wcompose_finding){
            .severity = diag->severity == WC_SEVERITY_ERROR ? WCOMPOSE_ERROR : WCOMPOSE_WARNING,
            .code = diag->code,
            .at = wc_lib_place(diag->at),
            .span = diag->span,
            .message = diag->msg,
            .hint = diag->hint,
            .related = wc_lib_place(diag->related),
            .related_label = diag->related_label,
        };
    }
}

struct wcompose_place wc_lib_place(struct wc_loc at)
{
    return (struct wcompose_place){ at.file, at.line, at.col };
}

/* The caller's struct may be older, and so shorter, than ours. */
static bool take_options(const struct wcompose_options *given, struct wcompose_options *out)
{
    *out = (struct wcompose_options){ 0 };
    if (given == NULL || given->size < offsetof(struct wcompose_options, files))
        return false;
    memcpy(out, given, given->size < sizeof *out ? given->size : sizeof *out);
    return out->cwd != NULL && out->cwd[0] == '/';
}

static int load(struct wcompose_project *project, const struct wcompose_options *o)
{
    struct wc_spec_access access = { read_callers_file, callers_file_exists,
                                     (void *)(uintptr_t)o->from };
    struct wc_spec_options options = {
        .files = o->files,
        .n_files = count(o->files),
        .env_files = o->env_files,
        .n_env_files = count(o->env_files),
        .profiles = o->profiles,
        .n_profiles = count(o->profiles),
        .services = o->services,
        .n_services = count(o->services),
        .project_name = o->project_name,
        .project_directory = o->project_directory,
        .cwd = o->cwd,
        .environ = o->environ,
        .access = o->from != NULL ? &access : NULL,
        .only_shown = o->only_shown,
    };
    return wc_spec_load(&options, &project->arena, &project->diags, &project->model);
}

int wcompose_load(const struct wcompose_options *options, struct wcompose_project **out)
{
    struct wcompose_options o;
    if (!take_options(options, &o))
        return WCOMPOSE_USAGE;
    struct wcompose_project *project = wc_calloc(1, sizeof *project);
    wc_arena_init(&project->arena);
    wc_diags_init(&project->diags, &project->arena);
    int code = load(project, &o);
    wc_lib_show_findings(project);
    *out = project;
    if (code == 0)
        return WCOMPOSE_OK;
    return code == WC_ERR_NOENT ? WCOMPOSE_MISSING : WCOMPOSE_INVALID;
}

void wcompose_free(struct wcompose_project *project)
{
    if (project == NULL)
        return;
    wc_arena_deinit(&project->arena);
    wc_free(project);
}

size_t wcompose_n_findings(const struct wcompose_project *project)
{
    return project->n_findings;
}

const struct wcompose_finding *wcompose_finding(const struct wcompose_project *project,
                                                size_t index)
{
    return index < project->n_findings ? &project->findings[index] : NULL;
}

const char *wcompose_source_line(const struct wcompose_project *project, const char *file,
                                 unsigned line, size_t *len)
{
    return file == NULL ? NULL : wc_diags_line(&project->diags, file, line, len);
}
