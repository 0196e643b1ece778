/* guest_figures.c - what the service uses, as this kernel has counted: STATS.
 *
 * A few files that the kernel makes up, read at once: nothing of it waits for a disk or a program.
 * What isn't there is not known; nothing is guessed.
 */
#include "drivers/hyperv/guest/guest.h"

#include <fcntl.h>
#include <string.h>

static char text[16384];

/* The file's text; "" when it can't be had. dir -1: `path` is absolute. */
static char *file_in(int dir, const char *path)
{
    if (wc_file_read(dir < 0 ? AT_FDCWD : dir, path, text, sizeof text) < 0)
        text[0] = '\0';
    return text;
}

/* Digits after blanks. */
static bool number_at(const char *at, uint64_t *out)
{
    char digits[24];
    at += strspn(at, " \t");
    size_t len = strspn(at, "0123456789");
    if (len == 0 || len >= sizeof digits)
        return false;
    memcpy(digits, at, len);
    digits[len] = '\0';
    return wc_number(digits, UINT64_MAX - 1, out);
}

/* What stands behind `key` at the beginning of a line. */
static uint64_t field(const char *lines, const char *key)
{
    uint64_t value;
    size_t len = strlen(key);
    for (const char *line = lines; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, len) == 0)
            return number_at(line + len, &value) ? value : WC_VM_UNKNOWN;
    }
    return WC_VM_UNKNOWN;
}

static uint64_t whole(int dir, const char *path)
{
    uint64_t value;
    return number_at(file_in(dir, path), &value) ? value : WC_VM_UNKNOWN; /* "max": no number */
}

static void take_group(int group, struct wc_vm_figures *out)
{
    uint64_t us = field(file_in(group, "cpu.stat"), "usage_usec ");
    if (us <= UINT64_MAX / 1000)
        out->cpu_ns = us * 1000;
    out->memory_bytes = whole(group, "memory.current");
    out->memory_max_bytes = whole(group, "memory.max");
    out->pids = whole(group, "pids.current");
    uint64_t idle = field(file_in(group, "memory.stat"), "inactive_file ");
    if (out->memory_bytes != WC_VM_UNKNOWN && idle < out->memory_bytes)
        out->memory_bytes -= idle;
}

static void take_memory(struct wc_vm_figures *out)
{
    const char *lines = file_in(-1, "/proc/meminfo");
    uint64_t total = field(lines, "MemTotal:"), available = field(lines, "MemAvailable:");
    out->machine_bytes = total > UINT64_MAX / 1024 ? WC_VM_UNKNOWN : total * 1024;
    out->available_bytes = available > UINT64_MAX / 1024 ? WC_VM_UNKNOWN : available * 1024;
}

/* Number n (from 0) of those behind `at`. */
static bool nth(const char *at, unsigned n, uint64_t *out)
{
    for (; n > 0; n--) {
        at += strspn(at, " \t");
        at += strcspn(at, " \t\n");
    }
    return number_at(at, out);
}

/* "  eth0: RX-bytes and seven more, TX-bytes …" (proc(5)) */
static void take_links(struct wc_vm_figures *out)
{
    uint64_t rx, tx;
    const char *line = file_in(-1, "/proc/net/dev");
    if (*line == '\0')
        return;
    out->rx_bytes = out->tx_bytes = 0;
    for (; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        const char *name = line + strspn(line, " "), *colon = name + strcspn(name, ":\n");
        if (*colon != ':' || strncmp(name, "lo:", 3) == 0)
            continue;
        if (nth(colon + 1, 0, &rx) && nth(colon + 1, 8, &tx)) {
            out->rx_bytes += rx;
            out->tx_bytes += tx;
        }
    }
}

/* "254 0 vda READS merged SECTORS ms WRITES merged SECTORS …" (Documentation/admin-guide/
 * iostats.rst); a sector is 512 bytes there, whatever the disk's is. */
static void take_disks(struct wc_vm_figures *out)
{
    enum { SECTOR = 512 };
    uint64_t read, written;
    const char *line = file_in(-1, "/proc/diskstats");
    if (*line == '\0')
        return;
    out->read_bytes = out->write_bytes = 0;
    for (; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        const char *name = line + strspn(line, " 0123456789");
        if (strncmp(name, "vd", 2) == 0 && nth(name, 3, &read) && nth(name, 7, &written)) {
            out->read_bytes += read * SECTOR;
            out->write_bytes += written * SECTOR;
        }
    }
}

void wc_guest_figures(struct wc_guest *guest, uint16_t number)
{
    struct wc_vm_figures figures;
    struct wc_guest_stream *stream = &guest->streams[number];
    memset(&figures, 0xff, sizeof figures); /* WC_VM_UNKNOWN, all of them */
    if (guest->cgroup >= 0)
        take_group(guest->cgroup, &figures);
    take_memory(&figures);
    take_links(&figures);
    take_disks(&figures);
    wc_guest_say(guest, WC_VM_FIGURES, number, &figures, sizeof figures);
    wc_guest_stream_init(stream, WC_GUEST_LOOK); /* it has ended already */
    stream->over = true;
}
