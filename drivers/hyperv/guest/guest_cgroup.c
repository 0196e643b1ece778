/* guest_cgroup.c - the service's cgroup: how many processes it may have, what is left for others,
 * and whether the kernel killed something of it.
 *
 * memory.max is the machine's memory less a reserve for kernel and agent, so that a service that
 * takes all it can get is stopped by its own limit, not by a machine that can't go on.
 */
#include "drivers/hyperv/guest/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#define SERVICE WC_GUEST_CGROUP "/service"
enum { RESERVE_BYTES = 6 << 20 };

static int write_to(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    int sys = fd < 0 || wc_file_write_all(fd, text, strlen(text)) != 0 ? errno : 0;
    if (fd >= 0)
        close(fd);
    return sys == 0 ? 0 : wc_fault("write", path, sys);
}

static int write_number(const char *path, uint64_t value)
{
    char number[24];
    struct wc_text text = WC_TEXT(number);
    wc_text_num(&text, value);
    return write_to(path, number);
}

/* Each by itself: a kernel may lack one. */
static void enable(void)
{
    static const char *const controllers[] = { "+memory", "+pids", "+cpu", "+io", "+cpuset" };
    for (size_t i = 0; i < sizeof controllers / sizeof controllers[0]; i++)
        write_to(WC_GUEST_CGROUP "/cgroup.subtree_control", controllers[i]);
}

/* What is there for the service now: the machine's memory less what kernel and agent have. */
static void limit_memory(void)
{
    struct sysinfo info;
    if (sysinfo(&info) != 0)
        return;
    uint64_t free_bytes = ((uint64_t)info.freeram + info.bufferram) * info.mem_unit;
    if (free_bytes > 2 * (uint64_t)RESERVE_BYTES)
        write_number(SERVICE "/memory.max", (free_bytes - RESERVE_BYTES) & ~UINT64_C(4095));
}

int wc_guest_cgroup(struct wc_guest *guest)
{
    if (guest->place.cgroup == NULL) {
        if (guest->conf.pids != UINT64_MAX)
            return wc_fault("no cgroups in this kernel: no limit of processes", NULL, 0);
        return 0;
    }
    enable();
    if (mkdir(SERVICE, 0755) != 0 && errno != EEXIST)
        return wc_fault("make", SERVICE, errno);
    if (guest->conf.pids != UINT64_MAX && write_number(SERVICE "/pids.max", guest->conf.pids) != 0)
        return -1;
    limit_memory();
    guest->cgroup = open(SERVICE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return guest->cgroup >= 0 ? 0 : wc_fault("open", SERVICE, errno);
}

static uint64_t count_in(const char *path, const char *key)
{
    static char text[8192];
    uint64_t count = 0;
    size_t len = strlen(key);
    if (wc_file_read(AT_FDCWD, path, text, sizeof text) < 0)
        return 0;
    for (char *line = text; line != NULL && *line != '\0';) {
        char *next = strchr(line, '\n');
        if (next != NULL)
            *next++ = '\0';
        if (strncmp(line, key, len) == 0 && !wc_number(line + len, UINT64_MAX, &count))
            count = 0;
        line = next;
    }
    return count;
}

uint64_t wc_guest_oom_kills(void)
{
    if (access(SERVICE "/memory.events", R_OK) == 0)
        return count_in(SERVICE "/memory.events", "oom_kill ");
    return count_in("/proc/vmstat", "oom_kill ");
}
