/* sops_file.h - a file that SOPS encrypted, as it is (spec, private). */
#ifndef SPEC_SOPS_FILE_H
#define SPEC_SOPS_FILE_H

#include "spec/text.h"

/* The stores of SOPS that we read. NONE: it isn't of SOPS. INI: one that we don't. */
enum wc_sops_store {
    WC_SOPS_NONE,
    WC_SOPS_DOTENV,
    WC_SOPS_YAML,
    WC_SOPS_JSON,
    WC_SOPS_BINARY,
    WC_SOPS_INI
};

/* One that is to be opened. */
struct wc_sops_file {
    const char *name; /* for places */
    struct wc_text text;
    enum wc_sops_store store; /* not NONE */
};

#endif
