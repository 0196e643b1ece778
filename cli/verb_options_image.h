/* verb_options_image.h - the options of the verbs about images and disk space: rows of the table in
 * verbs.c, which alone includes this (cli, layer 5). */
#ifndef CLI_VERB_OPTIONS_IMAGE_H
#define CLI_VERB_OPTIONS_IMAGE_H

#include "cli/verb_options.h"

static const struct wc_option image_save_options[] = {
    { "output", 'o', WC_OPTION_TEXT, "FILE", "write to a file instead of stdout" },
    { "format", 0, WC_OPTION_CHOICE, "both|oci-archive|docker-archive",
      "what to write; both is one archive that every tool reads" },
    { "platform", 0, WC_OPTION_TEXT, "OS/ARCH[/VARIANT]",
      "of an image that is there for several; else this host's" },
};

static const struct wc_option image_prune_options[] = {
    FLAG("all", 'a', "images with a name that nothing uses, too"),
    FLAG("force", 'f', "do not ask"),
};

static const struct wc_option image_inspect_options[] = {
    { "format", 'f', WC_OPTION_CHOICE, "json", "how to print" },
    { "platform", 0, WC_OPTION_TEXT, "OS/ARCH[/VARIANT]",
      "of an image that is there for several; else this host's" },
};

static const struct wc_option system_df_options[] = {
    { "format", 0, WC_OPTION_CHOICE, "table|json", "how to print" },
};

static const struct wc_option lock_options[] = {
    FLAG("update", 'u', "pin again what is pinned: to what the names lead to now"),
    FLAG("check", 0, "write nothing; fail when the file is not what it would be"),
};

static const struct wc_option build_options[] = {
    { "build-arg", 0, WC_OPTION_LIST, "NAME[=VALUE]", "argument of the build; may be repeated" },
    FLAG("no-cache", 0, "carry out every step anew"),
    FLAG("pull", 0, "look for newer base images"),
    FLAG("quiet", 'q', "show what the builder prints only when it fails"),
    FLAG("with-dependencies", 0, "the services that the named ones depend on, too"),
};

static const struct wc_option pull_options[] = {
    { "policy", 0, WC_OPTION_CHOICE, "always|missing",
      "pull by this policy instead of the services' own" },
    FLAG("include-deps", 0, "the services that the named ones depend on, too"),
    FLAG("ignore-buildable", 0, "leave services alone that have a build"),
    FLAG("ignore-pull-failures", 0, "pull what can be pulled; failures are warnings"),
    FLAG("quiet", 'q', "show no progress"),
    INSECURE,
};

static const struct wc_option image_load_options[] = {
    { "name", 'n', WC_OPTION_TEXT, "NAME",
      "name for the image instead of what the archive calls it" },
};

static const struct wc_option image_pull_options[] = {
    FLAG("quiet", 'q', "show no progress"),
    { "platform", 0, WC_OPTION_TEXT, "OS/ARCH[/VARIANT]", "for another platform than this host's" },
    INSECURE,
};

static const struct wc_option image_ls_options[] = {
    FLAG("quiet", 'q', "print image ids only"),
    FLAG("digests", 0, "print manifest digests instead of ids"),
    { "filter", 'f', WC_OPTION_LIST, "KEY=VALUE",
      "those with dangling=true|false, reference=PATTERN, label=KEY[=VALUE], before=, "
      "since=IMAGE" },
    { "format", 0, WC_OPTION_CHOICE, "table|json", "how to print" },
};

static const struct wc_option image_rm_options[] = {
    FLAG("force", 'f', "take the name away even when containers use the image"),
};

static const struct wc_option image_make_options[] = {
    { "name", 'n', WC_OPTION_TEXT, "NAME", "name for the image instead of the recipe's" },
    FLAG("force", 'f', "make it again even when nothing changed"),
};

#endif
