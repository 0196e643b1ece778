/* units.h - durations, sizes and times as people write them (base, layer 0, pure; locale-neutral).
 */
#ifndef BASE_UNITS_H
#define BASE_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wc_buf;

/* Reads a Compose duration ("1m30s", "1.5h", "500ms"; units ns us µs ms s m h d w; a unit is a
 * must) into milliseconds, rounded up so that a positive one never becomes 0. False when it isn't
 * one, is negative, or overflows. Source: Compose Specification, "Specifying durations".
 */
bool wc_duration_parse(const char *text, int64_t *ms);

/* Appends the shortest form that reads back as the same: "1m30s", "0s", "1h0m0s" as Go prints it.
 */
void wc_duration_format(int64_t ms, struct wc_buf *out);

/* The same two in nanoseconds, exact; "0" alone is a duration too. */
bool wc_duration_parse_ns(const char *text, int64_t *ns);
void wc_duration_format_ns(int64_t ns, struct wc_buf *out);

/* Reads a byte size ("512m", "1.5 GiB", "+1_000"; powers of 1024; units b k m g t p with optional b
 * or ib, any case). False when it isn't one or overflows. Source: Compose Specification,
 * "Specifying byte values".
 */
bool wc_bytes_parse(const char *text, int64_t *bytes);

/* Appends a size for people: "84 MiB", "1.3 GiB", "512 B". */
void wc_bytes_format(int64_t bytes, struct wc_buf *out);

/* Writes wall-clock milliseconds as RFC 3339 UTC: "2026-11-23T21:13:19.402Z". size >= 25. */
void wc_time_rfc3339(int64_t wall_ms, char *out, size_t size);

/* Reads RFC 3339 (any fraction, Z or offset) into milliseconds since 1970. */
bool wc_time_parse(const char *text, int64_t *wall_ms);

/* Signals by name ("SIGTERM", "TERM", "15") to number and back. 0 / NULL when unknown. */
int wc_signal_number(const char *text);
const char *wc_signal_name(int number);

#endif
