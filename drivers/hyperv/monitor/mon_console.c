/* mon_console.c - what the guest's kernel says, and what the programs do that serve it: the last of
 * it is kept in files, and a panic is remembered.
 *
 * A guest can say as much as it likes, and make the VMM complain as much: two files of a fixed size
 * take turns.
 */
#include "drivers/hyperv/monitor/mon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FILE_MAX = 128 << 10 };

static struct kept {
    const char *name, *before;
    int file;
    size_t written;
} console = { WC_MON_CONSOLE, WC_MON_CONSOLE ".1", -1, 0 },
  programs = { WC_MON_PROGRAMS, WC_MON_PROGRAMS ".1", -1, 0 };
static char panic[200], last[160];
static char line[256];
static size_t line_len;

static void copy_printable(struct wc_text *out, const char *s)
{
    for (; *s != '\0'; s++)
        if (*s >= ' ' && *s <= '~')
            wc_text_putn(out, s, 1);
}

static void on_line(void)
{
    static const char words[] = "Kernel panic - not syncing: ", farewell[] = "reboot: ";
    line[line_len] = '\0';
    const char *found = strstr(line, words);
    struct wc_text text = WC_TEXT(panic), end = WC_TEXT(last);
    bool says_why = strstr(line, farewell) == NULL || last[0] == '\0';
    if (line_len > 1 && says_why)
        copy_printable(&end, line);
    if (found != NULL && panic[0] == '\0')
        copy_printable(&text, found + sizeof words - 1);
}

static void look_for_panic(const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (data[i] == '\n') {
            on_line();
            line_len = 0;
        } else if (line_len < sizeof line - 1) {
            line[line_len++] = data[i];
        }
    }
}

static void keep(struct kept *kept, const char *data, size_t len)
{
    if (kept->file >= 0 && kept->written > FILE_MAX) {
        close(kept->file);
        kept->file = -1;
        (void)rename(kept->name, kept->before);
    }
    if (kept->file < 0) {
        kept->file = open(kept->name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        kept->written = 0;
    }
    if (kept->file >= 0 && wc_file_write_all(kept->file, data, len) == 0)
        kept->written += len;
}

/* Reads once; what came is kept. Returns its length, 0 = nothing now, or it is over. */
static size_t listen_to(int *fd, struct kept *kept, char *data, size_t cap)
{
    ssize_t k = read(*fd, data, cap);
    if (k > 0) {
        keep(kept, data, (size_t)k);
        return (size_t)k;
    }
    if (k == 0 || (errno != EAGAIN && errno != EINTR)) {
        close(*fd);
        *fd = -1;
    }
    return 0;
}

const char *wc_mon_console_last(void)
{
    return last;
}

const char *wc_mon_console_panic(void)
{
    return panic;
}

void wc_mon_console_read(struct wc_mon *mon)
{
    char data[4096];
    look_for_panic(data, listen_to(&mon->console, &console, data, sizeof data));
}

void wc_mon_programs_read(struct wc_mon *mon)
{
    char data[4096];
    (void)listen_to(&mon->programs, &programs, data, sizeof data);
}
