/* exposition_reader.h - reads Prometheus' text format strictly, for tests: every family has HELP
 * and TYPE before its samples and comes once, every series comes once, every value is a number. A
 * histogram's buckets ascend and never shrink, the last is +Inf and what _count says.
 *
 * It knows nothing of how ours is written; what it doesn't like fails the test.
 */
#ifndef TESTS_HARNESS_EXPOSITION_READER_H
#define TESTS_HARNESS_EXPOSITION_READER_H

#include "harness/wc_test.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { EXPOSITION_MAX = 20000 };

/* series: "name{label=value,...}", values unescaped, labels in order of appearance. */
struct exposition_sample {
    char *series;
    double value;
};

struct exposition {
    struct exposition_sample *samples;
    size_t n;
    char *families[200];
    size_t n_families;
    bool is_histogram;      /* the last family, */
    double last_le, last_n; /* and its last bucket; last_le < 0: none of the series yet */
};

static inline void exposition_free(struct exposition *x)
{
    for (size_t i = 0; i < x->n; i++)
        free(x->samples[i].series);
    for (size_t i = 0; i < x->n_families; i++)
        free(x->families[i]);
    free(x->samples);
}

static inline int compare_samples(const void *a, const void *b)
{
    const struct exposition_sample *x = a, *y = b;
    return strcmp(x->series, y->series);
}

static inline size_t name_length(const char *at)
{
    size_t len = 0;
    while (isalnum((unsigned char)at[len]) || at[len] == '_' || at[len] == ':')
        len++;
    if (len == 0 || isdigit((unsigned char)at[0]))
        fail_msg("no name at: %.40s", at);
    return len;
}

/* "# HELP name text" then "# TYPE name counter|gauge|histogram"; returns what comes after both
 * lines. */
static inline const char *read_head(struct exposition *x, const char *at)
{
    assert_memory_equal(at, "# HELP ", 7);
    size_t len = name_length(at + 7);
    char *name = strndup(at + 7, len);
    for (size_t i = 0; i < x->n_families; i++)
        if (strcmp(x->families[i], name) == 0)
            fail_msg("%s comes twice", name);
    x->families[x->n_families++] = name;
    at = strchr(at, '\n');
    assert_non_null(at);
    assert_memory_equal(at, "\n# TYPE ", 8);
    assert_memory_equal(at + 8, name, len);
    at += 8 + len;
    bool is_counter = strncmp(at, " counter\n", 9) == 0;
    x->is_histogram = strncmp(at, " histogram\n", 11) == 0;
    x->last_le = -1;
    if (!is_counter && !x->is_histogram && strncmp(at, " gauge\n", 7) != 0)
        fail_msg("%s: type%.20s", name, at);
    bool is_total = len > 6 && strcmp(name + len - 6, "_total") == 0;
    bool is_seconds = len > 8 && strcmp(name + len - 8, "_seconds") == 0;
    assert_int_equal(is_counter, is_total);
    assert_true(is_seconds || !x->is_histogram);
    return strchr(at, '\n') + 1;
}

/* The ending of a sample's name behind its family's; its order and sums. */
static inline void check_histogram(struct exposition *x, const char *ending, const char *series,
                                   double value)
{
    if (strncmp(ending, "_bucket{", 8) == 0) {
        const char *le = strstr(series, ",le=");
        assert_non_null(le);
        double bound = strtod(le + 4, NULL);
        assert_true(bound > x->last_le && value >= x->last_n);
        x->last_le = bound;
        x->last_n = value;
    } else if (strncmp(ending, "_sum{", 5) == 0) {
        assert_true(x->last_le > 1e300); /* +Inf was there */
        assert_true(value > 0 || x->last_n >= 0);
    } else if (strncmp(ending, "_count{", 7) == 0) {
        assert_true(x->last_le > 1e300 && value == x->last_n);
        x->last_le = -1;
        x->last_n = 0;
    } else {
        fail_msg("%s: not of a histogram", series);
    }
}

/* One label's value from after its opening quote; appends it unescaped, returns what follows. */
static inline const char *read_value(const char *at, char **out)
{
    for (; *at != '"'; at++) {
        if (*at == '\0' || *at == '\n')
            fail_msg("a label has no end");
        if (*at == '\\') {
            at++;
            if (*at != '\\' && *at != '"' && *at != 'n')
                fail_msg("unknown escape \\%c", *at);
            *(*out)++ = *at == 'n' ? '\n' : *at;
        } else {
            *(*out)++ = *at;
        }
    }
    return at + 1;
}

static inline const char *read_sample(struct exposition *x, const char *at)
{
    const char *family = x->n_families > 0 ? x->families[x->n_families - 1] : "";
    char *series = calloc(1, strcspn(at, "\n") + 2), *out = series, *end;
    size_t len = name_length(at), family_len = strlen(family);
    const char *ending = at + family_len;
    bool fits = x->is_histogram ? len > family_len : len == family_len;
    if (!fits || memcmp(family, at, family_len) != 0)
        fail_msg("%.*s is not beneath its head", (int)len, at);
    memcpy(out, at, len);
    out += len;
    at += len;
    if (*at == '{') {
        do {
            *out++ = at[0];
            at++;
            len = name_length(at);
            memcpy(out, at, len);
            out += len;
            *out++ = '=';
            at += len;
            assert_memory_equal(at, "=\"", 2);
            at = read_value(at + 2, &out);
        } while (*at == ',');
        assert_int_equal(*at, '}');
        *out++ = *at++;
    }
    assert_int_equal(*at, ' ');
    double value = strtod(at + 1, &end);
    if (end == at + 1 || *end != '\n')
        fail_msg("no value: %.40s", at);
    if (x->is_histogram)
        check_histogram(x, ending, series, value);
    assert_true(x->n < EXPOSITION_MAX);
    x->samples[x->n++] = (struct exposition_sample){ series, value };
    return end + 1;
}

static inline struct exposition exposition_read(const char *text)
{
    struct exposition x = { .samples = calloc(EXPOSITION_MAX, sizeof *x.samples) };
    bool needs_sample = false;
    while (*text != '\0') {
        assert_false(needs_sample && *text == '#'); /* a head without a sample */
        needs_sample = *text == '#';
        text = *text == '#' ? read_head(&x, text) : read_sample(&x, text);
    }
    assert_false(needs_sample);
    qsort(x.samples, x.n, sizeof *x.samples, compare_samples);
    for (size_t i = 1; i < x.n; i++)
        if (strcmp(x.samples[i - 1].series, x.samples[i].series) == 0)
            fail_msg("%s comes twice", x.samples[i].series);
    return x;
}

static inline const struct exposition_sample *exposition_find(const struct exposition *x,
                                                              const char *series)
{
    for (size_t i = 0; i < x->n; i++)
        if (strcmp(x->samples[i].series, series) == 0)
            return &x->samples[i];
    return NULL;
}

static inline double exposition_value(const struct exposition *x, const char *series)
{
    const struct exposition_sample *sample = exposition_find(x, series);
    if (sample == NULL)
        fail_msg("%s is not there", series);
    return sample->value;
}

#endif
