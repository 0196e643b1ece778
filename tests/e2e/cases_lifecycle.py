"""Life of an app: up, order, change, restart, recovery, down; from outside."""
import json
import os
import signal
import subprocess
import time

import harness

PAIR = """
    services:
      db:
        image: bb:1
        stop_grace_period: 3s
        volumes: [data:/data]
        healthcheck: {test: [CMD, "true"], interval: 1s, start_interval: 100ms, start_period: 5s}
      web:
        image: bb:1
        command: [/bin/serve]
        stop_grace_period: 3s
        depends_on: {db: {condition: service_healthy}}
        ports: ["127.0.0.1:8080:80"]
    volumes: {data: {}}
"""


def case_up_and_down(t):
    """The main path: up, a request from outside, ps, down; nothing is left but the volume, then nothing."""
    t.load_image()
    t.compose(PAIR)
    before = t.things()
    t.wc("up", "-d", "--wait")
    assert t.get("http://127.0.0.1:8080/") == "hello from the image\n"
    rows = {row["Service"]: row for row in t.ps()}
    assert rows["db"]["State"] == "running" and rows["db"]["Health"] == "healthy", rows
    assert rows["web"]["State"] == "running", rows
    assert os.readlink(f"/proc/{t.pid('web')}/ns/pid") != os.readlink("/proc/self/ns/pid")
    t.wc("down")
    t.nothing_left(before, allowed=[r"files: .*/lib/volumes/"])
    t.wc("down", "-v")
    t.nothing_left(before)
    assert t.refused("http://127.0.0.1:8080/")


def case_noop_up_does_nothing(t):
    t.load_image()
    t.compose(PAIR)
    t.wc("up", "-d", "--wait")
    pids = t.pid("db"), t.pid("web")
    again = t.wc("up", "-d")
    assert "nothing to do" in again.err, again
    assert (t.pid("db"), t.pid("web")) == pids
    t.wc("down", "-v")


def case_cut_connections_hold_no_network(t):
    """A connection whose other end can't be reached any more outlives its program in the kernel, and with it the network
    namespace: the link and the address must be free all the same."""
    t.load_image()
    t.compose("""
        services:
          far:
            image: bb:1
            command: [nc, -l, -p, "9", -e, sleep, "60"]
            stop_grace_period: 0s
          near:
            image: bb:1
            command: [sh, -c, "mkfifo /f; exec 3<>/f; while true; do nc far 9 <&3; sleep 0.1; done"]
            stop_grace_period: 0s
            depends_on: [far]
    """)
    before = t.things()
    t.wc("up", "-d")

    def connected():
        with open(f"/proc/{t.pid('near')}/net/tcp", encoding="ascii") as f:
            return any(line.split()[3] == "01" for line in f.readlines()[1:])

    t.until(connected, "near is connected to far")
    for link in json.loads(harness.command("ip", "-json", "link", "show", "type", "bridge").stdout):
        harness.command("ip", "link", "set", link["ifname"], "down")
    t.wc("down")
    t.nothing_left(before)


def case_only_what_changed_is_replaced(t):
    t.load_image()
    path = t.compose(PAIR)
    t.wc("up", "-d", "--wait")
    db, web = t.pid("db"), t.pid("web")
    with open(path, encoding="utf-8") as f:
        text = f.read()
    t.compose(text.replace("command: [/bin/serve]", "command: [/bin/serve]\n    environment: {A: b}"))
    plan = {row["service"]: row for row in t.wc("plan", "--json").json["services"]}
    assert plan["web"]["action"] == "replace" and plan["db"]["action"] == "unchanged", plan
    t.wc("up", "-d", "--wait")
    assert t.pid("db") == db and t.pid("web") != web
    assert t.run_inside("web", "sh", "-c", "echo $A").out == "b\n"
    t.wc("down", "-v")


def case_dependencies_in_order(t):
    """All three conditions, seen in the times at which processes started and jobs ended."""
    t.load_image()
    t.compose("""
        services:
          last:
            image: bb:1
            stop_grace_period: 1s
            depends_on:
              job: {condition: service_completed_successfully}
              slow: {condition: service_healthy}
              first: {condition: service_started}
          job: {image: "bb:1", command: [sh, -c, "sleep 0.5; echo done"], depends_on: [first]}
          slow:
            image: bb:1
            command: [sh, -c, "trap 'exit 0' TERM; sleep 0.7; touch /tmp/ok; while :; do sleep 9 & wait; done"]
            stop_grace_period: 1s
            healthcheck: {test: [CMD, test, -e, /tmp/ok], interval: 200ms, start_period: 5s, start_interval: 100ms}
          first: {image: "bb:1", stop_grace_period: 1s}
    """)
    begin = time.monotonic()
    t.wc("up", "-d")
    assert time.monotonic() - begin > 0.5
    rows = {row["Service"]: row for row in t.ps()}
    assert rows["job"]["State"] == "exited" and rows["job"]["ExitCode"] == 0, rows
    starts = {name: row["StartedAt"] for name, row in rows.items()}
    assert starts["first"] <= starts["job"] < starts["last"], starts
    assert starts["slow"] < starts["last"] and rows["slow"]["Health"] == "healthy", rows
    t.wc("down")


def case_failing_job_blocks_and_is_reported(t):
    """A failing start names the service, the cause, its last words, what is blocked, what to type."""
    t.load_image()
    t.compose("""
        services:
          migrate: {image: "bb:1", command: [sh, -c, "echo no such table; exit 3"]}
          api:
            image: bb:1
            depends_on: {migrate: {condition: service_completed_successfully}}
          web: {image: "bb:1", depends_on: [api]}
    """)
    before = t.things()
    failed = t.wc("up", "-d", code=3)
    for word in ("migrate", "3", "no such table", "blocked by it: api, web", "wcompose", "logs migrate"):
        assert word in failed.err, f"{word!r} is not in\n{failed}"
    assert not any(row["Service"] in ("api", "web") and row["State"] == "running" for row in t.ps())
    t.wc("down")
    t.nothing_left(before)


def case_unhealthy_fails_wait(t):
    t.load_image()
    t.compose("""
        services:
          sick:
            image: bb:1
            stop_grace_period: 1s
            healthcheck: {test: [CMD-SHELL, "echo checked; false"], interval: 200ms, retries: 2}
          web: {image: "bb:1", depends_on: {sick: {condition: service_healthy}}}
    """)
    failed = t.wc("up", "-d", "--wait", code=3)
    assert "sick" in failed.err and "web" in failed.err, failed
    t.wc("down")


def case_wait_timeout(t):
    t.load_image()
    t.compose("""
        services:
          never:
            image: bb:1
            stop_grace_period: 1s
            healthcheck: {test: [CMD, "false"], interval: 300ms, retries: 1000}
    """)
    begin = time.monotonic()
    t.wc("up", "--wait", "--wait-timeout", "1", code=3)
    assert 0.8 < time.monotonic() - begin < 60  # its retries last for 300
    t.wc("down")


def case_restart_policies(t):
    t.load_image()
    t.compose("""
        services:
          stubborn: {image: "bb:1", command: [sh, -c, "exit 4"], restart: "on-failure:2"}
          eternal: {image: "bb:1", restart: always, stop_grace_period: 1s}
          once: {image: "bb:1", command: [sh, -c, "exit 5"], restart: "no"}
    """)
    t.wc("up", "-d", code=None)
    ended = ("exited", 2, 4)
    t.until(lambda: tuple(t.row("stubborn")[k] for k in ("State", "Restarts", "ExitCode")) == ended,
            "two restarts of stubborn")
    t.until(lambda: t.row("once")["State"] == "exited", "the end of once")
    assert t.row("once")["Restarts"] == 0 and t.row("once")["ExitCode"] == 5
    old = t.pid("eternal")
    os.kill(old, signal.SIGKILL)
    t.until(lambda: t.row("eternal")["State"] == "running" and t.row("eternal")["Pid"] not in (0, old), "a restart")
    t.wc("down")


def case_stop_is_respected(t):
    """What a person stopped stays stopped, whatever the policy; start brings it back."""
    t.load_image()
    t.compose("services: {web: {image: 'bb:1', restart: unless-stopped, stop_grace_period: 2s}}\n")
    t.wc("up", "-d")
    first = t.pid("web")
    t.wc("stop", "web")
    assert t.row("web")["State"] == "exited" and not os.path.exists(f"/proc/{first}")
    time.sleep(0.5)
    assert t.row("web")["State"] == "exited"
    t.wc("start", "web")
    second = t.pid("web")
    assert second != first
    t.wc("restart", "web")
    assert t.pid("web") != second
    t.wc("kill", "web")
    t.until(lambda: t.row("web")["State"] == "exited", "its end")
    assert t.row("web")["ExitCode"] == 137
    t.wc("down")


def case_stop_signal_and_grace(t):
    t.load_image()
    t.compose("""
        services:
          polite:
            image: bb:1
            command: [sh, -c, "trap 'echo got usr1; exit 9' USR1; echo up; while :; do sleep 60 & wait $$!; done"]
            stop_signal: SIGUSR1
            stop_grace_period: 20s
          deaf: {image: "bb:1", command: [sleep, "1000"], stop_grace_period: 500ms}
    """)
    t.wc("up", "-d")
    t.until(lambda: "up" in t.wc("logs", "polite").out, "its trap")
    begin = time.monotonic()
    t.wc("stop")
    took = time.monotonic() - begin
    assert 0.4 < took < 19, took  # less than the grace of who is polite
    assert t.row("polite")["ExitCode"] == 9 and t.row("deaf")["ExitCode"] == 137
    assert "got usr1" in t.wc("logs", "polite").out
    t.wc("down")


def case_kill_sends_a_signal(t):
    t.load_image()
    t.compose("""
        services:
          web:
            image: bb:1
            command: [sh, -c, "trap 'echo hup' HUP; trap 'exit 0' TERM; echo up; while :; do sleep 60 & wait $$!; done"]
            stop_grace_period: 2s
    """)
    t.wc("up", "-d")
    t.until(lambda: "up" in t.wc("logs", "web").out, "its trap")
    t.wc("kill", "-s", "HUP", "web")
    t.until(lambda: "hup" in t.wc("logs", "web").out, "the signal")
    assert t.row("web")["State"] == "running"
    t.wc("down")


def case_replicas_and_scale(t):
    t.load_image()
    t.compose("services: {web: {image: 'bb:1', stop_grace_period: 1s, deploy: {replicas: 2}}}\n")
    t.wc("up", "-d")
    assert len({t.pid("web", 1), t.pid("web", 2)}) == 2
    first = t.pid("web", 1)
    t.wc("up", "-d", "--scale", "web=3")
    assert t.pid("web", 1) == first and t.pid("web", 3)
    t.wc("up", "-d", "--scale", "web=1")
    assert [row["Index"] for row in t.ps()] == [1] and t.pid("web", 1) == first
    t.wc("up", "-d", "--scale", "wev=1", code=66)
    t.wc("down")


def case_orphans(t):
    t.load_image()
    t.compose("services: {a: {image: 'bb:1', stop_grace_period: 1s}, b: {image: 'bb:1', stop_grace_period: 1s}}\n")
    t.wc("up", "-d")
    t.compose("services: {a: {image: 'bb:1', stop_grace_period: 1s}}\n")
    t.wc("up", "-d")
    assert t.pid("b")
    t.wc("up", "-d", "--remove-orphans")
    assert [row["Service"] for row in t.ps()] == ["a"]
    t.wc("down")


def case_services_by_name(t):
    """up SERVICE brings its dependencies, --no-deps doesn't; down SERVICE leaves the others."""
    t.load_image()
    t.compose("""
        services:
          a: {image: "bb:1", stop_grace_period: 1s}
          b: {image: "bb:1", stop_grace_period: 1s, depends_on: [a]}
          c: {image: "bb:1", stop_grace_period: 1s}
    """)
    t.wc("up", "-d", "b")
    assert [row["Service"] for row in t.ps()] == ["a", "b"]
    t.wc("up", "-d", "--no-deps", "c")
    assert [row["Service"] for row in t.ps()] == ["a", "b", "c"]
    wrong = t.wc("up", "-d", "bb", code=66)
    assert "bb" in wrong.err
    t.wc("down", "c")
    assert [row["Service"] for row in t.ps()] == ["a", "b"]
    t.wc("down")


def case_profiles(t):
    t.load_image()
    t.compose("""
        services:
          a: {image: "bb:1", stop_grace_period: 1s}
          tool: {image: "bb:1", stop_grace_period: 1s, profiles: [debug]}
    """)
    t.wc("up", "-d")
    assert [row["Service"] for row in t.ps()] == ["a"]
    t.wc("--profile", "debug", "up", "-d")
    assert [row["Service"] for row in t.ps()] == ["a", "tool"]
    t.wc("--profile", "debug", "down")
    assert t.wc("config", "--services", env={"COMPOSE_PROFILES": "debug"}).out == "a\ntool\n"
    assert t.wc("config", "--profiles").out == "debug\n"


def supervisors(t):
    """Processes of `wcompose supervise`, whoever made them, in this case's pid namespace."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = harness.read(f"/proc/{pid}/cmdline").split("\0")
            parent = harness.read(f"/proc/{pid}/stat").rsplit(")", 1)[1].split()[1]
        except OSError:
            continue
        if "supervise" in words[1:3]:
            found[int(pid)] = int(parent)
    # A supervisor's child is called like it until it executes its own program.
    return [pid for pid, parent in found.items() if parent not in found]


def kill_supervisors(t):
    """kill -9 of all of them; returns when they are gone, as a process that was killed ends only when it gets its turn."""
    doomed = supervisors(t)
    for pid in doomed:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it has ended by itself
    t.until(lambda: not set(doomed) & set(supervisors(t)), "the end of the supervisors that were killed")
    return doomed


def kill_supervisor(t):
    """The same of the one that there is."""
    assert len(kill_supervisors(t)) == 1, "one supervisor was expected"


def case_idle_supervisor_is_small(t):
    """What only work needs is given back: libnftables is gone, and so is most of the text; and it still works."""
    t.load_image()
    t.compose(PAIR)
    t.wc("up", "-d", "--wait")
    pid = supervisors(t)[0]

    def pss_kib():
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("Pss:"))

    t.until(lambda: pss_kib() < 2500, "a supervisor of less than 2500 KiB")
    t.until(lambda: "libnftables" not in harness.read(f"/proc/{pid}/maps"), "it to give libnftables back")
    t.wc("restart", "web")
    t.wc("down", "-v")


def case_supervisor_killed(t):
    """kill -9 of the supervisor: instances run on, no log line is lost, the next command adopts them."""
    t.load_image()
    t.compose("""
        services:
          tick:
            image: bb:1
            command: [sh, -c, "trap 'exit 7' TERM; i=0; while :; do echo line $$i; i=$$((i+1)); sleep 0.05; done"]
            restart: always
            stop_grace_period: 2s
    """)
    before = t.things()
    t.wc("up", "-d")
    pid = t.pid("tick")
    kill_supervisor(t)
    time.sleep(0.3)
    assert os.path.exists(f"/proc/{pid}")
    assert t.row("tick")["State"] == "running"
    t.wc("up", "-d")
    assert t.pid("tick") == pid
    os.kill(pid, signal.SIGKILL)
    t.until(lambda: t.row("tick")["Pid"] not in (0, pid), "supervision goes on")
    lines = [line.split()[-1] for line in t.wc("logs", "--no-log-prefix", "tick").out.splitlines()]
    first_run = lines[:lines.index("0", 1)] if "0" in lines[1:] else lines
    assert first_run == [str(i) for i in range(len(first_run))], "log lines are missing"
    t.wc("down")
    t.nothing_left(before)


def case_recovery_is_quick(t):
    t.load_image()
    t.compose("services: {web: {image: 'bb:1', restart: always, stop_grace_period: 1s}}\n")
    t.wc("up", "-d")
    took = []
    for _ in range(4):  # the best of four, as the machine may be busy with others; they wait 0, 0.1, 0.2 and 0.4 s
        old = t.pid("web")
        begin = time.monotonic()
        os.kill(old, signal.SIGKILL)
        t.until(lambda: t.row("web")["Pid"] not in (0, old), "the restart")  # pylint: disable=cell-var-from-loop
        took.append(time.monotonic() - begin)
    assert min(took) < 2, took
    t.wc("down")


def case_removed_behind_its_back(t):
    """A process that dies while nobody supervises is found dead and started again by up."""
    t.load_image()
    t.compose("services: {web: {image: 'bb:1', stop_grace_period: 1s}}\n")
    t.wc("up", "-d")
    old = t.pid("web")
    os.kill(old, signal.SIGKILL)
    t.until(lambda: t.row("web")["State"] == "exited", "its end")
    assert t.row("web")["ExitCode"] == 137
    t.wc("up", "-d")
    assert t.pid("web") != old
    t.wc("down")


def case_down_of_nothing(t):
    t.compose("services: {web: {image: 'bb:1'}}\n")
    before = t.things()
    t.wc("down")
    t.nothing_left(before)


def case_two_projects_do_not_meet(t):
    t.load_image()
    t.compose("services: {web: {image: 'bb:1', stop_grace_period: 1s}}\n")
    t.wc("-p", "one", "up", "-d")
    t.wc("-p", "two", "up", "-d")
    t.wc("-p", "one", "down")
    rows = t.wc("-p", "two", "ps", "--format", "json").rows
    assert len(rows) == 1 and rows[0]["State"] == "running"
    t.wc("-p", "two", "down")


def case_down_without_a_reaper(t):
    """The first process of the case's pid namespace reaps no orphans, as `sleep infinity` in a CI container."""
    t.load_image()
    t.compose("services: {web: {image: 'bb:1', stop_grace_period: 1s, healthcheck: {test: [CMD, sleep, '30'], "
              "interval: 100ms, timeout: 60s}}}\n")
    before = t.things()
    t.wc("up", "-d")

    def inside():
        return t.run_inside("web", "ps", "-o", "args").out

    t.wc("exec", "-d", "web", "sh", "-c", "sleep 0.2; true")
    attached = t.start("exec", "-T", "web", "sleep", "1001")
    t.wc("exec", "-d", "web", "sleep", "1002")
    t.until(lambda: "sleep 1001" in inside() and "sleep 1002" in inside(), "the commands")
    t.until(lambda: "sleep 30" in inside(), "the health check")
    t.until(lambda: "sleep 0.2" not in inside(), "the end of the detached one")
    attached.kill()  # wcompose-join; its program goes with it
    t.until(lambda: "sleep 1001" not in inside(), "the end of the attached one")
    t.wc("down")
    t.nothing_left(before)


def case_kill_without_effect(t):
    """A stranger put a process into the instance and does not reap it: `down` says who, and ends."""
    t.load_image()
    t.compose("services: {db: {image: 'bb:1', stop_grace_period: 1s}, "
              "web: {image: 'bb:1', stop_grace_period: 1s, depends_on: [db]}}\n")
    before = t.things()
    t.wc("up", "-d")
    pid = t.pid("web")
    stranger = subprocess.Popen(["nsenter", "-t", str(pid), "-p", "--no-fork", "sh", "-c", "true & kill -STOP $$; wait"])
    t.children.append(stranger)
    t.until(lambda: t.status(stranger.pid)["State"].startswith("T"), "the stranger to stop")
    down = t.wc("down", code=3, timeout=90)
    assert f"its parent {stranger.pid} (sh) does not reap it" in down.err and "web" in down.err, down
    assert [r["Service"] for r in t.ps() if r["State"] == "running"] == ["web"], t.ps()
    os.kill(stranger.pid, signal.SIGCONT)
    stranger.wait()
    t.wc("down")
    t.nothing_left(before)


def case_published_ports_are_told(t):
    """Which host port a replica got from a range, or from any, is in `ps` and `port`, with a supervisor and without."""
    t.load_image()
    t.compose("""
        services:
          web:
            image: bb:1
            stop_grace_period: 0s
            scale: 2
            ports: ["127.0.0.1:18090-18091:8080", "9000/udp"]
            command: [sh, -c, "mkdir /w; hostname > /w/index.html; exec httpd -f -p 8080 -h /w"]
          quiet: {image: bb:1, stop_grace_period: 0s}
    """)
    before = t.things()
    t.wc("up", "-d")

    def look():
        told = {row["Index"]: row["Ports"] for row in t.ps("web")}
        for index in (1, 2):
            address = t.wc("port", "--index", str(index), "web", "8080").out.strip()
            any_udp = t.wc("port", "--index", str(index), "--protocol", "udp", "web", "9000").out.strip()
            assert any_udp.startswith("0.0.0.0:"), any_udp
            assert told[index] == f"{address}->8080/tcp, {any_udp.split(':')[1]}->9000/udp", told
            name = t.get(f"http://{address}/").strip()
            assert name == t.wc("exec", "-T", "--index", str(index), "web", "hostname").out.strip(), name
        return told

    told = look()
    assert t.row("quiet")["Ports"] == "" and told[1] != told[2], told
    kill_supervisor(t)
    assert {row["Index"]: row["Ports"] for row in t.ps("web")} == told
    assert "port 81/tcp of" in t.wc("port", "web", "81", code=66).err
    assert "no port" in t.wc("port", "web", "http", code=64).err
    t.wc("down")
    t.nothing_left(before)


def case_supervisor_killed_during_up(t):
    """kill -9 at any moment of a first `up`: the next one converges, and `down` leaves nothing."""
    t.load_image()
    t.compose("""
        services:
          db:
            image: bb:1
            volumes: [data:/data]
            stop_grace_period: 1s
            healthcheck: {test: [CMD, "true"], interval: 1s, start_interval: 50ms, start_period: 5s}
          web:
            image: bb:1
            command: [/bin/serve]
            ports: ['127.0.0.1:8086:80']
            stop_grace_period: 1s
            depends_on: {db: {condition: service_healthy}}
          more: {image: bb:1, stop_grace_period: 1s, deploy: {replicas: 3}}
        volumes: {data: {}}
    """)
    before = t.things()
    runs = int(os.environ.get("WCOMPOSE_E2E_KILLS", "6"))
    for run in range(runs):
        after = 0.9 * run / runs
        process = t.start("up", "-d")
        t.until(lambda: supervisors(t) or process.poll() is not None, "a supervisor")
        time.sleep(after)
        kill_supervisors(t)
        process.wait(timeout=60)
        try:
            t.wc("up", "-d", "--wait", timeout=60)
            rows = t.ps()
            assert sorted(r["State"] for r in rows) == ["running"] * 5, f"killed after {after:.2f} s: {rows}"
            assert "hello" in t.get("http://127.0.0.1:8086/")
            t.wc("down", "-v", timeout=60)
            t.nothing_left(before)
        except AssertionError as error:
            raise AssertionError(f"killed after {after:.2f} s: {error}") from error
