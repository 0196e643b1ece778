/* cmd_reconcile.c - wcompose reconcile: the agent in the foreground, one pass, or a question. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "cli/args.h"
#include "cli/reconcile.h"

int wc_reconcile_open(struct wc_cli *cli, struct wc_cli_reconcile *out)
{
    struct wc_diags diags;
    struct wc_err err = { 0 };
    const char *given = wc_cli_text(cli, "agent-file");
    *out = (struct wc_cli_reconcile){ .cli = cli, .interrupt_fd = -1 };
    int status = wc_cli_paths(cli, &out->paths);
    if (status != 0)
        return status;
    if (given == NULL)
        out->file = wc_arena_printf(cli->arena, "%s/agent.yaml", out->paths.etc);
    else
        out->file = given[0] == '/' ? given : wc_arena_printf(cli->arena, "%s/%s", cli->cwd, given);
    wc_diags_init(&diags, cli->arena);
    int rc = wc_agent_file_read(out->file, NULL, cli->arena, &diags, &out->agent);
    wc_diags_sort(&diags);
    cli->sources = diags.sources;
    if (diags.n > 0)
        wc_cli_diags(cli, &diags);
    if (rc == WC_ERR_NOENT) {
        (void)wc_err_set(&err, rc, 0,
                         "there is no agent file %s: docs/gitops.md says how to write "
                         "one",
                         out->file);
        return wc_cli_fail(cli, &err);
    }
    return rc == 0 ? 0 : wc_err_exit_status(rc);
}

static const struct wc_agent_app *find_app(struct wc_cli_reconcile *r, const char *name)
{
    const struct wc_agent_app *app = wc_agent_app(&r->agent, name);
    if (app != NULL)
        return app;
    const char **names = WC_NEW_ARRAY(r->cli->arena, const char *, r->agent.n_apps + 1);
    for (size_t i = 0; i < r->agent.n_apps; i++)
        names[i] = r->agent.apps[i].name;
    const char *near = wc_str_suggest(name, names, r->agent.n_apps);
    (void)wc_cli_usage_hint(r->cli,
                            near != NULL
                                ? wc_arena_printf(r->cli->arena, "did you mean '%s'?", near)
                                : "wcompose reconcile status lists them",
                            "no app '%s' in %s", name, r->file);
    return NULL;
}

const struct wc_agent_app *const *wc_reconcile_apps(struct wc_cli_reconcile *r, size_t from,
                                                    size_t *n)
{
    struct wc_cli *cli = r->cli;
    size_t named = cli->n_words > from ? cli->n_words - from : 0;
    const struct wc_agent_app **apps =
        WC_NEW_ARRAY(cli->arena, const struct wc_agent_app *, named + r->agent.n_apps + 1);
    for (size_t i = 0; i < named; i++)
        if ((apps[i] = find_app(r, cli->words[from + i])) == NULL)
            return NULL;
    for (size_t i = 0; named == 0 && i < r->agent.n_apps; i++)
        apps[i] = &r->agent.apps[i];
    *n = named > 0 ? named : r->agent.n_apps;
    return apps;
}

/* One pass --------------------------------------------------------------------------------------*/

/* How far an app is from those that wait for nobody; the file has no circles. */
static unsigned depth(const struct wc_agent *agent, const struct wc_agent_app *app)
{
    unsigned most = 0;
    for (size_t i = 0; i < app->depends_on.n; i++) {
        unsigned d = 1 + depth(agent, wc_agent_app(agent, app->depends_on.items[i]));
        most = d > most ? d : most;
    }
    return most;
}

int wc_reconcile_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* By the agent, that the source has news. A signal that is ignored by who doesn't know it yet: one
 * that comes too early is no harm, as the source is looked at afterwards. */
static int watch_news(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGURG);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int status_of(const struct wc_gitops_ran *ran, bool only_check)
{
    if (only_check && (ran->pending || ran->drifted))
        return WC_EXIT_DRIFT;
    if (ran->failed)
        return WC_EXIT_DRIVER;
    return ran->rejected ? WC_EXIT_STATE : WC_EXIT_OK;
}

static int run_one(struct wc_cli_reconcile *r, const struct wc_agent_app *app, int signal_fd,
                   int news_fd)
{
    struct wc_gitops_ops ops = wc_reconcile_ops(r);
    struct wc_gitops_ran ran = { 0 };
    struct wc_err err = { 0 };
    const struct wc_gitops_run run = {
        .paths = &r->paths,
        .app = app,
        .file = r->file,
        .environ = r->cli->environ,
        .is_forced = !wc_cli_flag(r->cli, "if-due"),
        .only_check = wc_cli_flag(r->cli, "check"),
        .allow_rewind = wc_cli_flag(r->cli, "allow-rewind"),
        .interrupt_fd = signal_fd,
        .wake_fd = news_fd,
        .ops = &ops,
    };
    r->app = app->name;
    r->interrupt_fd = signal_fd;
    int rc = wc_gitops_run(&run, &ran, &err);
    if (rc != 0) {
        int status = wc_cli_fail(r->cli, &err);
        return rc == WC_ERR_CONFLICT ? WC_EXIT_BUSY : status;
    }
    if (ran.suspended)
        wc_cli_note(r->cli, "%s: suspended", app->name);
    else if (run.only_check && ran.pending)
        wc_cli_note(r->cli, "%s: a pass would change something", app->name);
    return status_of(&ran, run.only_check);
}

/* What is said of apps that are gone begins with their names. */
static void say_gone(void *data, const char *line)
{
    struct wc_cli_reconcile *r = data;
    wc_cli_note(r->cli, "%s", line);
}

static int prune_with(struct wc_cli_reconcile *r, int signal_fd)
{
    struct wc_gitops_pruned pruned;
    struct wc_err err = { 0 };
    const struct wc_gitops_prune ask = {
        .paths = &r->paths,
        .agent = &r->agent,
        .file = r->file,
        .only_check = wc_cli_flag(r->cli, "check"),
        .interrupt_fd = signal_fd,
        .say = say_gone,
        .data = r,
    };
    if (wc_gitops_prune(&ask, &pruned, &err) != 0)
        return wc_cli_fail(r->cli, &err);
    if (ask.only_check && pruned.n_ended > 0) {
        wc_cli_note(r->cli, "%zu apps that are no longer in the file would be taken down",
                    pruned.n_ended);
        return WC_EXIT_DRIFT;
    }
    return pruned.n_failed > 0 ? WC_EXIT_DRIVER : WC_EXIT_OK;
}

static int prune(struct wc_cli_reconcile *r)
{
    if (r->cli->n_words > 1)
        return wc_cli_usage(r->cli, "prune is of apps that the file doesn't name");
    if (!r->agent.prune_apps) {
        wc_cli_note(r->cli, "%s doesn't say prune_apps: true", r->file);
        return 0;
    }
    WC_CLEANUP_FD int signal_fd = wc_reconcile_signals();
    return prune_with(r, signal_fd);
}

/* The first bad end counts. */
static int run_once(struct wc_cli_reconcile *r)
{
    size_t n;
    unsigned deepest = 0;
    int result = 0;
    if (wc_cli_flag(r->cli, "allow-rewind") && r->cli->n_words == 0)
        return wc_cli_usage(r->cli, "--allow-rewind needs the app that it is for");
    const struct wc_agent_app *const *apps = wc_reconcile_apps(r, 0, &n);
    WC_CLEANUP_FD int signal_fd = wc_reconcile_signals();
    WC_CLEANUP_FD int news_fd = watch_news();
    if (apps == NULL)
        return WC_EXIT_NOENT;
    for (size_t i = 0; i < n; i++)
        deepest = depth(&r->agent, apps[i]) > deepest ? depth(&r->agent, apps[i]) : deepest;
    for (unsigned level = 0; level <= deepest; level++)
        for (size_t i = 0; i < n; i++)
            if (depth(&r->agent, apps[i]) == level) {
                int status = run_one(r, apps[i], signal_fd, news_fd);
                result = result == 0 ? status : result;
            }
    int pruned = r->cli->n_words == 0 ? prune_with(r, signal_fd) : 0;
    return result == 0 ? pruned : result;
}

/* Words ----------------------------------------------------------------------------------------*/

static int set_suspended(struct wc_cli_reconcile *r, bool suspended)
{
    size_t n;
    struct wc_err err = { 0 };
    const struct wc_agent_app *const *apps = wc_reconcile_apps(r, 1, &n);
    if (apps == NULL)
        return WC_EXIT_NOENT;
    if (r->cli->n_words < 2)
        return wc_cli_usage(r->cli, "which app is meant isn't said");
    for (size_t i = 0; i < n; i++) {
        if (wc_gitops_set_suspended(&r->paths, apps[i]->name, suspended, &err) != 0)
            return wc_cli_fail(r->cli, &err);
        wc_cli_note(r->cli, "%s is %s", apps[i]->name,
                    suspended ? "suspended: it runs on and is left as it is, until 'resume'"
                              : "followed again");
        (void)wc_gitops_now(&r->paths, apps[i]->name, &err); /* an agent that runs shows it too */
    }
    return 0;
}

static int suspend(struct wc_cli_reconcile *r)
{
    return set_suspended(r, true);
}

static int resume(struct wc_cli_reconcile *r)
{
    return set_suspended(r, false);
}

static int now(struct wc_cli_reconcile *r)
{
    size_t n;
    struct wc_err err = { 0 };
    const struct wc_agent_app *const *apps = wc_reconcile_apps(r, 1, &n);
    if (apps == NULL)
        return WC_EXIT_NOENT;
    for (size_t i = 0; i < n; i++)
        if (wc_gitops_now(&r->paths, apps[i]->name, &err) != 0)
            return wc_cli_fail(r->cli, &err);
    return 0;
}

/* The agent ------------------------------------------------------------------------------------*/

static void report_file(void *data, const struct wc_diags *diags)
{
    struct wc_cli_reconcile *r = data;
    wc_cli_diags(r->cli, diags);
}

static void say_line(void *data, const char *line)
{
    struct wc_cli_reconcile *r = data;
    wc_cli_note(r->cli, "%s", line);
}

static int run_agent(struct wc_cli_reconcile *r)
{
    struct wc_err err = { 0 };
    const struct wc_gitops_agent_config config = {
        .paths = &r->paths, .file = r->file, .report = report_file, .say = say_line, .data = r
    };
    return wc_gitops_agent(&config, &err) == 0 ? 0 : wc_cli_fail(r->cli, &err);
}

int wc_cmd_reconcile(struct wc_cli *cli)
{
    static const struct {
        const char *word;
        int (*run)(struct wc_cli_reconcile *r);
    } verbs[] = {
        { "status", wc_reconcile_status },
        { "history", wc_reconcile_history },
        { "events", wc_reconcile_events },
        { "diff", wc_reconcile_diff },
        { "suspend", suspend },
        { "resume", resume },
        { "now", now },
        { "prune", prune },
    };
    struct wc_cli_reconcile r;
    int status = wc_reconcile_open(cli, &r);
    if (status != 0)
        return status;
    if (wc_cli_flag(cli, "once") || wc_cli_flag(cli, "check"))
        return run_once(&r);
    if (wc_cli_flag(cli, "allow-rewind"))
        return wc_cli_usage(cli, "--allow-rewind is for one pass: it needs --once");
    if (cli->n_words == 0)
        return run_agent(&r);
    for (size_t i = 0; i < WC_COUNT(verbs); i++)
        if (wc_streq(cli->words[0], verbs[i].word))
            return verbs[i].run(&r);
    return wc_cli_usage(cli,
                        "'%s' is none of status, suspend, resume, now, history, events, diff and "
                        "prune",
                        cli->words[0]);
}
