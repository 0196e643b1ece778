#!/usr/bin/env python3
"""recovery.py - from the SIGKILL of a container's program to the program that runs in its place.

    recovery.py --tools a.json,b.json --n 10 --kills 20

Each tool has an app of N services with "restart: always"; all run at a time, and the tools take turns, so that a busy
spell of the machine meets all of them. Services are killed one after the other, so that each has run for more than ten
seconds when its turn comes: a first failure is what is measured, not a backoff. The time is taken from outside, by
looking for the new process in /proc.
"""
import argparse
import json
import os
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "peers"))
from measure import load_tools, median, payload, recovery_ms, run  # noqa: E402

WELL_SECONDS = 11  # after which a program counts as having run well, here and in dockerd


def compose_text(n, image, project):
    return json.dumps({"services": {f"s{i}": {"image": image, "command": ["/bin/svc", f"mark-{project}-{i}-"],
                                              "restart": "always"} for i in range(n)}}, indent=1)


class App:
    """One tool's services, from its begin to its end."""

    def __init__(self, tool, number, args, log):
        self.tool, self.log, self.times = tool, log, []
        self.project = f"b{os.getpid() % 10000}t{number}"
        self.folder = tempfile.TemporaryDirectory(prefix="wcbench")
        self.file = os.path.join(self.folder.name, "compose.yml")
        with open(self.file, "w", encoding="ascii") as out:
            out.write(compose_text(args.n, tool["image"], self.project))

    def run(self, verb):
        run(self.tool, verb, self.file, self.project, self.log)

    def kill(self, index):
        alive = payload(self.project)
        self.times.append(recovery_ms(self.project, {index: alive[index]}) if index in alive else None)

    def row(self, base):
        good = sorted(t for t in self.times if t is not None)
        lost = len(self.times) - len(good)
        if not good:
            return f"| {self.tool['name']} | {len(self.times)} | {lost} | | | | |"
        ninth, middle = good[min(len(good) * 9 // 10, len(good) - 1)], median(good)
        note = "" if self is base or not median(base.times) else f" ({middle / median(base.times):.1f}x)"
        return (f"| {self.tool['name']} | {len(self.times)} | {lost} | {good[0]:,.1f} | {middle:,.1f}{note} | "
                f"{ninth:,.1f} | {good[-1]:,.1f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tools", required=True, help="JSON files, the one to compare with first")
    parser.add_argument("--n", type=int, default=10, help="services")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--log", default=os.devnull, help="what the tools print")
    args = parser.parse_args()
    with open(args.log, "a", encoding="utf-8") as log:
        apps = [App(tool, number, args, log) for number, tool in enumerate(load_tools(args.tools))]
        for app in apps:
            app.run("up")
        time.sleep(WELL_SECONDS)
        for number in range(args.kills):
            begun = time.monotonic()
            for app in apps:
                app.kill(number % args.n)
            time.sleep(max(0.0, WELL_SECONDS / args.n - (time.monotonic() - begun)))
        for app in apps:
            app.run("down")
            app.folder.cleanup()
    print("| tool | kills | not recovered | fastest ms | median ms | 9 of 10 ms | slowest ms |")
    print("|---|---|---|---|---|---|---|")
    for app in apps:
        print(app.row(apps[0]))
    return 1 if None in apps[0].times else 0


if __name__ == "__main__":
    sys.exit(main())
