"""following.py - the agent in the foreground, as a user has it, and what is asked of it."""
import os
import signal
import time

import harness
from cases_gitops import app, end, level, status


class Agent:
    """`wcompose reconcile` with one app, shop. `source` is the YAML between its braces."""

    def __init__(self, t, source, more="", rest="", interval="5s", timeout="20s", environment=None):
        self.t, self.process, self.timeout, self.environment = t, None, timeout, environment or t.environment
        self.path = os.path.join(t.dir, "agent.yaml")
        self.log = os.path.join(t.dir, "agent.log")
        self.write(source, more, rest, interval)
        self.start()

    def write(self, source, more="", rest="", interval="5s"):
        """The agent file: more of the app's keys, and the rest of the file."""
        text = f"apps:\n  shop:\n    source: {{{source}}}\n    interval: {interval}\n" \
               f"    timeout: {self.timeout}\n{more}{rest}"
        new = self.path + ".new"
        with open(new, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(new, 0o600)
        os.rename(new, self.path)

    def start(self):
        with open(self.log, "a", encoding="utf-8") as log:
            self.process = self.t.start("reconcile", "--agent-file", self.path, stdout=log, env=self.environment,
                                        start_new_session=True)

    def now(self):
        """Makes the app due; the agent may still be starting."""
        end_at = time.monotonic() + 60
        while self.t.wc("reconcile", "--agent-file", self.path, "now", code=None).code != 0:
            assert time.monotonic() < end_at, f"no agent hears: {harness.read(self.log)[-3000:]}"
            time.sleep(0.1)

    def until(self, question, what, seconds=120):
        """Waits until it is true of the status, which is returned."""
        end_at = time.monotonic() + seconds
        while True:
            now = status(self.t)
            if question(now):
                return now
            assert time.monotonic() < end_at, \
                f"waited {seconds} s for {what}\nstatus: {now}\nagent: {harness.read(self.log)[-3000:]}"
            time.sleep(0.2)  # asking is a process each time

    def until_in_force(self, commit, seconds=120):
        """That revision is in force, and Ready."""
        return self.until(lambda now: (now["InForce"] or {}).get("ID") == commit and now["By"]["Ready"]["Status"] == "True",
                          f"{commit} in force", seconds)

    def until_said(self, condition, reason, words, seconds=120):
        """A condition that holds says why, in the words given; status says the same to people. Returns the status."""
        now = self.until(lambda now: now["By"][condition]["Status"] == "True" and now["By"][condition]["Reason"] == reason and
                   words in now["By"][condition]["Message"], f"{condition} for {reason}: {words}", seconds)
        shown = self.t.wc("reconcile", "--agent-file", self.path, "status", code=None).out
        assert words in shown, shown
        return now

    def holds(self, commit, runs):
        """The workload is what it was: the same revision, the same instance."""
        now = status(self.t)
        assert now["InForce"]["ID"] == commit and now["By"]["Ready"]["Status"] == "True", now
        assert level(self.t) == runs, (level(self.t), runs)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=30) == 0


def name_of(pid):
    """What a process is called; None when there is none."""
    try:
        return harness.read(f"/proc/{pid}/comm").strip()
    except OSError:
        return None


__all__ = ["Agent", "app", "end", "level", "name_of", "status"]
