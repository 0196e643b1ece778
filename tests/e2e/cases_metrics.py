"""What a supervisor counts and measures, read as Prometheus would; and how it lives under systemd."""
import re

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
