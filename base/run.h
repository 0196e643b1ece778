/* run.h - runs a program and waits for it (base, layer 0). Never a shell: arguments go as they are.
 *
 * Threads: any. Blocks: until the program ends.
 * Errors:  WC_ERR_UNAVAILABLE when it can't be started or fails; the message ends in the last line
 *          it wrote to standard error.
 */
#ifndef BASE_RUN_H
#define BASE_RUN_H

#include <sys/types.h>

#include "wcompose/err.h"

struct wc_buf;

/* Runs argv (found by PATH, NULL-terminated) in directory `dir` (NULL: the current one) with
 * LC_ALL=C and standard input closed. Appends what it writes to `out` (may be NULL). */
int wc_run(const char *const *argv, const char *dir, struct wc_buf *out, struct wc_err *err);

/* As wc_run in the current directory, with `input` to read. What the program wrote is appended to
 * `out` when it failed, too. */
int wc_run_with_input(const char *const *argv, const char *input, struct wc_buf *out,
                      struct wc_err *err);

/* As wc_run, with `each` called for every line that comes, without its end; it is valid during the
 * call only. Lines beyond 4 KiB are cut into several. */
typedef void wc_run_line_fn(void *data, const char *line);
int wc_run_lines(const char *const *argv, const char *dir, wc_run_line_fn *each, void *data,
                 struct wc_err *err);

/* As wc_run_lines, with what goes to standard error among the lines, in the order in which it came.
 */
int wc_run_all_lines(const char *const *argv, const char *dir, wc_run_line_fn *each, void *data,
                     struct wc_err *err);

/* Starts argv with its standard output as a pipe to *out_fd; end it with wc_run_wait. */
struct wc_child {
    pid_t pid;
    int out_fd, err_fd;
    const char *name;
};
int wc_run_start(const char *const *argv, const char *dir, struct wc_child *child,
                 struct wc_err *err);

/* Closes the pipe and waits. err may be NULL when the caller already has an error. */
int wc_run_wait(struct wc_child *child, struct wc_err *err);

#endif
