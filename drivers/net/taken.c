/* taken.c - is a port free, and if not, whose is it?
 *
 * Two kinds of owners: a project, whose ports are elements of our maps and listen nowhere, and a
 * process, which shows when binding fails. The search for its name reads /proc and takes long; it
 * only runs to make the error message good.
 */
#include "drivers/net/host.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"

static const char *proto_word(enum wc_proto proto)
{
    static const char *const words[] = {
        [WC_PROTO_TCP] = "tcp",
        [WC_PROTO_UDP] = "udp",
        [WC_PROTO_SCTP] = "sctp",
    };
    return words[proto];
}

/* Finds the inode of the socket that has the port, in /proc/net/<table>. 0: not there. */
static unsigned long inode_in(const char *table, unsigned port, bool tcp)
{
    char path[64], *line = NULL;
    size_t cap = 0;
    unsigned long inode = 0;
    snprintf(path, sizeof path, "/proc/net/%s", table);
    FILE *file = fopen(path, "re");
    while (file != NULL && inode == 0 && getline(&line, &cap, file) > 0) {
        unsigned local = 0, state = 0;
        unsigned long found = 0;
        /* NOLINTNEXTLINE(cert-err34-c): the kernel's own table; its columns fit these types */
        int n = sscanf(line, " %*u: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*u %*u %lu",
                       &local, &state, &found);
        if (n == 3 && local == port && (!tcp || state == 0x0A))
            inode = found;
    }
    free(line);
    if (file != NULL)
        fclose(file);
    return inode;
}

static bool process_has(const char *pid, const char *socket_name)
{
    char path[64], target[64];
    snprintf(path, sizeof path, "/proc/%.20s/fd", pid);
    DIR *dir = opendir(path);
    bool found = false;
    for (struct dirent *e; dir != NULL && !found && (e = readdir(dir)) != NULL;) {
        ssize_t len = readlinkat(dirfd(dir), e->d_name, target, sizeof target - 1);
        target[len > 0 ? len : 0] = '\0';
        found = wc_streq(target, socket_name);
    }
    if (dir != NULL)
        closedir(dir);
    return found;
}

/* Appends " by nginx (pid 123)", or nothing when it can't be found. */
static void name_holder(unsigned port, enum wc_proto proto, struct wc_buf *out)
{
    static const char *const tables[][2] = { { "tcp", "tcp6" }, { "udp", "udp6" } };
    if (proto == WC_PROTO_SCTP)
        return;
    bool tcp = proto == WC_PROTO_TCP;
    unsigned long inode = 0;
    for (size_t i = 0; i < 2 && inode == 0; i++)
        inode = inode_in(tables[tcp ? 0 : 1][i], port, tcp);
    char socket_name[40];
    snprintf(socket_name, sizeof socket_name, "socket:[%lu]", inode);
    DIR *dir = inode != 0 ? opendir("/proc") : NULL;
    for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
        if (!wc_ascii_isdigit(e->d_name[0]) || !process_has(e->d_name, socket_name))
            continue;
        char path[64];
        WC_CLEANUP_BUF struct wc_buf comm = WC_BUF_INIT;
        snprintf(path, sizeof path, "/proc/%.20s/comm", e->d_name);
        if (wc_fs_read(path, 256, &comm, NULL) == 0)
            wc_buf_printf(out, " by %.*s (pid %s)", (int)strcspn(comm.data, "\n"), comm.data,
                          e->d_name);
        break;
    }
    if (dir != NULL)
        closedir(dir);
}

/* Tries to bind. Returns 0 or an errno value. */
static int try_bind(const struct wc_net_publish *port)
{
    static const struct {
        int type, protocol;
    } kinds[] = { [WC_PROTO_TCP] = { SOCK_STREAM, IPPROTO_TCP },
                  [WC_PROTO_UDP] = { SOCK_DGRAM, IPPROTO_UDP },
                  [WC_PROTO_SCTP] = { SOCK_STREAM, IPPROTO_SCTP } };
    WC_CLEANUP_FD int fd =
        socket(AF_INET, kinds[port->proto].type | SOCK_CLOEXEC, kinds[port->proto].protocol);
    struct sockaddr_in addr = { .sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port->host_port),
                                .sin_addr.s_addr = htonl(port->host_ip4) };
    if (fd < 0)
        return errno == EPROTONOSUPPORT ? 0 : errno; /* then nobody else can have it either */
    const int on = 1; /* connections that are over don't count (UDP: it would hide a holder) */
    if (port->proto != WC_PROTO_UDP)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    return bind(fd, (const struct sockaddr *)&addr, sizeof addr) == 0 ? 0 : errno;
}

static bool collide(const struct wc_net_publish *port, const struct wc_rules_port *other)
{
    return port->proto == other->proto && port->host_port == other->host_port &&
           (port->host_ip4 == other->host_ip4 || port->host_ip4 == 0 || other->host_ip4 == 0);
}

/* Looks in our table. 1: ours already, 0: free there, negative: another project's. */
static int look_in_table(const struct wc_net_publish *port, const char *owner,
                         const struct wc_rules *have, struct wc_err *err)
{
    int ours = 0;
    for (size_t i = 0; i < have->n_ports; i++) {
        const struct wc_rules_port *other = &have->ports[i];
        if (!collide(port, other))
            continue;
        if (!wc_streq(other->owner, owner))
            return wc_err_at(err, WC_ERR_CONFLICT, port->at,
                             "service %s: port %u/%s is published by service %s of project %s",
                             port->service, port->host_port, proto_word(port->proto),
                             other->service, other->owner);
        ours = 1;
    }
    return ours;
}

static int refuse(const struct wc_net_publish *port, int sys, struct wc_err *err)
{
    const char *word = proto_word(port->proto);
    WC_CLEANUP_BUF struct wc_buf by = WC_BUF_INIT;
    if (sys == EADDRNOTAVAIL) {
        struct in_addr in = { htonl(port->host_ip4) };
        char text[INET_ADDRSTRLEN];
        return wc_err_at(err, WC_ERR_SPEC, port->at,
                         "service %s: this host has no address %s to publish port %u/%s on",
                         port->service, inet_ntop(AF_INET, &in, text, sizeof text), port->host_port,
                         word);
    }
    if (sys != EADDRINUSE)
        return wc_err_at(err, wc_fs_code(sys), port->at, "service %s: port %u/%s: %s",
                         port->service, port->host_port, word, strerror(sys));
    name_holder(port->host_port, port->proto, &by);
    return wc_err_at(err, WC_ERR_CONFLICT, port->at, "service %s: port %u/%s is taken%s",
                     port->service, port->host_port, word, by.data);
}

int wc_ports_check(const struct wc_net_request *req, const char *owner, const struct wc_rules *have,
                   struct wc_err *err)
{
    for (size_t i = 0; i < req->n_ports; i++) {
        const struct wc_net_publish *port = &req->ports[i];
        int found = look_in_table(port, owner, have, err);
        if (found < 0)
            return found;
        int sys = found > 0 ? 0 : try_bind(port);
        if (sys != 0)
            return refuse(port, sys, err);
    }
    return 0;
}
