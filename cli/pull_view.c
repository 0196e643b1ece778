/* pull_view.c - lines for images. Speed is of the last seconds (an average that forgets), as the
 * one since the beginning would hide that a transfer has come to a stop. */
#include "cli/pull_view.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "base/units.h"
#include "cli/style.h"
#include "cli/table.h"

enum {
    FRAME_MS = 100,
    WINDOW_MS = 500,
    BAR = 16,
    BAR_MIN = 4,
    NAME_MAX_COLUMNS = 40,
    JSON_MS = 1000
};

struct wc_pull_row {
    uint64_t begun_ms, ended_ms;
    uint64_t sample_ms, sample_done; /* where the speed was taken last */
    double speed;                    /* bytes a second */
    unsigned retries;
    enum wc_pull_state state;
    bool is_shown; /* its last line is on the screen for good */
    uint64_t json_ms;
};

void wc_pull_view_init(struct wc_pull_view *view, const struct wc_cli *cli,
                       const struct wc_pull_image *images, size_t n, struct wc_buf *out)
{
    *view = (struct wc_pull_view){ .progress = cli->progress,
                                   .style = cli->err,
                                   .arena = cli->arena,
                                   .images = images,
                                   .n = n,
                                   .out = out };
    view->rows = WC_NEW_ARRAY(cli->arena, struct wc_pull_row, n + 1);
}

static const char *shown_name(const struct wc_pull_image *image)
{
    return wc_image_short_reference(image->name != NULL ? image->name : image->reference);
}

static bool is_over(enum wc_pull_state state)
{
    return state == WC_PULL_PULLED || state == WC_PULL_UNCHANGED || state == WC_PULL_OFFERED ||
           state == WC_PULL_FAILED;
}

static void add_bytes(struct wc_buf *out, uint64_t bytes)
{
    wc_bytes_format((int64_t)bytes, out);
}

static void add_seconds(struct wc_buf *out, uint64_t ms)
{
    if (ms < 60000)
        wc_buf_printf(out, "%u.%u s", (unsigned)(ms / 1000), (unsigned)(ms % 1000 / 100));
    else
        wc_buf_printf(out, "%um%02us", (unsigned)(ms / 60000), (unsigned)(ms / 1000 % 60));
}

/* ---- text ---- */

/* "pulled  84 MiB in 3.1 s  sha256:…" */
static void add_end(const struct wc_pull_image *image, const struct wc_pull_row *row,
                    struct wc_buf *out)
{
    switch (image->state) {
    case WC_PULL_PULLED:
        wc_buf_adds(out, "pulled  ");
        add_bytes(out, image->total);
        wc_buf_adds(out, " in ");
        add_seconds(out, row->ended_ms - row->begun_ms);
        break;
    case WC_PULL_UNCHANGED:
        wc_buf_adds(out, "is up to date");
        break;
    case WC_PULL_OFFERED:
        wc_buf_adds(out, "can be pulled");
        break;
    case WC_PULL_FAILED:
        wc_buf_adds(out, "failed");
        break;
    case WC_PULL_WAITING:
    case WC_PULL_ASKING:
    case WC_PULL_FETCHING:
    case WC_PULL_FINISHING:
        break;
    }
    if (image->digest != NULL && image->state != WC_PULL_FAILED)
        wc_buf_printf(out, "  %.19s", image->digest);
    if (image->source != NULL && image->state == WC_PULL_PULLED)
        wc_buf_printf(out, "  from %s", image->source);
}

static void add_bar(const struct wc_pull_view *view, const struct wc_pull_image *image,
                    size_t columns, struct wc_buf *out)
{
    size_t full = (size_t)(image->done * columns / image->total);
    for (size_t i = 0; i < columns; i++)
        wc_buf_adds(out, i < full ? (view->style.unicode ? "━" : "=")
                                  : (view->style.unicode ? "─" : "-"));
    wc_buf_addc(out, ' ');
}

/* "84 MiB of 1.2 GiB  11 MiB/s  3.1 s left" */
static void add_numbers(const struct wc_pull_image *image, const struct wc_pull_row *row,
                        struct wc_buf *out)
{
    add_bytes(out, image->done);
    wc_buf_adds(out, " of ");
    add_bytes(out, image->total);
    if (row->speed >= 1) {
        wc_buf_adds(out, "  ");
        add_bytes(out, (uint64_t)row->speed);
        wc_buf_adds(out, "/s  ");
        add_seconds(out, (uint64_t)((double)(image->total - image->done) * 1000 / row->speed));
        wc_buf_adds(out, " left");
    }
    if (image->retries > 0)
        wc_buf_printf(out, "  (broken off %u×)", image->retries);
}

/* The bar takes what the numbers leave of `room` columns. */
static void add_progress(const struct wc_pull_view *view, const struct wc_pull_image *image,
                         const struct wc_pull_row *row, size_t room, struct wc_buf *out)
{
    WC_CLEANUP_BUF struct wc_buf numbers = WC_BUF_INIT;
    if (image->state != WC_PULL_FETCHING || image->total == 0) {
        wc_buf_adds(out, image->state == WC_PULL_ASKING      ? "asks the registry"
                         : image->state == WC_PULL_FINISHING ? "unpacks"
                                                             : "waits");
        return;
    }
    add_numbers(image, row, &numbers);
    size_t taken = wc_text_width(numbers.data, numbers.len) + 1;
    size_t left = room > taken ? room - taken : 0;
    if (left >= BAR_MIN)
        add_bar(view, image, left < BAR ? left : BAR, out);
    wc_buf_add(out, numbers.data, numbers.len);
}

/* ---- terminal ---- */

static size_t name_columns(const struct wc_pull_view *view)
{
    size_t most = 0;
    for (size_t i = 0; i < view->n; i++) {
        const char *name = shown_name(&view->images[i]);
        size_t width = wc_text_width(name, strlen(name));
        most = width > most ? width : most;
    }
    return most < NAME_MAX_COLUMNS ? most : NAME_MAX_COLUMNS;
}

static void add_line(struct wc_pull_view *view, size_t i, struct wc_buf *out)
{
    const struct wc_pull_image *image = &view->images[i];
    const struct wc_pull_row *row = &view->rows[i];
    const char *name = shown_name(image);
    bool over = is_over(image->state), failed = image->state == WC_PULL_FAILED;
    enum wc_colour colour = failed ? WC_COLOUR_ERROR : over ? WC_COLOUR_GOOD : WC_COLOUR_BUSY;
    enum wc_mark mark = failed ? WC_MARK_FAILED : over ? WC_MARK_DONE : WC_MARK_BUSY;
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    size_t columns = name_columns(view);
    size_t bytes = wc_text_cut(name, strlen(name), columns);
    wc_buf_add(&text, name, bytes);
    for (size_t used = wc_text_width(name, bytes); used < columns + 2; used++)
        wc_buf_addc(&text, ' ');
    size_t room = view->style.width > 4 ? view->style.width - 4 : 1;
    if (over)
        add_end(image, row, &text);
    else
        add_progress(view, image, row, room > columns + 2 ? room - columns - 2 : 0, &text);
    wc_buf_printf(out, "\r %s%s%s ", wc_style_colour(&view->style, colour),
                  wc_style_mark(&view->style, mark),
                  wc_style_colour(&view->style, WC_COLOUR_RESET));
    wc_buf_add(out, text.data, wc_text_cut(text.data, text.len, room));
    wc_buf_adds(out, "\033[K\n");
}

/* What is over is written above what goes on, once. */
static void draw(struct wc_pull_view *view, uint64_t now_ms)
{
    struct wc_buf *out = view->out;
    size_t room = view->style.height > 3 ? view->style.height - 2 : 1;
    wc_buf_adds(out, "\033[?2026h");
    if (view->n_live > 0)
        wc_buf_printf(out, "\033[%zuA", view->n_live);
    for (size_t i = 0; i < view->n; i++) {
        if (!is_over(view->images[i].state) || view->rows[i].is_shown)
            continue;
        add_line(view, i, out);
        view->rows[i].is_shown = true;
    }
    view->n_live = 0;
    for (size_t i = 0; i < view->n && view->n_live < room; i++) {
        if (is_over(view->images[i].state) || view->images[i].state == WC_PULL_WAITING)
            continue;
        add_line(view, i, out);
        view->n_live++;
    }
    wc_buf_adds(out, "\033[J\033[?2026l");
    view->drawn_ms = now_ms;
}

/* ---- events ---- */

static void plain_event(struct wc_pull_view *view, const struct wc_pull_image *image,
                        const struct wc_pull_row *row, bool changed)
{
    struct wc_buf *out = view->out;
    if (!changed || image->state == WC_PULL_WAITING || image->state == WC_PULL_ASKING ||
        image->state == WC_PULL_FINISHING || image->state == WC_PULL_FAILED)
        return;
    wc_text_add_safe(out, shown_name(image), strlen(shown_name(image)));
    if (is_over(image->state)) {
        wc_buf_adds(out, "  ");
        add_end(image, row, out);
    } else {
        wc_buf_adds(out, "  pulling ");
        add_bytes(out, image->total);
        wc_buf_printf(out, " in %u %s", image->n_layers, image->n_layers == 1 ? "layer" : "layers");
    }
    wc_buf_addc(out, '\n');
}

static void json_event(struct wc_pull_view *view, const struct wc_pull_image *image,
                       struct wc_pull_row *row, bool changed, uint64_t now_ms)
{
    struct wc_jsonw w = WC_JSONW_INIT(view->out);
    if (!changed && now_ms < row->json_ms + JSON_MS)
        return;
    row->json_ms = now_ms;
    wc_jsonw_object(&w, NULL);
    wc_jsonw_i64(&w, "v", 1);
    wc_jsonw_str(&w, "type", "pull");
    wc_jsonw_str(&w, "image", image->name != NULL ? image->name : image->reference);
    wc_jsonw_str(&w, "state", wc_pull_state_name(image->state));
    wc_jsonw_i64(&w, "bytes", (int64_t)image->done);
    wc_jsonw_i64(&w, "total_bytes", (int64_t)image->total);
    wc_jsonw_i64(&w, "layers", image->layers);
    wc_jsonw_i64(&w, "total_layers", image->n_layers);
    wc_jsonw_i64(&w, "retries", image->retries);
    if (image->digest != NULL)
        wc_jsonw_str(&w, "digest", image->digest);
    if (image->state == WC_PULL_FAILED)
        wc_jsonw_str(&w, "error", image->err.msg);
    wc_jsonw_end_object(&w);
    wc_buf_addc(view->out, '\n');
}

static void take_times(struct wc_pull_row *row, const struct wc_pull_image *image, uint64_t now_ms)
{
    if (row->begun_ms == 0 && image->state != WC_PULL_WAITING)
        row->begun_ms = row->sample_ms = now_ms;
    if (is_over(image->state) && row->ended_ms == 0)
        row->ended_ms = now_ms;
    if (now_ms < row->sample_ms + WINDOW_MS || image->done < row->sample_done)
        return;
    double now =
        (double)(image->done - row->sample_done) * 1000 / (double)(now_ms - row->sample_ms);
    row->speed = row->speed >= 1 ? row->speed * 0.7 + now * 0.3 : now;
    row->sample_ms = now_ms;
    row->sample_done = image->done;
}

void wc_pull_view_event(struct wc_pull_view *view, const struct wc_pull_image *image,
                        uint64_t now_ms)
{
    struct wc_pull_row *row = &view->rows[image - view->images];
    bool changed = row->state != image->state;
    row->state = image->state;
    take_times(row, image, now_ms);
    switch (view->progress) {
    case WC_PROGRESS_TTY:
        if (now_ms >= view->drawn_ms + FRAME_MS)
            draw(view, now_ms);
        break;
    case WC_PROGRESS_PLAIN:
        plain_event(view, image, row, changed);
        break;
    case WC_PROGRESS_JSON:
        json_event(view, image, row, changed, now_ms);
        break;
    case WC_PROGRESS_QUIET:
        break;
    }
}

void wc_pull_view_finish(struct wc_pull_view *view, uint64_t now_ms)
{
    if (view->progress == WC_PROGRESS_TTY)
        draw(view, now_ms);
}
