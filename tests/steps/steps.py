"""steps.py - kill -9 at exactly each step of a pass, and of the agent.

A step is a system call that changes something outside the process (tests/steps/calls.c). A story is a situation that can be
had again and again: a commit that waits, an app that was taken out of the file. It is gone through once to see which steps
there are; then once for each of them, killed there, and once more undisturbed. After the kill and at the end the promises
are held against what there is.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import time

import fixture
import harness
from registries import Distribution
from remotes import Remote

HERE = os.path.dirname(os.path.abspath(__file__))
ENDED_BEFORE = 3  # what the tracer says when the program ended before its step

APP = """
    services:
      web:
        image: bb:1
        command: ["/bin/idle"]
        environment: {{LEVEL: "{level}"}}
        deploy: {{update_config: {{order: start-first, monitor: 100ms}}}}
        healthcheck: {{test: ["CMD", "{check}"], timeout: 2s, {pace}}}
"""
SOUND = "interval: 30s, start_period: 30s, start_interval: 100ms"  # asked often until it is healthy
UNSOUND = "interval: 100ms, start_period: 0s, retries: 2"
BROKEN = "services: {web: {image: 'bb:1', enviroment: [A=%d]}}\n"


def app(level, check="true"):
    return APP.format(level=level, check=check, pace=SOUND if check == "true" else UNSOUND)


def build(t):
    """The tracer, made for the case: it isn't a part of the product. Returns its path."""
    path = os.path.join(t.base, "tracer")
    if not os.path.exists(path):
        harness.command("cc", "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-o", path, os.path.join(HERE, "tracer.c"), os.path.join(HERE, "calls.c"))
    return path


def levels(t):
    """LEVEL of each instance that runs: of the processes that are the first of a PID namespace in one of our groups."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if t.token not in harness.read(f"/proc/{pid}/cgroup") or harness.is_runtime(pid):
                continue
            if re.search(r"^NSpid:.*\t1$", harness.read(f"/proc/{pid}/status"), re.M):
                found += re.findall(r"(?:^|\0)LEVEL=(\w+)", harness.read(f"/proc/{pid}/environ"))
        except OSError:
            pass
    return sorted(found)


def leavings(t, name="shop"):
    """What no pass should leave in the app's directory."""
    found = []
    for here, directories, names in os.walk(os.path.join(t.root, "lib/gitops", name)):
        found += [os.path.join(here, d) for d in directories if d.startswith(".new-")]
        found += [os.path.join(here, n) for n in names if re.search(r"\.lock$|^tmp_|^\.tmp-|\.new$|^\.new-|\.keep$", n)]
    return found


class Story:
    """A pass over one app, killed. Those derived say what it finds, and what must be so in the end."""

    name = "shop"
    result = 0  # of an undisturbed pass
    more, rest = "", ""  # of the agent file: of each app, and after them

    def __init__(self, t):
        self.t, self.turn, self.past, self.heard = t, 0, [], {}
        t.load_image()
        self.remote = Remote(t)
        self.write([self.name])

    def write(self, names):
        apps = "".join(f"  {name}:\n    source: {{git: {self.remote.bare}, branch: main}}\n    interval: 5s\n    timeout: 20s\n{self.more}"
                       for name in names)
        self.t.write("agent.yaml", f"apps:\n{apps}{self.rest}", mode=0o600)

    def command(self):
        return ["reconcile", "--agent-file", "agent.yaml", "--once", self.name]

    def once(self, code=0):
        return self.t.wc("reconcile", "--agent-file", "agent.yaml", "--once", self.name, code=code, timeout=600)

    def status(self, name=None):
        row = self.t.wc("--json", "reconcile", "--agent-file", "agent.yaml", "status", name or self.name, code=None).rows[0]
        row["By"] = {c["Type"]: c for c in row["Conditions"]}
        return row

    def history(self):
        rows = self.t.wc("--json", "reconcile", "--agent-file", "agent.yaml", "history", self.name).rows
        return [(row["What"], row["Revision"], row["At"]) for row in rows]

    def news(self):
        """What the history tells that it didn't when this was last asked; it keeps a few dozen lines."""
        rows, before = self.history(), self.past
        self.past = rows
        return [row[0] for row in rows if row not in before]

    def starts(self):
        """How often an instance of the project was started. The supervisor remembers some hundreds of events: they are counted here."""
        last, count = self.heard.get(self.name, (0, 0))
        rows = self.t.wc("-p", self.name, "--json", "events", "--since", "1h", "--until", "0s").rows
        new = [row for row in rows if row["seq"] > last]
        count += len([row for row in new if row["action"] == "started"])
        self.heard[self.name] = (max([last] + [row["seq"] for row in new]), count)
        return count

    def arm(self):
        """Makes the situation: something waits to be done."""
        self.turn += 1

    def killed(self):
        """After the kill, before anything is put right: what runs is the old or the new one, and what is kept can be read."""
        path = os.path.join(self.t.root, "lib/gitops", self.name, "record.json")
        if os.path.exists(path):
            with open(path, encoding="utf-8") as f:
                json.load(f)

    def check(self):
        """After an undisturbed pass."""

    def traced(self, log, *options):
        """One pass under the tracer; returns the tracer's exit status."""
        arguments = [build(self.t), *options, "--leave", "supervise", "--log", log, "--", self.t.binary, *self.command()]
        done = subprocess.run(arguments, cwd=self.t.dir, env=self.t.environment, capture_output=True, text=True, timeout=600, check=False)
        assert done.returncode in (0, ENDED_BEFORE), f"tracer: {done.returncode}\n{done.stderr}\n{harness.read(log)[-2000:]}"
        return done.returncode

    def settle(self):
        """An undisturbed pass."""
        self.once(self.result)

    def end(self):
        self.t.wc("-p", self.name, "down", code=None)


class Turning(Story):
    """Each turn has a level of its own, and takes the place of the one before."""

    def killed(self):
        super().killed()
        there = set(levels(self.t))
        assert there and there <= {str(self.turn), str(self.turn - 1)}, there


class Update(Turning):
    """A good revision waits while the one before runs."""

    def __init__(self, t):
        super().__init__(t)
        self.remote.push(app(0), "zero")
        self.once()
        self.begun = self.starts()
        self.news()

    def arm(self):
        super().arm()
        self.commit = self.remote.push(app(self.turn), f"turn {self.turn}")

    def check(self):
        now = self.status()
        assert now["InForce"]["ID"] == self.commit and now["By"]["Ready"]["Status"] == "True", now
        self.t.until(lambda: levels(self.t) == [str(self.turn)], f"only the new one: {levels(self.t)}", 15)
        starts, news = self.starts(), self.news()
        assert starts == self.begun + 1, f"{starts} starts, {self.begun} before"
        assert news == ["applied"], news
        assert not leavings(self.t), leavings(self.t)
        self.begun = starts


class Digests(Turning):
    """A tag has moved to another image, of which a layer isn't here yet, while the one before runs."""

    more = "    image_policy: digest-changes\n"

    def __init__(self, t):
        super().__init__(t)
        if not hasattr(t, "registry"):
            t.registry = Distribution(t, 5000)
        self.move()
        text = re.sub(r"\n *environment: .*", "", app(0).replace("bb:1", "localhost:5000/team/bb:1"))
        self.commit = self.remote.push(text, "first")
        self.once()
        self.begun = self.starts()
        self.news()

    def move(self):
        """The tag gets an image of this turn: it tells so by its environment, and by a file."""
        layout, told = os.path.join(self.t.base, "layout"), os.path.join(self.t.base, "digest")
        fixture.oci_directory(layout, "bb:1", top={"etc/turn": (f"{self.turn}\n", 0o644)}, Env=["PATH=/bin", f"LEVEL={self.turn}"])
        self.t.registry.push(layout, "team/bb:1", "--digestfile", told)
        self.digest = harness.read(told).strip()
        shutil.rmtree(layout)

    def arm(self):
        super().arm()
        self.move()

    def check(self):
        now = self.status()
        assert now["InForce"]["ID"] == self.commit and now["By"]["Ready"]["Status"] == "True", now
        assert [image["Digest"] for image in now["Images"]] == [self.digest], (now["Images"], self.digest)
        self.t.until(lambda: levels(self.t) == [str(self.turn)], f"only the new one: {levels(self.t)}", 15)
        turn = self.t.wc("-p", self.name, "exec", "-T", "web", "cat", "/etc/turn").out.strip()
        assert turn == str(self.turn), turn
        starts, news = self.starts(), self.news()
        assert starts == self.begun + 1, f"{starts} starts, {self.begun} before"
        assert news == ["applied"], news
        assert not leavings(self.t), leavings(self.t)
        self.begun = starts


class First(Story):
    """An app that nothing is known of. Each turn has one of its own."""

    def __init__(self, t):
        super().__init__(t)
        self.commit = self.remote.push(app(1), "first")

    def arm(self):
        if self.turn > 0:
            self.end()
        super().arm()
        self.name = f"shop{self.turn}"
        self.write([self.name])

    def killed(self):
        super().killed()
        assert levels(self.t) in ([], ["1"]), levels(self.t)

    def check(self):
        now = self.status()
        assert now["InForce"]["ID"] == self.commit and now["By"]["Ready"]["Status"] == "True", now
        assert levels(self.t) == ["1"] and self.starts() == 1, (levels(self.t), self.starts())
        assert [row[0] for row in self.history()] == ["applied"], self.history()
        assert not leavings(self.t, self.name), leavings(self.t, self.name)


class Unhealthy(Story):
    """A revision that never gets ready waits: it is rolled back, and not tried again."""

    result = 3

    def __init__(self, t):
        super().__init__(t)
        self.good = self.remote.push(app("good"), "good")
        self.once()
        self.news()

    def arm(self):
        super().arm()
        self.remote.push(app(self.turn, "false"), f"turn {self.turn}")

    def killed(self):
        super().killed()
        there = levels(self.t)
        assert "good" in there and set(there) <= {"good", str(self.turn)}, there

    def check(self):
        now = self.status()
        assert now["InForce"]["ID"] == self.good and now["By"]["Ready"]["Status"] == "True", now
        assert now["By"]["Stalled"]["Reason"] == "Unhealthy", now
        self.t.until(lambda: levels(self.t) == ["good"], f"only the good one: {levels(self.t)}", 15)
        news = self.news()
        assert news == ["rejected", "restored"], news
        starts = self.starts()
        self.once(3)
        assert self.starts() == starts and not self.news(), "it was tried again"
        assert not leavings(self.t), leavings(self.t)


class Invalid(Story):
    """A revision that can't be loaded waits: it changes nothing, and says why."""

    result = 3

    def __init__(self, t):
        super().__init__(t)
        self.good = self.remote.push(app("good"), "good")
        self.once()
        self.begun = self.starts()
        self.news()

    def arm(self):
        super().arm()
        self.remote.push(BROKEN % self.turn, f"turn {self.turn}")

    def killed(self):
        super().killed()
        assert levels(self.t) == ["good"], levels(self.t)

    def check(self):
        self.killed()
        now = self.status()
        assert now["InForce"]["ID"] == self.good and now["By"]["Ready"]["Status"] == "True", now
        assert now["By"]["Stalled"]["Reason"] == "Invalid" and "enviroment" in now["By"]["Stalled"]["Message"], now
        news = self.news()
        assert news == ["rejected"] and self.starts() == self.begun, (news, self.starts())
        assert not leavings(self.t), leavings(self.t)


class Drift(Story):
    """Somebody has stopped what should run: the pass starts it again."""

    def __init__(self, t):
        super().__init__(t)
        self.good = self.remote.push(app("good"), "good")
        self.once()
        self.news()

    def arm(self):
        super().arm()
        self.t.wc("-p", self.name, "stop", "web")
        assert not levels(self.t)

    def settle(self):
        """What the killed one asked for may be starting yet: nothing differs then, and that it is ready is found at a later look."""
        def is_ready():
            self.once()
            return self.status()["By"]["Ready"]["Status"] == "True"
        self.t.until(is_ready, "an app that is ready", 30)

    def check(self):
        now = self.status()
        assert now["InForce"]["ID"] == self.good and now["By"]["Ready"]["Status"] == "True", now
        assert levels(self.t) == ["good"], levels(self.t)
        news = self.news()  # a pass that was killed when all was repaired has told nobody, and the next one finds nothing to do
        assert news in ([], ["repaired"]), news
        assert not leavings(self.t), leavings(self.t)


class Prune(Story):
    """An app was taken out of the file: it goes, with all that is kept of it; the one that stays isn't touched."""

    name = "gone"
    rest = "prune_apps: true\n"

    def __init__(self, t):
        super().__init__(t)
        self.remote.push(app("stays"), "stays")
        self.name = "stay"
        self.write(["stay"])
        self.once()

    def arm(self):
        super().arm()
        self.name = "gone"
        self.write(["stay", "gone"])
        self.once()
        self.write(["stay"])
        assert levels(self.t) == ["stays", "stays"], levels(self.t)

    def command(self):
        return ["reconcile", "--agent-file", "agent.yaml", "prune"]

    def killed(self):
        super().killed()
        assert "stays" in levels(self.t)

    def settle(self):
        """While the supervisor is at what the killed one had asked for, it is to be tried again; the agent does."""
        self.t.until(lambda: self.t.wc(*self.command(), code=None).code == 0, "a prune that ends", 30)

    def check(self):
        assert levels(self.t) == ["stays"], levels(self.t)
        place = os.path.join(self.t.root, "lib/gitops/gone")
        left = os.listdir(place) if os.path.exists(place) else []
        assert set(left) <= {"lock"}, left
        assert not os.path.exists(os.path.join(self.t.root, "lib/projects/gone")), "the project is kept"
        assert self.status("stay")["By"]["Ready"]["Status"] == "True"

    def end(self):
        self.t.wc("-p", "stay", "down", code=None)


class Agent(Story):
    """The agent itself, from its start to its end: broken and good revisions in turn, of each of which a command tells."""

    def __init__(self, t):
        super().__init__(t)
        self.told = os.path.join(t.dir, "told")
        self.log = os.path.join(t.dir, "agent.log")
        tell = t.write("tell", f"#!/bin/sh\nread -r line && echo \"$line\" >>{self.told}\n", 0o755)
        self.tell = os.path.join(t.dir, "tell")
        self.rest = f"notify: [{{command: [{tell}]}}]\n"
        self.write([self.name])
        self.outbox = os.path.join(t.root, "lib/gitops/.outbox")
        self.commit = self.remote.push(app(0), "zero")
        self.undisturbed()

    def arm(self):
        super().arm()
        self.is_good = self.turn % 2 == 0
        self.commit = self.remote.push(app(self.turn) if self.is_good else BROKEN % self.turn, f"turn {self.turn}")

    def messages(self):
        if not os.path.exists(self.told):
            return []
        return [json.loads(line) for line in harness.read(self.told).splitlines()]

    def is_told(self):
        """That people know: of the first revision that it is ready, of each one since that it was rejected, or that it isn't."""
        if self.turn == 0:
            return [m for m in self.messages() if (m["condition"], m["status"]) == ("Ready", "True")]
        wanted = ("Stalled", "False" if self.is_good else "True", "main@" + self.commit[:12])
        return [m for m in self.messages() if (m["condition"], m["status"], m["revision"]) == wanted]

    def is_done(self):
        now = self.status()
        if not self.is_told() or os.listdir(self.outbox):
            return False
        return now["Newest"]["ID"] == self.commit and (self.turn == 0 or self.is_good) == (now["InForce"]["ID"] == self.commit)

    def agent_of(self, tracer):
        """The agent; None: it has been killed, and the tracer is about to end."""
        children = harness.read(f"/proc/{tracer.pid}/task/{tracer.pid}/children").split()
        return int(children[0]) if children else None

    def see_through(self, process, agent_pid):
        """Tells the agent to look, waits until all is done and told, and ends it; or until it is dead."""
        end_at, is_heard = time.monotonic() + 90, False
        while process.poll() is None:
            if not is_heard:
                is_heard = self.t.wc("reconcile", "--agent-file", "agent.yaml", "now", code=None).code == 0
            if is_heard and self.is_done():
                pid = agent_pid()
                if pid is not None:
                    os.kill(pid, signal.SIGTERM)
                process.wait(timeout=30)
                return
            assert time.monotonic() < end_at, \
                f"wanted: {self.commit} told of\ntold: {self.messages()[-2:]}\nwaiting: {os.listdir(self.outbox)}\n" \
                f"{self.status()}\n{harness.read(self.log)[-1000:]}"
            time.sleep(0.05)

    def start(self, before, after):
        with open(self.log, "a", encoding="utf-8") as log:
            return subprocess.Popen([*before, self.t.binary, "reconcile", "--agent-file", "agent.yaml", *after], cwd=self.t.dir,
                                    env=self.t.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def undisturbed(self):
        process = self.start([], [])
        self.see_through(process, lambda: process.pid)
        assert process.returncode == 0, f"the agent ended with {process.returncode}\n{harness.read(self.log)[-1000:]}"

    def traced(self, log, *options):
        leave = ["--leave", "--once", "--leave", "prune", "--leave", self.tell]
        process = self.start([build(self.t), *options, *leave, "--log", log, "--"], [])
        self.see_through(process, lambda: self.agent_of(process))
        assert process.returncode in (0, ENDED_BEFORE), f"tracer: {process.returncode}\n{harness.read(log)[-2000:]}"
        return process.returncode

    def killed(self):
        super().killed()
        there = set(levels(self.t))
        assert there and there <= {str(self.turn - self.turn % 2), str(self.turn - 2 + self.turn % 2), str(max(self.turn - 2, 0))}, there

    def settle(self):
        self.undisturbed()

    def check(self):
        assert self.t.until(lambda: levels(self.t) == [str(self.turn - self.turn % 2)], f"the good one: {levels(self.t)}", 15)
        assert not leavings(self.t), leavings(self.t)
        by_id = {}
        for message in self.messages():  # the same again may come; but then it is the same
            same = {k: v for k, v in message.items()}
            assert by_id.setdefault(message["id"], same) == same, (by_id[message["id"]], same)


class Clock:
    """How long the parts of a turn take, all turns together."""

    def __init__(self):
        self.spent, self.part, self.since = {}, None, 0.0

    def begins(self, part):
        now = time.monotonic()
        if self.part is not None:
            self.spent[self.part] = self.spent.get(self.part, 0.0) + now - self.since
        self.part, self.since = part, now

    def text(self):
        self.begins(None)
        return ", ".join(f"{part} {seconds:.0f} s" for part, seconds in self.spent.items())


STORIES = {s.__name__.lower(): s for s in (First, Update, Digests, Unhealthy, Invalid, Drift, Prune, Agent)}


def steps_of(log):
    """What the tracer wrote of a run that nobody disturbed: ((own, below), text)."""
    rows = re.findall(r"^(\d+)\.(\d+) (.*)$", harness.read(log), re.M)
    return [((int(own), int(below)), text) for own, below, text in rows]


def plain(text):
    """A step without what is another each time."""
    text = re.sub(r"[0-9a-f]{8,}|#\d+|\[\d+\]|(?<=[._-])\w{6}\b|shop\d+", "*", text)
    return re.sub(r"\S*/wcompose-e2e-\w+", "", text)


def points(steps, most):
    """Where to kill: (number, text, after). All, or at most so many, of those that look different, evenly spread.

    most = 0: all but those that a jail begins with each time anew, in namespaces of its own (mounts, and files in its /tmp/f):
    of these, the first jail's. most = -1: those too. What comes after a step comes before the next one of the same process; it
    is a point of its own where others have seen the step, and go on: those of the pass itself."""
    every = [(n, text, False) for n, text in steps] + [(n, text, True) for n, text in steps if not text.startswith("below:")]
    if most <= 0:
        private = re.compile(r"below: (mount |mkdir /tmp/.$|openat \w+$|\w+ /tmp/f/)")
        first = {}
        for n, text in steps:
            first.setdefault(text, n)
        return sorted(p for p in every if most < 0 or not private.match(p[1]) or first[p[1]] == p[0])
    seen, different = set(), []
    for n, text, after in sorted(every):
        key = plain(text), after
        if key not in seen:
            seen.add(key)
            different.append((n, text, after))
    stride = max(len(different) / most, 1)
    return [different[int(i * stride)] for i in range(min(most, len(different)))]


def run(t, name, most, say=print):
    """Goes through a story; most as of points(). Returns the faults, and figures."""
    story, log, faults, reached = STORIES[name](t), os.path.join(t.base, "steps.log"), [], 0
    begin, clock = time.monotonic(), Clock()
    story.arm()
    story.settle()  # what is done once a host isn't the same each time
    story.check()
    story.arm()
    story.traced(log)
    steps = steps_of(log)
    story.settle()
    story.check()
    chosen = points(steps, most)
    say(f"{name}: {len(steps)} steps, {len(chosen)} points", flush=True)
    # every seventh first: a run that is ended early has been everywhere. Not all passes go the same way (they wait for others, who
    # are quicker or slower): a point that wasn't come to is gone for once more.
    turns = [point for first in range(7) for point in chosen[first::7]]
    for i, (number, text, after) in enumerate(turns):
        where = f"{name}, {'after' if after else 'before'} step {number[0]}.{number[1]} ({plain(text)})"
        try:
            clock.begins("arm")
            story.arm()
            clock.begins("traced")
            is_killed = story.traced(log, "--kill", f"{number[0]}.{number[1]}", *(["--after"] if after else [])) == 0
            reached += is_killed
            if not is_killed and i < len(chosen):
                turns.append((number, text, after))
            where = f"{name}: {harness.read(log).strip()}"
            clock.begins("killed")
            story.killed()
            clock.begins("settle")
            story.settle()
            clock.begins("check")
            story.check()
            clock.begins(None)
        except (AssertionError, LookupError, ValueError, OSError, subprocess.SubprocessError) as error:
            faults.append(f"{where}: {type(error).__name__}: {error}")
            say(faults[-1][:3000], flush=True)
            if len(faults) >= 10:
                break
            try:  # so that the next ones tell something of themselves
                story = again(t, story)
            except AssertionError as worse:
                faults.append(f"and it doesn't recover: {worse}")
                break
        if i % 10 == 9:
            say(f"{name}: {i + 1} of {len(turns)}, {reached} killed, {len(faults)} faults, {time.monotonic() - begin:.0f} s", flush=True)
    say(f"{name}: {len(steps)} steps, {len(chosen)} points, {reached} killed, {len(faults)} faults, {time.monotonic() - begin:.0f} s "
        f"({clock.text()})", flush=True)
    story.end()
    return faults, reached


def stop_all():
    """Ends what runs of passes, agents and tracers; this process has a PID namespace of its own. A pass that outlives its agent
    would write its record anew."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if harness.read(f"/proc/{pid}/comm").strip() in ("tracer", "wcompose"):
                os.kill(int(pid), signal.SIGKILL)
        except OSError:
            pass


def again(t, story):
    """The same story from its beginning, with nothing left of it."""
    stop_all()
    for name in os.listdir(os.path.join(t.root, "lib/projects")) if os.path.exists(os.path.join(t.root, "lib/projects")) else []:
        t.wc("-p", name, "down", code=None)
    harness.command("rm", "-rf", os.path.join(t.root, "lib/gitops"), story.remote.bare, story.remote.work, os.path.join(t.dir, "told"))
    return type(story)(t)


__all__ = ["STORIES", "run"]
