"""Apps from what is on the host: one file. What is told of them."""
import glob
import json
import os
import signal
import subprocess

import cases_machines
import harness
from cases_gitops import app, end, level, status
from cases_lifecycle import kill_supervisors, supervisors
from following import Agent
from remotes import Remote


def events(t, agent, *options):
    return t.wc("--json", "reconcile", "--agent-file", agent.path, "events", "--until", "0s", *options).rows


def case_gitops_one_file(t):
    """A Compose file by itself: followed when it is written anew, judged like any other source, and each change of a
    condition is an event, for who listens and for who asks later."""
    t.load_image()
    path = t.write("stack.yml", app(1))
    agent = Agent(t, f"file: {path}", interval="1h")
    first = agent.until(lambda now: now["By"]["Ready"]["Status"] == "True", "the first one")["InForce"]
    assert first["Name"].startswith("stack.yml@"), first
    assert level(t)[0] == "1"
    heard = os.path.join(t.dir, "heard")
    with open(heard, "w", encoding="utf-8") as out:
        listener = t.start("--json", "reconcile", "--agent-file", agent.path, "events", stdout=out)

    def said(condition, status, reason):
        with open(heard, encoding="utf-8") as f:
            return [row for row in map(json.loads, f.read().splitlines())
                    if (row["condition"], row["status"], row["reason"]) == (condition, status, reason)]

    # it listens once it has its watches: nothing that it prints says so, but a suspension that it saw does
    def is_heard():
        t.wc("reconcile", "--agent-file", agent.path, "suspend", "shop")
        t.wc("reconcile", "--agent-file", agent.path, "resume", "shop")
        return said("Suspended", "False", "No")

    t.until(is_heard, "that it listens", 60)
    t.write("new.yml", app(2, "false"))
    os.rename(os.path.join(t.dir, "new.yml"), path)  # as editors do: it is watched, nobody has to tell
    agent.until(lambda now: now["By"]["Stalled"]["Status"] == "True", "that it is rejected")
    t.until(lambda: said("Stalled", "True", "Unhealthy"), "that it is told")
    assert level(t)[0] == "1"
    t.write("stack.yml", app(3))  # in place
    now = agent.until(lambda now: now["By"]["Ready"]["Status"] == "True" and (now["InForce"] or {}).get("ID") != first["ID"],
                      "the third one")
    assert level(t)[0] == "3"
    t.until(lambda: said("Stalled", "False", "No"), "that it is over")
    listener.send_signal(signal.SIGINT)
    assert listener.wait(timeout=30) == 130
    agent.stop()
    rows = events(t, agent)
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1)), rows
    stalled = [(row["status"], row["reason"]) for row in rows if row["condition"] == "Stalled"]
    assert stalled == [("False", "No"), ("True", "Unhealthy"), ("False", "No")], stalled
    assert rows[-1]["revision"] == now["InForce"]["Name"], rows[-1]
    with open(heard, encoding="utf-8") as f:
        told = [json.loads(line)["id"] for line in f]
    assert told and told == [row["id"] for row in rows][-len(told):], "who listened heard something else, or less"
    assert events(t, agent, "--since", "0s") == []
    text = t.wc("reconcile", "--agent-file", agent.path, "events", "--until", "0s").out
    assert " shop Stalled True Unhealthy stack.yml@" in text, text
    assert "later than" in t.wc("reconcile", "--agent-file", agent.path, "events", "--since", "1s", "--until", "1m", code=64).err
    end(t)


def case_gitops_one_file_needs_nothing_beside_it(t):
    """What a file names relative to itself isn't there; who else may write it isn't believed."""
    t.load_image()
    t.write("secret.env", "LEVEL=9\n")
    path = t.write("stack.yml", app(1) + "        env_file: secret.env\n")
    agent = t.write("agent.yaml", f"apps: {{shop: {{source: {{file: {path}}}}}}}\n", mode=0o600)
    error = t.wc("reconcile", "--agent-file", agent, "--once", code=3).err
    assert "stack.yml:" in error and "secret.env" in error, error
    os.chmod(path, 0o666)
    error = t.wc("reconcile", "--agent-file", agent, "--once", code=69).err
    assert "somebody else may write it" in error, error
    os.chmod(path, 0o644)
    t.write("agent.yaml", f"apps: {{shop: {{source: {{file: {path}, path: x}}}}}}\n", mode=0o600)
    error = t.wc("reconcile", "--agent-file", agent, "--once", code=65).err
    assert "path is for a source with git, directory or archive" in error, error


LEVELS = """
    services:
      web:
        image: bb:1
        isolation: {level}
        mem_limit: 128m
        stop_grace_period: 1s
        command: ["/bin/idle"]
"""


def case_gitops_level_is_not_lowered(t):
    """A service of a restricted source that has a kernel of its own keeps it, unless the host's admin grants otherwise;
    one can be demanded of all."""
    cases_machines.ready(t)
    path = t.write("stack.yml", LEVELS.format(level="hyperv"))

    def once(more="", code=0):
        t.write("agent.yaml", f"apps:\n  shop:\n    source: {{file: {path}}}\n    timeout: {cases_machines.BOOT}s\n{more}",
                mode=0o600)
        return t.wc("reconcile", "--agent-file", "agent.yaml", "--once", code=code, timeout=cases_machines.BOOT + 20).err

    def runs_as():
        return [row["Isolation"] for row in t.wc("-p", "shop", "ps", "--format", "json").rows]

    once()
    assert runs_as() == ["hyperv"]
    t.write("stack.yml", LEVELS.format(level="process"))
    error = once(code=3)
    assert "error[E117]" in error and "stack.yml:4:16" in error and "would lose it" in error, error
    assert "(isolation: process)" in error and "grant: {isolation: process}" in error, error
    assert runs_as() == ["hyperv"]
    stalled = status(t)["By"]["Stalled"]
    assert stalled["Status"] == "True" and "kernel of its own" in stalled["Message"], stalled
    once("    grant: {isolation: process}\n")
    assert runs_as() == ["process"]
    error = once("    grant: {isolation: hyperv}\n", code=3)
    assert "must have a kernel of its own" in error, error
    assert runs_as() == ["process"]
    error = once("    grant: {isolation: vm}\n", code=65)
    assert "process" in error and "hyperv" in error, error
    end(t)


def case_gitops_left_alone(t):
    """An app that nobody looks after any more, because its supervisor was killed or because somebody stopped or took down
    all of it, is put right at once: the interval is an hour, and nobody tells the agent."""
    t.load_image()
    agent = Agent(t, f"file: {t.write('stack.yml', app(1))}", interval="1h")
    first = agent.until(lambda now: now["By"]["Ready"]["Status"] == "True", "the first one")["InForce"]["ID"]
    runs = level(t)

    def is_repaired(times):
        past = t.wc("--json", "reconcile", "--agent-file", agent.path, "history").rows
        agent.until(lambda now: now["InForce"]["ID"] == first and now["By"]["Ready"]["Status"] == "True", "that it is ready")
        return [row["What"] for row in past] == ["applied"] + times * ["repaired"]

    killed = kill_supervisors(t)
    t.until(lambda: is_repaired(1), "another supervisor", 60)
    assert level(t) == runs, "what ran on was touched"
    assert len(supervisors(t)) == 1 and supervisors(t) != killed
    t.wc("-p", "shop", "stop", "-t", "0")
    t.until(lambda: is_repaired(2), "that it is started", 60)
    assert level(t)[0] == "1"
    t.wc("-p", "shop", "down")
    t.until(lambda: is_repaired(3), "that it is back", 60)
    assert level(t)[0] == "1"
    agent.stop()
    end(t)


def case_gitops_clock_set_back(t):
    """The host's clock is set back by a month, and later forward by two, while an app is followed: its source is looked at
    at the interval all the same."""
    libraries = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
    if not libraries:
        raise harness.Skip("faketime is not installed (scripts/setup.sh --tests)")
    t.load_image()
    clock = t.write("clock", "+0\n")
    shifted = dict(t.environment, LD_PRELOAD=libraries[0], FAKETIME_TIMESTAMP_FILE=clock, FAKETIME_NO_CACHE="1",
                   FAKETIME_DONT_FAKE_MONOTONIC="1")
    if subprocess.run([t.binary, "--version"], env=shifted, capture_output=True, check=False).returncode != 0:
        raise harness.Skip("this wcompose can't be run with libfaketime (a sanitizer's)")
    remote = Remote(t)
    agent = Agent(t, f"git: {remote.bare}, branch: main", environment=shifted)
    agent.until_in_force(remote.push(app(1), "first"), 60)
    for number, shift in ((2, "-30d"), (3, "+30d")):
        new = t.write("clock.new", shift + "\n")
        os.rename(new, clock)
        agent.until_in_force(remote.push(app(number), f"at {shift}"), 60)
        assert level(t)[0] == str(number)
        times = status(t)["LastLook"]
        agent.until(lambda now: now["LastLook"] != times, f"another look at {shift}", 60)
    agent.stop()
    end(t)
