"""A newer revision that comes while one is waited for: the fix is in force long before the time of the bad one is over."""
import os
import signal
import time

from following import Agent, app, end, level, status
from cases_image_policy import push
from registries import Distribution
from remotes import Remote

# Never healthy, and says so only when its time is over.
STUCK = app(2, "false").replace("start_period: 0s", "start_period: 1h")
SOON = 25  # seconds; those that are waited for in vain have 120


def past(t):
    return [(row["What"], row["Revision"]) for row in
            t.wc("--json", "reconcile", "--agent-file", "agent.yaml", "history").rows]


def following(t, remote, interval="1h", timeout="120s", more="", rest=""):
    """An agent with the first revision in force, and a bad one waited for. Both commits too."""
    t.load_image()
    first = remote.push(app(1), "first")
    agent = Agent(t, f"git: {remote.bare}, branch: main", interval=interval, timeout=timeout, more=more, rest=rest)
    agent.until_in_force(first)
    bad = remote.push(STUCK, "never healthy")
    agent.now()
    waits_for(t, agent, bad)
    return agent, first, bad


def runs(t):
    """The level of what runs; None while one goes and the other comes."""
    try:
        return level(t)[0]
    except AssertionError:
        return None


def waits_for(t, agent, commit):
    agent.until(lambda now: now["Newest"]["ID"] == commit and now["By"]["Reconciling"]["Reason"] in ("Applying", "Superseded"),
                f"{commit} to be waited for", SOON)
    t.until(lambda: runs(t) == "2", "what never gets ready to run", SOON)


def names(t, what):
    return [revision for word, revision in past(t) if word == what]


def case_newer_fix_is_told(t):
    """A bad commit, the fix two seconds later, and the agent is told: what was waited for is neither applied nor rejected."""
    remote = Remote(t)
    agent, first, bad = following(t, remote)
    time.sleep(2)
    assert status(t)["InForce"]["ID"] == first
    fix = remote.push(app(3), "the fix")
    began = time.monotonic()
    agent.now()
    now = agent.until_in_force(fix, SOON)
    assert time.monotonic() - began < SOON
    assert level(t)[0] == "3" and now["By"]["Stalled"]["Status"] == "False", now
    assert [what for what, _ in past(t)] == ["applied", "superseded", "applied"], past(t)
    assert names(t, "superseded") == [f"main@{bad[:12]}"], past(t)
    assert f"main@{fix[:12]} came" in t.wc("reconcile", "--agent-file", "agent.yaml", "history").out
    # what never got ready is not what is gone back to
    remote.push("services: {web: {image: 'bb:1', enviroment: [A=1]}}\n", "broken")
    agent.now()
    agent.until_said("Stalled", "Invalid", "compose.yaml:1:", SOON)
    agent.holds(fix, level(t))
    agent.stop()
    end(t)


def case_newer_is_found_at_the_interval(t):
    """Nobody tells of the fix: it is found when the source is looked at; and a fix of a fix comes too."""
    remote = Remote(t)
    agent, _, bad = following(t, remote, interval="5s")
    worse = remote.push(STUCK.replace("1h", "2h"), "no better")
    agent.until(lambda now: f"main@{bad[:12]}" in names(t, "superseded"), "the first fix", SOON)
    assert status(t)["By"]["Reconciling"]["Reason"] == "Superseded"
    fix = remote.push(app(3), "the fix")
    agent.until_in_force(fix, SOON)
    assert [what for what, _ in past(t)] == ["applied", "superseded", "superseded", "applied"], past(t)
    assert names(t, "superseded")[-1] == f"main@{worse[:12]}"
    agent.stop()
    end(t)


def case_newer_is_the_one_before(t):
    """People go back to what was good: it is restored at once, and the bad one isn't rejected for it."""
    remote = Remote(t)
    agent, first, bad = following(t, remote)
    remote.git("reset", "-q", "--hard", first)
    remote.git("push", "-q", "-f", "origin", "main")
    agent.now()
    agent.until(lambda now: now["InForce"]["ID"] == first and now["By"]["Ready"]["Status"] == "True" and
                runs(t) == "1", "the first one", SOON)
    assert [what for what, _ in past(t)] == ["applied", "superseded", "restored"], past(t)
    assert names(t, "superseded") == [f"main@{bad[:12]}"]
    agent.stop()
    end(t)


def case_newer_that_is_no_good(t):
    """What can't be loaded doesn't end the wait, and is told of at once; what is waited for is judged by its own time."""
    remote = Remote(t)
    agent, first, bad = following(t, remote, timeout="20s")
    broken = remote.push("services: {web: {image: 'bb:1', enviroment: [A=1]}}\n", "broken")
    agent.now()
    agent.until_said("Stalled", "Invalid", "compose.yaml:1:", 12)
    assert level(t)[0] == "2" and [what for what, _ in past(t)] == ["applied", "rejected"], past(t)
    agent.until(lambda now: runs(t) == "1" and now["By"]["Ready"]["Status"] == "True", "the rollback", 60)
    assert past(t) == [("applied", f"main@{first[:12]}"), ("rejected", f"main@{broken[:12]}"),
                       ("rejected", f"main@{bad[:12]}"), ("restored", f"main@{first[:12]}")], past(t)
    agent.stop()
    end(t)


def case_newer_whose_image_does_not_come(t):
    """A registry that answers nobody doesn't put off a rollback: what is waited for is judged by its own time, and the
    newer one has its turn when its image is there."""
    remote, registry = Remote(t), Distribution(t, 5000)
    push(t, registry, "one", "1")
    agent, first, bad = following(t, remote, timeout="20s")
    os.kill(registry.process.pid, signal.SIGSTOP)
    try:
        fix = remote.push(app(3).replace("bb:1", "localhost:5000/team/bb:1"), "the fix, with another image")
        agent.now()
        agent.until(lambda now: now["Newest"]["ID"] == fix, "the fix to be found", SOON)
        agent.until(lambda now: runs(t) == "1" and names(t, "restored") == [f"main@{first[:12]}"], "the rollback", 40)
        assert [what for what, _ in past(t)] == ["applied", "rejected", "restored"], past(t)
        assert names(t, "rejected") == [f"main@{bad[:12]}"]
    finally:
        os.kill(registry.process.pid, signal.SIGCONT)
    agent.until_in_force(fix, 60)
    assert level(t)[0] == "3" and past(t)[3:] == [("applied", f"main@{fix[:12]}")], past(t)
    agent.stop()
    end(t)


def case_newer_after_kills(t):
    """kill -9 of all of it while one is waited for that took the place of another: the next agent goes on with that, and
    sees the fix that came meanwhile."""
    remote = Remote(t)
    agent, _, _ = following(t, remote)
    worse = remote.push(STUCK.replace("1h", "2h"), "no better")
    agent.now()
    waits_for(t, agent, worse)
    os.killpg(agent.process.pid, signal.SIGKILL)
    agent.process.wait()
    fix = remote.push(app(3), "the fix")
    t.until(lambda: "under way" not in t.wc("reconcile", "--agent-file", "agent.yaml", "--check", code=None).err, "a pass of ours")
    agent.start()
    agent.until_in_force(fix, SOON)
    assert [what for what, _ in past(t)] == ["applied", "superseded", "superseded", "applied"], past(t)
    agent.stop()
    end(t)


def case_newer_inputs(t):
    """What a revision is judged by changes while one is waited for: the wait is over, and all begins anew under the new ones."""
    remote = Remote(t)
    agent, first, bad = following(t, remote)
    agent.write(f"git: {remote.bare}, branch: main", more="    prune: true\n", interval="1h")
    agent.until(lambda now: "restored" in [what for what, _ in past(t)], "the good one to be back", SOON)
    agent.until(lambda now: now["By"]["Reconciling"]["Reason"] == "Applying" and now["Newest"]["ID"] == bad and
                now["InForce"]["ID"] == first, "the bad one under other inputs", SOON)
    fix = remote.push(app(3), "the fix")
    agent.now()
    agent.until_in_force(fix, SOON)
    assert names(t, "rejected") == [], past(t)
    agent.stop()
    end(t)


def case_newer_deep_in_a_directory(t):
    """A directory is followed by what happens in it, however deep: the interval is an hour."""
    t.load_image()
    source = os.path.join(t.dir, "source")
    deep = os.path.join(source, "deploy", "prod")
    os.makedirs(deep)
    os.chmod(source, 0o755)

    def write(text, name="level.env", where=deep):
        os.makedirs(where, exist_ok=True)
        with open(os.path.join(where, name + ".new"), "w", encoding="utf-8") as f:
            f.write(text)
        os.rename(os.path.join(where, name + ".new"), os.path.join(where, name))

    text = app(1).replace('environment: {LEVEL: "1"}', "env_file: [deploy/prod/level.env]")
    assert "env_file" in text
    write("LEVEL=1\n")
    write(text, "compose.yaml", source)
    agent = Agent(t, f"directory: {source}", interval="1h")
    agent.until(lambda now: runs(t) == "1" and now["By"]["Ready"]["Status"] == "True", "the first", 60)
    write("LEVEL=2\n")
    agent.until(lambda now: runs(t) == "2" and now["By"]["Ready"]["Status"] == "True", "the second", SOON)
    write("LEVEL=3\n", where=os.path.join(source, "deploy", "new"))
    write(text.replace("prod/level", "new/level"), "compose.yaml", source)
    agent.until(lambda now: runs(t) == "3" and now["By"]["Ready"]["Status"] == "True", "a directory that is new", SOON)
    write("LEVEL=4\n", where=os.path.join(source, "deploy", "new"))
    agent.until(lambda now: runs(t) == "4" and now["By"]["Ready"]["Status"] == "True", "a change in it", SOON)
    agent.stop()
    end(t)
