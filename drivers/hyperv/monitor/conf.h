/* conf.h - what the driver tells a machine's monitor, and what the monitor tells the keeper.
 *
 * Idea:    a directory, vm/ of the run directory, is all that a machine shares with the host: it is
 * mounted into the jail at WC_MON_DIR, owned by the machine's user.
 */
#ifndef DRIVERS_HYPERV_MONITOR_CONF_H
#define DRIVERS_HYPERV_MONITOR_CONF_H

#define WC_MON_DIR "/vm"          /* in the jail */
#define WC_MON_DIR_HOST "vm"      /* in the run directory */
#define WC_MON_PROGRAM "/monitor" /* in the jail */
#define WC_MON_SHARES "/shares"   /* in the jail: what the file server serves */
#define WC_MON_NOTIFY "/notify"   /* in the jail: the directory of the keeper's notify socket */

/* vm/conf: "key=value" records, each ended by a NUL:
 *   vmm …        argv of the VMM; it finds the descriptors below, and links' from 3 on
 *   share …      argv of the file server, without the descriptor of its socket; absent = none
 *   cold …       argv of the VMM for a start without template, where `vmm` is one with
 *   mode         absent: a plain start; "restore": from WC_MON_STATE and the memory that vmm names;
 *                "save": until the agent is heard of, then into WC_MON_STATE, and end with status 0
 *   uid, gid     whom to become before the VMM is started
 *   retries      how often a machine that nothing was heard of is started anew in that time, at
 * most 2 boot_ms      how long the machine may take until the service runs beat_ms, patience_ms how
 * often it is asked whether it lives, and how long it may not answer tty, input, notify     "1": as
 * in keeper.conf
 */
#define WC_MON_CONF "conf"
/* vm/boot: frames for the agent, CONF … BEGIN, sent as they are. */
#define WC_MON_BOOT "boot"
/* vm/word: a FIFO of the keeper's, lines:
 *   started      the service runs
 *   failed TEXT  it can't be had; the monitor ends
 *   signal N     that is what the service was ended by
 *   oom          the guest's kernel killed the service for want of memory
 *   cause TEXT   why the machine ended without the service's end
 */
#define WC_MON_WORD "word"
/* vm/sock: SOCK_SEQPACKET, for root. One packet is one frame of protocol.h. A client sends RUN with
 * three descriptors (the program's stdin, stdout, stderr), CONNECT with one, LOOK, or STATS, which
 * FIGURES answer; or SIGNAL alone, which is the service's; then SIGNAL, SIZE or CLOSE, or
 * INPUT_END: the program goes on without it; it gets RUNS, and ENDED last, after all output. Its
 * end means CLOSE. */
#define WC_MON_SOCKET "sock"
/* vm/times: how the start went: lines "WHAT MS CPU", CLOCK_MONOTONIC of the host and what the VMM
 * has used of processors, ms. vmm: it is started; agent: it was heard of, or woken from a template;
 * runs: the service does. */
#define WC_MON_TIMES "times"
/* The state of a machine's devices (a migration stream of QEMU's). */
#define WC_MON_STATE "state"
#define WC_MON_STATE_JAIL "/template/state" /* in a jail, for "restore" */
/* vm/share: the file server's socket. vm/console, vm/console.1: what the guest's kernel said;
 * vm/console.vmm, vm/console.vmm.1: what the VMM and the file server did. */
#define WC_MON_SHARE_SOCKET "share"
#define WC_MON_CONSOLE "console"
#define WC_MON_PROGRAMS "console.vmm"

enum { /* descriptors that the VMM is started with, beside links' */
       WC_MON_FD_LINKS = 3,
       WC_MON_FD_AGENT = 100, /* the agent's port, a stream socket */
       WC_MON_FD_QMP = 101,
       WC_MON_FD_CONSOLE = 102,
};

#endif
