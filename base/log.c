/* log.c - one line, one write, so that lines of several processes don't mix. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"

static const char *const names[] = { "error", "warn", "info", "debug" };

enum wc_log_level wc_log_level(void)
{
    static int level = -1;
    if (level < 0) {
        const char *wanted = getenv("WCOMPOSE_LOG");
        level = WC_LOG_WARN;
        for (size_t i = 0; wanted != NULL && i < WC_COUNT(names); i++)
            if (wc_streq(wanted, names[i]))
                level = (int)i;
    }
    return (enum wc_log_level)level;
}

void wc_log_write(enum wc_log_level level, const char *area, const char *fmt, ...)
{
    char line[1024];
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int n = snprintf(line, sizeof line, "%lld.%03ld %s %s: ", (long long)now.tv_sec,
                     now.tv_nsec / 1000000, names[level], area);
    va_list args;
    va_start(args, fmt);
    int m = vsnprintf(line + n, sizeof line - (size_t)n - 1, fmt, args);
    va_end(args);
    size_t len = (size_t)n + (m < 0 ? 0 : (size_t)m);
    if (len > sizeof line - 2)
        len = sizeof line - 2;
    line[len++] = '\n';
    ssize_t ignored = write(STDERR_FILENO, line, len);
    (void)ignored;
}
