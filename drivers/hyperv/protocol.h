/* protocol.h - between the monitor of a virtual machine (drivers/hyperv/monitor, on the host) and
 * the agent in it (drivers/hyperv/guest, the guest's init). No libc needed.
 *
 * Idea:    one byte stream, a virtio-serial port, carries frames: head, then payload. The host
 * asks, the guest answers; whatever the guest sends is bounded here and checked by the monitor,
 * which takes the guest for hostile: a frame that breaks a rule ends the machine. The agent trusts
 * the host, but checks lengths, since a fault in it is a kernel panic. Layout:  little-endian, as
 * every machine that this driver runs on. Threads: none on either side. Text form:
 * docs/vm-protocol.md.
 */
#ifndef DRIVERS_HYPERV_PROTOCOL_H
#define DRIVERS_HYPERV_PROTOCOL_H

#include <stdint.h>

/* Changes whenever a frame's meaning does. Agent and monitor come from one build, the initramfs is
 * packed again when the agent changes; a template of another version is not used. */
enum { WC_VM_VERSION = 2 };

enum {                               /* sizes */
       WC_VM_PAYLOAD_MAX = 65536,    /* of one frame */
       WC_VM_CONF_MAX = 512 << 10,   /* all CONF frames together */
       WC_VM_FILE_MAX = 4 << 20,     /* one file; */
       WC_VM_FILES_MAX = 128,        /* that many of them, */
       WC_VM_FILES_BYTES = 16 << 20, /* together */
       WC_VM_STREAMS = 64,           /* numbers 0..63; 0 is the service */
       WC_VM_WINDOW = 64 << 10,      /* bytes that may be under way in one direction of a stream */
       WC_VM_TEXT_MAX = 512,         /* a reason for people, printable ASCII */
};

/* The head of every frame. */
struct wc_vm_head {
    uint32_t len;    /* of the payload, at most WC_VM_PAYLOAD_MAX */
    uint8_t type;    /* enum wc_vm_type */
    uint8_t zero;    /* 0 */
    uint16_t stream; /* whose it is, or the number of a file; 0 where there is none */
};

enum wc_vm_type {
    /* ---- host to guest ---- */
    WC_VM_CONF = 1, /* a part of the settings: "key=value" records, each ended by a NUL (below). A
                       record may go on in the next frame. Before BEGIN */
    WC_VM_FILE,     /* a part of file `stream`, to be put at its end. Before BEGIN */
    WC_VM_LINKS,   /* complete rtnetlink messages, each asking for an acknowledgement, to be sent to
                      the guest's kernel in this order. Links have the numbers 2, 3 … in the order
                      of the command line. Before BEGIN; one frame */
    WC_VM_ENTROPY, /* random bytes, credited in full; then the generator is reseeded. First of all,
                      and again after a start from a template */
    WC_VM_CLOCK,   /* int64: nanoseconds since 1970, for CLOCK_REALTIME */
    WC_VM_BEGIN,   /* everything is said: set up, run the service. Answer: RUNS, or FAILED */
    WC_VM_SIGNAL,  /* uint32: a signal for the first process of `stream` */
    WC_VM_RUN,     /* a program beside the service: records (below). Answer: RUNS, or ENDED */
    WC_VM_CONNECT, /* a connection inside: records "port=N" (127.0.0.1, then ::1), or "unix=PATH".
                      Answer: RUNS, then OUTPUT (which 1) and INPUT are its bytes; or ENDED with an
                      errno as its code */
    WC_VM_LOOK,    /* "path=PATH", as the service sees it: ENDED, code 0 it is there, else an
                      errno */
    WC_VM_INPUT,   /* bytes for `stream`; within what TAKEN allows */
    WC_VM_INPUT_END,
    WC_VM_SIZE,      /* uint16 rows, uint16 columns of the stream's terminal */
    WC_VM_MORE,      /* uint32: so many more bytes of OUTPUT may come on `stream` */
    WC_VM_CLOSE,     /* `stream` is given up: its program gets SIGKILL; ENDED still comes */
    WC_VM_PING,      /* uint64; PONG returns it */
    WC_VM_POWER_OFF, /* kill what is left, sync, unmount, power off */
    WC_VM_STATS,     /* what is used in there, for `stream`: FIGURES, then ENDED with code 0 */

    /* ---- guest to host ---- */
    WC_VM_HELLO = 64, /* uint32 WC_VM_VERSION, then text: the kernel's release. First frame */
    WC_VM_RUNS,       /* `stream` runs; uint32: its pid in the guest, 0 for CONNECT */
    WC_VM_FAILED,     /* text: why the service can't be had. The machine is of no use any more */
    WC_VM_OUTPUT,  /* uint8: 1 stdout, 2 stderr; then bytes. At most WC_VM_WINDOW bytes beyond what
                      MORE allowed: every stream begins with one window */
    WC_VM_ENDED,   /* struct wc_vm_ended, then text: why a program could not be run. Last of its
                      stream, after all output */
    WC_VM_TAKEN,   /* uint32: so many bytes of INPUT were written; as many more may come. Every
                      stream begins with one window */
    WC_VM_PONG,    /* uint64 */
    WC_VM_NOTIFY,  /* text: a datagram to the service's notify socket, at most 4096 bytes */
    WC_VM_SAYS,    /* text: the agent's own words, for the machine's log */
    WC_VM_FIGURES, /* struct wc_vm_figures. Once after STATS, and only then */
};

/* The guest's own books: whoever owns the guest writes them. Totals since the service began;
 * WC_VM_UNKNOWN = the guest's kernel doesn't keep that one. */
#define WC_VM_UNKNOWN UINT64_MAX
struct wc_vm_figures {
    uint64_t cpu_ns;                         /* of the service's group */
    uint64_t memory_bytes, memory_max_bytes; /* of it; without cache that can be dropped at once */
    uint64_t machine_bytes, available_bytes; /* of all the guest's memory */
    uint64_t pids;                           /* processes and threads of the service */
    uint64_t read_bytes, write_bytes;        /* of the disks */
    uint64_t rx_bytes, tx_bytes;             /* of the links but lo */
};

struct wc_vm_ended {
    uint8_t code;   /* exit status, 128 + signal, 125..127 as wcompose-join has them; an errno for
                       CONNECT and LOOK */
    uint8_t signal; /* 0 = it exited */
    uint8_t oom;    /* 1: the guest's kernel killed something of it for want of memory */
    uint8_t zero;
};

/* Settings, CONF (texts without a NUL; "…" is repeatable, order kept):
 *   hostname, domainname
 *   scratch       "disk": the second disk (ext4) holds the writable layer; "memory": a tmpfs. The
 *                 first disk is the image (erofs), always read-only
 *   root_ro       "1": the root is read-only
 *   shares        "1": a virtiofs with the tag "shares" is there
 *   mount …       "TARGET\tTYPE\tSOURCE\tOPTIONS": in order. TYPE and OPTIONS as in config.json of
 *                 the OCI runtime specification; beside them the types "share": SOURCE is a path
 *                 below the virtiofs, bound as OPTIONS say; and "file": SOURCE is the number of a
 *                 FILE, bound likewise, read-only if OPTIONS have "ro"
 *   file …        "NUMBER UID GID MODE": of a FILE; mode octal
 *   mask …        a path to be hidden; readonly …: a path to be made read-only
 *   usual_devices "1": any device may be made, but only those opened that every container has
 *   sysctl …      "name=value"
 *   pids          the most processes and threads the service may have; absent = no limit
 *   arg …         the program; arg 0 is looked up along PATH of env
 *   env …         "K=V"
 *   own_home      "1": HOME of env is that of the service's user, for want of another: a program
 *                 beside the service has that of its own user
 *   cwd, uid, gid, groups (comma list), umask (octal), caps (hex), nnp ("1"), rlimit …
 *   ("NUMBER SOFT HARD"): as in join.conf (drivers/keeper/protocol.h)
 *   seccomp       number of the FILE that holds the compiled program (struct sock_filter array)
 *   oom_score_adj
 *   tty           "1": a terminal; all output is stdout's
 *   input         "1": stdin is INPUT, else /dev/null
 *   notify        "1": a datagram socket at /run/wcompose/notify inside takes sd_notify's words
 *
 * RUN: arg …, env … (win over the service's), user ("USER[:GROUP]"), cwd, tty, input, privileged
 * ("1"), rows, cols. wcompose-join runs it, and says why it can't as its line on stderr (which 2; 1
 * with a terminal); ENDED has a text only where join itself could not be run. SIGNAL to it may be
 * INT, TERM, HUP, QUIT, USR1, USR2 or KILL, as join passes them on.
 */

#endif
