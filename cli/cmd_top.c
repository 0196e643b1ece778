/* cmd_top.c - wcompose top: the processes of each instance; of a machine those that the host has
 * for it, and how big it is. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "base/units.h"
#include "cli/machine_size.h"
#include "cli/table.h"
#include "cli/time_option.h"
#include "cli/usage_list.h"

/* "00:01:02": processor time, as ps says it. */
static const char *cpu_cell(int64_t cpu_ms, struct wc_arena *arena)
{
    long long s = (long long)cpu_ms / 1000;
    return wc_arena_printf(arena, "%02lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
}

/* "18:00" when it is less than a day old, else "11-26". */
static const char *start_cell(int64_t started_at_ms, int64_t now_ms, struct wc_arena *arena)
{
    enum { DAY_MS = 24 * 3600 * 1000 };
    char text[32];
    wc_time_rfc3339(started_at_ms, text, sizeof text);
    return now_ms - started_at_ms < DAY_MS ? wc_arena_printf(arena, "%.5s", text + 11)
                                           : wc_arena_printf(arena, "%.5s", text + 5);
}

static void add_rows(struct wc_table *table, const struct wc_fact *fact,
                     const struct wc_process *list, size_t n, struct wc_arena *arena)
{
    int64_t now_ms = wc_cli_wall_ms();
    for (size_t i = 0; i < n; i++) {
        const struct wc_process *p = &list[i];
        int64_t age_ms = now_ms - p->started_at_ms;
        WC_CLEANUP_BUF struct wc_buf command = WC_BUF_INIT;
        wc_text_add_safe(&command, p->command, strlen(p->command));
        const char *const cells[] = {
            fact->service,
            wc_arena_printf(arena, "%u", fact->index),
            wc_arena_printf(arena, "%u", p->uid),
            wc_arena_printf(arena, "%d", p->pid),
            wc_arena_printf(arena, "%d", p->ppid),
            wc_arena_printf(arena, "%lld", (long long)(age_ms > 0 ? p->cpu_ms * 100 / age_ms : 0)),
            start_cell(p->started_at_ms, now_ms, arena),
            cpu_cell(p->cpu_ms, arena),
            command.len > 0 ? command.data : "",
        };
        wc_table_row(table, cells);
    }
}

static void print_json(const struct wc_usage_target *target, const struct wc_fact *fact,
                       const struct wc_process *list, size_t n)
{
    struct wc_vm_size size;
    bool machine = wc_machine_made(&target->paths, target->project, fact, &size);
    for (size_t i = 0; i < n; i++) {
        WC_CLEANUP_BUF struct wc_buf line = WC_BUF_INIT;
        struct wc_jsonw w = WC_JSONW_INIT(&line);
        char started[32];
        wc_time_rfc3339(list[i].started_at_ms, started, sizeof started);
        wc_jsonw_object(&w, NULL);
        wc_jsonw_i64(&w, "v", 1);
        wc_jsonw_str(&w, "Service", fact->service);
        wc_jsonw_i64(&w, "Index", fact->index);
        wc_jsonw_i64(&w, "Uid", list[i].uid);
        wc_jsonw_i64(&w, "Pid", list[i].pid);
        wc_jsonw_i64(&w, "Ppid", list[i].ppid);
        wc_jsonw_str(&w, "StartedAt", started);
        wc_jsonw_i64(&w, "CpuMs", list[i].cpu_ms);
        wc_jsonw_str(&w, "Command", list[i].command);
        wc_machine_made_json(machine ? &size : NULL, &w);
        wc_jsonw_end_object(&w);
        puts(line.data);
    }
}

/* What was given to the machines among them. */
static void add_machines(const struct wc_usage_target *target, const struct wc_ps *list,
                         struct wc_buf *out)
{
    bool first = true;
    for (size_t i = 0; i < list->n; i++) {
        const struct wc_fact *fact = &list->rows[i].fact;
        struct wc_vm_size size;
        if (!wc_machine_made(&target->paths, target->project, fact, &size))
            continue;
        wc_buf_printf(out, "%s  %s #%u: ", first ? "\nmachines\n" : "", fact->service, fact->index);
        wc_machine_made_text(&size, out);
        wc_buf_adds(out, " overhead\n");
        first = false;
    }
}

int wc_cmd_top(struct wc_cli *cli)
{
    static const char *const headings[] = { "SERVICE", "#",     "UID",  "PID", "PPID",
                                            "C",       "STIME", "TIME", "CMD" };
    struct wc_usage_target target;
    struct wc_ps list;
    int status = wc_usage_target(cli, &target);
    if (status == 0)
        status = wc_usage_running(cli, &target, cli->arena, &list);
    if (status != 0)
        return status;
    struct wc_table *table = wc_table_new(cli->arena, headings, WC_COUNT(headings));
    for (size_t i = 0; i < list.n; i++) {
        struct wc_process *processes;
        struct wc_err gone;
        size_t n;
        if (wc_usage_processes("/proc", list.rows[i].fact.pid, cli->arena, &processes, &n, &gone) !=
            0)
            continue; /* it has ended meanwhile */
        if (cli->json)
            print_json(&target, &list.rows[i].fact, processes, n);
        else
            add_rows(table, &list.rows[i].fact, processes, n, cli->arena);
    }
    if (list.n == 0)
        wc_cli_note(cli, "nothing of %s runs", target.project);
    if (cli->json || list.n == 0)
        return 0;
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    wc_table_format(table, &out);
    add_machines(&target, &list, &out);
    fwrite(out.data, 1, out.len, stdout);
    return 0;
}
