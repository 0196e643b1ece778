/* join.h - inside of wcompose-join: one program started in a running instance.
 *
 * Idea:    everything that the host must say is read before the instance is entered, everything
 * that the instance says (users, PATH, terminal) after it, and what it says is never trusted with
 * more than its own program. Three processes: the front, which the caller knows (join_wait), the
 * holder, which is the program's parent (join_hold), and the program. Files besides: join_main
 * (order of things), join_conf (options and join.conf), join_enter (identity, own image,
 * namespaces), join_user (passwd and group), join_child (rights, then exec), join_tty.
 * Threads: none. Errors: -1 with wc_fault; exit status 125 unless `code` says otherwise.
 */
#ifndef DRIVERS_KEEPER_JOIN_H
#define DRIVERS_KEEPER_JOIN_H

#include <signal.h>
#include <sys/types.h>
#include <termios.h>

#include "drivers/keeper/common.h"
#include "drivers/keeper/common_kernel.h"

enum { /* sizes */
       WC_JOIN_ENV = 2048,
       WC_JOIN_ENV_BYTES = 1 << 20, /* of --env-fd */
       WC_JOIN_CGROUPS = 16,
       WC_JOIN_GROUPS = 256,
};

enum { /* exit statuses of ours, those of every container tool */
       WC_JOIN_OURS = 125,
       WC_JOIN_NOT_EXECUTABLE = 126,
       WC_JOIN_NOT_FOUND = 127,
};

struct wc_join {
    /* options */
    const char *run, *user, *workdir;
    bool tty, input, detach, privileged;
    char **argv; /* what to run, NULL-terminated */
    /* join.conf */
    uint64_t pid, starttime, uid, gid, umask;
    const char *cwd, *groups_text, *caps_text, *seccomp, *apparmor;
    struct wc_list env, cgroup, rlimit;
    bool nnp;
    /* derived */
    uint64_t caps;
    gid_t groups[WC_JOIN_GROUPS];
    size_t n_groups;
    const char *envp[WC_JOIN_ENV + 4];
    struct wc_sock_fprog filter; /* len 0 = none */
    int pidfd;                   /* of the instance's first process; -1: the program is to be it */
    int null, proc; /* proc: the host's /proc, open only where there is a profile to set */
    int cgroups[WC_JOIN_CGROUPS]; /* open cgroup.procs files the child writes itself into */
    size_t n_cgroups;
    int into_cgroup; /* directory of a v2 cgroup to be born in, -1 = none */
    int into_index;  /* its place in cgroups */
    int master, slave;
    int report; /* child: end of the pipe that says why there was no exec */
};

/* join_conf.c: argv, then join.conf of the run directory. */
int wc_join_options(struct wc_join *join, int argc, char **argv);
int wc_join_conf_load(struct wc_join *join);
/* The environment's value of `name`, NULL if it isn't set. */
const char *wc_join_env_get(const struct wc_join *join, const char *name);
/* Adds "NAME=value"; a variable of that name that is there already stays. */
void wc_join_env_default(struct wc_join *join, const char *assignment);

/* join_enter.c: makes sure that we run from a sealed copy of ourselves; returns only if so. */
int wc_join_seal(char **argv);
/* Pins the instance's first process, opens cgroups and the seccomp program. */
int wc_join_identify(struct wc_join *join);
/* Enters all namespaces but pid (the holder does, for its child) and cgroup (the child does). */
int wc_join_enter(struct wc_join *join);

/* join_user.c: uid, gid, groups of --user by the instance's files, and a default HOME. */
int wc_join_user(struct wc_join *join);

/* join_child.c: runs in the child; never returns. */
_Noreturn void wc_join_child(struct wc_join *join);
/* Says why there is no program (one byte of exit status, then the fault) and ends. */
_Noreturn void wc_join_give_up(const struct wc_join *join, int code);

/* join_hold.c: runs in the holder, whose parent is `front`; ends as the program does. */
_Noreturn void wc_join_hold(struct wc_join *join, pid_t front);
/* The signals that are read, all of which are blocked: children's ends and what is passed on. */
void wc_join_signals(sigset_t *out);

/* join_wait.c: the front until the program is over. report: -1 where somebody else reads it.
 * Returns the exit status. */
int wc_join_wait(struct wc_join *join, pid_t holder, int report);
/* With --detach, what the caller waits for: 0 once the program runs, else why it doesn't. */
int wc_join_herald(pid_t front, int report);

/* A line of ours on stderr; all bytes to a descriptor that may be non-blocking: 0, or -1 when
 * nobody reads it. */
void wc_join_say(const char *text);
int wc_join_show(int fd, const char *data, size_t len);

/* join_vm.c: whether the instance is a virtual machine; path becomes its monitor's socket. */
enum { WC_JOIN_PATH = 4200 };
bool wc_join_is_vm(const struct wc_join *join, char path[WC_JOIN_PATH]);
/* Runs the program there. Returns its exit status, or -1 with wc_fault. */
int wc_join_vm(const struct wc_join *join, const char *path);

/* join_tty.c */
int wc_join_tty_open(struct wc_join *join);
/* The caller's terminal becomes raw, and is put back; both do nothing where there is none. */
void wc_join_tty_raw(void);
void wc_join_tty_restore(void);
/* Gives the pty the size of the caller's terminal. */
void wc_join_tty_size(const struct wc_join *join);

#endif
