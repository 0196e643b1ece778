/* interpolate.h - ${VARIABLES} in values (spec, private).
 *
 * Source:  Compose Specification, "Interpolation"; the corners as docker compose 2.40 has them.
 * Threads: one load at a time.
 */
#ifndef SPEC_INTERPOLATE_H
#define SPEC_INTERPOLATE_H

#include <stdbool.h>
#include <stddef.h>

#include "wcompose/err.h"

struct wc_buf;
struct wc_load;
struct wc_node;

/* What was wrong with a template, and where in its text. */
struct wc_template_fault {
    bool required; /* a ${X:?} fired; else the form is wrong */
    bool limit;    /* or the text grew beyond env.most */
    size_t offset; /* bytes from the start of the template */
    size_t len;    /* bytes to underline */
    char msg[256];
};

/* How a template sees the world. */
struct wc_template_env {
    const char *(*get)(void *data, const char *name);                       /* NULL: unset */
    void (*unset)(void *data, const char *name, size_t offset, size_t len); /* may be NULL */
    void *data;
    size_t most; /* bytes that may come out; 0: 1 MiB */
};

/* Appends the expansion of `text` to out. False with *fault set when it can't be expanded. */
bool wc_template_expand(const char *text, const struct wc_template_env *env, struct wc_buf *out,
                        struct wc_template_fault *fault);

/* Reports what is wrong with a template: E106, E107, or E105. */
void wc_template_report(struct wc_load *load, const struct wc_template_fault *fault,
                        struct wc_loc at, unsigned span);

/* True, with E116 reported, when the variable is set but options.restricted keeps it out. */
bool wc_env_refused(struct wc_load *load, const char *name, struct wc_loc at, unsigned span);

/* Returns the tree with every string value expanded (keys are left alone): the same node where
 * nothing changed. Faults are reported (E106, E107), unset variables warned about once each (W012).
 */
struct wc_node *wc_interpolate(struct wc_load *load, struct wc_node *node);

#endif
