/* mon.h - inside of wcompose-monitor: one virtual machine, seen from the host.
 *
 * Idea:    the monitor is the first process of the jail that a machine runs in, and stands for the
 * service: its stdin, stdout and stderr are the service's, a signal to it is one to the service,
 * its exit status is the service's. So everything that looks after a container (keeper, driver,
 * log, exit record) looks after a machine in the same way. It starts the VMM, speaks with the agent
 * in the guest (drivers/hyperv/protocol.h), and carries bytes; it decides nothing. What the guest
 * sends is bounded and checked here, in a process without rights. Files:   mon_main (order of
 * things, the loop), mon_conf (settings), mon_spawn (VMM and file server), mon_channel (bytes to
 * and from the agent), mon_guest (what its frames mean), mon_stream (bytes of the service and of
 * programs beside it), mon_client (who asks for those), mon_qmp, mon_console, mon_starve (what time
 * the host had for it), mon_end (how it ends, and what is said of it). Owner:   the single `struct
 * wc_mon` of mon_main.c. Threads: none. Errors: -1 with wc_fault.
 */
#ifndef DRIVERS_HYPERV_MONITOR_MON_H
#define DRIVERS_HYPERV_MONITOR_MON_H

#include <poll.h>
#include <stdbool.h>
#include <sys/types.h>

#include "drivers/hyperv/monitor/conf.h"
#include "drivers/hyperv/protocol.h"
#include "drivers/keeper/common.h"

enum {                         /* sizes */
       WC_MON_OUT = 256 << 10, /* bytes to the agent that wait; */
       WC_MON_SPARE = 4096,    /* the last of them are for our own words: signals, ends */
       WC_MON_SAYS = 64 << 10, /* bytes of SAYS that are passed on */
       WC_MON_CLIENTS = WC_VM_STREAMS,
       WC_MON_POLLED = 8 + 4 * WC_VM_STREAMS,
};

/* Settings: conf.h. Texts are borrowed from a static buffer. */
struct wc_mon_conf {
    struct wc_list vmm, cold, share;
    const char *mode; /* NULL, "save" or "restore" */
    uint64_t uid, gid;
    uint64_t boot_ms, beat_ms, patience_ms, retries;
    bool tty, input, notify;
};

enum wc_mon_state {
    WC_MON_LOADS, /* a template is read */
    WC_MON_BOOTS, /* no HELLO yet */
    WC_MON_TOLD,  /* the boot file is on its way, or the agent sets up */
    WC_MON_RUNS,  /* the service does */
    WC_MON_ENDS,  /* it has ended: output is carried on, the machine powers off */
};

/* Bytes that wait, in a place that is only paged in where it is used. */
struct wc_mon_ring {
    char data[WC_VM_WINDOW];
    size_t from, len;
};

struct wc_mon_stream {
    bool used;
    bool begun;            /* the agent was asked for it */
    bool runs;             /* RUNS came */
    bool alone;            /* goes on when who asked for it is gone */
    bool figures;          /* STATS was asked for; they have not come yet */
    bool ended;            /* ENDED came; the rings may hold output yet */
    int in, out[2];        /* -1 = closed, or none */
    int client;            /* who asked for it; -1: the service, or gone */
    uint32_t allowed;      /* bytes of OUTPUT that may still come */
    uint32_t owed;         /* bytes that were written out and are not said by MORE yet */
    uint32_t sendable;     /* bytes of INPUT that may still be sent */
    bool in_over, in_told; /* the end of input was seen; and was said */
    struct wc_vm_ended end;
    char why[WC_VM_TEXT_MAX + 1];
    struct wc_mon_ring ring[2];
};

struct wc_mon {
    struct wc_mon_conf conf;
    enum wc_mon_state state;
    pid_t vmm, share; /* 0 = not running */
    int signals, channel, qmp, console, programs, listener, word, state_fd;
    const char *boot; /* what the agent is to be told, boot_len bytes, mapped */
    size_t boot_len, boot_at;
    bool asked_off;       /* POWER_OFF is on its way */
    bool over;            /* the loop ends */
    int status;           /* exit status to be */
    uint64_t deadline_ms; /* of this state; 0 = none */
    uint64_t boots_ms;    /* when the VMM was started last */
    unsigned boots;       /* how often it was started anew, as nothing was heard of it */
    uint64_t starved_ms, woken_starved_ms; /* wc_mon_starved_ms at the start, and when woken */
    uint64_t woken_ms; /* gone on with from a template, and not heard of yet; 0 = not so */
    uint64_t beat_ms, answered_ms; /* PING was sent, PONG came last */
    uint64_t turned_ms, wait_ms;   /* when the last turn was, and how long it was to last */
    uint64_t vmm_answered_ms;      /* the VMM said something last */
    bool reset, panicked;          /* what QMP told */
    size_t said;                   /* bytes of SAYS so far */
    int vmm_status;
    bool vmm_gone;
    struct wc_mon_stream streams[WC_VM_STREAMS];
};

/* CLOCK_MONOTONIC. */
uint64_t wc_mon_now_ms(void);

/* mon_conf.c */
int wc_mon_conf_load(struct wc_mon_conf *conf);

/* mon_spawn.c: starts the file server, sheds our rights, starts the VMM. */
int wc_mon_spawn(struct wc_mon *mon);
/* Starts the VMM; its descriptors of before are closed. */
int wc_mon_spawn_vmm(struct wc_mon *mon, struct wc_list *argv);

/* mon_channel.c: puts one frame in line. False: no room (only asked-for frames may be refused). */
bool wc_mon_send(struct wc_mon *mon, enum wc_vm_type type, unsigned stream, const void *data,
                 size_t len);
/* Room for that many bytes of frames, heads included. */
void wc_mon_channel_reset(void);
size_t wc_mon_room(const struct wc_mon *mon);
short wc_mon_channel_events(const struct wc_mon *mon);
void wc_mon_channel_write(struct wc_mon *mon);
void wc_mon_channel_read(struct wc_mon *mon);

/* mon_guest.c: one frame of the agent's, whose head was checked. */
void wc_mon_on_frame(struct wc_mon *mon, const struct wc_vm_head *head, const char *data);

/* mon_stream.c */
struct wc_mon_stream *wc_mon_stream_open(struct wc_mon *mon, unsigned n, int in, int out, int err,
                                         int client);
/* OUTPUT came. False: more than was allowed. */
bool wc_mon_stream_take(struct wc_mon_stream *stream, unsigned which, const char *data, size_t len);
/* Adds what is to be waited for; at most four entries a stream. */
size_t wc_mon_streams_poll(struct wc_mon *mon, struct pollfd *fds);
/* Moves what can be moved, and lets go of streams that are over. */
void wc_mon_streams_turn(struct wc_mon *mon);
/* True when all that the service wrote has been carried on. */
bool wc_mon_stream_is_dry(const struct wc_mon_stream *stream);

/* mon_client.c */
int wc_mon_listen(struct wc_mon *mon);
void wc_mon_accept(struct wc_mon *mon);
/* Room for what any client may ask; without it none is read. */
bool wc_mon_client_may_ask(const struct wc_mon *mon);
void wc_mon_client_read(struct wc_mon *mon, unsigned n);
/* Tells the one who asked for stream n. */
void wc_mon_client_tell(struct wc_mon *mon, unsigned n, enum wc_vm_type type);
void wc_mon_client_figures(const struct wc_mon *mon, unsigned n, const char *data, size_t len);

/* mon_guest.c: the agent is there and waits: it is told the rest. */
void wc_mon_tell_agent(struct wc_mon *mon);

/* mon_starve.c: how long the VMM has waited for a processor since it had waited before_ms; 0
 * where the kernel doesn't count. */
uint64_t wc_mon_starved_ms(const struct wc_mon *mon, uint64_t before_ms);

/* mon_template.c: one line of QMP, in "save" and "restore". */
void wc_mon_template_line(struct wc_mon *mon, const char *line);
/* The agent was heard of, in "save". */
void wc_mon_template_save(struct wc_mon *mon);
/* True when a machine that was woken has not answered for too long. */
bool wc_mon_template_sleeps(const struct wc_mon *mon, uint64_t now);
/* A start from a template came to nothing: another one, without. */
void wc_mon_template_give_up(struct wc_mon *mon, const char *why);
/* Under TCG a kernel now and then never comes up (research/vm.md): true when that has to be
 * assumed, since it had time enough. _again: the machine is started anew. Nothing was said to it
 * yet. */
bool wc_mon_boot_is_stuck(const struct wc_mon *mon, uint64_t now);
void wc_mon_boot_again(struct wc_mon *mon);

/* mon_qmp.c, mon_console.c */
/* A command, and a descriptor that goes with it; -1 = none. */
void wc_mon_qmp_send(struct wc_mon *mon, const char *command, int fd);
void wc_mon_qmp_reset(void);
void wc_mon_qmp_read(struct wc_mon *mon);
void wc_mon_console_read(struct wc_mon *mon);
/* What the VMM and the file server have to say; a guest may make them say it. */
void wc_mon_programs_read(struct wc_mon *mon);
/* The last panic that the console told of, printable ASCII; "" = none. */
const char *wc_mon_console_panic(void);
/* Its last whole line. */
const char *wc_mon_console_last(void);

/* mon_end.c: a line of vm/times (conf.h): this has come to pass just now. */
void wc_mon_time(const struct wc_mon *mon, const char *what);

/* mon_end.c: a word for the keeper: "WORD" or "WORD TEXT". */
void wc_mon_word(struct wc_mon *mon, const char *word, const char *text);
/* The machine can't be gone on with; kills it. */
void wc_mon_break(struct wc_mon *mon, const char *why);
/* The service ended: POWER_OFF, and a deadline. */
void wc_mon_power_off(struct wc_mon *mon);
void wc_mon_on_signals(struct wc_mon *mon);
/* Deadlines and heartbeats; returns how long to sleep in ms, -1 = for ever. */
int wc_mon_turn(struct wc_mon *mon);

#endif
