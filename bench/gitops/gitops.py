#!/usr/bin/env python3
"""gitops.py - what following a source costs, beside git alone.

    gitops.py --work DIR [--n 50] [--seconds 60] [--rounds 5] [--remote https|local]

Idle: N apps of one service each, none of whose sources changes, an interval of a minute; processor time of the agent and of
all that it starts (its passes, their gits), bytes over the loopback, processes started. Beside it `git ls-remote` once for
each of the same repositories, which is what has to be asked, and `git fetch`, which a script of five lines would run.

Push to ready: one line of one file is changed; from the end of the push, with the agent told (`reconcile now`, as a webhook
does), until the new service is Ready. Beside it `git fetch` of the same commit into a clone, and `up -d --wait` of the same
change by hand.

The remotes are bare repositories behind lighttpd with TLS and git's own CGI program, or paths (--remote local: the server's
part is then done by children of git, and counted). Processes are counted by the last pid of our own pid namespace.
"""
import argparse
import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import time

import harness
from remotes import Lighttpd, Remote

TICKS = os.sysconf("SC_CLK_TCK")
FILE = """services:
  web:
    image: bb:1
    command: ["/bin/idle"]
    environment: {{LEVEL: "{level}"}}
    stop_grace_period: 0s
"""


class Place(harness.Case):
    """A case's directory and commands, without its namespaces: run.sh has made them."""

    def __init__(self, work, binary):
        super().__init__("bench", work, binary)
        self.environment["GIT_CONFIG_GLOBAL"] = self.write("gitconfig", "[core]\n\tfsync = none\n")
        self.environment["GIT_TERMINAL_PROMPT"] = "0"


def bytes_on_loopback():
    """Of our own network namespace; /sys shows the one that it was mounted in."""
    for line in harness.read("/proc/self/net/dev").splitlines():
        if line.strip().startswith("lo:"):
            return int(line.split(":")[1].split()[0])
    return 0


def last_pid():
    with open("/proc/loadavg", encoding="ascii") as f:
        return int(f.read().split()[-1])


def cpu_of(pid):
    """Seconds of a process and of its children that have ended, and theirs."""
    fields = harness.read(f"/proc/{pid}/stat").rsplit(")", 1)[1].split()
    return sum(int(field) for field in fields[11:15]) / TICKS


def cpu_of_children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Window:
    """What is used between two moments."""

    def __init__(self, cpu):
        self.cpu, self.begin = cpu, (time.monotonic(), cpu(), bytes_on_loopback(), last_pid())

    def end(self):
        now = (time.monotonic(), self.cpu(), bytes_on_loopback(), last_pid())
        return dict(zip(("seconds", "cpu", "bytes", "processes"), (b - a for a, b in zip(self.begin, now))))


def source_of(web, remote):
    return web.source(remote) if web is not None else f"git: {remote.bare}, branch: main"


def url_of(web, remote):
    return f"https://127.0.0.1:{web.port}/git/{os.path.basename(remote.bare)}" if web is not None else "file://" + remote.bare


def git_options(t, web):
    """Credentials for plain git, as an admin would set them."""
    if web is None:
        return []
    store = t.write("credentials", f"https://git:t0ken-of-the-case@127.0.0.1%3a{web.port}\n", mode=0o600)
    return ["-c", f"http.sslCAInfo={web.ca}", "-c", f"credential.helper=store --file={store}"]


def git(t, *arguments):
    done = subprocess.run(["git", *arguments], env=t.environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode != 0:
        sys.exit(f"git {arguments}: {done.stderr.decode()}")


def status_of(t, path):
    return t.wc("--json", "reconcile", "--agent-file", path, "status", code=None, timeout=300).rows


def wait_ready(t, path, seconds=600):
    end = time.monotonic() + seconds
    while True:
        rows = status_of(t, path)
        waiting = [r["App"] for r in rows if r["Conditions"][0]["Status"] != "True"]
        if not waiting:
            return
        if time.monotonic() > end:
            sys.exit(f"not ready: {waiting}: {rows[0]}")
        time.sleep(0.5)


def looks(t, path):
    return {row["App"]: row["LastLook"] for row in status_of(t, path)}


def idle(t, web, args):
    """The agent's minute, and git's. Each app is looked at once an interval; --seconds is to be no longer than that."""
    remotes = [Remote(t, f"app{i}") for i in range(args.n)]
    for i, remote in enumerate(remotes):
        remote.push(FILE.format(level=i), "first")
    text = "".join(f"  app{i}:\n    source: {{{source_of(web, r)}}}\n    interval: {args.interval}s\n" for i, r in enumerate(remotes))
    path = t.write("agent.yaml", "apps:\n" + text + "runners: 4\n", mode=0o600)
    process = t.start("reconcile", "--agent-file", path, stdout=subprocess.DEVNULL)
    wait_ready(t, path)
    time.sleep(args.settle)
    before = looks(t, path)
    window = Window(lambda: cpu_of(process.pid))
    time.sleep(args.seconds)
    agent = window.end()
    after = looks(t, path)
    agent["looks"] = float(sum(before[name] != after[name] for name in before))
    if not agent["looks"]:
        sys.exit("nothing was looked at: --seconds is to be at least --interval")
    agent["rss_kib"] = int(dict(line.split(":\t") for line in harness.read(f"/proc/{process.pid}/status").splitlines())
                           ["VmRSS"].split()[0])
    process.send_signal(signal.SIGTERM)
    process.wait()
    rows = {"agent": agent}
    options = git_options(t, web)
    clones = []
    for i, remote in enumerate(remotes):
        clones.append(os.path.join(t.base, f"clone{i}"))
        git(t, *options, "clone", "-q", "--bare", "--depth=1", url_of(web, remote), clones[i])
    for name, command in (("git ls-remote", lambda i: (*options, "ls-remote", "-q", "--heads", url_of(web, remotes[i]), "refs/heads/main")),
                          ("git fetch", lambda i: (*options, "-C", clones[i], "fetch", "-q", "origin", "main"))):
        window = Window(cpu_of_children)
        for i in range(args.n):
            git(t, *command(i))
        rows[name] = window.end()
        rows[name]["looks"] = float(args.n)
    for i in range(args.n):
        t.wc("-p", f"app{i}", "down", code=None)
    return rows


def push_to_ready(t, web, args):
    """Seconds of each way, a list each."""
    remote = Remote(t, "shop")
    options, clone = git_options(t, web), os.path.join(t.base, "clone")
    first = remote.push(FILE.format(level=0), "first")
    path = t.write("one.yaml", f"apps:\n  shop:\n    source: {{{source_of(web, remote)}}}\n    interval: 1h\n", mode=0o600)
    process = t.start("reconcile", "--agent-file", path, stdout=subprocess.DEVNULL)
    wait_ready(t, path)
    git(t, *options, "clone", "-q", "--bare", url_of(web, remote), clone)
    file = t.write("hand/compose.yaml", FILE.format(level=0))
    t.wc("-f", file, "-p", "hand", "up", "-d", "--wait", timeout=300)
    times = {"git fetch": [], "up -d --wait": [], "push to ready": []}
    for turn in range(1, args.rounds + 1):
        commit = remote.push(FILE.format(level=turn), f"turn {turn}")
        begin = time.monotonic()
        git(t, *options, "-C", clone, "fetch", "-q", "origin", "+main:main")
        times["git fetch"].append(time.monotonic() - begin)
        begin = time.monotonic()
        t.wc("reconcile", "--agent-file", path, "now", "shop")
        record = os.path.join(t.root, "lib/gitops/shop/record.json")
        while True:  # what `status` reads, without a process each time
            with open(record, encoding="utf-8") as f:
                if json.load(f)["good_key"]["id"] == commit:
                    break
            time.sleep(0.005)
        times["push to ready"].append(time.monotonic() - begin)
        t.write("hand/compose.yaml", FILE.format(level=turn))
        begin = time.monotonic()
        t.wc("-f", file, "-p", "hand", "up", "-d", "--wait", timeout=300)
        times["up -d --wait"].append(time.monotonic() - begin)
    assert first != commit
    process.send_signal(signal.SIGTERM)
    process.wait()
    for name in ("shop", "hand"):
        t.wc("-p", name, "down", code=None)
    return times


def print_idle(rows, args):
    base = rows["git ls-remote"]
    print(f"\n{args.n} apps that don't change, {args.remote}, {args.seconds} s of the agent; git once for each\n")
    print("| | looks | CPU s | ms a look | bytes a look | processes a look |\n|---|---|---|---|---|---|")
    for name, row in rows.items():
        def cell(key, factor, row=row):
            value, floor = row[key] / row["looks"] * factor, base[key] / base["looks"] * factor
            return f"{value:,.1f}" + ("" if row is base or not floor else f" ({value / floor:.2f}x)")
        print(f"| {name} | {row['looks']:.0f} | {row['cpu']:.2f} | {cell('cpu', 1000)} | {cell('bytes', 1)} | {cell('processes', 1)} |")
    print(f"\nThe agent itself: {rows['agent']['rss_kib'] / 1024:.1f} MiB RSS.")


def print_times(times):
    print("\n| a change of one line | median ms | fastest ms | beside git fetch |\n|---|---|---|---|")
    floor = statistics.median(times["git fetch"])
    for name, values in times.items():
        middle = statistics.median(values)
        print(f"| {name} | {middle * 1000:,.0f} | {min(values) * 1000:,.0f} | {middle / floor:.1f}x |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", required=True)
    parser.add_argument("--n", type=int, default=50, help="apps at rest; 0: leave that out")
    parser.add_argument("--seconds", type=int, default=60, help="how long the agent is looked at")
    parser.add_argument("--interval", type=int, default=60, help="seconds between two looks at a source")
    parser.add_argument("--settle", type=int, default=5, help="how long it is waited for before")
    parser.add_argument("--rounds", type=int, default=5, help="pushes; 0: leave them out")
    parser.add_argument("--remote", choices=("https", "local"), default="https")
    args = parser.parse_args()
    t = Place(args.work, os.environ["WCOMPOSE"])
    web = None
    try:
        t.load_image()
        web = Lighttpd(t) if args.remote == "https" else None
        if args.n:
            print_idle(idle(t, web, args), args)
        if args.rounds:
            print_times(push_to_ready(t, web, args))
    finally:
        t.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
