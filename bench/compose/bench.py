#!/usr/bin/env python3
"""Time compose tools side by side, from outside, the same way whatever the tool.

    bench.py --tools tools/wcompose.json,tools/docker-compose-v2.json --n 1,10,50 --shape chain,star --runs 3

A tool is a JSON file: argument vectors for up, down, ps ({file} and {project} are filled in, $NAME comes from the
environment), the image's name, and patterns for the command lines of the processes that it needs to keep containers
running (run.sh's pid namespace hides all others). "max_n" leaves a tool that takes minutes out of larger cases.
Nothing that a tool prints is believed: payload processes carry a mark in their argv; "up" counts when all N are alive
at its return, "down" when none is, "recovery" when a new process has the mark of the one that was killed.
The tools take turns within each round, so that a busy spell of the machine meets all of them. The last table divides
each tool's median by the first tool's.
"""

import argparse
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time

PHASES = ["up", "noop", "ps", "recovery", "down"]


def compose_text(n, shape, image, project):
    """A Compose file (JSON is YAML) of n services whose dependencies form a chain or a star."""
    services = {}
    for i in range(n):
        service = {"image": image, "command": ["/bin/svc", f"mark-{project}-{i}-"], "restart": "always"}
        parent = {"chain": i - 1, "star": 0}.get(shape)
        if i > 0 and parent is not None:
            service["depends_on"] = [f"s{parent}"]
        services[f"s{i}"] = service
    return json.dumps({"services": services}, indent=1)


def command_line(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def all_pids():
    return {int(name) for name in os.listdir("/proc") if name.isdigit()}


def payload(project):
    """The payload processes by service number."""
    pattern = re.compile(rf"^/bin/svc mark-{project}-(\d+)- ")
    found = {}
    for pid in all_pids():
        match = pattern.match(command_line(pid))
        if match:
            found[int(match.group(1))] = pid
    return found


def helper_pids(tool):
    patterns = [re.compile(text) for text in tool["helpers"]]
    lines = {pid: command_line(pid) for pid in all_pids() if pid != os.getpid()}
    return [pid for pid, line in lines.items() if any(p.search(line) for p in patterns)]


def cpu_ms(pids):
    """Processor time of live processes and their reaped children, in milliseconds."""
    total = 0.0
    for pid in pids:
        try:
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
                    total += int(file.read().split()[0]) / 1e6
            with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            total += (int(fields[13]) + int(fields[14])) * 1000 / os.sysconf("SC_CLK_TCK")
        except OSError:
            pass
    return total


def pss_kib(pids):
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
                total += sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))
        except OSError:
            pass
    return total


def run(tool, verb, file, project, log):
    """Runs one verb. Returns wall ms, the client's CPU ms, and its exit status."""
    argv = [word.format(file=file, project=project) for word in tool[verb]]
    start = time.monotonic()
    process = subprocess.Popen(argv, env=dict(os.environ, **tool["env"]), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    _, status, usage = os.wait4(process.pid, 0)
    wall = (time.monotonic() - start) * 1e3
    process.returncode = os.waitstatus_to_exitcode(status)
    return wall, (usage.ru_utime + usage.ru_stime) * 1e3, process.returncode


def recovery_ms(project, alive):
    """Kills one payload and waits until another process runs in its place."""
    index = sorted(alive)[len(alive) // 2]
    seen = all_pids()
    mark = f"/bin/svc mark-{project}-{index}- "
    start = time.monotonic()
    os.kill(alive[index], signal.SIGKILL)
    while time.monotonic() - start < 15:
        for pid in all_pids() - seen:
            if command_line(pid).startswith(mark):
                return (time.monotonic() - start) * 1e3
        time.sleep(0.0003)
    return None


def one_round(tool, n, shape, number, log):
    """Brings an app up and down once; returns the figures of each phase."""
    project = f"b{os.getpid() % 10000}n{n}{shape[0]}{number}"
    result = {"tool": tool["name"], "n": n, "shape": shape}
    with tempfile.TemporaryDirectory(prefix="wcbench") as folder:
        file = os.path.join(folder, "compose.yml")
        with open(file, "w", encoding="ascii") as out:
            out.write(compose_text(n, shape, tool["image"], project))
        before = cpu_ms(helper_pids(tool))
        result["up"], client, status = run(tool, "up", file, project, log)
        alive = payload(project)
        if status != 0 or len(alive) != n:
            result["failed"] = f"up: status {status}, {len(alive)} of {n} alive"
        helpers = helper_pids(tool)
        result["up_cpu"] = client + cpu_ms(helpers) - before
        result["noop"] = run(tool, "up", file, project, log)[0]
        if payload(project) != alive:
            result["failed"] = "a no-op up changed something"
        result["ps"] = run(tool, "ps", file, project, log)[0]
        result["pss_kib"] = pss_kib(helper_pids(tool))
        if alive:
            result["recovery"] = recovery_ms(project, alive)
        result["down"], _, status = run(tool, "down", file, project, log)
        left = len(payload(project))
        if status != 0 or left != 0:
            result["failed"] = f"down: status {status}, {left} left"
    return result


def median(rows, key):
    values = [row[key] for row in rows if row.get(key) is not None]
    return statistics.median(values) if values else None


def print_tables(results, tools):
    base = tools[0]["name"]
    keys = PHASES + ["up_cpu", "pss_kib"]
    print("\n| N | shape | tool | rounds | up | no-op up | ps | recovery | down | CPU of up | PSS KiB |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    cases = sorted({(row["n"], row["shape"]) for row in results})
    for n, shape in cases:
        reference = None
        for tool in tools:
            rows = [r for r in results if (r["n"], r["shape"], r["tool"]) == (n, shape, tool["name"])]
            if not rows:
                continue
            figures = [median(rows, key) for key in keys]
            cells = ["" if f is None else f"{f:,.1f}" for f in figures]
            if tool["name"] == base:
                reference = figures
            elif reference:
                cells = [c if not c or not r else f"{c} ({f / r:.1f}x)" for c, f, r in zip(cells, figures, reference)]
            failed = sorted({r["failed"] for r in rows if "failed" in r})
            note = f" FAILED: {'; '.join(failed)}" if failed else ""
            print(f"| {n} | {shape} | {tool['name']}{note} | {len(rows)} | " + " | ".join(cells) + " |")
    print(f"\nMilliseconds, medians; in brackets the ratio to {base} in the same run.")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tools", required=True, help="JSON files, the one to compare with first")
    parser.add_argument("--n", default="1,10,50")
    parser.add_argument("--shape", default="chain,star")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--out", help="append each round as a JSON line")
    parser.add_argument("--log", default=os.devnull, help="what the tools print")
    args = parser.parse_args()
    tools = []
    for path in args.tools.split(","):
        with open(path, encoding="utf-8") as file:
            tools.append(json.loads(os.path.expandvars(file.read())))
    results = []
    with open(args.log, "a", encoding="utf-8") as log:
        for n in map(int, args.n.split(",")):
            for shape in args.shape.split(","):
                for number in range(args.runs):
                    for tool in tools:
                        if n > tool.get("max_n", n):
                            continue
                        row = one_round(tool, n, shape, number, log)
                        results.append(row)
                        print(json.dumps(row), file=sys.stderr, flush=True)
                        if args.out:
                            with open(args.out, "a", encoding="utf-8") as out:
                                out.write(json.dumps(row) + "\n")
    print_tables(results, tools)
    return 1 if any("failed" in row and row["tool"] == tools[0]["name"] for row in results) else 0


if __name__ == "__main__":
    sys.exit(main())
