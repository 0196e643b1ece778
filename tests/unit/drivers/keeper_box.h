/* keeper_box.h - a bundle, its directories and a keeper over a real OCI runtime, for tests.
 *
 * Idea:    no driver in between: keeper.conf and config.json are written by hand, packets are read
 * as they come. Everything lies below one new directory in /tmp; the container has no network but
 * the test's own namespaces. Owner: box_open … box_close by the case. Errors: assertions.
 */
#ifndef TESTS_UNIT_DRIVERS_KEEPER_BOX_H
#define TESTS_UNIT_DRIVERS_KEEPER_BOX_H

#include "harness/wc_test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/str.h"
#include "drivers/keeper/protocol.h"

enum { BOX_WAIT_MS = 20000 };

struct box {
    char root[64];
    const char *runtime;
    const char *program; /* a line for sh -c */
    const char *extra;   /* more records of keeper.conf, separated by newlines; may be NULL */
    const char *limits;  /* JSON of linux.resources; may be NULL */
    const char *argv0;   /* executed instead of the shell; may be NULL */
    bool tty, with_network, as_user;
    int sealed; /* a sealed runtime to hand over; 0 = none */
    pid_t keeper;
    int link;
    char packet[600];
    long pid;
    unsigned long long starttime;
};

static inline const char *box_path(const struct box *box, const char *name)
{
    static char paths[8][256];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", box->root, name);
    return path;
}

static inline const char *box_cgroup(const struct box *box)
{
    static char name[64];
    snprintf(name, sizeof name, "/wc-%s", strrchr(box->root, '/') + 1);
    return name;
}

static inline void box_program_path(const char *name, char out[512])
{
    const char *dir = getenv("WCOMPOSE_LIBEXEC");
    char self[400] = "";
    if (dir == NULL) {
        ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
        assert_true(len > 0);
        *strrchr(self, '/') = '\0';
        dir = self;
    }
    snprintf(out, 512, "%s/%s", dir, name);
}

static inline const char *box_find(const char *program)
{
    static char found[4][64];
    static unsigned next;
    static const char *const places[] = { "/usr/bin", "/usr/sbin",      "/bin",
                                          "/sbin",    "/usr/local/bin", "/usr/local/sbin" };
    char *path = found[next++ % 4];
    for (size_t i = 0; i < WC_COUNT(places); i++) {
        snprintf(path, sizeof found[0], "%s/%s", places[i], program);
        if (access(path, X_OK) == 0)
            return path;
    }
    return NULL;
}

static inline void box_write(const char *path, const char *text, size_t len)
{
    struct wc_err err;
    assert_int_equal(wc_fs_write_atomic(path, text, len, 0600, false, &err), 0);
}

/* The file's text, "" if there is none. Borrowed until the next call but one. */
static inline const char *box_read(const char *path)
{
    static char texts[2][1 << 16];
    static unsigned next;
    char *text = texts[next++ % 2];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = 0, k = fd < 0 ? 0 : 1;
    while (k > 0 && len < (1 << 16) - 1) {
        k = read(fd, text + len, (size_t)((1 << 16) - 1 - len));
        len += k > 0 ? k : 0;
    }
    text[len] = '\0';
    if (fd >= 0)
        close(fd);
    return text;
}

static inline void box_copy(const struct box *box, const char *name, const char *bytes, size_t len,
                            mode_t mode)
{
    box_write(box_path(box, name), bytes, len);
    assert_int_equal(chmod(box_path(box, name), mode), 0);
}

static inline void box_rootfs(const struct box *box)
{
    static const char *const applets[] = { "sh",   "cat",   "ls",       "id",    "ps",
                                           "seq",  "sleep", "yes",      "head",  "tail",
                                           "stty", "tty",   "ip",       "touch", "stat",
                                           "kill", "true",  "readlink", "tr" };
    static const char *const dirs[] = { "bin", "proc", "dev", "etc", "tmp" };
    static const char users[] = "root:x:0:0::/root:/bin/sh\nbob:x:1000:1001::/home/bob:/bin/sh\n";
    static const char groups[] = "root:x:0:\nbobs:x:1001:\nextra:x:1002:alice,bob\n";
    WC_CLEANUP_BUF struct wc_buf busybox = WC_BUF_INIT;
    struct wc_err err;
    char name[64];
    assert_int_equal(chmod(box->root, 0755), 0);
    for (size_t i = 0; i < WC_COUNT(dirs); i++) {
        snprintf(name, sizeof name, "rootfs/%s", dirs[i]);
        assert_int_equal(mkdir(box_path(box, name), 0755), 0);
    }
    /* a copy, not a link: containers write where they like */
    assert_int_equal(wc_fs_read(box_find("busybox"), 64 << 20, &busybox, &err), 0);
    box_copy(box, "rootfs/bin/busybox", busybox.data, busybox.len, 0755);
    for (size_t i = 0; i < WC_COUNT(applets); i++) {
        snprintf(name, sizeof name, "rootfs/bin/%s", applets[i]);
        assert_int_equal(symlink("busybox", box_path(box, name)), 0);
    }
    box_copy(box, "rootfs/etc/passwd", users, sizeof users - 1, 0644);
    box_copy(box, "rootfs/etc/group", groups, sizeof groups - 1, 0644);
}

static inline void box_mount(struct wc_jsonw *w, const char *at, const char *type,
                             const char *option)
{
    wc_jsonw_object(w, NULL);
    wc_jsonw_str(w, "destination", at);
    wc_jsonw_str(w, "type", type);
    wc_jsonw_str(w, "source", type);
    wc_jsonw_array(w, "options");
    wc_jsonw_str(w, NULL, "nosuid");
    wc_jsonw_str(w, NULL, option);
    wc_jsonw_end_array(w);
    wc_jsonw_end_object(w);
}

static inline void box_config_process(const struct box *box, struct wc_jsonw *w)
{
    static const char *const sets[] = { "bounding", "effective", "permitted" };
    wc_jsonw_object(w, "process");
    wc_jsonw_bool(w, "terminal", box->tty);
    wc_jsonw_object(w, "user");
    wc_jsonw_i64(w, "uid", box->as_user ? 1000 : 0);
    wc_jsonw_i64(w, "gid", box->as_user ? 1001 : 0);
    wc_jsonw_end_object(w);
    wc_jsonw_array(w, "args");
    wc_jsonw_str(w, NULL, box->argv0 != NULL ? box->argv0 : "/bin/sh");
    if (box->argv0 == NULL) {
        wc_jsonw_str(w, NULL, "-c");
        wc_jsonw_str(w, NULL, box->program);
    }
    wc_jsonw_end_array(w);
    wc_jsonw_array(w, "env");
    wc_jsonw_str(w, NULL, "PATH=/bin");
    wc_jsonw_end_array(w);
    wc_jsonw_str(w, "cwd", "/");
    wc_jsonw_bool(w, "noNewPrivileges", true);
    wc_jsonw_object(w, "capabilities");
    for (size_t i = 0; i < WC_COUNT(sets); i++) {
        wc_jsonw_array(w, sets[i]);
        wc_jsonw_str(w, NULL, "CAP_KILL");
        wc_jsonw_str(w, NULL, "CAP_NET_ADMIN");
        wc_jsonw_end_array(w);
    }
    wc_jsonw_end_object(w);
    wc_jsonw_end_object(w);
}

static inline void box_config(const struct box *box)
{
    static const char *const spaces[] = { "pid", "ipc", "uts", "mount" };
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    struct wc_jsonw w = WC_JSONW_INIT(&out);
    wc_jsonw_object(&w, NULL);
    wc_jsonw_str(&w, "ociVersion", "1.0.0");
    box_config_process(box, &w);
    wc_jsonw_object(&w, "root");
    wc_jsonw_str(&w, "path", "../rootfs");
    wc_jsonw_end_object(&w);
    wc_jsonw_str(&w, "hostname", "box");
    wc_jsonw_array(&w, "mounts");
    box_mount(&w, "/proc", "proc", "noexec");
    box_mount(&w, "/dev", "tmpfs", "mode=755");
    box_mount(&w, "/dev/pts", "devpts", "newinstance");
    wc_jsonw_end_array(&w);
    wc_jsonw_object(&w, "linux");
    wc_jsonw_str(&w, "cgroupsPath", box_cgroup(box));
    if (box->limits != NULL)
        wc_jsonw_raw(&w, "resources", box->limits);
    wc_jsonw_array(&w, "namespaces");
    for (size_t i = 0; i < WC_COUNT(spaces); i++) {
        wc_jsonw_object(&w, NULL);
        wc_jsonw_str(&w, "type", spaces[i]);
        wc_jsonw_end_object(&w);
    }
    wc_jsonw_end_array(&w);
    wc_jsonw_end_object(&w);
    wc_jsonw_end_object(&w);
    box_write(box_path(box, "bundle/config.json"), out.data, out.len);
}

static inline void box_settings(const struct box *box)
{
    WC_CLEANUP_BUF struct wc_buf conf = WC_BUF_INIT;
    wc_buf_printf(&conf, "id=%s.1%c", strrchr(box->root, '/') + 1, 0);
    wc_buf_printf(&conf, "lib=%s/lib%cruntime=%s%c", box->root, 0, box->runtime, 0);
    wc_buf_printf(&conf, "runtime_root=%s/oci%cbundle=%s/bundle%c", box->root, 0, box->root, 0);
    wc_buf_printf(&conf, "detach=/sys/fs/cgroup/unified%ctty=%d%c", 0, box->tty, 0);
    if (box->as_user)
        wc_buf_printf(&conf, "owner=1000%c", 0);
    for (const char *at = box->extra; at != NULL && *at != '\0';) {
        size_t len = strcspn(at, "\n");
        wc_buf_add(&conf, at, len);
        wc_buf_addc(&conf, '\0');
        at += len + (at[len] == '\n');
    }
    box_write(box_path(box, "run/" WC_KEEPER_CONF), conf.data, conf.len);
}

/* Makes the directories and files; box->runtime is "crun" or "runc". Skips where the host lacks
 * something. */
static inline void box_open(struct box *box)
{
    static const char *const dirs[] = { "run", "lib", "oci", "bundle", "rootfs" };
    if (geteuid() != 0)
        WC_SKIP("needs root");
    if (box_find("busybox") == NULL)
        WC_SKIP("needs a static busybox");
    box->runtime = box_find(box->runtime);
    if (box->runtime == NULL)
        WC_SKIP("needs crun and runc");
    snprintf(box->root, sizeof box->root, "/tmp/keeper-box-XXXXXX");
    assert_non_null(mkdtemp(box->root));
    for (size_t i = 0; i < WC_COUNT(dirs); i++)
        assert_int_equal(mkdir(box_path(box, dirs[i]), 0700), 0);
    assert_int_equal(chmod(box_path(box, "rootfs"), 0755), 0);
    box_rootfs(box);
    box_config(box);
    box_settings(box);
    box->link = -1;
}

static inline void box_become_keeper(const struct box *box, int theirs)
{
    char program[512];
    box_program_path("wcompose-keeper", program);
    int err = open(box_path(box, "run/keeper.err"), O_WRONLY | O_CREAT | O_APPEND, 0600);
    int link = fcntl(theirs, F_DUPFD, 20), null = open("/dev/null", O_RDONLY);
    dup2(null, 0);
    dup2(err, 1);
    dup2(err, 2);
    int sealed = box->sealed > 0 ? fcntl(box->sealed, F_DUPFD, 20) : -1;
    dup2(link, WC_KEEPER_CLIENT_FD);
    for (int fd = 4; fd < 64; fd++)
        if (fd != sealed)
            close(fd);
    if (sealed > 0) {
        dup2(sealed, WC_KEEPER_SEALED_FD);
        close(sealed);
    }
    execl(program, program, box_path(box, "run"), (char *)NULL);
    _exit(127);
}

static inline void box_spawn(struct box *box)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    box->keeper = fork();
    assert_true(box->keeper >= 0);
    if (box->keeper == 0)
        box_become_keeper(box, ends[1]);
    close(ends[1]);
    box->link = ends[0];
}

/* The next packet on a link; "" at its end. */
static inline const char *box_receive(struct box *box, int link)
{
    struct pollfd ready = { .fd = link, .events = POLLIN };
    assert_int_equal(poll(&ready, 1, BOX_WAIT_MS), 1);
    ssize_t len = recv(link, box->packet, sizeof box->packet - 1, 0);
    box->packet[len < 0 ? 0 : len] = '\0';
    return box->packet;
}

static inline void box_expect(struct box *box, const char *start)
{
    const char *packet = box_receive(box, box->link);
    if (strncmp(packet, start, strlen(start)) != 0)
        fail_msg("got '%s', not '%s…'; keeper.err: %s", packet, start,
                 box_read(box_path(box, "run/keeper.err")));
}

static inline void box_send(const struct box *box, const char *packet)
{
    size_t len = strlen(packet);
    assert_int_equal(send(box->link, packet, len, MSG_NOSIGNAL), (ssize_t)len);
}

static inline void box_create(struct box *box)
{
    box_spawn(box);
    box_expect(box, "created ");
    assert_int_equal(sscanf(box->packet, "created %ld %llu", &box->pid, &box->starttime), 2);
}

static inline void box_start(struct box *box)
{
    box_create(box);
    box_send(box, "start");
    box_expect(box, "running ");
}

/* Waits for the keeper's own end and returns its exit status. */
static inline int box_wait_keeper(struct box *box)
{
    int status = -1;
    for (int ms = 0; ms < BOX_WAIT_MS; ms += 5) {
        if (waitpid(box->keeper, &status, WNOHANG) == box->keeper) {
            box->keeper = 0;
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
        usleep(5000);
    }
    fail_msg("the keeper does not end");
    return -1;
}

/* After the last packet: end of file, then the keeper's end; nothing of the runtime is left. */
static inline void box_expect_end(struct box *box, int status)
{
    assert_string_equal(box_receive(box, box->link), "");
    assert_int_equal(box_wait_keeper(box), status);
    assert_int_equal(rmdir(box_path(box, "oci")), 0);
    assert_int_equal(mkdir(box_path(box, "oci"), 0700), 0);
}

/* For a case that killed the keeper: its cgroups, empty by now, on every hierarchy. */
static inline void box_remove_cgroups(const struct box *box)
{
    static const char *const trees[] = { "",
                                         "/cpu",
                                         "/cpuacct",
                                         "/cpuset",
                                         "/memory",
                                         "/devices",
                                         "/freezer",
                                         "/blkio",
                                         "/pids",
                                         "/systemd",
                                         "/unified",
                                         "/hugetlb",
                                         "/perf_event",
                                         "/net_cls",
                                         "/net_prio",
                                         "/cpu,cpuacct",
                                         "/net_cls,net_prio" };
    char path[160];
    for (size_t i = 0; i < WC_COUNT(trees); i++) {
        snprintf(path, sizeof path, "/sys/fs/cgroup%s%s", trees[i], box_cgroup(box));
        for (int ms = 0; rmdir(path) != 0 && errno == EBUSY && ms < 1000; ms++)
            usleep(1000);
    }
}

static inline void box_close(struct box *box)
{
    struct wc_err err;
    if (box->keeper > 0) {
        if (box->pid > 0)
            kill((pid_t)box->pid, SIGKILL);
        box_wait_keeper(box);
    }
    if (box->link >= 0)
        close(box->link);
    assert_int_equal(wc_fs_remove_tree(box->root, &err), 0);
}

/* From open to "exited …" of a program that ends by itself; the packet is in box->packet. */
static inline void box_run(struct box *box)
{
    box_open(box);
    box_start(box);
    box_expect(box, "exited ");
}

static const char *const box_runtimes[] = { "crun", "runc" };

#endif
