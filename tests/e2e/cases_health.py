"""Health that acts: unhealthy instances restarted, native probes, readiness by notify, hooks."""
import os
import socket
import time

from cases_lifecycle import kill_supervisor


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
    t.until(lambda: t.row("healed")["Restarts"] >= 2, "restarts")
    # its writable layer outlives the run: it is found sick again, and waits longer each time
    t.until(lambda: t.wc("exec", "-T", "healed", "rm", "-f", "/tmp/sick", code=None).code == 0, "a cure")
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
    health = lambda name: next((r["Health"] for r in t.ps() if r["Service"] == name), None)  # noqa: E731
    t.until(lambda: health("web") == "starting" and t.row("web")["State"] == "running", "web starting", 60)
    assert t.run_inside("web", "sh", "-c", "echo $NOTIFY_SOCKET").out == "/run/wcompose/notify\n"
    assert t.run_inside("web", "sh", "-c", "test -S $NOTIFY_SOCKET && rm $NOTIFY_SOCKET 2>&1", code=1).out
    say(t, "web", "STATUS=warming up", "X_OWN=1")
    t.until(lambda: t.row("web").get("HealthOutput") == "warming up", "a status")
    assert t.row("web")["Health"] == "starting" and t.row("after")["State"] != "running"
    t.until(lambda: t.row("never")["Health"] == "unhealthy", "never ready")
    say(t, "web", "READY=1", "STATUS=at work")
    t.until(lambda: t.row("after")["State"] == "running", "after web")
    up.wait(60)
    assert t.row("web")["Health"] == "healthy" and t.row("web")["HealthOutput"] == "at work"
    pids = t.pid("web"), t.pid("never")
    kill_supervisor(t)
    say_to = f"/proc/{pids[1]}/root/run/wcompose/notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.sendto(b"READY=1", say_to)
    t.wc("up", "-d")
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
            x-wcompose: {probe: {notify: true, watchdog: 8s}, on_unhealthy: restart}
    """)
    t.wc("up", "-d", "--wait-timeout", "1", code=None)
    t.until(lambda: t.row("web")["State"] == "running", "its start")
    pid = t.pid("web")
    assert t.run_inside("web", "sh", "-c", "echo $WATCHDOG_USEC").out == "8000000\n"
    say(t, "web", "READY=1")
    t.until(lambda: t.row("web")["Health"] == "healthy", "web healthy")
    for _ in range(7):
        say(t, "web", "WATCHDOG=1")
        time.sleep(1.5)
    assert t.row("web")["Health"] == "healthy" and t.pid("web") == pid
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.setblocking(False)
        for n in range(5000):
            try:
                s.sendto(b"STATUS=%d\nWATCHDOG=1" % n, f"/proc/{pid}/root/run/wcompose/notify")
            except BlockingIOError:
                pass
    t.until(lambda: t.row("web")["Pid"] not in (0, pid), "a restart")
    t.wc("down")


HOOKS = """
    services:
      web:
        image: bb:1
        command: [sh, -c, "trap 'echo term >>/tmp/log; exit 0' TERM; echo up >>/tmp/log; while :; do sleep 9 & wait; done"]
        user: app
        stop_grace_period: 3s
        volumes: [data:/tmp]
        post_start:
          - {command: [sh, -c, '$wait; sleep 0.3; echo "post $$A $$(id -un) $$(pwd)" >>/tmp/log'], environment: {A: x y}, working_dir: /etc}
          - {command: sh -c 'echo "root $$(id -un)" >>/tmp/log', user: root}
        pre_stop:
          - {command: [sh, -c, "echo pre >>/tmp/log; sleep 0.2"]}
          - command: [sh, -c, "echo no >&2; exit 7"]
      after: {image: "bb:1", depends_on: [web], volumes: [data:/tmp], command: [sh, -c, "echo after >>/tmp/log; exec /bin/idle"]}
    volumes: {data: {}}
""".replace("$wait", "until [ $$(grep -c ^up /tmp/log) -gt $$(grep -c ^post /tmp/log) ]; do sleep 0.1; done")  # for the program's first word


def case_hooks(t):
    """post_start before who waits, pre_stop before the signal, each with its user, directory and environment."""
    t.load_image()
    path = t.compose(HOOKS)
    before = t.things()
    t.wc("up", "-d")
    t.until(lambda: "after" in t.run_inside("web", "cat", "/tmp/log").out, "the word of what was started last")
    log = t.run_inside("web", "cat", "/tmp/log").out.splitlines()
    assert log == ["up", "post x y app /etc", "root root", "after"], log
    t.wc("restart", "web")
    log = t.run_inside("web", "cat", "/tmp/log").out.splitlines()[4:]
    assert log == ["pre", "term", "up", "post x y app /etc", "root root"], log
    # replaced: the hooks are those that it was made with
    with open(path, encoding="utf-8") as f:
        text = f.read()
    t.compose(text.replace("echo pre ", "echo other "))
    t.wc("up", "-d")
    log = t.run_inside("web", "cat", "/tmp/log").out.splitlines()[9:]
    assert log[:3] == ["pre", "term", "up"], log
    t.wc("down")
    t.nothing_left(before, allowed=[r"files: .*/lib/volumes/"])
    t.wc("down", "-v")


def case_hook_that_fails(t):
    """A failed post_start fails `up` with what it said; a slow pre_stop has the grace period."""
    t.load_image()
    t.compose("""
        services:
          bad: {image: "bb:1", post_start: [{command: [sh, -c, "echo no such thing >&2; exit 3"]}]}
          after: {image: "bb:1", depends_on: [bad]}
    """)
    failed = t.wc("up", "-d", code=None)
    assert failed.code != 0 and "post_start 1: exited 3: no such thing" in failed.err, failed
    t.until(lambda: t.row("bad")["State"] == "exited", "its end")
    t.wc("down")
    t.compose("""
        services:
          slow: {image: "bb:1", stop_grace_period: 1s, pre_stop: [{command: sleep 100}]}
    """)
    t.wc("up", "-d")
    t.wc("stop", timeout=80)  # less than the hook takes
    t.wc("down")


def case_hook_and_a_killed_supervisor(t):
    """kill -9 while a hook runs: it isn't run again in the same run, and nothing hangs."""
    t.load_image()
    t.compose("""
        services:
          web:
            image: bb:1
            volumes: [data:/tmp]
            post_start: [{command: [sh, -c, "echo hook >>/tmp/log; sleep 1; echo end >>/tmp/log"]}]
        volumes: {data: {}}
    """)
    t.start("up", "-d")
    t.until(lambda: "hook" in t.run_inside("web", "cat", "/tmp/log", code=None).out, "the hook")
    kill_supervisor(t)
    t.wc("up", "-d")
    assert t.run_inside("web", "grep", "-c", "hook", "/tmp/log").out == "1\n"
    t.wc("down", "-v")
