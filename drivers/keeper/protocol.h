/* protocol.h - between the supervisor's process driver and the keeper of one instance
 * (drivers/keeper, no libc needed).
 *
 * Idea:    the keeper is the only process that must not die, so it is small, static, and knows
 * nothing of Compose. It reads one file of settings, makes the instance's namespaces, runs the OCI
 * runtime as its child, holds stdout and stderr, writes the log and the exit record. The supervisor
 * talks to it over a socket and may come and go. Layout:  all names below are inside the instance's
 * run directory (mode 0700, tmpfs) unless they start with lib:. Threads: none in the keeper.
 */
#ifndef DRIVERS_KEEPER_PROTOCOL_H
#define DRIVERS_KEEPER_PROTOCOL_H

/* keeper.conf: "key=value" records, each ended by a NUL. Unknown keys are an error. Keys:
 *   id            runtime container id of this run: "<instance id>.<run>" (unique per run)
 *   lib           the instance's lib directory (absolute): log and exit record go there
 *   runtime       absolute path of the OCI runtime; runtime_root: its --root directory
 *   bundle        absolute path of the OCI bundle (config.json inside)
 *   detach        a mount point to detach in the private mount namespace before the runtime runs
 * (repeatable) layers        directory that `lower` is relative to; lower: "a:b:c" topmost first
 *                 (a colon, comma or backslash in a name is escaped by a backslash);
 * upper, work, rootfs: absolute paths (no lower: no overlay is mounted; rootfs is used as it is)
 *   pin_at, pin_root, pin_path   (repeatable, as many of each) a part of a volume: what pin_path is
 *                 inside directory pin_root, links resolved as if that were the root, is bound to
 *                 pin_at in the private mount namespace; config.json names pin_at as a source
 *   read_only     "1": the overlay is mounted without upper and work
 *   netns         "new", "host", or a path to join
 *   netns_starttime   netns is /proc/PID/…: that process has to be the one that started then (field
 *                 22 of its stat file), or the number has gone to another
 *   group         the container's cgroup ("/wcompose/…") in each hierarchy (repeatable: where one
 *                 is mounted)
 *   state_file    (repeatable) name of a file that this runtime keeps in runtime_root/id. With
 *                 these the keeper removes groups and state itself when nothing else is there;
 *                 without, or when there is more, it runs the runtime's delete
 *   start_fifo    name of a FIFO in runtime_root/id: a byte in it is all that the start does,
 *                 and the keeper does it; without, or when it isn't there, it runs the start
 *   net_sysctl    (repeatable) "name=value": written below /proc/sys inside the new network
 *                 namespace before links come up
 *   oom_file      cgroup file with a line "oom_kill N" (memory.events, or memory.oom_control on
 *                 v1); may be missing
 *   tty           "1": the runtime gets a console socket, the log is the terminal's output
 *   log           "json-file" or "none"
 *   log_max_bytes (0 = never rotate), log_max_files (>= 1)
 *   stdin         "null" or "fifo" (run directory: stdin)
 *   again         "never", "failed" or "always": after which ends another run is to follow at once
 *   owner         uid that stdout and stderr are chowned to
 *   machine       "1": the instance is a virtual machine: its process says how it is by
 *                 WC_KEEPER_WORD, whose owner is `owner` (drivers/hyperv/monitor/conf.h); it runs
 *                 when it says so
 *   tap           (repeatable) a link that is made in the host's network namespace before net.host
 *                 is sent; the process gets it as descriptor WC_KEEPER_TAP_FD and on
 *   handed        "1": the process gets WC_KEEPER_HANDED_FD of ours after those
 *   notify        "1": a datagram socket notify/notify in the run directory takes sd_notify's
 *                 words; config.json mounts that directory into the container
 *   notify_watchdog_ms   READY=1 and each WATCHDOG=1 have to be followed by another one within
 *                 that time; 0 = no watchdog
 */
#define WC_KEEPER_CONF "keeper.conf"

/* net.host and net.inside: complete rtnetlink messages, one after another, each with NLM_F_REQUEST
 * | NLM_F_ACK. The keeper sends net.host on a socket of the host's namespace (a message may name
 * the new namespace by IFLA_NET_NS_FD = WC_KEEPER_NETNS_FD), then net.inside on one of the new
 * namespace, and reads as many acknowledgements as messages. Absent = nothing to do.
 */
#define WC_KEEPER_NET_HOST "net.host"
#define WC_KEEPER_NET_INSIDE "net.inside"
enum { WC_KEEPER_NETNS_FD = 9 };

/* Descriptors the keeper is started with: 0 = /dev/null, 1 and 2 = keeper.err (append), 3 = one end
 * of a SOCK_SEQPACKET socketpair: the first client. argv: wcompose-keeper RUN_DIRECTORY [adopt].
 * With "adopt" it takes the place of a keeper that was killed while the process runs: it goes on
 * with the log and writes the exit record. It ends with status 1, having changed nothing, when
 * there is nothing to take over.
 */
enum { WC_KEEPER_CLIENT_FD = 3 };
/* Optional: a memfd with the runtime's program and all four seals, executed instead of the file. */
enum { WC_KEEPER_SEALED_FD = 4 };
/* Optional, to adopt: a pidfd of the process. By it an end is known even if it came meanwhile. */
enum { WC_KEEPER_PIDFD = 5 };
/* Optional: one that the instance's process gets, after its taps. */
enum { WC_KEEPER_HANDED_FD = 6 };

/* keeper.sock: a listening SOCK_SEQPACKET Unix socket for supervisors that come later. A client is
 * told the current state at once.
 *
 * Packets from the keeper (ASCII, no newline; at most 512 bytes):
 * - "created PID STARTTIME": the process waits; STARTTIME is field 22 of /proc/PID/stat.
 * - "running PID STARTTIME WALL_MS": it was started; a later client is greeted with it.
 * - "exited CODE SIGNAL OOM WALL_MS": CODE 0..255 (128+N for signals); the exit record is on disk.
 *   The last packet, then EOF.
 * - "failed TEXT": create or start went wrong: the runtime's last line of error. The last packet.
 * - "notify WORD STATUS": WORD is waits, ready, or late (the watchdog's time is over); STATUS is
 *   what it said of itself, printable ASCII, may be empty. Told when it changes, ten times a second
 *   at most; a later client gets it after the greeting.
 *
 * Packets to the keeper:
 * - "start": run the container's process.
 * - "abort": give up what was not started, or is a machine that boots; answers "exited 137 9 0 …"
 *   or "failed …". Not heard once it runs: then it is to be stopped, with its grace.
 * - "leaving": its removal follows: the exit record need not survive a power cut, so it is not
 *   synced.
 * - "resize ROWS COLS": the terminal's size.
 */
#define WC_KEEPER_SOCKET "keeper.sock"

/* Other files in the run directory: stdout, stderr (FIFOs 0600, opened read-write by the keeper and
 * given to the container), pid (written by the runtime), keeper.pid ("PID STARTTIME\n", then a byte
 * of the keeper's own), status
 * (the last packet sent, newline-ended, replaced by rename), keeper.err (what the runtime and the
 * keeper said).
 *
 * lib:exit: the exit record, replaced by rename after fsync (without, when leaving): one line
 * "CODE SIGNAL OOM WALL_MS STARTED_MS\n", with a tab and a text before its end where the cause is
 * known that no status tells (a machine's); so the packet. lib:log.json: json-file:
 * {"log":"…\n","stream":"stdout","time":"RFC 3339 with nanoseconds"} per line; a line longer than
 * 16 KiB comes in parts, all but the last without \n. Rotated to log.json.1, .2 …
 */
#define WC_KEEPER_NOTIFY "notify" /* the directory, and the socket in it */
#define WC_KEEPER_WORD "vm/word"  /* FIFO of a machine's monitor */
enum { WC_KEEPER_TAP_FD = 3 };
#define WC_KEEPER_NOTICE "notice" /* the last "notify" packet, for a keeper that takes over */
#define WC_KEEPER_STATUS "status"
#define WC_KEEPER_PID "keeper.pid"
#define WC_KEEPER_EXIT "exit"
#define WC_KEEPER_LOG "log.json"

/* wcompose-join: runs a program inside a running instance without executing the runtime.
 *   wcompose-join --run RUN_DIRECTORY [--tty] [--stdin] [--detach] [--user USER[:GROUP]]
 *       [--workdir DIR] [--env-fd FD] [--privileged] -- ARGV…
 * Exit status: the program's, 128+N by signal N, 125 ours, 126 not executable, 127 not found; 125
 * to 127 with one line on stderr. Without --stdin the program reads /dev/null; with --detach all of
 * its stdio is /dev/null and join returns 0 once the program runs. INT, TERM, HUP, QUIT, WINCH,
 * USR1 and USR2 are passed on. ALRM means "time is up": the program is killed, reaped, and join
 * exits 137. Killing join kills the program too (--detach excepted). Whatever of join is killed,
 * the program keeps a parent outside the instance that reaps it (join_hold.c): without one the
 * instance could not end where the host's first process reaps nobody.
 *
 * --env-fd: an open descriptor (a memfd, at its start) of up to 1 MiB of "K=V" strings, each with
 * its NUL, which win over those of join.conf. Values may be secrets, and everybody on the host may
 * read arguments; so they come this way, and no other.
 *
 * join never runs from its file while inside: it copies itself to a sealed memfd and executes that.
 * A caller with many probes saves the copy by holding a memfd of the binary with all four seals and
 * executing /proc/self/fd/N.
 *
 * join.conf: records as in keeper.conf:
 *   pid, starttime  the instance's first process (checked by pidfd before anything is joined)
 *   uid, gid, groups (comma list), umask (decimal, as all numbers)
 *   cwd             working directory; default /
 *   env             "K=V" (repeatable)
 *   caps            hex mask for effective, permitted, bounding (and inheritable 0, ambient 0)
 *   nnp             "1": no_new_privs
 *   seccomp         absolute path of a compiled BPF program (struct sock_filter array), or absent
 *   apparmor        AppArmor profile that the program is to run under, or absent
 *   cgroup          absolute path of a cgroup.procs file to be written (repeatable)
 *   rlimit          "NUMBER SOFT HARD" (decimal; repeatable)
 */
#define WC_JOIN_CONF "join.conf"

#endif
