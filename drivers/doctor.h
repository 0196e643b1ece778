/* doctor.h - the parts of wcompose/doctor.h, one for each level (drivers). */
#ifndef DRIVERS_DOCTOR_H
#define DRIVERS_DOCTOR_H

#include "wcompose/doctor.h"

/* A look under way. */
struct wc_doctor {
    const struct wc_paths *paths;
    struct wc_arena *arena;
    struct wc_doctor_row *rows;
    size_t n, cap;
};

/* Appends a row. */
void wc_doctor_add(struct wc_doctor *doctor, const struct wc_doctor_row *row);

/* Appends a row for a program: the first of the NULL-terminated `candidates` (names, looked for in
 * PATH and the directories of system programs; or absolute paths) that there is. */
struct wc_doctor_program {
    enum wc_isolation level;
    enum wc_doctor_state absent; /* its state when it isn't there */
    const char *what, *without;  /* "makes file systems", "volumes can't be shared" */
    const char *fix;
    const char *const *candidates;
};
void wc_doctor_program(struct wc_doctor *doctor, const struct wc_doctor_program *program);

/* Add the rows of a level. */
void wc_doctor_process(struct wc_doctor *doctor);
void wc_doctor_hyperv(struct wc_doctor *doctor);

/* Adds what apps that follow a source need. */
void wc_doctor_sources(struct wc_doctor *doctor);

#endif
