/* str.c - text helpers that don't depend on the locale. */
#include "base/str.h"

#include <errno.h>
#include <stdlib.h>

#include "base/arena.h"
#include "wcompose/model.h"

char wc_ascii_lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

bool wc_ascii_isdigit(char c)
{
    return c >= '0' && c <= '9';
}

bool wc_ascii_isalnum(char c)
{
    char l = wc_ascii_lower(c);
    return wc_ascii_isdigit(c) || (l >= 'a' && l <= 'z');
}

bool wc_str_caseeq(const char *a, const char *b)
{
    while (*a != '\0' && wc_ascii_lower(*a) == wc_ascii_lower(*b))
        a++, b++;
    return wc_ascii_lower(*a) == wc_ascii_lower(*b);
}

bool wc_str_to_i64(const char *text, int64_t lo, int64_t hi, int64_t *out)
{
    if (!wc_ascii_isdigit(*text) && !(*text == '-' && wc_ascii_isdigit(text[1])))
        return false;
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || *end != '\0' || value < lo || value > hi)
        return false;
    *out = value;
    return true;
}

bool wc_str_to_i64s(const char *text, int64_t *out, size_t n)
{
    const char *blanks = " \t\n";
    for (size_t i = 0; i < n; i++) {
        text += strspn(text, blanks);
        if (!wc_ascii_isdigit(*text) && !(*text == '-' && wc_ascii_isdigit(text[1])))
            return false;
        char *end;
        errno = 0;
        out[i] = strtoll(text, &end, 10);
        if (errno != 0 || (*end != '\0' && strchr(blanks, *end) == NULL))
            return false;
        text = end;
    }
    return true;
}

uint64_t wc_str_stat_start(const char *stat, char *state)
{
    int64_t ticks;
    const char *at = strrchr(stat, ')');
    if (at == NULL || at[1] != ' ' || at[2] == '\0')
        return 0;
    if (state != NULL)
        *state = at[2];
    for (int field = 2; at != NULL && field < 22; field++)
        at = strchr(at + 1, ' ');
    return at != NULL && wc_str_to_i64s(at, &ticks, 1) && ticks > 0 ? (uint64_t)ticks : 0;
}

bool wc_str_stat_is_leaving(const char *stat)
{
    enum { PF_EXITING = 4 };
    int64_t flags;
    const char *at = strrchr(stat, ')');
    for (int field = 2; at != NULL && field < 9; field++)
        at = strchr(at + 1, ' ');
    return at != NULL && wc_str_to_i64s(at, &flags, 1) && (flags & PF_EXITING) != 0;
}

enum { SUGGEST_MAX = 64 };

/* Optimal string alignment distance of two words of at most SUGGEST_MAX bytes. */
static unsigned distance(const char *a, size_t na, const char *b, size_t nb)
{
    unsigned char rows[3][SUGGEST_MAX + 1];
    unsigned char *before = rows[0], *prev = rows[1], *row = rows[2];
    for (size_t j = 0; j <= nb; j++)
        prev[j] = (unsigned char)j;
    for (size_t i = 1; i <= na; i++) {
        row[0] = (unsigned char)i;
        for (size_t j = 1; j <= nb; j++) {
            unsigned cost = wc_ascii_lower(a[i - 1]) != wc_ascii_lower(b[j - 1]);
            unsigned best = prev[j - 1] + cost;
            if (prev[j] + 1U < best)
                best = prev[j] + 1U;
            if (row[j - 1] + 1U < best)
                best = row[j - 1] + 1U;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1U < best)
                best = before[j - 2] + 1U;
            row[j] = (unsigned char)best;
        }
        unsigned char *spare = before;
        before = prev;
        prev = row;
        row = spare;
    }
    return prev[nb];
}

const char *wc_str_suggest(const char *word, const char *const *candidates, size_t n)
{
    size_t len = strlen(word);
    if (len == 0 || len > SUGGEST_MAX)
        return NULL;
    unsigned limit = len < 6 ? 1 + (len > 3) : (unsigned)len / 3;
    const char *best = NULL;
    for (size_t i = 0; i < n; i++) {
        if (candidates[i] == NULL)
            continue;
        size_t cand_len = strlen(candidates[i]);
        if (cand_len > SUGGEST_MAX || cand_len > len + limit || len > cand_len + limit)
            continue;
        unsigned d = distance(word, len, candidates[i], cand_len);
        if (d > limit || d >= cand_len)
            continue;
        if (d < limit || best == NULL) {
            best = candidates[i];
            limit = d;
            if (d == 0)
                break;
        }
    }
    return best;
}

void wc_strv_add(struct wc_arena *arena, struct wc_strv *list, const char *item)
{
    /* capacity is the next power of two from 4: grown when n reaches one */
    if (list->n == 0 || (list->n >= 4 && (list->n & (list->n - 1)) == 0)) {
        const char **moved = WC_NEW_ARRAY(arena, const char *, list->n < 4 ? 4 : list->n * 2);
        if (list->n != 0)
            memcpy(moved, list->items, list->n * sizeof *moved);
        list->items = moved;
    }
    list->items[list->n++] = item;
    list->set = true;
}

bool wc_strv_has(const struct wc_strv *list, const char *item)
{
    for (size_t i = 0; i < list->n; i++)
        if (wc_streq(list->items[i], item))
            return true;
    return false;
}

int wc_str_qsort_cmp(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}
