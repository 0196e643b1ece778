/* cmd_ps.c - wcompose ps: what runs, how isolated, how well. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/paths.h"
#include "base/str.h"
#include "base/units.h"
#include "cli/cli.h"
#include "cli/machine_size.h"
#include "cli/table.h"
#include "wcompose/client.h"

struct ps_view {
    struct wc_cli *cli;
    struct wc_paths paths;
    const char *project;
    struct wc_ps list;
    int64_t now_ms;
    const char *const *states; /* --status; n_states */
    size_t n_states;
};

static bool is_named(const struct wc_cli *cli, const char *service)
{
    for (size_t i = 0; i < cli->n_words; i++)
        if (wc_streq(cli->words[i], service))
            return true;
    return cli->n_words == 0;
}

static bool is_up(const struct wc_ps_row *row)
{
    return row->fact.life == WC_LIFE_RUNNING || row->fact.life == WC_LIFE_PAUSED;
}

static bool is_waiting_to_restart(const struct wc_ps_row *row)
{
    return row->fact.life == WC_LIFE_EXITED && row->waiting != NULL && !row->suspended;
}

static bool has_failed(const struct wc_ps_row *row)
{
    return row->fact.error != NULL || row->fact.life == WC_LIFE_BROKEN ||
           (row->fact.life == WC_LIFE_EXITED && row->fact.exit_code != 0 &&
            !row->fact.stopped_by_user);
}

/* docker compose's word for the state, for --status and JSON. */
static const char *state_word(const struct wc_ps_row *row)
{
    return is_waiting_to_restart(row) ? "restarting" : wc_life_name(row->fact.life);
}

static bool is_shown(const struct ps_view *view, const struct wc_ps_row *row)
{
    if (!is_named(view->cli, row->fact.service))
        return false;
    for (size_t i = 0; i < view->n_states; i++)
        if (wc_streq(view->states[i], state_word(row)))
            return true;
    if (view->n_states > 0)
        return false;
    return wc_cli_flag(view->cli, "all") || is_up(row) || is_waiting_to_restart(row);
}

static const char *state_cell(const struct ps_view *view, const struct wc_ps_row *row)
{
    struct wc_arena *arena = view->cli->arena;
    const struct wc_fact *fact = &row->fact;
    if (is_waiting_to_restart(row) && !fact->exit_known)
        return "restarting (?)";
    if (is_waiting_to_restart(row))
        return wc_arena_printf(arena, "restarting (%d)", fact->exit_code);
    if (fact->life == WC_LIFE_CREATED && row->waiting != NULL)
        return "waiting";
    if (fact->life != WC_LIFE_EXITED)
        return wc_life_name(fact->life);
    if (!fact->exit_known)
        return "exited (?)";
    const char *word = fact->stopped_by_user ? "stopped" : fact->exit_code == 0 ? "done" : "failed";
    return wc_arena_printf(arena, "%s (%d)%s", word, fact->exit_code,
                           fact->oom_killed ? " out of memory" : "");
}

static const char *health_cell(const struct wc_ps_row *row)
{
    if (!is_up(row) || row->health == WC_HEALTH_NONE)
        return "-";
    return row->health == WC_HEALTH_HEALTHY ? "ok" : wc_health_name(row->health);
}

/* "3m12s", "2h05m", "4d03h": two units are enough. */
static const char *up_cell(const struct ps_view *view, const struct wc_ps_row *row)
{
    struct wc_arena *arena = view->cli->arena;
    if (!is_up(row) || row->fact.started_at_ms == 0 || row->fact.started_at_ms > view->now_ms)
        return is_up(row) ? "0s" : "-";
    long long s = (view->now_ms - row->fact.started_at_ms) / 1000;
    if (s < 60)
        return wc_arena_printf(arena, "%llds", s);
    if (s < 3600)
        return wc_arena_printf(arena, "%lldm%02llds", s / 60, s % 60);
    if (s < 86400)
        return wc_arena_printf(arena, "%lldh%02lldm", s / 3600, s % 3600 / 60);
    return wc_arena_printf(arena, "%lldd%02lldh", s / 86400, s % 86400 / 3600);
}

/* NULL: it has no machine. */
static const char *machine_cell(const struct ps_view *view, const struct wc_ps_row *row)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    struct wc_vm_size size;
    if (!wc_machine_made(&view->paths, view->project, &row->fact, &size))
        return NULL;
    wc_machine_made_text(&size, &text);
    return wc_arena_strdup(view->cli->arena, text.data);
}

/* Without machines there is no column for them. */
enum { COLUMNS = 9, MACHINE = 3 };

static void leave_machine_out(const char *cells[COLUMNS])
{
    memmove(&cells[MACHINE], &cells[MACHINE + 1], (COLUMNS - MACHINE - 1) * sizeof cells[0]);
}

static bool has_machines(const struct ps_view *view)
{
    for (size_t i = 0; i < view->list.n; i++)
        if (is_shown(view, &view->list.rows[i]) && machine_cell(view, &view->list.rows[i]) != NULL)
            return true;
    return false;
}

static void print_table(const struct ps_view *view)
{
    const char *headings[COLUMNS] = { "SERVICE", "#",  "ISOLATION", "MACHINE", "STATE",
                                      "HEALTH",  "UP", "RESTARTS",  "PORTS" };
    struct wc_arena *arena = view->cli->arena;
    bool machines = has_machines(view);
    if (!machines)
        leave_machine_out(headings);
    struct wc_table *table = wc_table_new(arena, headings, machines ? COLUMNS : COLUMNS - 1);
    for (size_t i = 0; i < view->list.n; i++) {
        const struct wc_ps_row *row = &view->list.rows[i];
        const char *ports = is_up(row) && row->ports[0] != '\0' ? row->ports : "-";
        if (!is_shown(view, row))
            continue;
        const char *cells[COLUMNS] = {
            row->fact.service,
            wc_arena_printf(arena, "%u", row->fact.index),
            wc_isolation_name(row->fact.level),
            machines ? machine_cell(view, row) : NULL,
            state_cell(view, row),
            health_cell(row),
            up_cell(view, row),
            view->list.supervised ? wc_arena_printf(arena, "%u", row->restarts) : "-",
            ports,
        };
        if (!machines)
            leave_machine_out(cells);
        wc_table_row(table, cells);
    }
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    wc_table_format(table, &out);
    fwrite(out.data, 1, out.len, stdout);
}

static void json_row(const struct ps_view *view, const struct wc_ps_row *row, struct wc_jsonw *w)
{
    char time[32] = "";
    const struct wc_fact *fact = &row->fact;
    struct wc_vm_size size;
    bool machine = wc_machine_made(&view->paths, view->project, fact, &size);
    wc_jsonw_object(w, NULL);
    wc_jsonw_i64(w, "v", 1);
    wc_jsonw_str(w, "ID", fact->id);
    wc_jsonw_str(w, "Name", fact->name);
    wc_jsonw_str(w, "Project", view->project);
    wc_jsonw_str(w, "Service", fact->service);
    wc_jsonw_i64(w, "Index", fact->index);
    wc_jsonw_str(w, "Isolation", wc_isolation_name(fact->level));
    wc_jsonw_str(w, "State", state_word(row));
    wc_jsonw_str(w, "Status", state_cell(view, row));
    wc_jsonw_str(w, "Health", row->health == WC_HEALTH_NONE ? "" : wc_health_name(row->health));
    if (row->health_output != NULL && row->health_output[0] != '\0')
        wc_jsonw_str(w, "HealthOutput", row->health_output);
    wc_jsonw_i64(w, "ExitCode", fact->exit_code);
    wc_jsonw_i64(w, "Pid", fact->pid);
    wc_jsonw_i64(w, "Restarts", row->restarts);
    wc_jsonw_str(w, "Image", fact->image);
    wc_jsonw_str(w, "Labels", fact->labels != NULL ? fact->labels : "");
    wc_jsonw_str(w, "Ports", row->ports);
    if (fact->created_at_ms > 0)
        wc_time_rfc3339(fact->created_at_ms, time, sizeof time);
    wc_jsonw_str(w, "CreatedAt", time);
    if (fact->started_at_ms > 0)
        wc_time_rfc3339(fact->started_at_ms, time, sizeof time);
    wc_jsonw_str(w, "StartedAt", fact->started_at_ms > 0 ? time : "");
    wc_jsonw_str(w, "Waiting", row->waiting);
    wc_jsonw_str(w, "Error", fact->error);
    wc_jsonw_bool(w, "Stale", row->stale);
    wc_jsonw_bool(w, "Suspended", row->suspended);
    wc_machine_made_json(machine ? &size : NULL, w);
    wc_jsonw_end_object(w);
}

static void print_json(const struct ps_view *view)
{
    for (size_t i = 0; i < view->list.n; i++) {
        WC_CLEANUP_BUF struct wc_buf line = WC_BUF_INIT;
        struct wc_jsonw w = WC_JSONW_INIT(&line);
        if (!is_shown(view, &view->list.rows[i]))
            continue;
        json_row(view, &view->list.rows[i], &w);
        puts(line.data);
    }
}

static void print_names(const struct ps_view *view)
{
    bool want_services = wc_cli_flag(view->cli, "services");
    const char *last = "";
    for (size_t i = 0; i < view->list.n; i++) {
        const struct wc_ps_row *row = &view->list.rows[i];
        if (!is_shown(view, row) || (want_services && wc_streq(row->fact.service, last)))
            continue;
        puts(want_services ? row->fact.service : row->fact.name);
        last = row->fact.service;
    }
}

/* What the table leaves out, but a person should know. */
static void print_hints(const struct ps_view *view)
{
    size_t n_failed = 0, n_stale = 0, n_suspended = 0;
    bool runs = false;
    for (size_t i = 0; i < view->list.n; i++) {
        const struct wc_ps_row *row = &view->list.rows[i];
        n_failed +=
            has_failed(row) && !is_shown(view, row) && is_named(view->cli, row->fact.service);
        n_stale += row->stale;
        n_suspended += row->suspended;
        runs = runs || is_up(row);
    }
    if (n_failed > 0)
        wc_cli_note(view->cli, "%zu failed: wcompose ps -a shows %s", n_failed,
                    n_failed == 1 ? "it" : "them");
    if (n_stale > 0)
        wc_cli_note(view->cli, "%zu changed in the file since: wcompose up replaces %s", n_stale,
                    n_stale == 1 ? "it" : "them");
    if (n_suspended > 0)
        wc_cli_note(view->cli, "%zu suspended: nothing is done with %s until wcompose resume",
                    n_suspended, n_suspended == 1 ? "it" : "them");
    if (runs && !view->list.supervised)
        wc_cli_warn(view->cli, "no supervisor is running, so nothing is restarted or checked; "
                               "wcompose start brings it back");
}

static int check_states(struct ps_view *view)
{
    static const char *const known[] = { "running",    "exited", "created", "paused",
                                         "restarting", "broken", "dead",    "removing" };
    view->states = wc_cli_list(view->cli, "status", &view->n_states);
    for (size_t i = 0; i < view->n_states; i++) {
        size_t k = 0;
        while (k < WC_COUNT(known) && !wc_streq(known[k], view->states[i]))
            k++;
        if (k == WC_COUNT(known))
            return wc_cli_usage(view->cli,
                                "--status: '%s' is none of running, exited, created, "
                                "paused, restarting, broken",
                                view->states[i]);
    }
    return 0;
}

static int list(struct ps_view *view, const struct wc_project *project)
{
    struct wc_err err = { 0 };
    struct timespec now;
    int status = check_states(view);
    if (status == 0)
        status = wc_cli_paths(view->cli, &view->paths);
    if (status == 0 && project != NULL)
        status = wc_cli_check_services(view->cli, project, view->cli->words, view->cli->n_words);
    if (status != 0)
        return status;
    struct wc_ps_options options = { .paths = &view->paths, .project = view->project };
    if (wc_client_ps(&options, view->cli->arena, &view->list, &err) != 0)
        return wc_cli_fail(view->cli, &err);
    clock_gettime(CLOCK_REALTIME, &now);
    view->now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    return 0;
}

int wc_cmd_ps(struct wc_cli *cli)
{
    struct ps_view view = { .cli = cli };
    const struct wc_project *project;
    int status = wc_cli_project(cli, cli->arena, &view.project, &project);
    if (status == 0)
        status = list(&view, project);
    if (status != 0)
        return status;
    if (view.list.warning != NULL)
        wc_cli_warn(cli, "the supervisor's state is kept in memory only: %s", view.list.warning);
    if (wc_cli_flag(cli, "quiet") || wc_cli_flag(cli, "services")) {
        print_names(&view);
        return 0;
    }
    if (cli->json)
        print_json(&view);
    else
        print_table(&view);
    print_hints(&view);
    return 0;
}
