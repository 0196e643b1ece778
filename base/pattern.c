/* pattern.c - regcomp, behind a look at what it is given: counted repetition is what makes it use
 * up memory, and backward references time.
 */
#include "base/pattern.h"

#include <regex.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"

enum { LONGEST = 512 };

struct wc_pattern {
    regex_t regex;
};

/* The first thing in it that isn't the same everywhere, in words; NULL: nothing. */
static const char *what_differs(const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '\\') {
            if (p[1] == '\0' || wc_ascii_isalnum(p[1]) || (unsigned char)p[1] >= 0x80)
                return "a class or reference by backslash";
            p++;
        } else if (*p == '{') {
            return "counted repetition";
        } else if (*p == '(' && p[1] == '?') {
            return "a group with a flag";
        } else if (strchr("*+?", *p) != NULL && p[1] != '\0' && strchr("*+?", p[1]) != NULL) {
            return "a repetition of a repetition";
        }
    }
    return NULL;
}

int wc_pattern_new(const char *text, struct wc_pattern **out, struct wc_err *err)
{
    const bool any_case = wc_str_starts(text, "(?i)");
    const char *bare = any_case ? text + 4 : text;
    if (strlen(bare) > LONGEST)
        return wc_err_set(err, WC_ERR_LIMIT, 0, "a pattern has at most %d bytes", LONGEST);
    const char *what = what_differs(bare);
    if (what != NULL)
        return wc_err_set(err, WC_ERR_SPEC, 0, "the pattern '%.80s' uses %s, which isn't supported",
                          text, what);
    struct wc_pattern *pattern = wc_alloc(sizeof *pattern);
    int flags = REG_EXTENDED | REG_NOSUB | (any_case ? REG_ICASE : 0);
    if (regcomp(&pattern->regex, bare, flags) != 0) {
        wc_free(pattern);
        return wc_err_set(err, WC_ERR_SPEC, 0, "'%.80s' is no regular expression", text);
    }
    *out = pattern;
    return 0;
}

void wc_pattern_free(struct wc_pattern *pattern)
{
    if (pattern != NULL)
        regfree(&pattern->regex);
    wc_free(pattern);
}

bool wc_pattern_found(const struct wc_pattern *pattern, const char *text)
{
    return regexec(&pattern->regex, text, 0, NULL, 0) == 0;
}
