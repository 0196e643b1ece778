"""No secret that is given to the agent, or to a project, is anywhere but where it is used: in no argument and no environment of
any program, in no file of the whole file system, compressed or not, in nothing that is shown, sent or logged, in any usual encoding."""
import base64
import bz2
import hmac
import http.server
import io
import json
import lzma
import os
import re
import shutil
import subprocess
import sys
import tarfile
import threading
import urllib.error
import urllib.request
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "steps"))
import fixture  # noqa: E402
import harness  # noqa: E402
import registries  # noqa: E402
import seeking  # noqa: E402
from cases_given import sealed  # noqa: E402
from following import Agent, app, end  # noqa: E402
from remotes import Lighttpd, Remote, Sshd  # noqa: E402

# Where the value of an encrypted variable or file may be, below the root, while its container runs (docs/secrets.md): in the
# instance's own directory, and in the runtime's, which nobody else may enter. None of the keys and tokens is anywhere.
PLACES = (
    (r"run/projects/\w+/instances/[\w.-]+/bundle/config\.json", {"variable"}),  # what the runtime is told
    (r"run/projects/\w+/instances/[\w.-]+/join\.conf", {"variable"}),  # the same for `exec`
    (r"run/oci/[\w.-]+/config\.json", {"variable"}),  # the runtime's own copy
    (r"run/projects/\w+/instances/[\w.-]+/given/[0-9a-f]{16}", {"file"}),  # what is mounted
)
LOOKS = (("ps", "-a"), ("logs",), ("status",), ("history",), ("events", "--since", "1h", "--until", "0s"), ("why", "web"), ("metrics",),
         ("top",), ("stats", "--no-stream"), ("rollouts",))
FILES = (("config",), ("plan",), ("diff",), ("lint",), ("ps", "-a", "--format", "json"), ("history", "--format", "json"))


def ear(heard):
    """A web server that takes notifications, and refuses the first one."""
    class Ear(http.server.BaseHTTPRequestHandler):
        def do_POST(self):  # noqa: N802
            heard.append(str(self.headers).encode() + self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(500 if len(heard) == 1 else 204)
            self.end_headers()

        def log_message(self, *_):
            pass
    server = http.server.HTTPServer(("127.0.0.1", 0), Ear)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def call(key, body=b"{}"):
    """Calls the webhook, signed with a key; returns the status and what it answers."""
    headers = {"X-Hub-Signature-256": "sha256=" + hmac.new(key.encode(), body, "sha256").hexdigest()}
    try:
        with urllib.request.urlopen(urllib.request.Request("http://127.0.0.1:9465/hook/shop", body, headers), timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


class Run:
    """All that is given, and all that is shown."""

    def __init__(self, t):
        self.t, self.planted, self.heard, self.shown = t, seeking.Planted(), [], []
        make, write = self.planted.make, t.write
        registries.need("htpasswd", "docker-registry")
        self.since = write("since", "")
        self.token, self.hook = make("token", "t/{}+=x"), make("webhook key", 'h"{}\\')
        self.notify, self.address = make("notify key", "n'{}&%"), make("address", "a-{}")
        self.variable, self.content = make("variable", "v/{} +"), make("file", 'f"{}<>')
        self.open = make("open", "o-{}")  # of `environment:`: no secret, and found where it is expected
        self.web, self.sshd = Lighttpd(t, password=self.token), Sshd(t)
        seeking.ssh_seed(self.planted, self.sshd.key)
        self.age = os.path.join(t.dir, "age.key")
        seeking.age_identity(self.planted, self.age)
        self.hook_file, self.notify_file = write("hook.secret", self.hook + "\n", 0o600), write("notify.secret", self.notify + "\n", 0o600)
        self.registry()
        self.ear = ear(self.heard)
        self.admins = {self.web.token, self.web.users, self.sshd.key, self.age, self.hook_file, self.notify_file, self.config}

    def registry(self):
        """One with a password, which is in the docker configuration of who pulls; an image in it."""
        password, users = self.planted.make("registry password", "r:{}/"), os.path.join(self.t.base, "htpasswd")
        harness.command("htpasswd", "-Bic", users, "user", input=password)
        self.store = registries.Distribution(self.t, 5000, auth={"htpasswd": {"realm": "r", "path": users}})
        layout = os.path.join(self.t.base, "layout")
        fixture.oci_directory(layout, "bb:1")
        self.store.push(layout, "bb:1", "--dest-creds", "user:" + password)  # before any program is looked at
        home = os.path.join(self.t.base, "home")
        self.config = os.path.join(home, ".docker/config.json")
        os.makedirs(os.path.dirname(self.config))
        with open(self.config, "w", encoding="utf-8") as f:
            json.dump({"auths": {"localhost:5000": {"auth": base64.b64encode(f"user:{password}".encode()).decode()}}}, f)
        os.chmod(self.config, 0o600)
        self.t.environment.update(HOME=home, WCOMPOSE_LOG="debug")

    def show(self, *words, **options):
        done = self.t.wc(*words, code=None, **options)
        self.shown += [("output of " + " ".join(words), done.out + done.err)]
        return done

    def text(self, level, check="true"):
        return app(level, check).replace("image: bb:1", "image: localhost:5000/bb:1").replace(
            "environment: {", f'environment: {{OPEN: "{self.open}", ') + \
            "        env_file: [app.env]\n        secrets: [cert]\n    secrets: {cert: {file: ./cert.sops}}\n"

    def start(self):
        """The agent with two apps: one by https with a token, one by ssh with a key."""
        t, self.remote, self.other = self.t, Remote(self.t), Remote(self.t, "other")
        for name, kind, plain in (("app.env", "dotenv", f"PASS={self.variable}\n"), ("cert.sops", "binary", self.content + "\n")):
            sealed(t, "../shop.work/" + name, kind, plain, self.age)
        self.first = self.remote.push(self.text(1), "first")
        self.other.push(app(7).replace("bb:1", "localhost:5000/bb:1"), "other")
        tell = t.write("tell", f"#!/bin/sh\ncat >>{t.dir}/told\n", 0o755)
        rest = (f"  other:\n    source: {{{self.sshd.source(self.other)}}}\n"
                f"notify:\n  - {{url: 'http://127.0.0.1:{self.ear.server_port}/x?key={self.address}', secret_file: {self.notify_file}}}\n"
                f"  - {{command: [{tell}]}}\n"
                f"webhook: {{listen: '127.0.0.1:9465', secret_file: {self.hook_file}}}\n")
        self.agent = Agent(t, self.web.source(self.remote), f"    secrets: {{age: {self.age}}}\n", rest)
        self.admins.add(self.agent.path)  # the address is in it

    def go_wrong(self):
        """An unhealthy revision, a broken one, one without its file; a stranger's call; a token that doesn't do, one for all."""
        agent, remote = self.agent, self.remote
        remote.push(self.text(2, "false"), "unhealthy")
        assert call(self.hook)[0] < 300
        agent.until(lambda now: now["By"]["Stalled"]["Reason"] == "Unhealthy", "a rollback")
        remote.push("services: {web: {image: 'bb:1', enviroment: [A=1]}}\n", "broken")
        self.shown += [("the webhook", call("somebody else's")[1])]
        agent.now()
        agent.until(lambda now: now["By"]["Stalled"]["Reason"] == "Invalid", "a refusal")
        os.unlink(os.path.join(remote.work, "cert.sops"))
        remote.push(self.text(3), "without its file")
        agent.now()
        agent.until(lambda now: "cert" in now["By"]["Stalled"]["Message"], "a missing secret")
        os.chmod(self.web.token, 0o644)
        agent.now()
        agent.until(lambda now: now["By"]["Reconciling"]["Reason"] == "LookFailed", "a token that is refused")
        os.chmod(self.web.token, 0o600)
        agent.process.kill()
        agent.process.wait()
        agent.start()
        agent.now()
        agent.until(lambda now: now["By"]["Reconciling"]["Reason"] != "LookFailed", "a token that does")
        self.web.stop()
        agent.now()
        agent.until(lambda now: now["By"]["Reconciling"]["Reason"] == "LookFailed", "a remote that is away")
        self.t.until(lambda: os.path.exists(os.path.join(self.t.dir, "told")), "the command", 30)

    def local(self):
        """A project of a person's: the same files by `up`, once with a key that doesn't fit."""
        t, where = self.t, os.path.join(self.t.dir, "mine")
        for name, kind, plain in (("app.env", "dotenv", f"PASS={self.variable}\n"), ("cert.sops", "binary", self.content + "\n")):
            t.write("mine/" + name, "")
            sealed(t, "mine/" + name, kind, plain, self.age)
        t.write("mine/compose.yaml", "")
        with open(os.path.join(where, "compose.yaml"), "w", encoding="utf-8") as f:
            f.write(self.text(4))
        seeking.age_identity(seeking.Planted(), os.path.join(t.dir, "wrong.key"))
        wrong = ["-f", "mine/compose.yaml", "--age-identity", os.path.join(t.dir, "wrong.key")]
        assert "E119" in self.show(*wrong, "up", "-d").err
        right = ["-f", "mine/compose.yaml", "--age-identity", self.age]
        assert self.show(*right, "up", "-d", "--wait").code == 0, self.shown[-1]
        for words in FILES:
            self.show(*right, *words)
            self.show("--json", *right, *words)

    def look(self):
        """All that can be asked of both projects and the agent."""
        for project in ("shop", "mine"):
            for words in LOOKS:
                self.show("-p", project, *words)
                self.show("--json", "-p", project, *words)
        for words in (("status",), ("history",), ("diff", "shop"), ("prune",)):
            self.show("reconcile", "--agent-file", self.agent.path, *words)
            self.show("--json", "reconcile", "--agent-file", self.agent.path, *words)
        self.show("reconcile", "--agent-file", self.agent.path, "--check")
        for words in (("image", "inspect", "localhost:5000/bb:1"), ("generate", "systemd", "--agent"), ("doctor",), ("system", "df")):
            self.show(*words)
        self.shown += [("metrics of the agent", self.t.http("http://127.0.0.1:9465/metrics")[1])]
        self.shown += [("a message", text.decode(errors="replace")) for text in self.heard]
        self.shown += [("the agent's log", harness.read(self.agent.log)), ("what the command was told", harness.read(self.t.dir + "/told"))]

    def judge_programs(self, programs):
        """In no argument; in no environment but a container's own, which has the variables that it was given."""
        names, faults, seen = set(), [], set()
        for when, groups, program, arguments, environment in programs:
            is_inside = self.t.token in groups
            names.add(os.path.basename(program))
            allowed = {"variable", "open"} if is_inside else set()
            in_environment = self.planted.among(environment)
            seen |= in_environment if is_inside else set()
            found = self.planted.among(arguments), in_environment - allowed
            if any(found):
                faults.append(f"{when} of {program} ({groups.splitlines()[0]}): arguments {found[0]}, environment {found[1]}: {arguments[:300]}")
        assert not faults, "\n".join(faults[:20])
        assert {"wcompose", "wcompose-keeper", "git", "curl", "ssh"} <= names, names
        assert seen == {"variable", "open"}, f"what a container has is seen: {seen}"

    def judge_shown(self):
        """Nothing that is shown has a secret; what is none is shown."""
        found = [(what, names) for what, text in self.shown if (names := self.planted.among(text.encode()) - {"open"})]
        assert not found, found
        whole = "".join(text for _, text in self.shown)
        assert self.open in whole and "DEBUG" in whole.upper(), "it isn't what it should be"

    def controls(self):
        """Files with a secret in them, in shapes that have to be found. Returns their paths."""
        text = self.hook.encode()
        layer = io.BytesIO()
        with tarfile.open(fileobj=layer, mode="w:gz") as tar:
            member = tarfile.TarInfo("etc/x")
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text))
        kinds = {"base64": json.dumps({"a": base64.b64encode(b"x" + text).decode()}).encode(), "zlib": b"blob: " + zlib.compress(text, 1),
                 "tar.gz": layer.getvalue(), "nested": b"head" + lzma.compress(b"x" + bz2.compress(zlib.compress(layer.getvalue())))}
        if shutil.which("zstd"):
            kinds["zst"] = subprocess.run(["zstd", "-cq"], input=text + layer.getvalue(), capture_output=True, check=True).stdout
        paths = [os.path.join(self.t.dir, "control." + kind) for kind in kinds]
        for path, content in zip(paths, kinds.values()):
            with open(path, "wb") as f:
                f.write(content)
        return paths

    def judge_files(self, is_over=False):
        """In the files of the admin, and where a container reads it, which nobody else may look into."""
        controls = self.controls()
        found, looked = seeking.holding(self.planted, self.since, self.t.base)
        seen = {os.path.basename(path): found.pop(path, None) for path in controls}
        assert all(names == {"webhook key"} for names in seen.values()) and self.admins <= set(found), (seen, sorted(found), looked)
        for path in controls:
            os.unlink(path)
        stores = {path for path, names in found.items() if "/repo.git/objects/" in path and names == {"open"}}
        assert stores or is_over, "what was committed in plain is found in git's objects"
        faults, allowed = [], set()
        for path, names in found.items():
            below = os.path.relpath(path, self.t.root)
            place = {name for pattern, kinds in PLACES if re.fullmatch(pattern, below) for name in kinds} if not is_over else set()
            left = names - place - {"open"}
            if path in self.admins:
                continue
            if left:
                faults.append(f"{path}: {left}")
            if names - {"open"} and not left and seeking.is_for_others(path, self.t.root):
                faults.append(f"{path}: anybody may read {names}")
            allowed |= names & place
        assert not faults, f"of {looked} files:\n" + "\n".join(faults)
        assert is_over or allowed == {"variable", "file"}, f"what a container reads is found: {allowed}"
        held, _ = seeking.opened(self.planted)
        assert not held, held


def case_gitops_planted_secrets(t):
    """A full run in which things go well and wrong, with a token, an ssh key, an age key, encrypted variables and files, keys of
    webhook and notifications, an address with a password in it, a registry's password: each program that is executed, each file
    that changes, each word that is said is looked through."""
    run = Run(t)
    programs = seeking.Programs(t)
    run.admins.add(programs.path)
    run.start()
    run.agent.until_in_force(run.first)
    shown = t.wc("-p", "shop", "exec", "-T", "web", "sh", "-c", "echo \"$PASS\"; cat /run/secrets/cert").out
    assert shown == f"{run.variable}\n{run.content}\n", shown
    t.until(lambda: len(run.heard) > 1, "a message that was refused at first", 60)
    run.go_wrong()
    run.local()
    run.look()
    run.judge_files()
    run.agent.stop()
    for name in ("shop", "other", "mine"):
        run.show("-p", name, "down")
    run.admins.discard(programs.path)
    run.judge_programs(programs.end())
    run.judge_shown()
    run.judge_files(is_over=True)
    run.ear.shutdown()
