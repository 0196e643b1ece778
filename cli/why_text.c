/* why_text.c - the chain on paper. */
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "base/units.h"
#include "cli/diag_render.h"
#include "cli/proof_text.h"
#include "cli/style.h"
#include "cli/table.h"
#include "cli/why.h"

const char *wc_why_time(int64_t wall_ms, int64_t now_ms, struct wc_arena *arena)
{
    enum { HALF_A_DAY_MS = 12 * 3600 * 1000 };
    char text[32];
    if (wall_ms <= 0)
        return "-";
    wc_time_rfc3339(wall_ms, text, sizeof text);
    bool near = now_ms - wall_ms < HALF_A_DAY_MS && wall_ms - now_ms < HALF_A_DAY_MS;
    if (near)
        return wc_arena_printf(arena, "%.8sZ", text + 11);
    return wc_arena_printf(arena, "%.10s %.8sZ", text, text + 11);
}

const char *wc_why_span(int64_t ms, struct wc_arena *arena)
{
    long long s = ms > 0 ? ms / 1000 : 0;
    if (s < 60)
        return wc_arena_printf(arena, "%llds", s);
    if (s < 3600)
        return wc_arena_printf(arena, "%lldm%02llds", s / 60, s % 60);
    if (s < 86400)
        return wc_arena_printf(arena, "%lldh%02lldm", s / 3600, s % 3600 / 60);
    return wc_arena_printf(arena, "%lldd%02lldh", s / 86400, s % 86400 / 3600);
}

/* ---- text ---- */

static bool is_several(const struct wc_why *why)
{
    for (size_t i = 0; i < why->n; i++)
        if (why->steps[i].index > 1)
            return true;
    return false;
}

static const char *label(const struct wc_why_step *step, bool several, struct wc_arena *arena)
{
    if (step->service == NULL)
        return "";
    return several && step->index > 0 ? wc_arena_printf(arena, "%s#%u", step->service, step->index)
                                      : step->service;
}

/* How it is laid out. */
struct layout {
    const struct wc_style *style;
    const char *cwd;
    bool several; /* instances are told apart */
    size_t width; /* of the names */
    struct wc_arena *arena;
};

static void add_step(const struct wc_why *why, const struct wc_why_step *step,
                     const struct layout *how, struct wc_buf *out)
{
    const char *who = label(step, how->several, how->arena);
    const char *when = step->wall_ms > 0 ? wc_why_time(step->wall_ms, why->now_ms, how->arena) : "";
    wc_buf_printf(out, "  %s%-9s%s  %-*s  ", wc_style_colour(how->style, WC_COLOUR_FAINT), when,
                  wc_style_colour(how->style, WC_COLOUR_RESET), (int)how->width, who);
    wc_text_add_safe(out, step->text, strlen(step->text));
    if (step->at.file != NULL && step->at.line != 0)
        wc_buf_printf(out, "   %s%s:%u:%u%s", wc_style_colour(how->style, WC_COLOUR_PLACE),
                      wc_path_shown(step->at.file, how->cwd), step->at.line, step->at.col,
                      wc_style_colour(how->style, WC_COLOUR_RESET));
    wc_buf_addc(out, '\n');
}

static void add_root(const struct wc_why *why, struct wc_buf *out)
{
    const struct wc_why_step *root = why->root;
    if (root == NULL || why->n < 2)
        return;
    wc_buf_adds(out, "root cause: ");
    if (root->service != NULL)
        wc_buf_printf(out, "%s ", root->service);
    wc_text_add_safe(out, root->text, strlen(root->text));
    wc_buf_addc(out, '\n');
}

static void add_log(const struct wc_why *why, struct wc_buf *out)
{
    if (why->log.n > 0)
        wc_buf_printf(out, "last lines of %s:\n", why->root->service);
    for (size_t i = 0; i < why->log.n; i++) {
        wc_buf_adds(out, "     ");
        wc_text_add_safe(out, why->log.items[i], strlen(why->log.items[i]));
        wc_buf_addc(out, '\n');
    }
}

void wc_why_format_text(const struct wc_why *why, const struct wc_style *style, const char *cwd,
                        const char *command, struct wc_buf *out)
{
    struct wc_arena arena;
    wc_arena_init(&arena);
    struct layout how = { style, cwd, is_several(why), 0, &arena };
    for (size_t i = 0; i < why->n; i++) {
        size_t len = strlen(label(&why->steps[i], how.several, &arena));
        how.width = len > how.width ? len : how.width;
    }
    bool moves = wc_why_is_moving(why->state);
    enum wc_colour colour = why->ready ? WC_COLOUR_GOOD : moves ? WC_COLOUR_BUSY : WC_COLOUR_ERROR;
    enum wc_mark mark = why->ready ? WC_MARK_DONE : moves ? WC_MARK_BUSY : WC_MARK_FAILED;
    wc_buf_printf(out, "%s%s%s %s", wc_style_colour(style, colour), wc_style_mark(style, mark),
                  wc_style_colour(style, WC_COLOUR_RESET), why->service);
    if (why->index > 1)
        wc_buf_printf(out, "#%u", why->index);
    wc_buf_addc(out, ' ');
    wc_text_add_safe(out, why->summary, strlen(why->summary));
    wc_buf_addc(out, '\n');
    for (size_t i = 0; i < why->n; i++)
        add_step(why, &why->steps[i], &how, out);
    add_root(why, out);
    add_log(why, out);
    if (why->gap != NULL)
        wc_buf_printf(out, "note: %s\n", why->gap);
    for (size_t i = 0; i < why->n_next; i++)
        wc_buf_printf(out, "%s%s %s%s", i == 0 ? "next:  " : "    ", command, why->next[i],
                      i + 1 == why->n_next ? "\n" : "");
    wc_arena_deinit(&arena);
}

/* ---- JSON ---- */

static void add_json_step(struct wc_jsonw *w, const struct wc_why_step *step)
{
    char ts[32] = "";
    if (step->wall_ms > 0)
        wc_time_rfc3339(step->wall_ms, ts, sizeof ts);
    wc_jsonw_object(w, NULL);
    wc_jsonw_str(w, "Time", ts[0] != '\0' ? ts : NULL);
    wc_jsonw_str(w, "Service", step->service);
    wc_jsonw_i64(w, "Index", step->index);
    wc_jsonw_str(w, "Text", step->text);
    if (step->at.file != NULL && step->at.line != 0) {
        wc_jsonw_object(w, "At");
        wc_jsonw_str(w, "File", step->at.file);
        wc_jsonw_i64(w, "Line", step->at.line);
        wc_jsonw_i64(w, "Column", step->at.col);
        wc_jsonw_end_object(w);
    }
    if (step->seq != 0)
        wc_jsonw_i64(w, "Seq", (int64_t)step->seq);
    wc_jsonw_end_object(w);
}

void wc_why_format_json(const struct wc_why *why, const struct wc_isolation_choice *isolation,
                        bool supervised, struct wc_buf *out)
{
    struct wc_jsonw w = WC_JSONW_INIT(out);
    wc_jsonw_object(&w, NULL);
    wc_jsonw_i64(&w, "v", 1);
    wc_jsonw_str(&w, "Service", why->service);
    wc_jsonw_i64(&w, "Index", why->index);
    wc_jsonw_str(&w, "State", why->state);
    wc_jsonw_bool(&w, "Ready", why->ready);
    wc_jsonw_str(&w, "Summary", why->summary);
    wc_jsonw_bool(&w, "Supervised", supervised);
    wc_jsonw_array(&w, "Chain");
    for (size_t i = 0; i < why->n; i++)
        add_json_step(&w, &why->steps[i]);
    wc_jsonw_end_array(&w);
    if (why->root != NULL) {
        wc_jsonw_object(&w, "RootCause");
        wc_jsonw_str(&w, "Service", why->root->service);
        wc_jsonw_str(&w, "Text", why->root->text);
        wc_jsonw_end_object(&w);
    } else {
        wc_jsonw_null(&w, "RootCause");
    }
    wc_jsonw_array(&w, "Log");
    for (size_t i = 0; i < why->log.n; i++)
        wc_jsonw_str(&w, NULL, why->log.items[i]);
    wc_jsonw_end_array(&w);
    wc_jsonw_str(&w, "Note", why->gap);
    if (isolation != NULL)
        wc_proof_json("Isolation", isolation, &w);
    wc_jsonw_array(&w, "Next");
    for (size_t i = 0; i < why->n_next; i++)
        wc_jsonw_str(&w, NULL, why->next[i]);
    wc_jsonw_end_array(&w);
    wc_jsonw_end_object(&w);
    wc_buf_addc(out, '\n');
}
