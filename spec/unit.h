/* unit.h - the files of one project that are laid over each other (spec, private). */
#ifndef SPEC_UNIT_H
#define SPEC_UNIT_H

#include "spec/load.h"

struct wc_unit;

/* Gives the merged tree of a unit: inclusions and extensions carried out, defaults that depend on
 * the directory filled in, paths resolved. Variables are those of load->env. NULL when there is no
 * usable file. */
typedef struct wc_node *wc_unit_load_fn(struct wc_load *load, struct wc_unit *unit);

/* The files of the command line, or those of one entry of `include`. Lives on the stack. */
struct wc_unit {
    const struct wc_unit *up; /* the one that includes this one; NULL: the command line's */
    const char *by;           /* path of the file that includes this one */
    unsigned depth;
    struct wc_strv files; /* absolute paths in order, or "-"; opened (open.h) */
    const char *dir;      /* absolute: where relative paths count from */
    struct wc_map bases;  /* extends.c: path -> file that was extended from here */
    wc_unit_load_fn *load;
};

#endif
