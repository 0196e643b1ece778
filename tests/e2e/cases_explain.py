"""What a person is told: why, status, events --since, up --wait, plan, top, stats."""
import json
import os
import signal
import time

from cases_attached import read_until
from cases_lifecycle import kill_supervisor

SHOP = """
    services:
      db:
        image: bb:1
        stop_grace_period: 0s
        healthcheck: {test: [CMD-SHELL, "echo refused; test -f /ok"], interval: 200ms, retries: 2}
      web:
        image: bb:1
        stop_grace_period: 0s
        depends_on:
          db: {condition: service_healthy}
"""


def chain(t, service, *more):
    return t.wc("why", service, "--format", "json", *more).rows[0]


def texts(why):
    return [(step["Service"], step["Text"]) for step in why["Chain"]]


def ready(t):
    """The conditions of status, by name; its exit code says the same."""
    answer = t.wc("status", "--format", "json", code=None)
    conditions = {c["Type"]: c["Status"] for c in answer.rows[0]["Conditions"]}
    assert answer.code == (0 if conditions["Ready"] else 3), answer
    return conditions


def case_why_leads_to_the_root(t):
    """From a service that waits, over the one it waits for, to the program's own words; then after what it started."""
    t.load_image()
    t.compose(SHOP)
    before = t.things()
    assert chain(t, "web")["State"] == "absent"
    assert ready(t) == {"Ready": False, "Reconciling": False, "Stalled": False}
    t.wc("up", "-d", code=3)
    t.until(lambda: chain(t, "web")["State"] == "blocked", "a verdict")
    why = chain(t, "web")
    assert why["RootCause"]["Service"] == "db" and "refused" in why["RootCause"]["Text"], why
    first = why["Chain"][0]
    assert first["Text"] == "is blocked: it needs db to be healthy" and first["At"]["Line"] == 10, first
    assert first["At"]["File"].endswith("compose.yaml") and first["Time"].endswith("Z"), first
    said = t.wc("why", "web").out
    assert "compose.yaml:10:7" in said and "root cause: db is unhealthy" in said and "logs db" in said, said
    assert ready(t) == {"Ready": False, "Reconciling": False, "Stalled": True}
    t.run_inside("db", "touch", "/ok")
    t.until(lambda: ready(t)["Ready"], "ready")
    why = chain(t, "web")
    assert why["Ready"] and why["RootCause"] is None, why
    got = texts(why)
    assert got[0] == ("web", "was started") and got[1] == ("db", "became healthy"), got
    assert got[-1] == (None, "'wcompose up' applied generation @1"), got
    times = [step["Time"] for step in why["Chain"]]
    assert times == sorted(times, reverse=True), times
    assert "no service 'wbe'" in t.wc("why", "wbe", code=66).err
    t.wc("down")
    t.nothing_left(before)


def case_why_it_was_restarted_and_replaced(t):
    t.load_image()
    t.compose("""
        services:
          crash: {image: bb:1, command: [sh, -c, "echo out of luck; exit 3"], restart: "on-failure:2"}
          web: {image: bb:1, stop_grace_period: 0s, environment: {LEVEL: info}}
          other: {image: bb:1, stop_grace_period: 0s}
    """)
    t.wc("up", "-d", code=None)
    t.until(lambda: chain(t, "crash")["State"] == "failed", "two restarts")
    why = chain(t, "crash")
    assert "on-failure:2" in why["Summary"] and why["RootCause"]["Text"] == "exited 3", why
    assert why["Log"][-1] == "out of luck" and why["Chain"][0]["At"]["Line"] == 2, why
    t.compose("services: {web: {image: bb:1, stop_grace_period: 0s, environment: {LEVEL: debug}},"
              " other: {image: bb:1, stop_grace_period: 0s}}")
    assert t.wc("status", "--json", code=3).rows[0]["FileDiffers"]
    t.wc("up", "-d", "--remove-orphans")
    got = texts(chain(t, "web"))
    assert got[2] == ("web", "replaced what was there: configuration changed: environment.LEVEL"), got
    assert got[3] == (None, "'wcompose up' applied generation @2"), got
    t.wc("restart", "web")
    assert texts(chain(t, "web"))[-1] == (None, "'wcompose restart web' was asked for")
    t.wc("stop", "web")
    why = chain(t, "web")
    assert why["State"] == "stopped" and why["RootCause"]["Text"] == "'wcompose stop web' was asked for", why
    t.wc("rollback", "--wait", "--remove-orphans", code=None)
    assert texts(chain(t, "web"))[-1] == (None, "generation @1 was brought back, as @3")
    t.wc("down", "--remove-orphans")


def case_why_without_a_supervisor(t):
    """kill -9 of the supervisor: the host and the journal still tell something, and that it is not all is said."""
    t.load_image()
    t.compose(SHOP.replace("test -f /ok", "true"))
    t.wc("up", "-d", "--wait")
    assert ready(t)["Ready"]
    kill_supervisor(t)
    why = chain(t, "web")
    assert not why["Supervised"] and "no supervisor is running" in why["Note"], why
    assert ("web", "was started") in texts(why) and (None, "generation @1 was accepted (stable)") in texts(why), why
    assert ready(t) == {"Ready": False, "Reconciling": False, "Stalled": True}
    os.kill(t.pid("web"), signal.SIGKILL)
    why = t.until(lambda: (now := chain(t, "web"))["State"] == "failed" and now, "its end")
    assert why["RootCause"]["Text"] == "exited 137 (SIGKILL)", why
    t.wc("start")
    t.until(lambda: ready(t)["Ready"], "ready")
    assert "before this supervisor" in chain(t, "db")["Note"]
    t.wc("down")


def case_events_since_until(t):
    """The past by number, time and cause; then what comes, up to a time."""
    t.load_image()
    t.compose("services: {web: {image: bb:1, stop_grace_period: 0s}, other: {image: bb:1, stop_grace_period: 0s}}")
    assert "not remembered" in t.wc("events", "--until", "0s").err
    t.wc("up", "-d")
    past = t.wc("events", "--until", "0s", "--json").rows
    assert past[0]["action"] == "applying" and past[-1]["action"] == "ready", past
    numbers = [event["seq"] for event in past]
    assert numbers == sorted(set(numbers)), numbers
    by_number = {event["seq"]: event for event in past}
    started = next(e for e in past if e.get("service") == "web" and e["action"] == "started")
    assert by_number[started["cause"]]["action"] == "created", started
    assert by_number[by_number[started["cause"]]["cause"]]["action"] == "applying", past
    only = t.wc("events", "--until", "0s", "--json", "web").rows
    assert {event["service"] for event in only} == {"web"}, only
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 8))
    watcher = t.start("events", "--since", "1h", "--until", moment, "--json")
    out = read_until(watcher, f'"seq":{numbers[-1]},')  # what is past comes first, in one piece with what comes
    t.wc("stop", "web")
    out += watcher.stdout.read()
    assert watcher.wait(60) == 0, out
    seen = [json.loads(line) for line in out.splitlines()]
    assert [e["seq"] for e in seen][:len(numbers)] == numbers, (seen, past)
    tail = [(e["action"], e.get("service")) for e in seen[len(numbers):]]
    assert tail[0] == ("asked", None) and ("exited", "web") in tail and tail[-1] == ("stopped", None), tail
    assert seen[len(numbers)]["reason"] == "stop web", seen
    assert t.wc("events", "--since", "0s", "--until", "0s").out == ""
    assert "later than" in t.wc("events", "--since", "1m", "--until", "2m", code=64).err
    assert "neither a time" in t.wc("events", "--since", "soon", code=64).err
    t.wc("down")


def case_wait_says_what_it_waits_for(t):
    """A limit that passes: the chain of `why`, once for what is at its end; one-shots that are done count as ready."""
    t.load_image()
    t.compose("""
        services:
          db:
            image: bb:1
            stop_grace_period: 0s
            healthcheck: {test: [CMD-SHELL, "echo not yet; exit 1"], interval: 200ms, start_period: 60s}
          migrate:
            image: bb:1
            command: ["true"]
            depends_on: {db: {condition: service_healthy}}
          web:
            image: bb:1
            stop_grace_period: 0s
            depends_on: {migrate: {condition: service_completed_successfully}}
    """)
    t.wc("up", "-d", "db")
    t.until(lambda: t.row("db")["HealthOutput"] == "not yet", "a check")
    begin = time.monotonic()
    said = t.wc("up", "--wait", "--wait-timeout", "2", code=3).err
    assert 1.5 < time.monotonic() - begin < 50  # it gets unhealthy after 60
    assert "is not ready after 2.0 s" in said and "goes on in the background" in said, said
    assert "web is not ready: waits for migrate to complete" in said, said
    assert "migrate  waits for db to be healthy" in said and "compose.yaml:9:18" in said, said
    assert "root cause: db has not passed its health check yet; last: not yet" in said, said
    assert said.count("root cause") == 1, said
    lines = t.wc("--json", "up", "--wait", "--wait-timeout", "1", code=3).err.strip().splitlines()
    last = json.loads(lines[-1])
    assert last["type"] == "overdue" and {w["Service"] for w in last["waits_for"]} == {"db", "migrate", "web"}, last
    t.wc("down")
    t.compose("""
        services:
          job: {image: bb:1, command: [sh, -c, "sleep 1; exit 0"]}
          after: {image: bb:1, command: [sleep, "0.5"], depends_on: {job: {condition: service_completed_successfully}}}
          web: {image: bb:1, stop_grace_period: 0s}
    """)
    begin = time.monotonic()
    t.wc("up", "--wait", "--wait-timeout", "30")
    assert time.monotonic() - begin > 0.9
    assert t.row("job")["State"] == "exited" and t.row("web")["State"] == "running"
    t.wc("up", "--wait", "--wait-timeout", "30")  # again: what is done stays done
    t.wc("down")


def case_abort_on_exit_and_failure(t):
    """As docker compose: any end, or any bad end, stops all; --exit-code-from names whose code counts."""
    t.load_image()
    t.compose("""
        services:
          setup: {image: bb:1, command: ["true"]}
          tests:
            image: bb:1
            command: [sh, -c, "sleep 1; exit 42"]
            depends_on: {setup: {condition: service_completed_successfully}}
          db: {image: bb:1, command: [sh, -c, "trap 'exit 7' TERM; while :; do sleep 0.1; done"], stop_grace_period: 5s}
    """)

    def up(*options, code):
        said = t.wc("up", *options, code=code)
        assert not any(row["State"] == "running" for row in t.ps()), said
        t.wc("down")
        return said

    assert "setup-1 has ended: stopping all" in up("--abort-on-container-exit", code=0).err
    assert "tests-1 has ended: stopping all" in up("--abort-on-container-failure", code=42).err
    up("--abort-on-container-failure", "--exit-code-from", "tests", code=42)
    up("--abort-on-container-failure", "--exit-code-from", "db", code=7)  # its code when it was stopped
    up("--abort-on-container-failure", "--exit-code-from", "setup", code=0)
    t.compose("""
        services:
          a: {image: bb:1, command: [sh, -c, "sleep 0.2; exit 0"]}
          b: {image: bb:1, command: [sh, -c, "sleep 0.6; exit 0"]}
    """)
    said = up("--abort-on-container-failure", code=0)  # nothing fails: it ends when all have ended
    assert "stopping all" not in said.err, said
    for pair in (("--abort-on-container-exit", "--abort-on-container-failure"), ("-d", "--abort-on-container-exit"),
                 ("--wait", "--exit-code-from=a"), ("--exit-code-from", "c")):
        t.wc("up", *pair, code=66 if "c" in pair else 64)


def case_plan_says_what_changes(t):
    """Field by field with places, what it costs, what takes longest; and nothing is changed by it."""
    t.load_image()
    text = """
        services:
          db:
            image: bb:1
            stop_grace_period: 2s
            healthcheck: {{test: ["CMD", "true"], interval: 1s}}
          web:
            image: bb:1
            stop_grace_period: 0s
            restart: {restart}
            environment:
              LEVEL: {level}
              API_TOKEN: {token}
            depends_on:
              db: {{condition: service_healthy, restart: true}}
    """
    t.compose(text.format(restart="no", level="info", token="one"))
    first = t.wc("plan").out
    assert "changes\n" not in first and "critical path: db healthy" in first and first.rstrip().endswith("web started"), first
    t.wc("up", "-d", "--wait")
    assert "nothing to do" in t.wc("plan").out
    pids = t.pid("web"), t.pid("db")
    t.compose(text.format(restart="always", level="info", token="one"))
    said = t.wc("plan", "--detailed-exitcode", code=2).out
    assert "web: in place" in said and '"always"' in said and "no instance is touched" in said, said
    t.wc("up", "-d")
    assert (t.pid("web"), t.pid("db")) == pids
    t.compose(text.format(restart="always", level="debug", token="two"))
    said = t.wc("plan").out
    assert 'environment.LEVEL: "info" -> "debug"   compose.yaml:11:14' in said, said
    assert 'environment.API_TOKEN: "(hidden)" -> "(hidden)"' in said and "two" not in said, said
    assert "web: replace; down for 0.0 s at most" in said and "the last time" in said, said
    t.compose(text.format(restart="always", level="info", token="one").replace("2s", "3s").replace("[\"CMD\", \"true\"]", "[CMD, ls]"))
    plan = t.wc("plan", "--json").json
    how = {d["service"]: d for d in plan["details"]}
    assert how["db"]["how"] == "in place" and "web" not in how, plan  # the check and the grace are ours to keep
    fields = {f["field"]: (f["old"], f["new"], f["line"]) for f in how["db"]["fields"]}
    assert fields["healthcheck.test"] == (["CMD", "true"], ["CMD", "ls"], 5), fields
    t.wc("up", "-d")
    assert (t.pid("web"), t.pid("db")) == pids
    t.compose(text.format(restart="always", level="info", token="one").replace("2s", "3s", 1).replace(
        "image: bb:1", "hostname: other\n            image: bb:1", 1))
    plan = t.wc("plan", "--json").json
    how = {d["service"]: d for d in plan["details"]}
    assert how["db"]["how"] == "replace" and how["db"]["stop_at_most_ms"] == 3000 and how["db"]["start_last_ms"] >= 0, plan
    assert how["web"]["how"] == "restart" and how["web"]["goes_down"] and how["web"]["fields"] == [], plan
    assert [link["service"] for link in plan["critical_path"]] == ["db", "web"], plan
    assert (t.pid("web"), t.pid("db")) == pids
    t.wc("down")


def case_top_and_stats(t):
    """Processes and use, by the kernel's books: a busy one, an idle one, one with a limit and traffic, one without a network."""
    t.load_image()
    t.compose("""
        services:
          busy: {image: bb:1, command: [sh, -c, "while :; do :; done"], stop_grace_period: 0s, network_mode: none}
          idle: {image: bb:1, user: app, stop_grace_period: 0s, mem_limit: 64m, pids_limit: 50}
          web: {image: bb:1, command: [/bin/serve], stop_grace_period: 1s}
    """)
    before = t.things()
    assert "nothing of" in t.wc("top").err and "nothing of" in t.wc("stats", "--no-stream").err
    t.wc("up", "-d")
    t.until(lambda: "sleep 3600" in t.wc("top", "idle").out and "while :; do :; done" in t.wc("top", "busy").out, "both to begin")
    t.until(lambda: t.run_inside("idle", "wget", "-q", "-O", "/dev/null", "http://web/index.html", code=None).code == 0, "web to begin")
    top = t.wc("top", "--format", "json").rows
    mine = [p for p in top if p["Service"] == "idle"]
    assert {p["Uid"] for p in mine} == {1000} and mine[0]["Pid"] == t.pid("idle"), mine
    assert [p["Command"] for p in mine] == ["/bin/sh /bin/idle", "sleep 3600"], mine
    assert mine[1]["Ppid"] == mine[0]["Pid"], mine
    assert any(p["Service"] == "web" and p["Command"].startswith("httpd") for p in top), top
    text = t.wc("top", "busy").out
    assert text.split()[:9] == ["SERVICE", "#", "UID", "PID", "PPID", "C", "STIME", "TIME", "CMD"], text
    assert "while :; do :; done" in text and "idle" not in text, text
    t.run_inside("idle", "sh", "-c", "sleep 30 >/dev/null 2>&1 & exit 0")
    t.until(lambda: "sleep 30" in [p["Command"] for p in t.wc("--json", "top", "idle").rows], "what was started inside")
    rows = {r["Service"]: r for r in t.wc("stats", "--no-stream", "--format", "json").rows}
    assert 1 < rows["busy"]["CpuPct"] < 190 and rows["idle"]["CpuPct"] < rows["busy"]["CpuPct"], rows  # a busy machine
    assert rows["busy"]["NetRxBytes"] in (0, None), rows
    assert rows["web"]["NetRxBytes"] > 100 and rows["web"]["NetTxBytes"] > 100, rows
    assert rows["idle"]["MemoryLimitBytes"] == 64 * 1024 * 1024, rows
    assert 0 < rows["idle"]["MemoryBytes"] < 64 * 1024 * 1024 and 0 < rows["idle"]["MemoryPct"] < 100, rows
    assert rows["web"]["MemoryLimitBytes"] > 256 * 1024 * 1024, rows  # the host's
    assert rows["idle"]["Pids"] >= 2 and rows["idle"]["PidsLimit"] == 50, rows
    table = t.wc("stats", "--no-stream", "idle").out.splitlines()
    assert table[0].split()[:3] == ["SERVICE", "#", "CPU"] and " / 64 MiB" in table[1] and len(table) == 2, table
    stream = t.start("stats", "--json", "web")
    lines = [json.loads(stream.stdout.readline()) for _ in range(2)]
    assert [line["Service"] for line in lines] == ["web", "web"] and lines[1]["CpuNs"] >= lines[0]["CpuNs"], lines
    t.wc("stop")
    stream.communicate(timeout=60)
    assert stream.returncode == 0, "it ends when nothing runs any more"
    assert t.wc("stats", "nope", code=66).out == ""
    t.wc("down")
    t.nothing_left(before)


def case_rollout_is_explained(t):
    """While replicas change one after another: status says how far, why says what came of it, plan what it would be."""
    t.load_image()
    text = """
        services:
          web:
            image: bb:1
            command: [sh, -c, "{command}"]
            stop_grace_period: 0s
            environment: {{LEVEL: {level}}}
            deploy:
              replicas: 3
              update_config: {{parallelism: 1, monitor: 1s, failure_action: pause}}
    """
    good = "trap 'exit 0' TERM; while :; do sleep 0.1; done"
    t.compose(text.format(command=good, level="one"))
    t.wc("up", "-d")
    assert ready(t) == {"Ready": True, "Reconciling": False, "Stalled": False}
    t.compose(text.format(command=good, level="two"))
    assert "web: replace by a rollout; each replica down for" in t.wc("plan").out
    process = t.start("up", "-d")
    # the request comes first, its rollout a moment later
    t.until(lambda: ready(t)["Reconciling"] and "replicas changed" in (chain(t, "web")["Note"] or ""), "a rollout under way")
    process.communicate(timeout=90)
    assert process.returncode == 0
    t.until(lambda: ready(t) == {"Ready": True, "Reconciling": False, "Stalled": False}, "its end")
    t.compose(text.format(command="exit 4", level="three"))
    t.wc("up", "-d", code=None)
    t.until(lambda: ready(t)["Stalled"], "a stop")
    note = t.wc("why", "web").out
    assert "is paused" in note or "is failed" in note, note
    t.wc("down")
