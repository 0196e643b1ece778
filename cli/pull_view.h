/* pull_view.h - what is shown of images on their way (cli, layer 5).
 *
 * Idea:    one event, three forms: on a terminal a line for each image under way, which is left
 *          behind as one line when it is over; elsewhere a line when it begins and one when it
 * ends; for programs each event as an object. Owner:   the caller's. Threads: one.
 */
#ifndef CLI_PULL_VIEW_H
#define CLI_PULL_VIEW_H

#include "base/buf.h"
#include "cli/cli.h"
#include "wcompose/pull.h"

struct wc_pull_row;

struct wc_pull_view {
    enum wc_progress progress;
    struct wc_style style;
    struct wc_arena *arena;
    const struct wc_pull_image *images; /* n of them */
    struct wc_pull_row *rows;
    size_t n, n_live; /* lines on the screen that will be redrawn */
    uint64_t drawn_ms;
    struct wc_buf *out;
};

/* Begins; what is to be written is appended to `out`. */
void wc_pull_view_init(struct wc_pull_view *view, const struct wc_cli *cli,
                       const struct wc_pull_image *images, size_t n, struct wc_buf *out);

/* The image has changed. now_ms is monotonic. */
void wc_pull_view_event(struct wc_pull_view *view, const struct wc_pull_image *image,
                        uint64_t now_ms);

/* Draws the end. */
void wc_pull_view_finish(struct wc_pull_view *view, uint64_t now_ms);

#endif
