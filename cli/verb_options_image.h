/* verb_options_image.h - the options of the verbs about images and disk space: rows of the table in
 * verbs.c, which alone includes this (cli, layer 5). */
#ifndef CLI_VERB_OPTIONS_IMAGE_H
#define CLI_VERB_OPTIONS_IMAGE_H

#include "cli/verb_options.h"

static const struct wc_option image_save_options[] = {
    { "output", 'o', WC_OPTION_TEXT, "FILE", "write to a file instead of stdout" },
    { "format", 0, WC_OPTION_CHOICE, "both|oci-archive|docker-archive",
      "what to write; both is one archive that every tool reads" },
};

static const struct wc_option image_prune_options[] = {
    FLAG("all", 'a', "images with a name that nothing uses, too"),
    FLAG("force", 'f', "do not ask"),
};

static const struct wc_option image_inspect_options[] = {
    { "format", 'f', WC_OPTION_CHOICE, "json", "how to print" },
};

static const struct wc_option system_df_options[] = {
    { "format", 0, WC_OPTION_CHOICE, "table|json", "how to print" },
};

static const struct wc_option lock_options[] = {
    FLAG("update", 'u', "pin again what is pinned: to what the names lead to now"),
    FLAG("check", 0, "write nothing; fail when the file is not what it would be"),
};

#endif
