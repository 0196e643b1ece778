/* curl.h - the functions of libcurl that we use, found when an image is pulled (images, private).
 *
 * Idea:    libcurl and the 30 libraries that it needs would double the start-up time of every
 *          command (adr/0006); only a pull loads them (adr/0021).
 * Owner:   loaded once, for the process's life. Threads: any. Blocks: on the disk, once.
 * Errors:  WC_ERR_UNAVAILABLE, with the package to install.
 */
#ifndef IMAGES_CURL_H
#define IMAGES_CURL_H

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#include "wcompose/err.h"

struct wc_curl {
    __typeof__(curl_global_init) *global_init;
    __typeof__(curl_easy_init) *easy_init;
    __typeof__(curl_easy_cleanup) *easy_cleanup;
    __typeof__(curl_easy_setopt) *easy_setopt;
    __typeof__(curl_easy_getinfo) *easy_getinfo;
    __typeof__(curl_easy_pause) *easy_pause;
    __typeof__(curl_easy_strerror) *easy_strerror;
    __typeof__(curl_slist_append) *slist_append;
    __typeof__(curl_slist_free_all) *slist_free_all;
    __typeof__(curl_multi_init) *multi_init;
    __typeof__(curl_multi_cleanup) *multi_cleanup;
    __typeof__(curl_multi_setopt) *multi_setopt;
    __typeof__(curl_multi_add_handle) *multi_add;
    __typeof__(curl_multi_remove_handle) *multi_remove;
    __typeof__(curl_multi_perform) *multi_perform;
    __typeof__(curl_multi_poll) *multi_poll;
    __typeof__(curl_multi_info_read) *multi_info_read;
    __typeof__(curl_multi_wakeup) *multi_wakeup;
};

/* Gives the functions; *out is valid for ever. */
int wc_curl_load(const struct wc_curl **out, struct wc_err *err);

#endif
