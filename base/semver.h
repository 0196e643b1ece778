/* semver.h - versions in tag names, and ranges of them (base, pure).
 *
 * Idea:    a range is alternatives ("||") of conditions that must all hold (blanks or commas):
 *          ">=1.2 <2", "~1.4", "^2", "1.x", "1.2.3 || >=2.0.0-rc.1". A pre-release fits only where
 *          a condition beside it names a pre-release of the same version: nobody gets an rc by
 *          "^2".
 * Owner:   values; a version borrows its text. Threads: any. Blocks: never.
 * Source:  Semantic Versioning 2.0.0, sections 9 to 11.
 */
#ifndef BASE_SEMVER_H
#define BASE_SEMVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One version. `pre` has n_pre bytes: what follows the hyphen, without "+build". */
struct wc_semver {
    uint64_t part[3]; /* major, minor, patch */
    const char *pre;
    size_t n_pre;
};

/* Reads a tag's name as a version: "1.2.3", "v1.2.3", "v2.0.0-rc.1+linux". All three numbers must
 * be there, without leading zeros. False: it is none. */
bool wc_semver_parse(const char *text, struct wc_semver *out);

/* Which of two comes first: negative, 0, positive. Build metadata doesn't count. */
int wc_semver_compare(const struct wc_semver *a, const struct wc_semver *b);

/* True when a text is a range at all; else *why says what is wrong with it (a constant). */
bool wc_semver_range_valid(const char *range, const char **why);

/* True when the version is in the range; false also when the range is none. */
bool wc_semver_in_range(const struct wc_semver *version, const char *range);

#endif
