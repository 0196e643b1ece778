"""Services that are left as they are; restarts at the pace that a file sets."""
import os
import signal
import time

from cases_lifecycle import kill_supervisors


def case_suspend_and_resume(t):
    """Nothing of a suspended service is repaired, whoever looks after it; what would be done is said."""
    t.load_image()
    t.compose("""
        services:
          web: {image: "bb:1", command: [sleep, "1000"], restart: always, stop_grace_period: 0s}
          db: {image: "bb:1", command: [sleep, "1000"], restart: always, stop_grace_period: 0s}
    """)
    before = t.things()
    t.wc("up", "-d", "--wait")
    t.wc("suspend", "web")
    os.kill(t.pid("web"), signal.SIGKILL)
    db = t.pid("db")
    os.kill(db, signal.SIGKILL)
    t.until(lambda: t.row("db")["State"] == "running" and t.row("db")["Pid"] != db, "db is back")
    t.until(lambda: t.row("web")["State"] != "running", "web's end")
    time.sleep(0.5)
    row = t.row("web")
    assert row["Suspended"] and row["State"] != "running" and "it would start" in row["Waiting"], row
    assert "resume" in t.wc("ps", "-a").err and "resume" in t.wc("why", "web").out
    kill_supervisors(t)
    t.wc("start", "db")  # the next supervisor
    time.sleep(0.5)
    assert t.row("web")["Suspended"] and t.row("web")["Pid"] == 0
    t.wc("resume")
    t.until(lambda: t.row("web")["State"] == "running" and not t.row("web")["Suspended"], "web is back")
    t.wc("suspend")
    t.wc("up", "-d", "--wait")  # a word about it ends it
    assert not t.row("web")["Suspended"] and not t.row("db")["Suspended"]
    t.wc("suspend")
    t.wc("down")
    t.nothing_left(before)


def case_restart_policy_pace(t):
    """deploy.restart_policy: the wait is the file's, and so many attempts are made."""
    t.load_image()
    t.compose("""
        services:
          web:
            image: bb:1
            command: [sh, -c, "cut -d' ' -f1 /proc/uptime >> /data/starts; exit 1"]
            volumes: ["./data:/data"]
            deploy: {restart_policy: {condition: any, delay: 600ms, max_attempts: 3, window: 5s}}
    """)
    before = t.things()
    t.wc("up", "-d", code=None)
    starts = os.path.join(t.dir, "data", "starts")
    t.until(lambda: os.path.exists(starts) and len(open(starts, encoding="utf-8").readlines()) == 4, "four starts")
    time.sleep(1.5)
    with open(starts, encoding="utf-8") as f:
        at = [float(line) for line in f]
    assert len(at) == 4, at
    assert all(0.55 < b - a for a, b in zip(at, at[1:])), at
    t.wc("down")
    t.nothing_left(before)
