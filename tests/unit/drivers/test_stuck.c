/* test_stuck.c - what is said of processes that SIGKILL does not end, on real ones. */
#include "harness/wc_test.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drivers/process/stuck.h"

static pid_t sleeper(void)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    for (; pid == 0;)
        pause();
    return pid;
}

static void what_is_gone(void **state)
{
    (void)state;
    struct wc_err err = { 0 };
    pid_t pid = sleeper();
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    assert_int_equal(wc_stuck_look(pid, &err), 0);
}

static void a_zombie_is_its_parents_fault(void **state)
{
    (void)state;
    struct wc_err err = { 0 };
    siginfo_t info;
    char wanted[96];
    pid_t pid = sleeper();
    kill(pid, SIGKILL);
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(wc_stuck_look(pid, &err), WC_ERR_TIMEOUT);
    snprintf(wanted, sizeof wanted, "process %d has ended, but its parent %d (", pid, getpid());
    assert_non_null(strstr(err.msg, wanted));
    waitpid(pid, NULL, 0);
}

/* The init of a pid namespace, with one more process that was put there from outside. In a child:
 * who asked for a namespace whose init is dead can't fork any more, which sanitizers do at exit. */
static int hang_an_init(void)
{
    struct wc_err err = { 0 };
    siginfo_t info;
    char wanted[128];
    if (unshare(CLONE_NEWPID) != 0)
        return 77;
    pid_t init = sleeper(), other = sleeper();
    kill(init, SIGKILL);
    if (waitid(P_PID, (id_t)other, &info, WEXITED | WNOWAIT) != 0)
        return 1;
    if (waitpid(init, NULL, WNOHANG) != 0) /* it hangs, which is what this is about */
        return 2;
    snprintf(wanted, sizeof wanted,
             "process %d (test_drivers_st) of it is dead, but its parent %d (test_drivers_st)",
             other, getpid());
    if (wc_stuck_look(init, &err) != WC_ERR_TIMEOUT || strstr(err.msg, wanted) == NULL)
        return 3;
    waitpid(other, NULL, 0);
    return waitpid(init, NULL, 0) == init ? 0 : 4;
}

static void an_init_waits_for_what_nobody_reaps(void **state)
{
    (void)state;
    int status = 0;
    pid_t pid = fork();
    if (pid == 0)
        _exit(hang_an_init());
    waitpid(pid, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        WC_SKIP("needs root and pid namespaces");
    assert_int_equal(status, 0);
}

static void else_where_it_is(void **state)
{
    (void)state;
    struct wc_err err = { 0 };
    pid_t pid = sleeper();
    while (wc_stuck_look(pid, &err) == 0 || strstr(err.msg, "state S") == NULL)
        usleep(1000);
    assert_non_null(strstr(err.msg, "SIGKILL has no effect"));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

WC_MAIN(WC_CASE(what_is_gone), WC_CASE(a_zombie_is_its_parents_fault),
        WC_CASE(an_init_waits_for_what_nobody_reaps), WC_CASE(else_where_it_is))
