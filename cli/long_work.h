/* long_work.h - what is shown of work that takes a while (cli, layer 5). Threads: one. */
#ifndef CLI_LONG_WORK_H
#define CLI_LONG_WORK_H

#include <stdint.h>
#include <time.h>

struct wc_cli;

/* Work under way; start with WC_LONG_WORK(cli). */
struct wc_long_work {
    const struct wc_cli *cli;
    time_t last;
    char said[160];
};
#define WC_LONG_WORK(of)                                                                           \
    {                                                                                              \
        .cli = (of), .last = time(NULL)                                                            \
    }

/* Notes what is being done, with its share of `total` unless that is 0; at most once a second, and
 * not the same again. Fits wc_image_progress_fn and wc_vm_progress_fn; data is the struct. */
void wc_long_work_note(void *data, const char *what, uint64_t done, uint64_t total);

#endif
