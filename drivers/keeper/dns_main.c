/* dns_main.c - wcompose-dns DIRECTORY [RESOLV.CONF]: serves the zones below DIRECTORY until it is
 * told to end or DIRECTORY goes.
 *
 * It puts itself into the background once it answers: whoever started it has waited for the
 * service, not for a process. The lock on dns.lock, held as long as it lives, is what tells others
 * that it runs.
 */
#include "drivers/keeper/dns.h"

#include <errno.h>
#include <fcntl.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 32, ZONE_LIMIT = 16 << 20 };

struct wc_dns_server wc_dns_server = { .epoll = -1, .watch = -1 };

void wc_dns_say(const char *what, const char *detail)
{
    dprintf(2, "wcompose-dns: %s%s%s\n", what, detail != NULL ? ": " : "",
            detail != NULL ? detail : "");
}

int64_t wc_dns_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

uint16_t wc_dns_random(void)
{
    static uint16_t pool[64];
    static size_t left;
    if (left == 0) {
        if (getrandom(pool, sizeof pool, 0) != (ssize_t)sizeof pool)
            abort(); /* ids that can be guessed are worse than no service */
        left = sizeof pool / sizeof pool[0];
    }
    return pool[--left];
}

static bool control(int op, int fd, uint32_t events, uint64_t data)
{
    struct epoll_event event = { .events = events, .data.u64 = data };
    return epoll_ctl(wc_dns_server.epoll, op, fd, &event) == 0;
}

bool wc_dns_watch(int fd, uint32_t events, enum wc_dns_kind kind, size_t nth)
{
    return control(EPOLL_CTL_ADD, fd, events, (uint64_t)kind << 32 | nth);
}

bool wc_dns_rewatch(int fd, uint32_t events, enum wc_dns_kind kind, size_t nth)
{
    return control(EPOLL_CTL_MOD, fd, events, (uint64_t)kind << 32 | nth);
}

/* ---- zones ------------------------------------------------------------------------------- */

/* Returns the file's text, from malloc, or NULL. */
static char *read_text(int dir, const char *name)
{
    struct stat st;
    char *text = NULL;
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size < ZONE_LIMIT)
        text = malloc((size_t)st.st_size + 1);
    if (text != NULL) {
        ssize_t len = read(fd, text, (size_t)st.st_size);
        text[len > 0 ? len : 0] = '\0';
    }
    if (fd >= 0)
        close(fd);
    return text;
}

/* Reads all zones anew; on failure the old table stays. */
static void load(void)
{
    char path[4096];
    struct wc_dns_zone zone = { 0 };
    bool good = true;
    snprintf(path, sizeof path, "%s/zones", wc_dns_server.dir);
    DIR *dir = opendir(path);
    for (struct dirent *e; dir != NULL && good && (e = readdir(dir)) != NULL;) {
        char *text = strchr(e->d_name, '.') == NULL ? read_text(dirfd(dir), e->d_name) : NULL;
        good = text == NULL || wc_dns_zone_add(&zone, text);
    }
    if (dir != NULL)
        closedir(dir);
    if (!good || !wc_dns_zone_finish(&zone)) {
        wc_dns_say("zones too large for memory", NULL);
        wc_dns_zone_free(&zone);
        return;
    }
    wc_dns_zone_free(&wc_dns_server.zone);
    wc_dns_server.zone = zone;
    wc_dns_listen();
}

/* Something changed in the directory: once for any number of changes. False: it is gone. */
static bool on_watch(void)
{
    _Alignas(struct inotify_event) char events[4096];
    bool alive = true;
    for (ssize_t len; (len = read(wc_dns_server.watch, events, sizeof events)) > 0;) {
        for (ssize_t at = 0; at < len;) {
            const struct inotify_event *e = (const void *)(events + at);
            alive = alive && (e->mask & (IN_DELETE_SELF | IN_IGNORED)) == 0;
            at += (ssize_t)(sizeof *e + e->len);
        }
    }
    if (alive)
        load();
    return alive;
}

static bool open_watch(void)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/zones", wc_dns_server.dir);
    wc_dns_server.watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    return wc_dns_server.watch >= 0 &&
           inotify_add_watch(wc_dns_server.watch, path,
                             IN_MOVED_TO | IN_DELETE | IN_CLOSE_WRITE | IN_DELETE_SELF) >= 0 &&
           wc_dns_watch(wc_dns_server.watch, EPOLLIN, WC_DNS_EV_WATCH, 0);
}

/* ---- life -------------------------------------------------------------------------------- */

static bool open_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd >= 0 && wc_dns_watch(fd, EPOLLIN, WC_DNS_EV_SIGNAL, 0);
}

/* Keeps the one right that later networks need: port 53. Version 3 of capset(2), spelled out, as
 * musl's headers don't have it. */
static void drop_rights(void)
{
    enum { VERSION_3 = 0x20080522, NET_BIND_SERVICE = 1 << 10 };
    struct {
        uint32_t version;
        int pid;
    } head = { VERSION_3, 0 };
    struct {
        uint32_t effective, permitted, inheritable;
    } data[2] = { { NET_BIND_SERVICE, NET_BIND_SERVICE, 0 }, { 0, 0, 0 } };
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (syscall(SYS_capset, &head, data) != 0 && geteuid() == 0)
        wc_dns_say("capset", strerror(errno));
}

static void raise_files(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= 4096)
        return;
    limit.rlim_cur = limit.rlim_max < 4096 ? limit.rlim_max : 4096;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/* Takes the lock for life. False when another one serves already. */
static bool take_lock(void)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/dns.lock", wc_dns_server.dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
}

/* Writes dns.pid: number and start time (field 22 of its stat file). Whole at once, as whoever
 * reads half of it takes us for somebody who can't be told to end. */
static bool write_pid(int pid)
{
    char path[4096], fresh[4096 + sizeof ".new"], stat_text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, stat_text, sizeof stat_text - 1) : -1;
    if (fd >= 0)
        close(fd);
    if (len <= 0)
        return false;
    stat_text[len] = '\0';
    const char *at = strrchr(stat_text, ')');
    for (int field = 2; at != NULL && field < 22; field++)
        at = strchr(at + 1, ' ');
    if (at == NULL)
        return false;
    snprintf(path, sizeof path, "%s/dns.pid", wc_dns_server.dir);
    snprintf(fresh, sizeof fresh, "%s.new", path);
    fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool written = fd >= 0 && dprintf(fd, "%d %llu\n", pid, strtoull(at, NULL, 10)) > 0;
    if (fd >= 0)
        close(fd);
    return written && rename(fresh, path) == 0;
}

/* False: time to end. */
static bool dispatch(const struct epoll_event *event)
{
    size_t nth = (uint32_t)event->data.u64;
    switch ((enum wc_dns_kind)(event->data.u64 >> 32)) {
    case WC_DNS_EV_SIGNAL:
        return false;
    case WC_DNS_EV_WATCH:
        return on_watch();
    case WC_DNS_EV_UDP:
        wc_dns_on_udp(nth);
        return true;
    case WC_DNS_EV_TCP:
        wc_dns_on_accept(nth);
        return true;
    case WC_DNS_EV_UPSTREAM:
        wc_dns_on_upstream(nth);
        return true;
    case WC_DNS_EV_CLIENT:
        wc_dns_on_client(nth, event->events);
        return true;
    case WC_DNS_EV_PEER:
        wc_dns_on_peer(nth, event->events);
        return true;
    }
    return true;
}

/* How long to sleep: to the nearer deadline, for ever when nothing is under way. */
static int patience(void)
{
    int64_t now = wc_dns_now_ms();
    int64_t a = wc_dns_forward_expire(now), b = wc_dns_tcp_expire(now);
    int64_t next = a == 0 || (b != 0 && b < a) ? b : a;
    return next == 0 ? -1 : next <= now ? 0 : (int)(next - now);
}

static void serve(void)
{
    struct epoll_event events[EVENTS];
    for (bool going = true; going;) {
        int n = epoll_wait(wc_dns_server.epoll, events, EVENTS, patience());
        for (int i = 0; i < n && going; i++)
            going = dispatch(&events[i]);
        going = going && (n >= 0 || errno == EINTR);
    }
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 3) {
        wc_dns_say("usage: wcompose-dns DIRECTORY [RESOLV.CONF]", NULL);
        return 2;
    }
    wc_dns_server.dir = argv[1];
    wc_dns_server.resolv = argc > 2 ? argv[2] : "/etc/resolv.conf";
    syscall(SYS_close_range, 3, ~0u, 0);
    raise_files();
    if (!take_lock())
        return 0;
    wc_dns_server.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (wc_dns_server.epoll < 0 || !open_watch()) {
        wc_dns_say(wc_dns_server.dir, strerror(errno));
        return 1;
    }
    load();
    int pid = fork();
    if (pid < 0) {
        wc_dns_say("fork", strerror(errno));
        return 1;
    }
    if (pid > 0)
        return write_pid(pid) ? 0 : 1;
    if (!open_signals()) /* not earlier: epoll would wake the process that told it */
        return 1;
    drop_rights();
    serve();
    return 0;
}
