/* settings.h - everything about a pull that files and the environment say (images).
 *
 * Owner:   the arena. Threads: any. Blocks: on reading registries.conf.
 * Errors:  WC_ERR_SPEC with the place in registries.conf, or naming a variable.
 */
#ifndef IMAGES_SETTINGS_H
#define IMAGES_SETTINGS_H

#include "images/http.h"
#include "images/registries.h"
#include "wcompose/pull.h"

struct wc_pull_settings {
    struct wc_registries registries;
    struct wc_strv credential_files; /* in the order they are looked through */
    struct wc_strv cert_dirs;        /* certs.d directories */
    const char *ca_file;             /* SSL_CERT_FILE, or NULL */
    struct wc_http_limits http;
    unsigned tries;    /* at one endpoint, without getting on */
    unsigned parallel; /* layers at once */
};

int wc_pull_settings_read(const struct wc_image_pull_config *config, struct wc_arena *arena,
                          struct wc_pull_settings *out, struct wc_err *err);

#endif
