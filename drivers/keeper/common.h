/* common.h - the few helpers that wcompose-keeper and wcompose-join share (no heap, no stdio).
 *
 * Idea:    one keeper lives beside each instance for its whole life, so every page counts: fixed
 * buffers, bounded text, one message of failure. Nothing of base/ is used: it allocates.
 * Owner:   callers own all buffers. Threads: none; both programs have one thread.
 * Errors:  functions that can fail return -1 (or false) after wc_fault, whose text names the thing
 * that failed and why, or leave errno where they say so.
 */
#ifndef DRIVERS_KEEPER_COMMON_H
#define DRIVERS_KEEPER_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Text that grows in a fixed place; what doesn't fit is cut. Always NUL-terminated. */
struct wc_text {
    char *data;
    size_t len, cap;
};
#define WC_TEXT(array)                                                                             \
    {                                                                                              \
        (array), 0, sizeof(array)                                                                  \
    }
void wc_text_put(struct wc_text *text, const char *s);
void wc_text_putn(struct wc_text *text, const char *s, size_t n);
void wc_text_num(struct wc_text *text, uint64_t value);
/* A space, then the number: the fields of our records. */
void wc_text_field(struct wc_text *text, uint64_t value);

/* Remembers why the program can't go on: "WHAT NAME: reason". name may be NULL; sys is an errno, 0
 * = no reason to add. The first fault of a call chain is the one to keep; a later call replaces it.
 * Returns -1, so that callers write `return wc_fault(…)`. */
int wc_fault(const char *what, const char *name, int sys);
/* The text of the last fault, "" if none. Borrowed, overwritten by the next wc_fault. */
const char *wc_fault_text(void);

/* All digits and at most `max`, else false and *out untouched. */
bool wc_number(const char *s, uint64_t max, uint64_t *out);
/* The same in hexadecimal, with or without 0x. */
bool wc_number_hex(const char *s, uint64_t *out);

/* Reads a whole file into buf and NUL-terminates it. Returns the length, or -1 with errno (EFBIG:
 * more than cap - 1 bytes). */
ssize_t wc_file_read(int dir, const char *path, char *buf, size_t cap);
/* The same with what an open file gives from its offset on. */
ssize_t wc_file_read_fd(int fd, char *buf, size_t cap);
/* Writes all of it. Returns 0, or -1 with errno. */
int wc_file_write_all(int fd, const char *data, size_t len);
/* Replaces `name` in `dir` by rename of `name`.tmp; `durable` also syncs file and directory.
 * name: at most 48 bytes. Returns 0, or -1 with errno. */
int wc_file_replace(int dir, const char *name, const char *data, size_t len, bool durable);

/* Field 22 of /proc/PID/stat, in clock ticks since boot. False if there is no such process. */
bool wc_proc_starttime(pid_t pid, uint64_t *out);
/* CLOCK_REALTIME in milliseconds since 1970. */
uint64_t wc_wall_ms(void);

/* "key=value" records, each ended by a NUL (protocol.h), decoded by a table of rows. */
enum wc_record_kind {
    WC_RECORD_TEXT,   /* const char * */
    WC_RECORD_LIST,   /* struct wc_list: repeatable */
    WC_RECORD_FLAG,   /* bool: "1" or "0" */
    WC_RECORD_NUMBER, /* uint64_t, decimal, at most 2^64 - 1 */
};
struct wc_record_row {
    const char *key;
    enum wc_record_kind kind;
    size_t offset; /* of the field in the settings */
};
struct wc_list {
    const char **items;
    size_t n, cap;
};
/* Decodes `len` bytes at data (kept: values point into it) into the struct at `out`. Unknown keys,
 * values of the wrong kind, a missing last NUL and a full list are faults. Returns 0 or -1. */
int wc_record_decode(char *data, size_t len, const struct wc_record_row *rows, size_t n_rows,
                     void *out);

#endif
