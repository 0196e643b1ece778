"""Health that acts: unhealthy instances restarted, native probes, readiness by notify, hooks."""
import os
import signal
import socket

from cases_lifecycle import supervisor


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



def case_native_probes(t):
    """tcp, http, file and unix are asked from outside, without a program in the instance; what says no is unhealthy."""
    t.load_image()
    t.compose("""
        x-fast: &fast {interval: 200ms, retries: 2}
        services:
          tcp:
            {image: "bb:1", command: [/bin/serve], x-wcompose: {probe: {tcp: 80, <<: *fast}}}
          http:
            {image: "bb:1", command: [/bin/serve], x-wcompose: {probe: {http: {port: 80}, <<: *fast}}}
          missing:
            {image: "bb:1", command: [/bin/serve], x-wcompose: {probe: {http: {port: 80, path: /no}, <<: *fast}}}
          wanted:
            image: bb:1
            command: [/bin/serve]
            x-wcompose: {probe: {http: {port: 80, path: /no, status: 404}, <<: *fast}}
          file: {image: "bb:1", x-wcompose: {probe: {file: /link/ready, <<: *fast}}}
          unix: {image: "bb:1", x-wcompose: {probe: {unix: /run/none.sock, <<: *fast}}}
          closed: {image: "bb:1", x-wcompose: {probe: {tcp: 81, <<: *fast}}}
          silent:
            image: bb:1
            command: [sh, -c, "nc -l -p 80 -e sleep 60 & nc -l -p 81 & wait"]
            stop_grace_period: 0s
            x-wcompose: {probe: {http: {port: 80}, interval: 200ms, retries: 2, timeout: 300ms}}
          one-stack:
            image: bb:1
            command: [sh, -c, "trap 'exit 0' TERM; httpd -p '[::1]:80' -h /www; sleep 999 & wait"]
            x-wcompose: {probe: {http: {port: 80}, <<: *fast}}
    """)
    before = t.things()
    t.wc("up", "-d")
    health = lambda name: t.row(name)["Health"]  # noqa: E731
    for name in ("tcp", "http", "wanted", "one-stack"):
        t.until(lambda: health(name) == "healthy", name + " healthy")  # pylint: disable=cell-var-from-loop
    for name in ("missing", "unix", "closed", "silent", "file"):
        t.until(lambda: health(name) == "unhealthy", name + " unhealthy")  # pylint: disable=cell-var-from-loop
    # a path is the instance's: its links lead to its own root
    t.run_inside("file", "sh", "-c", "mkdir -p /run/x; touch /run/x/ready; ln -s /run/x /link")
    t.until(lambda: health("file") == "healthy", "file healthy")
    assert not os.path.exists("/run/x/ready")
    t.wc("down")
    t.nothing_left(before)


def case_probe_of_a_path_that_leads_out(t):
    """What is outside of the root can't be reached by links and dots; a socket of any kind counts."""
    t.load_image()
    t.compose("""
        services:
          out:
            image: bb:1
            command: [sh, -c, "ln -s ../../../../../../../../../../etc/hostname /esc; rm -f /etc/motd; exec /bin/idle"]
            x-wcompose: {probe: {file: /proc/self/root/nowhere, interval: 200ms, retries: 2}}
          there: {image: "bb:1", x-wcompose: {probe: {file: /../../etc/passwd, interval: 200ms}}}
    """)
    t.wc("up", "-d")
    t.until(lambda: t.row("there")["Health"] == "healthy", "there")
    t.until(lambda: t.row("out")["Health"] == "unhealthy", "out")
    t.wc("down")


def say(t, service, *words):
    """What a program of the instance would send; the path is the one that it sees."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.sendto("\n".join(words).encode(), f"/proc/{t.pid(service)}/root/run/wcompose/notify")


def case_readiness_by_notify(t):
    """READY=1 makes it healthy, also when it is said while there is no supervisor; the socket can't be taken away."""
    t.load_image()
    t.compose("""
        services:
          web: {image: "bb:1", user: app, read_only: true, x-wcompose: {probe: {notify: true}}}
          never: {image: "bb:1", x-wcompose: {probe: {notify: true, start_period: 500ms}}}
          after: {image: "bb:1", depends_on: {web: {condition: service_healthy}}}
    """)
    before = t.things()
    up = t.start("up", "-d")
    t.until(lambda: t.row("web")["Health"] == "starting", "web starting")
    assert t.run_inside("web", "sh", "-c", "echo $NOTIFY_SOCKET").out == "/run/wcompose/notify\n"
    assert t.run_inside("web", "sh", "-c", "test -S $NOTIFY_SOCKET && rm $NOTIFY_SOCKET 2>&1", code=1).out
    say(t, "web", "STATUS=warming up", "X_OWN=1")
    t.until(lambda: t.row("web").get("HealthOutput") == "warming up", "a status")
    assert t.row("web")["Health"] == "starting" and t.row("after")["State"] != "running"
    t.until(lambda: t.row("never")["Health"] == "unhealthy", "never ready")
    say(t, "web", "READY=1", "STATUS=at work")
    t.until(lambda: t.row("after")["State"] == "running", "after web")
    up.wait(20)
    assert t.row("web")["Health"] == "healthy" and t.row("web")["HealthOutput"] == "at work"
    pids = t.pid("web"), t.pid("never")
    os.kill(supervisor(), signal.SIGKILL)
    say_to = f"/proc/{pids[1]}/root/run/wcompose/notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.sendto(b"READY=1", say_to)
    t.until(lambda: t.row("web")["Health"] == "healthy", "web healthy for the next supervisor")
    t.until(lambda: t.row("never")["Health"] == "healthy", "what was said in between")
    assert (t.pid("web"), t.pid("never")) == pids
    t.wc("down")
    t.nothing_left(before)


def case_watchdog(t):
    """WATCHDOG=1 keeps it well; its silence is unhealthy, and on_unhealthy acts. A flood does no harm."""
    t.load_image()
    t.compose("""
        services:
          web:
            image: bb:1
            restart: always
            x-wcompose: {probe: {notify: true, watchdog: 1s}, on_unhealthy: restart}
    """)
    t.wc("up", "-d", "--wait-timeout", "1", code=None)
    pid = t.pid("web")
    assert t.run_inside("web", "sh", "-c", "echo $WATCHDOG_USEC").out == "1000000\n"
    say(t, "web", "READY=1")
    for _ in range(8):
        say(t, "web", "WATCHDOG=1")
        os.sched_yield()
        assert t.row("web")["Health"] in ("healthy", "starting") and t.pid("web") == pid
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.setblocking(False)
        for n in range(5000):
            try:
                s.sendto(b"STATUS=%d\nWATCHDOG=1" % n, f"/proc/{pid}/root/run/wcompose/notify")
            except BlockingIOError:
                pass
    t.until(lambda: t.row("web")["State"] == "running" and t.pid("web") != pid, "a restart")
    t.wc("down")
