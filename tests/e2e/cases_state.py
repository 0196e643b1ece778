"""What a project remembers: generations, what people asked for, what was under way when the supervisor was killed."""
import datetime
import glob
import os
import re
import shutil
import signal
import time

import harness
from cases_lifecycle import kill_supervisors, supervisors

SLOW = """
    services:
      slow:
        image: bb:1
        command: [sh, -c, "trap 'sleep 2; exit 3' TERM; echo up; while :; do sleep 0.05; done"]
        stop_grace_period: 30s
      other: {image: bb:1, stop_grace_period: 0s}
"""


def wake_a_supervisor(t):
    """A command that changes nothing, but needs a supervisor."""
    t.wc("kill", "-s", "CONT", "other")


def case_history_diff_rollback(t):
    """Generations are listed, compared and gone back to, with a supervisor and without one, and without the file."""
    t.load_image()
    t.compose("services: {web: {image: bb:1, stop_grace_period: 0s, environment: {LEVEL: one}}}")
    before = t.things()
    assert "nothing is known" in t.wc("history", code=66).err
    t.wc("up", "-d")
    assert "say the same" in t.wc("diff").err
    t.compose("""
        services:
          web: {image: bb:1, stop_grace_period: 0s, environment: {LEVEL: two}}
          more: {image: bb:1, stop_grace_period: 0s}
    """)
    said = t.wc("diff", "--detailed-exitcode", code=2).out.splitlines()
    assert said[0].startswith("+ services.more: {"), said
    assert said[1:] == ['~ services.web.environment.LEVEL: "one" -> "two"'], said
    t.wc("up", "-d")
    rows = t.wc("history", "--format", "json").rows
    assert [(r["Generation"], r["Outcome"], r["InForce"], r["RollbackTarget"]) for r in rows] == [
        (2, "stable", True, False), (1, "stable", False, True)], rows
    assert rows[0]["Changed"] == "+more, web environment", rows
    assert rows[0]["Source"].endswith("compose.yaml"), rows
    os.unlink(os.path.join(t.dir, "compose.yaml"))
    kill_supervisors(t)
    name = ("-p", t.project)
    assert len(t.wc(*name, "history").out.splitlines()) == 3
    assert t.wc(*name, "diff", "@2", "@1", "--format", "json").rows[1] == {
        "v": 1, "Path": "services.web.environment.LEVEL", "Old": "two", "New": "one"}
    assert "back at generation @1" in t.wc(*name, "rollback", "--wait").err
    with open(f"/proc/{t.wc(*name, 'ps', '--format', 'json', 'web').rows[0]['Pid']}/environ", encoding="utf-8") as f:
        assert "LEVEL=one" in f.read().split("\0")
    rows = t.wc(*name, "history", "--format", "json").rows
    assert [(r["Generation"], r["Outcome"], r["Restores"]) for r in rows] == [
        (3, "stable", 1), (2, "rolled back", 0), (1, "stable", 0)], rows
    assert "has no generation @9" in t.wc(*name, "rollback", "@9", code=66).err
    assert "'x' is no generation" in t.wc(*name, "diff", "x", code=64).err
    t.wc(*name, "down", "--remove-orphans")
    t.nothing_left(before)


def case_stopped_while_it_waits_for_a_restart(t):
    """A service that a person stopped in its back-off stays stopped, whoever supervises."""
    t.load_image()
    t.compose("""
        services:
          crashing: {image: bb:1, command: ["false"], restart: always, stop_grace_period: 0s}
          other: {image: bb:1, stop_grace_period: 0s}
    """)
    t.wc("up", "-d")
    t.until(lambda: t.row("crashing")["Restarts"] > 2, "a back-off")
    t.wc("stop", "crashing")
    before = t.row("crashing")
    for _ in range(3):
        kill_supervisors(t)
        wake_a_supervisor(t)
        time.sleep(1)
        now = t.row("crashing")
        assert now["State"] == "exited" and now["StartedAt"] == before["StartedAt"], (before, now)
    assert t.row("other")["State"] == "running"
    t.wc("start", "crashing", code=None)
    t.until(lambda: t.row("crashing")["StartedAt"] != before["StartedAt"], "a start")
    t.wc("down")


def case_other_requests_outlive_a_kill(t):
    """kill -9 in the middle of stop, restart and down: the next supervisor finishes them."""
    t.load_image()
    t.compose(SLOW)
    before = t.things()
    t.wc("up", "-d")
    t.until(lambda: "up" in t.wc("logs", "slow").out, "its trap")
    first = t.row("slow")

    def kill_in_the_middle(*words):
        """Of the two seconds that the service takes to end, after the request was heard."""
        process = t.start(*words)
        asked = " ".join(words)
        t.until(lambda: any(e["action"] == "asked" and e["reason"] == asked for e in t.wc("events", "--until", "0s", "--json").rows), asked)
        kill_supervisors(t)
        process.wait(timeout=60)

    def killed_during(*words):
        kill_in_the_middle(*words)
        wake_a_supervisor(t)

    def restarted():
        row = t.row("slow")
        return row if row["State"] == "running" and row["Pid"] != first["Pid"] else None

    killed_during("restart", "slow")
    second = t.until(restarted, "a restart")
    kill_supervisors(t)
    wake_a_supervisor(t)
    time.sleep(1)
    assert t.row("slow")["Pid"] == second["Pid"], "restarted twice"
    killed_during("stop", "slow")
    t.until(lambda: t.row("slow")["State"] == "exited", "a stop")
    kill_supervisors(t)
    wake_a_supervisor(t)
    time.sleep(0.5)
    assert t.row("slow")["State"] == "exited"
    t.wc("start", "slow")
    kill_in_the_middle("down")
    t.wc("stop", code=None)  # any command: the project goes all the same
    t.until(lambda: not t.ps(), "the end of down")
    t.until(lambda: not supervisors(t), "the end of the supervisor")
    t.nothing_left(before)


def case_disk_full(t):
    """A full disk: what runs goes on, stop works, up is refused and says why; with room again all is as before."""
    t.load_image()
    text = """
        services:
          tick:
            image: bb:1
            command: [sh, -c, "i=0; while :; do echo line $$i; i=$$((i+1)); sleep 0.05; done"]
            restart: always
            stop_grace_period: 0s
            environment: {LEVEL: "%s"}
          other: {image: bb:1, stop_grace_period: 0s}
    """
    t.compose(text % "one")
    before = t.things()
    t.wc("up", "-d")
    pid, other = t.pid("tick"), t.pid("other")
    t.compose(text % ("two" + "x" * 20000))

    def fill():
        disk = os.statvfs(t.base)  # it may have grown by the time it is filled, then it can't be as small as that
        size = (disk.f_blocks - disk.f_bfree) * disk.f_frsize
        return harness.command("mount", "-o", f"remount,size={size}", t.base, check=False).returncode == 0

    t.until(fill, "a full disk")
    refused = t.wc("up", "-d", code=None)
    assert refused.code != 0 and "No space left" in refused.err, refused
    assert t.pid("tick") == pid and t.pid("other") == other, t.ps()
    assert t.row("tick")["State"] == "running"
    assert "No space left" in t.wc("ps").err, "ps says that the disk is full"
    t.wc("stop", "other", code=None)  # what may make room is done, even if it can't be written down
    t.until(lambda: t.row("other")["State"] == "exited", "the stop")
    kill_supervisors(t)
    assert t.pid("tick") == pid, t.ps()
    harness.command("mount", "-o", "remount,size=1g", t.base)
    t.wc("up", "-d")
    assert t.pid("tick") != pid and t.row("other")["State"] == "running", t.ps()
    lines = t.until(lambda: t.wc("logs", "--no-log-prefix", "tick").out.splitlines(), "its lines")
    assert lines[0] == "line 0", lines[:3]
    t.wc("down")
    t.nothing_left(before)


def case_leftovers_of_killed_ops(t):
    """What a removal left that was killed in the middle, a group and a directory put aside, goes with the project."""
    t.load_image()
    t.compose("services: {web: {image: bb:1, stop_grace_period: 0s}}")
    before = t.things()
    t.wc("up", "-d")
    pid = t.pid("web")
    groups = []
    with open(f"/proc/{pid}/cgroup", encoding="utf-8") as f:
        for line in f.read().splitlines():
            _, names, path = line.split(":", 2)
            for tree in (names.removeprefix("name="), "unified", ""):
                parent = os.path.join("/sys/fs/cgroup", tree) + os.path.dirname(path)
                if t.project in parent and os.path.isdir(parent):
                    groups.append(os.path.join(parent, f"{t.project}-web-1.0badcafe.7"))
    assert groups, "no control group of the project was found"
    for group in groups:
        os.makedirs(group, exist_ok=True)
    trash = os.path.join(t.base, "root", "lib", "projects", t.project, "trash", "old.lib.1", "deep")
    os.makedirs(trash)
    with open(os.path.join(trash, "file"), "w", encoding="utf-8") as f:
        f.write("x")
    t.wc("down")
    assert not [g for g in groups if os.path.exists(g)], groups
    assert not os.path.exists(trash)
    t.nothing_left(before)


def tracking_tree():
    """Where systemd tracks sessions and units: the version 2 tree, or its own version 1 hierarchy."""
    for tree in ("/sys/fs/cgroup/systemd", "/sys/fs/cgroup"):
        if os.path.exists(os.path.join(tree, "cgroup.procs")):
            return tree
    return None


def case_the_end_of_a_session_is_not_ours(t):
    """Whoever ends every process of the group that `up` was typed in, ends nothing of the app."""
    tree = tracking_tree()
    if tree is None:
        raise harness.Skip("no control group tree by which sessions are tracked")
    t.load_image()
    t.compose("services: {web: {image: bb:1, stop_grace_period: 0s}}")
    before = t.things()
    session = os.path.join(tree, "session-" + t.token)
    os.mkdir(session)
    try:
        def enter():
            with open(os.path.join(session, "cgroup.procs"), "w", encoding="ascii") as f:
                f.write("0")
        typed = t.start("up", "-d", preexec_fn=enter)
        assert typed.wait(30) == 0
        web = t.row("web")["Pid"]
        assert harness.read(os.path.join(session, "cgroup.procs")) == "", "somebody is left in the session"
        for pid in supervisors(t):
            assert "session" not in harness.read(f"/proc/{pid}/cgroup")
        assert t.row("web")["Pid"] == web
    finally:
        os.rmdir(session)
    t.wc("down")
    t.nothing_left(before)


def power_cut(t):
    """What is there after the machine's plug was pulled: the disk, with records of an earlier boot."""
    run, lib = os.path.join(t.root, "run"), os.path.join(t.root, "lib")
    doomed = supervisors(t) + [row["Pid"] for row in t.ps() if row["Pid"]]
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if run in harness.read(f"/proc/{pid}/cmdline"):
                doomed.append(int(pid))
        except OSError:
            pass
    for pid in doomed:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # with another one
    t.until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in doomed), "everybody's end")
    for line in reversed(harness.read("/proc/self/mounts").splitlines()):
        if line.split()[1].startswith(t.root + "/"):
            harness.command("umount", line.split()[1])
    for name in os.listdir("/sys/class/net"):
        if name.startswith("wc"):
            harness.command("ip", "link", "del", name, check=False)
    harness.command("nft", "flush", "ruleset")
    shutil.rmtree(run)
    for record in glob.glob(os.path.join(lib, "projects/*/instances/*/instance.json")):
        text = harness.read(record)
        assert '"boot_id":"' in text, text
        with open(record, "w", encoding="utf-8") as f:
            f.write(re.sub('"boot_id":"[^"]*"', '"boot_id":"earlier"', text))


def case_after_a_power_cut(t):
    """After a boot the supervisor of the unit brings the app up by its restart policies, in its order."""
    t.load_image()
    t.compose("""
        services:
          web: {image: bb:1, restart: always, stop_grace_period: 0s, depends_on: {db: {condition: service_healthy}}}
          db:
            image: bb:1
            restart: unless-stopped
            stop_grace_period: 0s
            tmpfs: [/run]
            command: [sh, -c, "sleep 2; touch /run/serves; sleep 1000"]
            healthcheck: {test: [CMD, test, -e, /run/serves], interval: 200ms, start_period: 20s}
          once: {image: bb:1, stop_grace_period: 0s}
          stopped: {image: bb:1, restart: unless-stopped, stop_grace_period: 0s}
    """)
    before = t.things()
    t.wc("up", "-d", "--wait")
    t.wc("stop", "stopped")
    power_cut(t)
    unit = t.start("supervise", "--stay", "--project", t.project)
    t.until(lambda: t.row("web")["State"] == "running", "the app after the boot")
    started = {row["Service"]: row["StartedAt"] for row in t.ps("-a") if row["State"] == "running"}
    assert set(started) == {"db", "web"}, started
    waited = datetime.datetime.fromisoformat(started["web"]) - datetime.datetime.fromisoformat(started["db"])
    assert waited.total_seconds() > 1, f"web was started {waited} after db, which takes 2 s"
    assert t.row("once")["State"] == "exited" and t.row("stopped")["State"] == "exited"
    why = t.wc("why", "web").out
    assert "machine's restart" in why, why
    unit.terminate()
    t.until(lambda: unit.poll() is not None, "the unit's end")
    t.wc("down")
    t.nothing_left(before)


def case_an_upgrade_restarts_nothing(t):
    """With another program file in its place the next `up` has a supervisor that runs it; instances are as they were."""
    t.load_image()
    app = """
        services:
          web: {image: bb:1, stop_grace_period: 0s}
          job: {image: bb:1, command: [sh, -c, "sleep 4; exit 3"]}
    """
    t.compose(app)
    before = t.things()
    installed = os.path.join(t.base, "bin")
    os.mkdir(installed)
    for name in os.listdir(os.path.dirname(t.binary)):
        if re.fullmatch(r"wcompose(-\w+)?", name):
            shutil.copy2(os.path.join(os.path.dirname(t.binary), name), installed)
    newer, t.binary = t.binary, os.path.join(installed, "wcompose")
    t.wc("up", "-d")
    web, old = t.pid("web"), supervisors(t)
    t.wc("up", "-d")
    assert supervisors(t) == old, "the same program, another supervisor"
    for name in os.listdir(installed):  # as a package manager does it
        shutil.copy2(os.path.join(os.path.dirname(newer), name), os.path.join(installed, name + ".new"))
        os.rename(os.path.join(installed, name + ".new"), os.path.join(installed, name))
    assert os.readlink(f"/proc/{old[0]}/exe").endswith(" (deleted)")
    t.compose(app.rstrip() + "\n          more: {image: bb:1, stop_grace_period: 0s}\n")
    t.wc("up", "-d")
    t.until(lambda: not set(old) & set(supervisors(t)), "the end of the one before")
    now = supervisors(t)
    assert len(now) == 1 and os.readlink(f"/proc/{now[0]}/exe") == t.binary, now
    assert t.pid("web") == web and t.row("more")["State"] == "running"
    t.until(lambda: t.row("job")["ExitCode"] == 3, "the job's exit code")
    assert t.row("web")["Restarts"] == 0
    unit = t.start("supervise", "--stay", "--replace", "--project", t.project)
    t.until(lambda: supervisors(t) == [unit.pid], "the unit's supervisor")
    t.binary = newer  # another file again: what a service manager runs is its own
    t.wc("up", "-d")
    assert supervisors(t) == [unit.pid] and t.pid("web") == web
    t.wc("down")
    unit.terminate()
    t.until(lambda: unit.poll() is not None, "the unit's end")
    t.nothing_left(before)


def up_with_killed_runtimes(t, times):
    """`up`, and SIGKILL to the OCI runtime as soon as it is there, so many times at most. Where none was seen, as it is quick and the
    machine busy with others, all is done again. Returns the process."""
    for _ in range(20):
        up = t.start("up", "-d")
        if kill_runtimes(up, times) > 0:
            return up
        up.wait(60)
        t.wc("down")
    raise AssertionError("no runtime was seen")


def kill_runtimes(up, times):
    """While `up` runs. Returns how many were hit."""
    hit = set()
    while len(hit) < times and up.poll() is None:
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                words = harness.read(f"/proc/{pid}/cmdline").split("\0")
                if int(pid) not in hit and "create" in words and os.path.basename(words[0]) in ("crun", "runc"):
                    time.sleep(0.0005 * (len(hit) % 12))  # at another instruction each time
                    os.kill(int(pid), signal.SIGKILL)
                    hit.add(int(pid))
            except OSError:
                continue
    return len(hit)


def case_the_runtime_is_killed(t):
    """kill -9 of the OCI runtime in the middle of a create: it is made again where the policy allows it, else told; nothing is left."""
    t.load_image()
    t.compose("""
        services:
          web: {image: bb:1, restart: always, stop_grace_period: 0s, ports: ["127.0.0.1:18099:80"]}
          db: {image: bb:1, restart: on-failure, stop_grace_period: 0s}
    """)
    before = t.things()
    for times in (1, 2, 4, 8):
        up = up_with_killed_runtimes(t, times)
        up.wait(60)
        t.until(lambda: [row["State"] for row in t.ps()] == ["running", "running"], "both to come up all the same", 60)
        t.wc("down")
        t.nothing_left(before)
    t.compose("services: {web: {image: bb:1, stop_grace_period: 0s}}")
    for _ in range(20):
        up = up_with_killed_runtimes(t, 1)
        said = up.communicate(timeout=60)[0]
        if up.returncode != 0:
            break
        t.wc("down")  # it had done its work when it was killed
    assert up.returncode != 0 and "web" in said, said
    t.wc("up", "-d")
    assert t.row("web")["State"] == "running"
    t.wc("down")
    t.nothing_left(before)
