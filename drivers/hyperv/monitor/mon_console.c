/* mon_console.c - what the guest's kernel says: the last of it is kept in a file, and a panic is
 * remembered.
 *
 * A guest can say as much as it likes: two files of a fixed size take turns.
 */
#include "drivers/hyperv/monitor/mon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FILE_MAX = 128 << 10 };

static int file = -1;
static size_t written;
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
    static const char words[] = "Kernel panic - not syncing: ";
    line[line_len] = '\0';
    const char *found = strstr(line, words);
    struct wc_text text = WC_TEXT(panic), end = WC_TEXT(last);
    if (line_len > 1)
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

static void keep(const char *data, size_t len)
{
    if (file >= 0 && written > FILE_MAX) {
        close(file);
        file = -1;
        (void)rename(WC_MON_CONSOLE, WC_MON_CONSOLE ".1");
    }
    if (file < 0) {
        file = open(WC_MON_CONSOLE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        written = 0;
    }
    if (file >= 0 && wc_file_write_all(file, data, len) == 0)
        written += len;
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
    ssize_t k = read(mon->console, data, sizeof data);
    if (k > 0) {
        keep(data, (size_t)k);
        look_for_panic(data, (size_t)k);
    } else if (k == 0 || (errno != EAGAIN && errno != EINTR)) {
        close(mon->console);
        mon->console = -1;
    }
}
