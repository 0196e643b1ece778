/* ui_shell.c - the shell round the renderers: rows, time, and one write for each change.
 *
 * Idea:    what an event means for its instance is decided here by a table, once; renderers only
 *          lay out. A renderer appends to a buffer; the shell writes the buffer.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "cli/ui_priv.h"

static void flush(struct wc_ui *ui)
{
    if (ui->fd < 0)
        return;
    for (size_t at = 0; at < ui->out->len;) {
        ssize_t n = write(ui->fd, ui->out->data + at, ui->out->len - at);
        if (n <= 0)
            break; /* nobody looks any more; the command itself goes on */
        at += (size_t)n;
    }
    wc_buf_reset(ui->out);
}

static const struct wc_ui_ops *ops_of(enum wc_progress progress)
{
    switch (progress) {
    case WC_PROGRESS_TTY:
        return &wc_ui_tty_ops;
    case WC_PROGRESS_PLAIN:
        return &wc_ui_plain_ops;
    case WC_PROGRESS_JSON:
        return &wc_ui_json_ops;
    case WC_PROGRESS_QUIET:
        return &wc_ui_quiet_ops;
    }
    return &wc_ui_plain_ops;
}

struct wc_ui *wc_ui_new_buffer(enum wc_progress progress, const struct wc_style *style,
                               const char *title, const char *project, struct wc_buf *out)
{
    static const char *const stopping[] = { "down", "stop", "kill" };
    struct wc_ui *ui = wc_calloc(1, sizeof *ui);
    wc_arena_init(&ui->arena);
    ui->own = (struct wc_buf)WC_BUF_INIT;
    ui->out = out != NULL ? out : &ui->own;
    ui->fd = -1;
    ui->ops = ops_of(progress);
    ui->style = *style;
    ui->title = wc_arena_strdup(&ui->arena, title);
    ui->project = wc_arena_strdup(&ui->arena, project);
    ui->name_width = 8;
    for (size_t i = 0; i < WC_COUNT(stopping); i++)
        ui->stopping = ui->stopping || wc_streq(title, stopping[i]);
    return ui;
}

struct wc_ui *wc_ui_new(const struct wc_cli *cli, const char *title, const char *project)
{
    struct wc_ui *ui = wc_ui_new_buffer(cli->progress, &cli->err, title, project, NULL);
    ui->fd = STDERR_FILENO;
    return ui;
}

void wc_ui_free(struct wc_ui *ui)
{
    if (ui == NULL)
        return;
    for (size_t i = 0; i < ui->n_lines; i++)
        wc_free(ui->lines[i]);
    wc_free(ui->lines);
    wc_buf_deinit(&ui->own);
    wc_arena_deinit(&ui->arena);
    wc_free(ui);
}

static struct wc_ui_row *find_row(struct wc_ui *ui, const char *service, unsigned index)
{
    for (size_t i = 0; i < ui->n_rows; i++) {
        if (ui->rows[i].index == index && wc_streq(ui->rows[i].service, service))
            return &ui->rows[i];
    }
    return NULL;
}

static struct wc_ui_row *add_row(struct wc_ui *ui, const char *service, unsigned index)
{
    ui->rows = wc_arena_grow(&ui->arena, ui->rows, ui->n_rows, &ui->cap_rows, sizeof *ui->rows);
    struct wc_ui_row *row = &ui->rows[ui->n_rows++];
    *row = (struct wc_ui_row){ .service = wc_arena_strdup(&ui->arena, service),
                               .index = index,
                               .word = "pending" };
    size_t width = strlen(service) + (index > 1 ? 2 : 0);
    if (width > ui->name_width)
        ui->name_width = width;
    return row;
}

void wc_ui_expect(struct wc_ui *ui, const char *service, unsigned index, enum wc_isolation level,
                  const char *needs)
{
    struct wc_ui_row *row = find_row(ui, service, index);
    if (row == NULL)
        row = add_row(ui, service, index);
    row->level = level;
    if (needs != NULL)
        snprintf(row->reason, sizeof row->reason, "%s", needs);
    ui->dirty = true;
}

/* What an action of an instance says. */
static const struct {
    const char *action;
    enum wc_ui_tone tone;
    enum wc_ui_tone when_stopping;
} meanings[] = {
    { "waiting", WC_UI_PENDING, WC_UI_PENDING },    { "created", WC_UI_BUSY, WC_UI_BUSY },
    { "started", WC_UI_DONE, WC_UI_BUSY },          { "healthy", WC_UI_DONE, WC_UI_BUSY },
    { "unhealthy", WC_UI_FAILED, WC_UI_BUSY },      { "restarting", WC_UI_BUSY, WC_UI_BUSY },
    { "stopping", WC_UI_BUSY, WC_UI_BUSY },         { "killing", WC_UI_BUSY, WC_UI_BUSY },
    { "removed", WC_UI_DONE, WC_UI_DONE },          { "failed", WC_UI_FAILED, WC_UI_FAILED },
    { "unpaused", WC_UI_DONE, WC_UI_BUSY },         { "mended", WC_UI_DONE, WC_UI_BUSY },
    { "mending failed", WC_UI_FAILED, WC_UI_BUSY }, { "updated", WC_UI_DONE, WC_UI_BUSY },
};

static enum wc_ui_tone tone_of(const struct wc_ui *ui, const struct wc_event *event)
{
    if (wc_streq(event->action, "exited"))
        return ui->stopping || event->exit_code == 0 ? WC_UI_DONE : WC_UI_FAILED;
    for (size_t i = 0; i < WC_COUNT(meanings); i++) {
        if (wc_streq(meanings[i].action, event->action))
            return ui->stopping ? meanings[i].when_stopping : meanings[i].tone;
    }
    return WC_UI_BUSY;
}

/* Takes an event over into its row; true when the row reads differently afterwards. */
static bool update_row(struct wc_ui *ui, struct wc_ui_row *row, const struct wc_event *event)
{
    char word[sizeof row->word];
    if (wc_streq(event->action, "exited"))
        snprintf(word, sizeof word, "exited %d", event->exit_code);
    else
        snprintf(word, sizeof word, "%s", event->action);
    bool says_more = event->reason != NULL && !wc_streq(event->reason, word);
    const char *reason = says_more ? event->reason : "";
    bool changed =
        !wc_streq(row->word, word) || strncmp(row->reason, reason, sizeof row->reason - 1) != 0;
    memcpy(row->word, word, sizeof word);
    snprintf(row->reason, sizeof row->reason, "%s", reason);
    if (event->level != WC_ISOLATION_DEFAULT)
        row->level = event->level;
    row->tone = tone_of(ui, event);
    if (row->tone != WC_UI_PENDING && !row->has_begun) {
        row->has_begun = true;
        row->begun_ms = event->elapsed_ms;
    }
    if (row->tone == WC_UI_DONE || row->tone == WC_UI_FAILED)
        row->settled_ms = event->elapsed_ms;
    return changed;
}

static void see_time(struct wc_ui *ui, uint64_t now_ms)
{
    if (!ui->has_begun)
        ui->begin_ms = now_ms;
    ui->has_begun = true;
    ui->now_ms = now_ms;
}

void wc_ui_event(struct wc_ui *ui, const struct wc_event *event, uint64_t now_ms)
{
    struct wc_ui_row *row = NULL;
    bool changed = true;
    see_time(ui, now_ms);
    if (event->type == WC_EVENT_INSTANCE && event->service != NULL) {
        row = find_row(ui, event->service, event->index);
        if (row == NULL)
            row = add_row(ui, event->service, event->index);
        changed = update_row(ui, row, event);
    }
    bool is_begin = wc_streq(event->action, "applying") || wc_streq(event->action, "asked") ||
                    wc_streq(event->action, "adopted");
    if (event->type == WC_EVENT_PROJECT && !is_begin)
        ui->outcome = wc_arena_strdup(&ui->arena, event->action);
    ui->dirty = ui->dirty || changed;
    ui->ops->event(ui, event, row, changed);
    flush(ui);
}

unsigned wc_ui_tick(struct wc_ui *ui, uint64_t now_ms)
{
    if (ui->ops->tick == NULL)
        return 0;
    see_time(ui, now_ms);
    unsigned wait_ms = ui->ops->tick(ui);
    flush(ui);
    return wait_ms;
}

void wc_ui_hide(struct wc_ui *ui)
{
    if (ui->ops->hide != NULL)
        ui->ops->hide(ui);
    flush(ui);
}

void wc_ui_finish(struct wc_ui *ui, uint64_t now_ms)
{
    see_time(ui, now_ms);
    if (ui->ops->finish != NULL)
        ui->ops->finish(ui);
    flush(ui);
}

void wc_ui_label(const struct wc_ui *ui, const char *service, unsigned index, char *out,
                 size_t size)
{
    bool several = index > 1;
    for (size_t i = 0; i < ui->n_rows && !several; i++)
        several = ui->rows[i].index > 1 && wc_streq(ui->rows[i].service, service);
    if (several)
        snprintf(out, size, "%s#%u", service, index);
    else
        snprintf(out, size, "%s", service);
}

void wc_ui_duration(uint64_t ms, char *out, size_t size)
{
    unsigned long long s = ms / 1000;
    if (s < 60)
        snprintf(out, size, "%llu.%llu s", s, (unsigned long long)(ms % 1000 / 100));
    else
        snprintf(out, size, "%llum%02llus", s / 60, s % 60);
}

const char *wc_ui_name_colour(const struct wc_style *style, const char *service)
{
    static const char *const colours[] = { "\033[36m",   "\033[33m",   "\033[32m",
                                           "\033[35m",   "\033[34m",   "\033[36;1m",
                                           "\033[33;1m", "\033[32;1m", "\033[35;1m" };
    unsigned hash = 2166136261U; /* FNV-1a: the same colour in every run */
    for (const char *at = service; *at != '\0'; at++)
        hash = (hash ^ (unsigned char)*at) * 16777619U;
    return style->colour ? colours[hash % WC_COUNT(colours)] : "";
}

const char *wc_ui_reset(const struct wc_style *style)
{
    return wc_style_colour(style, WC_COLOUR_RESET);
}
