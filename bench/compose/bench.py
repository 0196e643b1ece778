#!/usr/bin/env python3
"""Time compose tools side by side, from outside, the same way whatever the tool.

    bench.py --tools ../peers/tools/wcompose.json,../peers/tools/docker-compose-v2.json --n 1,10,50 --shape chain,star --runs 3

What a tool is, and how its processes are found, is in ../peers/measure.py. "max_n" leaves a tool that takes minutes out
of larger cases. "up" counts when all N are alive at its return, "down" when none is, "recovery" when a new process has
the mark of the one that was killed.
The tools take turns within each round, so that a busy spell of the machine meets all of them. The last table divides
each tool's median by the first tool's.
"""

import argparse
import json
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "peers"))
from measure import cpu_ms, helper_pids, load_tools, median, payload, pss_kib, recovery_ms, run  # noqa: E402

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
            figures = [median([row.get(key) for row in rows]) for key in keys]
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
    tools = load_tools(args.tools)
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
