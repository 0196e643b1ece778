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
    t.until(lambda: t.row("short")["Restarts"] >= 2 and {t.row(s)["Health"] for s in ("web", "asked")} == {"healthy"}, "restarts")
    found = samples(t.wc("metrics").out)
    assert value(t, found, "wcompose_app_generation") == 1, found
    assert value(t, found, "wcompose_instance_state", service="web", slot="1", state="running") == 1, found
    assert value(t, found, "wcompose_instance_health", service="web", slot="1", health="healthy") == 1, found
    assert value(t, found, "wcompose_instance_restarts_total", service="short") >= 2, found
    assert value(t, found, "wcompose_instance_restarts_total", service="web") == 0, found
    assert value(t, found, "wcompose_actions_total", action="create", result="ok") == 3, found
    assert value(t, found, "wcompose_probe_total", kind="exec", result="ok") >= 1, found
    assert value(t, found, "wcompose_probe_total", kind="file", result="ok") >= 1, found
    assert value(t, found, "wcompose_app_condition", type="Ready", status="true") is not None, found
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
    assert t.http("http://127.0.0.1:9464/")[0] == 404
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
    assert stuck.wait(20) != 0 and "doesn't leave" in stuck.stdout.read()
    os.kill(first[0], signal.SIGCONT)
    t.until(lambda: supervisors(t) == [], "the one that was asked meanwhile to leave")
    t.wc("kill", "-s", "CONT", "web")
    first = supervisors(t)
    path = os.path.join(t.base, "notify")
    manager = Manager(path)
    ours = t.start("supervise", "--stay", "--replace", "--project", t.project,
                   env=dict(t.environment, NOTIFY_SOCKET=path, WATCHDOG_USEC="300000"))
    assert manager.hear("READY=1", 20), ours.poll()
    t.until(lambda: supervisors(t) == [ours.pid], "the one before to end")
    assert t.pid("web") == web
    for _ in range(5):
        assert manager.hear("WATCHDOG=1", 5)
    os.kill(ours.pid, signal.SIGSTOP)
    time.sleep(0.2)
    manager.forget()
    assert not manager.hear("WATCHDOG=1", 1), "a stopped supervisor says that it is alive"
    os.kill(ours.pid, signal.SIGCONT)
    assert manager.hear("WATCHDOG=1", 5)
    t.compose("services: {web: {image: bb:1, stop_grace_period: 0s, environment: {LEVEL: two}}}")
    t.wc("up", "-d")
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as f:
                speaks = f"NOTIFY_SOCKET={path}".encode() in f.read().split(b"\0")
        except OSError:
            continue
        assert not speaks or int(pid) == ours.pid, f"{pid} could speak for the supervisor"
    t.wc("down")
    time.sleep(0.3)
    assert ours.poll() is None
    t.wc("up", "-d")
    ours.terminate()
    assert manager.hear("STOPPING=1", 10)
    assert ours.wait(10) == 0
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
