/* reconcile_show.c - wcompose reconcile status|history|diff: the records, for people and programs.
 * They need no agent: what is known is on disk.
 */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "base/units.h"
#include "cli/cmd_history.h"
#include "cli/model_diff.h"
#include "cli/reconcile.h"
#include "cli/table.h"
#include "cli/time_option.h"
#include "wcompose/client.h"

static void add_safe(struct wc_buf *out, const char *text)
{
    wc_text_add_safe(out, text, strlen(text));
}

static int read_record(struct wc_cli_reconcile *r, const struct wc_agent_app *app,
                       struct wc_gitops_record *out)
{
    struct wc_err err = { 0 };
    const char *dir = wc_gitops_dir(&r->paths, r->cli->arena, app->name);
    if (wc_gitops_record_read(dir, r->cli->arena, out, &err) != 0)
        return wc_cli_fail(r->cli, &err);
    return 0;
}

/* Status ---------------------------------------------------------------------------------------*/

/* One line a condition that says something: "Stalled: Unhealthy, for 3m: …". */
static void add_condition(struct wc_buf *out, const struct wc_gitops_memory *m,
                          enum wc_gitops_condition_type type, int64_t now_ms)
{
    const struct wc_gitops_condition *c = &m->conditions[type];
    if (c->status == WC_GITOPS_UNKNOWN)
        return;
    wc_buf_printf(out, "  %-15s %-7s %s", wc_gitops_condition_name(type),
                  wc_gitops_truth_name(c->status), c->reason);
    if (now_ms > c->since_ms) {
        wc_buf_adds(out, ", for ");
        wc_duration_format((now_ms - c->since_ms) / 1000 * 1000, out);
    }
    if (c->message[0] != '\0') {
        wc_buf_adds(out, ": ");
        add_safe(out, c->message);
    }
    wc_buf_addc(out, '\n');
}

static void add_revision(struct wc_buf *out, const char *label, const struct wc_gitops_named *named,
                         bool is_there)
{
    wc_buf_printf(out, "  %-15s ", label);
    if (!is_there || named->name == NULL) {
        wc_buf_adds(out, "none\n");
        return;
    }
    add_safe(out, named->name);
    if (named->subject != NULL) {
        wc_buf_adds(out, "  ");
        add_safe(out, named->subject);
    }
    if (named->author != NULL) {
        wc_buf_adds(out, "  by ");
        add_safe(out, named->author);
    }
    if (named->signer != NULL) {
        wc_buf_adds(out, ", signed by ");
        add_safe(out, named->signer);
    }
    wc_buf_addc(out, '\n');
}

static bool has_digest(const struct wc_gitops_images *images, const struct wc_gitops_image *of)
{
    for (size_t i = 0; i < images->n; i++)
        if (wc_streq(images->items[i].service, of->service))
            return wc_streq(images->items[i].digest, of->digest);
    return false;
}

/* "image  web r.example/web:1.4 1.4.3 -> sha256:0123456789ab, for 3m" */
static void add_image(struct wc_buf *out, const char *label, const struct wc_gitops_image *image,
                      int64_t now_ms)
{
    wc_buf_printf(out, "  %-15s %s ", label, image->service);
    add_safe(out, image->written);
    wc_buf_printf(out, " %s -> %.19s", image->tag, image->digest);
    if (image->since_ms > 0 && now_ms > image->since_ms) {
        wc_buf_adds(out, ", for ");
        wc_duration_format((now_ms - image->since_ms) / 1000 * 1000, out);
    }
    wc_buf_addc(out, '\n');
}

/* In force, and what registries say of those that aren't. */
static void add_images(struct wc_buf *out, const struct wc_gitops_record *record, int64_t now_ms)
{
    const struct wc_gitops_memory *m = &record->memory;
    for (size_t i = 0; i < record->good_images.n; i++)
        add_image(out, "image", &record->good_images.items[i], now_ms);
    for (size_t i = 0; wc_streq(m->seen.images, record->answers_of.images) && i < record->answers.n;
         i++)
        if (!has_digest(&record->good_images, &record->answers.items[i]))
            add_image(out, "newest image", &record->answers.items[i], 0);
}

static void add_times(struct wc_buf *out, const struct wc_gitops_memory *m, int64_t now_ms)
{
    if (m->looked_at_ms == 0)
        return;
    wc_buf_printf(out, "  %-15s ", "last look");
    wc_duration_format((now_ms - m->looked_at_ms) / 1000 * 1000, out);
    wc_buf_adds(out, " ago");
    if (m->wake_at_ms > now_ms) {
        wc_buf_adds(out, ", the next in ");
        wc_duration_format((m->wake_at_ms - now_ms) / 1000 * 1000, out);
    }
    wc_buf_addc(out, '\n');
    if (m->asked_at_ms == 0 || m->seen.images[0] == '\0')
        return;
    wc_buf_printf(out, "  %-15s ", "registries");
    wc_duration_format((now_ms - m->asked_at_ms) / 1000 * 1000, out);
    wc_buf_adds(out, m->unanswered > 0 ? " ago, without an answer\n" : " ago\n");
}

/* What the last look found to differ; NULL: nothing, or it has been repaired. */
static const char *drift_of(const struct wc_gitops_memory *m)
{
    const struct wc_gitops_condition *ready = &m->conditions[WC_GITOPS_READY];
    return wc_streq(ready->reason, "Drifted") ? ready->message : NULL;
}

static void add_drift(struct wc_buf *out, const struct wc_agent_app *app,
                      const struct wc_gitops_memory *m)
{
    const char *drift = drift_of(m);
    if (m->good.id[0] == '\0')
        return;
    wc_buf_printf(out, "  %-15s ", "drift");
    add_safe(out, drift != NULL ? drift : "none");
    wc_buf_adds(out, wc_streq(app->drift, "repair") ? "; repaired when found\n"
                                                    : "; only reported when found\n");
}

static void add_text(struct wc_buf *out, const struct wc_agent_app *app,
                     const struct wc_gitops_record *record)
{
    const struct wc_gitops_memory *m = &record->memory;
    int64_t now_ms = wc_cli_wall_ms();
    wc_buf_printf(out, "%s\n  %-15s ", app->name, "source");
    add_safe(out, record->source != NULL ? record->source : "not looked at yet");
    wc_buf_addc(out, '\n');
    add_revision(out, "in force", &record->good, m->good.id[0] != '\0');
    if (!wc_streq(m->seen.id, m->good.id))
        add_revision(out, "newest", &record->seen, m->seen.id[0] != '\0');
    add_images(out, record, now_ms);
    for (int i = 0; i < WC_GITOPS_CONDITIONS; i++)
        add_condition(out, m, (enum wc_gitops_condition_type)i, now_ms);
    add_drift(out, app, m);
    add_times(out, m, now_ms);
}

static void json_named(struct wc_jsonw *w, const char *key, const struct wc_gitops_named *named,
                       const struct wc_gitops_key *of)
{
    if (of->id[0] == '\0') {
        wc_jsonw_null(w, key);
        return;
    }
    wc_jsonw_object(w, key);
    wc_jsonw_str(w, "ID", of->id);
    wc_jsonw_str(w, "Name", named->name);
    wc_jsonw_str(w, "Author", named->author);
    wc_jsonw_str(w, "Subject", named->subject);
    wc_jsonw_str(w, "Signer", named->signer);
    wc_jsonw_end_object(w);
}

static void json_time(struct wc_jsonw *w, const char *key, int64_t ms)
{
    char text[32];
    if (ms == 0) {
        wc_jsonw_null(w, key);
        return;
    }
    wc_time_rfc3339(ms, text, sizeof text);
    wc_jsonw_str(w, key, text);
}

static void json_images(struct wc_jsonw *w, const char *key, const struct wc_gitops_images *images,
                        bool in_force)
{
    wc_jsonw_array(w, key);
    for (size_t i = 0; i < images->n; i++) {
        const struct wc_gitops_image *image = &images->items[i];
        wc_jsonw_object(w, NULL);
        wc_jsonw_str(w, "Service", image->service);
        wc_jsonw_str(w, "Image", image->written);
        wc_jsonw_str(w, "Tag", image->tag);
        wc_jsonw_str(w, "Digest", image->digest);
        if (in_force)
            json_time(w, "Since", image->since_ms);
        wc_jsonw_end_object(w);
    }
    wc_jsonw_end_array(w);
}

static void add_json(struct wc_buf *out, const struct wc_agent_app *app,
                     const struct wc_gitops_record *record)
{
    const struct wc_gitops_memory *m = &record->memory;
    struct wc_jsonw w = WC_JSONW_INIT(out);
    wc_jsonw_object(&w, NULL);
    wc_jsonw_i64(&w, "v", 1);
    wc_jsonw_str(&w, "App", app->name);
    wc_jsonw_str(&w, "Source", record->source);
    wc_jsonw_i64(&w, "Generation", (int64_t)m->generation);
    json_named(&w, "InForce", &record->good, &m->good);
    json_named(&w, "Newest", &record->seen, &m->seen);
    json_images(&w, "Images", &record->good_images, true);
    bool is_asked = m->seen.images[0] != '\0';
    const struct wc_gitops_images none = { 0 };
    bool is_told = is_asked && wc_streq(m->seen.images, record->answers_of.images);
    json_images(&w, "NewestImages", is_told ? &record->answers : &none, false);
    json_time(&w, "RegistriesAsked", is_asked ? m->asked_at_ms : 0);
    wc_jsonw_i64(&w, "Unanswered", is_asked ? m->unanswered : 0);
    wc_jsonw_array(&w, "Conditions");
    for (int i = 0; i < WC_GITOPS_CONDITIONS; i++) {
        const struct wc_gitops_condition *c = &m->conditions[i];
        wc_jsonw_object(&w, NULL);
        wc_jsonw_str(&w, "Type", wc_gitops_condition_name((enum wc_gitops_condition_type)i));
        wc_jsonw_str(&w, "Status", wc_gitops_truth_name(c->status));
        wc_jsonw_str(&w, "Reason", c->reason);
        wc_jsonw_str(&w, "Message", c->message);
        wc_jsonw_i64(&w, "ObservedGeneration", (int64_t)c->generation);
        json_time(&w, "Since", c->since_ms);
        wc_jsonw_end_object(&w);
    }
    wc_jsonw_end_array(&w);
    wc_jsonw_str(&w, "Drift", drift_of(m));
    wc_jsonw_str(&w, "DriftPolicy", app->drift);
    wc_jsonw_i64(&w, "Failures", m->failures);
    json_time(&w, "LastLook", m->looked_at_ms);
    json_time(&w, "Next", m->wake_at_ms);
    wc_jsonw_end_object(&w);
    wc_buf_addc(out, '\n');
}

int wc_reconcile_status(struct wc_cli_reconcile *r)
{
    size_t n;
    bool all_ready = true;
    const struct wc_agent_app *const *apps = wc_reconcile_apps(r, 1, &n);
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    if (apps == NULL)
        return WC_EXIT_NOENT;
    for (size_t i = 0; i < n; i++) {
        struct wc_gitops_record record;
        int status = read_record(r, apps[i], &record);
        if (status != 0)
            return status;
        all_ready = all_ready && record.memory.conditions[WC_GITOPS_READY].status == WC_GITOPS_TRUE;
        if (r->cli->json)
            add_json(&out, apps[i], &record);
        else
            add_text(&out, apps[i], &record);
    }
    fwrite(out.data, 1, out.len, stdout);
    return all_ready ? WC_EXIT_OK : WC_EXIT_STATE;
}

/* History --------------------------------------------------------------------------------------*/

int wc_reconcile_history(struct wc_cli_reconcile *r)
{
    static const char *const headings[] = { "APP", "WHEN", "WHAT", "REVISION", "WHY" };
    size_t n;
    const struct wc_agent_app *const *apps = wc_reconcile_apps(r, 1, &n);
    struct wc_table *table = wc_table_new(r->cli->arena, headings, WC_COUNT(headings));
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    if (apps == NULL)
        return WC_EXIT_NOENT;
    for (size_t i = 0; i < n; i++) {
        struct wc_gitops_record record;
        int status = read_record(r, apps[i], &record);
        if (status != 0)
            return status;
        for (size_t k = 0; k < record.n_past; k++) {
            const struct wc_gitops_past *p = &record.past[k];
            WC_CLEANUP_BUF struct wc_buf why = WC_BUF_INIT, revision = WC_BUF_INIT;
            add_safe(&why, p->why);
            add_safe(&revision, p->revision);
            const char *const cells[] = { apps[i]->name,
                                          wc_cli_time_text(r->cli, p->at_ms, !r->cli->json),
                                          p->what, revision.data, why.data };
            if (!r->cli->json) {
                wc_table_row(table, cells);
                continue;
            }
            struct wc_jsonw w = WC_JSONW_INIT(&out);
            wc_jsonw_object(&w, NULL);
            wc_jsonw_i64(&w, "v", 1);
            wc_jsonw_str(&w, "App", cells[0]);
            wc_jsonw_str(&w, "At", cells[1]);
            wc_jsonw_str(&w, "What", cells[2]);
            wc_jsonw_str(&w, "Revision", p->revision);
            wc_jsonw_str(&w, "Why", p->why);
            wc_jsonw_end_object(&w);
            wc_buf_addc(&out, '\n');
        }
    }
    if (!r->cli->json)
        wc_table_format(table, &out);
    fwrite(out.data, 1, out.len, stdout);
    return 0;
}

/* Diff -----------------------------------------------------------------------------------------*/

static void print_diff(const struct wc_model_diff *diff)
{
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    for (size_t i = 0; i < diff->n; i++) {
        const struct wc_model_change *at = &diff->items[i];
        wc_buf_adds(&out, at->before == NULL ? "+ " : at->after == NULL ? "- " : "~ ");
        add_safe(&out, at->path); /* it has keys of maps in it: labels, variables */
        wc_buf_adds(&out, ": ");
        if (at->before != NULL)
            add_safe(&out, at->before);
        if (at->before != NULL && at->after != NULL)
            wc_buf_adds(&out, " -> ");
        if (at->after != NULL)
            add_safe(&out, at->after);
        wc_buf_addc(&out, '\n');
    }
    fwrite(out.data, 1, out.len, stdout);
}

int wc_reconcile_diff(struct wc_cli_reconcile *r)
{
    size_t n;
    struct wc_err err = { 0 };
    const char *dir, *name;
    struct wc_project *newest;
    const struct wc_project *accepted = NULL;
    struct wc_model_diff diff;
    WC_CLEANUP_BUF struct wc_buf wire = WC_BUF_INIT;
    const struct wc_agent_app *const *apps = wc_reconcile_apps(r, 1, &n);
    if (apps == NULL)
        return WC_EXIT_NOENT;
    if (n != 1)
        return wc_cli_usage(r->cli, "diff takes one app");
    struct wc_gitops_ops ops = wc_reconcile_ops(r);
    const struct wc_gitops_run run = { .paths = &r->paths, .app = apps[0], .ops = &ops };
    r->app = apps[0]->name;
    if (wc_gitops_newest(&run, r->cli->arena, &dir, &name, &err) != 0 ||
        ops.load(r, apps[0], dir, &wire, &newest, &err) != 0 ||
        wc_gitops_newest_images(&run, newest, r->cli->arena, &wire, &err) != 0)
        return wc_cli_fail(r->cli, &err);
    if (wc_client_accepted(&r->paths, r->app, r->cli->arena, &accepted, &err) != 0)
        accepted = NULL; /* nothing is in force */
    wc_model_diff(accepted, newest, r->cli->arena, &diff);
    print_diff(&diff);
    if (diff.n == 0)
        wc_cli_note(r->cli, "what is in force and %s say the same", name);
    return 0;
}
