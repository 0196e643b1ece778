/* cmd_overdue.c - a wait that took too long: what is it that it waits for? The chains of `why`, but
 * only those that don't stand in another one.
 */
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "cli/cmd_session.h"
#include "cli/scene.h"
#include "cli/style.h"

enum { CHAINS = 3 };

struct overdue {
    struct wc_why *chains;
    size_t n;
};

static bool is_asked_for(const struct wc_session *session, const char *service)
{
    const struct wc_cli *cli = session->cli;
    for (size_t i = 0; i < cli->n_words; i++)
        if (wc_streq(cli->words[i], service))
            return true;
    return cli->n_words == 0 || !wc_streq(cli->verb->name, "up");
}

/* What keeps each service that was asked for; unready ones among what they need are in there. */
static void find(struct wc_session *session, const struct wc_scene *scene, struct overdue *out)
{
    struct wc_cli *cli = session->cli;
    const struct wc_why_in in = wc_scene_why(cli, scene, NULL);
    const char *last = "";
    out->chains = WC_NEW_ARRAY(cli->arena, struct wc_why, scene->ps.n + 1);
    for (size_t i = 0; i < scene->ps.n; i++) {
        const struct wc_ps_row *row = &scene->ps.rows[i];
        struct wc_why *why = &out->chains[out->n];
        if (!row->wanted || wc_streq(row->fact.service, last) ||
            !is_asked_for(session, row->fact.service))
            continue;
        last = row->fact.service;
        wc_why_make(&in, last, 0, cli->arena, why);
        why->gap = NULL;
        why->n_next = 0;
        out->n += !why->ready;
    }
}

/* True when another chain leads through this one's service. */
static bool is_within(const struct overdue *overdue, size_t i)
{
    const char *service = overdue->chains[i].service;
    for (size_t k = 0; k < overdue->n; k++)
        for (size_t s = 1; k != i && s < overdue->chains[k].n; s++)
            if (wc_streq0(overdue->chains[k].steps[s].service, service))
                return true;
    return false;
}

static void format_text(struct wc_session *session, const struct overdue *overdue,
                        struct wc_buf *out)
{
    const struct wc_style *style = &session->cli->err;
    size_t n_shown = 0, n_left = 0;
    wc_buf_printf(out, "%s%s %s is not ready%s after %.1f s; it goes on in the background\n",
                  wc_style_colour(style, WC_COLOUR_ERROR), wc_style_mark(style, WC_MARK_FAILED),
                  session->project, wc_style_colour(style, WC_COLOUR_RESET),
                  (double)session->limit_ms / 1000);
    for (size_t i = 0; i < overdue->n; i++) {
        if (is_within(overdue, i))
            continue;
        if (n_shown++ < CHAINS)
            wc_why_format_text(&overdue->chains[i], style, session->cli->cwd, "", out);
        else
            n_left++;
    }
    if (n_left > 0)
        wc_buf_printf(out, "and %zu more\n", n_left);
    const char *again = wc_cli_again(session->cli);
    wc_buf_printf(out, "next:  %s status", again);
    if (overdue->n > 0)
        wc_buf_printf(out, "    %s why %s", again, overdue->chains[0].service);
    wc_buf_printf(out, "    %s down\n", again);
}

static void format_json(const struct wc_session *session, const struct overdue *overdue,
                        struct wc_buf *out)
{
    struct wc_jsonw w = WC_JSONW_INIT(out);
    wc_jsonw_object(&w, NULL);
    wc_jsonw_i64(&w, "v", 1);
    wc_jsonw_str(&w, "type", "overdue");
    wc_jsonw_str(&w, "project", session->project);
    wc_jsonw_i64(&w, "limit_ms", (int64_t)session->limit_ms);
    wc_jsonw_array(&w, "waits_for");
    for (size_t i = 0; i < overdue->n; i++) {
        WC_CLEANUP_BUF struct wc_buf one = WC_BUF_INIT;
        wc_why_format_json(&overdue->chains[i], NULL, true, &one);
        one.data[strcspn(one.data, "\n")] = '\0';
        wc_jsonw_raw(&w, NULL, one.data);
    }
    wc_jsonw_end_array(&w);
    wc_jsonw_i64(&w, "exit", WC_EXIT_STATE);
    wc_jsonw_end_object(&w);
    wc_buf_addc(out, '\n');
}

int wc_session_overdue(struct wc_session *session)
{
    struct wc_cli *cli = session->cli;
    struct wc_scene scene = { .paths = session->paths,
                              .project = session->project,
                              .file = session->model };
    struct overdue overdue = { 0 };
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    if (wc_scene_look(cli, &scene) == 0)
        find(session, &scene, &overdue);
    if (cli->progress == WC_PROGRESS_JSON)
        format_json(session, &overdue, &out);
    else
        format_text(session, &overdue, &out);
    for (size_t at = 0; at < out.len;) {
        ssize_t n = write(STDERR_FILENO, out.data + at, out.len - at);
        if (n <= 0)
            break;
        at += (size_t)n;
    }
    return WC_EXIT_STATE;
}
