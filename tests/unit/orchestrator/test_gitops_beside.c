/* test_gitops_beside.c - a job in a process of its own: what it says comes back, and it can be
 * ended with all that it has started. */
#include "harness/wc_test.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "orchestrator/gitops/beside.h"

static int well(void *data, struct wc_err *err)
{
    (void)err;
    return *(int *)data == 7 ? 0 : WC_ERR_BUG;
}

static int badly(void *data, struct wc_err *err)
{
    const struct wc_loc at = { .file = data, .line = 3, .col = 1 };
    return wc_err_at(err, WC_ERR_UNAVAILABLE, at, "no registry");
}

/* Told by its own child, which holds the pipe, too: both are there. */
static int without_end(void *data, struct wc_err *err)
{
    int *fds = data;
    (void)err;
    pid_t child = fork();
    if (child < 0 || (child > 0 && write(fds[1], &child, sizeof child) != sizeof child))
        return WC_ERR_IO;
    for (;;)
        pause();
}

/* SIGTERM is no reason for it to end. */
static int deaf(void *data, struct wc_err *err)
{
    (void)signal(SIGTERM, SIG_IGN);
    return without_end(data, err);
}

static void ends_by_itself(void **state)
{
    (void)state;
    int number = 7;
    char file[] = "compose.yaml";
    struct wc_beside beside;
    struct wc_err err = { 0 };
    assert_int_equal(wc_beside_start(&beside, well, &number, &err), 0);
    assert_int_equal(wc_beside_end(&beside, false, &err), 0);
    assert_int_equal(err.code, 0);
    assert_int_equal(wc_beside_start(&beside, badly, file, &err), 0);
    struct pollfd end = { .fd = beside.end_fd, .events = POLLIN };
    assert_int_equal(poll(&end, 1, 20000), 1);
    assert_int_equal(wc_beside_end(&beside, true, &err), WC_ERR_UNAVAILABLE); /* it has ended */
    assert_string_equal(err.msg, "no registry");
    assert_null(err.at.file);
}

/* Ends it while it and its child are at work; returns when nobody holds the pipe any more. */
static void end(int (*job)(void *data, struct wc_err *err))
{
    int fds[2];
    pid_t child = 0;
    struct wc_beside beside;
    struct wc_err err = { 0 };
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(wc_beside_start(&beside, job, fds, &err), 0);
    assert_int_equal(close(fds[1]), 0);
    assert_int_equal(read(fds[0], &child, sizeof child), sizeof child);
    assert_true(child > 0 && child != beside.pid);
    assert_int_equal(wc_beside_end(&beside, true, &err), WC_ERR_CANCELLED);
    assert_string_equal(err.msg, "it was broken off");
    assert_int_equal(kill(beside.pid, 0), -1);
    assert_int_equal(read(fds[0], &child, sizeof child), 0);
    assert_int_equal(close(fds[0]), 0);
}

static void broken_off_with_its_children(void **state)
{
    (void)state;
    end(without_end);
}

static void killed_when_it_does_not_listen(void **state)
{
    (void)state;
    end(deaf);
}

/* A pass blocks signals to hear of them by a descriptor; its job doesn't inherit that. */
static int tells_signals(void *data, struct wc_err *err)
{
    sigset_t blocked;
    (void)data;
    (void)err;
    (void)sigprocmask(SIG_BLOCK, NULL, &blocked);
    return sigismember(&blocked, SIGTERM) ? WC_ERR_BUG : 0;
}

static void hears_signals(void **state)
{
    (void)state;
    sigset_t term, before;
    struct wc_beside beside;
    struct wc_err err = { 0 };
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    assert_int_equal(sigprocmask(SIG_BLOCK, &term, &before), 0);
    assert_int_equal(wc_beside_start(&beside, tells_signals, NULL, &err), 0);
    assert_int_equal(wc_beside_end(&beside, false, &err), 0);
    assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
}

WC_MAIN(WC_CASE(ends_by_itself), WC_CASE(broken_off_with_its_children),
        WC_CASE(killed_when_it_does_not_listen), WC_CASE(hears_signals))
