/* image_filter.h - which images `image ls --filter` shows (cli, layer 5).
 *
 * Idea:    as docker has it: "dangling=true", "reference=PATTERN", "label=KEY[=VALUE]",
 *          "before=IMAGE", "since=IMAGE". Patterns are alternatives, everything else holds at once.
 * Owner:   strings are borrowed from the command line, or live in the arena. Threads: any.
 * Source:  docker image ls, "Filtering"; Go's path.Match for patterns.
 */
#ifndef CLI_IMAGE_FILTER_H
#define CLI_IMAGE_FILTER_H

#include "cli/cli.h"
#include "wcompose/image.h"

struct wc_image_filter {
    struct wc_strv references, labels;
    enum wc_tri dangling;
    int64_t before_ms, since_ms; /* when the images were made that were named; WC_UNSET: none */
};

/* Reads filters, looking images up in the store. 0 or an exit status, printed: an unknown filter,
 * an image that isn't there or doesn't say when it was made. */
int wc_image_filter_read(struct wc_cli *cli, struct wc_image_store *store, const char *const *texts,
                         size_t n, struct wc_image_filter *out);

/* True when it is shown. */
bool wc_image_filter_takes(const struct wc_image_filter *filter, const struct wc_image_info *info);

#endif
