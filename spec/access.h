/* access.h - reading files on behalf of a load (spec, private). */
#ifndef SPEC_ACCESS_H
#define SPEC_ACCESS_H

#include "spec/load.h"

/* Reads a file into the arena, as UTF-8. Returns false after reporting E108, or E105 when it is too
 * large, at `at`, or E104 at its first byte that isn't text. */
bool wc_access_read(struct wc_load *load, const char *path, const char *shown, struct wc_loc at,
                    unsigned span, struct wc_text *out);

/* The same for env files and label files, which many services name: each is read once, and a
 * failure is told to each who asks. Every call counts against what all such files may hold, so that
 * asking for all before parsing any finds out early. */
bool wc_access_env(struct wc_load *load, const char *path, const char *shown, struct wc_loc at,
                   unsigned span, struct wc_text *out);

/* What wc_access_env gave for this path, uncounted; false when it gave nothing. */
bool wc_access_kept(const struct wc_load *load, const char *path, struct wc_text *out);

/* The text of a file that is only looked into: false, without a word, when it can't be read, is too
 * large, or isn't UTF-8. */
bool wc_access_peek(const struct wc_load *load, const char *path, struct wc_text *out);

/* True when something is there. */
bool wc_access_exists(const struct wc_load *load, const char *path);

#endif
