/* cmd_failure.c - what the user is told when a call failed: gathered from the events, from what
 * runs now, from the failing service's log and from the graph.
 */
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "cli/cmd_session.h"
#include "cli/log_tail.h"

enum { LOG_LINES = 10 };

static void read_log(const struct wc_session *session, const char *service, unsigned index,
                     int64_t since_ms, struct wc_strv *out)
{
    const struct wc_log_tail tail = { .paths = &session->paths,
                                      .project = session->project,
                                      .service = service,
                                      .index = index,
                                      .n_lines = LOG_LINES,
                                      .since_ms = since_ms };
    wc_log_tail_read(&tail, session->cli->arena, out);
}

static bool depends_on_any(const struct wc_service *service, const struct wc_strv *names)
{
    for (size_t i = 0; i < service->n_deps; i++)
        if (service->deps[i].required && wc_strv_has(names, service->deps[i].service))
            return true;
    return false;
}

/* Services that need the failed one, directly or not, and don't run. */
static void find_blocked(const struct wc_session *session, const char *failed,
                         const struct wc_strv *running, struct wc_strv *out)
{
    struct wc_arena *arena = session->cli->arena;
    struct wc_strv reached = { 0 };
    wc_strv_add(arena, &reached, failed);
    for (size_t before = 0; before != reached.n;) {
        before = reached.n;
        for (size_t i = 0; i < session->model->n_services; i++) {
            const struct wc_service *service = &session->model->services[i];
            if (!wc_strv_has(&reached, service->name) && depends_on_any(service, &reached))
                wc_strv_add(arena, &reached, service->name);
        }
    }
    for (size_t i = 1; i < reached.n; i++)
        if (!wc_strv_has(running, reached.items[i]))
            wc_strv_add(arena, out, reached.items[i]);
}

/* Returns false when nothing of the project exists any more. */
static bool find_running(const struct wc_session *session, const char *failed, struct wc_strv *out)
{
    struct wc_ps ps;
    struct wc_err none;
    struct wc_ps_options options = { .paths = &session->paths, .project = session->project };
    if (wc_client_ps(&options, session->cli->arena, &ps, &none) != 0)
        return true;
    for (size_t i = 0; i < ps.n; i++) {
        const struct wc_fact *fact = &ps.rows[i].fact;
        bool is_other = failed == NULL || !wc_streq(fact->service, failed);
        if (fact->life == WC_LIFE_RUNNING && is_other && !wc_strv_has(out, fact->service))
            wc_strv_add(session->cli->arena, out, fact->service);
    }
    return ps.n > 0;
}

/* An error that begins with "service NAME: " names who it is about. */
static const char *service_of(const struct wc_session *session, const char *error)
{
    if (session->failure.service != NULL || error == NULL || session->model == NULL ||
        !wc_str_starts(error, "service "))
        return session->failure.service;
    const char *from = error + strlen("service ");
    size_t len = strcspn(from, ": ");
    const char *name = wc_arena_strndup(session->cli->arena, from, len);
    return wc_project_service(session->model, name) != NULL ? name : NULL;
}

/* The rest of it, as the name is told before it. */
static const char *cause_of(const char *error, const char *service)
{
    size_t len = service != NULL ? strlen(service) : 0;
    if (error == NULL || service == NULL || !wc_str_starts(error, "service ") ||
        strncmp(error + 8, service, len) != 0 || !wc_str_starts(error + 8 + len, ": "))
        return error;
    return error + 8 + len + 2;
}

/* What a supervisor says of the way back from a failed rollout. */
static const char *outcome_of(const char *error)
{
    static const char *const begins[] = { "; rolled back to ", "; the rollback failed: " };
    for (size_t i = 0; i < WC_COUNT(begins) && error != NULL; i++) {
        const char *found = strstr(error, begins[i]);
        if (found != NULL)
            return found + strlen("; ");
    }
    return NULL;
}

int wc_session_report(struct wc_session *session, const char *verb, int code, const char *error)
{
    const struct wc_session_failure *seen = &session->failure;
    struct wc_ui_failure failure = {
        .project = session->project,
        .verb = verb,
        .service = service_of(session, error),
        .index = seen->index > 0 ? seen->index : 1,
        .level = seen->level,
        .cause = seen->cause,
        .exit_status = wc_err_exit_status(code),
    };
    if (failure.cause == NULL)
        failure.cause = cause_of(error, failure.service);
    failure.outcome = outcome_of(error);
    if (code != WC_ERR_STATE && failure.service == NULL) {
        struct wc_err err = { .code = code };
        wc_err_set_(&err, code, 0, "%s", error != NULL ? error : "failed");
        return wc_cli_fail(session->cli, &err);
    }
    struct wc_strv lines = { 0 }, blocked = { 0 }, running = { 0 };
    failure.nothing_left = !find_running(session, failure.service, &running);
    if (failure.service != NULL) /* of this run, else of an earlier one */
        read_log(session, failure.service, failure.index, session->began_ms, &lines);
    if (failure.service != NULL && lines.n == 0)
        read_log(session, failure.service, failure.index, WC_UNSET, &lines);
    if (failure.service != NULL && session->model != NULL) {
        const struct wc_service *service = wc_project_service(session->model, failure.service);
        if (service != NULL)
            failure.at = service->at;
        find_blocked(session, failure.service, &running, &blocked);
    }
    failure.log_lines = lines.items;
    failure.n_log_lines = lines.n;
    failure.blocked = blocked.items;
    failure.n_blocked = blocked.n;
    failure.running = running.items;
    failure.n_running = running.n;
    wc_ui_report_failure(session->cli, &failure);
    return failure.exit_status;
}
