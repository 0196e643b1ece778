/* ui_plain.c - one line a fact, for pipes, files and CI.
 *
 * Idea:    "[  2.71] db       hyperv   healthy": greppable, in order, with times relative to the
 *          command, and never an escape byte.
 */
#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "cli/table.h"
#include "cli/ui_priv.h"

static void add_head(struct wc_ui *ui, const struct wc_event *event, const char *subject)
{
    uint64_t ms = event->elapsed_ms;
    wc_buf_printf(ui->out, "[%3" PRIu64 ".%02" PRIu64 "] %-*s ", ms / 1000, ms % 1000 / 10,
                  (int)ui->name_width, subject);
}

static void add_reason(struct wc_ui *ui, const char *reason)
{
    if (reason == NULL || *reason == '\0')
        return;
    wc_buf_adds(ui->out, "  ");
    wc_text_add_safe(ui->out, reason, strlen(reason));
}

static void plain_instance(struct wc_ui *ui, const struct wc_event *event,
                           const struct wc_ui_row *row)
{
    char label[128];
    wc_ui_label(ui, row->service, row->index, label, sizeof label);
    add_head(ui, event, label);
    wc_buf_printf(ui->out, "%-8s %s", wc_isolation_name(row->level), row->word);
    add_reason(ui, row->reason);
    wc_buf_addc(ui->out, '\n');
}

static void plain_thing(struct wc_ui *ui, const struct wc_event *event)
{
    add_head(ui, event, wc_event_type_name(event->type));
    const char *name = event->name != NULL      ? event->name
                       : event->project != NULL ? event->project
                                                : ui->project;
    wc_buf_printf(ui->out, "%s %s", name, event->action);
    add_reason(ui, event->reason);
    wc_buf_addc(ui->out, '\n');
}

static void plain_message(struct wc_ui *ui, const struct wc_event *event)
{
    add_head(ui, event, event->service != NULL ? event->service : ui->project);
    wc_buf_printf(ui->out, "%s:", event->action);
    add_reason(ui, event->reason);
    wc_buf_addc(ui->out, '\n');
}

static void plain_rollout(struct wc_ui *ui, const struct wc_event *event)
{
    add_head(ui, event, event->service != NULL ? event->service : ui->project);
    wc_buf_printf(ui->out, "rollout: %s", event->action);
    add_reason(ui, event->reason);
    wc_buf_addc(ui->out, '\n');
}

static void plain_event(struct wc_ui *ui, const struct wc_event *event, struct wc_ui_row *row,
                        bool changed)
{
    switch (event->type) {
    case WC_EVENT_INSTANCE:
        if (changed && row != NULL)
            plain_instance(ui, event, row);
        return;
    case WC_EVENT_NETWORK:
    case WC_EVENT_VOLUME:
    case WC_EVENT_PROJECT:
        if (wc_streq(event->action, "asked")) /* by whoever reads this */
            return;
        plain_thing(ui, event);
        return;
    case WC_EVENT_ROLLOUT:
        plain_rollout(ui, event);
        return;
    case WC_EVENT_LOG:
        plain_message(ui, event);
        return;
    }
}

const struct wc_ui_ops wc_ui_plain_ops = { .event = plain_event };
