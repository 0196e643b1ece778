/* models.c - a model of the stories as text that a client sends, and the hashes that its instances
 * will have.
 */
#include "sim/crash/crash.h"

#include <stdlib.h>

#include "base/str.h"
#include "orchestrator/core/desired.h"
#include "orchestrator/supervisor_priv.h"
#include "wcompose/spec.h"

enum { MODELS_MAX = 32 };

static struct made {
    struct model model;
    struct wc_buf wire;
    char hashes[SERVICES][65], inplace[SERVICES][65];
} models[MODELS_MAX];
static size_t n_models;

static void put_needs(const struct model *model, unsigned i, struct wc_buf *yaml)
{
    static const char *const conditions[] = { "", "service_started", "service_healthy",
                                              "service_completed_successfully" };
    const char *head = "    depends_on:\n";
    for (unsigned to = 0; to < i; to++) {
        unsigned need = model->parts[i].need[to];
        if ((need & NEED_CONDITION) == NEED_NONE)
            continue;
        wc_buf_printf(yaml, "%s      s%u: { condition: %s, restart: %s }\n", head, to,
                      conditions[need & NEED_CONDITION],
                      (need & NEED_RESTART) != 0 ? "true" : "false");
        head = "";
    }
}

static void put_service(const struct model *model, unsigned i, struct wc_buf *yaml)
{
    static const char *const actions[] = { "pause", "continue", "rollback" };
    const struct part *part = &model->parts[i];
    wc_buf_printf(yaml,
                  "  s%u:\n    image: app\n    restart: always\n"
                  "    stop_grace_period: 500ms\n    scale: %u\n    environment: { V: v%u }\n",
                  i, part->replicas, part->version);
    if (part->tune != 0)
        wc_buf_printf(yaml, "    labels: { tune: t%u }\n    mem_limit: %um\n", part->tune,
                      64U * part->tune);
    if (!part->linked)
        wc_buf_adds(yaml, "    network_mode: none\n");
    else if (part->replicas == 1)
        wc_buf_printf(yaml, "    ports: [\"%u:80\"]\n", 47000 + i);
    if (part->gradual)
        wc_buf_printf(yaml,
                      "    deploy: { update_config: { parallelism: %u, order: %s, monitor: 20ms, "
                      "failure_action: %s } }\n",
                      part->parallel, part->surge ? "start-first" : "stop-first",
                      actions[part->action]);
    if (part->check)
        wc_buf_adds(yaml, "    healthcheck: { test: [CMD, check], interval: 30s, timeout: 1s }\n");
    put_needs(model, i, yaml);
}

static void load_hashes(struct made *made)
{
    struct wc_arena *arena = NULL;
    struct wc_project *project = NULL;
    struct wc_err err = { 0 };
    int rc = wc_sup_load_model(made->wire.data, made->wire.len, &arena, &project, &err);
    if (rc != 0) {
        fprintf(stderr, "%s\n", err.msg);
        exit(2);
    }
    for (size_t i = 0; i < project->n_services; i++) {
        const struct wc_service *s = &project->services[i];
        unsigned service = service_number(s->name);
        wc_desired_hash(s->spec_hash, "app", made->hashes[service]);
        memcpy(made->inplace[service], s->inplace_hash, sizeof s->inplace_hash);
    }
    wc_sup_free_model(arena);
}

static struct made *make(const struct model *model)
{
    for (size_t i = 0; i < n_models; i++)
        if (memcmp(&models[i].model, model, sizeof *model) == 0)
            return &models[i];
    assert(n_models < MODELS_MAX);
    struct made *made = &models[n_models++];
    struct wc_arena arena;
    struct wc_diags diags;
    struct wc_project *project;
    WC_CLEANUP_BUF struct wc_buf yaml = WC_BUF_INIT;
    *made = (struct made){ .model = *model, .wire = WC_BUF_INIT };
    wc_arena_init(&arena);
    wc_diags_init(&diags, &arena);
    wc_buf_adds(&yaml, "name: p\nservices:\n");
    for (unsigned i = 0; i < SERVICES; i++)
        if (model->parts[i].there)
            put_service(model, i, &yaml);
    const struct wc_spec_options options = {
        .cwd = "/", .text = yaml.data, .text_len = yaml.len, .project_name = "p"
    };
    if (wc_spec_load(&options, &arena, &diags, &project) != 0) {
        fprintf(stderr, "%s%s\n", yaml.data, diags.items[0].msg);
        exit(2);
    }
    wc_spec_render_wire(project, &made->wire);
    wc_arena_deinit(&arena);
    load_hashes(made);
    return made;
}

const struct wc_buf *model_wire(const struct model *model)
{
    return &make(model)->wire;
}

void judge_hash(const struct model *model, unsigned service, char hash[65])
{
    memcpy(hash, make(model)->hashes[service], 65);
}

void judge_inplace(const struct model *model, unsigned service, char hash[65])
{
    memcpy(hash, make(model)->inplace[service], 65);
}

void models_free(void)
{
    for (size_t i = 0; i < n_models; i++)
        wc_buf_deinit(&models[i].wire);
}
