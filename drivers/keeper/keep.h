/* keep.h - inside of wcompose-keeper: the one object, and what each of its files does with it.
 *
 * Idea:    one process, one instance, one loop. Files: keep_conf (settings), keep_net (namespace
 * and rtnetlink), keep_root (mounts), keep_run (the OCI runtime as a child), keep_clean (instead of
 * its delete), keep_life (from created to exited), keep_adopt, keep_client (supervisors), keep_log
 * and keep_json (output to the log), keep_tty. Owner:   the single `struct wc_keep` of keep_main.c
 * owns every descriptor; all close on exec. Threads: none. Errors: -1 with wc_fault, unless said
 * otherwise.
 */
#ifndef DRIVERS_KEEPER_KEEP_H
#define DRIVERS_KEEPER_KEEP_H

#include <sys/types.h>

#include "drivers/keeper/common.h"

/* What keeper.conf says (protocol.h). Texts are borrowed from a static buffer; NULL = absent. */
struct wc_keep_conf {
    const char *id, *lib, *runtime, *runtime_root, *bundle;
    const char *layers, *lower, *upper, *work, *rootfs;
    const char *netns, *group, *start_fifo, *oom_file, *log, *input, *again;
    struct wc_list detach, net_sysctl;
    struct wc_list hierarchy, state_file;
    struct wc_list pin_at, pin_root, pin_path; /* of the same length */
    uint64_t log_max_bytes, log_max_files, owner, netns_starttime;
    uint64_t notify_watchdog_ms; /* 0 = none */
    struct wc_list tap;
    bool read_only, tty, notify, machine, handed;
};

/* What the runtime said last; not there: it is not to blame. */
#define WC_KEEP_RUNTIME_LOG "runtime.log"

enum wc_keep_state {
    WC_KEEP_SETUP,    /* namespaces, mounts, `runtime create` */
    WC_KEEP_CREATED,  /* the process waits for "start" */
    WC_KEEP_STARTING, /* `runtime start` runs */
    WC_KEEP_RUNNING,
    WC_KEEP_OVER, /* exited or failed, and reported; what is left is removed */
};

enum wc_keep_phase { /* which runtime command is the child `runtime_pid` */
                     WC_KEEP_NONE,
                     WC_KEEP_CREATE,
                     WC_KEEP_START,
                     WC_KEEP_DELETE,
};

enum { /* sizes */
       WC_KEEP_CLIENTS = 12,
       WC_KEEP_PACKET = 512,
       WC_KEEP_ORPHANS = 8,
       WC_KEEP_PINS = 32,
       WC_KEEP_TAPS = 16,
       WC_KEEP_HANDED_ABOVE = 40, /* the runtime's numbers are below */
};

enum wc_keep_tag { /* of what epoll reports */
                   WC_KEEP_TAG_SIGNAL,
                   WC_KEEP_TAG_LISTEN,
                   WC_KEEP_TAG_STDOUT,
                   WC_KEEP_TAG_STDERR,
                   WC_KEEP_TAG_TTY,
                   WC_KEEP_TAG_STDIN,
                   WC_KEEP_TAG_INIT, /* of one that we aren't the parent of */
                   WC_KEEP_TAG_NOTIFY,
                   WC_KEEP_TAG_WORD,
                   WC_KEEP_TAG_CLIENT, /* + index */
};

/* One source of output. A FIFO keeps what is not in the log yet; a terminal can't, so its
 * unfinished line waits in memory. */
struct wc_keep_stream {
    int fd;          /* our reading end, non-blocking; -1 = none */
    bool ready;      /* there may be something to read */
    size_t carried;  /* terminal only: bytes of an unfinished line in the input buffer */
    const char *tag; /* "stdout" or "stderr" */
};

/* What the instance has said of itself. Times of the boot's clock. */
struct wc_keep_notify {
    int fd;
    bool ready, late; /* late: its watchdog's time is over */
    bool dirty;       /* clients don't know yet */
    bool deaf;        /* too much was said: the socket isn't looked at */
    unsigned taken;   /* datagrams in this window */
    uint64_t window_ms, told_ms, pinged_ms;
    char status[256];
};

struct wc_keep {
    struct wc_keep_conf conf;
    const char *run; /* absolute run directory, also the working directory */
    enum wc_keep_state state;
    enum wc_keep_phase phase;
    int epoll, signals, listener, lib;
    int clients[WC_KEEP_CLIENTS]; /* -1 = free */
    char packet[WC_KEEP_PACKET];  /* the last one sent: the greeting of later clients */
    char notice[WC_KEEP_PACKET];  /* the last "notify", "" = none: follows the greeting */
    struct wc_keep_notify notify;
    bool want_start, want_abort, done;   /* done: leave the loop */
    bool leaving;                        /* the instance is removed next */
    int exit_status;                     /* ours */
    pid_t runtime_pid, init;             /* 0 = none */
    bool init_gone;                      /* reaped; init_status is valid */
    int init_status;                     /* as of wait(2) */
    uint64_t init_starttime, started_ms; /* 0 = not known, not started */
    bool overlay;                        /* mounted by us */
    int upper_lock;                      /* held while it is, if it can be written; -1 = none */
    bool own_netns;                      /* made by us, and we are in it */
    struct {
        pid_t pid;
        int status;
    } orphans[WC_KEEP_ORPHANS]; /* reaped before we knew whether they are the init */
    unsigned n_orphans;
    struct wc_keep_stream streams[2];
    int pidfd;                             /* of an adopted init, else -1 */
    int child_stdin, child_out, child_err; /* for the runtime's create; -1 after it */
    int console, pty, input;               /* terminal: listening socket, master, stdin FIFO */
    int sealed;                            /* the runtime's program in sealed memory; -1 = none */
    int word;                              /* of a machine's monitor; -1 = none */
    int handed;                            /* goes after the taps; -1 = none */
    int taps[WC_KEEP_TAPS + 1];            /* a machine's links, until it has them */
    unsigned n_taps;
    bool machine_runs, machine_oom; /* what its monitor said */
    unsigned machine_signal;        /* that its service was ended by; 0 = none */
    char cause[256];                /* why it failed or ended; "" = not said */
};

/* keep_conf.c: reads keeper.conf of the working directory and checks it. */
int wc_keep_conf_load(struct wc_keep_conf *conf);

/* keep_net.c: makes or joins the network namespace, writes the sysctls, sends net.host and
 * net.inside. The process stays in that namespace. */
int wc_keep_net_up(struct wc_keep *keep);
/* keep_net.c: leaves a namespace that wc_keep_net_up made, so that its links end while we go on. */
void wc_keep_net_leave(struct wc_keep *keep);
/* keep_links.c: called last there. Deletes the links of a namespace that wc_keep_net_up made, when
 * connections would keep it alive behind us; looks for up to 50 ms whether they do. */
void wc_keep_net_down(const struct wc_keep *keep);

/* keep_root.c: private mount namespace, detached mounts, pinned parts of volumes, overlay; the
 * first two of these. */
int wc_keep_root_up(struct wc_keep *keep);
int wc_keep_mounts(struct wc_keep *keep);
void wc_keep_root_down(struct wc_keep *keep);

/* keep_run.c: starts a runtime command as a child; its end arrives as SIGCHLD. */
int wc_keep_run(struct wc_keep *keep, enum wc_keep_phase phase);
/* Takes the descriptor that we were started with when it holds a sealed program. */
void wc_keep_run_seal(struct wc_keep *keep, int fd);
/* The reason of the runtime's last failure as a fault: the last message of its log, else the last
 * line it wrote to what would have been the container's stderr. Always leaves a fault text. */
void wc_keep_run_fault(struct wc_keep *keep, int status);

/* keep_clean.c: removes the groups and the runtime's state of a container whose init was reaped.
 * False: there is more than we know of, and the runtime's delete has to be run. */
bool wc_keep_clean(const struct wc_keep_conf *conf);

/* keep_go.c: lets a created container execute its program. False: it takes the runtime's start. */
bool wc_keep_go(const struct wc_keep_conf *conf);

/* keep_life.c: reactions. None of them fails: a fault becomes "failed". */
void wc_keep_on_child(struct wc_keep *keep, pid_t pid, int status);
void wc_keep_on_start(struct wc_keep *keep);
void wc_keep_on_abort(struct wc_keep *keep);
void wc_keep_on_word(struct wc_keep *keep);
/* A line in keeper.err. */
void wc_keep_say(const char *what);
/* Reports wc_fault_text() as "failed", then lets the runtime delete what there is (if `made`). */
void wc_keep_fail(struct wc_keep *keep, bool made);

/* keep_adopt.c: takes over a running container whose keeper was killed; the working directory is
 * the run directory, conf and lib are there. On failure nothing has changed for anybody. */
int wc_keep_adopt(struct wc_keep *keep);
/* Its process has ended. */
void wc_keep_on_init(struct wc_keep *keep);

/* keep_main.c: says who keeps the instance. */
int wc_keep_write_pid(struct wc_keep *keep);

/* keep_client.c */
int wc_keep_listen(struct wc_keep *keep);
/* Registers a connected client (fd 3, or accepted); closes it when there is no place. */
void wc_keep_client_add(struct wc_keep *keep, int fd);
void wc_keep_client_accept(struct wc_keep *keep);
void wc_keep_client_read(struct wc_keep *keep, unsigned index);
/* Sends to all clients, remembers it as the greeting, and replaces the status file. */
void wc_keep_report(struct wc_keep *keep, const char *packet);
/* Sends to all clients and remembers it beside the greeting: it is no state of the instance. */
void wc_keep_notice(struct wc_keep *keep, const char *packet);
/* Adds a descriptor to epoll for reading; edge-triggered if `edge`. */
int wc_keep_watch(struct wc_keep *keep, int fd, unsigned tag, bool edge);

/* keep_log.c: the log file and its streams. */
int wc_keep_log_open(struct wc_keep *keep);
/* `mark`: a byte that outlives us, where we note which stream is between log and FIFO. */
void wc_keep_log_mark(char *mark);
/* Goes on where a killed keeper was: `moving` is what its byte said. A torn record is cut off; what
 * is in the log already leaves the FIFO. */
void wc_keep_log_resume(struct wc_keep *keep, char moving);
/* Moves at most one batch of a ready stream to the log and clears `ready` when it is empty. */
void wc_keep_log_step(struct wc_keep *keep, struct wc_keep_stream *stream);
/* All that is left, unfinished lines too. The writers are gone. */
void wc_keep_log_drain(struct wc_keep *keep);
/* Gives the pages of the buffers back; called when output has been quiet. False: nothing to give.
 */
bool wc_keep_log_dirty(void);
void wc_keep_log_trim(void);

/* keep_json.c: json-file records of one batch. `out` holds WC_KEEP_JSON_ROOM bytes for a part of
 * WC_KEEP_PART bytes whatever they are. */
enum { WC_KEEP_PART = 16384, WC_KEEP_JSON_ROOM = 6 * WC_KEEP_PART + 128 };
/* The current time as "…Z" with nanoseconds, 30 characters, no NUL. */
void wc_keep_json_stamp(char out[30]);
/* One record; `whole` adds the escaped newline. Returns its length. */
size_t wc_keep_json_record(char *out, const char *line, size_t n, bool whole, const char *tag,
                           const char stamp[30]);
/* How many of the n bytes end before a UTF-8 sequence that is cut; n if none is. */
size_t wc_keep_json_cut(const char *line, size_t n);

/* keep_notify.c: the instance's own word about its readiness, where the settings ask for it. */
int wc_keep_notify_up(struct wc_keep *keep, bool adopts);
void wc_keep_notify_read(struct wc_keep *keep);
/* Tells what is to be told and minds the watchdog. Returns in how many milliseconds it is to be
 * called again; -1 = when something was read. */
int wc_keep_notify_turn(struct wc_keep *keep);

/* keep_machine.c: what differs where the instance is a virtual machine. _up opens the FIFO of its
 * monitor's words, _read takes in what was said. Taps are made in the host's network namespace. */
int wc_keep_machine_up(struct wc_keep *keep, bool adopts);
void wc_keep_machine_read(struct wc_keep *keep);
int wc_keep_taps_open(struct wc_keep *keep);
/* In the runtime's process: gives it the taps as WC_KEEPER_TAP_FD and on. */
void wc_keep_taps_hand_down(const struct wc_keep *keep);
void wc_keep_taps_close(struct wc_keep *keep);

/* keep_tty.c */
int wc_keep_tty_listen(struct wc_keep *keep);
/* Takes the master that the runtime's create has sent. */
int wc_keep_tty_take(struct wc_keep *keep);
void wc_keep_tty_resize(struct wc_keep *keep, uint64_t rows, uint64_t cols);
void wc_keep_tty_input(struct wc_keep *keep);

#endif
