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

enum { TAB_COLUMNS = 4, LINE_COLUMNS_MAX = 160, LEFT_COLUMNS_MAX = 100 };

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

/* A source line as it is shown, and where the finding lies in it. */
struct excerpt {
    struct wc_buf text;
    size_t caret, length; /* columns */
};

/* Shows the line from character `first` on; the finding begins at character `col` (1-based) and is
 * `span` characters long. */
static void excerpt_fill(struct excerpt *excerpt, const char *line, size_t len, size_t col,
                         size_t span, size_t first)
{
    size_t columns = 0, end = 0, index = 1;
    excerpt->caret = SIZE_MAX;
    for (size_t at = 0; at < len && columns < LINE_COLUMNS_MAX; index++) {
        unsigned code;
        size_t n = wc_text_next(line + at, len - at, &code);
        if (index >= first) {
            if (index == col)
                excerpt->caret = columns;
            if (code == '\t')
                wc_buf_adds(&excerpt->text, "    ");
            else
                wc_text_add_safe(&excerpt->text, line + at, n);
            columns += code == '\t' ? TAB_COLUMNS : wc_char_width(code);
            if (index >= col && index < col + span)
                end = columns;
        }
        at += n;
    }
    if (excerpt->caret == SIZE_MAX) /* past the end of the line: a missing thing */
        excerpt->caret = columns;
    excerpt->length = end > excerpt->caret ? end - excerpt->caret : 1;
}

static void excerpt_make(struct excerpt *excerpt, const char *line, size_t len, unsigned col,
                         unsigned span)
{
    size_t first = col > LEFT_COLUMNS_MAX ? col - LEFT_COLUMNS_MAX / 2 : 1;
    excerpt->text = (struct wc_buf)WC_BUF_INIT;
    excerpt_fill(excerpt, line, len, col > 0 ? col : 1, span > 0 ? span : 1, first);
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

/* The place, the line and the caret. `label` is what is said beside the caret, or NULL. */
static void add_place(const struct page *page, const struct wc_loc *at, unsigned span,
                      const char *label, enum wc_colour caret_colour)
{
    struct wc_buf *out = page->out;
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
    if (line == NULL && label != NULL)
        wc_buf_printf(out, " %s", label);
    wc_buf_addc(out, '\n');
    if (line == NULL)
        return;

    struct excerpt excerpt;
    excerpt_make(&excerpt, line, len, at->col, span);
    add_gutter(page, digits, 0);
    wc_buf_addc(out, '\n');
    add_gutter(page, digits, at->line);
    wc_buf_printf(out, " %s\n", excerpt.text.data);
    add_gutter(page, digits, 0);
    add_times(out, ' ', excerpt.caret + 1);
    wc_buf_adds(out, colour(page, caret_colour));
    add_times(out, '^', excerpt.length);
    if (label != NULL)
        wc_buf_printf(out, " %s", label);
    wc_buf_printf(out, "%s\n", colour(page, WC_COLOUR_RESET));
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
        add_place(page, &diag->at, diag->span, NULL, tone);
    if (diag->related.file != NULL)
        add_place(page, &diag->related, 1, diag->related_label, WC_COLOUR_PLACE);
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
static bool in_turn(const struct wc_diags *diags, const struct wc_diag *diag, int turn)
{
    bool crowded = diags->n > WC_DIAGS_SHOWN;
    if (!crowded)
        return turn == 0;
    return (diag->severity == WC_SEVERITY_ERROR) == (turn == 0);
}

void wc_diags_format(const struct wc_diags *diags, const struct wc_style *style, const char *cwd,
                     bool no_warnings, struct wc_buf *out)
{
    struct page page = { diags, style, cwd, out };
    size_t shown = 0, errors = 0;
    for (int turn = 0; turn < 2; turn++) {
        for (size_t i = 0; i < diags->n && shown < WC_DIAGS_SHOWN; i++) {
            const struct wc_diag *diag = &diags->items[i];
            if (left_out(diag, no_warnings) || !in_turn(diags, diag, turn))
                continue;
            if (shown++ > 0)
                wc_buf_addc(out, '\n');
            errors += diag->severity == WC_SEVERITY_ERROR;
            add_diag(&page, diag);
        }
    }
    size_t more = diags->n_errors + (no_warnings ? 0 : diags->n_warnings) - shown;
    if (more > 0)
        wc_buf_printf(out, "\nand %zu more (%zu errors)\n", more, diags->n_errors - errors);
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
