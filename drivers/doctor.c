/* doctor.c - what the levels' looks share. */
#include "drivers/doctor.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/str.h"

void wc_doctor_add(struct wc_doctor *doctor, const struct wc_doctor_row *row)
{
    doctor->rows =
        wc_arena_grow(doctor->arena, doctor->rows, doctor->n, &doctor->cap, sizeof *doctor->rows);
    doctor->rows[doctor->n++] = *row;
}

/* The path of a program; NULL when it is nowhere. */
static const char *find_program(struct wc_arena *arena, const char *name)
{
    const char *path = getenv("PATH");
    const char *const lists[] = { path != NULL ? path : "", "/usr/sbin:/sbin:/usr/bin:/bin" };
    if (name[0] == '/')
        return access(name, X_OK) == 0 ? name : NULL;
    for (size_t i = 0; i < WC_COUNT(lists); i++)
        for (const char *dir = lists[i]; *dir != '\0';) {
            size_t len = strcspn(dir, ":");
            const char *at = wc_arena_printf(arena, "%.*s/%s", (int)len, dir, name);
            if (at[0] == '/' && access(at, X_OK) == 0)
                return at;
            dir += len + (dir[len] == ':');
        }
    return NULL;
}

void wc_doctor_program(struct wc_doctor *doctor, const struct wc_doctor_program *program)
{
    const char *path = NULL;
    for (size_t i = 0; program->candidates[i] != NULL && path == NULL; i++)
        path = find_program(doctor->arena, program->candidates[i]);
    wc_doctor_add(doctor,
                  &(struct wc_doctor_row){ .level = program->level,
                                           .state = path != NULL ? WC_DOCTOR_GOOD : program->absent,
                                           .what = program->what,
                                           .found = path != NULL ? path : program->without,
                                           .fix = path != NULL ? NULL : program->fix });
}

size_t wc_doctor_look(const struct wc_paths *paths, struct wc_arena *arena,
                      struct wc_doctor_row **rows)
{
    struct wc_doctor doctor = { .paths = paths, .arena = arena };
    wc_doctor_process(&doctor);
    wc_doctor_hyperv(&doctor);
    wc_doctor_sources(&doctor);
    *rows = doctor.rows;
    return doctor.n;
}
