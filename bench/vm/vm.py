#!/usr/bin/env python3
"""vm.py - what a kernel of one's own costs: starts, memory, ten at once, and `hyperv` beside `process`.

    vm.py --rounds 12 --parts start,memory,many,cost

Everything is measured against something of the same run: a machine's start against bare QEMU with the same kernel,
the same machine line (read from what wcompose gave its monitor) and an init that does nothing; a service in a machine
against the same service in a container. Ways take turns, so that a busy spell of the host meets all of them; figures
are medians. Where there is no KVM, QEMU translates (TCG): said in the first line.
"""
import argparse
import os
import re
import signal
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TOP, "tests", "vm"))
from app import MEMORY_MIB, PATIENCE, WAYS, App, median, read, until  # noqa: E402
from machine import newc  # noqa: E402


TRANSLATED_MIB = 32  # drivers/hyperv/qemu.c: tb-size
KINDS = ("guest", "code that was translated", "heap", "programs and libraries", "stacks", "other")


def cpu_clock(pid):
    """clock_getcpuclockid(3)."""
    return (~pid << 3) | 2


class Bare:
    """QEMU with the kernel and the line of a machine of ours, an init that does nothing, no disk's content, no network."""

    def __init__(self, app):
        kernel = os.path.realpath(app.root + "/lib/vm/kernels/" + read(app.root + "/lib/vm/kernel-in-use").strip())
        self.folder = app.folder
        init = os.path.join(app.folder, "init")
        subprocess.run(["cc", "-static", "-O2", "-o", init, os.path.join(HERE, "init.c")], check=True)
        with open(init, "rb") as file:
            archive = newc([("init", 0o100755, file.read())])
        with open(init + ".cpio", "wb") as file:
            file.write(archive)
        self.group = self.make_group(app)
        self.line = self.of_line(app.conf("cold", "vmm"), os.path.join(kernel, "vmlinuz"), init + ".cpio")

    @staticmethod
    def make_group(app):
        """A control group beside wcompose's, with a machine's share of the processors: among a busy host's other processes a
        bare QEMU would have less than a machine has."""
        pid = read(app.instances("cold")[0] + "/status").split()[1]
        for line in read(f"/proc/{pid}/cgroup").split("\n")[:-1]:
            _, controllers, path = line.split(":", 2)
            mount = "/sys/fs/cgroup/" + controllers if controllers else "/sys/fs/cgroup"
            if "cpu" not in controllers.split(",") and not os.path.exists(mount + path + "/cpu.max"):
                continue
            group = mount + "/wcbench-bare"  # not below ours: what is empty there is removed
            os.makedirs(group, exist_ok=True)
            for name in ("cpu.shares", "cpu.cfs_period_us", "cpu.cfs_quota_us", "cpu.weight", "cpu.max"):
                value = read(mount + path + "/" + name)
                if value and os.path.exists(group + "/" + name):
                    with open(group + "/" + name, "w", encoding="ascii") as file:
                        file.write(value)
            return group
        return None

    @staticmethod
    def of_line(line, kernel, initrd):
        out = []
        for word in line:
            word = word.replace("/boot/kernel", kernel).replace("/boot/initramfs", initrd)
            word = re.sub(r"format=raw.*file=/disks/\w+", "driver=null-co,size=1G,read-zeroes=on", word)
            out.append(re.sub(r"^tap,id=(\w+),fd=\d+", r"hubport,id=\1,hubid=0", word))
        return out

    def start(self):
        """Milliseconds from QEMU's start to the init's word, and those of processors that it used."""
        pairs = [socket.socketpair() for _ in range(3)]

        def hand_over():
            for (_, theirs), number in zip(pairs, (100, 101, 102)):
                os.dup2(theirs.fileno(), number)
                os.set_inheritable(number, True)
            if self.group:
                with open(self.group + "/cgroup.procs", "w", encoding="ascii") as file:
                    file.write("0")

        begun = time.monotonic()
        qemu = subprocess.Popen(self.line, preexec_fn=hand_over, close_fds=False, stdin=subprocess.DEVNULL,  # pylint: disable=subprocess-popen-preexec-fn
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        console, said = pairs[2][0], b""
        console.settimeout(PATIENCE)
        try:
            while b"up" not in said:
                said += console.recv(4096)
            return (time.monotonic() - begun) * 1000, time.clock_gettime(cpu_clock(qemu.pid)) * 1000
        finally:
            qemu.kill()
            qemu.wait()
            for pair in pairs:
                for end in pair:
                    end.close()


    def close(self):
        if self.group:
            until(lambda: not read(self.group + "/cgroup.procs"), "empty group", 5)
            os.rmdir(self.group)


def table(head, rows):
    print("\n| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|")
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |", flush=True)


def part_start(app, args):
    app.start("cold")  # makes what is made once: the image's disk
    bare = Bare(app)
    app.end("cold")
    app.start("template")  # and the template
    app.end("template")
    facts = {way: [] for way in WAYS}
    floor = []
    for _ in range(args.rounds):
        floor.append(bare.start())
        for way in WAYS:
            facts[way].append(app.start(way))
            app.end(way)
    bare.close()
    base, base_cpu = median(f[0] for f in floor), median(f[1] for f in floor)
    of = {way: {key: median(f[key] for f in facts[way]) for key in facts[way][0]} for way in WAYS}
    table(["from QEMU's start, ms (of processors)", "agent ready", "beside bare", "service runs", "first reply"],
          [["bare QEMU, an init that does nothing", f"{base:,.0f} ({base_cpu:,.0f})", "", "", ""]] +
          [[way, f"{of[way]['agent']:,.0f} ({of[way]['agent_cpu']:,.0f})",
            f"{of[way]['agent'] / base:.2f} ({of[way]['agent_cpu'] / base_cpu:.2f})",
            f"{of[way]['runs']:,.0f} ({of[way]['runs_cpu']:,.0f})", f"{of[way]['vmm_reply']:,.0f}"] for way in ("cold", "template")])
    table(["from the command, ms", "QEMU starts", "first reply", "beside a container"],
          [[way, f"{of[way].get('to_vmm', 0):,.0f}" if way != "process" else "",
            f"{of[way]['reply']:,.0f} (least {min(f['reply'] for f in facts[way]):,.0f})",
            f"{of[way]['reply'] / of['process']['reply']:.1f}x"] for way in WAYS])
    cold, template = of["cold"], of["template"]
    print(f"\nagent ready, cold / bare: {cold['agent'] / base:.2f}, of processors {cold['agent_cpu'] / base_cpu:.2f} (aim: at most "
          f"1.15); template / cold: {template['agent'] / cold['agent']:.2f}, of processors "
          f"{template['agent_cpu'] / cold['agent_cpu']:.2f} (aim: at most 0.15); {args.rounds} starts of each, none failed", flush=True)


def children(pid):
    return [int(c) for c in read(f"/proc/{pid}/task/{pid}/children").split()]


def kind_of(words, size):
    """What a mapping of QEMU's is, by its line in smaps."""
    name = words[5] if len(words) > 5 else ""
    if size == MEMORY_MIB << 20:
        return "guest"
    if name == "[heap]":
        return "heap"
    if name.startswith("[stack") or (not name and size == 8 << 20):
        return "stacks"
    if name.startswith("/") and not name.startswith(("/memfd", "/dev")):
        return "programs and libraries"
    return "code that was translated" if "x" in words[1] or size == TRANSLATED_MIB << 20 else "other"


def memory_of(pid):
    """PSS in MiB of a process by kind, and of all of it."""
    kinds, kind = {"all": 0}, ""
    for line in read(f"/proc/{pid}/smaps").split("\n"):
        found = re.match(r"([0-9a-f]+)-([0-9a-f]+) ", line)
        if found:
            kind = kind_of(line.split(), int(found.group(2), 16) - int(found.group(1), 16))
        elif line.startswith("Pss:"):
            kinds[kind] = kinds.get(kind, 0) + int(line.split()[1]) / 1024
            kinds["all"] += int(line.split()[1]) / 1024
    return kinds


def machine_memory(directory):
    monitor = int(read(directory + "/status").split()[1])
    sums = {}
    for pid in [monitor] + children(monitor):
        for kind, value in memory_of(pid).items():
            sums[kind] = sums.get(kind, 0) + value
    return sums


def part_memory(app, args):
    rows = []
    for way, name in (("many-cold", "cold"), ("many", "from a template")):
        for n in (1, args.n):
            app.wc("up", "-d", "--no-deps", "--scale", f"{way}={n}", way)
            until(lambda n=n, way=way: app.is_running(way, n), "machines that run")
            time.sleep(args.rest)
            all_of = [machine_memory(d) for d in app.instances(way)]
            of = {kind: median(m.get(kind, 0) for m in all_of) for kind in ("all",) + KINDS}
            rows.append([f"{name}, {n} at a time", f"{of['all']:.0f}", f"{of['all'] - of['guest']:.0f}"] + [f"{of[kind]:.1f}" for kind in KINDS])
        app.wc("up", "-d", "--no-deps", "--scale", f"{way}=0", way)
    table([f"PSS of QEMU and monitor at rest, MiB a machine of {MEMORY_MIB} MiB", "all", "over the guest's"] + list(KINDS), rows)


def part_many(app, args):
    rows = []
    for way, name in (("many-cold", "cold"), ("many", "from a template")):
        app.wc("up", "-d", "--no-deps", "--scale", f"{way}=1", way)
        app.wc("up", "-d", "--no-deps", "--scale", f"{way}=0", way)
        spans = {}
        for n in (1, args.n):
            took = []
            for _ in range(args.many_rounds):
                begun = time.monotonic()
                command = app.begin("up", "-d", "--no-deps", "--scale", f"{way}={n}", way)
                until(lambda n=n, way=way: app.is_running(way, n), "machines that run", PATIENCE * 2)
                took.append(time.monotonic() - begun)
                command.wait()
                app.wc("up", "-d", "--no-deps", "--scale", f"{way}=0", way)
            spans[n] = median(took)
        rows.append([name, f"{spans[1]:.2f}", f"{spans[args.n]:.2f}", f"{spans[args.n] / spans[1]:.1f}x"])
    table(["from the command until all services run, s", "1", str(args.n), "ratio"], rows)


def latency(app, way, n):
    """Milliseconds a request, each on a connection of its own."""
    took = []
    for _ in range(n):
        begun = time.monotonic()
        if app.replies(way):
            took.append((time.monotonic() - begun) * 1000)
    return median(took)


def seconds_of(app, way, line):
    """Seconds that a line takes inside, by the clock inside: the start of the shell isn't part of it."""
    text = app.wc("exec", "-T", way, "sh", "-c", f"time -p sh -c '{line}' 2>&1", output=True)
    return float(re.search(r"real +([0-9.]+)", text).group(1))


def part_cost(app, args):
    ways = ("process", "template")
    facts = {way: {"request": [], "exec": [], "again": [], "disk": [], "image": []} for way in ways}
    for way in ways:
        app.start(way)
        app.wc("exec", "-T", way, "sh", "-c", "dd if=/dev/urandom of=/root/big bs=1M count=64 2>/dev/null; sync")
        if way != "process":  # its kernel's own cache goes; the host's stays, as the container's does
            app.wc("exec", "-T", "--privileged", way, "sh", "-c", "mkdir -p /p; mount -t proc p /p; sync; echo 3 > /p/sys/vm/drop_caches")
        facts[way]["disk"].append(seconds_of(app, way, "cat /root/big > /dev/null"))
    for _ in range(args.rounds):
        for way in ways:
            facts[way]["request"].append(latency(app, way, args.requests))
            facts[way]["again"].append(seconds_of(app, way, "cat /root/big > /dev/null"))
            begun = time.monotonic()
            app.wc("exec", "-T", way, "true")
            facts[way]["exec"].append((time.monotonic() - begun) * 1000)
            if way != "process":
                app.wc("exec", "-T", "--privileged", way, "sh", "-c", "echo 3 > /p/sys/vm/drop_caches")
            facts[way]["disk"].append(seconds_of(app, way, "cat /root/big > /dev/null"))
    rows = []
    for key, name in (("request", "one HTTP request from the host, ms"), ("exec", "wcompose exec true, ms"),
                      ("disk", "64 MiB of a file, first read, s"), ("again", "64 MiB of a file, from its kernel's cache, s")):
        a, b = median(facts["process"][key]), median(facts["template"][key])
        rows.append([name, f"{a:.2f}", f"{b:.2f}", f"{b / a:.1f}x" if a else "-"])
    table(["the same service", "process", "hyperv", "ratio"], rows)
    for way in ways:
        app.end(way)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wcompose", default=os.path.join(TOP, "build", "release", "wcompose"))
    parser.add_argument("--kernels", help="a lib/vm with a kernel in use, to copy (default: build/release/e2e-vm, or the network)")
    parser.add_argument("--parts", default="start,memory,many,cost")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--many-rounds", type=int, default=3)
    parser.add_argument("--n", type=int, default=10, help="machines at once")
    parser.add_argument("--requests", type=int, default=50, help="a round")
    parser.add_argument("--rest", type=float, default=5.0, help="seconds before memory is looked at")
    parser.add_argument("--port", type=int, default=18470, help="the first of three on loopback")
    args = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("vm.py: run it as root: containers, networks and mounts are made")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was made is removed then, too
    app = App(args.wcompose, args.port)
    try:
        app.prepare(args.kernels)
        works = re.search(r"hyperv +✔ +KVM", app.wc("doctor", output=True))
        print(f"{'KVM' if works else 'TCG (no KVM here: QEMU translates)'}; kernel {read(app.root + '/lib/vm/kernel-in-use').strip()}; {os.cpu_count()} processors, "
              f"load {os.getloadavg()[0]:.1f} at the begin", flush=True)
        for part in args.parts.split(","):
            {"start": part_start, "memory": part_memory, "many": part_many, "cost": part_cost}[part](app, args)
        print(f"\nload {os.getloadavg()[0]:.1f} at the end")
    finally:
        app.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
