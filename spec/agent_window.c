/* agent_window.c - "Mon-Fri 22:00-04:00": days, then from when to when. */
#include "wcompose/agent.h"

#include <string.h>

#include "base/str.h"

static const char *const day_names[] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun" };

static const char *read_day(const char *text, unsigned *day)
{
    for (unsigned i = 0; i < WC_COUNT(day_names); i++) {
        unsigned k = 0;
        while (k < 3 && wc_ascii_lower(text[k]) == day_names[i][k])
            k++;
        if (k == 3 && !wc_ascii_isalnum(text[3])) {
            *day = i;
            return text + 3;
        }
    }
    return NULL;
}

/* "Mon-Fri,Sun"; Sat-Mon goes over the week's end. */
static const char *read_days(const char *text, uint8_t *days)
{
    for (;;) {
        unsigned first, last;
        text = read_day(text, &first);
        if (text == NULL)
            return NULL;
        last = first;
        if (*text == '-' && (text = read_day(text + 1, &last)) == NULL)
            return NULL;
        for (unsigned day = first;; day = (day + 1) % 7) {
            *days = (uint8_t)(*days | 1U << day);
            if (day == last)
                break;
        }
        if (*text != ',')
            return text;
        text++;
    }
}

/* "04:00"; "24:00" is the day's end. */
static const char *read_time(const char *text, unsigned *minutes)
{
    for (unsigned i = 0; i < 5; i++)
        if (i == 2 ? text[i] != ':' : !wc_ascii_isdigit(text[i]))
            return NULL;
    unsigned hour = (unsigned)((text[0] - '0') * 10 + text[1] - '0');
    unsigned minute = (unsigned)((text[3] - '0') * 10 + text[4] - '0');
    *minutes = hour * 60 + minute;
    return minute < 60 && *minutes <= WC_DAY_MINUTES ? text + 5 : NULL;
}

bool wc_agent_window_parse(const char *text, struct wc_agent_window *out)
{
    uint8_t days = 0;
    unsigned from, to;
    if (wc_ascii_isdigit(*text))
        days = 0x7f;
    else if ((text = read_days(text, &days)) == NULL || *text++ != ' ')
        return false;
    text = read_time(text, &from);
    if (text == NULL || *text != '-')
        return false;
    text = read_time(text + 1, &to);
    if (text == NULL || *text != '\0' || from == WC_DAY_MINUTES || from == to)
        return false;
    *out = (struct wc_agent_window){ .days = days, .from = (uint16_t)from };
    out->length = (uint16_t)(to > from ? to - from : WC_DAY_MINUTES - from + to);
    return true;
}
