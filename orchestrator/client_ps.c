/* client_ps.c - what runs: told by the supervisor, or read from the host when there is none. */
#include "orchestrator/client_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/paths.h"
#include "base/str.h"
#include "orchestrator/control.h"
#include "orchestrator/control_ps.h"
#include "wcompose/history.h"

int wc_client_accepted(const struct wc_paths *paths, const char *project, struct wc_arena *arena,
                       const struct wc_project **out, struct wc_err *err)
{
    struct wc_history history;
    int rc = wc_history_read(paths, project, arena, &history, err);
    if (rc != 0)
        return rc;
    if (history.in_force == NULL)
        return wc_err_set(err, WC_ERR_NOENT, 0, "no model of '%s' is accepted", project);
    return wc_history_model(history.in_force, arena, out, err);
}

/* From the supervisor --------------------------------------------------------------------------*/

/* One of a newer version is passed over. */
static void read_events(const struct wc_json *root, struct wc_arena *arena, struct wc_ps *out)
{
    const struct wc_json *list = wc_json_get(root, "events");
    out->generation = (uint64_t)wc_json_i64(wc_json_get(root, "generation"), 0);
    out->n_forgotten = (uint64_t)wc_json_i64(wc_json_get(root, "forgotten"), 0);
    out->n_events = 0;
    out->events = WC_NEW_ARRAY(arena, struct wc_event, wc_json_count(list) + 1);
    for (const struct wc_json *at = wc_json_first(list); at != NULL; at = wc_json_next(at)) {
        struct wc_err unread;
        if (wc_event_read(at, arena, &out->events[out->n_events], &unread) == 0)
            out->n_events++;
    }
}

static int read_rows(const char *line, size_t len, struct wc_arena *arena, struct wc_ps *out,
                     struct wc_err *err)
{
    WC_CLEANUP_JSON struct wc_json *root = NULL;
    int rc = wc_json_parse(line, len, &root, err);
    if (rc != 0)
        return rc;
    int code = (int)wc_json_i64(wc_json_get(root, "code"), 0);
    if (code != 0)
        return wc_err_set(err, code, 0, "%s", wc_json_str(wc_json_get(root, "error"), "refused"));
    const struct wc_json *list = wc_json_get(root, "instances");
    out->n = 0;
    out->rows = WC_NEW_ARRAY(arena, struct wc_ps_row, wc_json_count(list) + 1);
    for (const struct wc_json *at = wc_json_first(list); at != NULL; at = wc_json_next(at))
        wc_ps_read(at, arena, &out->rows[out->n++]);
    out->supervised = true;
    read_events(root, arena, out);
    out->warning = wc_arena_strdup(arena, wc_json_str(wc_json_get(root, "warning"), NULL));
    return 0;
}

static int ask(struct wc_client *client, bool detail, struct wc_arena *arena, struct wc_ps *out,
               struct wc_err *err)
{
    static const char *const requests[] = {
        "{\"v\":1,\"id\":1,\"verb\":\"ps\"}\n",
        "{\"v\":1,\"id\":1,\"verb\":\"ps\",\"detail\":true}\n",
    };
    size_t len;
    const char *line;
    int rc = wc_client_ask(client, requests[detail], &line, &len, err);
    return line == NULL ? rc : read_rows(line, len, arena, out, err);
}

/* From the host --------------------------------------------------------------------------------*/

struct listing {
    struct wc_arena *arena;
    struct wc_ps *ps;
    size_t cap;
    struct wc_driver *driver;
    bool is_closed;
    int status;
    struct wc_err err;
};

static void on_fact(void *data, const struct wc_fact *fact)
{
    struct listing *listing = data;
    struct wc_ps *ps = listing->ps;
    if (fact->life == WC_LIFE_ABSENT)
        return;
    for (size_t i = 0; i < ps->n; i++) {
        if (wc_streq(ps->rows[i].fact.id, fact->id)) { /* news of one that was listed */
            wc_ps_copy_fact(fact, listing->arena, &ps->rows[i].fact);
            return;
        }
    }
    ps->rows = wc_arena_grow(listing->arena, ps->rows, ps->n, &listing->cap, sizeof *ps->rows);
    struct wc_ps_row *row = &ps->rows[ps->n++];
    *row = (struct wc_ps_row){ .wanted = true, .ports = "" };
    wc_ps_copy_fact(fact, listing->arena, &row->fact);
}

static void on_closed(void *data)
{
    ((struct listing *)data)->is_closed = true;
}

static void on_listed(struct wc_op *op)
{
    struct listing *listing = op->data;
    listing->status = op->status;
    listing->err = op->err;
    listing->driver->ops->close(listing->driver, on_closed, listing);
}

static int compare_rows(const void *a, const void *b)
{
    const struct wc_fact *x = &((const struct wc_ps_row *)a)->fact;
    const struct wc_fact *y = &((const struct wc_ps_row *)b)->fact;
    int order = strcmp(x->service, y->service);
    return order != 0 ? order : (x->index > y->index) - (x->index < y->index);
}

static int list_with(const struct wc_ps_options *options, const struct wc_driver_ops *ops,
                     uv_loop_t *loop, struct listing *listing, struct wc_err *err)
{
    struct wc_driver_config config = {
        .loop = loop,
        .sink = { .observe = on_fact, .data = listing },
        .project = options->project,
        .paths = options->paths,
        .extra = options->extra,
    };
    int rc = ops->open(&config, &listing->driver, err);
    if (rc != 0)
        return rc;
    struct wc_op *op = WC_NEW(listing->arena, struct wc_op);
    op->verb = WC_VERB_LIST;
    op->project = options->project;
    op->done = on_listed;
    op->data = listing;
    wc_driver_submit(listing->driver, op);
    uv_run(loop, UV_RUN_DEFAULT);
    if (listing->status != 0) {
        *err = listing->err;
        return listing->status;
    }
    return 0;
}

static void add_ports(const struct wc_ps_options *options, struct wc_arena *arena,
                      struct wc_ps *out)
{
    const struct wc_project *project;
    struct wc_err none;
    if (out->n == 0 ||
        wc_client_accepted(options->paths, options->project, arena, &project, &none) != 0)
        return;
    for (size_t i = 0; i < out->n; i++) {
        WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
        wc_ps_ports(wc_project_service(project, out->rows[i].fact.service), &text);
        out->rows[i].ports = wc_arena_strdup(arena, text.data);
    }
}

static int list(const struct wc_ps_options *options, struct wc_arena *arena, struct wc_ps *out,
                struct wc_err *err)
{
    const struct wc_driver_ops *all[] = { options->process, NULL };
    if (options->process == NULL) {
        all[0] = wc_driver_for(WC_ISOLATION_PROCESS);
        all[1] = wc_driver_for(WC_ISOLATION_HYPERV);
    }
    if (all[0] == NULL)
        return wc_err_set(err, WC_ERR_UNAVAILABLE, 0, "no driver of this host can list instances");
    uv_loop_t loop;
    if (uv_loop_init(&loop) != 0)
        return wc_err_set(err, WC_ERR_IO, errno, "make an event loop");
    struct listing listing = { .arena = arena, .ps = out };
    *out = (struct wc_ps){ 0 };
    int rc = 0;
    for (size_t i = 0; i < WC_COUNT(all) && rc == 0; i++)
        if (all[i] != NULL)
            rc = list_with(options, all[i], &loop, &listing, err);
    uv_loop_close(&loop);
    if (rc != 0)
        return wc_err_wrap(err, rc, "list %s", options->project);
    if (out->n > 1)
        qsort(out->rows, out->n, sizeof *out->rows, compare_rows);
    add_ports(options, arena, out);
    return 0;
}

/* A project without a directory of its own has no instances: no need to wake a driver. */
static bool is_known(const struct wc_ps_options *options, struct wc_arena *arena)
{
    return wc_fs_exists(wc_paths_project_lib(options->paths, arena, options->project)) ||
           wc_fs_exists(wc_paths_project_run(options->paths, arena, options->project));
}

/* The ports that were assigned, in the place of those that the file asks for. */
static void show_published(const struct wc_ps_options *options, struct wc_arena *arena,
                           struct wc_ps *out)
{
    struct wc_published *all = NULL;
    size_t n = 0;
    struct wc_err unsaid;
    for (size_t i = 0; i < out->n; i++) {
        struct wc_ps_row *row = &out->rows[i];
        WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
        if (row->ports[0] == '\0')
            continue;
        if (all == NULL &&
            (wc_client_published(options->paths, options->project, arena, &all, &n, &unsaid) != 0 ||
             n == 0))
            return;
        for (size_t k = wc_published_of(all, n, row->fact.service, row->fact.index);
             k < n && all[k].index == row->fact.index &&
             wc_streq(all[k].service, row->fact.service);
             k++)
            wc_ps_published(&all[k], &text);
        if (text.len > 0)
            row->ports = wc_arena_strdup(arena, text.data);
    }
}

static int ps(const struct wc_ps_options *options, struct wc_arena *arena, struct wc_ps *out,
              struct wc_err *err)
{
    struct wc_client *client;
    int rc = options->direct
                 ? WC_ERR_NOENT
                 : wc_client_open(options->paths, options->project, false, &client, err);
    if (rc == 0) {
        rc = ask(client, options->detail, arena, out, err);
        wc_client_close(client);
    }
    if (rc != WC_ERR_NOENT && rc != WC_ERR_UNAVAILABLE)
        return rc;
    if (options->process == NULL && !is_known(options, arena)) {
        *out = (struct wc_ps){ 0 };
        return 0;
    }
    return list(options, arena, out, err);
}

int wc_client_ps(const struct wc_ps_options *options, struct wc_arena *arena, struct wc_ps *out,
                 struct wc_err *err)
{
    int rc = ps(options, arena, out, err);
    if (rc == 0)
        show_published(options, arena, out);
    return rc;
}
