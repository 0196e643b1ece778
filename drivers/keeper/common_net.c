/* common_net.c - rtnetlink messages sent on, acknowledgements counted; settings below /proc/sys. */
#include "drivers/keeper/common_net.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "drivers/keeper/common.h"
#include "drivers/keeper/common_kernel.h"

int wc_rtnetlink_open(void)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, WC_NETLINK_ROUTE);
    if (fd < 0)
        return wc_fault("open rtnetlink", NULL, errno);
    const int one = 1; /* shorter answers, with the kernel's own words; older kernels lack them */
    setsockopt(fd, WC_SOL_NETLINK, WC_NETLINK_CAP_ACK, &one, sizeof one);
    setsockopt(fd, WC_SOL_NETLINK, WC_NETLINK_EXT_ACK, &one, sizeof one);
    const struct timeval patience = { .tv_sec = 10 }; /* a message may lack its NLM_F_ACK */
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
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

static int ack_fault(const char *name_of, unsigned number, const struct wc_nlmsgerr *error,
                     const char *words)
{
    char name[200];
    struct wc_text text = WC_TEXT(name);
    wc_text_put(&text, name_of);
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

static int count_messages(const char *file, const char *messages, size_t len, unsigned *out)
{
    for (size_t at = 0; at < len; ++*out) {
        struct wc_nlmsghdr head;
        if (len - at < sizeof head)
            return wc_fault("network: cut short:", file, 0);
        memcpy(&head, messages + at, sizeof head);
        if (head.len < sizeof head || head.len > len - at)
            return wc_fault("network: bad message length in", file, 0);
        at += (head.len + 3U) & ~3U;
    }
    return 0;
}

int wc_rtnetlink_replay(int fd, const char *name, const char *messages, size_t len)
{
    unsigned wanted = 0, seen = 0;
    bool refused = false;
    if (count_messages(name, messages, len, &wanted) != 0)
        return -1;
    struct wc_sockaddr_nl kernel = { .family = AF_NETLINK };
    if (wanted > 0 &&
        sendto(fd, messages, len, 0, (struct sockaddr *)&kernel, sizeof kernel) != (ssize_t)len)
        return wc_fault("network: send", name, errno);
    while (seen < wanted)
        if (read_acks(fd, name, &seen, &refused) != 0)
            return -1;
    return refused ? -1 : 0;
}

int wc_sysctl_write(const char *setting)
{
    char path[160];
    struct wc_text text = WC_TEXT(path);
    const char *equals = strchr(setting, '=');
    if (equals == NULL || strstr(setting, "..") != NULL ||
        (size_t)(equals - setting) > sizeof path - 16)
        return wc_fault("bad setting of the kernel:", setting, 0);
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
    return sys == 0 ? 0 : wc_fault("sysctl", setting, sys);
}
