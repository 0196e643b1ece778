#!/usr/bin/env python3
"""unpack.py - from an image in an OCI layout to files that a container can run from.

  unpack.py WCOMPOSE FLOOR [--layout DIR]… [--rounds N] [--registry HOST:PORT]

wcompose image load, beside `skopeo copy` to a layout of its own followed by `umoci unpack`, `podman load`
where podman is installed, and the floor (floor.c) with one thread and with two. Each on a root of its own
on the same file system, in turns; medians of processor and wall time, ratios within a round, peak memory.
--registry: the images are put there by skopeo, and what is timed is `wcompose image pull` and `podman pull`.
"""
import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time


def measure(argv, env=None):
    """Wall seconds, processor seconds, peak MiB of one command and its children."""
    begin, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(argv, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(argv)}: {said.decode()}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.monotonic() - begin, cpu, usage.ru_maxrss / 1024


def layers_of(layout):
    def read(digest):
        with open(os.path.join(layout, "blobs/sha256", digest[7:])) as file:
            return json.load(file)
    with open(os.path.join(layout, "index.json")) as file:
        manifest = read(json.load(file)["manifests"][0]["digest"])
    return [layer["digest"][7:] for layer in manifest["layers"]]


def add(*runs):
    return sum(r[0] for r in runs), sum(r[1] for r in runs), max(r[2] for r in runs)


class Tools:
    def __init__(self, args, layout, work):
        self.args, self.layout, self.work = args, layout, work
        with open(os.path.join(layout, "index.json")) as file:
            notes = json.load(file)["manifests"][0]["annotations"]
        self.tag = notes["org.opencontainers.image.ref.name"]

    def floor(self, threads):
        return measure([self.args.floor, os.path.join(self.layout, "blobs/sha256"), os.path.join(self.work, "f"),
                        str(threads), *layers_of(self.layout)])

    def wcompose(self):
        return measure([self.args.wcompose, "image", "load", "oci:" + self.layout],
                       dict(os.environ, WCOMPOSE_ROOT=os.path.join(self.work, "w")))

    def umoci(self):
        copy = os.path.join(self.work, "copy")
        return add(measure(["skopeo", "copy", "-q", f"oci:{self.layout}:{self.tag}", f"oci:{copy}:{self.tag}"]),
                   measure(["umoci", "unpack", "--image", f"{copy}:{self.tag}", os.path.join(self.work, "u")]))

    def podman_base(self):
        return ["podman", "--root", os.path.join(self.work, "p"), "--runroot", os.path.join(self.work, "pr"),
                "--storage-driver", "overlay"]

    def podman(self):
        return measure([*self.podman_base(), "pull", "-q", f"oci:{self.layout}:{self.tag}"])

    def put(self):
        self.name = f"{self.args.registry}/bench/{os.path.basename(self.layout).lower()}:1"
        measure(["skopeo", "copy", "-q", "--dest-tls-verify=false", f"oci:{self.layout}:{self.tag}",
                 "docker://" + self.name])

    def pull_wcompose(self):
        return measure([self.args.wcompose, "image", "pull", "--insecure-registry", self.args.registry, self.name],
                       dict(os.environ, WCOMPOSE_ROOT=os.path.join(self.work, "w")))

    def pull_podman(self):
        return measure([*self.podman_base(), "pull", "-q", "--tls-verify=false", self.name])

    def rows(self):
        rows = [("floor, 1 thread", lambda: self.floor(1)), ("floor, 2 threads", lambda: self.floor(2))]
        if self.args.registry:
            self.put()
            rows.append(("wcompose image pull", self.pull_wcompose))
        else:
            rows.append(("wcompose image load", self.wcompose))
            if shutil.which("umoci") and shutil.which("skopeo"):
                rows.append(("skopeo copy + umoci unpack", self.umoci))
        if shutil.which("podman"):
            rows.append(("podman pull", self.pull_podman if self.args.registry else self.podman))
        return rows


def run(args, layout):
    times = {}
    for _ in range(args.rounds):
        work = tempfile.mkdtemp(prefix="", dir=args.work)
        try:
            for name, call in Tools(args, layout, work).rows():
                times.setdefault(name, []).append(call())
        finally:
            subprocess.run(["umount", work + "/p/overlay"], check=False, capture_output=True)  # podman leaves it
            shutil.rmtree(work)
    print(f"\n{layout}: {len(layers_of(layout))} layers, {args.rounds} rounds, medians\n")
    print("| | wall s | CPU s | peak MiB | wall / wcompose | CPU / wcompose |\n|---|---|---|---|---|---|")
    ours = next(t for n, t in times.items() if n.startswith("wcompose"))
    for name, rows in times.items():
        wall, cpu, peak = (statistics.median(r[i] for r in rows) for i in range(3))
        ratio = [statistics.median(r[i] / o[i] for r, o in zip(rows, ours)) for i in range(2)]
        print(f"| {name} | {wall:.2f} | {cpu:.2f} | {peak:.0f} | {ratio[0]:.2f} | {ratio[1]:.2f} |")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("wcompose")
    parser.add_argument("floor")
    parser.add_argument("--layout", action="append", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work", default="/var/tmp")
    parser.add_argument("--registry")
    args = parser.parse_args()
    for layout in args.layout:
        run(args, layout)


if __name__ == "__main__":
    main()
