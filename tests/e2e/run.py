#!/usr/bin/env python3
"""run.py - runs end-to-end cases on the real binary, each in namespaces of its own.

    tests/e2e/run.py                 all cases
    tests/e2e/run.py up_and_down     cases by name (or a part of it)
    tests/e2e/run.py --list

WCOMPOSE_BIN names the binary (build/release/wcompose). Needs root, ip, nft, a static busybox, crun or runc.
"""
import argparse
import glob
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import harness  # noqa: E402

CASE_SECONDS = int(os.environ.get("WCOMPOSE_E2E_SECONDS", "800"))


def all_cases():
    cases = {}
    for path in sorted(glob.glob(os.path.join(HERE, "cases_*.py"))):
        module = importlib.import_module(os.path.basename(path)[:-3])
        for name in dir(module):
            if name.startswith("case_"):
                cases[name[5:]] = getattr(module, name)
    return cases


def binary():
    path = os.environ.get("WCOMPOSE_BIN", os.path.join(HERE, "..", "..", "build", "release", "wcompose"))
    return os.path.abspath(path)


def lacking():
    """What the machine lacks for any case at all, or None."""
    if os.geteuid() != 0:
        return "root is needed"
    for program in ("ip", "nft", "unshare", "mount"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    if not os.access("/bin/busybox", os.X_OK):
        return "/bin/busybox (package busybox-static) is not installed"
    if shutil.which("crun") is None and shutil.which("runc") is None:
        return "no OCI runtime (crun or runc) is installed"
    if subprocess.run(["unshare", "--net", "--mount", "--pid", "--fork", "true"], check=False).returncode != 0:
        return "namespaces can't be made here"
    return None


def prepare(base):
    """The world of a case: an own root on tmpfs, a loopback, and one address of the host's own."""
    harness.command("mount", "-t", "tmpfs", "-o", "size=1g,mode=0700", "wcompose-e2e", base)
    harness.command("ip", "link", "set", "lo", "up")
    harness.command("ip", "link", "add", "wan0", "type", "bridge")
    harness.command("ip", "address", "add", harness.OWN_ADDRESS + "/24", "dev", "wan0")
    harness.command("ip", "link", "set", "wan0", "up")


def sweep_cgroups(base):
    """A case that failed or was late may leave groups, which are empty once its namespace is gone; the machine shall not collect them."""
    tokens = [harness.token_of(os.path.join(base, root)) for root in ("root", "small")]
    groups = [here for here, _, _ in os.walk("/sys/fs/cgroup") if any(token in here for token in tokens)]
    end = time.monotonic() + 5
    for directory in sorted(groups, reverse=True):
        while os.path.exists(directory):
            try:
                os.rmdir(directory)
            except OSError:  # the last of its processes is about to end
                if time.monotonic() > end:
                    break
                time.sleep(0.02)


def run_inside(name, base):
    """Runs one case within its namespaces. Prints why it failed; 0 passed, 1 failed, 77 skipped."""
    prepare(base)
    case = harness.Case(name, base, binary())
    try:
        all_cases()[name](case)
        return 0
    except harness.Skip as reason:
        print(f"SKIP: {reason}")
        return 77
    except Exception as error:  # pylint: disable=broad-except
        frames = [f for f in traceback.extract_tb(error.__traceback__) if "cases_" in f.filename]
        where = f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno}: {frames[-1].line}" if frames else ""
        print(where)
        print(f"{type(error).__name__}: {error}")
        print("commands so far:\n" + "\n".join(case.history[-8:]))
        return 1
    finally:
        case.end()


def as_init(name, base):
    """Process 1 of the namespace: reaps orphans, as a host's init does, and passes the case's status on."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = run_inside(name, base)
        finally:
            sys.stdout.flush()
            os._exit(status)
    while True:
        pid, status = os.wait()
        if pid == child:
            return os.waitstatus_to_exitcode(status)


def start(name):
    base = tempfile.mkdtemp(prefix="wcompose-e2e-")
    arguments = ["unshare", "--net", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc",
                 sys.executable, os.path.abspath(__file__), "--inside", base, name]
    output = tempfile.TemporaryFile(mode="w+", errors="replace")  # closed by finish
    shown = os.environ.get("WCOMPOSE_E2E_SHOWN")  # a file for what the case prints as it goes
    if shown:
        output = open(shown, "w+", encoding="utf-8", errors="replace")
    outside = os.open("/proc/self/ns/net", os.O_RDONLY)  # for what has to download
    environment = dict(os.environ, WCOMPOSE_E2E_OUTSIDE=str(outside))
    process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                               pass_fds=[outside], env=environment)
    os.close(outside)
    return {"name": name, "base": base, "process": process, "output": output, "begin": time.monotonic()}


def finish(job):
    """Waits for a job and reports it: "passed", "failed" or "skipped"."""
    late = False
    try:
        code = job["process"].wait(timeout=max(CASE_SECONDS - (time.monotonic() - job["begin"]), 1))
    except subprocess.TimeoutExpired:
        job["process"].kill()
        job["process"].wait()
        code, late = 1, True
    with job["output"] as file:
        file.seek(0)
        output = file.read() + (f"\ntook longer than {CASE_SECONDS} s" if late else "")
    os.rmdir(job["base"])
    sweep_cgroups(job["base"])
    outcome = {0: "passed", 77: "skipped"}.get(code, "failed")
    reason = output.strip().splitlines()[-1] if outcome == "skipped" and output.strip() else ""
    print(f"    {job['name']:<44} {outcome} {time.monotonic() - job['begin']:7.1f} s  {reason}", flush=True)
    if outcome == "failed":
        print("\n".join("      " + line for line in output.splitlines()), flush=True)
    return outcome


def run_all(names, parallel):
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    waiting, running = list(names), []
    while waiting or running:
        while waiting and len(running) < parallel:
            running.append(start(waiting.pop(0)))
        done = next((j for j in running if j["process"].poll() is not None), running[0] if len(running) == 1 else None)
        if done is None:
            overdue = [j for j in running if time.monotonic() - j["begin"] > CASE_SECONDS]
            if not overdue:
                time.sleep(0.02)
                continue
            done = overdue[0]
        running.remove(done)
        counts[finish(done)] += 1
    return counts


def main():
    parser = argparse.ArgumentParser(description="end-to-end cases")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--count", help="file for 'passed failed skipped'")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        sys.exit(as_init(options.names[0], options.inside))
    cases = all_cases()
    exact = [part for part in options.names if part in cases]
    parts = [part for part in options.names if part not in cases]
    names = [n for n in cases if not options.names or n in exact or any(part in n for part in parts)]
    if not names:
        sys.exit(f"no case is called {' or '.join(options.names)}; --list shows them")
    if options.list:
        print("\n".join(names))
        return
    why = lacking()
    if why:
        print(f"    SKIP: {why}")
        counts = {"passed": 0, "failed": 0, "skipped": len(names)}
    else:
        counts = run_all(names, options.jobs)
    if options.count:
        with open(options.count, "w", encoding="utf-8") as f:
            print(counts["passed"], counts["failed"], counts["skipped"], file=f)
    print(f"    {counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    sys.exit(1 if counts["failed"] else 0)


if __name__ == "__main__":
    main()
