/* exposition.c - lines of a family: name{label="value",...} number; of a histogram, its name with
 * an ending.
 */
#include "orchestrator/core/exposition.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "wcompose/histogram.h"

void wc_exposition_family(struct wc_exposition *x, const char *family, const char *type,
                          const char *help)
{
    x->family = family;
    x->type = type;
    x->help = help;
}

/* Length of the valid UTF-8 sequence at `at`, or 0. Overlong forms and surrogates are no UTF-8. */
static size_t sequence(const unsigned char *at)
{
    static const struct {
        unsigned char first, last, low, high; /* of the first byte; of the second one */
        size_t len;
    } forms[] = {
        { 0x01, 0x7f, 0, 0, 1 },       { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
        { 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
        { 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
    };
    for (size_t i = 0; i < WC_COUNT(forms); i++) {
        if (at[0] < forms[i].first || at[0] > forms[i].last)
            continue;
        if (forms[i].len > 1 && (at[1] < forms[i].low || at[1] > forms[i].high))
            return 0;
        for (size_t k = 2; k < forms[i].len; k++)
            if (at[k] < 0x80 || at[k] > 0xbf)
                return 0;
        return forms[i].len;
    }
    return 0;
}

static void add_value(struct wc_buf *out, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    while (*at != '\0') {
        size_t len = sequence(at);
        if (*at == '\\' || *at == '"') {
            wc_buf_addc(out, '\\');
            wc_buf_addc(out, (char)*at);
        } else if (*at == '\n') {
            wc_buf_adds(out, "\\n");
        } else if (len == 0) {
            wc_buf_adds(out, "\xef\xbf\xbd");
            len = 1;
        } else {
            wc_buf_add(out, at, len);
        }
        at += len;
    }
}

static void add_label(struct wc_buf *out, const char *name, const char *value)
{
    wc_buf_adds(out, name);
    wc_buf_adds(out, "=\"");
    add_value(out, value);
    wc_buf_addc(out, '"');
}

/* The line up to its last label: "name_ending{project=...,label=...". */
static void begin(struct wc_exposition *x, const char *ending, const struct wc_label *labels,
                  size_t n)
{
    if (x->type != NULL)
        wc_buf_printf(x->out, "# HELP %s %s\n# TYPE %s %s\n", x->family, x->help, x->family,
                      x->type);
    x->type = NULL;
    wc_buf_printf(x->out, "%s%s{", x->family, ending);
    add_label(x->out, "project", x->project);
    for (size_t i = 0; i < n; i++) {
        wc_buf_addc(x->out, ',');
        add_label(x->out, labels[i].name, labels[i].value);
    }
}

void wc_exposition_sample(struct wc_exposition *x, const struct wc_label *labels, size_t n,
                          uint64_t value)
{
    begin(x, "", labels, n);
    wc_buf_printf(x->out, "} %llu\n", (unsigned long long)value);
}

void wc_exposition_seconds(struct wc_exposition *x, const struct wc_label *labels, size_t n,
                           uint64_t value_ms)
{
    begin(x, "", labels, n);
    wc_buf_printf(x->out, "} %llu.%03u\n", (unsigned long long)(value_ms / 1000),
                  (unsigned)(value_ms % 1000));
}

/* "0.0025", "300": as short as it can be said, the same in every line. */
static void bound_text(uint64_t us, char out[32])
{
    size_t len = (size_t)snprintf(out, 32, "%llu.%06u", (unsigned long long)(us / 1000000),
                                  (unsigned)(us % 1000000));
    while (out[len - 1] == '0')
        len--;
    out[out[len - 1] == '.' ? len - 1 : len] = '\0';
}

void wc_exposition_histogram(struct wc_exposition *x, const struct wc_label *labels, size_t n,
                             const struct wc_histogram *histogram)
{
    uint64_t so_far = 0;
    char bound[32];
    for (size_t i = 0; i <= WC_HISTOGRAM_BOUNDS; i++) {
        if (i < WC_HISTOGRAM_BOUNDS)
            bound_text(wc_histogram_bounds_us[i], bound);
        so_far += histogram->n[i];
        begin(x, "_bucket", labels, n);
        wc_buf_printf(x->out, ",le=\"%s\"} %llu\n", i < WC_HISTOGRAM_BOUNDS ? bound : "+Inf",
                      (unsigned long long)so_far);
    }
    begin(x, "_sum", labels, n);
    wc_buf_printf(x->out, "} %llu.%06u\n", (unsigned long long)(histogram->sum_us / 1000000),
                  (unsigned)(histogram->sum_us % 1000000));
    begin(x, "_count", labels, n);
    wc_buf_printf(x->out, "} %llu\n", (unsigned long long)so_far);
}
