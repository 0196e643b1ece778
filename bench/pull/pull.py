#!/usr/bin/env python3
"""pull.py - from an image in a registry to files that a container can run from, cold; and what a second pull costs.

  pull.py --work DIR --layout DIR... [--rounds N] [--on disk|tmpfs] [--only wcompose,docker,…]

One docker-registry on the loopback has the images. wcompose image pull, podman pull, docker pull (a dockerd of its own),
skopeo copy + umoci unpack, and the floor (../unpack/floor.c: fetches, hashes, inflates, hashes and writes, with one thread
and with two, checks nothing and keeps no blobs) take turns, each with an empty store on the same file system. Medians of
wall and processor time, the latter without the registry's; ratios within a round; peak memory of the largest process.
"""
import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

from unpack import add, layers_of, measure

PORT = 5000
REGISTRY = f"127.0.0.1:{PORT}"
TICKS = os.sysconf("SC_CLK_TCK")


def wait_for(question, what, seconds=30.0):
    end = time.monotonic() + seconds
    while not question():
        if time.monotonic() > end:
            sys.exit("waited for " + what)
        time.sleep(0.05)


class Registry:
    def __init__(self, work):
        self.log = os.path.join(work, "registry.log")
        config = os.path.join(work, "registry.yml")
        with open(config, "w", encoding="utf-8") as file:
            json.dump({"version": 0.1, "log": {"level": "error", "accesslog": {"disabled": False}},
                       "storage": {"filesystem": {"rootdirectory": os.path.join(work, "registry")}},
                       "http": {"addr": REGISTRY}}, file)
        with open(self.log, "wb") as out:
            self.process = subprocess.Popen(["docker-registry", "serve", config], stdout=out, stderr=out)
        wait_for(self.listens, "the registry")

    def listens(self):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", PORT)) == 0

    def put(self, layout):
        with open(os.path.join(layout, "index.json"), encoding="utf-8") as file:
            tag = json.load(file)["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"]
        name = f"{os.path.basename(layout).lower()}:1"
        measure(["skopeo", "copy", "-q", "--dest-tls-verify=false", f"oci:{layout}:{tag}", f"docker://{REGISTRY}/{name}"])
        return name

    def requests(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            lines = [line.split('"') for line in file]
        return [parts[1].rsplit(" ", 1)[0] for parts in lines if len(parts) > 2 and parts[1].startswith(("GET", "HEAD"))]


class Daemon:
    """A dockerd and its containerd with an empty store."""

    def __init__(self, work):
        self.socket = f"unix://{work}/docker.sock"
        with open(os.path.join(work, "dockerd.log"), "wb") as out:
            self.process = subprocess.Popen(
                ["dockerd", "--data-root", work + "/data", "--exec-root", work + "/exec", "--pidfile", work + "/pid", "--iptables=false",
                 "--bridge=none", "--insecure-registry", REGISTRY, "-H", self.socket], stdout=out, stderr=out)
        wait_for(lambda: subprocess.run(["docker", "-H", self.socket, "version"], capture_output=True,
                                        check=False).returncode == 0, f"dockerd ({work}/dockerd.log)")

    def pids(self):
        """The daemon and what it started."""
        found, grown = {self.process.pid}, True
        while grown:
            grown = False
            for pid in (int(name) for name in os.listdir("/proc") if name.isdigit()):
                if pid not in found and self.stat(pid)[1] in found:
                    found.add(pid)
                    grown = True
        return found

    @staticmethod
    def stat(pid):
        """Processor seconds with those of ended children, and the parent."""
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            return sum(int(n) for n in fields[11:15]) / TICKS, int(fields[1])
        except OSError:
            return 0.0, 0

    @staticmethod
    def peak(pid):
        try:
            with open(f"/proc/{pid}/status", encoding="utf-8") as file:
                lines = [line.split() for line in file]
            return next((int(line[1]) / 1024 for line in lines if line[0] == "VmHWM:"), 0.0)
        except OSError:
            return 0.0

    def pull(self, name):
        pids = self.pids()
        before = sum(self.stat(pid)[0] for pid in pids)
        wall, cpu, peak = measure(["docker", "-H", self.socket, "pull", "-q", name])
        cpu += sum(self.stat(pid)[0] for pid in pids) - before
        return wall, cpu, max([peak, *(self.peak(pid) for pid in pids)])

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Round:
    """Each tool once, on an image, in a directory of its own."""

    def __init__(self, args, registry, layout, name, work):
        self.args, self.registry, self.layout, self.name, self.work = args, registry, layout, name, work
        self.whole = f"{REGISTRY}/{name}"

    def floor(self, threads):
        place = f":{PORT}/v2/{self.name.split(':')[0]}/blobs/sha256:"
        return measure([os.path.join(self.args.work, "floor"), place, self.work, str(threads), *layers_of(self.layout)])

    def wcompose(self):
        environment = dict(os.environ, WCOMPOSE_ROOT=os.path.join(self.work, "w"))
        command = [os.environ["WCOMPOSE"], "image", "pull", "-q", self.whole]
        first = measure(command, environment)
        before = len(self.registry.requests())
        self.again = measure(command, environment)
        asked = self.registry.requests()[before:]
        if asked != [f"HEAD /v2/{self.name.replace(':', '/manifests/')}"]:
            sys.exit(f"a second pull of the same tag asked for {asked}")
        return first

    def podman(self):
        base = ["podman", "--root", self.work + "/p", "--runroot", self.work + "/r", "--storage-driver", "overlay"]
        try:
            return measure([*base, "pull", "-q", "--tls-verify=false", self.whole])
        finally:
            subprocess.run(["umount", self.work + "/p/overlay"], check=False, capture_output=True)

    def docker(self):
        daemon = Daemon(self.work)
        try:
            return daemon.pull(self.whole)
        finally:
            daemon.stop()

    def umoci(self):
        copy = f"{self.work}/copy:1"
        return add(measure(["skopeo", "copy", "-q", "--src-tls-verify=false", "docker://" + self.whole, "oci:" + copy]),
                   measure(["umoci", "unpack", "--image", copy, self.work + "/u"]))


def tools(args):
    found = {"floor, 1 thread": lambda r: r.floor(1), "floor, 2 threads": lambda r: r.floor(2), "wcompose": Round.wcompose}
    for name, call, programs in (("podman", Round.podman, ["podman"]), ("docker", Round.docker, ["dockerd", "docker"]),
                                 ("skopeo + umoci", Round.umoci, ["skopeo", "umoci"])):
        missing = [program for program in programs if shutil.which(program) is None]
        if missing:
            print(f"left out: {name}: {', '.join(missing)} not installed")
        else:
            found[name] = call
    if args.only:
        found = {name: call for name, call in found.items() if any(part in name for part in args.only.split(","))}
    return found


def print_rows(times, title):
    print(f"\n{title}\n\n| | wall s | CPU s | peak MiB | wall / wcompose | CPU / wcompose |\n|---|---|---|---|---|---|")
    ours = times["wcompose"]
    for name, rows in times.items():
        wall, cpu, peak = (statistics.median(r[i] for r in rows) for i in range(3))
        ratio = [statistics.median(r[i] / o[i] for r, o in zip(rows, ours)) for i in range(2)]
        print(f"| {name} | {wall:.2f} | {cpu:.2f} | {peak:.0f} | {ratio[0]:.2f} | {ratio[1]:.2f} |")
    peers = [statistics.median(r[0] / o[0] for r, o in zip(rows, ours)) for name, rows in times.items()
             if name != "wcompose" and not name.startswith("floor")]
    floors = [rows for name, rows in times.items() if name.startswith("floor")]
    if peers:
        print(f"\nfastest peer / wcompose: {min(peers):.2f} (aim: 2 or more)")
    if floors:
        best = statistics.median(o[0] / min(f[i][0] for f in floors) for i, o in enumerate(ours))
        print(f"wcompose / floor: {best:.2f} (aim: 1.3 or less)")


def run(args, registry, layout):
    name, times, again = registry.put(layout), {}, []
    for number in range(args.rounds):
        calls = list(tools(args).items())
        calls = calls[number % len(calls):] + calls[:number % len(calls)]  # nobody is always first
        for tool, call in calls:
            work = tempfile.mkdtemp(prefix="", dir=args.stores)
            try:
                once = Round(args, registry, layout, name, work)
                times.setdefault(tool, []).append(call(once))
                print(f"{number + 1}: {tool}: {times[tool][-1][0]:.2f} s", file=sys.stderr, flush=True)
                if tool == "wcompose":
                    again.append(once.again)
            finally:
                subprocess.run(["sync", "-f", work], check=False)
                shutil.rmtree(work, ignore_errors=True)
    order = [tool for tool in tools(args) if tool in times]
    print_rows({tool: times[tool] for tool in order},
               f"{os.path.basename(layout)}: {len(layers_of(layout))} layers, {args.rounds} rounds on {args.on}, load {os.getloadavg()[0]:.0f}, medians")
    print(f"second pull of the same tag: one request, no blob; {statistics.median(a[0] for a in again):.3f} s")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", required=True)
    parser.add_argument("--layout", action="append", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--on", choices=("disk", "tmpfs"), default="tmpfs")
    parser.add_argument("--only")
    args = parser.parse_args()
    args.stores = os.path.join(args.work, "s")
    os.makedirs(args.stores)
    if args.on == "tmpfs":
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6g,mode=0700", "wc-bench", args.stores], check=True)
    registry = Registry(args.work)
    try:
        for layout in args.layout:
            run(args, registry, layout)
    finally:
        registry.process.terminate()
        registry.process.wait()


if __name__ == "__main__":
    main()
