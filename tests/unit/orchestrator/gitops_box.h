/* gitops_box.h - a directory with a real git repository, keys, and a place for what is fetched.
 *
 * The repository is made by the git command as its author would, in a home of its own; what is
 * tested sees it as a remote.
 */
#ifndef TESTS_UNIT_ORCHESTRATOR_GITOPS_BOX_H
#define TESTS_UNIT_ORCHESTRATOR_GITOPS_BOX_H

#include "harness/wc_test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"
#include "wcompose/lists.h"
#include "wcompose/source.h"

struct box {
    char root[64];
    struct wc_arena arena;
    struct wc_source_place place;
    struct wc_app_source source; /* the bare repository, branch main */
    struct wc_revision revision;
    struct wc_err err;
};

static struct box box;

/* Runs a shell script in the box's root, as the author of the repository; it must succeed. */
__attribute__((format(printf, 1, 2))) static inline void script(const char *fmt, ...)
{
    char text[4096];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    assert_in_range(n, 0, sizeof text - 1);
    pid_t pid = fork();
    if (pid == 0) {
        if (chdir(box.root) != 0)
            _exit(126);
        execl("/bin/sh", "sh", "-euc", text, (char *)NULL);
        _exit(127);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("script failed: %s", text);
}

static inline const char *in_box(const char *name)
{
    return wc_arena_printf(&box.arena, "%s/%s", box.root, name);
}

static inline void put(const char *name, const char *text)
{
    struct wc_err err = { 0 };
    assert_int_equal(wc_fs_write_atomic(in_box(name), text, strlen(text), 0644, false, &err), 0);
}

/* A bare repository remote.git and a work tree work/ that pushes to it; one commit on main. */
static inline void open_box(void)
{
    memset(&box, 0, sizeof box);
    snprintf(box.root, sizeof box.root, "/tmp/wc-test-gitops-XXXXXX");
    assert_non_null(mkdtemp(box.root));
    wc_arena_init(&box.arena);
    static const char *const env[][2] = { { "GIT_CONFIG_NOSYSTEM", "1" },
                                          { "GIT_AUTHOR_NAME", "Ann" },
                                          { "GIT_AUTHOR_EMAIL", "ann@example.org" },
                                          { "GIT_COMMITTER_NAME", "Ann" },
                                          { "GIT_COMMITTER_EMAIL", "ann@example.org" } };
    for (size_t i = 0; i < WC_COUNT(env); i++)
        setenv(env[i][0], env[i][1], 1);
    setenv("HOME", box.root, 1);
    setenv("GNUPGHOME", in_box("gnupg"), 1);
    script("git config --global core.fsync none; git init -q --bare -b main remote.git; git init "
           "-q -b main work; cd work;"
           "git remote add origin ../remote.git; mkdir -p deploy/conf;"
           "echo 'services: {web: {image: web}}' >deploy/compose.yaml; echo one >deploy/conf/a.txt;"
           "echo '#!/bin/sh' >run.sh; chmod +x run.sh; git add .; git commit -qm 'first: a commit';"
           "git push -qu origin main");
    box.place = (struct wc_source_place){ .dir = in_box("lib/gitops/shop"), .arena = &box.arena };
    box.source = (struct wc_app_source){
        .kind = WC_APP_SOURCE_GIT, .url = in_box("remote.git"), .pin = "main", .timeout_ms = 90000
    };
}

static inline void close_box(void)
{
    struct wc_err err = { 0 };
    wc_arena_deinit(&box.arena);
    assert_int_equal(wc_fs_remove_tree(box.root, &err), 0);
}

/* The steps, with the box's source; what they return. */
static inline int look(void)
{
    return wc_app_source_look(&box.source, &box.place, &box.revision, &box.err);
}

static inline int fetch(const char *last_id)
{
    const struct wc_source_trail trail = { .last_id = last_id };
    int rc = look();
    return rc != 0 ? rc
                   : wc_app_source_fetch(&box.source, &box.place, &trail, &box.revision, &box.err);
}

static inline int verify(const char *last_id, bool allow_rewind)
{
    const struct wc_source_trail trail = { .last_id = last_id, .allow_rewind = allow_rewind };
    return wc_app_source_verify(&box.source, &box.place, &trail, &box.revision, &box.err);
}

static inline int checkout(const char **dir)
{
    return wc_app_source_checkout(&box.source, &box.place, &box.revision, dir, &box.err);
}

/* Fails with the message that came instead of success. */
static inline void ok(int rc)
{
    if (rc != 0)
        fail_msg("%d: %s", rc, box.err.msg);
}

/* What was refused, with a message that holds `text`. */
static inline void refused(int rc, int code, const char *text)
{
    if (rc != code || strstr(box.err.msg, text) == NULL)
        fail_msg("%d: %s; not %d with '%s'", rc, rc == 0 ? "" : box.err.msg, code, text);
}

/* The id that a name has in the author's work tree. */
static inline const char *author_id(const char *name)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    struct wc_err err = { 0 };
    script("cd work && git rev-parse %s >../id", name);
    assert_int_equal(wc_fs_read(in_box("id"), 100, &text, &err), 0);
    assert_true(text.len > 1);
    return wc_arena_strndup(&box.arena, text.data, text.len - 1);
}

static inline void assert_text(const char *path, const char *text)
{
    WC_CLEANUP_BUF struct wc_buf found = WC_BUF_INIT;
    struct wc_err err = { 0 };
    if (wc_fs_read(path, 4096, &found, &err) != 0)
        fail_msg("%s", err.msg);
    assert_string_equal(found.data, text);
}

static inline void assert_file(const char *dir, const char *name, const char *text)
{
    assert_text(wc_arena_printf(&box.arena, "%s/%s", dir, name), text);
}

/* The most memory that this process has had at a time since forget_peak, in KiB: the
 * kernel's own count, whatever a sanitizer adds. What runs in a jail isn't in it. */
static inline size_t peak_kib(void)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    struct wc_err err = { 0 };
    int64_t kib;
    assert_int_equal(wc_fs_read("/proc/self/status", 65536, &text, &err), 0);
    char *at = strstr(text.data, "VmHWM:");
    assert_non_null(at);
    at += strlen("VmHWM:");
    at += strspn(at, " \t");
    at[strspn(at, "0123456789")] = '\0';
    assert_true(wc_str_to_i64(at, 1, INT64_MAX, &kib));
    return (size_t)kib;
}

/* From now on: returns what it has just now. */
static inline size_t forget_peak(void)
{
    int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "5", 1), 1);
    close(fd);
    return peak_kib();
}

/* What a file of BIG_MIB may cost us, wherever it comes from. */
enum { BIG_MIB = 64, BIG_COSTS_KIB = 6 << 10 };

static inline void assert_cheap(size_t before_kib)
{
    size_t now_kib = peak_kib();
    if (now_kib - before_kib > BIG_COSTS_KIB)
        fail_msg("%zu KiB for a file of %d MiB", now_kib - before_kib, BIG_MIB);
}

static inline bool has_file(const char *dir, const char *name)
{
    return wc_fs_exists(wc_arena_printf(&box.arena, "%s/%s", dir, name));
}

#endif
