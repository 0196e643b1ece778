#!/usr/bin/env python3
"""run.py - the agent of a virtual machine in a real one: QEMU (TCG), a distribution's kernel, nothing else of ours.

    tests/vm/run.py                       all cases
    tests/vm/run.py service oom           cases by name (or a part of it)
    tests/vm/run.py --boots 200           boots and ends that many machines, one after another
    tests/vm/run.py --kernel DIR          a kernel's folder, as `wcompose vm kernel install` makes it
    tests/vm/run.py --programs DIR        where wcompose-guest and wcompose-join are (build/dev)

Without a kernel, QEMU, mkfs.erofs or a static busybox it says so and ends with status 77.
"""
import argparse
import glob
import hashlib
import os
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
from machine import *  # noqa: E402,F403

MOUNTS = ["/proc\tproc\tproc\tnosuid,noexec,nodev", "/dev\ttmpfs\ttmpfs\tnosuid,strictatime,mode=755,size=65536k",
          "/dev/pts\tdevpts\tdevpts\tnosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5",
          "/sys\tsysfs\tsysfs\tnosuid,noexec,nodev,ro", "/sys/fs/cgroup\tcgroup\tcgroup\tnosuid,noexec,nodev,relatime,ro",
          "/dev/mqueue\tmqueue\tmqueue\tnosuid,noexec,nodev", "/dev/shm\ttmpfs\tshm\tnosuid,noexec,nodev,mode=1777,size=65536k"]
HIDDEN = {"mask": ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"],
          "readonly": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]}
CAPS = "a80425fb"  # Docker's


class Lab:
    """A folder with an initramfs, an image and machines."""

    def __init__(self, kernel, programs):
        self.folder = tempfile.mkdtemp(prefix="wc-vm-")
        self.kernel = kernel
        self.initrd = os.path.join(self.folder, "initramfs")
        initramfs(self.initrd, programs, kernel)
        self.image = os.path.join(self.folder, "image")
        root = os.path.join(self.folder, "root")
        for name in ("bin", "etc", "tmp", "root", "run", "var"):
            os.makedirs(os.path.join(root, name))
        shutil.copy(shutil.which("busybox"), os.path.join(root, "bin", "busybox"))
        for applet in subprocess.check_output(["busybox", "--list"], text=True).split():
            if applet != "busybox":
                os.symlink("busybox", os.path.join(root, "bin", applet))
        for name, text in (("passwd", "root:x:0:0::/root:/bin/sh\nbob:x:1000:1001::/home/bob:/bin/sh\n"),
                           ("group", "root:x:0:\nbobs:x:1001:\nextra:x:1002:alice,bob\n")):
            with open(os.path.join(root, "etc", name), "w", encoding="ascii") as f:
                f.write(text)
        subprocess.run(["mkfs.erofs", self.image, root], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.machines = []

    def scratch(self):
        path = os.path.join(self.folder, "scratch")
        with open(path, "wb") as f:
            f.truncate(64 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", path], check=True)
        return path

    def boot(self, **options):
        folder = os.path.join(self.folder, "m%d" % len(self.machines))
        os.mkdir(folder)
        self.machines.append(Machine(folder, os.path.join(self.kernel, "vmlinuz"), self.initrd, self.image, **options))
        return self.machines[-1]

    def service(self, line, options=None, conf=None, files=()):
        """A machine whose service is a line for sh; it runs."""
        machine = self.boot(**(options or {}))
        machine.hello()
        begin(machine, line, conf, files)
        machine.until(RUNS, 0)
        return machine

    def close(self):
        for machine in self.machines:
            machine.close()
        shutil.rmtree(self.folder)


def begin(machine, line, conf=None, files=(), links=b""):
    settings = {"hostname": "box", "mount": MOUNTS, "arg": ["sh", "-c", line], "env": ["PATH=/bin"], "caps": CAPS, **HIDDEN}
    settings.update(conf or {})
    machine.begin(records(**settings), files, links)


def check(what, got, wanted):
    assert got == wanted, "%s: %r instead of %r" % (what, got, wanted)


def holds(what, text, *parts):
    for part in parts:
        assert part in text, "%s: no %r in %r" % (what, part, text)


FOREVER = "trap 'echo term; exit 9' TERM; echo up; while :; do sleep 0.2; done"


# The same without another process each time, for where there may be no more: a shell that can't fork ends.
PATIENT = "trap 'echo term; exit 9' TERM; echo up; sleep 100000 & while :; do wait; done"


def case_service(lab):
    """Runs, prints, ends; QEMU with it."""
    m = lab.service("echo out; echo err >&2; uname -r; exit 3")
    end = m.ended()
    check("end", end, Ended(3, 0, 0, ""))
    holds("output", m.out[0, 1].decode(), "out\n")
    check("errors", m.out[0, 2], b"err\n")
    check("exit of QEMU", m.off(), 0)
    check("console", [line for line in m.console().splitlines() if "wcompose-guest" in line], [])
    return "; ".join("%s after %.2f s (%.2f s of processor)" % (n, *m.times[n]) for n in ("HELLO", "RUNS", "OUTPUT"))


def case_container(lab):
    """What a container sees."""
    m = lab.service(PATIENT, {"scratch": lab.scratch()},
                    {"scratch": "disk", "pids": 50, "mount": MOUNTS + ["/etc/hosts\tfile\t0\trbind,rprivate"], "file": "0 0 0 644",
                     "sysctl": ["net.ipv4.ip_forward=1", "kernel.shmmni=99"], "nnp": "1", "usual_devices": "1", "rlimit": "7 100 200", "notify": "1"},
                    [b"127.0.0.1 me\n"])
    _, out, err = m.run(1, "sh", "-c", "hostname; cat /etc/hosts /proc/self/cgroup /sys/fs/cgroup/pids.max; ulimit -n; umask; "
                        "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmni; grep -E 'Cap|NoNew' /proc/self/status; "
                        "cat /proc/kcore | wc -c; ls /sys/firmware | wc -l; ls /run/wcompose; cat /proc/1/oom_score_adj; "
                        "test $(cat /sys/fs/cgroup/memory.max) -lt $((128 << 20)) && echo less; date +%s")
    lines = out.decode().splitlines()
    check("facts", lines[:-1], ["box", "127.0.0.1 me", "0::/", "50", "100", "0022", "1", "99", "CapInh:\t0000000000000000",
                                "CapPrm:\t00000000" + CAPS, "CapEff:\t00000000" + CAPS, "CapBnd:\t00000000" + CAPS,
                                "CapAmb:\t0000000000000000", "NoNewPrivs:\t1", "0", "0", "notify", "0", "less"])
    check("errors", err, b"")
    assert abs(int(lines[-1]) - time.time()) < 5, "clock"
    for path in ("/proc/sys/kernel/shmmni", "/proc/sysrq-trigger", "/sys/x", "/sys/fs/cgroup/x"):
        end, _, err = m.run(1, "sh", "-c", "echo 1 > " + path)
        assert end.code != 0 and b"Read-only" in err, (path, err)
    _, out, err = m.run(1, "sh", "-c", "mknod /tmp/vdb b 254 16; mknod /tmp/port c 10 144; mknod /tmp/zero c 1 5; "
                        "for i in vdb port zero; do head -c 1 /tmp/$i | wc -c; done; head -c 1 /dev/vdb")
    check("devices", (out, err.count(b"Operation not permitted")), (b"0\n0\n1\n", 2))
    end, out, _ = m.run(1, "sh", "-c", "for i in $(seq 60); do sleep 20 & done")
    assert end.code != 0, "more processes than pids"
    m.send(SIGNAL, struct.pack("<I", 15))
    check("end", m.ended(), Ended(9, 0, 0, ""))
    check("exit of QEMU", m.off(), 0)


def case_programs(lab):
    m = lab.service("httpd -p 127.0.0.1:80 -h /etc; " + FOREVER)
    check("true", m.run(1, "true")[0], Ended(0, 0, 0, ""))
    check("cat", m.run(2, "cat", stdin=b"abc" * 10000)[1], b"abc" * 10000)
    end, _, err = m.run(3, "no-such")
    check("no such", (end.code, err), (127, b"wcompose-join: run no-such: No such file or directory\n"))
    check("user", m.run(3, "sh", "-c", "id; pwd; echo $X", user="bob", cwd="/tmp", env="X=y")[1],
          b"uid=1000(bob) gid=1001(bobs) groups=1002(extra)\n/tmp\ny\n")
    check("tty", m.run(4, "sh", "-c", "stty size; tty", tty="1", rows=30, cols=101)[1], b"30 101\r\n/dev/pts/0\r\n")
    m.send(RUN, records(arg=["sleep", "100"]), 5)
    m.until(RUNS, 5)
    m.send(SIGNAL, struct.pack("<I", 9), 5)
    check("killed", m.ended(5).code, 137)
    m.send(CONNECT, records(port=80), 6)
    m.until(RUNS, 6)
    m.send(INPUT, b"GET /group HTTP/1.0\r\n\r\n", 6)
    check("connection", m.ended(6).code, 0)
    holds("answer", bytes(m.out[6, 1]), b"extra:x:1002:alice,bob\n")
    for number, record in ((111, {"port": 99}), (2, {"unix": "/tmp/none"})):
        m.send(CONNECT, records(**record), 6)
        check("no connection", m.ended(6).code, number)
    for number, path in ((0, "/etc/passwd"), (2, "/etc/none"), (2, "/own")):
        m.send(LOOK, records(path=path), 7)
        check("look", m.ended(7).code, number)
    check("exit of QEMU", m.off(), 0)


def case_bytes(lab):
    """64 MiB out, 8 MiB in and out, unchanged."""
    m = lab.service(FOREVER)
    began = time.monotonic()
    m.run(1, "sh", "-c", "dd if=/bin/busybox bs=1M 2>/dev/null; dd if=/dev/zero bs=1M count=64 2>/dev/null; echo end >&2")
    took = time.monotonic() - began
    with open(shutil.which("busybox"), "rb") as f:
        wanted = f.read()[:64 << 20] + b"\0" * (64 << 20)
    check("length", len(m.out[1, 1]), len(wanted))
    check("digest", hashlib.sha256(m.out[1, 1]).hexdigest(), hashlib.sha256(wanted).hexdigest())
    check("errors", bytes(m.out[1, 2]), b"end\n")
    m.out.clear()
    m.send(RUN, records(arg="cat", input="1"), 2)
    m.until(RUNS, 2)
    block, left, sent = os.urandom(4096), WINDOW, 0
    while sent < 8 << 20:
        while left >= len(block) and sent < 8 << 20:
            m.send(INPUT, block, 2)
            left, sent = left - len(block), sent + len(block)
        if sent < 8 << 20:
            left += struct.unpack("<I", m.until(TAKEN, 2))[0]
    m.send(INPUT_END, b"", 2)
    m.ended(2)
    assert bytes(m.out[2, 1]) == block * (sent // len(block)), "what came back"
    check("exit of QEMU", m.off(), 0)
    return "%.0f MB/s out" % (len(wanted) / took / 1e6)


def case_hogs(lab):
    """A ping is answered while the service takes all processors and all memory."""
    m = lab.service(FOREVER)
    for i in range(1, 7):
        m.send(RUN, records(arg=["sh", "-c", "while :; do :; done"]), i)
        m.until(RUNS, i)
    m.send(RUN, records(arg=["sh", "-c", "while :; do tail /dev/zero; done"]), 7)
    m.until(RUNS, 7)
    times = []
    for _ in range(50):
        began = time.monotonic()
        m.send(PING, b"12345678")
        check("pong", m.until(PONG), b"12345678")
        times.append((time.monotonic() - began) * 1000)
        time.sleep(0.02)
    for i in range(1, 8):
        m.send(CLOSE, b"", i)
    for _ in range(1, 8):
        m.until(ENDED)
    check("exit of QEMU", m.off(), 0)
    return "ping: median %.2f ms, worst %.2f ms" % (statistics.median(times), max(times))


def case_oom(lab):
    m = lab.service("tail /dev/zero & wait $!; echo $?; exec tail /dev/zero")
    end = m.ended()
    check("end", end, Ended(137, 9, 1, ""))
    check("first", m.out[0, 1], b"137\n")
    check("exit of QEMU", m.off(), 0)


def case_network(lab):
    """A link is set up by messages; the other side is QEMU's own."""
    m = lab.boot(extra=["-netdev", "user,id=n", "-device", "virtio-net-device,netdev=n"])
    m.hello()
    head = "<IHHII"
    link = struct.pack(head + "BBHiII", 32, 16, 5, 1, 0, 0, 0, 0, 2, 1, 1)
    address = struct.pack(head + "BBBBIHH4s", 32, 20, 0x605, 2, 0, 2, 24, 0, 0, 2, 8, 2, bytes((10, 0, 2, 15)))
    begin(m, "ip addr show dev eth0; ping -c 1 -w 5 10.0.2.2 && echo there", {"caps": "a80425fb"}, (), link + address)
    m.until(RUNS, 0)
    check("end", m.ended().code, 0)
    holds("output", m.out[0, 1].decode(), "inet 10.0.2.15/24", "there")
    check("exit of QEMU", m.off(), 0)


def case_disk_stays(lab):
    scratch = lab.scratch()
    for line, wanted in (("echo kept > /root/x; mkdir /q", b""), ("cat /root/x; ls -d /q", b"kept\n/q\n")):
        m = lab.service(line, {"scratch": scratch}, {"scratch": "disk"})
        check("end", m.ended().code, 0)
        check("output", m.out[0, 1], wanted)
        check("exit of QEMU", m.off(), 0)


def case_failures(lab):
    for conf, words in (({"arg": "no-such"}, "run no-such: No such file or directory"), ({"scratch": "disk"}, "/dev/vdb"),
                        ({"colour": "blue"}, "unknown key colour"), ({"shares": "1"}, "shares")):
        m = lab.boot()
        m.hello()
        begin(m, "true", conf)
        holds("reason", m.until(FAILED).decode(), words)
        check("exit of QEMU", m.off(), 0)


def case_host_gone(lab):
    """The channel's end is the machine's."""
    m = lab.service("trap '' TERM; " + FOREVER)
    m.sock.close()
    check("exit of QEMU", m.qemu.wait(120), 0)


def case_broken_host(lab):
    """Frames that break the rules: words on the console and to the host, then the end."""
    m = lab.service(FOREVER)
    m.sock.sendall(b"\xff" * 64)
    try:
        while True:
            m.frame(120)
    except Gone:
        pass
    check("exit of QEMU", m.qemu.wait(120), 0)
    holds("words", " ".join(m.said), "of no type")
    holds("console", m.console(), "wcompose-guest: channel: a frame of no type")


def case_no_port(lab):
    """Without a port of ours: words on the console, then the end. With a kernel without ACPI as well."""
    for machine in ("", ",acpi=off"):
        m = lab.boot(port="other", machine=machine, extra=["-device", "virtserialport,name=third"])
        check("exit of QEMU", m.qemu.wait(300), 0)
        holds("console", m.console(), "wcompose-guest: there is no virtio-serial port named wcompose.agent")


def boots(lab, n):
    times = []
    for i in range(n):
        m = lab.service("echo hi")
        check("end", m.ended().code, 0)
        check("exit of QEMU", m.off(), 0)
        times.append([m.times[name][k] for k in (0, 1) for name in ("HELLO", "RUNS", "OUTPUT")])
        m.close()
        print("%d of %d: OUTPUT after %.2f s" % (i + 1, n, m.times["OUTPUT"][0]), flush=True)
    for k, name in enumerate(("HELLO s", "RUNS s", "OUTPUT s", "HELLO cpu", "RUNS cpu", "OUTPUT cpu")):
        row = sorted(t[k] for t in times)
        print("%-10s median %.2f  least %.2f  most %.2f" % (name, statistics.median(row), row[0], row[-1]))


def find_kernel(given):
    places = [given] if given else sorted(
        glob.glob(os.path.join(TOP, "build/*/e2e-vm/lib/vm/kernels/*")) + glob.glob("/var/lib/wcompose/vm/kernels/*"))
    places = [p for p in places if os.path.exists(os.path.join(p, "meta")) and os.path.exists(os.path.join(p, "vmlinuz"))]
    return places[-1] if places else None


def missing(kernel):
    for program in ("qemu-system-x86_64", "mkfs.erofs", "mkfs.ext4", "busybox"):
        if shutil.which(program) is None:
            return program
    return None if kernel else "a kernel (wcompose vm kernel install)"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("cases", nargs="*")
    parser.add_argument("--kernel")
    parser.add_argument("--programs", default=os.path.join(TOP, "build", "dev"))
    parser.add_argument("--boots", type=int)
    args = parser.parse_args()
    kernel = find_kernel(args.kernel)
    if missing(kernel):
        print("SKIP: no " + missing(kernel))
        return 77
    cases = {n[5:]: f for n, f in globals().items() if n.startswith("case_") and
             (not args.cases or any(part in n for part in args.cases))}
    failed = 0
    if args.boots:
        cases = {"boots": lambda lab: boots(lab, args.boots)}
    for name, case in cases.items():
        lab = Lab(kernel, args.programs)
        began = time.monotonic()
        try:
            words = case(lab) or ""
            print("PASS %-12s %5.1f s  %s" % (name, time.monotonic() - began, words), flush=True)
        except (Exception, KeyboardInterrupt):  # pylint: disable=broad-except
            failed += 1
            print("FAIL %s\n%s" % (name, traceback.format_exc()), flush=True)
            for machine in lab.machines:
                print(machine.said, machine.console())
        finally:
            lab.close()
    print("%d passed, %d failed" % (len(cases) - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
