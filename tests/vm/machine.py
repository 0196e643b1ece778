"""machine.py - boots wcompose-guest in a QEMU microVM and speaks its protocol (docs/vm-protocol.md).

For tests and measurements of the agent alone: no keeper, no monitor. Machine() packs an initramfs from a
kernel package's modules, starts QEMU (TCG) and reads frames; everything lies below one directory.
"""

import collections
import json
import os
import select
import socket
import struct
import subprocess
import time

# Types of frames, as in drivers/hyperv/protocol.h.
(CONF, FILE, LINKS, ENTROPY, CLOCK, BEGIN, SIGNAL, RUN, CONNECT, LOOK, INPUT, INPUT_END, SIZE, MORE, CLOSE, PING,
 POWER_OFF) = range(1, 18)
HELLO, RUNS, FAILED, OUTPUT, ENDED, TAKEN, PONG, NOTIFY, SAYS = range(64, 73)
NAMES = {HELLO: "HELLO", RUNS: "RUNS", FAILED: "FAILED", OUTPUT: "OUTPUT", ENDED: "ENDED", TAKEN: "TAKEN", PONG: "PONG",
         NOTIFY: "NOTIFY", SAYS: "SAYS"}
WINDOW = 65536
VERSION = 2  # WC_VM_VERSION

Ended = collections.namedtuple("Ended", "code signal oom why")


class Gone(Exception):
    """The channel ended."""


def records(**pairs):
    """key=value records; a list is repeated, None left out."""
    out = b""
    for key, value in pairs.items():
        for each in value if isinstance(value, list) else [value]:
            if each is not None:
                out += key.encode() + b"=" + (each if isinstance(each, bytes) else str(each).encode()) + b"\0"
    return out


def newc(entries):
    """A cpio archive (newc) of (name, mode, bytes)."""
    out = bytearray()
    for number, (name, mode, data) in enumerate(entries + [("TRAILER!!!", 0, b"")]):
        raw = name.encode() + b"\0"
        head = "070701" + "".join("%08X" % v for v in (number + 1, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(raw), 0))
        out += head.encode() + raw
        out += b"\0" * (-len(out) % 4) + data
        out += b"\0" * (-len(out) % 4)
    return bytes(out)


def initramfs(path, programs, kernel):
    """programs: the folder with wcompose-guest and wcompose-join. kernel: a folder of `wcompose vm kernel`."""
    entries = [("bin", 0o40755, b""), ("dev", 0o40755, b""), ("lib", 0o40755, b"")]
    with open(os.path.join(kernel, "meta"), encoding="utf-8") as f:
        modules = json.load(f).get("modules", [])
    for module in modules:
        with open(os.path.join(kernel, "modules", module), "rb") as f:
            entries.append(("lib/" + module, 0o100644, f.read()))
    entries.append(("modules", 0o100644, "".join("/lib/%s\n" % m for m in modules).encode()))
    for name, program in (("init", "wcompose-guest"), ("bin/wcompose-join", "wcompose-join")):
        with open(os.path.join(programs, program), "rb") as f:
            entries.append((name, 0o100755, f.read()))
    with open(path, "wb") as f:
        f.write(newc(entries))


def tsc_khz():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as f:
        for line in f:
            if line.startswith("cpu MHz"):
                return int(float(line.split(":")[1]) * 1000)
    return 0


class Machine:
    def __init__(self, folder, kernel, initrd, image, scratch=None, memory=128, extra=(), append="", smp=1, port="wcompose.agent", machine=""):
        self.log = os.path.join(folder, "console.log")
        ours, theirs = socket.socketpair()
        theirs.set_inheritable(True)
        args = ["qemu-system-x86_64", "-M", "microvm,rtc=on" + machine, "-m", str(memory), "-smp", str(smp), "-nodefaults", "-no-user-config",
                "-display", "none", "-no-reboot", "-global", "virtio-mmio.force-legacy=off", "-accel", "tcg,tb-size=32",
                "-kernel", kernel, "-initrd", initrd, "-serial", "file:" + self.log,
                "-append", "console=ttyS0 quiet tsc_early_khz=%d tsc=reliable reboot=t panic=-1 rdinit=/init %s" % (tsc_khz(), append),
                "-chardev", "socket,id=agent,fd=%d" % theirs.fileno(),
                "-device", "virtio-serial-device", "-device", "virtserialport,chardev=agent,name=" + port,
                "-drive", "if=none,id=image,format=raw,readonly=on,file=" + image, "-device", "virtio-blk-device,drive=image"]
        if scratch:
            args += ["-drive", "if=none,id=scratch,format=raw,file=" + scratch, "-device", "virtio-blk-device,drive=scratch"]
        self.began = time.monotonic()
        self.qemu = subprocess.Popen(args + list(extra), pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
        theirs.close()
        self.sock = ours
        self.buf = bytearray()
        self.out = collections.defaultdict(bytearray)
        self.said = []
        self.times = {}
        self.grant = True

    def send(self, kind, data=b"", stream=0):
        self.sock.sendall(struct.pack("<IBBH", len(data), kind, 0, stream) + data)

    def frame(self, timeout=120):
        """The next frame: (type, stream, payload). Output is collected and granted again."""
        until = time.monotonic() + timeout
        while True:
            if len(self.buf) >= 8:
                size, kind, zero, stream = struct.unpack_from("<IBBH", self.buf)
                assert zero == 0 and size <= 65536, self.buf[:16]
                if len(self.buf) >= 8 + size:
                    data = bytes(self.buf[8:8 + size])
                    del self.buf[:8 + size]
                    self.note(kind, stream, data)
                    return kind, stream, data
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.sock], [], [], left)[0]:
                raise TimeoutError("no frame; console:\n" + self.console())
            try:
                more = self.sock.recv(1 << 20)
            except ConnectionResetError:
                more = b""
            if not more:
                raise Gone(self.console())
            self.buf += more

    def note(self, kind, stream, data):
        if NAMES.get(kind) not in self.times:
            self.times[NAMES.get(kind)] = (time.monotonic() - self.began, self.cpu())
        if kind == OUTPUT:
            self.out[stream, data[0]] += data[1:]
            if self.grant:
                self.send(MORE, struct.pack("<I", len(data) - 1), stream)
        elif kind in (SAYS, FAILED):
            self.said.append(data.decode(errors="replace"))

    def until(self, kind, stream=None, timeout=180):
        stop = time.monotonic() + timeout
        while True:
            got = self.frame(max(0.1, stop - time.monotonic()))
            if got[0] == kind and stream in (None, got[1]):
                return got[2]
            if got[0] == FAILED and kind != FAILED:
                raise AssertionError("FAILED: " + got[2].decode())

    def hello(self):
        data = self.until(HELLO, timeout=300)
        assert struct.unpack_from("<I", data)[0] == VERSION
        return data[4:].decode()

    def begin(self, conf, files=(), links=b""):
        self.send(ENTROPY, os.urandom(64))
        self.send(CLOCK, struct.pack("<q", time.time_ns()))
        for at in range(0, len(conf), 65536):
            self.send(CONF, conf[at:at + 65536])
        for number, data in enumerate(files):
            for at in range(0, max(1, len(data)), 65536):
                self.send(FILE, data[at:at + 65536], number)
        if links:
            self.send(LINKS, links)
        self.send(BEGIN)

    def ended(self, stream=0, timeout=180):
        data = self.until(ENDED, stream, timeout)
        return Ended(data[0], data[1], data[2], data[4:].decode(errors="replace"))

    def run(self, stream, *argv, timeout=180, stdin=None, **options):
        """A program beside the service: (Ended, stdout, stderr)."""
        self.out[stream, 1], self.out[stream, 2] = bytearray(), bytearray()
        self.send(RUN, records(arg=list(argv), input="1" if stdin is not None else None, **options), stream)
        if stdin is not None:
            self.send(INPUT, stdin, stream)
            self.send(INPUT_END, b"", stream)
        end = self.ended(stream, timeout)
        return end, bytes(self.out[stream, 1]), bytes(self.out[stream, 2])

    def off(self, timeout=120):
        """Powers off; the exit status of QEMU."""
        self.send(POWER_OFF)
        try:
            while True:
                self.frame(timeout)
        except Gone:
            pass
        return self.qemu.wait(timeout)

    def cpu(self):
        """Seconds of processor time that QEMU took: what a busy host doesn't blur."""
        with open("/proc/%d/stat" % self.qemu.pid, encoding="ascii", errors="replace") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def console(self):
        try:
            with open(self.log, encoding="utf-8", errors="replace") as f:
                return f.read()
        except OSError:
            return ""

    def close(self):
        self.sock.close()
        if self.qemu.poll() is None:
            self.qemu.kill()
        self.qemu.wait()
