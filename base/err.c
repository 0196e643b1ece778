/* err.c - setting, placing and wrapping the error value; kinds to exit statuses. */
#include "wcompose/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void append_sys(struct wc_err *err)
{
    if (err->sys == 0)
        return;
    size_t len = strlen(err->msg);
    snprintf(err->msg + len, sizeof err->msg - len, ": %s", strerror(err->sys));
}

void wc_err_set_(struct wc_err *err, int code, int sys, const char *fmt, ...)
{
    if (err == NULL)
        return;
    struct wc_err fresh = { .code = code, .sys = sys };
    va_list args;
    va_start(args, fmt);
    vsnprintf(fresh.msg, sizeof fresh.msg, fmt, args);
    va_end(args);
    append_sys(&fresh);
    *err = fresh; /* last, so that arguments may point into *err */
}

void wc_err_at_(struct wc_err *err, int code, struct wc_loc at, const char *fmt, ...)
{
    if (err == NULL)
        return;
    struct wc_err fresh = { .code = code, .at = at };
    va_list args;
    va_start(args, fmt);
    vsnprintf(fresh.msg, sizeof fresh.msg, fmt, args);
    va_end(args);
    *err = fresh;
}

void wc_err_wrap_(struct wc_err *err, const char *fmt, ...)
{
    if (err == NULL)
        return;
    char text[sizeof err->msg];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (len < 0 || (size_t)len >= sizeof text - 3)
        return;
    snprintf(text + len, sizeof text - (size_t)len, ": %.*s", (int)(sizeof text - 3 - (size_t)len),
             err->msg);
    memcpy(err->msg, text, sizeof err->msg);
}

int wc_err_exit_status(int code)
{
    static const unsigned char status[] = {
        [0] = 0,
        [-WC_ERR_FAILED] = 1,
        [-WC_ERR_STATE] = 3,
        [-WC_ERR_ISOLATION] = 4,
        [-WC_ERR_DRIFT] = 5,
        [-WC_ERR_USAGE] = 64,
        [-WC_ERR_SPEC] = 65,
        [-WC_ERR_NOENT] = 66,
        [-WC_ERR_UNAVAILABLE] = 69,
        [-WC_ERR_BUG] = 70,
        [-WC_ERR_PERM] = 77,
        [-WC_ERR_IO] = 1,
        [-WC_ERR_LIMIT] = 65,
        [-WC_ERR_CONFLICT] = 1,
        [-WC_ERR_CANCELLED] = 130,
        [-WC_ERR_TIMEOUT] = 3,
    };
    if (code > 0 || code <= -(int)(sizeof status))
        return 1;
    return status[-code];
}
