"""What the agent promises of itself: kill -9 at any moment costs nothing but the moment; and no secret that it is given is
anywhere but where it is used."""
import base64
import http.server
import os
import re
import shutil
import signal
import threading
import time

import harness
from cases_given import SOPS, sealed
from following import Agent, app, end, level, name_of
from remotes import Lighttpd, Remote, Sshd


def passes_of(agent):
    """The processes that the agent has started and that haven't ended."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            fields = harness.read(f"/proc/{pid}/stat").rsplit(")", 1)[1].split()
            if int(fields[1]) == agent.process.pid and fields[0] != "Z":
                found.append(int(pid))
        except OSError:
            pass
    return found


def kill(agent, whom):
    """kill -9 of a pass, of the agent, or of both in this order. The agent is started again."""
    if whom != "agent":
        for pid in passes_of(agent):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
    if whom != "pass":
        agent.process.kill()
        agent.process.wait()
        agent.start()


def starts(t):
    """How often an instance of the app was started, as the supervisor tells it."""
    rows = t.wc("-p", "shop", "--json", "events", "--since", "1h", "--until", "0s").rows
    return [row for row in rows if row.get("action", row.get("Action")) == "started"]


def leavings(t):
    """What no pass should leave in the app's directory."""
    place = os.path.join(t.root, "lib/gitops/shop")
    found = []
    for here, directories, names in os.walk(place):
        found += [os.path.join(here, name) for name in directories if name.startswith(".new-")]
        found += [os.path.join(here, name) for name in names
                  if re.search(r"\.lock$|^tmp_|^\.tmp-|\.new$|^\.new-", name)]
    return found


def case_gitops_agent_killed_at_every_step(t):
    """40 kills of agent, pass and both, spread from a push until after it is ready: each revision gets in force in the end,
    starts its instance once, and nothing is left."""
    t.load_image()
    remote = Remote(t)
    first = remote.push(app(0), "zero")
    begin = time.monotonic()
    agent = Agent(t, f"git: {remote.bare}, branch: main")
    agent.until_in_force(first)
    span = 1.2 * (time.monotonic() - begin)
    for turn in range(10):
        commit = remote.push(app(turn + 1), f"turn {turn}")
        for which in range(4):  # a fifth time, and it would be rejected: Interrupted
            agent.now()
            time.sleep(span * (which * 10 + turn) / 40)  # where in the pass that is doesn't matter, but that it is everywhere
            kill(agent, ("pass", "agent", "both")[(turn + which) % 3])
        agent.until_in_force(commit, 120)
        text, _ = level(t)
        assert text == str(turn + 1), text
    assert len(starts(t)) == 11, starts(t)
    last = remote.push(app(11), "undisturbed")
    agent.now()
    agent.until_in_force(last)
    agent.stop()
    assert not leavings(t), leavings(t)
    assert len(os.listdir(os.path.join(t.root, "lib/gitops/shop/trees"))) <= 3
    names = [name_of(pid) for pid in filter(str.isdigit, os.listdir("/proc"))]
    assert not {"git", "ssh", "curl"} & set(names), names
    end(t)


class Watch(threading.Thread):
    """Looks at arguments and environments of all processes but the containers' own, again and again, for words."""

    def __init__(self, t, words):
        super().__init__(daemon=True)
        self.t, self.words, self.found, self.looked, self.done = t, words, set(), set(), threading.Event()

    def run(self):
        while not self.done.wait(0.05):
            for pid in filter(str.isdigit, os.listdir("/proc")):
                self.look(pid)

    def look(self, pid):
        try:
            if self.t.token in harness.read(f"/proc/{pid}/cgroup"):
                return
            self.looked.add(name_of(pid))
            for file in ("cmdline", "environ"):
                with open(f"/proc/{pid}/{file}", "rb") as f:
                    text = f.read()
                if b"GATEWAY_INTERFACE=CGI" not in text:  # what the web server tells its own programs
                    self.found |= {(file, word, text[:200]) for word in self.words if word in text}
        except OSError:
            pass

    def end(self):
        self.done.set()
        self.join()
        return self.found


def holding(words, top, but):
    """Files below `top` that have one of the words in them, except those named."""
    found = []
    for here, _, names in os.walk(top):
        for name in names:
            path = os.path.join(here, name)
            if path in but or not os.path.isfile(path) or os.path.islink(path):
                continue
            with open(path, "rb") as f:
                text = f.read()
            found += [(word, path) for word in words if word in text]
    return found


def told(heard):
    """A web server that takes notifications, and refuses the first one."""
    class Ear(http.server.BaseHTTPRequestHandler):
        def do_POST(self):  # noqa: N802
            heard.append(str(self.headers).encode() + self.rfile.read(int(self.headers["Content-Length"])))
            time.sleep(0.3)  # so that who brings it can be looked at
            self.send_response(500 if len(heard) == 1 else 204)
            self.end_headers()

        def log_message(self, *_):
            pass
    server = http.server.HTTPServer(("127.0.0.1", 0), Ear)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def case_gitops_planted_secrets(t):
    """A token, an ssh key, an age key, encrypted variables and files, the webhook's key, the notifications' key: during and
    after a run in which things go well and wrong, none is in a file, an argument, an environment, a log, a message, an answer,
    but in the files of the admin, and where the container reads it."""
    t.load_image()
    heard = []
    ear, web, sshd, remote, other = told(heard), Lighttpd(t), Sshd(t), Remote(t), Remote(t, "other")
    given = {"token": (web.token, "t0ken-of-the-case"), "hook": (t.write("hook.secret", "planted-hook\n", 0o600), "planted-hook"),
             "notify": (t.write("notify.secret", "planted-notify\n", 0o600), "planted-notify")}
    shutil.copy(os.path.join(SOPS, "key.txt"), os.path.join(t.dir, "age.key"))
    os.chmod(os.path.join(t.dir, "age.key"), 0o600)
    age_key = re.search(r"AGE-SECRET-KEY-\w+", harness.read(os.path.join(SOPS, "key.txt"))).group(0)
    body = harness.read(sshd.key).splitlines()[2]
    token = base64.b64encode(b"git:t0ken-of-the-case").rstrip(b"=")[:-1]
    words = [text.encode() for _, text in given.values()] + \
        [age_key.encode(), body.encode(), token, b"planted-variable", b"planted-file"]
    sealed(t, "app.env", "dotenv", "PASS=planted-variable\n")
    sealed(t, "cert.sops", "binary", "planted-file\n")
    for name in ("app.env", "cert.sops"):
        shutil.copy(os.path.join(t.dir, name), os.path.join(remote.work, name))
    text = "{}        env_file: [app.env]\n        secrets: [cert]\n    secrets: {{cert: {{file: ./cert.sops}}}}\n"
    first = remote.push(text.format(app(1)), "first")
    other.push(app(7), "other")
    tell = t.write("tell", f"#!/bin/sh\ncat >>{t.dir}/told\n", 0o755)
    rest = (f"  other:\n    source: {{{sshd.source(other)}}}\n"
            f"notify:\n  - {{url: 'http://127.0.0.1:{ear.server_port}/x', secret_file: {given['notify'][0]}}}\n"
            f"  - {{command: [{tell}]}}\n"
            f"webhook: {{listen: '127.0.0.1:9465', secret_file: {given['hook'][0]}}}\n")
    watch = Watch(t, words)
    watch.start()
    agent = Agent(t, web.source(remote), f"    secrets: {{age: {t.dir}/age.key}}\n", rest)
    agent.until_in_force(first)
    t.until(lambda: b'"True"' in b"".join(heard) or heard, "a message", 30)
    shown = [t.wc("-p", "shop", "exec", "-T", "web", "sh", "-c", "echo $PASS; cat /run/secrets/cert").out]
    assert shown.pop() == "planted-variable\nplanted-file\n"
    remote.push(text.format(app(2, "false")), "unhealthy")
    agent.now()
    agent.until(lambda now: now["By"]["Stalled"]["Reason"] == "Unhealthy", "a rollback")
    remote.push("services: {web: {image: 'bb:1', enviroment: [A=1]}}\n", "broken")
    agent.now()
    agent.until(lambda now: now["By"]["Stalled"]["Reason"] == "Invalid", "a refusal")
    os.unlink(os.path.join(remote.work, "cert.sops"))
    remote.push(text.format(app(3)), "without its file")
    agent.now()
    agent.until(lambda now: "cert" in now["By"]["Stalled"]["Message"], "a missing secret")
    web.stop()
    agent.now()
    agent.until(lambda now: now["By"]["Reconciling"]["Reason"] == "LookFailed", "a remote that is away")
    t.until(lambda: os.path.exists(os.path.join(t.dir, "told")), "the command", 30)
    shown.append(t.http("http://127.0.0.1:9465/metrics")[1])
    for verb in (("reconcile", "--agent-file", agent.path, "status"), ("--json", "reconcile", "--agent-file", agent.path, "status"),
                 ("reconcile", "--agent-file", agent.path, "history"), ("-p", "shop", "history"), ("-p", "shop", "ps", "-a"),
                 ("-p", "shop", "events", "--since", "1h", "--until", "0s"), ("-p", "shop", "--json", "events", "--since", "1h", "--until", "0s"),
                 ("-p", "shop", "why", "web"), ("-p", "shop", "logs"), ("-p", "shop", "status"), ("-p", "shop", "metrics"),
                 ("-p", "shop", "top"), ("-p", "shop", "stats", "--no-stream")):
        done = t.wc(*verb, code=None)
        shown += [done.out, done.err]
    agent.stop()
    found = watch.end()
    assert {"git", "wcompose", "curl"} <= watch.looked, watch.looked  # it has seen what it should look at
    assert not found, found
    for text in shown + [harness.read(agent.log)] + [body.decode(errors="replace") for body in heard]:
        assert not [word for word in words if word.decode() in text], text
    assert holding([b"planted-hook"], t.dir, set()) == [(b"planted-hook", given["hook"][0])], "what is there is found"
    admins = {path for path, _ in given.values()} | {sshd.key, os.path.join(t.dir, "age.key"), web.users}
    for word, path in holding(words, t.base, admins):
        parts = os.path.relpath(path, t.root).split("/")
        assert parts[0] == "run", (word, path)  # where the container reads it, on memory: nobody else may look in
        assert os.stat(os.path.join(t.root, *parts[:-1])).st_mode & 0o077 == 0 or \
            any(os.stat(os.path.join(t.root, *parts[:i])).st_mode & 0o077 == 0 for i in range(1, len(parts))), path
    end(t, "shop", "other")
    left = holding(words, t.base, admins)
    assert not left, f"after down: {left}"
    ear.shutdown()
