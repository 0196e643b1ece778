/* mon_starve.c - how long the VMM would have run, had the host had a processor for it.
 *
 * A guest that says nothing hangs, or was given no time: on a host with thirty programs a processor
 * a boot of three seconds took forty, nineteen of twenty-two in a queue. The kernel counts that for
 * each thread; those of a VMM wait for one another, so the longest wait is taken, not the sum.
 */
#include "drivers/hyperv/monitor/mon.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>

enum { NS_A_MS = 1000000 };

/* "RAN WAITED SLICES", ns; 0 where the kernel doesn't count. */
static uint64_t waited_ns(const char *path)
{
    char line[96];
    uint64_t waited = 0;
    if (wc_file_read(AT_FDCWD, path, line, sizeof line) < 0)
        return 0;
    char *field = strchr(line, ' ');
    char *end = field != NULL ? strchr(field + 1, ' ') : NULL;
    if (end == NULL)
        return 0;
    *end = '\0';
    return wc_number(field + 1, UINT64_MAX, &waited) ? waited : 0;
}

uint64_t wc_mon_starved_ms(const struct wc_mon *mon, uint64_t before_ms)
{
    char dir[32], path[64];
    struct wc_text where = WC_TEXT(dir);
    uint64_t longest = 0;
    const struct dirent *entry;
    wc_text_put(&where, "/proc/");
    wc_text_num(&where, (uint64_t)mon->vmm);
    wc_text_put(&where, "/task");
    DIR *threads = mon->vmm > 0 ? opendir(dir) : NULL;
    while (threads != NULL && (entry = readdir(threads)) != NULL) {
        struct wc_text text = WC_TEXT(path);
        wc_text_put(&text, dir);
        wc_text_put(&text, "/");
        wc_text_put(&text, entry->d_name);
        wc_text_put(&text, "/schedstat");
        uint64_t waited = entry->d_name[0] != '.' ? waited_ns(path) : 0;
        longest = waited > longest ? waited : longest;
    }
    if (threads != NULL)
        closedir(threads);
    longest /= NS_A_MS;
    return longest > before_ms ? longest - before_ms : 0;
}
