"""app.py - one project whose services are machines and containers, started and ended one at a time: for bench/vm and for
the tests' long mode (boots.py). Everything lies below a directory of its own.
"""
import glob
import http.client
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "e2e"))
import fixture  # noqa: E402

MEMORY_MIB = 128
PATIENCE = 180.0
WAYS = ("cold", "template", "process")


def median(values):
    values = [v for v in values if v is not None]
    return statistics.median(values) if values else float("nan")


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read().decode(errors="replace")
    except OSError:
        return ""


def until(question, what, seconds=PATIENCE, every=0.002):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = question()
        if answer:
            return answer
        time.sleep(every)
    raise TimeoutError(f"no {what} within {seconds:.0f} s")


class App:
    """One project with a service for each way, all of them the same web server; started one at a time."""

    def __init__(self, wcompose, first_port):
        self.wcompose = os.path.abspath(wcompose)
        self.folder = tempfile.mkdtemp(prefix="wcbench-vm-")
        self.root = os.path.join(self.folder, "root")
        self.name = f"wcb{os.getpid()}"
        self.first_port = first_port
        self.log = open(os.path.join(self.folder, "log"), "w", encoding="utf-8")  # pylint: disable=consider-using-with
        self.environment = dict(os.environ, WCOMPOSE_ROOT=self.root)

    def prepare(self, kernels=None):
        """kernels: a lib/vm with a kernel in use; without, the end-to-end tests' is taken, or one is fetched."""
        cache = os.path.join(os.path.dirname(self.wcompose), "e2e-vm", "lib", "vm")
        kernels = kernels or (cache if os.path.exists(cache + "/kernel-in-use") else None)
        os.makedirs(self.root + "/lib")
        if kernels:
            shutil.copytree(kernels, self.root + "/lib/vm", ignore=shutil.ignore_patterns("templates", "images", "build"))
        else:
            self.wc("vm", "kernel", "install")
        archive = os.path.join(self.folder, "image.tar")
        fixture.docker_archive(archive, "wcbench:vm")
        self.wc("image", "load", "docker-archive:" + archive)
        os.unlink(archive)
        usual = {"image": "wcbench:vm", "command": ["/bin/serve"], "mem_limit": f"{MEMORY_MIB}m", "cpus": 1, "stop_grace_period": "2s"}
        hyperv = dict(usual, isolation="hyperv")
        services = {"cold": dict(hyperv, **{"x-wcompose": {"vm": {"template": False}}}), "template": hyperv, "process": usual}
        for number, way in enumerate(WAYS):
            services[way] = dict(services[way], ports=[f"127.0.0.1:{self.first_port + number}:80"])
        services["many"], services["many-cold"] = hyperv, dict(services["cold"])
        del services["many-cold"]["ports"]
        with open(os.path.join(self.folder, "compose.yaml"), "w", encoding="utf-8") as file:
            json.dump({"name": self.name, "services": services}, file)

    def port(self, way):
        return self.first_port + WAYS.index(way)

    def begin(self, *words):
        return subprocess.Popen([self.wcompose, *words], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
                                stdout=self.log, stderr=self.log)

    def wc(self, *words, output=False):
        done = subprocess.run([self.wcompose, *words], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=self.log, text=True, check=False)
        if done.returncode != 0:
            self.log.flush()
            raise RuntimeError(f"wcompose {' '.join(words)}: exit {done.returncode}\n" + read(self.folder + "/log")[-2000:])
        return done.stdout if output else None

    def instances(self, way):
        """Run directories of a service's instances."""
        return glob.glob(f"{self.root}/run/projects/{self.name}/instances/{self.name}-{way}-[0-9]*")

    def is_running(self, way, n=1):
        return sum(read(d + "/status").startswith("running ") for d in self.instances(way)) == n

    def times(self, way):
        """When things came to pass (CLOCK_MONOTONIC) and what QEMU had used of processors by then, seconds; {} for a
        container."""
        lines = [line.split() for line in read(self.instances(way)[0] + "/vm/times").split("\n") if line]
        return {what: (int(at) / 1000, int(used) / 1000) for what, at, used in lines}

    def conf(self, way, key):
        records = read(self.instances(way)[0] + "/vm/conf").split("\0")
        return [r[len(key) + 1:] for r in records if r.startswith(key + "=")]

    def replies(self, way):
        try:
            answer = http.client.HTTPConnection("127.0.0.1", self.port(way), timeout=5)
            answer.request("GET", "/")
            return answer.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False

    def start(self, way):
        """A new instance. Returns facts in milliseconds since the command was given, and since QEMU was started.

        Nothing is sent to it before its program runs: the host would ask for its address in vain, and again only after
        a second."""
        begun = time.monotonic()
        command = self.begin("up", "-d", "--no-deps", "--scale", f"{way}=1", way)
        until(lambda: self.is_running(way), f"{way} that runs")
        until(lambda: self.replies(way), f"reply of {way}")
        replied = time.monotonic()
        if command.wait(PATIENCE) != 0:
            raise RuntimeError(f"up {way}: exit {command.returncode}")
        facts = {"reply": replied - begun}
        times = self.times(way)
        if times:
            start = times["vmm"][0]
            facts.update(to_vmm=start - begun, agent=times["agent"][0] - start, runs=times["runs"][0] - start,
                         vmm_reply=replied - start, agent_cpu=times["agent"][1], runs_cpu=times["runs"][1])
        return {key: value * 1000 for key, value in facts.items()}

    def end(self, way):
        self.wc("up", "-d", "--no-deps", "--scale", f"{way}=0", way)

    def close(self):
        try:
            self.wc("down", "-v")
        except RuntimeError as error:
            print(error, file=sys.stderr)
            return
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)
