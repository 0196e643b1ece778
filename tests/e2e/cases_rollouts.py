"""Changes that reach the replicas of a service one after another: how they end, well or badly, and what a kill leaves."""
import collections
import http.client
import threading
import time

from cases_lifecycle import kill_supervisors

SERVE = "trap 'exit 0' TERM; touch /ok; while :; do sleep 0.05; done"


def compose(t, level, replicas=3, update="parallelism: 1, monitor: 300ms", command=SERVE, more=""):
    t.compose(f"""
        services:
          web:
            image: bb:1
            command: [sh, -c, "{command}"]
            environment: {{LEVEL: {level}}}
            restart: always
            stop_grace_period: 1s
            healthcheck: {{test: [CMD, test, -e, /ok], interval: 1s, retries: 2}}
            deploy: {{replicas: {replicas}, update_config: {{{update}}}}}
            {more}
    """)


def level_of(pid):
    """What a process has in its environment, or None: it has ended, or has not executed its program yet."""
    try:
        with open(f"/proc/{pid}/environ", encoding="utf-8") as f:
            return dict(w.split("=", 1) for w in f.read().split("\0") if "=" in w).get("LEVEL")
    except OSError:
        return None


def replicas(t):
    """Level and pid of each running replica of web, by number."""
    rows = [(row["Index"], row["Pid"]) for row in t.ps() if row["State"] == "running"]
    return {index: (level, pid) for index, pid in rows if (level := level_of(pid)) is not None}


def levels(t):
    """Of each, what it has in its environment."""
    return {index: level for index, (level, _) in replicas(t).items()}


def case_rollout_one_by_one(t):
    """A change takes one replica at a time; the others serve on, and the end is told."""
    t.load_image()
    compose(t, "one")
    before = t.things()
    t.wc("up", "-d", "--wait")
    assert t.wc("rollouts", "--format", "json").rows == []
    compose(t, "two")
    change = t.start("up", "-d")
    fewest = 3
    while change.poll() is None:
        fewest = min(fewest, sum(r["State"] == "running" for r in t.ps()))
    assert change.returncode == 0, change.stdout.read()
    assert fewest >= 2, f"only {fewest} of 3 ran at some time"
    assert levels(t) == {1: "two", 2: "two", 3: "two"}
    row = t.wc("rollouts", "--format", "json").rows[0]
    assert (row["Service"], row["State"], row["Changed"], row["Replicas"], row["From"], row["To"]) == (
        "web", "done", 3, 3, 1, 2), row
    assert "done" in t.wc("rollouts").out
    t.wc("down")
    t.nothing_left(before)


def case_rollout_fails_and_goes_back(t):
    """A version that ends by itself stops at its first replica, and the one before comes back without a person."""
    t.load_image()
    safe = "parallelism: 1, monitor: 500ms, failure_action: rollback"
    compose(t, "one", update=safe)
    before = t.things()
    t.wc("up", "-d", "--wait")
    pids = {r["Index"]: r["Pid"] for r in t.ps()}
    compose(t, "two", update=safe, command="exit 3")
    said = t.wc("up", "-d", code=3)
    assert "exited 3" in said.err and "rolled back to generation @1" in said.err, said
    assert levels(t) == {1: "one", 2: "one", 3: "one"}
    kept = [i for i, pid in pids.items() if {r["Index"]: r["Pid"] for r in t.ps()}[i] == pid]
    assert len(kept) == 2, "the replicas whose turn had not come were touched"
    rows = t.wc("history", "--format", "json").rows
    assert [(r["Generation"], r["Outcome"], r["InForce"], r["Restores"]) for r in rows] == [
        (3, "stable", True, 1), (2, "rolled back", False, 0), (1, "stable", False, 0)], rows
    assert "exited 3" in rows[1]["Reason"], rows
    compose(t, "three", update=safe)
    t.wc("up", "-d")
    assert set(levels(t).values()) == {"three"}
    t.wc("down")
    t.nothing_left(before)


def case_rollout_pauses(t):
    """Without another word a failure pauses it: what has not changed serves on, also after a kill; up goes on."""
    t.load_image()
    compose(t, "one")
    before = t.things()
    t.wc("up", "-d", "--wait")
    compose(t, "two", command="sleep 0.1; exit 4")
    said = t.wc("up", "-d", code=3)
    assert "exited 4" in said.err, said
    row = t.wc("rollouts", "--format", "json").rows[0]
    assert row["State"] == "paused" and row["Failures"] == 1 and "exited 4" in row["Reason"], row
    kill_supervisors(t)
    t.wc("kill", "-s", "CONT")  # any command: a supervisor comes
    time.sleep(1)
    assert sorted(v for v in levels(t).values() if v == "one") == ["one", "one"], levels(t)
    compose(t, "three")
    t.wc("up", "-d")
    assert levels(t) == {1: "three", 2: "three", 3: "three"}
    t.wc("down")
    t.nothing_left(before)


def case_rollout_outlives_a_kill(t):
    """kill -9 of the supervisor in the middle: the next one goes on where it was, replica by replica."""
    t.load_image()
    compose(t, "one", update="parallelism: 1, monitor: 1s")
    before = t.things()
    t.wc("up", "-d", "--wait")
    compose(t, "two", update="parallelism: 1, monitor: 1s")
    change = t.start("up", "-d")
    first = t.until(lambda: {index: pid for index, (level, pid) in replicas(t).items() if level == "two"}, "the first replica")
    kill_supervisors(t)
    change.wait(timeout=60)
    t.wc("kill", "-s", "CONT")
    fewest = 3

    def all_new():
        nonlocal fewest
        now = levels(t)
        fewest = min(fewest, len(now))
        return now == {1: "two", 2: "two", 3: "two"}

    t.until(all_new, "the end of the rollout")
    assert fewest >= 2, fewest
    now = {r["Index"]: r["Pid"] for r in t.ps()}
    assert all(now[i] == pid for i, pid in first.items()), "what had changed was changed again"
    t.until(lambda: t.wc("rollouts", "--format", "json").rows[0]["State"] == "done", "its end on record")
    t.wc("down")
    t.nothing_left(before)


def case_rollout_start_first(t):
    """The new one comes before the old one goes; where the file fixes its address, a warning says that it can't."""
    t.load_image()
    order = "order: start-first, monitor: 300ms, failure_action: rollback"
    compose(t, "one", replicas=1, update=order, more="network_mode: none")
    before = t.things()
    t.wc("up", "-d", "--wait")
    compose(t, "two", replicas=1, update=order, more="network_mode: none")
    change = t.start("up", "-d")
    while change.poll() is None:
        assert any(r["State"] == "running" for r in t.ps()), "nothing ran at some time"
    assert change.returncode == 0, change.stdout.read()
    said = [e["action"] for e in t.wc("events", "--until", "0s", "--json").rows if e.get("service") == "web"]
    assert said[::-1].index("started") > said[::-1].index("exited"), f"the old one was gone before the new one came: {said}"
    assert levels(t) == {1: "two"}
    pid = t.pid("web")
    compose(t, "three", replicas=1, update=order, command="exit 5", more="network_mode: none")
    assert "rolled back" in t.wc("up", "-d", code=3).err
    assert t.pid("web") == pid, "the old one was touched"
    t.wc("down")
    t.nothing_left(before)
    assert "stop-first" not in t.wc("config", "-q").err
    t.compose("""
        services: {web: {image: bb:1, networks: {default: {ipv4_address: 10.9.1.7}}, deploy: {update_config: {order: start-first}}}}
        networks: {default: {ipam: {config: [{subnet: 10.9.1.0/24}]}}}
    """)
    assert "carried out as stop-first for a service with a fixed ipv4_address" in t.wc("config", "-q").err


# ---- start-first on networks: who asks never notices ----

# It listens a second after its start, and is healthy once it does.
WEB = ("trap 'kill %1; exit 0' TERM; mkdir /www; echo $$LEVEL > /www/index.html; sleep 1; httpd -f -p 80 -h /www & "
       "until wget -q -O /dev/null http://127.0.0.1/; do sleep 0.02; done; touch /ok; while :; do sleep 0.05; done")


def shop(t, level, web=WEB, update="order: start-first, monitor: 500ms, failure_action: rollback", replicas=1, ports="8080:80"):
    t.compose(f"""
        services:
          web:
            image: bb:1
            command: [sh, -c, "{web}"]
            environment: {{LEVEL: {level}}}
            restart: always
            ports: ["{ports}"]
            stop_grace_period: 2s
            healthcheck: {{test: [CMD, test, -e, /ok], interval: 200ms, retries: 10}}
            deploy: {{replicas: {replicas}, update_config: {{{update}}}, rollback_config: {{{update}}}}}
          client:
            image: bb:1
            depends_on: {{web: {{condition: service_healthy}}}}
            command: [sh, -c, "while :; do timeout 20 wget -q -O - http://web/ || echo failure; sleep 0.02; done"]
            stop_grace_period: 0s
    """)


class Asker(threading.Thread):
    """Asks the published port as fast as it can; what came is in `said`, in order, each answer once in a row."""

    def __init__(self, t, url="http://127.0.0.1:8080/"):
        super().__init__(daemon=True)
        self.t, self.url, self.ends = t, url, False
        self.said, self.count = [], collections.Counter()
        self.start()

    def run(self):
        while not self.ends:
            try:
                word = self.t.http(self.url, timeout=20)[1].strip()
            except (http.client.HTTPException, OSError) as error:
                word = f"failure: {error}"
            self.count[word] += 1
            if not self.said or self.said[-1] != word:
                self.said.append(word)

    def end(self):
        self.ends = True
        self.join()
        return self.said


def client_said(t):
    """The same of the client that asks by name."""
    said = []
    for line in t.wc("logs", "--no-log-prefix", "client").out.splitlines():
        if not said or said[-1] != line:
            said.append(line)
    return said


def all_heard(t, asker, word, times=1):
    """Both have asked and were answered by it at least so often in all: what they ask for takes its time."""
    t.until(lambda: asker.said[-1] == word and asker.count[word] >= times and client_said(t)[-1] == word, f"an answer of {word}")


def addresses(t):
    """The address of each running instance of web, by level, as its own process sees it."""
    found = {}
    for row in t.ps():
        if row["State"] != "running" or row["Service"] != "web":
            continue
        try:
            with open(f"/proc/{row['Pid']}/net/fib_trie", encoding="utf-8") as f:
                words = f.read().split()
            with open(f"/proc/{row['Pid']}/environ", encoding="utf-8") as f:
                level = dict(w.split("=", 1) for w in f.read().split("\0") if "=" in w)["LEVEL"]
        except (OSError, KeyError):
            continue  # it has just ended
        found[level] = {w for w in words if w.startswith("10.") and not w.endswith((".0", ".255")) and "/" not in w}
    return found


def case_surge_nobody_notices(t):
    """start-first behind a port and a name: both go over to the new one when it is healthy; no request fails."""
    t.load_image()
    shop(t, "one")
    before = t.things()
    t.wc("up", "-d", "--wait")
    asker = Asker(t)
    t.until(lambda: "one" in asker.said, "an answer")
    both = {}
    for level in ("two", "three"):
        shop(t, level)
        change = t.start("up", "-d")
        while change.poll() is None:
            now = addresses(t)
            both = now if len(now) == 2 else both
        assert change.returncode == 0, change.stdout.read()
        assert len(both) == 2 and len(set.union(*both.values())) == 2, f"addresses while both were there: {both}"
    all_heard(t, asker, "three", 6)
    assert asker.end() == ["one", "two", "three"], (asker.said, asker.count)
    assert client_said(t) == ["one", "two", "three"], client_said(t)
    assert min(asker.count.values()) > 5, asker.count
    t.wc("up", "-d")  # nothing to do: who leads is no news
    assert t.get("http://127.0.0.1:8080/") == "three\n"
    t.wc("restart", "web")
    t.until(lambda: t.http("http://127.0.0.1:8080/")[1] == "three\n", "an answer after a restart")
    t.wc("down")
    t.nothing_left(before)


def case_surge_bad_version_gets_no_traffic(t):
    """A version that never gets healthy answers nobody, and goes; so does one that gets ill while it is watched."""
    t.load_image()
    shop(t, "one")
    before = t.things()
    t.wc("up", "-d", "--wait")
    pid = t.pid("web")
    asker = Asker(t)
    t.until(lambda: "one" in asker.said, "an answer")
    shop(t, "bad", web=WEB.replace("touch /ok", "true"))
    assert "rolled back" in t.wc("up", "-d", code=3).err
    assert t.pid("web") == pid, "the old one was touched"
    assert asker.end() == ["one"], (asker.said, asker.count)
    assert set(client_said(t)) == {"one"}, client_said(t)
    ill = WEB.replace("touch /ok;", "touch /ok; sleep 1; rm /ok;")
    shop(t, "ill", web=ill, update="order: start-first, monitor: 20s, failure_action: rollback")
    asker = Asker(t)
    t.until(lambda: "one" in asker.said, "an answer")
    assert "rolled back" in t.wc("up", "-d", code=3).err
    assert t.pid("web") == pid, "the old one was touched"
    all_heard(t, asker, "one")
    assert asker.end() == ["one", "ill", "one"], (asker.said, asker.count)
    assert client_said(t) == ["one", "ill", "one"], client_said(t)
    t.wc("down")
    t.nothing_left(before)


def case_surge_outlives_kills(t):
    """kill -9 of the supervisor at many moments of a start-first rollout: no request fails, and it comes to its end."""
    t.load_image()
    shop(t, "v0")
    before = t.things()
    t.wc("up", "-d", "--wait")
    asker = Asker(t)
    t.until(lambda: "v0" in asker.said, "an answer")
    for i in range(1, 13):
        shop(t, f"v{i}")
        change = t.start("up", "-d")
        time.sleep(0.15 * i)  # from before the new one is made to after the old one is gone
        kill_supervisors(t)
        change.wait(timeout=60)
        t.wc("up", "-d", "--wait")
        t.until(lambda: sorted(addresses(t)) == [f"v{i}"], f"v{i} alone")
        assert t.get("http://127.0.0.1:8080/") == f"v{i}\n"
        all_heard(t, asker, f"v{i}")
    asker.end()
    assert not [w for w in asker.count if w.startswith("failure")], asker.count
    assert asker.said == [f"v{i}" for i in range(13)], asker.said
    assert "failure" not in client_said(t), client_said(t)
    t.wc("down")
    t.nothing_left(before)
