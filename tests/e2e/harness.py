"""harness.py - one end-to-end case: a directory, a project, the real binary, and eyes from outside.

A case is a function case_<name>(t). It runs as root in network, mount and process namespaces of its own, with
WCOMPOSE_ROOT on a tmpfs, so that cases can't meet each other nor the machine's own apps. After it, nothing of
it may be left: links, rules, mounts, cgroups, processes, files.
"""
import hashlib
import http.client
import json
import os
import signal
import re
import subprocess
import textwrap
import time
import urllib.error
import urllib.request

import fixture

OWN_ADDRESS = "192.0.2.1"


class Skip(Exception):
    """The machine lacks something; the text says what."""


class Result:
    def __init__(self, arguments, code, out, err):
        self.arguments, self.code, self.out, self.err = arguments, code, out, err

    def __str__(self):
        text = "$ wcompose " + " ".join(self.arguments) + f"   -> {self.code}\n"
        return text + textwrap.indent(self.out[-3000:], "  | ") + textwrap.indent(self.err[-3000:], "  ! ")

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def rows(self):
        """Standard output as one JSON object a line, or one JSON array."""
        text = self.out.strip()
        return json.loads(text) if text.startswith("[") else [json.loads(line) for line in text.splitlines()]


def command(*arguments, check=True, **options):
    return subprocess.run(arguments, check=check, capture_output=True, text=True, **options)


def read(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


def token_of(root):
    return "wcompose-" + hashlib.sha256((root + "/run").encode()).hexdigest()[:8]


def is_runtime(pid):
    """A process of an instance that has not executed the instance's program yet."""
    try:
        return re.search("crun|runc", os.readlink(f"/proc/{pid}/exe")) is not None
    except OSError:
        return False  # it has ended


class Case:
    def __init__(self, name, base, binary):
        self.name, self.base, self.binary = name, base, binary
        # Control groups are the whole machine's: somebody else's run of the same case has another name.
        self.project = "e2e" + name.replace("_", "")[:20] + hashlib.sha256(base.encode()).hexdigest()[:4]
        self.root, self.dir = os.path.join(base, "root"), os.path.join(base, self.project)
        os.makedirs(self.dir)
        self.history, self.children = [], []
        self.environment = {key: os.environ[key] for key in ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS") if key in os.environ}
        self.environment.update(WCOMPOSE_ROOT=self.root, HOME="/root", LANG="C.UTF-8")

    @property
    def token(self):
        """What the cgroups of this root are called (drivers/process): the host has one tree for all."""
        return token_of(self.root)

    # ---- doing ----

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.dir, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(textwrap.dedent(text).lstrip("\n"))
        os.chmod(path, mode)
        return path

    def compose(self, text, name="compose.yaml"):
        return self.write(name, text)

    def wc(self, *arguments, code=0, stdin="", timeout=60, env=None, online=False):
        """Runs wcompose to its end.

        code    the exit status that is expected, None = any
        online  in the machine's own network, as far as it has one (downloads)
        """
        environment = dict(self.environment, **(env or {}))
        before, keep = [], []
        if online:
            outside = os.environ["WCOMPOSE_E2E_OUTSIDE"]
            before, keep = ["nsenter", "--net=/proc/self/fd/" + outside], [int(outside)]
        done = subprocess.run([*before, self.binary, *arguments], cwd=self.dir, env=environment, input=stdin, pass_fds=keep,
                              capture_output=True, text=True, timeout=timeout, check=False, errors="replace")
        result = Result(arguments, done.returncode, done.stdout, done.stderr)
        if self.history and self.history[-1].split("\n")[0].split("   ->")[0] == str(result).split("\n")[0].split("   ->")[0]:
            self.history.pop()  # the same question again
        self.history.append(str(result))
        if code is not None:
            assert done.returncode == code, f"exit status {done.returncode}, expected {code}\n{result}"
        assert "\033" not in done.stdout + done.stderr, f"escape bytes without a terminal\n{result}"
        return result

    def start(self, *arguments, **options):
        """Starts wcompose and returns the process; killed at the end of the case."""
        settings = dict(cwd=self.dir, env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                        stderr=subprocess.STDOUT, text=True)
        settings.update(options)
        process = subprocess.Popen([self.binary, *arguments], **settings)
        self.children.append(process)
        self.history.append("$ wcompose " + " ".join(arguments) + " &")
        return process

    def load_image(self, name="bb:1", **extra):
        archive = os.path.join(self.base, "image.tar")
        fixture.docker_archive(archive, name, **extra)
        self.wc("image", "load", "docker-archive:" + archive)
        os.unlink(archive)

    def http(self, url, timeout=2):
        try:
            with urllib.request.urlopen(url, timeout=timeout) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def get(self, url, seconds=60):
        """The body, as soon as there is one."""
        return self.until(lambda: self.http(url)[1], f"an answer from {url}", seconds)

    def refused(self, url):
        try:
            self.http(url, timeout=1)
        except (http.client.HTTPException, OSError):
            return True
        return False

    def until(self, question, what, seconds=60.0):
        """Asks until the answer is true; errors of the network, and files that aren't (wholly) there, count as not yet.

        The limit is for what never comes: a promise about time has an assertion of its own."""
        end, last = time.monotonic() + seconds, None
        while True:
            try:
                answer = question()
                if answer:
                    return answer
            except (http.client.HTTPException, OSError, ValueError, LookupError) as error:
                last = error
            assert time.monotonic() < end, f"waited {seconds} s for {what}" + (f"; last: {last}" if last else "")
            time.sleep(0.02)

    # ---- seeing ----

    def ps(self, *arguments):
        return self.wc("ps", "-a", "--format", "json", *arguments).rows

    def row(self, service, index=1):
        rows = [r for r in self.ps() if r["Service"] == service and r["Index"] == index]
        assert len(rows) == 1, f"{len(rows)} rows of {service}: {rows}"
        return rows[0]

    def pid(self, service, index=1):
        """The first process of an instance, as the host sees it; it is checked to be one.

        An instance runs when its runtime was told to go on. What /proc says is the runtime's until that has executed the
        program, which may be a moment later."""
        pid = self.row(service, index)["Pid"]
        assert pid > 0 and os.path.exists(f"/proc/{pid}"), f"{service} has no process ({pid})"
        self.until(lambda: not is_runtime(pid), f"the program of {service}")
        return pid

    def status(self, pid):
        """/proc/PID/status as a dict."""
        return dict(line.split(":\t", 1) for line in read(f"/proc/{pid}/status").splitlines() if ":\t" in line)

    def cgroup_file(self, pid, names):
        """The content of the first file that exists, of {v1 controller: file} and {"": v2 file}."""
        for line in read(f"/proc/{pid}/cgroup").splitlines():
            _, controllers, path = line.split(":", 2)
            for controller, file in names.items():
                if controller not in controllers.split(","):
                    continue
                mounts = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"] if controller == "" else \
                    ["/sys/fs/cgroup/" + controllers, "/sys/fs/cgroup/" + controller]
                for mount in mounts:
                    full = f"{mount}{path}/{file}"
                    if os.path.exists(full):
                        return read(full).strip()
        raise AssertionError(f"no cgroup file of {names} for process {pid}:\n{read(f'/proc/{pid}/cgroup')}")

    def run_inside(self, service, *arguments, code=0, **options):
        return self.wc("exec", "-T", service, *arguments, code=code, **options)

    # ---- what is left ----

    def things(self):
        """Everything that a project may leave behind, as a dict of sorted lists."""
        links = [link["ifname"] for link in json.loads(command("ip", "-j", "link").stdout)]
        mounts = [line.split()[4] for line in read("/proc/self/mountinfo").splitlines()]
        groups = [here for here, _, _ in os.walk("/sys/fs/cgroup") if self.project in here or self.token in here]
        own = {os.getpid(), os.getppid()} | {child.pid for child in self.children}
        processes = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            if int(pid) in own or int(pid) == 1:
                continue
            try:
                line = read(f"/proc/{pid}/cmdline").replace("\0", " ").strip()
                state = read(f"/proc/{pid}/stat").rsplit(")", 1)[1].split()[0]
            except OSError:
                continue
            if line and state != "Z":
                processes.append(line)
        files = []
        for part in ("run", "lib"):
            for here, directories, names in os.walk(os.path.join(self.root, part)):
                if here == os.path.join(self.root, "lib"):
                    directories[:] = [d for d in directories if d != "images"]
                files += [os.path.join(here, n) for n in names if not self.is_of_host(here, n)]
                files += [os.path.join(here, d) for d in directories if os.path.islink(os.path.join(here, d))]
        return {"links": sorted(links), "rules": command("nft", "list", "ruleset").stdout.split("\n"),
                "mounts": sorted(mounts), "cgroups": sorted(groups), "processes": sorted(processes),
                "files": sorted(files)}

    def is_of_host(self, here, name):
        """What belongs to no project: empty locks (removing one is a race), the cache of compiled filters, guest
        kernels and disks of images, what was learnt of the accelerator."""
        path = os.path.join(here, name)
        is_lock = (name == "lock" or name.endswith(".lock")) and "/projects/" not in path and os.path.getsize(path) == 0
        return is_lock or re.search(r"/lib/seccomp/[0-9a-f]+\.bpf$|/lib/vm/|/run/vm-accel", path) is not None

    def left(self, before):
        """What is there now and was not before."""
        now, more = self.things(), []
        for kind, items in now.items():
            rest = list(before[kind])
            for item in items:
                if item in rest:
                    rest.remove(item)
                elif item.strip():
                    more.append(f"{kind}: {item}")
        return more

    def nothing_left(self, before, allowed=(), seconds=30.0):
        """Asserts it; processes that are about to end get a moment."""
        end = time.monotonic() + seconds
        while True:
            more = [m for m in self.left(before) if not any(re.search(a, m) for a in allowed)]
            if not more:
                return
            assert time.monotonic() < end, "left behind:\n  " + "\n  ".join(more)
            time.sleep(0.05)

    def end(self):
        for child in self.children:
            if child.poll() is None:
                child.kill()
            child.wait()
            if child.stdout is not None:
                child.stdout.close()
        self.thaw()

    def thaw(self):
        """What is paused can't be killed: a case that failed meanwhile would never go. The supervisor would pause it again."""
        for pid in filter(str.isdigit, os.listdir("/proc")):  # the case's own: it has a pid namespace
            try:
                if read(f"/proc/{pid}/comm").strip() == "wcompose-super":
                    os.kill(int(pid), signal.SIGKILL)
            except OSError:
                pass
        for here, _, names in os.walk("/sys/fs/cgroup"):
            if self.token in here:
                for name, word in (("freezer.state", "THAWED"), ("cgroup.freeze", "0")):
                    if name in names:
                        with open(os.path.join(here, name), "w", encoding="ascii") as file:
                            file.write(word)
