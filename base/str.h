/* str.h - small things with text (base, layer 0, pure). Threads: any. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct wc_strv;
struct wc_arena;

/* Number of elements of a real array. */
#define WC_COUNT(array) (sizeof(array) / sizeof((array)[0]))

static inline bool wc_streq(const char *a, const char *b)
{
    return a[0] == b[0] && strcmp(a, b) == 0; /* mostly the first letter says no */
}

/* True when both are NULL or both are equal. */
static inline bool wc_streq0(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* True when text starts with prefix. */
static inline bool wc_str_starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* ASCII only, whatever the locale. */
char wc_ascii_lower(char c);
bool wc_ascii_isdigit(char c);
bool wc_ascii_isalnum(char c);

/* Compares ignoring ASCII case. */
bool wc_str_caseeq(const char *a, const char *b);

/* Reads a whole string as a decimal integer within lo..hi. False when it is anything else. */
bool wc_str_to_i64(const char *text, int64_t lo, int64_t hi, int64_t *out);

/* Reads n decimal integers, each with blanks or nothing before it and a blank or the end after it.
 * What follows the last is not looked at. False, with out[] partly written, when there are fewer or
 * one is beyond int64_t: what sscanf leaves undefined.
 */
bool wc_str_to_i64s(const char *text, int64_t *out, size_t n);

/* Returns field 22 of the text of a /proc/PID/stat: when the process started, in clock ticks since
 * boot; 0 when the text is no such thing. The name in field 2 may hold blanks and brackets. state
 * gets field 3 (R, S, Z…); may be NULL
 */
uint64_t wc_str_stat_start(const char *stat, char *state);

/* True when such a text is of a process that runs no instruction of its own any more, though it may
 * still have to let go of what it holds: PF_EXITING in field 9. */
bool wc_str_stat_is_leaving(const char *stat);

/* Returns the candidate closest to `word` within an edit distance that makes a suggestion sensible
 * (Damerau-Levenshtein, at most a third of the length, at least 1), or NULL. `candidates` has n
 * entries; NULL entries are skipped.
 */
const char *wc_str_suggest(const char *word, const char *const *candidates, size_t n);

/* Appends an item to an arena-held list, amortised constant time. Sets `set`. */
void wc_strv_add(struct wc_arena *arena, struct wc_strv *list, const char *item);

/* True when the list holds an equal string. */
bool wc_strv_has(const struct wc_strv *list, const char *item);

/* Comparison for qsort over const char *. */
int wc_str_qsort_cmp(const void *a, const void *b);

#endif
