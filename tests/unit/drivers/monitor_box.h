/* monitor_box.h - the real wcompose-monitor, with a stand-in for the VMM, for tests.
 *
 * Idea:    the monitor is the first process of a pid namespace, as in a jail, in a small root of
 * its own, in a mount namespace of the case. What it starts as its VMM is this test program again,
 * which hands its descriptors 100 to 102 to the case and waits: so the case plays the agent, QMP
 * and the console itself, byte by byte. Owner: mon_open … mon_close by the case. Errors:
 * assertions. Nothing is waited for longer than MON_WAIT_MS. Use:     main is MON_MAIN, which tells
 * the stand-in from the test.
 */
#ifndef TESTS_UNIT_DRIVERS_MONITOR_BOX_H
#define TESTS_UNIT_DRIVERS_MONITOR_BOX_H

#include "harness/wc_test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"
#include "drivers/hyperv/monitor/conf.h"
#include "drivers/hyperv/protocol.h"

enum { MON_WAIT_MS = 30000, MON_QUIET_MS = 150, MON_UID = 0x70000001, MON_MAX_FDS = 8 };

struct mon_frame {
    struct wc_vm_head head;
    char data[WC_VM_PAYLOAD_MAX + 1]; /* NUL after len */
};

struct mon_box {
    /* before mon_open; 0 = a minute */
    unsigned boot_ms, beat_ms, patience_ms, retries;
    bool tty, input, notify, share;
    const char *mode; /* "save", "restore", or NULL; a state to restore from is there */
    const char *conf; /* instead of everything else; may be NULL */
    /* after it */
    char root[64];
    pid_t monitor;
    pid_t vmm;               /* the stand-in; 0 = not heard of */
    char vmm_is;             /* 'v', or 'c' for the one of a cold start */
    int in, out, err;        /* our ends of the service's; of a terminal all one */
    int agent, qmp, console; /* the VMM's ends */
    int control;             /* to the stand-in */
    int word, listener;
    char words[4096];       /* read, not yet asked for */
    struct mon_frame frame; /* the last that came */
};

static const char mon_boot_conf[] = "hostname=box";

/* ---- the stand-in ---- */

static inline int mon_stand_in_send(int control, char byte, const int *fds, size_t n)
{
    union {
        char space[CMSG_SPACE(MON_MAX_FDS * sizeof(int))];
        struct cmsghdr align;
    } c = { .space = { 0 } };
    struct iovec iov = { &byte, 1 };
    struct msghdr msg = { .msg_iov = &iov,
                          .msg_iovlen = 1,
                          .msg_control = c.space,
                          .msg_controllen = CMSG_LEN(n * sizeof(int)) };
    c.align = (struct cmsghdr){ .cmsg_len = CMSG_LEN(n * sizeof(int)),
                                .cmsg_level = SOL_SOCKET,
                                .cmsg_type = SCM_RIGHTS };
    memcpy(CMSG_DATA(&c.align), fds, n * sizeof(int));
    return sendmsg(control, &msg, 0) == 1 ? 0 : -1;
}

/* As the VMM: gives its descriptors away, then ends as it is told; as the file server, waits. */
static inline int mon_stand_in(const char *as)
{
    static const int fds[] = { WC_MON_FD_AGENT, WC_MON_FD_QMP, WC_MON_FD_CONSOLE };
    struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = WC_MON_DIR "/stand-in" };
    unsigned char status = 0;
    if (strcmp(as, "--share") == 0)
        for (;;)
            pause();
    int control = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    if (connect(control, (struct sockaddr *)&name, sizeof name) != 0 ||
        mon_stand_in_send(control, as[2], fds, 3) != 0)
        _exit(99);
    for (size_t i = 0; i < 3; i++)
        close(fds[i]);
    _exit(recv(control, &status, 1, 0) == 1 ? status : 98);
}

#define MON_MAIN(...)                                                                              \
    int main(int argc, char **argv)                                                                \
    {                                                                                              \
        const struct CMUnitTest cases[] = { __VA_ARGS__ };                                         \
        if (argc > 1 && (strcmp(argv[1], "--vmm") == 0 || strcmp(argv[1], "--cold") == 0 ||        \
                         strcmp(argv[1], "--share") == 0))                                         \
            return mon_stand_in(argv[1]);                                                          \
        return wc_test_main(argc, argv, cases, sizeof cases / sizeof cases[0]);                    \
    }

/* ---- its place ---- */

static inline const char *mon_path(const struct mon_box *box, const char *name)
{
    static char paths[4][256];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", box->root, name);
    return path;
}

static inline void mon_bind(const struct mon_box *box, const char *from, const char *name)
{
    struct stat st;
    const char *to = mon_path(box, name);
    assert_int_equal(stat(from, &st), 0);
    if (S_ISDIR(st.st_mode))
        assert_int_equal(mkdir(to, 0755), 0);
    else
        close(open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    assert_int_equal(mount(from, to, NULL, MS_BIND | MS_REC, NULL), 0);
}

static inline void mon_write(const struct mon_box *box, const char *name, const void *data,
                             size_t len)
{
    int fd = open(mon_path(box, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0400);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, len), (ssize_t)len);
    assert_int_equal(fchown(fd, MON_UID, MON_UID), 0);
    close(fd);
}

static inline void mon_put_frame(struct wc_buf *out, unsigned type, unsigned stream,
                                 const void *data, size_t len)
{
    const struct wc_vm_head head = { .len = (uint32_t)len,
                                     .type = (uint8_t)type,
                                     .stream = (uint16_t)stream };
    wc_buf_add(out, &head, sizeof head);
    if (len > 0)
        wc_buf_add(out, data, len);
}

static inline void mon_write_conf(const struct mon_box *box)
{
    WC_CLEANUP_BUF struct wc_buf conf = WC_BUF_INIT, boot = WC_BUF_INIT;
    const char *at = box->conf;
    wc_buf_printf(&conf, "vmm=/stand-in%cvmm=--vmm%cuid=%d%cgid=%d%c", 0, 0, MON_UID, 0, MON_UID,
                  0);
    wc_buf_printf(&conf, "boot_ms=%u%cbeat_ms=%u%cpatience_ms=%u%c",
                  box->boot_ms > 0 ? box->boot_ms : 60000, 0,
                  box->beat_ms > 0 ? box->beat_ms : 60000, 0,
                  box->patience_ms > 0 ? box->patience_ms : 60000, 0);
    wc_buf_printf(&conf, "tty=%d%cinput=%d%cnotify=%d%c", box->tty, 0, box->input, 0, box->notify,
                  0);
    wc_buf_printf(&conf, "retries=%u%c", box->retries, 0);
    if (box->mode != NULL)
        wc_buf_printf(&conf, "mode=%s%ccold=/stand-in%ccold=--cold%c", box->mode, 0, 0, 0);
    if (box->share)
        wc_buf_printf(&conf, "share=/stand-in%cshare=--share%c", 0, 0);
    if (at != NULL)
        conf.len = 0;
    for (size_t len; at != NULL && *at != '\0'; at += len + (at[len] == '\n')) {
        len = strcspn(at, "\n");
        wc_buf_printf(&conf, "%.*s%c", (int)len, at, 0);
    }
    mon_write(box, "vm/" WC_MON_CONF, conf.data, conf.len);
    mon_put_frame(&boot, WC_VM_CONF, 0, mon_boot_conf, sizeof mon_boot_conf);
    mon_put_frame(&boot, WC_VM_BEGIN, 0, NULL, 0);
    mon_write(box, "vm/" WC_MON_BOOT, boot.data, boot.len);
}

static inline void mon_make_root(struct mon_box *box)
{
    char self[512], program[512];
    const char *dir = getenv("WCOMPOSE_LIBEXEC");
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(len > 0);
    self[len] = '\0';
    snprintf(program, sizeof program, "%.*s/wcompose-monitor",
             dir != NULL ? (int)strlen(dir) : (int)(strrchr(self, '/') - self),
             dir != NULL ? dir : self);
    snprintf(box->root, sizeof box->root, "/tmp/mon-box-XXXXXX");
    assert_non_null(mkdtemp(box->root));
    assert_int_equal(mount("root", box->root, "tmpfs", 0, "mode=755"), 0);
    mon_bind(box, "/usr", "usr");
    mon_bind(box, "/proc", "proc");
    mon_bind(box, "/dev", "dev");
    mon_bind(box, self, "stand-in");
    mon_bind(box, program, "monitor");
    assert_int_equal(symlink("usr/lib", mon_path(box, "lib")), 0);
    assert_int_equal(symlink("usr/lib64", mon_path(box, "lib64")), 0);
    assert_int_equal(mkdir(mon_path(box, "vm"), 0700), 0);
    assert_int_equal(chown(mon_path(box, "vm"), MON_UID, MON_UID), 0);
    assert_int_equal(mkdir(mon_path(box, "notify"), 0755), 0);
    assert_int_equal(mkdir(mon_path(box, "template"), 0755), 0);
    mon_write(box, "template/state", "devices", 7);
    mon_write_conf(box);
}

static inline void mon_make_channels(struct mon_box *box)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    const char *word = mon_path(box, "vm/" WC_MON_WORD);
    assert_int_equal(mkfifo(word, 0600), 0);
    assert_int_equal(chown(word, MON_UID, MON_UID), 0);
    box->word = open(word, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    assert_true(box->word >= 0);
    snprintf(name.sun_path, sizeof name.sun_path, "%s/vm/stand-in", box->root);
    box->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(box->listener, (struct sockaddr *)&name, sizeof name), 0);
    assert_int_equal(chmod(name.sun_path, 0666), 0);
    assert_int_equal(listen(box->listener, 1), 0);
}

static inline void mon_become(const struct mon_box *box, const int std[3])
{
    for (int i = 0; i < 3; i++)
        dup2(std[i], i);
    for (int fd = 3; fd < 256; fd++)
        close(fd);
    if (chroot(box->root) == 0 && chdir("/") == 0)
        execl(WC_MON_PROGRAM, WC_MON_PROGRAM, (char *)NULL);
    _exit(97);
}

static inline void mon_spawn(struct mon_box *box)
{
    int in[2], out[2], err[2];
    if (box->tty) {
        struct winsize size = { .ws_row = 24, .ws_col = 80 };
        assert_int_equal(openpty(&in[1], &in[0], NULL, NULL, &size), 0);
        out[0] = err[0] = in[1];
        out[1] = err[1] = in[0];
    } else {
        assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC) | pipe2(err, O_CLOEXEC), 0);
    }
    box->monitor = (pid_t)syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, NULL, NULL, NULL, NULL);
    assert_true(box->monitor >= 0);
    if (box->monitor == 0)
        mon_become(box, (const int[3]){ in[0], out[1], err[1] });
    close(in[0]);
    if (!box->tty) {
        close(out[1]);
        close(err[1]);
    }
    box->in = in[1];
    box->out = out[0];
    box->err = err[0];
}

/* ---- waiting ---- */

static inline bool mon_ready(int fd, short events, int ms)
{
    struct pollfd ready = { .fd = fd, .events = events };
    return poll(&ready, 1, ms) == 1;
}

/* Takes n descriptors of a message; returns its byte. */
static inline char mon_take(int control, int *fds, size_t n)
{
    union {
        char space[CMSG_SPACE(MON_MAX_FDS * sizeof(int))];
        struct cmsghdr align;
    } c;
    char byte;
    struct iovec iov = { &byte, 1 };
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = c.space, .msg_controllen = sizeof c.space
    };
    assert_true(mon_ready(control, POLLIN, MON_WAIT_MS));
    assert_int_equal(recvmsg(control, &msg, MSG_CMSG_CLOEXEC), 1);
    assert_int_equal(c.align.cmsg_len, CMSG_LEN(n * sizeof(int)));
    memcpy(fds, CMSG_DATA(&c.align), n * sizeof(int));
    return byte;
}

static inline void mon_meet_vmm(struct mon_box *box)
{
    int fds[3];
    struct ucred who;
    socklen_t len = sizeof who;
    assert_true(mon_ready(box->listener, POLLIN, MON_WAIT_MS));
    box->control = accept4(box->listener, NULL, NULL, SOCK_CLOEXEC);
    assert_int_equal(getsockopt(box->control, SOL_SOCKET, SO_PEERCRED, &who, &len), 0);
    box->vmm = who.pid;
    box->vmm_is = mon_take(box->control, fds, 3);
    box->agent = fds[0];
    box->qmp = fds[1];
    box->console = fds[2];
}

/* The next word; "" = none within ms. */
static inline const char *mon_word_within(struct mon_box *box, int ms)
{
    static char word[700];
    char *end = strchr(box->words, '\n');
    size_t have = strlen(box->words);
    if (end == NULL && mon_ready(box->word, POLLIN, ms)) {
        ssize_t k = read(box->word, box->words + have, sizeof box->words - 1 - have);
        box->words[have + (k > 0 ? (size_t)k : 0)] = '\0';
        end = strchr(box->words, '\n');
    }
    if (end == NULL)
        return "";
    snprintf(word, sizeof word, "%.*s", (int)(end - box->words), box->words);
    memmove(box->words, end + 1, strlen(end + 1) + 1);
    return word;
}

static inline void mon_expect_word(struct mon_box *box, const char *word)
{
    assert_string_equal(mon_word_within(box, MON_WAIT_MS), word);
}

/* Exit status of the monitor, the shell's way. */
static inline int mon_status(struct mon_box *box)
{
    int status;
    for (int ms = 0; ms < MON_WAIT_MS; ms += 5) {
        if (waitpid(box->monitor, &status, WNOHANG) == box->monitor) {
            box->monitor = 0;
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
        usleep(5000);
    }
    fail_msg("the monitor does not end");
    return -1;
}

/* ---- the agent ---- */

static inline void mon_say_raw(const struct mon_box *box, const void *data, size_t len)
{
    for (size_t at = 0; at < len;) {
        assert_true(mon_ready(box->agent, POLLOUT, MON_WAIT_MS));
        ssize_t k =
            send(box->agent, (const char *)data + at, len - at, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (k < 0 && (errno == EPIPE || errno == ECONNRESET))
            return; /* it has heard enough */
        assert_true(k > 0 || errno == EAGAIN);
        at += k > 0 ? (size_t)k : 0;
    }
}

static inline void mon_say(const struct mon_box *box, unsigned type, unsigned stream,
                           const void *data, size_t len)
{
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    mon_put_frame(&out, type, stream, data, len);
    mon_say_raw(box, out.data, out.len);
}

static inline void mon_say_u32(const struct mon_box *box, unsigned type, unsigned stream,
                               uint32_t value)
{
    mon_say(box, type, stream, &value, sizeof value);
}

static inline void mon_say_output(const struct mon_box *box, unsigned stream, char which,
                                  const char *data, size_t len)
{
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    wc_buf_addc(&out, which);
    wc_buf_add(&out, data, len);
    mon_say(box, WC_VM_OUTPUT, stream, out.data, out.len);
}

static inline void mon_say_ended(const struct mon_box *box, unsigned stream,
                                 struct wc_vm_ended ended, const char *why)
{
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    wc_buf_add(&out, &ended, sizeof ended);
    wc_buf_adds(&out, why);
    mon_say(box, WC_VM_ENDED, stream, out.data, out.len);
}

static inline void mon_read_all(int fd, void *data, size_t len)
{
    for (size_t at = 0; at < len;) {
        if (!mon_ready(fd, POLLIN, MON_WAIT_MS))
            fail_msg("nothing more came: %zu of %zu bytes", at, len);
        ssize_t k = read(fd, (char *)data + at, len - at);
        assert_true(k > 0);
        at += (size_t)k;
    }
}

static inline const struct mon_frame *mon_hear(struct mon_box *box)
{
    struct mon_frame *frame = &box->frame;
    mon_read_all(box->agent, &frame->head, sizeof frame->head);
    assert_true(frame->head.len <= WC_VM_PAYLOAD_MAX);
    assert_int_equal(frame->head.zero, 0);
    mon_read_all(box->agent, frame->data, frame->head.len);
    frame->data[frame->head.len] = '\0';
    return frame;
}

static inline const struct mon_frame *mon_expect(struct mon_box *box, unsigned type,
                                                 unsigned stream, size_t len)
{
    const struct mon_frame *frame = mon_hear(box);
    assert_int_equal(frame->head.type, type);
    assert_int_equal(frame->head.stream, stream);
    assert_int_equal(frame->head.len, len);
    return frame;
}

static inline uint32_t mon_expect_u32(struct mon_box *box, unsigned type, unsigned stream)
{
    uint32_t value;
    memcpy(&value, mon_expect(box, type, stream, sizeof value)->data, sizeof value);
    return value;
}

static inline void mon_expect_quiet(const struct mon_box *box)
{
    assert_false(mon_ready(box->agent, POLLIN, MON_QUIET_MS));
}

/* ---- whole stretches ---- */

static inline void mon_open(struct mon_box *box)
{
    if (geteuid() != 0)
        WC_SKIP("root");
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        WC_SKIP("a mount namespace of its own");
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    box->agent = box->qmp = box->console = box->control = -1;
    mon_make_root(box);
    mon_make_channels(box);
    mon_spawn(box);
}

static inline void mon_hello(struct mon_box *box)
{
    static const char hello[] = { WC_VM_VERSION, 0, 0, 0, '6', '.', '1', '.', '0', '-', 't', '\0' };
    mon_say(box, WC_VM_HELLO, 0, hello, sizeof hello - 1);
    mon_expect(box, WC_VM_ENTROPY, 0, 64);
    mon_expect(box, WC_VM_CLOCK, 0, 8);
    const struct mon_frame *conf = mon_expect(box, WC_VM_CONF, 0, sizeof mon_boot_conf);
    assert_memory_equal(conf->data, mon_boot_conf, sizeof mon_boot_conf);
    mon_expect(box, WC_VM_BEGIN, 0, 0);
}

/* Until the service runs. */
static inline void mon_run(struct mon_box *box)
{
    mon_open(box);
    mon_meet_vmm(box);
    mon_hello(box);
    mon_say_u32(box, WC_VM_RUNS, 0, 1);
    mon_expect_word(box, "started");
}

static inline void mon_shut(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static inline void mon_let_go(struct mon_box *box)
{
    mon_shut(&box->agent);
    mon_shut(&box->qmp);
    mon_shut(&box->console);
}

/* The VMM ends by itself. */
static inline void mon_vmm_exits(struct mon_box *box, unsigned char status)
{
    assert_int_equal(send(box->control, &status, 1, MSG_NOSIGNAL), 1);
    mon_let_go(box);
}

/* The machine powers off, as it is asked to after the service's end. */
static inline void mon_power_off(struct mon_box *box)
{
    mon_expect(box, WC_VM_POWER_OFF, 0, 0);
    mon_vmm_exits(box, 0);
}

/* Whose parent ended is our child now. */
static inline bool mon_is_gone(pid_t pid)
{
    for (int ms = 0; ms < MON_WAIT_MS && kill(pid, 0) == 0; ms++) {
        waitpid(pid, NULL, WNOHANG);
        usleep(1000);
    }
    return kill(pid, 0) != 0;
}

static inline bool mon_vmm_is_gone(const struct mon_box *box)
{
    return box->vmm <= 0 || mon_is_gone(box->vmm);
}

/* The monitor has ended, or is ended; nothing of it may be left. */
static inline void mon_close(struct mon_box *box)
{
    if (box->monitor > 0) {
        kill(box->monitor, SIGKILL);
        mon_status(box);
    }
    if (box->vmm > 0)
        assert_true(mon_vmm_is_gone(box));
    mon_let_go(box);
    mon_shut(&box->control);
    mon_shut(&box->in);
    if (!box->tty) {
        mon_shut(&box->out);
        mon_shut(&box->err);
    }
    mon_shut(&box->word);
    mon_shut(&box->listener);
    assert_int_equal(umount2(box->root, MNT_DETACH), 0);
    assert_int_equal(rmdir(box->root), 0);
}

/* It said that word, ended with 137, and the VMM went first. */
static inline void mon_expect_broken(struct mon_box *box, const char *word)
{
    mon_expect_word(box, word);
    assert_int_equal(mon_status(box), 137);
    assert_true(mon_vmm_is_gone(box));
}

/* What is to be had from a descriptor, until its end or a while of silence. NUL-terminated; the
 * caller's buffer. */
static inline size_t mon_drain(int fd, char *data, size_t cap)
{
    size_t len = 0;
    ssize_t k = 1;
    while (k > 0 && len < cap - 1 && mon_ready(fd, POLLIN, MON_QUIET_MS)) {
        k = read(fd, data + len, cap - 1 - len);
        len += k > 0 ? (size_t)k : 0;
    }
    data[len] = '\0';
    return len;
}

#endif
