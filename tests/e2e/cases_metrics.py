"""What a supervisor counts and measures, read as Prometheus would; and how it lives under systemd."""
import re
import shutil

import harness

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
          short: {image: bb:1, command: [sh, -c, "sleep 0.2; exit 3"], restart: always, stop_grace_period: 0s}
    """)
    before = t.things()
    assert "nothing is measured" in t.wc("metrics", code=66).err
    t.wc("up", "-d")
    t.until(lambda: t.row("short")["Restarts"] >= 2 and t.row("web")["Health"] == "healthy", "restarts")
    found = samples(t.wc("metrics").out)
    assert value(t, found, "wcompose_app_generation") == 1, found
    assert value(t, found, "wcompose_instance_state", service="web", slot="1", state="running") == 1, found
    assert value(t, found, "wcompose_instance_health", service="web", slot="1", health="healthy") == 1, found
    assert value(t, found, "wcompose_instance_restarts_total", service="short") >= 2, found
    assert value(t, found, "wcompose_instance_restarts_total", service="web") == 0, found
    assert value(t, found, "wcompose_actions_total", action="create", result="ok") == 2, found
    assert value(t, found, "wcompose_probe_total", kind="exec", result="ok") >= 1, found
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
