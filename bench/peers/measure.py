"""measure.py - what the benchmarks of this directory look at, from outside, the same way whatever the tool.

A tool is a JSON file: argument vectors for up, down, ps ({file} and {project} are filled in, $NAME comes from the
environment), the image's name, and patterns for the command lines of the processes that it needs to keep containers
running (peers.sh's pid namespace hides all others). Nothing that a tool prints is believed: payload processes carry a
mark in their argv, "/bin/svc mark-PROJECT-NUMBER-", and are looked for in /proc.
"""
import json
import os
import re
import signal
import statistics
import subprocess
import time


def load_tools(paths):
    """The tools of a list of files, parted by commas."""
    tools = []
    for path in paths.split(","):
        with open(path, encoding="utf-8") as file:
            tools.append(json.loads(os.path.expandvars(file.read())))
    return tools


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


def wakeups(pids):
    """How often the threads that live now went to sleep and were woken, or lost the processor, up to now."""
    total = 0
    for pid in pids:
        try:
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/status", encoding="ascii", errors="replace") as file:
                    total += sum(int(line.split()[1]) for line in file if "voluntary_ctxt_switches" in line)
        except OSError:
            pass
    return total


def tasks_started():
    """How many processes and threads were begun in this pid namespace, those of containers included."""
    with open("/proc/sys/kernel/ns_last_pid", encoding="ascii") as file:
        return int(file.read())


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


def median(values):
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None
