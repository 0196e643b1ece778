"""Health that acts: unhealthy instances restarted, native probes, readiness by notify, hooks."""
import os


def case_unhealthy_is_restarted(t):
    """on_unhealthy: restart brings a sick program back; without it, and with restart: no, it is left alone."""
    t.load_image()
    t.compose("""
        x-check: &check {test: [CMD, test, "!", -e, /tmp/sick], interval: 200ms, retries: 2}
        x-sick: &sick [sh, -c, "trap 'exit 0' TERM; while :; do sleep 9 & wait; done"]
        services:
          healed:
            {image: "bb:1", command: *sick, restart: on-failure, healthcheck: *check, x-wcompose: {on_unhealthy: restart}}
          plain: {image: "bb:1", command: *sick, restart: always, healthcheck: *check}
          once: {image: "bb:1", command: *sick, healthcheck: *check, x-wcompose: {on_unhealthy: restart}}
    """)
    before = t.things()
    t.wc("up", "-d", "--wait")
    pids = {name: t.pid(name) for name in ("healed", "plain", "once")}
    for name in pids:
        t.run_inside(name, "touch", "/tmp/sick")
    t.until(lambda: t.row("plain")["Health"] == "unhealthy" and t.row("once")["Health"] == "unhealthy", "unhealthy")
    t.until(lambda: t.row("healed")["State"] == "running" and t.pid("healed") != pids["healed"], "a restart")
    # its writable layer outlives the run: it is found sick again, and waits longer each time
    t.run_inside("healed", "rm", "-f", "/tmp/sick")
    t.until(lambda: t.row("healed")["Health"] == "healthy", "healthy again")
    assert t.pid("plain") == pids["plain"] and t.pid("once") == pids["once"]
    t.wc("down")
    t.nothing_left(before)
