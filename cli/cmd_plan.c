/* cmd_plan.c - wcompose plan: what up would do, in which order, how isolated, and why.
 *
 * Idea:    the order and the isolation come from the planner, the actions from a dry run of the
 *          engine over what is really there; this file only lays them out.
 */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/paths.h"
#include "base/str.h"
#include "cli/image_lock.h"
#include "cli/image_store.h"
#include "cli/args.h"
#include "cli/diag_render.h"
#include "cli/machine_size.h"
#include "cli/plan_detail.h"
#include "cli/plan_hosts.h"
#include "cli/plan_images.h"
#include "cli/proof_text.h"
#include "cli/scene.h"
#include "cli/style.h"
#include "cli/table.h"
#include "wcompose/driver.h"
#include "wcompose/image.h"
#include "wcompose/plan.h"
#include "wcompose/preview.h"

/* Everything that is laid out. */
struct report {
    struct wc_cli *cli;
    const struct wc_project *project;
    struct wc_plan plan;
    struct wc_preview preview;
    struct wc_plan_detail detail;
    struct wc_plan_images images;
    struct wc_cli_pins pins; /* with has_pins */
    bool has_pins;
};

static const struct wc_plan_service *planned(const struct report *report, const char *service)
{
    for (size_t i = 0; i < report->plan.n_services; i++) {
        if (wc_streq(report->plan.services[i].service->name, service))
            return &report->plan.services[i];
    }
    return NULL;
}

static const char *sign_of(enum wc_preview_action action)
{
    switch (action) {
    case WC_PREVIEW_CREATE:
        return "+";
    case WC_PREVIEW_RUN:
    case WC_PREVIEW_START:
        return ">";
    case WC_PREVIEW_REPLACE:
    case WC_PREVIEW_RESTART:
    case WC_PREVIEW_UPDATE:
        return "~";
    case WC_PREVIEW_REMOVE:
    case WC_PREVIEW_STOP:
        return "-";
    case WC_PREVIEW_UNCHANGED:
        return "=";
    }
    return "?";
}

/* "+ create", "+ create 3", "~ replace 1, create 2": one word per action that occurs. */
static const char *action_cell(const struct report *report, const struct wc_preview_service *row)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    unsigned total = 0;
    for (int i = 0; i < WC_PREVIEW_ACTIONS; i++)
        total += row->counts[i];
    wc_buf_printf(&text, "%s ", sign_of(row->action));
    bool first = true;
    for (int i = 0; i < WC_PREVIEW_ACTIONS; i++) {
        if (row->counts[i] == 0 && !(total == 0 && i == (int)row->action))
            continue;
        wc_buf_printf(&text, "%s%s", first ? "" : ", ",
                      wc_preview_action_name((enum wc_preview_action)i));
        if (total > 1)
            wc_buf_printf(&text, " %u", row->counts[i]);
        first = false;
    }
    return wc_arena_strdup(report->cli->arena, text.data);
}

static const char *place_cell(const struct report *report, const struct wc_loc *at)
{
    if (at->file == NULL || at->line == 0)
        return "";
    return wc_arena_printf(report->cli->arena, "  %s:%u:%u",
                           wc_path_shown(at->file, report->cli->cwd), at->line, at->col);
}

static void add_row(const struct report *report, const struct wc_preview_service *row,
                    struct wc_table *table)
{
    const struct wc_style *style = &report->cli->out;
    struct wc_arena *arena = report->cli->arena;
    const struct wc_plan_service *service = planned(report, row->service);
    const char *action = action_cell(report, row);
    const char *after = row->after != NULL ? row->after : "";
    const char *why = row->action == WC_PREVIEW_UNCHANGED || row->action == WC_PREVIEW_CREATE ||
                              row->action == WC_PREVIEW_RUN
                          ? ""
                          : row->reason;
    if (*why != '\0')
        action = wc_arena_printf(arena, "%s (%s)", action, why);
    if (service == NULL) {
        const char *const cells[] = { "-", row->service, "", "no longer in the file", action, "" };
        wc_table_row(table, cells);
        return;
    }
    bool hyperv = service->isolation.level == WC_ISOLATION_HYPERV;
    const char *const cells[] = {
        wc_arena_printf(arena, "%u", service->wave),
        row->service,
        wc_arena_printf(arena, "%s %s",
                        wc_style_mark(style, hyperv ? WC_MARK_HYPERV : WC_MARK_PROCESS),
                        wc_isolation_name(service->isolation.level)),
        wc_arena_printf(arena, "%s%s", service->isolation.why,
                        place_cell(report, &service->isolation.at)),
        action,
        after,
    };
    wc_table_row(table, cells);
}

static void add_counts(const struct report *report, struct wc_buf *out)
{
    bool first = true;
    for (int i = 0; i < WC_PREVIEW_ACTIONS; i++) {
        if (report->preview.counts[i] == 0)
            continue;
        wc_buf_printf(out, "%s%u %s", first ? "" : ", ", report->preview.counts[i],
                      wc_preview_action_name((enum wc_preview_action)i));
        first = false;
    }
    if (first)
        wc_buf_adds(out, "no services");
    if (report->preview.n_networks > 0)
        wc_buf_printf(out, ", %u %s", report->preview.n_networks,
                      report->preview.n_networks == 1 ? "network" : "networks");
}

/* Something is pending: also what takes effect without touching an instance. */
static bool has_changes(const struct report *report)
{
    bool pulls = false;
    for (size_t i = 0; i < report->images.n; i++)
        pulls = pulls || report->images.items[i].action == WC_PLAN_PULL;
    return pulls || report->preview.n_ops > 0 || report->detail.n > 0;
}

static void format_text(const struct report *report, struct wc_buf *out)
{
    static const char *const headings[] = { "wave",    "service", "isolation",
                                            "because", "action",  "after" };
    const struct wc_style *style = &report->cli->out;
    const char *dot = wc_style_mark(style, WC_MARK_DOT);
    wc_buf_printf(out, "%s%s%s", wc_style_colour(style, WC_COLOUR_STRONG), report->project->name,
                  wc_style_colour(style, WC_COLOUR_RESET));
    for (size_t i = 0; i < report->project->profiles.n; i++)
        wc_buf_printf(out, " %s profile %s", dot, report->project->profiles.items[i]);
    for (size_t i = 0; i < report->project->files.n; i++)
        wc_buf_printf(out, " %s %s", dot,
                      wc_path_shown(report->project->files.items[i], report->cli->cwd));
    wc_buf_printf(out, " %s ", dot);
    add_counts(report, out);
    wc_buf_adds(out, "\n\n");
    struct wc_table *table = wc_table_new(report->cli->arena, headings, WC_COUNT(headings));
    for (size_t i = 0; i < report->preview.n_services; i++)
        add_row(report, &report->preview.services[i], table);
    wc_table_format(table, out);
    wc_machine_sizes_text(&report->plan, out);
    wc_plan_images_text(&report->images, out);
    wc_plan_detail_text(&report->detail, style, report->cli->cwd, out);
    if (report->has_pins)
        wc_cli_pins_text(report->cli, &report->pins, out);
    if (report->preview.n_ops == 0)
        wc_buf_adds(out, has_changes(report) ? "\nno instance is touched\n" : "\nnothing to do\n");
}

static void json_counts(struct wc_jsonw *w, const unsigned counts[WC_PREVIEW_ACTIONS])
{
    wc_jsonw_object(w, "counts");
    for (int i = 0; i < WC_PREVIEW_ACTIONS; i++) {
        if (counts[i] > 0)
            wc_jsonw_i64(w, wc_preview_action_name((enum wc_preview_action)i), counts[i]);
    }
    wc_jsonw_end_object(w);
}

static void json_isolation(struct wc_jsonw *w, const struct wc_plan *plan,
                           const struct wc_plan_service *service)
{
    wc_jsonw_i64(w, "wave", service->wave);
    wc_jsonw_str(w, "isolation", wc_isolation_name(service->isolation.level));
    wc_because_json(&service->isolation, w);
    wc_machine_size_json(plan, service, w);
    wc_jsonw_i64(w, "replicas", service->service->replicas);
}

static void format_json(const struct report *report, struct wc_buf *out)
{
    struct wc_jsonw w = WC_JSONW_INIT(out);
    w.indent = 2;
    wc_jsonw_object(&w, NULL);
    wc_jsonw_i64(&w, "v", 1);
    wc_jsonw_str(&w, "project", report->project->name);
    wc_jsonw_bool(&w, "changes", has_changes(report));
    json_counts(&w, report->preview.counts);
    wc_jsonw_i64(&w, "networks", report->preview.n_networks);
    wc_jsonw_i64(&w, "waves", report->plan.n_waves);
    wc_jsonw_array(&w, "services");
    for (size_t i = 0; i < report->preview.n_services; i++) {
        const struct wc_preview_service *row = &report->preview.services[i];
        const struct wc_plan_service *service = planned(report, row->service);
        wc_jsonw_object(&w, NULL);
        wc_jsonw_str(&w, "service", row->service);
        if (service != NULL)
            json_isolation(&w, &report->plan, service);
        wc_jsonw_str(&w, "action", wc_preview_action_name(row->action));
        wc_jsonw_str(&w, "reason", row->reason);
        json_counts(&w, row->counts);
        if (row->after != NULL)
            wc_jsonw_str(&w, "after", row->after);
        wc_jsonw_end_object(&w);
    }
    wc_jsonw_end_array(&w);
    wc_plan_images_json(&report->images, &w);
    wc_plan_detail_json(&report->detail, &w);
    if (report->has_pins)
        wc_cli_pins_json(&report->pins, &w);
    wc_jsonw_end_object(&w);
    wc_buf_addc(out, '\n');
}

/* The model in force and what is remembered; without either, a plan is a plan all the same. */
static int detail(struct report *report)
{
    struct wc_cli *cli = report->cli;
    struct wc_scene scene = { .project = report->project->name, .file = report->project };
    int status = wc_cli_paths(cli, &scene.paths);
    if (status == 0)
        status = wc_scene_look(cli, &scene);
    if (status != 0)
        return status;
    const struct wc_plan_detail_in in = {
        .before = scene.accepted,
        .after = report->project,
        .preview = &report->preview,
        .ps = &scene.ps,
        .whole = cli->n_words == 0,
    };
    wc_plan_detail_make(&in, cli->arena, &report->detail);
    return 0;
}

/* Asks the engine. 0 or an exit status. */
static int ask_engine(struct report *report, const struct wc_paths *paths,
                      struct wc_image_store *store)
{
    struct wc_cli *cli = report->cli;
    struct wc_err err = { 0 };
    struct wc_preview_config config = {
        .project = report->project,
        .paths = paths,
        .images = store,
        .assumed = &report->images.assumed,
        .process = wc_driver_for(WC_ISOLATION_PROCESS),
        .hyperv = wc_driver_for(WC_ISOLATION_HYPERV),
        .force_recreate = wc_cli_flag(cli, "force-recreate"),
        .no_recreate = wc_cli_flag(cli, "no-recreate"),
        .remove_orphans = wc_cli_flag(cli, "remove-orphans"),
    };
    int code = wc_preview(&config, cli->arena, &report->preview, &err);
    return code == 0 ? 0 : wc_cli_fail(cli, &err);
}

/* Images first, as up has them first. */
static int preview(struct report *report)
{
    struct wc_cli *cli = report->cli;
    struct wc_paths paths;
    struct wc_image_store *store;
    const struct wc_plan_images_in in = {
        .project = report->project,
        .how = { .policy = wc_cli_text(cli, "pull"),
                 .pins = wc_cli_flag(cli, "locked") ? &report->pins : NULL },
        .build = wc_cli_flag(cli, "build"),
        .ask = wc_cli_flag(cli, "remote"),
    };
    int status = wc_cli_images(cli, &paths, &store);
    if (status != 0)
        return status;
    status = wc_plan_images_make(cli, store, &in, &report->images);
    if (status == 0)
        status = ask_engine(report, &paths, store);
    wc_image_store_close(store);
    return status;
}

/* What wcompose.lock says; with --locked it counts. */
static int look_at_lock(struct report *report)
{
    struct wc_cli *cli = report->cli;
    bool counts = wc_cli_flag(cli, "locked");
    report->has_pins = counts || wc_cli_flag(cli, "digests");
    int status = report->has_pins ? wc_cli_pins(cli, report->project, &report->pins) : 0;
    if (status == 0 && counts)
        status = wc_cli_pin_services(cli, (struct wc_project *)(uintptr_t)report->project,
                                     &report->pins);
    return status;
}

int wc_cmd_plan(struct wc_cli *cli)
{
    struct report report = { .cli = cli };
    struct wc_cli_load what = { .services = cli->words,
                                .n_services = cli->n_words,
                                .no_deps = wc_cli_flag(cli, "no-deps") };
    size_t n_hosts;
    (void)wc_cli_list(cli, "host", &n_hosts);
    if (wc_cli_flag(cli, "force-recreate") && wc_cli_flag(cli, "no-recreate"))
        return wc_cli_usage(cli, "--force-recreate and --no-recreate exclude each other");
    if (n_hosts > 0)
        return wc_cli_plan_hosts(cli);
    int status = wc_cli_load(cli, &what, cli->arena, &report.project);
    if (status == 0)
        status = look_at_lock(&report);
    if (status == 0)
        status = wc_cli_plan(cli, report.project, cli->arena, &report.plan);
    if (status == 0)
        status = preview(&report);
    if (status == 0)
        status = detail(&report);
    if (status != 0)
        return status;
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    if (cli->json)
        format_json(&report, &out);
    else
        format_text(&report, &out);
    fwrite(out.data, 1, out.len, stdout);
    return has_changes(&report) && wc_cli_flag(cli, "detailed-exitcode") ? WC_EXIT_CHANGES
                                                                         : WC_EXIT_OK;
}
