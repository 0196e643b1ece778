/* ui_tty.c - a header and a row an instance, redrawn in place.
 *
 * Idea:    the lines on the screen are remembered; drawing compares and rewrites those that
 * changed, at most ten times a second, inside a synchronised update so that nothing flickers. When
 *          the terminal is shorter than the app, settled rows give way first.
 */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "cli/table.h"
#include "cli/ui_priv.h"

enum { FRAME_MS = 100, WIDTH_MAX = 110, MARK_COLUMNS = 11 };

static const char *spinner(const struct wc_ui *ui)
{
    static const char *const glyphs[] = { "⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏" };
    static const char *const ascii[] = { "|", "/", "-", "\\" };
    size_t frame = (size_t)(ui->now_ms / FRAME_MS);
    return ui->style.unicode ? glyphs[frame % WC_COUNT(glyphs)] : ascii[frame % WC_COUNT(ascii)];
}

static const char *tone_mark(const struct wc_ui *ui, enum wc_ui_tone tone)
{
    switch (tone) {
    case WC_UI_PENDING:
        return wc_style_mark(&ui->style, WC_MARK_PENDING);
    case WC_UI_BUSY:
        return ui->finished ? wc_style_mark(&ui->style, WC_MARK_BUSY) : spinner(ui);
    case WC_UI_DONE:
        return wc_style_mark(&ui->style, WC_MARK_DONE);
    case WC_UI_FAILED:
        return wc_style_mark(&ui->style, WC_MARK_FAILED);
    }
    return "?";
}

static enum wc_colour tone_colour(enum wc_ui_tone tone)
{
    static const enum wc_colour colours[] = { [WC_UI_PENDING] = WC_COLOUR_FAINT,
                                              [WC_UI_BUSY] = WC_COLOUR_BUSY,
                                              [WC_UI_DONE] = WC_COLOUR_GOOD,
                                              [WC_UI_FAILED] = WC_COLOUR_ERROR };
    return colours[tone];
}

static bool settled(const struct wc_ui_row *row)
{
    return row->tone == WC_UI_DONE || row->tone == WC_UI_FAILED;
}

/* Appends `text` (which may carry no escapes) in exactly `columns` columns. */
static void add_cell(struct wc_buf *out, const char *text, size_t columns)
{
    WC_CLEANUP_BUF struct wc_buf safe = WC_BUF_INIT;
    wc_text_add_safe(&safe, text, strlen(text));
    size_t bytes = wc_text_cut(safe.data, safe.len, columns);
    wc_buf_add(out, safe.data, bytes);
    for (size_t used = wc_text_width(safe.data, bytes); used < columns; used++)
        wc_buf_addc(out, ' ');
}

static uint64_t elapsed(const struct wc_ui *ui)
{
    return ui->now_ms - ui->begin_ms;
}

/* How long the row has been under way, or was. Pending rows have no time. */
static void row_time(const struct wc_ui *ui, const struct wc_ui_row *row, char *out, size_t size)
{
    *out = '\0';
    if (!row->has_begun)
        return;
    uint64_t end = settled(row) ? row->settled_ms : elapsed(ui);
    wc_ui_duration(end > row->begun_ms ? end - row->begun_ms : 0, out, size);
}

static void format_row(const struct wc_ui *ui, const struct wc_ui_row *row, struct wc_buf *out)
{
    char label[128], time[32], level[32];
    size_t width = ui->style.width < WIDTH_MAX ? ui->style.width : WIDTH_MAX;
    size_t name = ui->name_width < width / 3 ? ui->name_width : width / 3;
    wc_ui_label(ui, row->service, row->index, label, sizeof label);
    row_time(ui, row, time, sizeof time);
    bool hyperv = row->level == WC_ISOLATION_HYPERV;
    snprintf(level, sizeof level, "%s %s",
             wc_style_mark(&ui->style, hyperv ? WC_MARK_HYPERV : WC_MARK_PROCESS),
             wc_isolation_name(row->level));

    wc_buf_printf(out, " %s%s%s ", wc_style_colour(&ui->style, tone_colour(row->tone)),
                  tone_mark(ui, row->tone), wc_style_colour(&ui->style, WC_COLOUR_RESET));
    add_cell(out, label, name);
    size_t used = 3 + name;
    if (width > used + MARK_COLUMNS + 30) {
        wc_buf_addc(out, ' ');
        add_cell(out, level, MARK_COLUMNS);
        used += 1 + MARK_COLUMNS;
    }
    size_t room = width > used + 12 ? width - used - 12 : 0;
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    wc_buf_printf(&text, "%-10s %s", row->word, row->reason);
    wc_buf_addc(out, ' ');
    add_cell(out, text.data, room);
    wc_buf_printf(out, " %8s", time);
}

static void format_header(const struct wc_ui *ui, struct wc_buf *out)
{
    char time[32];
    size_t n = 0;
    for (size_t i = 0; i < ui->n_rows; i++)
        n += ui->rows[i].tone == WC_UI_DONE;
    wc_ui_duration(elapsed(ui), time, sizeof time);
    wc_buf_printf(out, "%s%s%s  %s", wc_style_colour(&ui->style, WC_COLOUR_STRONG), ui->project,
                  wc_style_colour(&ui->style, WC_COLOUR_RESET), ui->title);
    if (ui->n_rows > 0)
        wc_buf_printf(out, "  %zu/%zu", n, ui->n_rows);
    if (ui->finished && ui->outcome != NULL)
        wc_buf_printf(out, "  %s", ui->outcome);
    wc_buf_printf(out, "  %s", time);
}

/* Puts text as line `i` into the new picture. */
static void set_line(char **lines, size_t i, struct wc_buf *text)
{
    while (text->len > 0 && text->data[text->len - 1] == ' ')
        text->data[--text->len] = '\0';
    lines[i] = wc_buf_detach(text);
}

/* Rows that are to be seen: all, or as many as fit, unsettled ones first. */
static size_t choose_rows(const struct wc_ui *ui, size_t room, bool *shown)
{
    size_t n = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < ui->n_rows && n < room; i++) {
            bool first = !settled(&ui->rows[i]) || ui->rows[i].tone == WC_UI_FAILED;
            if (shown[i] || first != (pass == 0))
                continue;
            shown[i] = true;
            n++;
        }
    }
    return n;
}

/* Builds the picture; returns the number of lines, each of which the caller frees. */
static size_t build(const struct wc_ui *ui, char ***out)
{
    size_t n = 0, room = ui->n_rows;
    if (!ui->finished && ui->n_rows + 2 > ui->style.height)
        room = ui->style.height > 4 ? ui->style.height - 4 : 1;
    char **lines = wc_calloc(ui->n_rows + 2, sizeof *lines);
    bool *shown = wc_calloc(ui->n_rows + 1, sizeof *shown);
    struct wc_buf text = WC_BUF_INIT;
    size_t n_shown = choose_rows(ui, room, shown);

    format_header(ui, &text);
    set_line(lines, n++, &text);
    for (size_t i = 0; i < ui->n_rows; i++) {
        if (!shown[i])
            continue;
        format_row(ui, &ui->rows[i], &text);
        set_line(lines, n++, &text);
    }
    if (n_shown < ui->n_rows) {
        wc_buf_printf(&text, " %s %zu more", wc_style_mark(&ui->style, WC_MARK_ELLIPSIS),
                      ui->n_rows - n_shown);
        set_line(lines, n++, &text);
    }
    wc_free(shown);
    *out = lines;
    return n;
}

/* Takes over the new picture. */
static void keep(struct wc_ui *ui, char **lines, size_t n)
{
    for (size_t i = 0; i < ui->n_lines; i++)
        wc_free(ui->lines[i]);
    wc_free(ui->lines);
    ui->lines = lines;
    ui->n_lines = n;
}

static bool line_changed(const struct wc_ui *ui, char *const *lines, size_t i)
{
    return i >= ui->n_lines || !wc_streq(ui->lines[i], lines[i]);
}

/* Rewrites what differs. The cursor stands below the last line before and after. */
static void draw(struct wc_ui *ui)
{
    char **lines;
    size_t n = build(ui, &lines), first = 0;
    while (first < n && first < ui->n_lines && !line_changed(ui, lines, first))
        first++;
    if (first < n || n < ui->n_lines) {
        wc_buf_adds(ui->out, "\033[?2026h");
        if (ui->n_lines > first)
            wc_buf_printf(ui->out, "\033[%zuA", ui->n_lines - first);
        for (size_t i = first; i < n; i++) {
            if (line_changed(ui, lines, i))
                wc_buf_printf(ui->out, "\r%s\033[K", lines[i]);
            wc_buf_addc(ui->out, '\n');
        }
        if (n < ui->n_lines)
            wc_buf_adds(ui->out, "\033[J");
        wc_buf_adds(ui->out, "\033[?2026l");
    }
    keep(ui, lines, n);
    ui->drawn_ms = ui->now_ms;
    ui->dirty = false;
}

static void tty_hide(struct wc_ui *ui)
{
    if (ui->n_lines > 0)
        wc_buf_printf(ui->out, "\r\033[%zuA\033[J", ui->n_lines);
    keep(ui, NULL, 0);
    ui->dirty = true;
}

static void tty_event(struct wc_ui *ui, const struct wc_event *event, struct wc_ui_row *row,
                      bool changed)
{
    (void)row;
    if (event->type == WC_EVENT_LOG && event->reason != NULL && changed) {
        tty_hide(ui);
        wc_buf_printf(ui->out, "%s: ", event->action);
        wc_text_add_safe(ui->out, event->reason, strlen(event->reason));
        wc_buf_addc(ui->out, '\n');
    }
    if (event->type == WC_EVENT_ROLLOUT && event->reason != NULL && event->service != NULL) {
        tty_hide(ui);
        wc_buf_printf(ui->out, "%s: rollout %s: ", event->service, event->action);
        wc_text_add_safe(ui->out, event->reason, strlen(event->reason));
        wc_buf_addc(ui->out, '\n');
    }
    if (ui->dirty && (ui->n_lines == 0 || ui->now_ms - ui->drawn_ms >= FRAME_MS))
        draw(ui);
}

static unsigned tty_tick(struct wc_ui *ui)
{
    uint64_t since = ui->now_ms - ui->drawn_ms;
    if (ui->finished)
        return 0;
    if (ui->n_lines > 0 && since < FRAME_MS)
        return (unsigned)(FRAME_MS - since);
    draw(ui);
    return FRAME_MS;
}

static void tty_finish(struct wc_ui *ui)
{
    ui->finished = true;
    draw(ui);
}

const struct wc_ui_ops wc_ui_tty_ops = {
    .event = tty_event, .tick = tty_tick, .hide = tty_hide, .finish = tty_finish
};
