/* keep_machine.c - a virtual machine instead of a container: its links, and the words of its
 * monitor (drivers/hyperv/monitor/conf.h).
 *
 * To the keeper a machine is a container whose program is a monitor. Three things differ. Its links
 * are taps on the host's bridges, handed down as descriptors, so they are gone with the machine.
 * It runs when its service does, some time after its process was started. And what it ended of may
 * be something that no exit status tells.
 */
#include "drivers/keeper/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/keeper/common_kernel.h"
#include "drivers/keeper/protocol.h"

enum { WORDS_MAX = 128 << 10 };

static int open_fifo(const struct wc_keep *keep, bool adopts)
{
    if (!adopts && (mkfifo(WC_KEEPER_WORD, 0600) != 0 ||
                    lchown(WC_KEEPER_WORD, (uid_t)keep->conf.owner, (gid_t)-1) != 0))
        return wc_fault("make", WC_KEEPER_WORD, errno);
    int fd = open(WC_KEEPER_WORD, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
    return fd >= 0 ? fd : wc_fault("open", WC_KEEPER_WORD, errno);
}

int wc_keep_machine_up(struct wc_keep *keep, bool adopts)
{
    if (!keep->conf.machine)
        return 0;
    keep->word = open_fifo(keep, adopts);
    return keep->word < 0 ? -1 : wc_keep_watch(keep, keep->word, WC_KEEP_TAG_WORD, false);
}

int wc_keep_taps_open(struct wc_keep *keep)
{
    for (size_t i = 0; i < keep->conf.tap.n; i++) {
        const char *name = keep->conf.tap.items[i];
        struct ifreq request = { .ifr_flags = WC_IFF_TAP | WC_IFF_NO_PI | WC_IFF_VNET_HDR };
        size_t len = strlen(name);
        if (len >= sizeof request.ifr_name)
            return wc_fault("settings: no name for a link:", name, 0);
        memcpy(request.ifr_name, name, len);
        int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0 || ioctl(fd, WC_TUNSETIFF, &request) != 0)
            return wc_fault("network: make link", name, errno);
        keep->taps[keep->n_taps++] = fcntl(fd, F_DUPFD_CLOEXEC, WC_KEEP_HANDED_ABOVE);
        close(fd);
    }
    if (keep->conf.handed && keep->handed >= 0)
        keep->taps[keep->n_taps++] = keep->handed;
    keep->handed = -1;
    return 0;
}

void wc_keep_taps_hand_down(const struct wc_keep *keep)
{
    for (unsigned i = 0; i < keep->n_taps; i++)
        dup2(keep->taps[i], WC_KEEPER_TAP_FD + (int)i);
}

void wc_keep_taps_close(struct wc_keep *keep)
{
    while (keep->n_taps > 0)
        close(keep->taps[--keep->n_taps]);
}

static void take_cause(struct wc_keep *keep, const char *why)
{
    struct wc_text text = WC_TEXT(keep->cause);
    wc_text_put(&text, why);
    for (char *c = keep->cause; *c != '\0'; c++)
        if (*c < ' ' || *c > '~')
            *c = ' ';
    wc_keep_say(keep->cause);
}

static void on_word(struct wc_keep *keep, const char *line)
{
    uint64_t signal;
    if (strcmp(line, "started") == 0)
        keep->machine_runs = true;
    else if (strcmp(line, "oom") == 0)
        keep->machine_oom = true;
    else if (strncmp(line, "signal ", 7) == 0 && wc_number(line + 7, 64, &signal))
        keep->machine_signal = (unsigned)signal;
    else if (strncmp(line, "failed ", 7) == 0)
        take_cause(keep, line + 7);
    else if (strncmp(line, "says ", 5) == 0)
        wc_keep_say(line + 5);
    else if (strncmp(line, "cause ", 6) == 0)
        take_cause(keep, line + 6);
}

/* Who breaks out of a machine could talk for ever, on our time and into keeper.err: an honest
 * monitor has some dozen lines to say. */
void wc_keep_machine_read(struct wc_keep *keep)
{
    static size_t heard;
    char words[4096]; /* whole lines: each was written at once */
    ssize_t len;
    while (keep->word >= 0 && (len = read(keep->word, words, sizeof words - 1)) > 0) {
        words[len] = '\0';
        for (char *c = words; c < words + len; c++) /* for people's terminals */
            if (*c != '\n' && (*c < ' ' || *c > '~'))
                *c = ' ';
        for (char *line = words; *line != '\0';) {
            char *end = line + strcspn(line, "\n");
            bool more = *end == '\n';
            *end = '\0';
            on_word(keep, line);
            line = end + more;
        }
        heard += (size_t)len;
        if (heard > WORDS_MAX) {
            wc_keep_say("the machine says too much; it isn't listened to any more");
            close(keep->word);
            keep->word = -1;
        }
    }
}
