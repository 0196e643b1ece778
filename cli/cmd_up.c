/* cmd_up.c - wcompose up: the file is made to be so. In the foreground it stays and shows the logs
 * (cmd_attach_up.c).
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/str.h"
#include "cli/args.h"
#include "cli/build_images.h"
#include "cli/cmd_attach.h"
#include "cli/cmd_session.h"
#include "cli/image_lock.h"
#include "cli/pull_services.h"
#include "wcompose/plan.h"
#include "wcompose/spec.h"

/* Pairs that exclude each other, as docker compose has them. */
static int check_pairs(struct wc_cli *cli)
{
    static const char *const pairs[][2] = {
        { "force-recreate", "no-recreate" },
        { "abort-on-container-exit", "abort-on-container-failure" },
        { "wait", "abort-on-container-exit" },
        { "wait", "abort-on-container-failure" },
        { "wait", "exit-code-from" },
        { "wait", "no-start" },
        { "detach", "abort-on-container-exit" },
        { "detach", "abort-on-container-failure" },
        { "detach", "exit-code-from" },
        { "no-start", "abort-on-container-exit" },
        { "no-start", "abort-on-container-failure" },
        { "no-start", "exit-code-from" },
        { "build", "no-build" },
    };
    for (size_t i = 0; i < WC_COUNT(pairs); i++) {
        bool given[2];
        for (size_t k = 0; k < 2; k++)
            given[k] = wc_streq(pairs[i][k], "exit-code-from")
                           ? wc_cli_text(cli, pairs[i][k]) != NULL
                           : wc_cli_flag(cli, pairs[i][k]);
        if (given[0] && given[1])
            return wc_cli_usage(cli, "--%s and --%s exclude each other", pairs[i][0], pairs[i][1]);
    }
    return 0;
}

/* A service of a profile that is not active comes with being named (Compose Specification,
 * "profiles"): then only what was named is loaded. */
static bool names_disabled(const struct wc_cli *cli, const struct wc_project *project)
{
    for (size_t i = 0; i < cli->n_words; i++)
        if (wc_strv_has(&project->disabled, cli->words[i]))
            return true;
    return false;
}

static int load(struct wc_session *session)
{
    struct wc_cli *cli = session->cli;
    struct wc_cli_load all = { 0 };
    int status = wc_cli_load(cli, &all, cli->arena, &session->model);
    if (status == 0 && names_disabled(cli, session->model)) {
        struct wc_cli_load some = { .services = cli->words,
                                    .n_services = cli->n_words,
                                    .no_deps = wc_cli_flag(cli, "no-deps"),
                                    .no_warnings = true };
        status = wc_cli_load(cli, &some, cli->arena, &session->model);
    }
    if (status != 0)
        return status;
    session->project = session->model->name;
    const char *from = wc_cli_text(cli, "exit-code-from");
    if (from != NULL)
        status = wc_cli_check_services(cli, session->model, &from, 1);
    if (status == 0)
        status = wc_cli_check_services(cli, session->model, cli->words, cli->n_words);
    return status;
}

/* "db healthy, cache": what a service waits for, for the screen. */
static const char *needs_of(struct wc_cli *cli, const struct wc_service *service)
{
    static const char *const words[] = {
        [WC_DEP_STARTED] = "",
        [WC_DEP_HEALTHY] = " healthy",
        [WC_DEP_COMPLETED] = " done",
    };
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    for (size_t i = 0; i < service->n_deps; i++)
        wc_buf_printf(&text, "%s%s%s", i == 0 ? "needs " : ", ", service->deps[i].service,
                      words[service->deps[i].condition]);
    return service->n_deps == 0 ? NULL : wc_arena_strdup(cli->arena, text.data);
}

static void expect(struct wc_session *session, const struct wc_plan *plan)
{
    for (size_t i = 0; i < plan->n_services && session->cli->n_words == 0; i++) {
        const struct wc_plan_service *at = &plan->services[i];
        for (int64_t n = 1; n <= at->service->replicas; n++)
            wc_ui_expect(session->ui, at->service->name, (unsigned)n, at->isolation.level,
                         needs_of(session->cli, at->service));
    }
}

static int run_detached(struct wc_session *session, struct wc_call *call)
{
    struct wc_cli *cli = session->cli;
    int64_t limit_ms = wc_cli_ms(cli, "wait-timeout", 0);
    int rc = wc_session_call(session, call, limit_ms > 0 ? (uint64_t)limit_ms : 0);
    int status = wc_session_status(session, "up", rc);
    if (status == 0 && session->changed == 0)
        wc_cli_note(cli, "%s is up to date: nothing to do", session->project);
    return status;
}

static size_t name_width(const struct wc_project *project)
{
    size_t width = 0;
    for (size_t i = 0; i < project->n_services; i++) {
        const struct wc_service *service = &project->services[i];
        size_t len =
            (size_t)snprintf(NULL, 0, "%s-%lld", service->name, (long long)service->replicas);
        width = len > width ? len : width;
    }
    return width;
}

static int run_attached(struct wc_session *session, struct wc_call *call)
{
    struct wc_cli *cli = session->cli;
    const char *from = wc_cli_text(cli, "exit-code-from");
    bool on_failure = wc_cli_flag(cli, "abort-on-container-failure"); /* then 0 ends nothing */
    struct wc_attach_up up = {
        .session = session,
        .call = call,
        .printer = { .cli = cli,
                     .no_prefix = wc_cli_flag(cli, "no-log-prefix"),
                     .no_color = wc_cli_flag(cli, "no-color"),
                     .timestamps = wc_cli_flag(cli, "timestamps"),
                     .width = name_width(session->model) },
        .abort_on_exit =
            wc_cli_flag(cli, "abort-on-container-exit") || (from != NULL && !on_failure),
        .abort_on_failure = on_failure,
        .exit_code_from = from,
    };
    return wc_attach_up(&up);
}

static int run(struct wc_session *session, const struct wc_plan *plan)
{
    struct wc_cli *cli = session->cli;
    bool is_detached =
        wc_cli_flag(cli, "detach") || wc_cli_flag(cli, "wait") || wc_cli_flag(cli, "no-start");
    WC_CLEANUP_BUF struct wc_buf wire = WC_BUF_INIT;
    wc_spec_render_wire(session->model, &wire);
    struct wc_call call = {
        .verb = WC_CALL_APPLY,
        .wait = wc_cli_flag(cli, "wait") ? WC_WAIT_READY : WC_WAIT_STARTED,
        .spec = wire.data,
        .spec_len = wire.len,
        .services = cli->words,
        .n_services = cli->n_words,
        .timeout_ms = wc_cli_ms(cli, "timeout", WC_UNSET),
        .force_recreate = wc_cli_flag(cli, "force-recreate"),
        .no_recreate = wc_cli_flag(cli, "no-recreate"),
        .no_start = wc_cli_flag(cli, "no-start"),
        .no_deps = wc_cli_flag(cli, "no-deps"),
        .remove_orphans = wc_cli_flag(cli, "remove-orphans"),
    };
    call.scale = wc_cli_list(cli, "scale", &call.n_scale);
    int status = wc_session_open(session, "up", true);
    if (status == 0) {
        expect(session, plan);
        status = is_detached ? run_detached(session, &call) : run_attached(session, &call);
    }
    wc_session_close(session);
    return status;
}

/* With --locked: the model names its images by what wcompose.lock pins. */
static int pin(struct wc_cli *cli, const struct wc_project *project, struct wc_cli_pins *pins)
{
    if (!wc_cli_flag(cli, "locked"))
        return 0;
    int status = wc_cli_pins(cli, project, pins);
    return status != 0 ? status
                       : wc_cli_pin_services(cli, (struct wc_project *)(uintptr_t)project, pins);
}

/* The images of what was named and what that depends on: pulled and built before anything is
 * started. */
static int bring_images(const struct wc_session *session, const struct wc_cli_pins *pins)
{
    struct wc_cli *cli = session->cli;
    struct wc_cli_pins named_pins;
    struct wc_cli_build how = { .only_missing = !wc_cli_flag(cli, "build") };
    const struct wc_cli_pull_services pull = { .policy = wc_cli_text(cli, "pull"),
                                               .quiet = wc_cli_flag(cli, "quiet-pull"),
                                               .pins = pins };
    struct wc_cli_load named = { .services = cli->words,
                                 .n_services = cli->n_words,
                                 .no_deps = wc_cli_flag(cli, "no-deps"),
                                 .no_warnings = true };
    const struct wc_project *project = session->model;
    int status = cli->n_words > 0 ? wc_cli_load(cli, &named, cli->arena, &project) : 0;
    if (status == 0 && project != session->model)
        status = pin(cli, project, &named_pins);
    if (status == 0)
        status = wc_cli_pull_services(cli, project, &pull);
    return status == 0 && !wc_cli_flag(cli, "no-build") ? wc_cli_build_images(cli, project, &how)
                                                        : status;
}

int wc_cmd_up(struct wc_cli *cli)
{
    struct wc_session session = { .cli = cli, .signal_fd = -1 };
    struct wc_cli_pins pins = { 0 };
    struct wc_plan plan;
    int status = check_pairs(cli);
    if (status == 0)
        status = load(&session);
    if (status == 0)
        status = pin(cli, session.model, &pins);
    if (status == 0) /* what is refused is refused before anything is fetched */
        status = wc_cli_plan(cli, session.model, cli->arena, &plan);
    if (status == 0)
        status = bring_images(&session, &pins);
    return status == 0 ? run(&session, &plan) : status;
}
