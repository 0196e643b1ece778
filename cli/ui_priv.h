/* ui_priv.h - what the renderers share (cli/ui*.c only). */
#ifndef CLI_UI_PRIV_H
#define CLI_UI_PRIV_H

#include "base/arena.h"
#include "base/buf.h"
#include "cli/style.h"
#include "cli/ui.h"

enum wc_ui_tone { WC_UI_PENDING, WC_UI_BUSY, WC_UI_DONE, WC_UI_FAILED };

/* One instance on the screen. */
struct wc_ui_row {
    const char *service;
    unsigned index;
    enum wc_isolation level;
    enum wc_ui_tone tone;
    char word[24];                 /* "healthy", "exited 3" */
    char reason[160];              /* why, or "" */
    uint64_t begun_ms, settled_ms; /* since the command began */
    bool has_begun;
};

struct wc_ui_ops {
    void (*event)(struct wc_ui *ui, const struct wc_event *event, struct wc_ui_row *row,
                  bool changed);
    unsigned (*tick)(struct wc_ui *ui); /* NULL: never */
    void (*hide)(struct wc_ui *ui);     /* NULL: nothing to hide */
    void (*finish)(struct wc_ui *ui);   /* NULL: nothing to do */
};

struct wc_ui {
    const struct wc_ui_ops *ops;
    struct wc_style style;
    const char *title, *project;
    bool stopping; /* a verb after which instances are meant to have ended */
    int fd;        /* -1: only the buffer */
    struct wc_buf own, *out;
    struct wc_arena arena;
    struct wc_ui_row *rows;
    size_t n_rows, cap_rows;
    size_t name_width;
    uint64_t begin_ms, now_ms; /* monotonic; begin_ms is the first time seen */
    bool has_begun;
    const char *outcome; /* "ready", "unchanged" …, NULL while under way */

    /* tty only */
    char **lines; /* what is on the screen, n_lines */
    size_t n_lines;
    uint64_t drawn_ms;
    bool dirty, finished;
};

extern const struct wc_ui_ops wc_ui_tty_ops, wc_ui_plain_ops, wc_ui_json_ops, wc_ui_quiet_ops;

/* "api", or "api#2" where a service has several instances. Into `out` (size bytes). */
void wc_ui_label(const struct wc_ui *ui, const char *service, unsigned index, char *out,
                 size_t size);

/* "4.2 s", "1m12s". */
void wc_ui_duration(uint64_t ms, char *out, size_t size);

#endif
