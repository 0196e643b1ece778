/* open.h - Compose files, each read and parsed once a load (spec, private). */
#ifndef SPEC_OPEN_H
#define SPEC_OPEN_H

#include "spec/load.h"

/* One file. */
struct wc_opened {
    const char *path;  /* absolute, or "-" */
    const char *shown; /* as messages name it */
    size_t len;        /* bytes of text */
    struct wc_documents documents;
    bool broken; /* its YAML was reported */
};

/* Gives the file, reading and parsing it when it is asked for the first time.
 *   shown   how the user calls it
 *   at      what asks for it; span columns. Its errors are reported there
 *   origin  NULL: the user named the file; else kept as the second place of what is wrong inside
 * Returns NULL when it can't be read (E108, E105); what is wrong with its YAML is reported once.
 */
const struct wc_opened *wc_open(struct wc_load *load, const char *path, const char *shown,
                                struct wc_loc at, unsigned span, const char *origin);

#endif
