"""What the agent promises of itself: kill -9 at any moment costs nothing but the moment. Here the moments are spread over the
time, and supervisors and containers are busy too; cases_gitops_steps.py has one for each step."""
import fcntl
import os
import re
import signal
import time

import harness
from following import Agent, app, end, level, name_of
from remotes import Remote


def passes_of(agent):
    """The processes that the agent has started and that haven't ended."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            fields = harness.read(f"/proc/{pid}/stat").rsplit(")", 1)[1].split()
            if int(fields[1]) == agent.process.pid and fields[0] != "Z":
                found.append(int(pid))
        except OSError:
            pass
    return found


def kill(agent, whom):
    """kill -9 of a pass, of the agent, or of both in this order. The agent is started again."""
    if whom != "agent":
        for pid in passes_of(agent):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
    if whom != "pass":
        agent.process.kill()
        agent.process.wait()
        agent.start()


def starts(t):
    """How often an instance of the app was started, as the supervisor tells it."""
    rows = t.wc("-p", "shop", "--json", "events", "--since", "1h", "--until", "0s").rows
    return [row for row in rows if row.get("action", row.get("Action")) == "started"]


def leavings(t):
    """What no pass should leave in the app's directory."""
    place = os.path.join(t.root, "lib/gitops/shop")
    found = []
    for here, directories, names in os.walk(place):
        found += [os.path.join(here, name) for name in directories if name.startswith(".new-")]
        found += [os.path.join(here, name) for name in names
                  if re.search(r"\.lock$|^tmp_|^\.tmp-|\.new$|^\.new-", name)]
    return found


def case_gitops_agent_killed_at_any_time(t):
    """20 kills of agent, pass and both, spread from a push until after it is ready: each revision gets in force in the end,
    starts its instance once, and nothing is left."""
    t.load_image()
    remote = Remote(t)
    first = remote.push(app(0), "zero")
    begin = time.monotonic()
    agent = Agent(t, f"git: {remote.bare}, branch: main")
    agent.until_in_force(first)
    span = 1.2 * (time.monotonic() - begin)
    for turn in range(5):
        commit = remote.push(app(turn + 1), f"turn {turn}")
        for which in range(4):  # a fifth time, and it would be rejected: Interrupted
            agent.now()
            time.sleep(span * (which * 5 + turn) / 20)  # where in the pass that is doesn't matter, but that it is everywhere
            kill(agent, ("pass", "agent", "both")[(turn + which) % 3])
        agent.until_in_force(commit, 120)
        text, _ = level(t)
        assert text == str(turn + 1), text
    assert len(starts(t)) == 6, starts(t)
    last = remote.push(app(6), "undisturbed")
    agent.now()
    agent.until_in_force(last)
    agent.stop()
    assert not leavings(t), leavings(t)
    assert len(os.listdir(os.path.join(t.root, "lib/gitops/shop/trees"))) <= 3
    names = [name_of(pid) for pid in filter(str.isdigit, os.listdir("/proc"))]
    assert not {"git", "ssh", "curl"} & set(names), names
    end(t)


def case_gitops_agent_meets_another_pass(t):
    """Somebody's pass is under way, as one is that outlives its agent. The agent looks as soon as that is over: at an app that
    nothing is known of yet, and for what it was told meanwhile, however long the interval is."""
    t.load_image()
    remote = Remote(t)
    first = remote.push(app(1), "first")
    place = os.path.join(t.root, "lib/gitops/shop")
    os.makedirs(place, 0o700)
    with open(os.path.join(place, "lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        agent = Agent(t, f"git: {remote.bare}, branch: main", interval="1h")

        def refused():
            return harness.read(agent.log).count("another pass over it is under way")
        t.until(lambda: refused() > 0, "a pass that is refused")
        fcntl.flock(lock, fcntl.LOCK_UN)
        agent.until_in_force(first, 60)
        fcntl.flock(lock, fcntl.LOCK_EX)
        second, before = remote.push(app(2), "second"), refused()
        agent.now()
        t.until(lambda: refused() > before, "a pass that was told, and is refused")
        fcntl.flock(lock, fcntl.LOCK_UN)
    agent.until_in_force(second, 60)
    agent.stop()
    with open(os.path.join(place, "lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        t.wc("reconcile", "--agent-file", agent.path, "--once", code=75)
    end(t)
