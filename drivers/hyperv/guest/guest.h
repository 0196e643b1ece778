/* guest.h - inside of wcompose-guest: the first process of a virtual machine.
 *
 * Idea:    one loop over one channel. The host says what the machine is to be, the agent makes it
 * so and carries bytes; everything that may wait (mounts, a path on a shared file system, another
 * program) is a process of its own, so that a ping is answered whatever the service does. No heap,
 * no stdio. Files: guest_main (order of things), guest_boot (kernel file systems, modules, the
 * port), guest_frame (frames in and out, pure), guest_conf (settings, pure), guest_loop (poll),
 * guest_host (what the host says), guest_stream (output, input, ends), guest_run (programs beside
 * the service, connections, looks), guest_service (the service's process: root, rights),
 * guest_figures (what it uses), guest_mount (what is mounted in it), guest_dev (its devices),
 * guest_die (ways out). Threads: none. Errors: -1 with wc_fault. What can't be mended ends the
 * machine: wc_guest_die.
 */
#ifndef DRIVERS_HYPERV_GUEST_GUEST_H
#define DRIVERS_HYPERV_GUEST_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "drivers/hyperv/guest/frame.h"
#include "drivers/hyperv/guest/settings.h"
#include "drivers/hyperv/protocol.h"
#include "drivers/keeper/common.h"
#include "drivers/keeper/common_kernel.h"

struct wc_join;

enum wc_guest_kind {
    WC_GUEST_FREE,    /* the number is not in use */
    WC_GUEST_SERVICE, /* stream 0 */
    WC_GUEST_PROGRAM, /* a wcompose-join */
    WC_GUEST_SOCKET,  /* a connection; no process */
    WC_GUEST_LOOK,    /* a process that looks at a path; no bytes */
};

/* One stream. Descriptors are -1 where there is none; all are ours and non-blocking. */
struct wc_guest_stream {
    enum wc_guest_kind kind;
    bool closed;     /* given up by the host: what comes is read and dropped */
    bool over;       /* the process is reaped, or the connection has ended; `end` is set */
    bool tty;        /* out and in are one terminal */
    bool input_over; /* the host has said INPUT_END */
    bool connecting; /* a socket that is not connected yet */
    bool again;      /* ::1 is still to be tried */
    uint16_t port;
    pid_t pid; /* 0 = none */
    int out, err, in;
    uint32_t may_send;      /* bytes of OUTPUT that the host will take */
    uint32_t may_come;      /* bytes of INPUT that the host may send */
    size_t typed_at, typed; /* what of INPUT is not written yet: place in its buffer, length */
    uint64_t oom_before;
    struct wc_vm_ended end;
    char why[200];
};

/* Where things are; settled by wc_guest_boot, or by the options of a test. */
struct wc_guest_place {
    bool test;   /* --channel: the machine around is somebody else's: neither modules nor clock, no
                    power switch */
    int channel; /* the port */
    int initramfs;     /* O_PATH; programs are opened below it */
    const char *own;   /* where in it the agent's own root is mounted */
    const char *image; /* block device with erofs, or in a test a directory */
    const char *scratch;
    const char *join;   /* below initramfs */
    const char *cgroup; /* a cgroup2 directory that is ours; NULL = there is none */
};

struct wc_guest {
    struct wc_guest_place place;
    struct wc_guest_conf conf;
    struct wc_vm_reader reader;
    struct wc_vm_writer writer;
    struct wc_guest_stream streams[WC_VM_STREAMS];
    bool begun, runs, failed;
    int signals, notify;
    int report;      /* of the service's process until it runs; -1 */
    int cgroup;      /* the service's, a directory; -1 */
    uint64_t off_at; /* monotonic ms: power off by then, come what may; 0 = not asked */
    char report_text[512];
    size_t report_len;
};

/* guest_boot.c: mounts, modules, priority, the port. Ends the machine where there is no port. */
void wc_guest_boot(struct wc_guest *guest);
/* The first frame; waits until the host listens. */
void wc_guest_hello(struct wc_guest *guest);
void wc_guest_entropy(const void *bytes, size_t len);

/* guest_die.c */
/* Last words to the console and the host, then power off. Usable before anything else is. */
_Noreturn void wc_guest_die(struct wc_guest *guest, const char *why);
void wc_guest_to_console(const struct wc_guest *guest, const char *why);
/* Kills what is left, syncs, powers off. */
_Noreturn void wc_guest_off(struct wc_guest *guest);
/* Faults of our own (SIGSEGV …) get words before the end. */
void wc_guest_catch(struct wc_guest *guest);
/* What comes now may wait for so long, then the machine ends with words; 0: it is over. */
void wc_guest_patience(unsigned seconds);

/* guest_loop.c */
_Noreturn void wc_guest_loop(struct wc_guest *guest);
uint64_t wc_guest_now_ms(void);

/* guest_host.c: one frame from the host. -1: it breaks the rules. */
int wc_guest_frame(struct wc_guest *guest, const struct wc_vm_frame *frame);
/* Frames to the host. There is always room: the loop reads no more while there isn't. */
void wc_guest_say(struct wc_guest *guest, uint8_t type, uint16_t stream, const void *data,
                  size_t len);
void wc_guest_say_text(struct wc_guest *guest, uint8_t type, const char *text);

/* guest_stream.c */
void wc_guest_stream_init(struct wc_guest_stream *stream, enum wc_guest_kind kind);
/* Reads what may be sent of one descriptor (which 1 or 2) into a frame. */
void wc_guest_pump(struct wc_guest *guest, uint16_t number, int which);
/* INPUT of the host: -1 if it is more than what may come. */
int wc_guest_input(struct wc_guest *guest, uint16_t number, const uint8_t *data, size_t len);
void wc_guest_input_end(struct wc_guest *guest, uint16_t number);
void wc_guest_feed(struct wc_guest *guest, uint16_t number);
/* Everything that a stream whose process is gone still has to say, then ENDED. */
void wc_guest_settle(struct wc_guest *guest, uint16_t number);
/* A child's end: waitpid's pid and status. */
void wc_guest_reaped(struct wc_guest *guest, pid_t pid, int status);
/* Streams that are in use, LOOK included. */
size_t wc_guest_busy(const struct wc_guest *guest);
void wc_guest_signal(struct wc_guest *guest, uint16_t number, int signal_number);
void wc_guest_size(struct wc_guest *guest, uint16_t number, unsigned rows, unsigned columns);

/* guest_run.c: answers by frames, never fails but for a frame that breaks the rules (-1). */
int wc_guest_run(struct wc_guest *guest, const struct wc_vm_frame *frame);
int wc_guest_connect(struct wc_guest *guest, const struct wc_vm_frame *frame);
int wc_guest_look(struct wc_guest *guest, const struct wc_vm_frame *frame);
/* A connection was made, or refused. */
void wc_guest_connected(struct wc_guest *guest, uint16_t number);

/* guest_service.c */
/* Starts the service's process. -1 with wc_fault. */
int wc_guest_begin(struct wc_guest *guest);
/* The service's process has said something, or runs. */
void wc_guest_report(struct wc_guest *guest);
/* join.conf of the service, for wcompose-join. */
int wc_guest_join_conf(struct wc_guest *guest);
uint64_t wc_guest_oom_kills(void);

/* guest_cgroup.c: the service's cgroup, and what it may use. */
int wc_guest_cgroup(struct wc_guest *guest);

/* guest_figures.c: answers STATS. */
void wc_guest_figures(struct wc_guest *guest, uint16_t number);

/* guest_mount.c and guest_dev.c run in the service's process before it gives up its rights. */
/* Mounts the image and its writable layer at WC_GUEST_ROOT. */
int wc_guest_root(const struct wc_guest *guest);
int wc_guest_mounts(const struct wc_guest *guest);
/* Hides and protects; then the root itself, where it is to be read-only. */
int wc_guest_hide(const struct wc_guest *guest);
int wc_guest_devices(const struct wc_guest *guest);
/* From now on the service's cgroup may open these only, where CONF says so. */
int wc_guest_filter_devices(const struct wc_guest *guest);
/* Opens `path` as the root at `root` shows it (O_PATH). Returns it, or -1 with errno. */
int wc_guest_open_in(int root, const char *path, uint64_t flags);

/* Directories of the agent's own root, a tmpfs. */
#define WC_GUEST_ROOT "/root"
#define WC_GUEST_IMAGE "/image"
#define WC_GUEST_SCRATCH "/scratch"
#define WC_GUEST_SHARES "/shares"
#define WC_GUEST_FILES "/files"
#define WC_GUEST_NOTIFY "/notify"
#define WC_GUEST_RUN "/run" /* join.conf */
#define WC_GUEST_CGROUP "/cgroup"

#endif
