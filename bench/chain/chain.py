#!/usr/bin/env python3
"""chain.py - ten services, each of which waits until the one before is healthy: how long until the last one runs.

    chain.py --tools a.json,b.json --n 10 --interval 1 --runs 3

Every program is ready at once, so all of the time is the tools' own, and their checks'. The check is the same for all
(a program that looks for a file); with "probe", for wcompose, it is asked from outside. Taken from the begin of
`up -d` to its end, or until all programs are alive.
"""
import argparse
import json
import os
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "peers"))
from measure import load_tools, median, payload, run  # noqa: E402

LAST_SECONDS = 300


def compose_text(case, n, interval, image, project):
    services = {}
    for i in range(n):
        service = {"image": image, "command": ["/bin/svc", f"mark-{project}-{i}-"]}
        if case == "probe":
            service["x-wcompose"] = {"probe": {"file": "/ready", "interval": f"{interval}s"}}
        else:
            service["healthcheck"] = {"test": ["CMD", "/bin/svc", "-h"], "interval": f"{interval}s"}
        if i > 0:
            service["depends_on"] = {f"s{i - 1}": {"condition": "service_healthy"}}
        services[f"s{i}"] = service
    return json.dumps({"services": services}, indent=1)


def one_round(tool, case, number, args, log):
    """Seconds of one `up -d`, or None when it failed."""
    project = f"b{os.getpid() % 10000}{case[0]}{number}"
    with tempfile.TemporaryDirectory(prefix="wcbench") as folder:
        file = os.path.join(folder, "compose.yml")
        with open(file, "w", encoding="ascii") as out:
            out.write(compose_text(case, args.n, args.interval, tool["image"], project))
        begun = time.monotonic()
        _, _, status = run(tool, "up", file, project, log)
        while len(payload(project)) < args.n and time.monotonic() - begun < LAST_SECONDS:
            time.sleep(0.0003)  # the last one is started, but may not have come to execute its program yet
        seconds = time.monotonic() - begun
        run(tool, "down", file, project, log)
    return seconds if status == 0 and seconds < LAST_SECONDS else None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tools", required=True, help="JSON files, wcompose first")
    parser.add_argument("--n", type=int, default=10)
    parser.add_argument("--interval", type=int, default=1, help="seconds between two checks")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--log", default=os.devnull, help="what the tools print")
    args = parser.parse_args()
    tools = load_tools(args.tools)
    cases = [(tool, "command") for tool in tools] + [(tools[0], "probe")]
    times = {(tool["name"], case): [] for tool, case in cases}
    with open(args.log, "a", encoding="utf-8") as log:
        for number in range(args.runs):
            for tool, case in cases:
                times[tool["name"], case].append(one_round(tool, case, number, args, log))
    base = median(times[tools[0]["name"], "command"])
    print(f"\nA chain of {args.n}, checks every {args.interval} s\n\n| tool | check | runs | failed | median s | slowest s |\n|---|---|---|---|---|---|")
    for (name, case), seconds in times.items():
        good = [s for s in seconds if s is not None]
        middle = median(seconds)
        shown = "" if middle is None else f"{middle:.2f} ({middle / base:.1f}x) | {max(good):.2f}" if base else f"{middle:.2f} | "
        print(f"| {name} | {case} | {len(seconds)} | {len(seconds) - len(good)} | {shown} |")
    return 1 if None in times[tools[0]["name"], "command"] else 0


if __name__ == "__main__":
    sys.exit(main())
