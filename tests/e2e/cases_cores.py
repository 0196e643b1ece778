"""A process of ours that dies leaves no core file, whoever it belongs to and whatever the limit is: its memory has secrets in it. What
we start for others is as any program."""
import glob
import os
import re
import resource
import signal
import subprocess
import time

import fixture
import harness
from cases_gitops_proofs import passes_of
from following import Agent, app, end
from remotes import Remote


GROUP = 12345  # of what is started here: its user is root, and it shall not be root's in all


def is_closed(pid):
    """Whether a process isn't dumpable: the kernel has its files in /proc belong to root's user and group instead of its own."""
    owner, own = os.stat(f"/proc/{pid}/environ"), harness.read(f"/proc/{pid}/status")
    uid, gid = (int(re.search(rf"^{name}:\t\d+\t(\d+)", own, re.M)[1]) for name in ("Uid", "Gid"))
    assert (uid, gid) != (0, 0), "of root's it can't be told"
    assert (owner.st_uid, owner.st_gid) in ((uid, gid), (0, 0)), owner
    return (owner.st_uid, owner.st_gid) == (0, 0)


def stopped_pass(agent):
    """A pass that was stopped once it had begun: it would be gone."""
    agent.now()
    pid = agent.t.until(lambda: passes_of(agent), "a pass")[0]
    for _ in range(1000):
        os.kill(pid, signal.SIGSTOP)
        if "--once" in harness.read(f"/proc/{pid}/cmdline") and is_closed(pid):
            return pid
        os.kill(pid, signal.SIGCONT)  # it is the agent's still, or the loader's
        time.sleep(0.001)
    raise AssertionError("a pass isn't closed")


def cores(directory):
    """What the kernel calls core files, by the pattern that this host has."""
    pattern = harness.read("/proc/sys/kernel/core_pattern").strip()
    name = pattern.split("%")[0]
    if pattern.startswith(("|", "/")) or not name:
        return []  # they go elsewhere
    return glob.glob(os.path.join(directory, name + "*"))


def is_alive(pid):
    try:
        return "State:\tZ" not in harness.read(f"/proc/{pid}/status")
    except OSError:
        return False


def crash(pid):
    """Kills it as a fault of its own would. Returns the core files that this left where it worked."""
    directory = os.readlink(f"/proc/{pid}/cwd")
    before = set(cores(directory))
    os.kill(pid, signal.SIGSEGV)
    os.kill(pid, signal.SIGCONT)  # one that is stopped takes it now
    end_at = time.monotonic() + 20
    while is_alive(pid):
        assert time.monotonic() < end_at, f"{pid} lives on"
        time.sleep(0.01)
    left = set(cores(directory)) - before
    for path in left:
        os.unlink(path)
    return left


def supervisor(t):
    """The process of the project's supervisor."""
    return int(harness.read(os.path.join(t.root, "run/projects/shop/supervisor.lock")).split()[0])


def case_no_core_files_of_ours(t):
    """Of a pass, the agent, a command and the supervisor; containers and what is executed in them leave theirs."""
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    os.setgid(GROUP)
    other = subprocess.Popen([fixture.BUSYBOX, "sleep", "100"], cwd=t.dir)
    t.children.append(other)
    t.until(lambda: "sleep" in harness.read(f"/proc/{other.pid}/cmdline"), "the control")
    assert not is_closed(other.pid)
    leaves_one = bool(crash(other.pid))
    t.load_image()
    remote = Remote(t)
    commit = remote.push(app(1).replace("image: bb:1", "image: bb:1\n        user: 1000:1000\n        ulimits: {core: 1000000000}"), "first")
    agent = Agent(t, f"git: {remote.bare}, branch: main")
    agent.until_in_force(commit)
    command = t.start("-p", "shop", "logs", "-f", stdout=subprocess.DEVNULL)
    t.until(lambda: "logs" in harness.read(f"/proc/{command.pid}/cmdline"), "a command")

    ours = {"pass": stopped_pass(agent), "agent": agent.process.pid, "command": command.pid, "supervisor": supervisor(t)}
    t.until(lambda: all(map(is_closed, ours.values())), f"all of them closed: {ours}", 10)
    inside = t.wc("-p", "shop", "ps", "-a", "--format", "json").rows[0]["Pid"]
    assert not is_closed(inside), "who is in a container is as any program"

    left = {name: crash(pid) for name, pid in ours.items()}
    assert not any(left.values()), left
    text = "cd /tmp && ulimit -c; sh -c 'kill -SEGV $$'; ls"
    said = t.wc("-p", "shop", "exec", "-T", "web", "sh", "-c", text, code=None).out.split()
    assert not leaves_one or "core" in " ".join(said), f"what is executed in a container has no core file: {said}"
    agent.start()
    agent.now()
    agent.stop()
    end(t)
