/* run.c - posix_spawn; standard error goes to a memfd, so that nothing has to be polled. */
#include "base/run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/str.h"

enum { ENV_MAX = 512, TAIL = 4096 };

/* The caller's environment, in the C locale and without questions. */
static void make_env(char *env[ENV_MAX])
{
    static char lc[] = "LC_ALL=C", frontend[] = "DEBIAN_FRONTEND=noninteractive";
    size_t n = 0;
    for (char **e = environ; *e != NULL && n < ENV_MAX - 3; e++)
        if (!wc_str_starts(*e, "LC_ALL=") && !wc_str_starts(*e, "DEBIAN_FRONTEND="))
            env[n++] = *e;
    env[n++] = lc;
    env[n++] = frontend;
    env[n] = NULL;
}

/* A program's standard streams; in_fd -1: closed. */
struct streams {
    int in_fd, out_fd, err_fd;
};

static int spawn(const char *const *argv, const char *dir, const struct streams *streams,
                 pid_t *pid)
{
    char *env[ENV_MAX];
    make_env(env);
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t none, defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &defaults);
    int rc = streams->in_fd >= 0
                 ? posix_spawn_file_actions_adddup2(&actions, streams->in_fd, 0)
                 : posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(&actions, streams->out_fd, 1);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(&actions, streams->err_fd, 2);
    if (rc == 0 && dir != NULL)
        rc = posix_spawn_file_actions_addchdir_np(&actions, dir);
    if (rc == 0)
        rc = posix_spawnp(pid, argv[0], &actions, &attr, (char *const *)(uintptr_t)argv, env);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attr);
    return rc;
}

/* Copies the last line that says something. */
static void last_line(int fd, char *out, size_t size)
{
    char text[TAIL];
    off_t end = lseek(fd, 0, SEEK_END);
    off_t from = end > TAIL - 1 ? end - (TAIL - 1) : 0;
    ssize_t n = pread(fd, text, TAIL - 1, from);
    if (n < 0)
        n = 0;
    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == ' '))
        n--;
    text[n] = '\0';
    const char *line = strrchr(text, '\n');
    snprintf(out, size, "%s", line == NULL ? text : line + 1);
}

static int start_with(const char *const *argv, const char *dir, struct streams streams,
                      struct wc_child *child, struct wc_err *err)
{
    child->name = argv[0];
    child->err_fd = memfd_create("stderr", MFD_CLOEXEC);
    if (child->err_fd < 0)
        return wc_err_set(err, WC_ERR_IO, errno, "run %s", argv[0]);
    streams.err_fd = child->err_fd;
    int rc = spawn(argv, dir, &streams, &child->pid);
    if (rc == 0)
        return 0;
    close(child->err_fd);
    return wc_err_set(err, WC_ERR_UNAVAILABLE, rc, "run %s", argv[0]);
}

static int start(const char *const *argv, const char *dir, int out_fd, struct wc_child *child,
                 struct wc_err *err)
{
    return start_with(argv, dir, (struct streams){ .in_fd = -1, .out_fd = out_fd }, child, err);
}

int wc_run_start(const char *const *argv, const char *dir, struct wc_child *child,
                 struct wc_err *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return wc_err_set(err, WC_ERR_IO, errno, "run %s", argv[0]);
    int rc = start(argv, dir, ends[1], child, err);
    close(ends[1]);
    child->out_fd = ends[0];
    if (rc != 0)
        close(ends[0]);
    return rc;
}

int wc_run_wait(struct wc_child *child, struct wc_err *err)
{
    int status = 0, rc = 0;
    if (child->out_fd >= 0)
        close(child->out_fd);
    while (waitpid(child->pid, &status, 0) < 0) {
        if (errno == EINTR)
            continue;
        rc = wc_err_set(err, WC_ERR_IO, errno, "wait for %s", child->name);
        break;
    }
    char why[200] = "";
    if (child->err_fd >= 0) {
        last_line(child->err_fd, why, sizeof why);
        close(child->err_fd);
    }
    if (rc == 0 && WIFSIGNALED(status))
        rc = wc_err_set(err, WC_ERR_UNAVAILABLE, 0, "%s was killed by signal %d", child->name,
                        WTERMSIG(status));
    else if (rc == 0 && WEXITSTATUS(status) != 0)
        rc = wc_err_set(err, WC_ERR_UNAVAILABLE, 0, "%s: %s", child->name,
                        *why != '\0' ? why : "failed without a word");
    return rc;
}

/* Appends what a memfd holds. */
static void collect(int fd, struct wc_buf *out)
{
    off_t size = lseek(fd, 0, SEEK_END);
    if (out == NULL || size <= 0)
        return;
    wc_buf_reserve(out, (size_t)size);
    ssize_t n = pread(fd, out->data + out->len, (size_t)size, 0);
    out->len += n > 0 ? (size_t)n : 0;
    out->data[out->len] = '\0';
}

int wc_run(const char *const *argv, const char *dir, struct wc_buf *out, struct wc_err *err)
{
    struct wc_child child = { .out_fd = -1 };
    int fd = memfd_create("stdout", MFD_CLOEXEC);
    if (fd < 0)
        return wc_err_set(err, WC_ERR_IO, errno, "run %s", argv[0]);
    int rc = start(argv, dir, fd, &child, err);
    if (rc == 0)
        rc = wc_run_wait(&child, err);
    if (rc == 0)
        collect(fd, out);
    close(fd);
    return rc;
}

int wc_run_with_input(const char *const *argv, const char *input, struct wc_buf *out,
                      struct wc_err *err)
{
    struct wc_child child = { .out_fd = -1 };
    struct streams streams = { .in_fd = memfd_create("stdin", MFD_CLOEXEC),
                               .out_fd = memfd_create("stdout", MFD_CLOEXEC) };
    int rc = 0;
    if (streams.in_fd < 0 || streams.out_fd < 0 ||
        pwrite(streams.in_fd, input, strlen(input), 0) != (ssize_t)strlen(input))
        rc = wc_err_set(err, WC_ERR_IO, errno, "run %s", argv[0]);
    if (rc == 0)
        rc = start_with(argv, NULL, streams, &child, err);
    if (rc == 0) {
        rc = wc_run_wait(&child, err);
        collect(streams.out_fd, out);
    }
    if (streams.in_fd >= 0)
        close(streams.in_fd);
    if (streams.out_fd >= 0)
        close(streams.out_fd);
    return rc;
}

/* Gives the whole lines of text[0..*len) away, or all of it when it is full or `last`; what is left
 * moves to the front. */
static void give_lines(char text[TAIL], size_t *len, bool last, wc_run_line_fn *each, void *data)
{
    size_t at = 0;
    for (size_t i = 0; i < *len; i++)
        if (text[i] == '\n') {
            text[i] = '\0';
            each(data, text + at);
            at = i + 1;
        }
    if (at < *len && (last || *len == TAIL - 1)) {
        text[*len] = '\0';
        each(data, text + at);
        at = *len;
    }
    memmove(text, text + at, *len - at);
    *len -= at;
}

/* Takes `child`, which was started. */
static int read_lines(struct wc_child child, wc_run_line_fn *each, void *data, struct wc_err *err)
{
    char text[TAIL];
    size_t len = 0;
    for (;;) {
        ssize_t n = read(child.out_fd, text + len, TAIL - 1 - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        len += (size_t)n;
        give_lines(text, &len, false, each, data);
    }
    give_lines(text, &len, true, each, data);
    return wc_run_wait(&child, err);
}

int wc_run_lines(const char *const *argv, const char *dir, wc_run_line_fn *each, void *data,
                 struct wc_err *err)
{
    struct wc_child child;
    int rc = wc_run_start(argv, dir, &child, err);
    return rc != 0 ? rc : read_lines(child, each, data, err);
}

struct keeping {
    wc_run_line_fn *each;
    void *data;
    char last[200];
};

static void keep_last(void *data, const char *line)
{
    struct keeping *keeping = data;
    if (*line != '\0')
        snprintf(keeping->last, sizeof keeping->last, "%s", line);
    keeping->each(keeping->data, line);
}

int wc_run_all_lines(const char *const *argv, const char *dir, wc_run_line_fn *each, void *data,
                     struct wc_err *err)
{
    struct keeping keeping = { .each = each, .data = data };
    struct wc_child child = { .name = argv[0], .err_fd = -1 };
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return wc_err_set(err, WC_ERR_IO, errno, "run %s", argv[0]);
    const struct streams streams = { .in_fd = -1, .out_fd = ends[1], .err_fd = ends[1] };
    int rc = spawn(argv, dir, &streams, &child.pid);
    close(ends[1]);
    child.out_fd = ends[0];
    if (rc != 0) {
        close(ends[0]);
        return wc_err_set(err, WC_ERR_UNAVAILABLE, rc, "run %s", argv[0]);
    }
    struct wc_err why = { 0 };
    rc = read_lines(child, keep_last, &keeping, &why);
    if (rc != 0)
        rc = wc_err_set(err, rc, 0, "%s", *keeping.last != '\0' ? keeping.last : why.msg);
    return rc;
}
