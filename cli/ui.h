/* ui.h - progress on the screen: renderers of one event stream behind one interface (cli, layer 5).
 *
 * Idea:    a renderer turns events into bytes in a buffer; the shell round it writes them to
 *          stderr. So every renderer is tested with a buffer and a width, without a terminal.
 *          tty redraws changed lines at most ten times a second, plain writes one line a fact,
 *          json one object a line, quiet nothing but failures.
 * Owner:   the ui copies what it keeps. Threads: one.
 */
#ifndef CLI_UI_H
#define CLI_UI_H

#include <stddef.h>
#include <stdint.h>

#include "cli/cli.h"
#include "wcompose/event.h"
#include "wcompose/state.h"

struct wc_buf;
struct wc_ui;

/* Makes the renderer that `cli` asks for, writing to stderr.
 *   title  the verb as the header shows it: "up", "down"
 */
struct wc_ui *wc_ui_new(const struct wc_cli *cli, const char *title, const char *project);

/* The same onto a buffer (tests). `style` gives width, height, colour and glyphs. */
struct wc_ui *wc_ui_new_buffer(enum wc_progress progress, const struct wc_style *style,
                               const char *title, const char *project, struct wc_buf *out);

/* Erases nothing, frees everything; NULL is fine. Call wc_ui_finish before. */
void wc_ui_free(struct wc_ui *ui);

/* Announces an instance before anything happened to it, so that tty shows it as pending, in the
 * order announced (start order), and counts it. `needs` says what it waits for, or NULL. */
void wc_ui_expect(struct wc_ui *ui, const char *service, unsigned index, enum wc_isolation level,
                  const char *needs);

/* Takes one event. Draws at once, or keeps it for the next tick when the screen is fresh.
 *   now_ms  monotonic milliseconds (uv_now)
 */
void wc_ui_event(struct wc_ui *ui, const struct wc_event *event, uint64_t now_ms);

/* Draws what is due. Returns in how many milliseconds to call again; 0 = only after an event.
 * A tty renderer with something under way wants ten ticks a second at most, for spinner and clock.
 */
unsigned wc_ui_tick(struct wc_ui *ui, uint64_t now_ms);

/* Takes the changing part off the screen, so that other text (log lines of `up` in the foreground)
 * can be written to the terminal; the next event or tick draws it again below. */
void wc_ui_hide(struct wc_ui *ui);

/* Draws the final state and leaves it on the screen. */
void wc_ui_finish(struct wc_ui *ui, uint64_t now_ms);

/* A start that failed, as the user is told. Strings are borrowed; NULL and 0 = not known. */
struct wc_ui_failure {
    const char *project, *verb; /* "shop", "up" */
    const char *service;        /* the first that failed, NULL when no single one did */
    unsigned index;
    enum wc_isolation level;
    const char *cause;   /* "exited 3 after 0.4 s, 3rd time", "never became healthy: …" */
    const char *outcome; /* "rolled back to generation @3", or NULL */
    struct wc_loc at;    /* the service in the file */
    const char *const *log_lines; /* its last lines, oldest first */
    size_t n_log_lines;
    const char *const *blocked; /* services that wait for it */
    size_t n_blocked;
    const char *const *running; /* services that run all the same */
    size_t n_running;
    bool nothing_left;   /* of the project on this host: it was undone */
    const char *command; /* how to call us again ("wcompose -f x"); NULL: "wcompose" */
    int exit_status;     /* of this command */
};

/* Prints the report: cause, place, last log lines, what is blocked, what to type next (to stderr;
 * one JSON object with --json or --progress json). */
void wc_ui_report_failure(const struct wc_cli *cli, const struct wc_ui_failure *failure);

/* The same into a buffer (tests). */
void wc_ui_format_failure(const struct wc_style *style, bool json,
                          const struct wc_ui_failure *failure, struct wc_buf *out);

/* A stable colour for a service name's log prefix, as an SGR sequence ("\033[36m"): from the name
 * alone, not from the order of arrival. "" without colour. */
const char *wc_ui_name_colour(const struct wc_style *style, const char *service);
const char *wc_ui_reset(const struct wc_style *style);

#endif
