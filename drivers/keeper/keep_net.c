/* keep_net.c - the instance's network namespace: made or joined, tuned, and filled by replaying
 * rtnetlink messages that the supervisor composed.
 *
 * The keeper knows nothing of addresses or bridges: two files hold complete messages, and it only
 * counts acknowledgements. Both files go out in one send each, since the kernel's price is per
 * request, not per message, and no `ip` process is ever started.
 */
#include "drivers/keeper/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "drivers/keeper/common_kernel.h"
#include "drivers/keeper/protocol.h"

static char blob[65536] __attribute__((aligned(4096)));

static int rtnetlink_open(void)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, WC_NETLINK_ROUTE);
    if (fd < 0)
        return wc_fault("open rtnetlink", NULL, errno);
    const int one = 1; /* shorter answers, with the kernel's own words; older kernels lack them */
    setsockopt(fd, WC_SOL_NETLINK, WC_NETLINK_CAP_ACK, &one, sizeof one);
    setsockopt(fd, WC_SOL_NETLINK, WC_NETLINK_EXT_ACK, &one, sizeof one);
    return fd;
}

/* The kernel's explanation in an error answer of len bytes, or NULL. */
static const char *ack_words(const char *answer, size_t len)
{
    struct wc_nlmsghdr head;
    memcpy(&head, answer, sizeof head);
    size_t at = sizeof head + sizeof(struct wc_nlmsgerr);
    if ((head.flags & WC_NLM_F_ACK_TLVS) == 0 || (head.flags & WC_NLM_F_CAPPED) == 0)
        return NULL;
    while (at + sizeof(struct wc_nlattr) < len) {
        struct wc_nlattr attr;
        memcpy(&attr, answer + at, sizeof attr);
        if (attr.len <= sizeof attr || attr.len > len - at)
            return NULL;
        const char *words = answer + at + sizeof attr;
        if (attr.type == WC_NLMSGERR_ATTR_MSG && words[attr.len - sizeof attr - 1] == '\0')
            return words;
        at += (attr.len + 3U) & ~3U;
    }
    return NULL;
}

static int ack_fault(const char *file, unsigned number, const struct wc_nlmsgerr *error,
                     const char *words)
{
    char name[200];
    struct wc_text text = WC_TEXT(name);
    wc_text_put(&text, file);
    wc_text_put(&text, " message");
    wc_text_field(&text, number);
    wc_text_put(&text, " (type");
    wc_text_field(&text, error->request.type);
    wc_text_put(&text, ")");
    if (words != NULL) {
        wc_text_put(&text, ": ");
        wc_text_put(&text, words);
    }
    return wc_fault("network:", name, -error->error);
}

/* Reads one datagram of answers; counts them and keeps the first refusal as the fault. */
static int read_acks(int fd, const char *file, unsigned *seen, bool *refused)
{
    char answer[8192];
    ssize_t len = recv(fd, answer, sizeof answer, 0);
    if (len < 0)
        return errno == EINTR ? 0 : wc_fault("network: no answer to", file, errno);
    for (size_t at = 0; at + sizeof(struct wc_nlmsghdr) <= (size_t)len;) {
        struct wc_nlmsghdr head;
        struct wc_nlmsgerr error;
        memcpy(&head, answer + at, sizeof head);
        if (head.len < sizeof head || head.len > (size_t)len - at)
            return wc_fault("network: bad answer to", file, 0);
        if (head.type == WC_NLMSG_ERROR && head.len >= sizeof head + sizeof error) {
            memcpy(&error, answer + at + sizeof head, sizeof error);
            ++*seen;
            if (error.error != 0 && !*refused) {
                *refused = true;
                ack_fault(file, *seen, &error, ack_words(answer + at, head.len));
            }
        }
        at += (head.len + 3U) & ~3U;
    }
    return 0;
}

static int count_messages(const char *file, size_t len, unsigned *out)
{
    for (size_t at = 0; at < len; ++*out) {
        struct wc_nlmsghdr head;
        if (len - at < sizeof head)
            return wc_fault("network: cut short:", file, 0);
        memcpy(&head, blob + at, sizeof head);
        if (head.len < sizeof head || head.len > len - at)
            return wc_fault("network: bad message length in", file, 0);
        at += (head.len + 3U) & ~3U;
    }
    return 0;
}

static int replay(int fd, const char *file)
{
    ssize_t len = wc_file_read(AT_FDCWD, file, blob, sizeof blob);
    if (len < 0)
        return errno == ENOENT ? 0 : wc_fault("read", file, errno);
    unsigned wanted = 0, seen = 0;
    bool refused = false;
    if (count_messages(file, (size_t)len, &wanted) != 0)
        return -1;
    struct wc_sockaddr_nl kernel = { .family = AF_NETLINK };
    if (wanted > 0 &&
        sendto(fd, blob, (size_t)len, 0, (struct sockaddr *)&kernel, sizeof kernel) != len)
        return wc_fault("network: send", file, errno);
    while (seen < wanted)
        if (read_acks(fd, file, &seen, &refused) != 0)
            return -1;
    return refused ? -1 : 0;
}

/* "net.ipv4.ip_forward=1", or with slashes where a link's name has a dot. */
static int write_sysctl(const char *setting)
{
    char path[160];
    struct wc_text text = WC_TEXT(path);
    const char *equals = strchr(setting, '=');
    if (equals == NULL || strncmp(setting, "net", 3) != 0 || strstr(setting, "..") != NULL ||
        (size_t)(equals - setting) > sizeof path - 16)
        return wc_fault("network: bad net_sysctl", setting, 0);
    wc_text_put(&text, "/proc/sys/");
    size_t start = text.len;
    wc_text_putn(&text, setting, (size_t)(equals - setting));
    if (strchr(path + start, '/') == NULL)
        for (char *c = path + start; *c != '\0'; c++)
            if (*c == '.')
                *c = '/';
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    int sys = fd < 0 ? errno : 0;
    if (fd >= 0 && write(fd, equals + 1, strlen(equals + 1)) < 0)
        sys = errno;
    if (fd >= 0)
        close(fd);
    return sys == 0 ? 0 : wc_fault("network: sysctl", setting, sys);
}

/* Asked after the namespace was opened: so long as the process lives, the number is still its own.
 * A number that was given away may be a process of the host. */
static bool is_still(const char *netns, uint64_t starttime)
{
    uint64_t pid, now;
    char number[24];
    struct wc_text text = WC_TEXT(number);
    const char *at = netns + strlen("/proc/");
    if (strncmp(netns, "/proc/", strlen("/proc/")) != 0)
        return false;
    wc_text_putn(&text, at, strcspn(at, "/"));
    return wc_number(number, INT32_MAX, &pid) && wc_proc_starttime((pid_t)pid, &now) &&
           now == starttime;
}

static int enter(struct wc_keep *keep)
{
    const struct wc_keep_conf *conf = &keep->conf;
    const char *netns = conf->netns;
    if (strcmp(netns, "new") == 0) {
        if (unshare(CLONE_NEWNET) != 0)
            return wc_fault("network: new namespace", NULL, errno);
        keep->own_netns = true;
    } else {
        int fd = open(netns, O_RDONLY | O_CLOEXEC);
        if (fd >= 0 && conf->netns_starttime != 0 && !is_still(netns, conf->netns_starttime))
            return wc_fault("network: the service to join has ended", NULL, 0);
        if (fd < 0 || setns(fd, CLONE_NEWNET) != 0)
            return wc_fault("network: join", netns, errno);
        close(fd);
    }
    int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || dup3(fd, WC_KEEPER_NETNS_FD, O_CLOEXEC) < 0)
        return wc_fault("network: own namespace", NULL, errno);
    close(fd);
    return 0;
}

static int fill(const struct wc_keep_conf *conf, int host)
{
    for (size_t i = 0; i < conf->net_sysctl.n; i++)
        if (write_sysctl(conf->net_sysctl.items[i]) != 0)
            return -1;
    if (replay(host, WC_KEEPER_NET_HOST) != 0)
        return -1;
    int inside = rtnetlink_open();
    if (inside < 0)
        return -1;
    int status = replay(inside, WC_KEEPER_NET_INSIDE);
    close(inside);
    return status;
}

int wc_keep_net_up(struct wc_keep *keep)
{
    if (strcmp(keep->conf.netns, "host") == 0)
        return 0;
    int host = rtnetlink_open(); /* a socket belongs to the namespace it was opened in */
    if (host < 0)
        return -1;
    int status = wc_keep_taps_open(keep);
    if (status == 0)
        status = enter(keep);
    if (status == 0)
        status = fill(&keep->conf, host);
    close(WC_KEEPER_NETNS_FD); /* held open, it would keep the namespace after our end */
    close(host);
    madvise(blob, sizeof blob, MADV_DONTNEED);
    return status;
}
