/* tracer.c - runs a program with all that it starts under ptrace(2), and
 *
 *   tracer [--leave WORD]… --log FILE -- PROGRAM…
 *       writes down each step (calls.h) that it takes, one a line, and how it ended;
 *   tracer [--leave WORD]… --log FILE --kill K[.J] [--after] -- PROGRAM…
 *       kills it by SIGKILL at exactly its K-th step: before it is taken, or when it has been; or
 * at the J-th that what it started takes between its K-th and the next one; tracer --programs FILE
 * --attach PID writes down arguments and environment of each program that the process, or what it
 * starts, executes from now on: when it begins, and when it ends (it may have written over them).
 *
 * PROGRAM is the one that is judged and killed; steps of what it starts count too, but for programs
 * with WORD among their arguments, which are let go. They are counted from PROGRAM's own steps on,
 * so that its children needn't be looked at, call by call, but there where it is to be killed. Who
 * is stopped at a step is held there until PROGRAM is dead. One that dies with its parent never
 * takes it then: the kernel skips the call of who is stopped before it and is killed.
 *
 * Why not strace: it counts each call by itself and in each process by itself, so that "the N-th of
 * any of these calls" can't be said; and what it injects it injects into whoever makes the call.
 *
 * Ends with 0: killed, or all has ended; 3: it ended before that step; 4: something that was
 * started lives on after the kill; 70: ptrace doesn't work here.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/ptrace.h>

#include "calls.h"

enum { LEAVE_MOST = 8, KNOWN_MOST = 4096, TEXT_MOST = 1024, GONE_MS = 5000 };
enum { END_OK = 0, END_USAGE = 64, END_BEFORE = 3, END_LEFT = 4, END_BROKEN = 70 };

struct tracer {
    const char *leave[LEAVE_MOST];
    size_t n_leave;
    const char *log_path, *programs_path;
    unsigned long kill_at, kill_below; /* K and J; K = 0: only count */
    bool is_after;
    pid_t attach;
    char **argv;

    FILE *log, *programs;
    pid_t first;
    unsigned long steps, below; /* of PROGRAM, and of what it started since the last one of these */
    pid_t acting;               /* the one whose step is being taken, for --after */
    pid_t held;                 /* the one that was stopped at it, until PROGRAM is dead */
    char step[TEXT_MOST + 16];
    bool is_killed, has_ended;
    int status;
    pid_t known[KNOWN_MOST]; /* who is traced */
    size_t n_known;
};

static void broken(const char *what)
{
    fprintf(stderr, "tracer: %s: %s\n", what, strerror(errno));
    exit(END_BROKEN);
}

/* Who is traced --------------------------------------------------------------------------------*/

static void learn(struct tracer *t, pid_t pid)
{
    for (size_t i = 0; i < t->n_known; i++)
        if (t->known[i] == pid)
            return;
    if (t->n_known == KNOWN_MOST) {
        errno = E2BIG;
        broken("too many processes");
    }
    t->known[t->n_known++] = pid;
}

static void forget(struct tracer *t, pid_t pid)
{
    for (size_t i = 0; i < t->n_known; i++)
        if (t->known[i] == pid)
            t->known[i] = t->known[--t->n_known];
}

static long options(const struct tracer *t)
{
    long all = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;
    return all | (t->programs != NULL ? PTRACE_O_TRACEEXIT : PTRACE_O_TRACESYSGOOD);
}

static pid_t group_of(pid_t thread);

static bool is_own(const struct tracer *t, pid_t pid)
{
    return pid == t->first || group_of(pid) == t->first;
}

/* Whether each call of a process is to be seen. */
static bool is_followed(const struct tracer *t, pid_t pid)
{
    if (t->programs != NULL)
        return false;
    return t->kill_at == 0 || (t->kill_below > 0 && t->steps == t->kill_at) || t->acting == pid ||
           is_own(t, pid);
}

static void go_on(const struct tracer *t, pid_t pid, int signal)
{
    (void)ptrace(is_followed(t, pid) ? PTRACE_SYSCALL : PTRACE_CONT, pid, NULL, (long)signal);
}

/* What a process says of itself ----------------------------------------------------------------*/

/* The whole of a file of /proc; the caller frees it. */
static char *slurp(pid_t pid, const char *name, size_t *len)
{
    char path[64], *text = NULL;
    size_t size = 0;
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    FILE *f = fopen(path, "re");
    *len = 0;
    for (size_t n = 1; f != NULL && n > 0; *len += n) {
        if (*len == size) {
            size = size == 0 ? 65536 : size * 2;
            text = realloc(text, size); /* NOLINT(banned): a program of the tests, by itself */
            if (text == NULL)
                broken("memory");
        }
        n = fread(text + *len, 1, size - *len, f);
    }
    if (f != NULL)
        fclose(f);
    return text;
}

/* A line of lengths, then the bytes themselves: cgroups, exe, arguments, environment. */
static void write_program(struct tracer *t, const char *when, pid_t pid)
{
    char link[64], exe[4096];
    size_t n_groups, n_args, n_env;
    snprintf(link, sizeof link, "/proc/%d/exe", (int)pid);
    ssize_t n_exe = readlink(link, exe, sizeof exe);
    char *groups = slurp(pid, "cgroup", &n_groups);
    char *args = slurp(pid, "cmdline", &n_args), *env = slurp(pid, "environ", &n_env);
    n_exe = n_exe > 0 ? n_exe : 0;
    fprintf(t->programs, "%s %d %zu %zd %zu %zu\n", when, (int)pid, n_groups, n_exe, n_args, n_env);
    fwrite(groups, 1, n_groups, t->programs);
    fwrite(exe, 1, (size_t)n_exe, t->programs);
    fwrite(args, 1, n_args, t->programs);
    fwrite(env, 1, n_env, t->programs);
    fflush(t->programs);
    free(groups);
    free(args);
    free(env);
}

static bool is_let_go(const struct tracer *t, pid_t pid)
{
    size_t len;
    bool found = false;
    char *args = slurp(pid, "cmdline", &len);
    for (size_t at = 0; at < len && !found; at += strnlen(args + at, len - at) + 1)
        for (size_t i = 0; i < t->n_leave && !found; i++)
            found = strncmp(args + at, t->leave[i], len - at) == 0;
    free(args);
    return found;
}

/* Steps ----------------------------------------------------------------------------------------*/

static void strike(struct tracer *t, pid_t pid)
{
    fprintf(t->log, "KILLED %s step %s\n", t->is_after ? "after" : "before", t->step);
    fflush(t->log);
    t->is_killed = true;
    t->acting = 0;
    t->held = pid;
    if (kill(t->first, SIGKILL) != 0)
        broken("kill");
}

static pid_t group_of(pid_t thread)
{
    size_t len;
    int group = (int)thread;
    char *text = slurp(thread, "status", &len);
    for (char *at = text; at != NULL && at < text + len;
         at = memchr(at, '\n', len - (size_t)(at - text))) {
        at += *at == '\n';
        if (strncmp(at, "Tgid:", 5) == 0) {
            group = (int)strtol(at + 5, NULL, 10);
            break;
        }
    }
    free(text);
    return group;
}

/* Returns false when the process shall stay where it is. */
static bool on_call(struct tracer *t, pid_t pid)
{
    struct ptrace_syscall_info info;
    char text[TEXT_MOST];
    if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof info, &info) <= 0)
        return true; /* it has been killed */
    if (info.op == PTRACE_SYSCALL_INFO_EXIT && t->acting == pid && !t->is_killed) {
        strike(t, pid);
        return false;
    }
    if (info.op != PTRACE_SYSCALL_INFO_ENTRY || t->is_killed)
        return true;
    struct call call = { .nr = info.entry.nr };
    memcpy(call.args, info.entry.args, sizeof call.args);
    bool is_first = is_own(t, pid);
    if (!call_is_step(pid, &call, is_first, text, sizeof text))
        return true;
    t->below = is_first ? 0 : t->below + 1;
    t->steps += is_first;
    snprintf(t->step, sizeof t->step, "%lu.%lu %s%s", t->steps, t->below,
             is_first ? "" : "below: ", text);
    if (t->kill_at == 0)
        fprintf(t->log, "%s\n", t->step);
    if (t->kill_at != t->steps || t->kill_below != t->below)
        return true;
    if (t->is_after) {
        t->acting = pid;
        return true;
    }
    strike(t, pid);
    return false;
}

/* What ptrace tells ----------------------------------------------------------------------------*/

static void on_exec(struct tracer *t, pid_t pid)
{
    if (t->programs != NULL)
        write_program(t, "begin", pid);
    if (pid != t->first && is_let_go(t, pid)) {
        if (t->acting == pid && !t->is_killed) /* its execve was the step, and is done */
            strike(t, pid);
        (void)ptrace(PTRACE_DETACH, pid, NULL, NULL);
        forget(t, pid);
        return;
    }
    go_on(t, pid, 0);
}

/* It is known before it has stopped for the first time: who made it may be dead by then. */
static void on_birth(struct tracer *t, pid_t pid)
{
    unsigned long child = 0;
    if (ptrace(PTRACE_GETEVENTMSG, pid, NULL, &child) == 0)
        learn(t, (pid_t)child);
    go_on(t, pid, 0);
}

static void on_stop(struct tracer *t, pid_t pid, int status)
{
    int signal = WSTOPSIG(status), event = status >> 16;
    learn(t, pid);
    if (signal == (SIGTRAP | 0x80)) {
        if (on_call(t, pid))
            go_on(t, pid, 0);
    } else if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK ||
               event == PTRACE_EVENT_CLONE) {
        on_birth(t, pid);
    } else if (event == PTRACE_EVENT_EXEC) {
        on_exec(t, pid);
    } else if (event == PTRACE_EVENT_EXIT) {
        write_program(t, "end", pid);
        go_on(t, pid, 0);
    } else if (event == PTRACE_EVENT_STOP) {
        bool is_group =
            signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
        if (is_group)
            (void)ptrace(PTRACE_LISTEN, pid, NULL, NULL);
        else
            go_on(t, pid, 0);
    } else {
        go_on(t, pid, event == 0 ? signal : 0);
    }
}

static void on_end(struct tracer *t, pid_t pid, int status)
{
    forget(t, pid);
    if (pid != t->first)
        return;
    t->has_ended = true;
    t->status = status;
    if (t->held != 0 && t->held != pid) /* it may be one that doesn't die with its parent */
        go_on(t, t->held, 0);
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Until nobody is left who is traced; after a kill no longer than that. */
static void watch(struct tracer *t)
{
    int status;
    int64_t end_ms = 0;
    while (t->n_known > 0) {
        pid_t pid = waitpid(-1, &status, __WALL | (t->is_killed ? WNOHANG : 0));
        if (pid < 0 && errno == ECHILD) {
            t->n_known = 0; /* who was born and died unseen */
            break;
        }
        if (pid < 0 && errno != EINTR)
            broken("wait");
        if (pid > 0 && WIFSTOPPED(status))
            on_stop(t, pid, status);
        else if (pid > 0)
            on_end(t, pid, status);
        if (!t->is_killed || pid > 0)
            continue;
        end_ms = end_ms == 0 ? now_ms() + GONE_MS : end_ms;
        if (now_ms() > end_ms)
            break;
        (void)usleep(1000);
    }
}

/* The two ways of use --------------------------------------------------------------------------*/

/* A child that waits until it is traced. */
static void start(struct tracer *t)
{
    int ready[2];
    char byte = 0;
    if (pipe(ready) != 0)
        broken("pipe");
    t->first = fork();
    if (t->first < 0)
        broken("fork");
    if (t->first == 0) {
        close(ready[1]);
        if (read(ready[0], &byte, 1) != 1)
            _exit(127);
        close(ready[0]);
        execvp(t->argv[0], t->argv);
        _exit(127);
    }
    close(ready[0]);
    if (ptrace(PTRACE_SEIZE, t->first, NULL, options(t)) != 0 ||
        ptrace(PTRACE_INTERRUPT, t->first, NULL, NULL) != 0)
        broken("ptrace");
    learn(t, t->first);
    if (write(ready[1], &byte, 1) != 1)
        broken("start");
    close(ready[1]);
}

static void attach(struct tracer *t)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", (int)t->attach);
    DIR *tasks = opendir(path);
    if (tasks == NULL)
        broken("attach");
    for (const struct dirent *e; (e = readdir(tasks)) != NULL;) {
        pid_t task = (pid_t)strtol(e->d_name, NULL, 10);
        if (task > 0 && ptrace(PTRACE_SEIZE, task, NULL, options(t)) != 0)
            broken("ptrace");
        if (task > 0)
            learn(t, task);
    }
    closedir(tasks);
    fprintf(t->programs, "attached %d 0 0 0 0\n", (int)t->attach);
    fflush(t->programs);
}

static int report(struct tracer *t)
{
    if (t->log == NULL)
        return END_OK;
    for (size_t i = 0; t->is_killed && i < t->n_known; i++) {
        size_t len;
        char *name = slurp(t->known[i], "comm", &len);
        fprintf(t->log, "LEFT %d %.*s", (int)t->known[i], (int)len, name);
        free(name);
    }
    if (!t->is_killed)
        fprintf(t->log, "ENDED %lu steps, status %d\n", t->steps,
                WIFEXITED(t->status) ? WEXITSTATUS(t->status) : 128 + WTERMSIG(t->status));
    fclose(t->log);
    if (t->is_killed)
        return t->n_known > 0 ? END_LEFT : END_OK;
    return t->kill_at > 0 ? END_BEFORE : END_OK;
}

static void read_point(struct tracer *t, const char *text)
{
    char *end;
    t->kill_at = strtoul(text, &end, 10);
    t->kill_below = *end == '.' ? strtoul(end + 1, NULL, 10) : 0;
}

static bool read_arguments(struct tracer *t, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--") == 0) {
            t->argv = argv + i + 1;
            break;
        }
        if (strcmp(argv[i], "--after") == 0) {
            t->is_after = true;
            continue;
        }
        if (value == NULL)
            return false;
        if (strcmp(argv[i], "--leave") == 0 && t->n_leave < LEAVE_MOST)
            t->leave[t->n_leave++] = value;
        else if (strcmp(argv[i], "--log") == 0)
            t->log_path = value;
        else if (strcmp(argv[i], "--programs") == 0)
            t->programs_path = value;
        else if (strcmp(argv[i], "--kill") == 0)
            read_point(t, value);
        else if (strcmp(argv[i], "--attach") == 0)
            t->attach = (pid_t)strtol(value, NULL, 10);
        else
            return false;
        i++;
    }
    bool runs = t->argv != NULL && t->argv[0] != NULL && t->log_path != NULL;
    return runs != (t->attach > 0 && t->programs_path != NULL);
}

int main(int argc, char **argv)
{
    struct tracer t = { 0 };
    if (!read_arguments(&t, argc, argv)) {
        fputs("usage: tracer [--leave WORD]... --log FILE [--kill K[.J] [--after]] -- PROGRAM...\n"
              "       tracer --programs FILE --attach PID\n",
              stderr);
        return END_USAGE;
    }
    if (t.log_path != NULL && (t.log = fopen(t.log_path, "we")) == NULL)
        broken(t.log_path);
    if (t.programs_path != NULL && (t.programs = fopen(t.programs_path, "we")) == NULL)
        broken(t.programs_path);
    if (t.attach > 0)
        attach(&t);
    else
        start(&t);
    watch(&t);
    return report(&t);
}
