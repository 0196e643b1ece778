/* creds.c - a child that opens a credential. What it is given isn't secret, so that it can be a
 * file in memory, which never fills up; what it gives is, and goes through a pipe.
 *
 * A credential that was encrypted without a name opens under every name. Whoever has the text of
 * one could put it into a project of his own, so that such a one is told apart, by a name that
 * nobody has, and refused. No option of the program says which name one has, hence a second child,
 * beside the first; and none where the same was opened before.
 */
#include "base/creds.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/str.h"

enum { ID = 16, LIMIT_MS = 10000, MOST = 1 << 20, TAIL = 2048, NAME_MAX_LEN = 255 };

/* What a credential begins with: how it was encrypted (systemd, src/shared/creds-util.h). */
static const unsigned char ids[][ID] = {
    { 0x5a, 0x1c, 0x6a, 0x86, 0xdf, 0x9d, 0x40, 0x96, 0xb1, 0xd5, 0xa6, 0x5e, 0x08, 0x62, 0xf1,
      0x9a }, /* the host's key */
    { 0x0c, 0x7c, 0xc0, 0x7b, 0x11, 0x76, 0x45, 0x91, 0x9c, 0x4b, 0x0b, 0xea, 0x08, 0xbc, 0x20,
      0xfe }, /* the TPM */
    { 0xfa, 0xf7, 0xeb, 0x93, 0x41, 0xe3, 0x41, 0x2c, 0xa1, 0xa4, 0x36, 0xf9, 0x5a, 0x29, 0x36,
      0x2f }, /* the TPM, with a signed policy */
    { 0x93, 0xa8, 0x94, 0x09, 0x48, 0x74, 0x44, 0x90, 0x90, 0xca, 0xf2, 0xfc, 0x93, 0xca, 0xb5,
      0x53 }, /* both */
    { 0xaf, 0x49, 0x50, 0xa8, 0x49, 0x13, 0x4e, 0xb1, 0xa7, 0x38, 0x46, 0x30, 0x4f, 0xf3, 0x0c,
      0x05 }, /* both, with a signed policy */
    { 0x05, 0x84, 0x69, 0xda, 0xf6, 0xf5, 0x43, 0x24, 0x80, 0x05, 0x49, 0xda, 0x0f, 0x8e, 0xa2,
      0xfb }, /* no key at all */
};

enum { NO_KEY = WC_COUNT(ids) - 1 };

static bool is_raw(const void *text, size_t len)
{
    for (size_t i = 0; len >= ID && i < WC_COUNT(ids); i++)
        if (memcmp(text, ids[i], ID) == 0)
            return true;
    return false;
}

/* The bytes that a text in base64 begins with, 18 of them; false when it is none. */
static bool first_bytes(const char *text, size_t len, struct wc_buf *out)
{
    enum { DIGITS = 24 };
    char start[DIGITS + 1];
    if (len < DIGITS)
        return false;
    memcpy(start, text, DIGITS);
    start[DIGITS] = '\0';
    return wc_buf_add_unbase64(out, start);
}

static bool is_base64(const char *text, size_t len)
{
    WC_CLEANUP_BUF struct wc_buf head = WC_BUF_INIT;
    return first_bytes(text, len, &head) && is_raw(head.data, head.len);
}

/* Encrypted by what everybody knows: anybody can have made it. */
static bool is_keyless(const char *text, size_t len)
{
    WC_CLEANUP_BUF struct wc_buf head = WC_BUF_INIT;
    return first_bytes(text, len, &head) && head.len >= ID &&
           memcmp(head.data, ids[NO_KEY], ID) == 0;
}

bool wc_creds_is(const void *text, size_t len)
{
    return is_raw(text, len) || is_base64(text, len);
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The child's streams; -1: not open. */
struct streams {
    int in, out[2], err;
};

/* One that opens it; pid 0: it couldn't be started, or has ended. */
struct child {
    struct streams s;
    pid_t pid;
};

#define NO_STREAMS ((struct streams){ -1, { -1, -1 }, -1 })

static void close_all(struct streams *s)
{
    const int fds[] = { s->in, s->out[0], s->out[1], s->err };
    for (size_t i = 0; i < WC_COUNT(fds); i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

static bool open_all(struct streams *s, const char *text, size_t len)
{
    *s = NO_STREAMS;
    s->in = memfd_create("credential", MFD_CLOEXEC);
    s->err = memfd_create("stderr", MFD_CLOEXEC);
    if (s->in < 0 || s->err < 0 || pipe2(s->out, O_CLOEXEC) != 0)
        return false;
    for (size_t at = 0; at < len;) {
        ssize_t n = pwrite(s->in, text + at, len - at, (off_t)at);
        if (n <= 0)
            return false;
        at += (size_t)n;
    }
    return true;
}

static int start(const struct streams *s, const char *name, pid_t *pid)
{
    static char *env[] = { (char *)"PATH=/usr/bin:/bin", (char *)"LC_ALL=C", NULL };
    char option[NAME_MAX_LEN + 8];
    snprintf(option, sizeof option, "--name=%s", name);
    char *argv[] = {
        (char *)"systemd-creds", (char *)"decrypt", option, (char *)"-", (char *)"-", NULL
    };
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t none;
    sigemptyset(&none);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawn_file_actions_adddup2(&actions, s->in, 0);
    posix_spawn_file_actions_adddup2(&actions, s->out[1], 1);
    posix_spawn_file_actions_adddup2(&actions, s->err, 2);
    int rc = posix_spawn(pid, "/usr/bin/systemd-creds", &actions, &attr, argv, env);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attr);
    return rc;
}

/* Until when it is listened to, and what ends that before: a descriptor that can be read, or -1. */
struct patience {
    int64_t end_ms;
    int cancel_fd;
};

/* 1 when there is something to read. */
static int wait_for(int fd, const struct patience *until, struct wc_err *err)
{
    struct pollfd fds[2] = { { .fd = fd, .events = POLLIN },
                             { .fd = until->cancel_fd, .events = POLLIN } };
    for (;;) {
        int64_t left_ms = until->end_ms - now_ms();
        int ready = left_ms <= 0 ? 0 : poll(fds, 2, (int)left_ms);
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            return wc_err_set(err, WC_ERR_UNAVAILABLE, 0, "systemd-creds took too long");
        if (fds[1].revents != 0)
            return wc_err_set(err, WC_ERR_CANCELLED, 0, "given up");
        return 1;
    }
}

/* Reads to the end; the memory is reserved before, so that nothing is left behind by growing. */
static int listen_to(int fd, const struct patience *until, struct wc_secret *out,
                     struct wc_err *err)
{
    size_t begin = out->len;
    wc_secret_reserve(out, MOST + 1);
    for (;;) {
        int rc = wait_for(fd, until, err);
        if (rc < 0)
            return rc;
        ssize_t n = read(fd, out->bytes + out->len, MOST + 1 - (out->len - begin));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return wc_err_set(err, WC_ERR_IO, errno, "read what systemd-creds says");
        if (n == 0)
            return 0;
        out->len += (size_t)n;
        if (out->len - begin > MOST)
            return wc_err_set(err, WC_ERR_LIMIT, 0, "it holds more than 1 MiB");
    }
}

/* The last line of what went wrong; systemd-creds says names and reasons, never values. */
static void last_line(int fd, char *out, size_t size)
{
    char text[TAIL + 1];
    off_t end = lseek(fd, 0, SEEK_END);
    ssize_t n = pread(fd, text, TAIL, end > TAIL ? end - TAIL : 0);
    n = n < 0 ? 0 : n;
    while (n > 0 && (unsigned char)text[n - 1] <= ' ')
        n--;
    text[n] = '\0';
    const char *line = strrchr(text, '\n');
    snprintf(out, size, "%.160s", line == NULL ? text : line + 1);
}

/* Waits for its end; what is `unheard` is ended. */
static int end(struct child *child, bool unheard, struct wc_err *err)
{
    int status = 0;
    char why[200];
    pid_t pid = child->pid;
    child->pid = 0;
    if (pid == 0)
        return 0;
    if (unheard)
        (void)kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return wc_err_set(err, WC_ERR_IO, errno, "wait for systemd-creds");
    if (unheard || (WIFEXITED(status) && WEXITSTATUS(status) == 0))
        return 0;
    last_line(child->s.err, why, sizeof why);
    return wc_err_set(err, WC_ERR_PERM, 0, "systemd-creds: %s",
                      why[0] != '\0' ? why : "failed without a word");
}

/* Whatever becomes of it, it is to be ended by `finish`. */
static int begin(struct child *child, const struct wc_creds_ask *ask, const char *name,
                 struct wc_err *err)
{
    child->pid = 0;
    if (!open_all(&child->s, ask->text, ask->len))
        return wc_err_set(err, WC_ERR_IO, errno, "run systemd-creds");
    int sys = start(&child->s, name, &child->pid);
    close(child->s.out[1]);
    child->s.out[1] = -1;
    if (sys == 0)
        return 0;
    child->pid = 0;
    if (sys == ENOENT)
        return wc_err_set(err, WC_ERR_UNAVAILABLE, 0,
                          "systemd-creds isn't installed: it is in the package systemd, 250 or "
                          "later");
    return wc_err_set(err, WC_ERR_UNAVAILABLE, sys, "run systemd-creds");
}

static int hear(struct child *child, const struct patience *until, struct wc_secret *out,
                struct wc_err *err)
{
    int rc = listen_to(child->s.out[0], until, out, err);
    int ended = end(child, rc != 0, err);
    return rc != 0 ? rc : ended;
}

static void finish(struct child *child)
{
    (void)end(child, true, NULL);
    close_all(&child->s);
}

static int check(const struct wc_creds_ask *ask, struct wc_err *err)
{
    if (strlen(ask->name) == 0 || strlen(ask->name) > NAME_MAX_LEN)
        return wc_err_set(err, WC_ERR_PERM, 0, "the name that it should have is too long");
    if (!is_base64(ask->text, ask->len))
        return wc_err_set(err, WC_ERR_SPEC, 0, "it isn't in base64, as systemd-creds writes it");
    if (is_keyless(ask->text, ask->len))
        return wc_err_set(err, WC_ERR_PERM, 0,
                          "it is encrypted without a key: anybody can read "
                          "and make such a one");
    return 0;
}

int wc_creds_open(const struct wc_creds_ask *ask, struct wc_secret *out, struct wc_err *err)
{
    static const char nobodys[] = "wcompose-a-name-that-nobody-has";
    WC_CLEANUP_SECRET struct wc_secret plain = WC_SECRET_INIT;
    WC_CLEANUP_SECRET struct wc_secret unnamed = WC_SECRET_INIT;
    struct wc_err refused = { 0 };
    struct child right = { .s = NO_STREAMS }, wrong = { .s = NO_STREAMS };
    int rc = check(ask, err);
    if (rc != 0)
        return rc;
    const struct patience until = { now_ms() + LIMIT_MS, ask->cancel_fd };
    rc = begin(&right, ask, ask->name, err);
    if (rc == 0 && !ask->was_opened)
        rc = begin(&wrong, ask, nobodys, err);
    if (rc == 0)
        rc = hear(&right, &until, &plain, err);
    if (rc == 0 && !ask->was_opened) {
        int said = hear(&wrong, &until, &unnamed, &refused);
        if (said == 0)
            rc = wc_err_set(err, WC_ERR_PERM, 0,
                            "it was encrypted without a name, and would open anywhere: use "
                            "--name=%s",
                            ask->name);
        else if (said != WC_ERR_PERM) { /* it didn't say no */
            rc = said;
            *err = refused;
        }
    }
    finish(&right);
    finish(&wrong);
    if (rc == 0)
        wc_secret_add(out, plain.bytes, plain.len);
    return rc;
}
