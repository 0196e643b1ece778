/* log.h - messages for developers: WCOMPOSE_LOG=debug (base, layer 0). Never called from pure code.
 *
 * Idea:    events are the product; the log explains decisions to who debugs. One line each: time
 * level area: text. Threads: any. Errors: none.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

enum wc_log_level { WC_LOG_ERROR, WC_LOG_WARN, WC_LOG_INFO, WC_LOG_DEBUG };

/* The highest level that is written; from WCOMPOSE_LOG at the first message, WC_LOG_WARN without
 * it. */
enum wc_log_level wc_log_level(void);

/* Writes one line to standard error. `area` is a word: "engine", "net". */
void wc_log_write(enum wc_log_level level, const char *area, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#define wc_log(level, area, ...)                                                                   \
    do {                                                                                           \
        if ((level) <= wc_log_level())                                                             \
            wc_log_write((level), (area), __VA_ARGS__);                                            \
    } while (0)

#endif
