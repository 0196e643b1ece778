#!/usr/bin/env python3
"""Time `wcompose config -q` beside `docker compose config -q` on generated projects, alternating, in one run.

Prints medians, ratios of the clock's and of the processor's time, and peak memory (by GNU time). Both tools get one
core, the lowest allowed. What falls short is marked: 10, 20 and 50 times as fast on 1, 100 and 1,000 services; 1,000
in 50 ms of the processor and 30 MiB, 10,000 in 500 ms. With --check it makes the exit status 1.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
WANTED = {1: 10, 100: 20, 1000: 50}
ALONE = {1000: (50, 30), 10000: (500, None)}  # services: milliseconds of one core, MiB


def generate(folder, n, shape):
    path = os.path.join(folder, f"{shape}-{n}.yaml")
    with open(path, "w", encoding="ascii") as out:
        subprocess.run([sys.executable, os.path.join(HERE, "generate.py"), str(n), "--shape", shape], stdout=out, check=True)
    return path


def measure(argv, env):
    """One run: (clock ms, processor ms)."""
    start = time.monotonic()
    child = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    words = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    clock = (time.monotonic() - start) * 1000
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"{' '.join(argv)}: exit status {child.returncode}\n{words.decode(errors='replace')[:2000]}")
    return clock, (usage.ru_utime + usage.ru_stime) * 1000


def peak_mib(argv, env):
    """Peak memory by GNU time: a child of ours would begin with the peak of this interpreter."""
    done = subprocess.run(["time", "-f", "%M", *argv], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True, check=False)
    return int(done.stderr.split()[-1]) / 1024


def alternate(tools, env, runs):
    """Median of each tool, whose runs take turns so that the machine's moods fall on all."""
    seen = [[] for _ in tools]
    for _ in range(runs):
        for i, argv in enumerate(tools):
            seen[i].append(measure(argv, env))
    return [tuple(statistics.median(column) for column in zip(*rows)) for rows in seen]


def row(opts, env, path, n, words, label):
    tools = [[opts.wcompose, "-f", path, "config", "-q", *words]]
    compare = opts.peer and n <= 1000
    if compare:
        tools.append([opts.peer, "-f", path, "config", "-q", *words])
    runs = max(3, min(opts.runs, opts.runs * 200 // max(n, 200)))
    ours, *peer = alternate(tools, env, runs)
    out = {"services": n, "what": label, "runs": runs, "ms": ours[0], "cpu_ms": ours[1], "peak_mib": peak_mib(tools[0], env)}
    if peer:
        out.update(peer_ms=peer[0][0], peer_cpu_ms=peer[0][1], peer_mib=peak_mib(tools[1], env), ratio=peer[0][0] / ours[0],
                   cpu_ratio=peer[0][1] / ours[1])
    return out


def short_of(out):
    """What a row misses, in words."""
    missed = []
    wanted = WANTED.get(out["services"])
    if wanted and "ratio" in out and out["ratio"] < wanted:
        missed.append(f"wanted {wanted} times as fast")
    most_ms, most_mib = ALONE.get(out["services"], (None, None))
    if most_ms and out["cpu_ms"] > most_ms:
        missed.append(f"wanted {most_ms} ms")
    if most_mib and out["peak_mib"] > most_mib:
        missed.append(f"wanted {most_mib} MiB")
    return "; ".join(missed)


def show(out):
    text = f"{out['services']:>6} {out['what']:<12} {out['ms']:8.1f} {out['cpu_ms']:8.1f} {out['peak_mib']:7.1f}"
    if "ratio" in out:
        text += f" {out['peer_ms']:9.1f} {out['peer_cpu_ms']:9.1f} {out['peer_mib']:7.1f} {out['ratio']:7.1f} {out['cpu_ratio']:7.1f}"
    missed = short_of(out)
    print(text + (f"  {missed}" if missed else ""), flush=True)


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--wcompose", required=True)
    args.add_argument("--peer", default="", help="the binary of docker compose 2; without it only we are measured")
    args.add_argument("--n", default="1,100,1000,10000", help="numbers of services; the peer stops at 1000")
    args.add_argument("--runs", type=int, default=15, help="runs of each; fewer of what takes long")
    args.add_argument("--json", default="", help="write the figures here too")
    args.add_argument("--check", action="store_true", help="exit with 1 when something falls short")
    opts = args.parse_args()
    if shutil.which("time") is None:
        sys.exit("run.py: needs GNU time (Debian package time)")
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    rows = []
    with tempfile.TemporaryDirectory(prefix="wcbench-spec.") as work:
        env = {"PATH": os.environ["PATH"], "HOME": work, "WCOMPOSE_ROOT": work}
        print("services             ours ms   cpu ms     MiB   peer ms    cpu ms     MiB   ratio     cpu")
        for n in (int(word) for word in opts.n.split(",")):
            path = generate(work, n, "chain")
            rows.append(row(opts, env, path, n, [], "all"))
            show(rows[-1])
            if n > 1:
                rows.append(row(opts, env, path, n, ["s0"], "one selected"))
                show(rows[-1])
    if opts.json:
        with open(opts.json, "w", encoding="ascii") as out:
            json.dump(rows, out, indent=1)
    if opts.check and any(short_of(out) for out in rows):
        sys.exit(1)


if __name__ == "__main__":
    main()
