/* challenge.c - one pass over schemes and their parameters. A word followed by '=' is a parameter
 * of the scheme before it, any other word begins a scheme: the commas alone don't tell. */
#include "images/challenge.h"

#include <stddef.h>
#include <string.h>

#include "base/arena.h"
#include "base/str.h"

enum scheme { SCHEME_NONE, SCHEME_BASIC, SCHEME_BEARER };

struct scan {
    struct wc_arena *arena;
    const char *at;
    enum scheme scheme;
    struct wc_challenge now; /* the scheme's parameters so far */
};

static bool is_token(char c)
{
    return c != '\0' && (wc_ascii_isalnum(c) || strchr("!#$%&'*+-.^_`|~/", c) != NULL);
}

static void skip_blanks(struct scan *s)
{
    while (*s->at == ' ' || *s->at == '\t')
        s->at++;
}

static const char *take_token(struct scan *s)
{
    const char *start = s->at;
    while (is_token(*s->at))
        s->at++;
    return wc_arena_strndup(s->arena, start, (size_t)(s->at - start));
}

/* A quoted string, what is escaped in it taken as it is; one without an end goes to the end. */
static const char *take_quoted(struct scan *s)
{
    char *out = wc_arena_alloc(s->arena, strlen(s->at) + 1);
    size_t n = 0;
    for (s->at++; *s->at != '\0' && *s->at != '"'; s->at++) {
        if (*s->at == '\\' && s->at[1] != '\0')
            s->at++;
        out[n++] = *s->at;
    }
    if (*s->at == '"')
        s->at++;
    return out;
}

static void keep(const char **field, const char *value)
{
    if (*field == NULL)
        *field = value;
}

static void take_parameter(struct scan *s, const char *name)
{
    s->at++; /* '=' */
    skip_blanks(s);
    const char *value = *s->at == '"' ? take_quoted(s) : take_token(s);
    if (wc_str_caseeq(name, "realm"))
        keep(&s->now.realm, value);
    else if (wc_str_caseeq(name, "service"))
        keep(&s->now.service, value);
    else if (wc_str_caseeq(name, "scope"))
        keep(&s->now.scope, value);
    else if (wc_str_caseeq(name, "error"))
        keep(&s->now.error, value);
}

/* The scheme is complete. */
static void end_scheme(struct scan *s, struct wc_challenge *out)
{
    if (s->scheme == SCHEME_BASIC)
        out->basic = true;
    if (s->scheme == SCHEME_BEARER && !out->bearer && s->now.realm != NULL) {
        bool basic = out->basic;
        *out = s->now;
        out->basic = basic;
        out->bearer = true;
    }
    s->now = (struct wc_challenge){ 0 };
    s->scheme = SCHEME_NONE;
}

static void begin_scheme(struct scan *s, const char *name)
{
    s->scheme = wc_str_caseeq(name, "basic")    ? SCHEME_BASIC
                : wc_str_caseeq(name, "bearer") ? SCHEME_BEARER
                                                : SCHEME_NONE;
}

void wc_challenge_read(struct wc_arena *arena, const char *value, struct wc_challenge *out)
{
    struct scan s = { .arena = arena, .at = value };
    while (*s.at != '\0') {
        skip_blanks(&s);
        const char *word = take_token(&s);
        if (*word == '\0') { /* a comma, or what has no place here */
            s.at += *s.at != '\0';
            continue;
        }
        skip_blanks(&s);
        if (*s.at == '=') {
            take_parameter(&s, word);
        } else {
            end_scheme(&s, out);
            begin_scheme(&s, word);
        }
    }
    end_scheme(&s, out);
}
