"""Changes that reach the replicas of a service one after another: how they end, well or badly, and what a kill leaves."""
import os
import signal
import time

from cases_lifecycle import supervisors

SERVE = "trap 'exit 0' TERM; touch /ok; while :; do sleep 0.05; done"


def compose(t, level, replicas=3, update="parallelism: 1, monitor: 300ms", command=SERVE, more=""):
    t.compose(f"""
        services:
          web:
            image: bb:1
            command: [sh, -c, "{command}"]
            environment: {{LEVEL: {level}}}
            restart: always
            stop_grace_period: 1s
            healthcheck: {{test: [CMD, test, -e, /ok], interval: 1s, retries: 2}}
            deploy: {{replicas: {replicas}, update_config: {{{update}}}}}
            {more}
    """)


def levels(t):
    """What each running replica of web has in its environment, by number."""
    found = {}
    for row in t.ps():
        if row["State"] == "running":
            with open(f"/proc/{row['Pid']}/environ", encoding="utf-8") as f:
                found[row["Index"]] = dict(w.split("=", 1) for w in f.read().split("\0") if "=" in w)["LEVEL"]
    return found


def case_rollout_one_by_one(t):
    """A change takes one replica at a time; the others serve on, and the end is told."""
    t.load_image()
    compose(t, "one")
    before = t.things()
    t.wc("up", "-d", "--wait")
    assert t.wc("rollouts", "--format", "json").rows == []
    compose(t, "two")
    change = t.start("up", "-d")
    fewest = 3
    while change.poll() is None:
        fewest = min(fewest, sum(r["State"] == "running" for r in t.ps()))
    assert change.returncode == 0, change.stdout.read()
    assert fewest >= 2, f"only {fewest} of 3 ran at some time"
    assert levels(t) == {1: "two", 2: "two", 3: "two"}
    row = t.wc("rollouts", "--format", "json").rows[0]
    assert (row["Service"], row["State"], row["Changed"], row["Replicas"], row["From"], row["To"]) == (
        "web", "done", 3, 3, 1, 2), row
    assert "done" in t.wc("rollouts").out
    t.wc("down")
    t.nothing_left(before)


def case_rollout_fails_and_goes_back(t):
    """A version that ends by itself stops at its first replica, and the one before comes back without a person."""
    t.load_image()
    safe = "parallelism: 1, monitor: 500ms, failure_action: rollback"
    compose(t, "one", update=safe)
    before = t.things()
    t.wc("up", "-d", "--wait")
    pids = {r["Index"]: r["Pid"] for r in t.ps()}
    compose(t, "two", update=safe, command="exit 3")
    said = t.wc("up", "-d", code=3)
    assert "exited 3" in said.err and "rolled back to generation @1" in said.err, said
    assert levels(t) == {1: "one", 2: "one", 3: "one"}
    kept = [i for i, pid in pids.items() if {r["Index"]: r["Pid"] for r in t.ps()}[i] == pid]
    assert len(kept) == 2, "the replicas whose turn had not come were touched"
    rows = t.wc("history", "--format", "json").rows
    assert [(r["Generation"], r["Outcome"], r["InForce"], r["Restores"]) for r in rows] == [
        (3, "stable", True, 1), (2, "rolled back", False, 0), (1, "stable", False, 0)], rows
    assert "exited 3" in rows[1]["Reason"], rows
    compose(t, "three", update=safe)
    t.wc("up", "-d")
    assert set(levels(t).values()) == {"three"}
    t.wc("down")
    t.nothing_left(before)


def case_rollout_pauses(t):
    """Without another word a failure pauses it: what has not changed serves on, also after a kill; up goes on."""
    t.load_image()
    compose(t, "one")
    before = t.things()
    t.wc("up", "-d", "--wait")
    compose(t, "two", command="sleep 0.1; exit 4")
    said = t.wc("up", "-d", code=3)
    assert "exited 4" in said.err, said
    row = t.wc("rollouts", "--format", "json").rows[0]
    assert row["State"] == "paused" and row["Failures"] == 1 and "exited 4" in row["Reason"], row
    for pid in supervisors(t):
        os.kill(pid, signal.SIGKILL)
    t.wc("kill", "-s", "CONT")  # any command: a supervisor comes
    time.sleep(1)
    assert sorted(v for v in levels(t).values() if v == "one") == ["one", "one"], levels(t)
    compose(t, "three")
    t.wc("up", "-d")
    assert levels(t) == {1: "three", 2: "three", 3: "three"}
    t.wc("down")
    t.nothing_left(before)


def case_rollout_outlives_a_kill(t):
    """kill -9 of the supervisor in the middle: the next one goes on where it was, replica by replica."""
    t.load_image()
    compose(t, "one", update="parallelism: 1, monitor: 1s")
    before = t.things()
    t.wc("up", "-d", "--wait")
    compose(t, "two", update="parallelism: 1, monitor: 1s")
    change = t.start("up", "-d")
    t.until(lambda: "two" in levels(t).values(), "the first replica")
    first = {r["Index"]: r["Pid"] for r in t.ps() if levels(t).get(r["Index"]) == "two"}
    for pid in supervisors(t):
        os.kill(pid, signal.SIGKILL)
    change.wait(timeout=30)
    t.wc("kill", "-s", "CONT")
    fewest = 3

    def all_new():
        nonlocal fewest
        now = levels(t)
        fewest = min(fewest, len(now))
        return now == {1: "two", 2: "two", 3: "two"}

    t.until(all_new, "the end of the rollout", 20)
    assert fewest >= 2, fewest
    now = {r["Index"]: r["Pid"] for r in t.ps()}
    assert all(now[i] == pid for i, pid in first.items()), "what had changed was changed again"
    t.until(lambda: t.wc("rollouts", "--format", "json").rows[0]["State"] == "done", "its end on record")
    t.wc("down")
    t.nothing_left(before)


def case_rollout_start_first(t):
    """The new one comes before the old one goes, where they don't share an address; with networks a warning says so."""
    t.load_image()
    order = "order: start-first, monitor: 300ms, failure_action: rollback"
    compose(t, "one", replicas=1, update=order, more="network_mode: none")
    before = t.things()
    t.wc("up", "-d", "--wait")
    compose(t, "two", replicas=1, update=order, more="network_mode: none")
    change = t.start("up", "-d")
    most = 0
    while change.poll() is None:
        rows = [r for r in t.ps() if r["State"] == "running"]
        assert rows, "nothing ran at some time"
        most = max(most, len(rows))
    assert change.returncode == 0, change.stdout.read()
    assert most == 2, most
    assert levels(t) == {1: "two"}
    pid = t.pid("web")
    compose(t, "three", replicas=1, update=order, command="exit 5", more="network_mode: none")
    assert "rolled back" in t.wc("up", "-d", code=3).err
    assert t.pid("web") == pid, "the old one was touched"
    t.wc("down")
    t.nothing_left(before)
    compose(t, "one", update=order)
    assert "carried out as stop-first" in t.wc("config", "-q").err
