/* err.h - the one error value, and places in the user's files (contract, layer 1, pure).
 *
 * Idea:    an error lives on the caller's stack: nothing to free, works when memory is short, can't
 * leak. The message is made where the fact is known; each layer above adds its own noun in front:
 *          "up: service web: create: /srv/data: no such directory".
 * Owner:   the caller; functions borrow it for the call and leave it untouched on success.
 * Threads: a value; no sharing.
 */
#ifndef WCOMPOSE_ERR_H
#define WCOMPOSE_ERR_H

/* A place in a file. `file` is borrowed (arena or literal) and NULL when there is no place.
 * line and col are 1-based; 0 = unknown. col counts code points, as editors do: a tab, a wide
 * character and a combining mark are one each (carets are aligned by display width when drawn).
 */
struct wc_loc {
    const char *file;
    unsigned line, col;
};

/* What went wrong, by kind. Functions return 0 or one of these (all negative). */
enum wc_code {
    WC_OK = 0,
    WC_ERR_FAILED = -1,      /* a reason not listed below */
    WC_ERR_STATE = -2,       /* the app did not reach the wanted state */
    WC_ERR_ISOLATION = -3,   /* an isolation demand can't be kept */
    WC_ERR_DRIFT = -4,       /* drift found where none was allowed */
    WC_ERR_USAGE = -5,       /* wrong command line */
    WC_ERR_SPEC = -6,        /* the specification is invalid */
    WC_ERR_NOENT = -7,       /* a file, image, service or instance is missing */
    WC_ERR_UNAVAILABLE = -8, /* a driver, runtime, engine or registry can't be reached */
    WC_ERR_BUG = -9,         /* an internal promise was broken */
    WC_ERR_PERM = -10,       /* not permitted */
    WC_ERR_IO = -11,         /* the operating system refused a call; `sys` holds errno */
    WC_ERR_LIMIT = -12,      /* input larger, deeper or longer than allowed */
    WC_ERR_CONFLICT = -13,   /* someone else has it: a port, a name, a lock */
    WC_ERR_CANCELLED = -14,  /* given up on request */
    WC_ERR_TIMEOUT = -15,    /* a deadline passed */
};

/* The error value. Zero-initialise it: struct wc_err err = {0}. */
struct wc_err {
    int code;         /* enum wc_code */
    int sys;          /* errno behind it, or 0 */
    struct wc_loc at; /* place in the user's file, or zero */
    char msg[256];    /* one line, no final full stop, never empty once set */
};

/* Sets *err (which may be NULL) to `code` with a formatted message. sys is an errno value or 0;
 * when it is not 0, ": " and its text are appended. The macros evaluate to the code, so that
 * "return wc_err_set(…)" is visibly non-zero to readers and analysers.
 */
void wc_err_set_(struct wc_err *err, int code, int sys, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
#define wc_err_set(err, code, sys, ...)                                                            \
    (wc_err_set_((err), (code), (sys), __VA_ARGS__), (int)(code))

/* As wc_err_set, with a place in the user's file. */
void wc_err_at_(struct wc_err *err, int code, struct wc_loc at, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
#define wc_err_at(err, code, at, ...) (wc_err_at_((err), (code), (at), __VA_ARGS__), (int)(code))

/* Puts "noun: " in front of an error that is already set; cuts the tail when the text gets too
 * long. */
void wc_err_wrap_(struct wc_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define wc_err_wrap(err, code, ...) (wc_err_wrap_((err), __VA_ARGS__), (int)(code))

/* Returns the process exit status that stands for `code` (docs/exit-codes.md). */
int wc_err_exit_status(int code);

#endif
