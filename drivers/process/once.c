/* once.c - what a supervisor has begun in a run of an instance, noted where its successor looks.
 *
 * One small file a name in the run directory, which is memory: it is gone when the run's processes
 * are. It names the run by its first process, so that the next run begins anew.
 */
#include "drivers/process/once.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"

enum { NOTE_MAX_BYTES = 128, UNKNOWN = -1 };

static int write_note(const struct wc_once *once, int code, struct wc_err *err)
{
    char text[NOTE_MAX_BYTES], path[4200];
    int len = snprintf(text, sizeof text, "%d %llu %d\n", (int)once->pid,
                       (unsigned long long)once->starttime, code);
    snprintf(path, sizeof path, "%s/once.%s", once->run_dir, once->name);
    return wc_fs_write_atomic(path, text, (size_t)len, 0600, false, err);
}

/* True when there is a note of this run. */
static bool read_note(const struct wc_once *once, int64_t *code)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    char path[4200];
    int64_t n[3];
    snprintf(path, sizeof path, "%s/once.%s", once->run_dir, once->name);
    if (wc_fs_read(path, NOTE_MAX_BYTES, &text, NULL) != 0)
        return false;
    text.data[strcspn(text.data, "\n")] = '\0';
    *code = UNKNOWN;
    return wc_str_to_i64s(text.data, n, 3) && n[0] == once->pid &&
           (uint64_t)n[1] == once->starttime && (*code = n[2], true);
}

int wc_once_begin(const struct wc_once *once, int *code, struct wc_err *err)
{
    int64_t before;
    if (!read_note(once, &before))
        return write_note(once, UNKNOWN, err);
    if (before == UNKNOWN)
        return wc_err_set(err, WC_ERR_CONFLICT, 0,
                          "it was begun before, and how it ended is not known");
    *code = (int)before;
    return 1;
}

void wc_once_end(const struct wc_once *once, int code)
{
    (void)write_note(once, code, NULL);
}

void wc_once_forget(const struct wc_once *once)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/once.%s", once->run_dir, once->name);
    (void)remove(path);
}
