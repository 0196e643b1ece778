#!/usr/bin/env python3
"""recovery.py - from the SIGKILL of a container's program to the program that runs in its place.

    recovery.py --tools a.json,b.json --n 10 --kills 20

The tools take turns, an app of N services with "restart: always" each. Services are killed one after the other, so that
each has run for more than ten seconds when its turn comes: a first failure is what is measured, not a backoff. The
time is taken from outside, by looking for the new process in /proc.
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


def one_tool(tool, args, log):
    project = f"b{os.getpid() % 10000}"
    times = []
    with tempfile.TemporaryDirectory(prefix="wcbench") as folder:
        file = os.path.join(folder, "compose.yml")
        with open(file, "w", encoding="ascii") as out:
            out.write(compose_text(args.n, tool["image"], project))
        run(tool, "up", file, project, log)
        time.sleep(WELL_SECONDS)
        for number in range(args.kills):
            alive = payload(project)
            index = number % args.n
            times.append(recovery_ms(project, {index: alive[index]}) if index in alive else None)
            time.sleep(WELL_SECONDS / args.n)
        run(tool, "down", file, project, log)
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tools", required=True, help="JSON files, the one to compare with first")
    parser.add_argument("--n", type=int, default=10, help="services")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--log", default=os.devnull, help="what the tools print")
    args = parser.parse_args()
    tools, base, failed = load_tools(args.tools), None, False
    print("| tool | kills | not recovered | fastest ms | median ms | 9 of 10 ms | slowest ms |")
    print("|---|---|---|---|---|---|---|")
    with open(args.log, "a", encoding="utf-8") as log:
        for tool in tools:
            times = one_tool(tool, args, log)
            good = sorted(t for t in times if t is not None)
            failed = failed or (base is None and len(good) < len(times))
            middle = median(times)
            base = base or middle
            if not good:
                print(f"| {tool['name']} | {len(times)} | {len(times)} | | | | |", flush=True)
                continue
            ninth = good[min(len(good) * 9 // 10, len(good) - 1)]
            note = "" if tool is tools[0] else f" ({middle / base:.1f}x)"
            print(f"| {tool['name']} | {len(times)} | {len(times) - len(good)} | {good[0]:,.1f} | {middle:,.1f}{note} | "
                  f"{ninth:,.1f} | {good[-1]:,.1f} |", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
