/* exposition.h - numbers as Prometheus' text format 0.0.4 (orchestrator/core, pure).
 *
 * Idea:    a family is named first and printed with its first sample, so that what has no value has
 *          no line either. Every series bears the project's name.
 * Owner:   the buffer is the caller's; texts are borrowed, a family's until the next one.
 * Threads: a value. Errors: none: label values are escaped, whatever is in them.
 * Source:  prometheus.io, "Exposition formats", text-based format; labels and names, ibid. "Data
 *          model".
 */
#ifndef ORCHESTRATOR_CORE_EXPOSITION_H
#define ORCHESTRATOR_CORE_EXPOSITION_H

#include <stddef.h>
#include <stdint.h>

struct wc_buf;
struct wc_histogram;

#define WC_EXPOSITION_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Start with out and project set, the rest zero. */
struct wc_exposition {
    struct wc_buf *out;
    const char *project;
    const char *family, *type, *help; /* type NULL: its head is printed */
};

struct wc_label {
    const char *name, *value; /* name: [a-z_]+; value: any bytes, invalid UTF-8 becomes U+FFFD */
};

/* Begins a family. `type` is "counter", "gauge" or "histogram"; `help` one line without a
 * backslash. */
void wc_exposition_family(struct wc_exposition *x, const char *family, const char *type,
                          const char *help);

/* Adds a sample of the family; the caller sees to it that no two have the same labels. */
void wc_exposition_sample(struct wc_exposition *x, const struct wc_label *labels, size_t n,
                          uint64_t value);

/* The same with milliseconds, printed as seconds. */
void wc_exposition_seconds(struct wc_exposition *x, const struct wc_label *labels, size_t n,
                           uint64_t value_ms);

/* Adds a histogram of the family: how many of at most each bound, of any length, their sum. */
void wc_exposition_histogram(struct wc_exposition *x, const struct wc_label *labels, size_t n,
                             const struct wc_histogram *histogram);

#endif
