/* dns_upstream.c - whom to ask what we don't know: the host's own resolv.conf.
 *
 * Read again when it changed, looked at no more than once a second. A resolver on the host's
 * loopback (systemd-resolved, dnsmasq) is fine: this process lives in the host's namespace. Our own
 * gateways are left out, or a question would go round for ever.
 */
#include "drivers/keeper/dns.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SERVERS = 3, PORT = 53, CHECK_MS = 1000 };

static struct sockaddr_storage servers[SERVERS];
static unsigned n_servers;
static struct timespec read_mtime;
static ino_t read_inode;
static int64_t checked_at_ms;

static bool add_server(const char *text)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&servers[n_servers];
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&servers[n_servers];
    memset(&servers[n_servers], 0, sizeof servers[n_servers]);
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        if (wc_dns_udp_socket(ntohl(v4->sin_addr.s_addr)) >= 0)
            return false;
        v4->sin_family = AF_INET;
        v4->sin_port = htons(PORT);
        return true;
    }
    if (inet_pton(AF_INET6, text, &v6->sin6_addr) != 1)
        return false;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(PORT);
    return true;
}

/* Takes "nameserver ADDRESS" lines. */
static void read_servers(char *text)
{
    n_servers = 0;
    for (char *line = text; line != NULL && n_servers < SERVERS;) {
        char *end = strchr(line, '\n');
        if (end != NULL)
            *end++ = '\0';
        if (strncmp(line, "nameserver", 10) == 0 && (line[10] == ' ' || line[10] == '\t')) {
            char *word = line + 10 + strspn(line + 10, " \t");
            word[strcspn(word, " \t\r#;")] = '\0';
            n_servers += add_server(word);
        }
        line = end;
    }
}

static void refresh(void)
{
    struct stat st;
    char text[4096];
    int64_t now = wc_dns_now_ms();
    if (checked_at_ms != 0 && now - checked_at_ms < CHECK_MS)
        return;
    checked_at_ms = now;
    if (stat(wc_dns_server.resolv, &st) != 0) {
        n_servers = 0;
        read_inode = 0;
        return;
    }
    if (st.st_ino == read_inode && st.st_mtim.tv_sec == read_mtime.tv_sec &&
        st.st_mtim.tv_nsec == read_mtime.tv_nsec)
        return;
    int fd = open(wc_dns_server.resolv, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0)
        close(fd);
    if (len < 0)
        return;
    text[len] = '\0';
    read_inode = st.st_ino;
    read_mtime = st.st_mtim;
    read_servers(text);
}

unsigned wc_dns_upstream(unsigned nth, struct sockaddr_storage *out)
{
    refresh();
    if (n_servers == 0)
        return 0;
    *out = servers[nth % n_servers];
    return out->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}
