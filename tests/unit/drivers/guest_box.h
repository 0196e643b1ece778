/* guest_box.h - the agent of a virtual machine without one: in namespaces, on a socket, for tests.
 *
 * Idea:    the real program runs as the first process of a pid namespace, with a directory as its
 * image; the test is the host. Frames are sent and read as they are. Owner: guest_open …
 * guest_close by the case. Errors: assertions.
 */
#ifndef TESTS_UNIT_DRIVERS_GUEST_BOX_H
#define TESTS_UNIT_DRIVERS_GUEST_BOX_H

#include "unit/drivers/keeper_box.h"

#include <sched.h>
#include <stdarg.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#include "drivers/hyperv/protocol.h"

struct guest {
    struct box box; /* its root directory and rootfs are used */
    pid_t pid;
    int sock;
    bool stingy; /* output is not granted again */
    struct wc_buf conf;
    struct wc_vm_head head; /* the last frame */
    char data[WC_VM_PAYLOAD_MAX + 1];
    struct wc_buf out[WC_VM_STREAMS][2];
};

static inline void guest_send(struct guest *guest, int type, unsigned stream, const void *data,
                              size_t len)
{
    struct wc_vm_head head = { .len = (uint32_t)len,
                               .type = (uint8_t)type,
                               .stream = (uint16_t)stream };
    assert_int_equal(send(guest->sock, &head, sizeof head, MSG_NOSIGNAL), sizeof head);
    for (size_t at = 0; at < len;) {
        ssize_t k = send(guest->sock, (const char *)data + at, len - at, MSG_NOSIGNAL);
        assert_true(k > 0);
        at += (size_t)k;
    }
}

static inline void guest_number(struct guest *guest, int type, unsigned stream, uint32_t number)
{
    guest_send(guest, type, stream, &number, sizeof number);
}

/* Reads exactly that much; false at the end of the channel. */
static inline bool guest_read(const struct guest *guest, void *data, size_t len)
{
    for (size_t at = 0; at < len;) {
        struct pollfd fd = { .fd = guest->sock, .events = POLLIN };
        if (poll(&fd, 1, BOX_WAIT_MS) != 1)
            fail_msg("the agent says nothing");
        ssize_t k = read(guest->sock, (char *)data + at, len - at);
        if (k <= 0)
            return false;
        at += (size_t)k;
    }
    return true;
}

/* The next frame into head and data; output is collected, and granted again. */
static inline bool guest_next(struct guest *guest)
{
    struct wc_vm_head *head = &guest->head;
    if (!guest_read(guest, head, sizeof *head))
        return false;
    assert_true(head->len <= WC_VM_PAYLOAD_MAX && head->zero == 0 && head->stream < WC_VM_STREAMS);
    if (!guest_read(guest, guest->data, head->len))
        return false;
    guest->data[head->len] = '\0';
    if (head->type == WC_VM_OUTPUT) {
        assert_true(head->len > 1 && (guest->data[0] == 1 || guest->data[0] == 2));
        wc_buf_add(&guest->out[head->stream][guest->data[0] - 1], guest->data + 1, head->len - 1);
        if (!guest->stingy)
            guest_number(guest, WC_VM_MORE, head->stream, head->len - 1);
    }
    return true;
}

/* Reads on to a frame of that type and stream. */
static inline const char *guest_until(struct guest *guest, int type, unsigned stream)
{
    do {
        if (!guest_next(guest))
            fail_msg("the agent is gone");
        if (guest->head.type == WC_VM_FAILED && type != WC_VM_FAILED)
            fail_msg("FAILED: %s", guest->data);
    } while (guest->head.type != type || guest->head.stream != stream);
    return guest->data;
}

/* The code that a stream ended with. */
static inline int guest_ended(struct guest *guest, unsigned stream)
{
    guest_until(guest, WC_VM_ENDED, stream);
    assert_true(guest->head.len >= sizeof(struct wc_vm_ended));
    return (unsigned char)guest->data[0];
}

static inline const char *guest_out(struct guest *guest, unsigned stream, int which)
{
    return guest->out[stream][which - 1].data;
}

/* Adds "key=value" records, separated by newlines; a backslash-t is a tab. */
static inline void guest_conf(struct guest *guest, const char *lines)
{
    for (const char *at = lines; *at != '\0';) {
        size_t len = strcspn(at, "\n");
        wc_buf_add(&guest->conf, at, len);
        wc_buf_addc(&guest->conf, '\0');
        at += len + (at[len] == '\n');
    }
}

static inline void guest_file(struct guest *guest, unsigned number, const void *data, size_t len)
{
    guest_send(guest, WC_VM_FILE, number, data, len);
}

static inline _Noreturn void guest_become(const struct guest *guest, int channel)
{
    char program[512], join[512], number[16];
    box_program_path("wcompose-guest", program);
    box_program_path("wcompose-join", join);
    snprintf(number, sizeof number, "%d", channel);
    fcntl(channel, F_SETFD, 0);
    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
    execl(program, "wcompose-guest", "--channel", number, "--own", box_path(&guest->box, "own"),
          "--image", box_path(&guest->box, "rootfs"), "--join", join, (char *)NULL);
    _exit(99);
}

static inline void guest_open(struct guest *guest)
{
    int pair[2];
    *guest = (struct guest){ .sock = -1, .conf = WC_BUF_INIT };
    for (int i = 0; i < WC_VM_STREAMS; i++)
        guest->out[i][0] = guest->out[i][1] = (struct wc_buf)WC_BUF_INIT;
    if (geteuid() != 0)
        WC_SKIP("not root");
    if (box_find("busybox") == NULL)
        WC_SKIP("no busybox");
    strcpy(guest->box.root, "/tmp/wc-guest-XXXXXX"); // NOLINT: fits
    assert_non_null(mkdtemp(guest->box.root));
    assert_int_equal(mkdir(box_path(&guest->box, "rootfs"), 0755), 0);
    assert_int_equal(mkdir(box_path(&guest->box, "own"), 0755), 0);
    box_rootfs(&guest->box);
    assert_int_equal(mkdir(box_path(&guest->box, "rootfs/var"), 0755), 0);
    assert_int_equal(mkdir(box_path(&guest->box, "rootfs/run"), 0755), 0);
    assert_int_equal(symlink("/run", box_path(&guest->box, "rootfs/var/run")), 0);
    assert_int_equal(symlink("lib", box_path(&guest->box, "rootfs/lib64")), 0); /* to nothing */
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    guest->sock = pair[0];
    const unsigned long flags =
        CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC | SIGCHLD;
    guest->pid = (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);
    if (guest->pid == 0)
        guest_become(guest, pair[1]);
    assert_true(guest->pid > 0);
    close(pair[1]);
    guest_until(guest, WC_VM_HELLO, 0);
    uint32_t version;
    memcpy(&version, guest->data, sizeof version);
    assert_int_equal(version, WC_VM_VERSION);
}

/* The kernel's file systems, as a container has them, and what else `lines` say; then BEGIN. */
static inline void guest_begin(struct guest *guest, const char *lines)
{
    guest_conf(guest, "env=PATH=/bin\n"
                      "mount=/proc\tproc\tproc\tnosuid,noexec,nodev\n"
                      "mount=/dev\ttmpfs\ttmpfs\tnosuid,mode=755,size=65536k\n"
                      "mount=/dev/pts\tdevpts\tdevpts\tnosuid,noexec,newinstance,ptmxmode=0666\n"
                      "mount=/dev/shm\ttmpfs\tshm\tnosuid,nodev,mode=1777,size=1m");
    guest_conf(guest, lines);
    guest_send(guest, WC_VM_CONF, 0, guest->conf.data, guest->conf.len);
    guest_send(guest, WC_VM_BEGIN, 0, NULL, 0);
}

/* A service that is a line for sh. */
static inline void guest_shell(struct guest *guest, const char *line, const char *lines)
{
    guest_conf(guest, "arg=sh\narg=-c");
    wc_buf_printf(&guest->conf, "arg=%s%c", line, 0);
    guest_begin(guest, lines);
    guest_until(guest, WC_VM_RUNS, 0);
}

/* Reads on to the end of the channel; the agent's exit status. */
static inline int guest_gone(struct guest *guest)
{
    int status;
    while (guest_next(guest))
        ;
    assert_int_equal(waitpid(guest->pid, &status, 0), guest->pid);
    guest->pid = 0;
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static inline void guest_close(struct guest *guest)
{
    if (guest->pid > 0) {
        guest_send(guest, WC_VM_POWER_OFF, 0, NULL, 0);
        assert_int_equal(guest_gone(guest), 0);
    }
    close(guest->sock);
    for (int i = 0; i < WC_VM_STREAMS; i++) {
        wc_buf_deinit(&guest->out[i][0]);
        wc_buf_deinit(&guest->out[i][1]);
    }
    wc_buf_deinit(&guest->conf);
    struct wc_err err;
    assert_int_equal(wc_fs_remove_tree(guest->box.root, &err), 0);
}

#endif
