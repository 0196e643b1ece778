/* diag_render.c - a finding, its line, and a caret under what it is about.
 *
 * Idea:    everything is counted in display columns: the source line is shown with tabs as four
 *          blanks and nothing that a terminal could obey, and the same walk over its characters
 *          gives the caret's place and length.
 */
#include "cli/diag_render.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "cli/style.h"
#include "cli/table.h"

enum { TAB_COLUMNS = 4, LINE_COLUMNS = 120, LINE_COLUMNS_MIN = 40, LINE_COLUMNS_MAX = 200 };

const char *wc_path_shown(const char *file, const char *cwd)
{
    if (file == NULL)
        return "";
    if (wc_streq(file, "-"))
        return "<stdin>";
    size_t len = cwd != NULL ? strlen(cwd) : 0;
    bool beneath = len > 1 && strncmp(file, cwd, len) == 0 && file[len] == '/';
    return beneath ? file + len + 1 : file;
}

/* A source line, or the part of it round the finding, and where that lies in it. */
struct excerpt {
    struct wc_buf text;
    size_t caret, length; /* columns */
};

static size_t columns_of(unsigned code)
{
    return code == '\t' ? TAB_COLUMNS : wc_char_width(code);
}

/* Byte of the character `col` (1-based), from a byte where character 1 is. */
static size_t byte_of(const char *line, size_t len, size_t col)
{
    size_t at = 0;
    unsigned code;
    for (; col > 1 && at < len; col--)
        at += wc_text_next(line + at, len - at, &code);
    return at;
}

/* The first byte from which no more than `columns` are left to `at`. */
static size_t left_of(const char *line, size_t at, size_t columns)
{
    while (at > 0) {
        size_t before = at - 1;
        while (before > 0 && at - before < 4 && ((unsigned char)line[before] & 0xC0) == 0x80)
            before--;
        unsigned code;
        if (before + wc_text_next(line + before, at - before, &code) != at)
            before = at - 1; /* a stray byte */
        (void)wc_text_next(line + before, at - before, &code);
        if (columns_of(code) > columns)
            break;
        columns -= columns_of(code);
        at = before;
    }
    return at;
}

static void excerpt_make(struct excerpt *excerpt, const char *line, size_t len, size_t max,
                         const char *ellipsis, const struct wc_diag *where)
{
    size_t caret = byte_of(line, len, where->at.col > 0 ? where->at.col : 1);
    size_t end = caret + byte_of(line + caret, len - caret, where->span + (size_t)1);
    size_t from = left_of(line, caret, max * 2 / 3), columns = 0, at;
    if (from > 0)
        from = left_of(line, caret, max / 3);
    *excerpt = (struct excerpt){ .text = WC_BUF_INIT, .length = 1 };
    if (from > 0) {
        wc_buf_printf(&excerpt->text, "%s ", ellipsis);
        columns = wc_text_width(ellipsis, strlen(ellipsis)) + 1;
        max += columns;
    }
    for (at = from; at <= len; at++) {
        unsigned code = 0;
        size_t n = at < len ? wc_text_next(line + at, len - at, &code) : 0;
        if (at == caret)
            excerpt->caret = columns - (columns > 0 && n > 0 && columns_of(code) == 0);
        if (at > caret && at <= end)
            excerpt->length = columns - excerpt->caret;
        if (n == 0 || columns + columns_of(code) > max)
            break;
        if (code == '\t')
            wc_buf_adds(&excerpt->text, "    ");
        else
            wc_text_add_safe(&excerpt->text, line + at, n);
        columns += columns_of(code);
        at += n - 1;
    }
    if (at < len)
        wc_buf_printf(&excerpt->text, " %s", ellipsis);
    if (excerpt->length == 0) /* under a combining mark, or past the end */
        excerpt->length = 1;
}

static void add_times(struct wc_buf *out, char c, size_t n)
{
    while (n-- > 0)
        wc_buf_addc(out, c);
}

/* What one rendering shares. */
struct page {
    const struct wc_diags *diags;
    const struct wc_style *style;
    const char *cwd;
    struct wc_buf *out;
};

static const char *colour(const struct page *page, enum wc_colour which)
{
    return wc_style_colour(page->style, which);
}

static void add_gutter(const struct page *page, size_t digits, unsigned line)
{
    char number[16] = "";
    if (line > 0)
        snprintf(number, sizeof number, "%u", line);
    wc_buf_printf(page->out, "%s%-*s |%s", colour(page, WC_COLOUR_PLACE), (int)digits, number,
                  colour(page, WC_COLOUR_RESET));
}

/* Columns that a line may take. */
static size_t line_columns(const struct page *page, size_t digits)
{
    size_t width = page->style->tty ? page->style->width : LINE_COLUMNS;
    size_t taken = digits + 3 + 8; /* the gutter, and room for what shows the cuts */
    if (width < LINE_COLUMNS_MIN + taken)
        return LINE_COLUMNS_MIN;
    return width > LINE_COLUMNS_MAX + taken ? LINE_COLUMNS_MAX : width - taken;
}

static void add_caret(const struct page *page, const struct excerpt *excerpt, const char *label,
                      enum wc_colour tone)
{
    struct wc_buf *out = page->out;
    add_times(out, ' ', excerpt->caret + 1);
    wc_buf_adds(out, colour(page, tone));
    add_times(out, '^', excerpt->length);
    if (label != NULL) {
        wc_buf_addc(out, ' ');
        wc_text_add_safe(out, label, strlen(label));
    }
    wc_buf_printf(out, "%s\n", colour(page, WC_COLOUR_RESET));
}

/* The place, the line and the caret. `label` is what is said beside the caret, or NULL. */
static void add_place(const struct page *page, const struct wc_diag *where, const char *label,
                      enum wc_colour tone)
{
    struct wc_buf *out = page->out;
    const struct wc_loc *at = &where->at;
    char number[16];
    size_t len = 0;
    size_t digits = (size_t)snprintf(number, sizeof number, "%u", at->line);
    const char *line = wc_diags_line(page->diags, at->file, at->line, &len);

    add_times(out, ' ', digits);
    wc_buf_printf(out, "%s-->%s ", colour(page, WC_COLOUR_PLACE), colour(page, WC_COLOUR_RESET));
    const char *shown = wc_path_shown(at->file, page->cwd);
    wc_text_add_safe(out, shown, strlen(shown));
    if (at->line > 0)
        wc_buf_printf(out, ":%u:%u", at->line, at->col);
    if (line == NULL && label != NULL) {
        wc_buf_addc(out, ' ');
        wc_text_add_safe(out, label, strlen(label));
    }
    wc_buf_addc(out, '\n');
    if (line == NULL)
        return;

    struct excerpt excerpt;
    excerpt_make(&excerpt, line, len, line_columns(page, digits),
                 wc_style_mark(page->style, WC_MARK_ELLIPSIS), where);
    add_gutter(page, digits, 0);
    wc_buf_addc(out, '\n');
    add_gutter(page, digits, at->line);
    wc_buf_printf(out, "%s%s\n", len == 0 ? "" : " ", excerpt.text.data);
    add_gutter(page, digits, 0);
    add_caret(page, &excerpt, label, tone);
    wc_buf_deinit(&excerpt.text);
}

static void add_diag(const struct page *page, const struct wc_diag *diag)
{
    struct wc_buf *out = page->out;
    bool is_error = diag->severity == WC_SEVERITY_ERROR;
    enum wc_colour tone = is_error ? WC_COLOUR_ERROR : WC_COLOUR_WARNING;
    wc_buf_printf(out, "%s%s", colour(page, tone), is_error ? "error" : "warning");
    if (diag->code != NULL)
        wc_buf_printf(out, "[%s]", diag->code);
    wc_buf_printf(out, "%s: %s", colour(page, WC_COLOUR_RESET), colour(page, WC_COLOUR_STRONG));
    wc_text_add_safe(out, diag->msg, strlen(diag->msg));
    wc_buf_printf(out, "%s\n", colour(page, WC_COLOUR_RESET));
    if (diag->at.file != NULL)
        add_place(page, diag, NULL, tone);
    if (diag->related.file != NULL) {
        struct wc_diag second = { .at = diag->related,
                                  .span = diag->related_span > 0 ? diag->related_span : 1 };
        add_place(page, &second, diag->related_label, WC_COLOUR_PLACE);
    }
    if (diag->hint != NULL) {
        wc_buf_adds(out, "  = help: ");
        wc_text_add_safe(out, diag->hint, strlen(diag->hint));
        wc_buf_addc(out, '\n');
    }
}

static bool left_out(const struct wc_diag *diag, bool no_warnings)
{
    return no_warnings && diag->severity == WC_SEVERITY_WARNING;
}

/* Errors come first where not all can be shown: a warning never hides one. */
static bool in_turn(bool crowded, const struct wc_diag *diag, int turn)
{
    if (!crowded)
        return turn == 0;
    return (diag->severity == WC_SEVERITY_ERROR) == (turn == 0);
}

static void add_rest(const struct wc_diags *diags, const struct wc_diags_view *view,
                     size_t errors_shown, size_t warnings_shown, struct wc_buf *out)
{
    size_t errors = diags->n_errors - errors_shown;
    size_t warnings = view->no_warnings ? 0 : diags->n_warnings - warnings_shown;
    if (errors + warnings == 0)
        return;
    wc_buf_printf(out, "\nand %zu more (%zu %s, %zu %s)", errors + warnings, errors,
                  errors == 1 ? "error" : "errors", warnings,
                  warnings == 1 ? "warning" : "warnings");
    wc_buf_adds(out, view->most != 0 ? "; --max-errors 0 shows them\n"
                                     : "; that is as many as are kept\n");
}

void wc_diags_format(const struct wc_diags *diags, const struct wc_style *style,
                     const struct wc_diags_view *view, struct wc_buf *out)
{
    struct page page = { diags, style, view->cwd, out };
    size_t most = view->most != 0 ? view->most : SIZE_MAX, shown[2] = { 0, 0 };
    size_t wanted = diags->n - (view->no_warnings ? diags->kept[WC_SEVERITY_WARNING] : 0);
    for (int turn = 0; turn < 2; turn++) {
        for (size_t i = 0; i < diags->n && shown[0] + shown[1] < most; i++) {
            const struct wc_diag *diag = &diags->items[i];
            if (left_out(diag, view->no_warnings) || !in_turn(wanted > most, diag, turn))
                continue;
            if (shown[0] + shown[1] > 0)
                wc_buf_addc(out, '\n');
            shown[diag->severity]++;
            add_diag(&page, diag);
        }
    }
    add_rest(diags, view, shown[WC_SEVERITY_ERROR], shown[WC_SEVERITY_WARNING], out);
}

static void json_place(struct wc_jsonw *w, const char *key, const struct wc_loc *at)
{
    if (at->file == NULL)
        return;
    wc_jsonw_object(w, key);
    wc_jsonw_str(w, "file", at->file);
    wc_jsonw_i64(w, "line", at->line);
    wc_jsonw_i64(w, "column", at->col);
    wc_jsonw_end_object(w);
}

static void json_diag(const struct wc_diag *diag, struct wc_buf *out)
{
    struct wc_jsonw w = WC_JSONW_INIT(out);
    bool is_error = diag->severity == WC_SEVERITY_ERROR;
    wc_jsonw_object(&w, NULL);
    wc_jsonw_i64(&w, "v", 1);
    wc_jsonw_str(&w, "type", "diagnostic");
    wc_jsonw_str(&w, "severity", is_error ? "error" : "warning");
    if (diag->code != NULL)
        wc_jsonw_str(&w, "code", diag->code);
    wc_jsonw_str(&w, "message", diag->msg);
    json_place(&w, "at", &diag->at);
    if (diag->at.file != NULL)
        wc_jsonw_i64(&w, "span", diag->span);
    if (diag->hint != NULL)
        wc_jsonw_str(&w, "help", diag->hint);
    json_place(&w, "related", &diag->related);
    if (diag->related_label != NULL)
        wc_jsonw_str(&w, "related_label", diag->related_label);
    wc_jsonw_end_object(&w);
    wc_buf_addc(out, '\n');
}

void wc_diags_format_json(const struct wc_diags *diags, bool no_warnings, struct wc_buf *out)
{
    for (size_t i = 0; i < diags->n; i++) {
        if (!left_out(&diags->items[i], no_warnings))
            json_diag(&diags->items[i], out);
    }
}
