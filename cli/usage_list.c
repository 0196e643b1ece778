/* usage_list.c - who runs, and what they use. */
#include "cli/usage_list.h"

#include "base/str.h"

int wc_usage_target(struct wc_cli *cli, struct wc_usage_target *out)
{
    const struct wc_project *model;
    int status = wc_cli_project(cli, cli->arena, &out->project, &model);
    if (status == 0)
        status = wc_cli_paths(cli, &out->paths);
    if (status == 0 && model != NULL)
        status = wc_cli_check_services(cli, model, cli->words, cli->n_words);
    return status;
}

static bool is_wanted(const struct wc_cli *cli, const struct wc_fact *fact)
{
    if (fact->pid <= 0 || (fact->life != WC_LIFE_RUNNING && fact->life != WC_LIFE_PAUSED))
        return false;
    for (size_t i = 0; i < cli->n_words; i++)
        if (wc_streq0(fact->service, cli->words[i]))
            return true;
    return cli->n_words == 0;
}

int wc_usage_running(struct wc_cli *cli, const struct wc_usage_target *target,
                     struct wc_arena *arena, struct wc_ps *out)
{
    struct wc_err err = { 0 };
    struct wc_ps_options options = { .paths = &target->paths, .project = target->project };
    if (wc_client_ps(&options, arena, out, &err) != 0)
        return wc_cli_fail(cli, &err);
    size_t n = 0;
    for (size_t i = 0; i < out->n; i++)
        if (is_wanted(cli, &out->rows[i].fact))
            out->rows[n++] = out->rows[i];
    out->n = n;
    return 0;
}

/* A guest that answers does so within a millisecond or two; one that is busy has so long. */
enum { PATIENCE_MS = 1000 };

/* A machine's network namespace is its emulator's, which has none. */
static void see_machine(const struct wc_usage_target *target, const struct wc_fact *fact,
                        struct wc_usage_seen *out)
{
    struct wc_err unread;
    struct wc_usage *usage = &out->usage;
    usage->net_rx_bytes = usage->net_tx_bytes = WC_UNSET;
    (void)wc_vm_links_count(&target->paths, target->project, fact->id, &usage->net_rx_bytes,
                            &usage->net_tx_bytes, &unread);
    out->has_guest = fact->life == WC_LIFE_RUNNING &&
                     wc_vm_figures_ask(&target->paths, target->project, fact->id, PATIENCE_MS,
                                       &out->guest, &unread) == 0;
}

bool wc_usage_see(const struct wc_usage_target *target, const struct wc_fact *fact,
                  struct wc_usage_seen *out)
{
    struct wc_err gone;
    *out = (struct wc_usage_seen){ .has_guest = false };
    if (wc_usage_read("/proc", fact->pid, &out->usage, &gone) != 0)
        return false;
    if (fact->level == WC_ISOLATION_HYPERV)
        see_machine(target, fact, out);
    return true;
}

double wc_usage_cpu_pct(const struct wc_usage *before, const struct wc_usage *now,
                        int64_t elapsed_ns)
{
    if (before->cpu_ns < 0 || now->cpu_ns < before->cpu_ns || elapsed_ns <= 0)
        return -1;
    return (double)(now->cpu_ns - before->cpu_ns) * 100 / (double)elapsed_ns;
}
