/* ui_json.c - the events themselves, one object a line; and quiet, which keeps errors only. */
#include "base/str.h"
#include "cli/table.h"
#include "cli/ui_priv.h"

#include <string.h>

static void json_event(struct wc_ui *ui, const struct wc_event *event, struct wc_ui_row *row,
                       bool changed)
{
    (void)row;
    (void)changed;
    wc_event_to_json(event, ui->out);
    wc_buf_addc(ui->out, '\n');
}

static void quiet_event(struct wc_ui *ui, const struct wc_event *event, struct wc_ui_row *row,
                        bool changed)
{
    (void)row;
    bool is_error = event->type == WC_EVENT_LOG && wc_streq(event->action, "error");
    if (!is_error || !changed || event->reason == NULL)
        return;
    wc_buf_adds(ui->out, "error: ");
    wc_text_add_safe(ui->out, event->reason, strlen(event->reason));
    wc_buf_addc(ui->out, '\n');
}

const struct wc_ui_ops wc_ui_json_ops = { .event = json_event };
const struct wc_ui_ops wc_ui_quiet_ops = { .event = quiet_event };
