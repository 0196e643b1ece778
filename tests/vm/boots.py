#!/usr/bin/env python3
"""boots.py - the tests' long mode: machines of wcompose's own, booted and ended one after another, all of which have to come up.

    sudo tests/vm/boots.py --boots 200                half of them cold, half from a template, in turns
    sudo tests/vm/boots.py --boots 50 --ways cold     one kind
    sudo tests/vm/boots.py --kernels DIR              a lib/vm with a kernel in use

A boot is good when the service answers over its network, the machine was started once, and the way it started is the one
that was asked for. While nothing is heard of one for --silent seconds, its VMM is looked at: what it used of processors,
what its threads do, how often its group was throttled, what the guest's kernel said, and where the guest's processors are
(by the VMM's own monitor, while wcompose's stands still). Slow ones are told with the same facts: processor time says
whether the guest worked or the host had no time for it.
"""
import argparse
import ctypes
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
from app import App, read  # noqa: E402

PIDFD_OPEN, PIDFD_GETFD, QMP = 434, 438, 101  # numbers of Linux; of monitor/conf.h


def children(pid):
    return [int(c) for c in read(f"/proc/{pid}/task/{pid}/children").split()]


def ticks(stat):
    fields = stat.rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def threads(pid):
    """One line a thread: name, state, seconds of processor, where the kernel has it, how long it waited for a processor."""
    lines = []
    for task in sorted(os.listdir(f"/proc/{pid}/task"), key=int):
        here = f"/proc/{pid}/task/{task}"
        stat, waited = read(here + "/stat"), read(here + "/schedstat").split()
        if stat and len(waited) == 3:
            lines.append(f"{task} {read(here + '/comm').strip()}: {stat.rsplit(')', 1)[1].split()[0]}, {ticks(stat):.2f} s of processor, "
                         f"waited {int(waited[1]) / 1e9:.2f} s for one, in {read(here + '/wchan') or '-'} {' '.join(read(here + '/stack').split()[1:8:2])}")
    return lines


def throttled(pid):
    for line in read(f"/proc/{pid}/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        for mount in ("/sys/fs/cgroup/" + controllers, "/sys/fs/cgroup"):
            text = read(f"{mount}{path}/cpu.stat") if controllers in ("", "cpu", "cpu,cpuacct", "cpuacct,cpu") else ""
            if text:
                return " ".join(text.split())
    return "?"


class Monitor:
    """The VMM's monitor by the monitor's end of it. Whoever reads there is stopped meanwhile."""

    def __init__(self, monitor, vmm):
        libc = ctypes.CDLL(None, use_errno=True)
        inode = re.findall(r"\d+", os.readlink(f"/proc/{vmm}/fd/{QMP}"))[0]
        pairs = subprocess.run(["nsenter", "-t", str(vmm), "-n", "ss", "-xan"], capture_output=True, text=True, check=True).stdout
        other = re.search(rf"\* {inode} +\* (\d+)", pairs).group(1)
        ours = [fd for fd in os.listdir(f"/proc/{monitor}/fd") if os.readlink(f"/proc/{monitor}/fd/{fd}") == f"socket:[{other}]"]
        handle = libc.syscall(PIDFD_OPEN, monitor, 0)
        self.socket = socket.socket(fileno=libc.syscall(PIDFD_GETFD, handle, int(ours[0]), 0))
        os.close(handle)
        self.stopped, self.got = monitor, b""
        os.kill(monitor, signal.SIGSTOP)
        self.socket.setblocking(False)

    def ask(self, command, seconds=5, **arguments):
        """The answer, or None when there is none."""
        self.socket.send(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\r\n")
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            while b"\n" in self.got:
                line, self.got = self.got.split(b"\n", 1)
                answer = json.loads(line)
                if "return" in answer or "error" in answer:
                    return answer.get("return", answer)
            try:
                self.got += self.socket.recv(65536)
            except BlockingIOError:
                time.sleep(0.02)
        return None

    def human(self, line):
        answer = self.ask("human-monitor-command", **{"command-line": line})
        return answer if isinstance(answer, str) else repr(answer)

    def close(self):
        os.kill(self.stopped, signal.SIGCONT)
        self.socket.close()


def guest_state(monitor, vmm):
    """Where the guest's processors are, three times, and what clocks and interrupts do."""
    try:
        asked = Monitor(monitor, vmm)
    except (OSError, AttributeError, IndexError, subprocess.CalledProcessError) as error:
        return [f"its monitor can't be asked: {error!r}"]
    lines = []
    try:
        lines.append("query-status: %r" % asked.ask("query-status"))
        for _ in range(3):
            for row in asked.human("info registers -a").splitlines():
                if re.match(r"(CPU#|RIP|EIP|RSP|RAX|R12)", row):
                    lines.append(row.strip())
            time.sleep(0.2)
        for line in ("info lapic", "info irq", "x /16i $pc", "x /64gx $sp"):
            lines += ["> " + line] + asked.human(line).replace("\r", "").splitlines()[:34]
    finally:
        asked.close()
    return lines


class Watch(threading.Thread):
    """Looks at a start that is silent for too long, every `silent` seconds, until told to stop."""

    def __init__(self, app, way, silent):
        super().__init__(daemon=True)
        self.app, self.way, self.silent, self.done, self.seen = app, way, silent, threading.Event(), []
        self.start()

    def run(self):
        begun = time.monotonic()
        while not self.done.wait(self.silent):
            where = self.app.instances(self.way)
            said = read(where[0] + "/vm/times") if where else ""
            self.seen.append(f"-- {time.monotonic() - begun:.0f} s; load {os.getloadavg()[0]:.1f}; times: {said.split()}")
            if not where or " " not in read(where[0] + "/status") or "runs" in said:
                continue
            self.look(where[0], "agent" in said)

    def look(self, directory, heard):
        pid = int(read(directory + "/status").split()[1])
        for vmm in [c for c in children(pid) if "qemu" in read(f"/proc/{c}/cmdline")]:
            self.seen += threads(vmm) + ["group: " + throttled(vmm), "console: " + repr(read(directory + "/vm/console")[-600:])]
            if not heard:
                self.seen += guest_state(pid, vmm)

    def end(self):
        self.done.set()
        self.join()
        return self.seen


def boot(app, way, silent):
    """One machine, from nothing to nothing: (facts, why it isn't good or "", what was seen)."""
    watch = Watch(app, way, silent)
    facts, why = {}, ""
    try:
        facts = app.start(way)
        where = app.instances(way)[0]
        lines = [line.split()[0] for line in read(where + "/vm/times").splitlines()]
        if lines != ["vmm", "agent", "runs"]:
            why = "started more than once: " + " ".join(lines)
        elif app.conf(way, "mode") != (["restore"] if way == "template" else []):
            why = "not from a template, or from one"
        facts["load"] = os.getloadavg()[0]
    except (TimeoutError, RuntimeError, KeyError) as error:
        why = str(error)
    seen = watch.end()
    try:
        app.end(way)
    except RuntimeError as error:
        why = why or str(error)
    return facts, why, seen


def summary(way, rows):
    for key, name in (("agent", "agent heard of"), ("agent_cpu", "the same, of processors"), ("runs", "service runs"),
                      ("vmm_reply", "first reply"), ("reply", "from the command to the first reply")):
        values = sorted(row[key] for row in rows if key in row)
        if values:
            print(f"{way:9} {name:36} ms: median {statistics.median(values):7.0f}  least {values[0]:7.0f}  "
                  f"of 100 the 95th {values[int(len(values) * 0.95)]:7.0f}  most {values[-1]:7.0f}")


def run(app, args, rows):
    """How many were booted, and how many of them weren't good; ended early by SIGINT or SIGTERM."""
    ways, bad, n = list(rows), 0, 0
    try:
        while n < args.boots:
            way = ways[n % len(ways)]
            facts, why, seen = boot(app, way, args.silent)
            rows[way].append(facts)
            bad, n = bad + (why != ""), n + 1
            print(f"{time.strftime('%H:%M:%S')} {n} {way}: " + (("BAD: " + why) if why else "good") + "".join(
                f", {key} {facts[key]:.0f}" for key in ("agent", "agent_cpu", "runs", "reply", "load") if key in facts), flush=True)
            if why or len(seen) > 1:
                print("\n".join("    " + line for line in seen), flush=True)
    except KeyboardInterrupt:
        print("ended early")
    for way in ways:
        summary(way, rows[way])
    return n, bad


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--boots", type=int, default=200)
    parser.add_argument("--ways", default="cold,template")
    parser.add_argument("--wcompose", default=os.path.join(TOP, "build", "release", "wcompose"))
    parser.add_argument("--kernels", help="a lib/vm with a kernel in use, to copy (default: the end-to-end tests', or the network)")
    parser.add_argument("--silent", type=float, default=12.0, help="seconds after which a start is looked at, and again")
    parser.add_argument("--port", type=int, default=18570, help="the first of three on loopback")
    args = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("boots.py: run it as root: machines, networks and mounts are made")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where it was started in the background
    rows, done = {way: [] for way in args.ways.split(",")}, (0, 1)
    app = App(args.wcompose, args.port)
    try:
        app.prepare(args.kernels)
        print(f"kernel {read(app.root + '/lib/vm/kernel-in-use').strip()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}", flush=True)
        for way in rows:  # what is made once: the image's disk, the template
            app.start(way)
            app.end(way)
        done = run(app, args, rows)
    finally:
        app.close()
    print(f"{done[0] - done[1]} of {done[0]} good, load {os.getloadavg()[0]:.1f} at the end")
    return 1 if done[1] else 0


if __name__ == "__main__":
    sys.exit(main())
