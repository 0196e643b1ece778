/* supervisor_apply.c - models: taking them in, handing them to the engine, knowing the same again.
 *
 * An apply of the text that was applied last, with nothing heard of any instance since, is answered
 * at once: that is the no-op `up`.
 */
#include "orchestrator/supervisor_priv.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/paths.h"
#include "base/str.h"
#include "wcompose/plan.h"
#include "wcompose/spec.h"

/* ---- from text to a model ---- */

int wc_sup_load_model(const char *text, size_t len, struct wc_arena **arena,
                      struct wc_project **project, struct wc_err *err)
{
    struct wc_arena *own = wc_alloc(sizeof *own);
    wc_arena_init(own);
    char *copy = wc_arena_alloc(own, len + 1);
    memcpy(copy, text, len);
    struct wc_diags diags;
    wc_diags_init(&diags, own);
    struct wc_spec_options options = {
        .cwd = "/", .canonical = true, .leaves_sealed = true, .text = copy, .text_len = len
    };
    int rc = wc_spec_load(&options, own, &diags, project);
    if (rc != 0) {
        wc_diags_sort(&diags);
        wc_err_set_(err, rc, 0, "%s", diags.n > 0 ? diags.items[0].msg : "unreadable model");
        wc_sup_free_model(own);
        return rc;
    }
    wc_plan_settle(*project, NULL, false, own); /* one of a predecessor that didn't */
    *arena = own;
    return 0;
}

/* The rules of the host may have changed since the model was settled, and an earlier generation may
 * be asked for: what would get less than they demand now isn't taken in. */
static int verify(const struct wc_supervisor *sup, const struct wc_project *project,
                  struct wc_arena *arena, struct wc_err *err)
{
    struct wc_policy policy;
    struct wc_diags diags;
    wc_diags_init(&diags, arena);
    int rc = wc_spec_host_policy(wc_paths_policy(sup->config.paths, arena), NULL, arena, &diags,
                                 &policy);
    if (rc != 0) {
        wc_diags_sort(&diags);
        return wc_err_at(err, rc, diags.items[0].at, "%s", diags.items[0].msg);
    }
    return wc_plan_verify(project, &policy, arena, err);
}

void wc_sup_free_model(struct wc_arena *arena)
{
    wc_arena_wipe(arena); /* what was decrypted is in it */
    wc_free(arena);
}

static struct wc_service *service_of(struct wc_project *project, const char *name, size_t len)
{
    for (size_t i = 0; i < project->n_services; i++)
        if (strlen(project->services[i].name) == len &&
            memcmp(project->services[i].name, name, len) == 0)
            return &project->services[i];
    return NULL;
}

/* Replicas come from the command line ("web=3") as well as from the file. */
static int scale_one(struct wc_project *project, const char *text, struct wc_err *err)
{
    const char *equals = strrchr(text, '=');
    size_t len = equals == NULL ? 0 : (size_t)(equals - text);
    int64_t replicas;
    if (equals == NULL || !wc_str_to_i64(equals + 1, 0, 10000, &replicas))
        return wc_err_set(err, WC_ERR_SPEC, 0, "scale: '%.60s' is not SERVICE=N", text);
    struct wc_service *service = service_of(project, text, len);
    if (service == NULL)
        return wc_err_set(err, WC_ERR_NOENT, 0, "scale: no service '%.*s'", (int)len, text);
    service->replicas = replicas;
    return 0;
}

static int scale(struct wc_project *project, const struct wc_json *header, struct wc_err *err)
{
    int rc = 0;
    const struct wc_json *list = wc_json_get(header, "scale");
    for (const struct wc_json *at = wc_json_first(list); rc == 0 && at != NULL;
         at = wc_json_next(at))
        rc = scale_one(project, wc_json_str(at, ""), err);
    return rc;
}

void wc_sup_scale_as_meant(const struct wc_supervisor *sup, struct wc_project *project)
{
    for (size_t i = 0; i < sup->ledger.n_wishes; i++) {
        const struct wc_wish *wish = &sup->ledger.wishes[i];
        struct wc_service *service = service_of(project, wish->service, strlen(wish->service));
        if (service != NULL && wish->replicas >= 0)
            service->replicas = wish->replicas;
    }
}

/* ---- the same again ---- */

/* The image store replaces its index when it changes: a tag that moved makes `up` look again. */
static void stat_images(const struct wc_supervisor *sup, struct stat *out)
{
    *out = (struct stat){ 0 };
    char path[4096];
    snprintf(path, sizeof path, "%s/index.json", sup->config.paths->images);
    if (stat(path, out) != 0)
        *out = (struct stat){ 0 };
}

static bool is_in_force(const struct wc_supervisor *sup, const struct wc_sup_model *model)
{
    const struct wc_generation *now = wc_ledger_accepted(&sup->ledger);
    return now != NULL && now->len == model->len && memcmp(now->text, model->text, now->len) == 0;
}

bool wc_sup_is_noop(const struct wc_supervisor *sup, const struct wc_sup_model *model,
                    const struct wc_buf *key, bool force)
{
    if (!sup->is_settled || sup->calls != NULL || force || !is_in_force(sup, model) ||
        !wc_streq(sup->settled_key.data, key->data))
        return false;
    struct stat images;
    stat_images(sup, &images);
    return images.st_ino == sup->settled_images.st_ino &&
           images.st_size == sup->settled_images.st_size &&
           images.st_mtim.tv_sec == sup->settled_images.st_mtim.tv_sec &&
           images.st_mtim.tv_nsec == sup->settled_images.st_mtim.tv_nsec;
}

void wc_sup_settle(struct wc_sup_call *call, int status)
{
    struct wc_supervisor *sup = call->sup;
    if (call->kind != WC_REQUEST_APPLY || !call->is_newest)
        return;
    sup->is_settled = status == 0;
    wc_buf_reset(&sup->settled_key);
    wc_buf_add(&sup->settled_key, call->key.data, call->key.len);
}

/* ---- applying ---- */

/* Returns the number of the generation that the model is: that in force when it says the same, and
 * nobody wants to go back by it. */
uint64_t wc_sup_take_model(struct wc_supervisor *sup, const struct wc_project *project,
                           const struct wc_sup_model *model)
{
    if (is_in_force(sup, model))
        return sup->ledger.in_force;
    WC_CLEANUP_BUF struct wc_buf source = WC_BUF_INIT;
    WC_CLEANUP_BUF struct wc_buf payload = WC_BUF_INIT;
    for (size_t i = 0; i < project->files.n; i++)
        wc_buf_printf(&source, "%s%s", i > 0 ? ", " : "", project->files.items[i]);
    const struct wc_generation made = { .number = sup->ledger.last_number + 1,
                                        .made_at_ms = wc_sup_wall_ms(sup),
                                        .restores = model->restores,
                                        .source = source.len > 0 ? source.data : NULL,
                                        .text = model->text,
                                        .len = model->len };
    wc_ledger_put_generation(&payload, &made);
    wc_sup_record(sup, WC_RECORD_GENERATION, &payload);
    return made.number;
}

static int load(struct wc_sup_call *call, const struct wc_sup_model *model,
                const struct wc_json *header, struct wc_request *request, struct wc_err *err)
{
    struct wc_project *project = NULL;
    int rc = wc_sup_load_model(model->text, model->len, &request->arena, &project, err);
    if (rc != 0)
        return rc;
    request->project = call->project = project;
    if (!wc_streq(project->name, call->sup->config.project))
        rc = wc_err_set(err, WC_ERR_SPEC, 0, "this is the supervisor of '%s', not of '%s'",
                        call->sup->config.project, project->name);
    if (rc == 0)
        rc = verify(call->sup, project, request->arena, err);
    return rc != 0 ? rc : scale(project, header, err);
}

/* What the model that is left brought, and the one that is wanted back lacks, goes with it: the app
 * goes back, not a part of it. (Its volumes stay: no reconcile removes any.) */
static void note_leaving(const struct wc_generation *left, struct wc_request *request)
{
    struct wc_arena *arena = NULL;
    struct wc_project *before = NULL;
    struct wc_err err = { 0 };
    if (left == NULL || wc_sup_load_model(left->text, left->len, &arena, &before, &err) != 0)
        return;
    const char **names = WC_NEW_ARRAY(request->arena, const char *, before->n_services + 1);
    for (size_t i = 0; i < before->n_services; i++)
        if (wc_project_service(request->project, before->services[i].name) == NULL)
            names[request->n_leaving++] = wc_arena_strdup(request->arena, before->services[i].name);
    request->leaving = names;
    wc_sup_free_model(arena);
}

int wc_sup_apply(struct wc_sup_call *call, struct wc_request *request, const struct wc_json *header,
                 const struct wc_sup_model *model, struct wc_err *err)
{
    struct wc_supervisor *sup = call->sup;
    request->kind = call->kind = WC_REQUEST_APPLY;
    bool is_new = call->ask == 0; /* not begun by a predecessor */
    int rc = load(call, model, header, request, err);
    if (rc == 0 && is_new)
        rc = wc_sup_begin(call, request, header, model, err);
    if (rc != 0) {
        if (request->arena != NULL)
            wc_sup_free_model(request->arena);
        call->is_newest = true; /* of those that could have been */
        wc_sup_conclude(call, rc, err);
        return rc;
    }
    sup->is_settled = false;
    const struct wc_ask *ask = wc_ledger_ask(&sup->ledger, call->ask);
    const struct wc_generation *made =
        ask != NULL ? wc_ledger_generation(&sup->ledger, ask->number) : NULL;
    request->is_rollback = made != NULL && made->restores != 0;
    if (model->restores != 0 && is_new)
        wc_metrics_go_back(&sup->metrics,
                           call->is_rollback ? WC_METRICS_BACK_FAILED : WC_METRICS_BACK_ASKED);
    if (request->is_rollback)
        note_leaving(wc_ledger_generation(&sup->ledger, ask->before), request);
    sup->newest_apply = call->ask;
    stat_images(sup, &sup->settled_images);
    for (struct wc_sup_call *other = sup->calls; other != NULL; other = other->next)
        other->is_newest = false;
    call->is_newest = true;
    wc_sup_submit(call, request);
    return 0;
}
