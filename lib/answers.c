/* answers.c - what a loaded project is asked for: its name, its text, its plan. */
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "lib/project.h"
#include "wcompose/spec.h"
#include "wcompose/state.h"

const char *wcompose_name(const struct wcompose_project *project)
{
    return project->model == NULL ? NULL : project->model->name;
}

const char *wcompose_render(struct wcompose_project *project, enum wcompose_format format)
{
    if (project->model == NULL)
        return NULL;
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    wc_spec_render(project->model, format == WCOMPOSE_JSON ? WC_RENDER_JSON : WC_RENDER_YAML,
                   &text);
    return wc_arena_strndup(&project->arena, text.data, text.len);
}

static void show_plan(struct wcompose_project *project)
{
    const struct wc_plan *plan = &project->plan;
    project->planned = WC_NEW_ARRAY(&project->arena, struct wcompose_planned, plan->n_services + 1);
    project->n_planned = plan->n_services;
    for (size_t i = 0; i < plan->n_services; i++) {
        const struct wc_plan_service *planned = &plan->services[i];
        project->planned[i] = (struct wcompose_planned){
            .service = planned->service->name,
            .wave = planned->wave,
            .isolation = wc_isolation_name(planned->isolation.level),
            .code = planned->isolation.code,
            .why = planned->isolation.why,
            .at = wc_lib_place(planned->isolation.at),
            .spec_hash = planned->service->spec_hash,
            .replicas = (unsigned long)planned->service->replicas,
        };
    }
}

int wcompose_plan(struct wcompose_project *project, const struct wcompose_host *host)
{
    struct wc_plan_host can = { .hyperv_why = "this host gives no kernel of its own" };
    if (project->model == NULL)
        return WCOMPOSE_INVALID;
    if (host != NULL && host->size >= sizeof *host) {
        can.hyperv_usable = host->hyperv;
        if (host->hyperv_why != NULL)
            can.hyperv_why = host->hyperv_why;
    }
    project->n_planned = 0;
    wc_plan_settle(project->model, NULL, true, &project->arena);
    int code = wc_plan_make(project->model, &can, &project->arena, &project->diags, &project->plan);
    wc_diags_sort(&project->diags);
    wc_lib_show_findings(project);
    if (code != 0)
        return code == WC_ERR_ISOLATION ? WCOMPOSE_REFUSED : WCOMPOSE_INVALID;
    show_plan(project);
    return WCOMPOSE_OK;
}

size_t wcompose_n_planned(const struct wcompose_project *project)
{
    return project->n_planned;
}

const struct wcompose_planned *wcompose_planned(const struct wcompose_project *project,
                                                size_t index)
{
    return index < project->n_planned ? &project->planned[index] : NULL;
}

const char *wcompose_version(void)
{
    return WC_VERSION;
}
