/* project.h - what a loaded project is behind the library's handle (lib, private). */
#ifndef LIB_PROJECT_H
#define LIB_PROJECT_H

#include "base/arena.h"
#include "wcompose/diag.h"
#include "wcompose/model.h"
#include "wcompose/plan.h"
#include "wcompose/wcompose.h"

struct wcompose_project {
    struct wc_arena arena; /* of all below */
    struct wc_diags diags;
    struct wc_project *model; /* NULL: there were errors */
    struct wc_plan plan;      /* n_services 0: none yet */
    struct wcompose_finding *findings;
    size_t n_findings;
    struct wcompose_planned *planned;
    size_t n_planned;
};

/* Makes project->findings anew from project->diags. */
void wc_lib_show_findings(struct wcompose_project *project);

/* A place as the library shows it. */
struct wcompose_place wc_lib_place(struct wc_loc at);

#endif
