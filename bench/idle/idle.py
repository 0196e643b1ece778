#!/usr/bin/env python3
"""idle.py - what N services at rest cost those who look after them: processor time, wake-ups, memory.

    idle.py --tools a.json,b.json --n 50 --interval 5 --seconds 30

Cases: no health checks; a check that runs a program (the same for all tools) every --interval seconds; and, for
wcompose, the same question as a probe that needs no program. The processes counted are all that must live for it:
supervisor and keepers; dockerd, containerd and one shim a container; and what they start (the checks themselves).
The window begins when the last service is healthy and has been so for two intervals.
"""
import argparse
import json
import os
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "peers"))
from measure import cpu_ms, helper_pids, load_tools, payload, pss_kib, run, tasks_started, wakeups  # noqa: E402

CASES = ("none", "command", "probe")


def compose_text(case, n, interval, image, project):
    services = {}
    for i in range(n):
        service = {"image": image, "command": ["/bin/svc", f"mark-{project}-{i}-"], "restart": "always"}
        if case == "command":
            service["healthcheck"] = {"test": ["CMD", "/bin/svc", "-h"], "interval": f"{interval}s"}
        elif case == "probe":
            service["x-wcompose"] = {"probe": {"file": "/ready", "interval": f"{interval}s"}}
        services[f"s{i}"] = service
    return json.dumps({"services": services}, indent=1)


def look(pids):
    return time.monotonic(), cpu_ms(pids), wakeups(pids), tasks_started()


def one_case(tool, case, args, log):
    project = f"b{os.getpid() % 10000}{case[0]}"
    row = {"tool": tool["name"], "case": case}
    with tempfile.TemporaryDirectory(prefix="wcbench") as folder:
        file = os.path.join(folder, "compose.yml")
        with open(file, "w", encoding="ascii") as out:
            out.write(compose_text(case, args.n, args.interval, tool["image"], project))
        _, _, status = run(tool, "up", file, project, log)
        time.sleep(2 * args.interval + 2)
        alive = payload(project)
        if status != 0 or len(alive) != args.n:
            row["failed"] = f"up: status {status}, {len(alive)} of {args.n} alive"
        pids = helper_pids(tool)
        before = look(pids)
        time.sleep(args.seconds)
        after = look(pids)
        seconds, cpu, woken, started = (b - a for a, b in zip(before, after))
        row.update(cpu_ms=cpu / seconds, wakeups=woken / seconds, started=started / seconds,
                   pss_kib=pss_kib(pids), processes=len(pids))
        if payload(project) != alive:
            row["failed"] = "something was restarted meanwhile"
        run(tool, "down", file, project, log)
    return row


def ratio(value, base):
    return f" ({value / base:,.1f}x)" if base else ""


def print_table(rows, args):
    print(f"\n{args.n} services, checks every {args.interval} s, {args.seconds} s at rest\n")
    print("| check | tool | CPU ms/s | wake-ups/s | tasks started/s | processes | PSS MiB |")
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        base = next(r for r in rows if r["case"] == ("none" if row["case"] == "none" else "command"))
        parts = [f"{row[key]:,.2f}" + ("" if row is base else ratio(row[key], base[key])) for key in ("cpu_ms", "wakeups")]
        memory = f"{row['pss_kib'] / 1024:,.1f}" + ("" if row is base else ratio(row["pss_kib"], base["pss_kib"]))
        failed = " FAILED: " + row["failed"] if "failed" in row else ""
        print(f"| {row['case']} | {row['tool']}{failed} | {' | '.join(parts)} | {row['started']:,.1f} | {row['processes']} | {memory} |")
    print("\nRatios to the first tool's, with the same check (the probe: to its check by a program). 10 CPU ms/s are 1 % of a core."
          "\nWake-ups are those of processes that live all the time; what checks start is counted as tasks.")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tools", required=True, help="JSON files, wcompose first")
    parser.add_argument("--n", type=int, default=50)
    parser.add_argument("--interval", type=int, default=5, help="seconds between two checks of a service")
    parser.add_argument("--seconds", type=int, default=30, help="how long to look")
    parser.add_argument("--log", default=os.devnull, help="what the tools print")
    args = parser.parse_args()
    tools, rows = load_tools(args.tools), []
    with open(args.log, "a", encoding="utf-8") as log:
        for case in CASES:
            for tool in tools if case != "probe" else tools[:1]:
                rows.append(one_case(tool, case, args, log))
                print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    print_table(rows, args)
    return 1 if any("failed" in row and row["tool"] == tools[0]["name"] for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
