"""storm.py - kill -9 at random moments, on real containers: what must not be lost is counted.

An app of small programs that write numbered lines, and write down for themselves what they wrote and with which
code they ended (the truth, in a directory of the host). Round after round something is asked for, or nothing, while
the supervisor and keepers of this project are killed; then the next command must find, or make, everything as it
was asked for, and every line and every exit code must be there, once.

One thing can't be had: what a program wrote last, and how it ended, when it ends after its keeper was killed and
before there is a supervisor again to replace it. Such ends are counted, and only they are excused.
"""
import os
import random
import re
import signal
import time

import harness

# $1: code to end with after $2 lines (0 lines: on SIGTERM only), $3 seconds between lines.
WRITER = """
id=$(cat /proc/sys/kernel/random/uuid)
n=0
leave() { echo "$id end"; echo $1 > /truth/$id.exit; exit $1; }
trap 'leave 7' TERM
while [ $2 = 0 ] || [ $n -lt $2 ]; do
    echo "$id $n"
    n=$((n + 1))
    echo $n > /truth/$id.count
    sleep $3
done
leave $1
"""

APP = """
    services:
      tick:
        image: bb:1
        command: [sh, /writer, "7", "0", "0.02"]
        environment: {{LEVEL: "{level}"}}
        volumes: ["./truth:/truth", "./writer:/writer:ro"]
        restart: always
        stop_grace_period: 5s
      pair:
        image: bb:1
        command: [sh, /writer, "7", "0", "0.05"]
        volumes: ["./truth:/truth", "./writer:/writer:ro"]
        restart: always
        stop_grace_period: 5s
        deploy: {{replicas: {replicas}}}
        depends_on: {{tick: {{condition: service_healthy}}}}
      quiet: {{image: bb:1, restart: always, stop_grace_period: 1s}}
      job:
        image: bb:1
        command: [sh, /writer, "5", "20", "0.02"]
        environment: {{LEVEL: "{level}"}}
        volumes: ["./truth:/truth", "./writer:/writer:ro"]
        restart: "no"
      crash:
        image: bb:1
        command: [sh, /writer, "9", "10", "0.05"]
        volumes: ["./truth:/truth", "./writer:/writer:ro"]
        restart: always
""".replace("        restart: always\n        stop_grace_period: 5s\n      pair",
            "        restart: always\n        stop_grace_period: 5s\n"
            "        healthcheck: {{test: [CMD, \"true\"], interval: 1s, start_interval: 50ms, start_period: 5s}}\n      pair")
STEADY = ("tick", "pair", "quiet")  # that run until they are asked to stop
ENDS = {"job": (5,), "crash": (9,), "tick": (7,), "pair": (7,)}


class Storm:
    def __init__(self, case, seed):
        self.t, self.dice = case, random.Random(seed)
        self.level, self.replicas = 0, 2
        self.figures = {"kills": 0, "supervisors": 0, "keepers": 0, "rounds": 0, "lines": 0, "runs": 0, "exits": 0,
                        "unknown exits": 0, "ends with nobody there": 0}
        self.faults = []
        self.unkept = []  # [service, from, until, whether a supervisor lived to see it]
        self.excused = set()
        case.write("writer", WRITER)
        os.makedirs(os.path.join(case.dir, "truth"), exist_ok=True)

    # ---- killing ----

    def victims(self, kind):
        """Processes of this root only: each is known by what it is, and by where it lives."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                words = harness.read(f"/proc/{pid}/cmdline").split("\0")
            except OSError:
                continue
            is_supervisor = "supervise" in words[1:3] and words[0].endswith("wcompose")
            is_keeper = words[0].endswith("wcompose-keeper") and len(words) > 1 and words[1].startswith(self.t.root)
            if (kind == "supervisors" and is_supervisor) or (kind == "keepers" and is_keeper):
                found.append(int(pid))
        return found

    def kill(self):
        kind = self.dice.choice(("supervisors", "supervisors", "keepers"))
        pids = self.victims(kind)
        if not pids:
            return
        pid = self.dice.choice(pids)
        self.note_kill(kind, pid)
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self.figures["kills"] += 1
        self.figures[kind] += 1

    def note_kill(self, kind, pid):
        now = time.time()
        if kind == "supervisors":
            for span in self.unkept:
                if span[2] is None and now - span[1] < 1:
                    span[3] = False
            return
        try:
            instance = harness.read(f"/proc/{pid}/cmdline").split("\0")[1].rsplit("/", 1)[1]
        except (OSError, IndexError):
            return
        service = instance[len(self.t.project) + 1:].rsplit("-", 1)[0]
        self.unkept.append([service, now, None, any(self.age(p) > 0.5 for p in self.victims("supervisors"))])

    @staticmethod
    def age(pid):
        """Seconds since a process began; one that has just begun looks after nothing yet."""
        try:
            ticks = int(harness.read(f"/proc/{pid}/stat").rsplit(")", 1)[1].split()[19])
        except (OSError, IndexError):
            return 0
        return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")

    def history(self, service, ended):
        """What happened to the keepers of a service, in seconds from its end."""
        spans = [f"{s[1] - ended:+.3f}..{(s[2] or time.time()) - ended:+.3f} {'watched' if s[3] else 'alone'}"
                 for s in self.unkept if s[0] == service and abs(s[1] - ended) < 10]
        return " (keepers killed: " + ", ".join(spans) + ")"

    def is_excused(self, service, ended):
        """Its keeper had been killed, and there was no supervisor until after it had ended."""
        return any(s[0] == service and not s[3] and s[1] - 0.1 <= ended <= (s[2] or time.time()) for s in self.unkept)

    def excuse(self, what):
        self.excused.add(what)
        self.figures["ends with nobody there"] = len(self.excused)

    # ---- what is asked for ----

    def write_app(self):
        self.t.compose(APP.format(level=self.level, replicas=self.replicas))

    def deeds(self):
        """(words of the command, services that it may touch, what is to be afterwards)."""
        kind = self.dice.choice(("steady", "steady", "same", "change", "scale", "restart", "down", "stop"))
        if kind == "steady":
            return kind, None, ()
        if kind == "same":
            return kind, ("up", "-d"), ()
        if kind == "change":
            self.level += 1
            self.write_app()
            return kind, ("up", "-d"), ("tick", "job")
        if kind == "scale":
            self.replicas = self.dice.randint(1, 4)
            self.write_app()
            return kind, ("up", "-d"), ()
        if kind == "restart":
            service = self.dice.choice(("tick", "pair", "quiet"))
            return kind, ("restart", service), (service,)
        if kind == "stop":
            service = self.dice.choice(("pair", "quiet"))
            return kind, ("stop", service), (service,)
        return kind, ("down",), STEADY

    def running(self):
        """{(service, index): (pid, when it began)} of what is to run on undisturbed."""
        rows = self.t.ps()
        return {(r["Service"], r["Index"]): (r["Pid"], r["StartedAt"]) for r in rows
                if r["Service"] in STEADY and r["State"] == "running"}

    def fault(self, text):
        self.faults.append(f"round {self.figures['rounds']} ({self.doing}): {text}")
        print(self.faults[-1], flush=True)

    def round(self):
        self.figures["rounds"] += 1
        self.doing = "ps"
        before = self.running()
        self.doing, words, touched = self.deeds()
        process = self.t.start(*words) if words is not None else None
        for _ in range(self.dice.randint(2, 6)):
            time.sleep(self.dice.random() ** 2 * 0.4)
            self.kill()
        if process is not None:
            process.wait(timeout=60)
        if self.doing == "down":
            self.t.wc("down", timeout=60)
            rows = self.t.ps()
            if rows:
                self.fault(f"still there after down: {rows}")
        self.converge()
        after = self.running()
        for key, was in before.items():
            if key[0] in touched or key not in after:
                continue
            if after[key] != was:
                self.fault(f"{key} was restarted: {was} -> {after[key]}")
        self.check_logs()

    # ---- what must be ----

    def converge(self):
        """The next command, whatever the last one was told."""
        code = self.t.wc("up", "-d", timeout=60, code=None).code
        if code not in (0, 3):  # 3: the job has ended with its 5 by then
            self.fault(f"up -d: exit status {code}")
        for span in self.unkept:
            span[2] = span[2] or time.time()
        wanted = {("tick", 1), ("quiet", 1)} | {("pair", i + 1) for i in range(self.replicas)}

        def is_there():
            return set(self.running()) == wanted and {r["Service"] for r in self.t.ps()} >= {"job", "crash"}
        try:
            self.t.until(is_there, "all of it")
        except AssertionError:
            rows = [(r["Service"], r["Index"], r["State"], r["ExitCode"], r.get("Waiting")) for r in self.t.ps()]
            self.fault(f"not as it was asked for: {rows}")
        for row in self.t.ps():
            self.check_exit(row)

    def check_exit(self, row):
        if row["State"] != "exited":
            return
        self.figures["exits"] += 1
        if row["ExitCode"] not in ENDS.get(row["Service"], (0, 137)):
            if any(s[0] == row["Service"] and not s[3] and time.time() - s[1] < 15 for s in self.unkept):
                self.excuse(row["ID"] + row["StartedAt"])
                return
            self.figures["unknown exits"] += 1
            self.fault(f"{row['Service']} {row['Index']} is said to have ended with {row['ExitCode']}: {row}")

    def truth(self):
        """{run: lines that it has certainly written}."""
        counts = {}
        folder = os.path.join(self.t.dir, "truth")
        for name in os.listdir(folder):
            if name.endswith(".count"):
                text = harness.read(os.path.join(folder, name)).strip()
                counts[name[:-6]] = int(text) if text else 0
        return counts

    def check_logs(self):
        truth = self.truth()
        for service in ("tick", "pair", "job", "crash"):
            self.check_log(service, truth)

    def lines(self, service):
        runs = {}
        for line in self.t.wc("logs", "--no-log-prefix", "--no-color", service, timeout=60).out.splitlines():
            match = re.fullmatch(r"([0-9a-f-]{36}) (\d+|end)", line)
            if match is None:
                self.fault(f"{service}: a torn line: {line!r}")
                continue
            runs.setdefault(match[1], []).append(match[2])
        return runs

    def check_log(self, service, truth):
        end = time.monotonic() + 20
        while True:
            runs, wrong = self.lines(service), []
            for run, lines in runs.items():
                wrong += self.check_run(service, run, lines, truth.get(run, 0))
            if not wrong or time.monotonic() > end:
                break
            time.sleep(0.1)
        for text in wrong:
            self.fault(text)
        self.t.history[:] = self.t.history[-20:]
        self.figures["runs"] += len(runs)
        self.figures["lines"] += sum(map(len, runs.values()))

    def check_run(self, service, run, lines, written):
        numbers = [int(x) for x in lines if x != "end"]
        if numbers != list(range(len(numbers))):
            missing = sorted(set(range(max(numbers) + 1)) - set(numbers))
            twice = sorted({n for n in numbers if numbers.count(n) > 1})
            return [f"{service} {run[:8]}: of {len(numbers)} lines missing {missing[:5]}, twice {twice[:5]}, "
                    f"order {numbers == sorted(numbers)}"]
        exit_path = os.path.join(self.t.dir, "truth", run + ".exit")
        has_ended = os.path.exists(exit_path)
        if (len(numbers) < written or (has_ended and "end" not in lines)) and has_ended and \
                self.is_excused(service, os.path.getmtime(exit_path)):
            self.excuse(run)
            return []
        if len(numbers) < written:
            return [f"{service} {run[:8]}: {len(numbers)} lines in the log, {written} written"
                    + self.history(service, os.path.getmtime(exit_path) if has_ended else time.time())]
        if lines.count("end") > 1 or ("end" in lines and lines[-1] != "end"):
            return [f"{service} {run[:8]}: its last line is not the last"]
        if has_ended and "end" not in lines:
            return [f"{service} {run[:8]}: its last line is missing" + self.history(service, os.path.getmtime(exit_path))]
        return []

    # ---- all of it ----

    def run(self, kills, minutes):
        self.write_app()
        before = self.t.things()
        self.converge()
        end = time.monotonic() + 60 * minutes
        while self.figures["kills"] < kills and time.monotonic() < end and len(self.faults) < 10:
            self.round()
            if self.figures["rounds"] % 25 == 0:
                print(self, flush=True)
        self.doing = "the end"
        self.t.wc("down", timeout=60)
        try:
            self.t.nothing_left(before)
        except AssertionError as error:
            self.fault(str(error))
        print(self, flush=True)
        return self.faults

    def __str__(self):
        return ", ".join(f"{n} {what}" for what, n in self.figures.items()) + f"; {len(self.faults)} faults"
