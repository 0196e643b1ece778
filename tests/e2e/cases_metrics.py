"""What a supervisor counts and measures, read as Prometheus would; and how it lives under systemd."""
import os
import re
import shutil
import signal
import socket
import time

import harness
from cases_lifecycle import supervisors

LINE = re.compile(r'^([a-z_]+)\{((?:[a-z_]+="(?:[^"\\\n]|\\.)*",?)*)\} ([0-9.]+)$')
HISTOGRAMS = ("wcompose_reconcile_duration_seconds", "wcompose_action_duration_seconds", "wcompose_probe_duration_seconds",
              "wcompose_instance_ready_seconds", "wcompose_journal_fsync_seconds", "wcompose_loop_lag_seconds")


def samples(text):
    """Series to value; every line has to be one, and none may come twice."""
    out = {}
    for line in text.splitlines():
        if line.startswith("# "):
            continue
        name, labels, value = LINE.match(line).groups()
        key = (name, tuple(sorted(re.findall(r'([a-z_]+)="((?:[^"\\]|\\.)*)"', labels))))
        assert key not in out, line
        out[key] = float(value)
    return out


def value(t, found, name, **labels):
    return found.get((name, tuple(sorted([("project", t.project), *labels.items()]))))


def total(found, name, **labels):
    """Of all series of a name that have these labels."""
    return sum(v for (n, own), v in found.items() if n == name and set(labels.items()) <= set(own))


def histograms(found):
    """Every histogram's buckets ascend, the last is +Inf and what it counts in all; returns (name, labels) to its count."""
    series, out = {}, {}
    for (name, labels), v in found.items():
        for part in ("bucket", "sum", "count"):
            if name.endswith("_" + part) and name[:-len(part) - 1] in HISTOGRAMS:
                key = (name[:-len(part) - 1], tuple(x for x in labels if x[0] != "le"))
                series.setdefault(key, {}).setdefault(part, []).append((dict(labels).get("le"), v))
    for key, parts in series.items():
        buckets = sorted((float(le.replace("+", "")), v) for le, v in parts["bucket"])
        counts = [v for _, v in buckets]
        (_, count), (_, seconds) = parts["count"][0], parts["sum"][0]
        assert counts == sorted(counts) and buckets[-1][0] == float("inf") and counts[-1] == count, (key, buckets, count)
        shortest = sum((counts[i] - counts[i - 1]) * buckets[i - 1][0] for i in range(1, len(counts)))
        assert shortest <= seconds, (key, buckets, seconds)
        out[key] = count
    return out


def case_metrics(t):
    """Numbers follow what happens: a start, a health check, an end that is restarted, a removal by nobody of us."""
    t.load_image()
    t.compose("""
        services:
          web:
            image: bb:1
            stop_grace_period: 0s
            healthcheck: {test: [CMD, "true"], interval: 1s}
          asked:
            image: bb:1
            stop_grace_period: 0s
            x-wcompose: {probe: {file: /bin/busybox, interval: 1s}}
          short: {image: bb:1, command: [sh, -c, "sleep 0.2; exit 3"], restart: always, stop_grace_period: 0s}
    """)
    before = t.things()
    assert "nothing is measured" in t.wc("metrics", code=66).err
    t.wc("up", "-d")
    # A restart is counted when it is decided on, its start when it comes: three of the first are two of the second.
    t.until(lambda: t.row("short")["Restarts"] >= 3 and {t.row(s)["Health"] for s in ("web", "asked")} == {"healthy"}, "restarts")
    found = samples(t.wc("metrics").out)
    assert value(t, found, "wcompose_app_generation") == 1, found
    assert value(t, found, "wcompose_instance_state", service="web", slot="1", state="running") == 1, found
    assert value(t, found, "wcompose_instance_health", service="web", slot="1", health="healthy") == 1, found
    assert value(t, found, "wcompose_instance_restarts_total", service="short", reason="exit") >= 2, found
    assert total(found, "wcompose_instance_restarts_total", service="web") == 0, found
    assert value(t, found, "wcompose_plan_actions_total", action="create", reason="asked", result="ok") == 3, found
    assert value(t, found, "wcompose_plan_actions_total", action="start", reason="policy", result="ok") >= 2, found
    assert value(t, found, "wcompose_probe_total", kind="exec", result="ok") >= 1, found
    assert value(t, found, "wcompose_probe_total", kind="file", result="ok") >= 1, found
    assert value(t, found, "wcompose_app_condition", type="Ready", status="true") is not None, found
    t.wc("down")
    t.nothing_left(before)


def case_metrics_times(t):
    """How long things took: plausible, and as many as were counted; what is suspended, orphaned, restarted for what."""
    t.load_image()
    sick = 'test "$$(cat /state 2>/dev/null)" != sick'
    model = """
        services:
          slow:
            image: bb:1
            stop_grace_period: 0s
            command: [sh, -c, "sleep 1; touch /ready; exec sleep 1000"]
            healthcheck: {test: [CMD, test, -e, /ready], interval: 200ms, start_period: 20s, start_interval: 200ms}
          ill:
            image: bb:1
            stop_grace_period: 0s
            restart: always
            healthcheck: {test: [CMD-SHELL, '%s'], interval: 200ms, retries: 1}
            x-wcompose: {on_unhealthy: restart}
    """ % sick
    gone = """
          gone: {image: bb:1, stop_grace_period: 0s}
    """
    t.compose(model + gone)
    before = t.things()
    t.wc("up", "-d", "--wait")
    found = samples(t.wc("metrics").out)
    counts = histograms(found)
    assert {name for name, _ in counts} == set(HISTOGRAMS), counts
    own = ("project", t.project)
    assert counts["wcompose_instance_ready_seconds", (own,)] == 3, counts
    assert 1 <= value(t, found, "wcompose_instance_ready_seconds_sum") < 60, found
    assert value(t, found, "wcompose_instance_ready_seconds_bucket", le="0.5") <= 2, found
    assert counts["wcompose_reconcile_duration_seconds", (own,)] == total(found, "wcompose_reconcile_total") == 1, found
    assert 1 <= value(t, found, "wcompose_reconcile_duration_seconds_sum") < 60, found
    assert 0 < value(t, found, "wcompose_loop_lag_seconds_sum") < 60, found
    assert counts["wcompose_journal_fsync_seconds", (own,)] >= 1, found
    for action in ("create", "start"):
        taken = total(found, "wcompose_action_duration_seconds_count", action=action, driver="process")
        assert taken == total(found, "wcompose_plan_actions_total", action=action) == 3, found
    assert total(found, "wcompose_probe_duration_seconds_count", kind="exec") == total(found, "wcompose_probe_total", kind="exec"), found
    assert value(t, found, "wcompose_app_observed_generation") == 1, found
    assert value(t, found, "wcompose_orphans") == 0 == value(t, found, "wcompose_app_suspended"), found
    t.run_inside("ill", "sh", "-c", "echo sick > /state")
    t.until(lambda: t.row("ill")["Restarts"] >= 1, "a restart")
    # cured, as it would be given up after five
    t.until(lambda: t.wc("exec", "-T", "ill", "rm", "-f", "/state", code=None).code == 0, "a cure")
    t.until(lambda: t.row("ill")["Health"] == "healthy", "its health")
    t.wc("suspend", "slow")
    t.compose(model)
    t.wc("up", "-d", "ill")
    found = samples(t.wc("metrics").out)
    histograms(found)
    assert value(t, found, "wcompose_instance_restarts_total", service="ill", reason="unhealthy") >= 1, found
    assert value(t, found, "wcompose_plan_actions_total", action="kill", reason="unhealthy", result="ok") or \
        value(t, found, "wcompose_plan_actions_total", action="stop", reason="unhealthy", result="ok"), found
    assert value(t, found, "wcompose_app_suspended") == 1, found
    assert value(t, found, "wcompose_app_condition", type="Suspended", status="true") == 1, found
    assert value(t, found, "wcompose_orphans") == 1, found
    assert value(t, found, "wcompose_app_generation") == 2 == value(t, found, "wcompose_app_observed_generation"), found
    t.wc("rollback", "@1")
    found = samples(t.wc("metrics").out)
    assert value(t, found, "wcompose_rollbacks_total", reason="asked") == 1, found
    assert value(t, found, "wcompose_rollbacks_total", reason="failed") == 0, found
    t.wc("down")
    t.nothing_left(before)


def case_metrics_port(t):
    """On a port of the loopback where that is asked for; an address that others can reach is refused with the reason."""
    t.load_image()
    t.compose("services: {web: {image: bb:1, stop_grace_period: 0s}}")
    before = t.things()
    said = t.wc("up", "-d", code=64, env={"WCOMPOSE_METRICS": "0.0.0.0:9464"}).err
    assert "can be reached from elsewhere" in said, said
    t.wc("up", "-d", env={"WCOMPOSE_METRICS": "127.0.0.1:9464"})
    found = samples(t.get("http://127.0.0.1:9464/metrics"))
    assert value(t, found, "wcompose_instance_state", service="web", slot="1", state="running") == 1, found
    assert t.http("http://127.0.0.1:9464/", timeout=60)[0] == 404
    listening = harness.command("ss", "-Hltn").stdout if shutil.which("ss") else "127.0.0.1:9464"
    assert "127.0.0.1:9464" in listening and "0.0.0.0:9464" not in listening, listening
    t.wc("down")
    t.until(lambda: t.refused("http://127.0.0.1:9464/metrics"), "the port to close")
    t.nothing_left(before)


class Manager:
    """A service manager's ears: the socket of NOTIFY_SOCKET."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)

    def hear(self, wanted, seconds):
        """True as soon as a message has the line; messages before it are passed over."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                if wanted in self.socket.recv(4096).decode().split("\n"):
                    return True
            except TimeoutError:
                break
        return False

    def forget(self):
        self.socket.settimeout(0)
        try:
            while True:
                self.socket.recv(4096)
        except BlockingIOError:
            pass


def case_under_a_service_manager(t):
    """One that is stuck is left alone; takes over without a restart, says READY, beats while it turns and only then, stays after down, says STOPPING."""
    t.load_image()
    t.compose("services: {web: {image: bb:1, stop_grace_period: 0s, environment: {LEVEL: one}}}")
    before = t.things()
    t.wc("up", "-d")
    first, web = supervisors(t), t.pid("web")
    assert len(first) == 1, first
    os.kill(first[0], signal.SIGSTOP)
    stuck = t.start("supervise", "--stay", "--replace", "--project", t.project)
    assert stuck.wait(60) != 0 and "doesn't leave" in stuck.stdout.read()
    os.kill(first[0], signal.SIGCONT)
    t.until(lambda: supervisors(t) == [], "the one that was asked meanwhile to leave")
    t.wc("kill", "-s", "CONT", "web")
    first = supervisors(t)
    path = os.path.join(t.base, "notify")
    manager = Manager(path)
    ours = t.start("supervise", "--stay", "--replace", "--project", t.project,
                   env=dict(t.environment, NOTIFY_SOCKET=path, WATCHDOG_USEC="300000"))
    assert manager.hear("READY=1", 60), ours.poll()
    t.until(lambda: supervisors(t) == [ours.pid], "the one before to end")
    assert t.pid("web") == web
    for _ in range(5):
        assert manager.hear("WATCHDOG=1", 30)
    os.kill(ours.pid, signal.SIGSTOP)
    time.sleep(0.2)
    manager.forget()
    assert not manager.hear("WATCHDOG=1", 1), "a stopped supervisor says that it is alive"
    os.kill(ours.pid, signal.SIGCONT)
    assert manager.hear("WATCHDOG=1", 30)
    t.compose("services: {web: {image: bb:1, stop_grace_period: 0s, environment: {LEVEL: two}}}")
    t.wc("up", "-d")

    def speakers():
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/environ", "rb") as f:
                    found += [int(pid)] if f"NOTIFY_SOCKET={path}".encode() in f.read().split(b"\0") else []
            except OSError:
                pass
        return found

    # a child has its parent's environment until it executes its own program
    t.until(lambda: speakers() == [ours.pid], "nobody else who could speak for the supervisor")
    t.wc("down")
    time.sleep(0.3)
    assert ours.poll() is None
    t.wc("up", "-d")
    ours.terminate()
    assert manager.hear("STOPPING=1", 60)
    assert ours.wait(60) == 0
    assert os.path.exists(f"/proc/{t.pid('web')}")
    t.wc("down")
    t.nothing_left(before)


def case_generate_systemd(t):
    """The unit says what it should, and systemd's own checker has nothing to say about it."""
    t.compose("services: {web: {image: bb:1}}")
    unit = t.wc("generate", "systemd").out
    lines = unit.splitlines()
    program = next(line for line in lines if line.startswith("ExecStart="))
    assert program == f'ExecStart="{t.binary}" supervise --stay --replace --project "{t.project}"', program
    for line in ("Type=notify", "KillMode=process", "Restart=always", f'Environment="WCOMPOSE_ROOT={t.root}"'):
        assert line in lines, unit
    if shutil.which("systemd-analyze") is None:
        raise harness.Skip("systemd-analyze (package systemd) is not installed")
    path = t.write(f"wcompose-{t.project}.service", unit)
    done = harness.command("systemd-analyze", "verify", path, check=False)
    assert done.returncode == 0 and done.stdout + done.stderr == "", done
