"""seeking.py - where a secret may have got to: what is planted, in which shapes it is looked for, and where.

Each secret holds a marker, random letters and digits that are nowhere else in the world, and characters around it that have to be
escaped wherever they are written. Markers begin with the same letters, so that a file without them is passed over quickly. What is
compressed in a file is looked through as well (compressed.py).
"""
import base64
import mmap
import os
import re
import secrets
import stat
import subprocess

import compressed
import harness
import steps

RUN = "Zq" + secrets.token_hex(4)  # the beginning of all markers of this run


def marker():
    return RUN + secrets.token_hex(3)


def shapes(text):
    """A word as it may stand in other words: as it is (in JSON and URLs too: it has nothing to escape), in hex, in base64 at each
    of its three places, with each character escaped."""
    found = {text, text.hex().encode(), text.hex().upper().encode()}
    for before, skip in ((0, 0), (1, 2), (2, 3)):
        whole = base64.b64encode(b"\0" * before + text)
        part = whole[skip:(before + len(text)) * 8 // 6]
        found |= {part, part.translate(bytes.maketrans(b"+/", b"-_"))}
    for form in ("%%%02x", "%%%02X", "\\u%04x", "\\u%04X", "\\x%02x", "\\%03o"):
        found.add("".join(form % byte for byte in text).encode())
    return found


class Planted:
    """The secrets of a run, by name; each is looked for by what is unique in it."""

    def __init__(self):
        self.texts, self.cores, self.extra = {}, {}, set()

    def make(self, name, form="{}"):
        """A new one; returns the whole text."""
        core = marker()
        self.cores[name], self.texts[name] = shapes(core.encode()), form.format(core)
        return self.texts[name]

    def add(self, name, *cores):
        """One that somebody else has made, with no marker in it."""
        self.cores[name] = set().union(*(shapes(core) for core in cores))
        self.extra |= self.cores[name]

    def first(self):
        return shapes(RUN.encode()) | self.extra

    def among(self, data):
        """The names of those that are in it."""
        if not any(data.find(shape) >= 0 for shape in self.first()):
            return set()
        return {name for name, cores in self.cores.items() if any(data.find(core) >= 0 for core in cores)}


def age_identity(planted, path):
    """Makes one, and plants it: the text, and the 32 bytes that it stands for."""
    made = subprocess.run(["python3", "-c", "import make, os; scalar = os.urandom(32)\n"
                           "print(make.bech32('age-secret-key-', scalar).upper()); print(scalar.hex())"],
                          cwd=os.path.join(steps.HERE, "..", "sops"), capture_output=True, text=True, check=False)
    if "ModuleNotFoundError" in made.stderr:
        raise harness.Skip("python3-cryptography is not installed")
    assert made.returncode == 0, made.stderr
    text, scalar = made.stdout.split()
    with open(path, "w", encoding="ascii") as f:
        f.write("# made for a case\n" + text + "\n")
    os.chmod(path, 0o600)
    body = text.rsplit("1", 1)[1].encode()
    planted.add("age key", body, body.lower(), bytes.fromhex(scalar))


def ssh_seed(planted, path):
    """Plants an ed25519 key of OpenSSH's: its lines, and the 32 bytes that are the key."""
    lines = harness.read(path).split("\n")[1:-2]
    with open(path + ".pub", encoding="ascii") as f:
        public = base64.b64decode(f.read().split()[1])[-32:]
    blob = base64.b64decode("".join(lines))
    at = blob.rindex(public)
    planted.add("ssh key", blob[at - 32:at], *(line.encode() for line in lines[2:-1]))  # the first two are what each key has


# ---- programs ----

class Programs:
    """Every program that this process, or what it starts, executes from now on: the kernel tells the tracer of each."""

    def __init__(self, t):
        self.path = os.path.join(t.base, "programs")
        self.process = subprocess.Popen([steps.build(t), "--programs", self.path, "--attach", str(os.getpid())])
        t.children.append(self.process)
        t.until(lambda: harness.read(self.path).startswith("attached"), "a tracer", 20)

    def end(self):
        """Returns what was executed: a list of (when, cgroups, program, arguments, environment)."""
        self.process.terminate()
        self.process.wait()
        with open(self.path, "rb") as f:
            data = f.read()
        os.unlink(self.path)
        found, at = [], data.index(b"\n") + 1
        while at < len(data):
            line_end = data.find(b"\n", at)
            if line_end < 0:
                break
            when, _, *lengths = data[at:line_end].split()
            at, parts = line_end + 1, []
            for length in map(int, lengths):
                parts.append(data[at:at + length])
                at += length
            found.append((when.decode(), parts[0].decode(), parts[1].decode(), parts[2], parts[3]))
        return found


# ---- files ----

def changed(since):
    """Every regular file of all mounted file systems whose content or inode changed since a file was made."""
    # names only: what is read is opened here
    found = subprocess.run(["find", "/", "(", "-path", "/proc", "-o", "-path", "/sys", ")", "-prune", "-o", "-type", "f",
                            "(", "-newer", since, "-o", "-cnewer", since, ")", "-print0"], capture_output=True, check=False)
    return [os.fsdecode(path) for path in found.stdout.split(b"\0") if path]


def within(path, planted, most=1 << 40):
    """The names of what is in a file, compressed or not; nothing of one that has gone, or is larger than `most`."""
    try:
        with open(path, "rb") as f:
            if not 0 < os.fstat(f.fileno()).st_size <= most:
                return set()
            with mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as data:
                found = planted.among(data)
                for content in compressed.contents(data):
                    found |= planted.among(content)
        return found | planted.among(compressed.pack(path))
    except (OSError, ValueError):
        return set()


ELSEWHERE = 16 << 20  # others build their programs on this machine meanwhile


def holding(planted, since, base):
    """Files that changed since then and hold a secret: {path: names}. Returns them, and how many were looked at: all below `base`,
    and elsewhere those of up to 16 MiB."""
    paths = changed(since)
    found = {path: names for path in paths if (names := within(path, planted, 1 << 40 if path.startswith(base + "/") else ELSEWHERE))}
    return found, len(paths)


def opened(planted):
    """The same of files without a name that somebody has open: memory files, removed ones. {"program: target": names}"""
    found, looked = {}, 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            descriptors = os.listdir(f"/proc/{pid}/fd")
        except OSError:
            continue
        for fd in descriptors:
            path = f"/proc/{pid}/fd/{fd}"
            try:
                target = os.readlink(path)
                if not re.search(r"^/memfd:| \(deleted\)$", target) or not stat.S_ISREG(os.stat(path).st_mode):
                    continue
                looked += 1
                if names := within(path, planted):
                    found[f"{harness.read(f'/proc/{pid}/comm').strip()}: {target}"] = names
            except OSError:
                pass
    return found, looked


def is_for_others(path, top):
    """Whether somebody but the owner may read a file, as far as what is below `top` decides."""
    parts = os.path.relpath(path, top).split("/")
    if os.stat(path).st_mode & 0o044 == 0:
        return False
    return all(os.stat(os.path.join(top, *parts[:n])).st_mode & 0o011 for n in range(1, len(parts)))
