"""An app that follows a git repository: a good revision, a broken one, one that never gets ready, a hostile one;
drift, suspension, a remote that goes away, kills at any step."""
import hmac
import http.server
import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request

from cases_given import SOPS, sealed, who_has
from remotes import Remote

APP = """
    services:
      web:
        image: bb:1
        command: ["/bin/idle"]
        environment: {{LEVEL: "{level}"}}
        healthcheck: {{test: ["CMD", "{check}"], interval: 200ms, timeout: 2s, retries: 2, start_period: 0s}}
"""


def agent(t, remote, more="", name="shop"):
    """Writes an agent file with one app."""
    return t.write("agent.yaml", f"apps:\n  {name}:\n    source: {{git: {remote.bare}, branch: main}}\n"
                                 f"    interval: 5s\n    timeout: 8s\n{more}", mode=0o600)


def app(level=1, check="true"):
    return APP.format(level=level, check=check)


def once(t, *options, code=0):
    return t.wc("reconcile", "--agent-file", "agent.yaml", "--once", *options, code=code, timeout=120)


def status(t, name="shop"):
    rows = t.wc("--json", "reconcile", "--agent-file", "agent.yaml", "status", name, code=None).rows
    row = rows[0]
    row["By"] = {c["Type"]: c for c in row["Conditions"]}
    return row


def level(t, name="shop"):
    """The environment of what runs."""
    rows = [r for r in t.wc("-p", name, "ps", "-a", "--format", "json").rows if r["State"] == "running"]
    assert len(rows) == 1, rows
    text = t.wc("-p", name, "exec", "web", "sh", "-c", "echo $LEVEL").out.strip()
    return text, rows[0]["ID"] if "ID" in rows[0] else rows[0]["Name"]


def end(t, *names):
    for name in names or ("shop",):
        t.wc("-p", name, "down", code=None)


def case_gitops_good_then_unhealthy(t):
    """The workload is on the last good revision, and why can be read."""
    t.load_image()
    remote = Remote(t)
    first = remote.push(app(1), "first")
    agent(t, remote)
    once(t)
    now = status(t)
    assert now["InForce"]["ID"] == first and now["By"]["Ready"]["Status"] == "True", now
    assert now["InForce"]["Subject"] == "first" and "Ann" in now["InForce"]["Author"], now
    assert level(t)[0] == "1"
    bad = remote.push(app(2, "false"), "unhealthy")
    once(t, code=3)
    now = status(t)
    assert now["InForce"]["ID"] == first and now["Newest"]["ID"] == bad, now
    assert now["By"]["Stalled"]["Status"] == "True" and now["By"]["Stalled"]["Reason"] == "Unhealthy", now
    assert now["By"]["Ready"]["Status"] == "True", now
    assert level(t)[0] == "1"
    before = t.wc("-p", "shop", "history", "--format", "json").rows
    once(t, code=3)  # it is not tried again
    assert len(t.wc("-p", "shop", "history", "--format", "json").rows) == len(before)
    third = remote.push(app(3), "fixed")
    once(t)
    now = status(t)
    assert now["InForce"]["ID"] == third and now["By"]["Stalled"]["Status"] == "False", now
    assert level(t)[0] == "3"
    what = [r["What"] for r in t.wc("--json", "reconcile", "--agent-file", "agent.yaml", "history").rows]
    assert what == ["applied", "rejected", "restored", "applied"], what
    end(t)


def case_gitops_invalid_changes_nothing(t):
    """What can't be loaded is rejected with its place; what runs isn't touched."""
    t.load_image()
    remote = Remote(t)
    first = remote.push(app(1), "first")
    agent(t, remote)
    once(t)
    runs = level(t)
    remote.push("services: {web: {image: 'bb:1', enviroment: [A=1]}}\n", "broken")
    once(t, code=3)
    now = status(t)
    assert now["InForce"]["ID"] == first and now["By"]["Stalled"]["Reason"] == "Invalid", now
    assert "compose.yaml:1:" in now["By"]["Stalled"]["Message"], now
    assert level(t) == runs
    remote.push("services: {web: {image: 'bb:1', volumes: ['/etc:/host:ro']}}\n", "hostile")
    once(t, code=3)
    assert "E116" in t.history[-1] or "leads out" in status(t)["By"]["Stalled"]["Message"]
    assert level(t) == runs
    end(t)


def case_gitops_same_content_other_commit(t):
    """A commit that changes nothing of the app restarts nothing."""
    t.load_image()
    remote = Remote(t)
    remote.push(app(1), "first")
    agent(t, remote)
    once(t)
    runs = level(t)
    pid = t.wc("-p", "shop", "ps", "--format", "json").rows
    second = remote.push("more words\n", "a readme", name="README")
    once(t)
    assert status(t)["InForce"]["ID"] == second
    assert level(t) == runs
    assert t.wc("-p", "shop", "ps", "--format", "json").rows[0].get("Pid") == pid[0].get("Pid")
    end(t)


def case_gitops_drift(t):
    """What somebody else told the supervisor is put right, or only said."""
    t.load_image()
    remote = Remote(t)
    remote.push(app(1), "first")
    agent(t, remote)
    once(t)
    t.wc("-p", "shop", "stop", "web")
    once(t)
    assert level(t)[0] == "1"
    assert [r["What"] for r in t.wc("--json", "reconcile", "--agent-file", "agent.yaml", "history").rows][-1] == "repaired"
    t.compose(app(9))
    t.wc("-p", "shop", "up", "-d", "--wait")
    assert level(t)[0] == "9"
    t.wc("reconcile", "--agent-file", "agent.yaml", "--check", code=5)
    assert level(t)[0] == "9"
    agent(t, remote, "    drift: report\n")
    once(t)
    assert level(t)[0] == "9"
    now = status(t)
    assert now["By"]["Ready"]["Reason"] == "Drifted" and now["DriftPolicy"] == "report", now
    assert now["Drift"] == now["By"]["Ready"]["Message"] and "which isn't from its source" in now["Drift"], now
    shown = t.wc("reconcile", "--agent-file", "agent.yaml", "status", code=3).out
    assert "isn't from its source; only reported when found" in shown, shown
    agent(t, remote)
    once(t)
    assert level(t)[0] == "1" and status(t)["Drift"] is None
    assert "drift           none; repaired when found" in t.wc("reconcile", "--agent-file", "agent.yaml", "status").out
    t.wc("reconcile", "--agent-file", "agent.yaml", "--check")
    t.wc("-p", "shop", "down")
    once(t)
    assert level(t)[0] == "1"
    end(t)


def case_gitops_remote_goes_away(t):
    """A remote that can't be reached changes nothing, and drift is repaired meanwhile."""
    t.load_image()
    remote = Remote(t)
    remote.push(app(1), "first")
    agent(t, remote)
    once(t)
    os.rename(remote.bare, remote.bare + ".gone")
    t.wc("-p", "shop", "stop", "web")
    once(t, code=69)
    now = status(t)
    assert now["By"]["Reconciling"]["Reason"] == "LookFailed" and now["By"]["Ready"]["Status"] == "True", now
    assert level(t)[0] == "1"
    os.rename(remote.bare + ".gone", remote.bare)
    second = remote.push(app(2), "second")
    once(t)
    assert status(t)["InForce"]["ID"] == second and level(t)[0] == "2"
    end(t)


def case_gitops_suspended(t):
    """Suspended: left as it is; resumed: followed again."""
    t.load_image()
    remote = Remote(t)
    remote.push(app(1), "first")
    agent(t, remote)
    once(t)
    t.wc("reconcile", "--agent-file", "agent.yaml", "suspend", "shop")
    remote.push(app(2), "second")
    once(t)
    assert level(t)[0] == "1" and status(t)["By"]["Suspended"]["Status"] == "True"
    t.wc("reconcile", "--agent-file", "agent.yaml", "resume", "shop")
    once(t)
    assert level(t)[0] == "2"
    end(t)


def case_gitops_rewind(t):
    """History that was rewritten is refused; an admin can take it once, or, with allow_rewind, for good."""
    t.load_image()
    remote = Remote(t)
    first = remote.push(app(1), "first")
    second = remote.push(app(2), "second")
    agent(t, remote)
    once(t)
    remote.git("reset", "-q", "--hard", first)
    remote.git("push", "-q", "-f", "origin", "main")
    once(t, code=3)
    now = status(t)
    assert now["InForce"]["ID"] == second and now["By"]["SourceVerified"]["Status"] == "False", now
    assert level(t)[0] == "2"
    assert "needs the app" in once(t, "--allow-rewind", code=64).err
    assert "needs --once" in t.wc("reconcile", "--agent-file", "agent.yaml", "--allow-rewind", code=64).err
    once(t, "--allow-rewind", "shop")
    assert status(t)["InForce"]["ID"] == first
    text, instance = level(t)
    assert text == "1"
    once(t)  # it is what is in force now: nothing is to be allowed any more
    assert status(t)["InForce"]["ID"] == first and status(t)["By"]["Ready"]["Status"] == "True"
    assert level(t) == (text, instance), "it was started anew"
    remote.push(app(2), "another second")
    once(t)
    remote.git("reset", "-q", "--hard", first)
    remote.git("push", "-q", "-f", "origin", "main")
    once(t, code=3)
    t.write("agent.yaml", f"apps:\n  shop:\n    source: {{git: {remote.bare}, branch: main, allow_rewind: true}}\n"
                          "    timeout: 8s\n", mode=0o600)
    once(t)
    assert status(t)["InForce"]["ID"] == first and level(t)[0] == "1"
    end(t)


def case_gitops_killed_anywhere(t):
    """kill -9 of a pass at many moments: the next one carries on, and ends where it would have."""
    t.load_image()
    remote = Remote(t)
    remote.push(app(0), "zero")
    agent(t, remote)
    once(t)
    for turn in range(1, 7):
        commit = remote.push(app(turn, "false" if turn % 3 == 0 else "true"), f"turn {turn}")
        process = t.start("reconcile", "--agent-file", "agent.yaml", "--once", start_new_session=True)
        time.sleep(0.15 * turn)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        # what the killed pass had just forked ends with it, though not in the same moment
        t.until(lambda: "under way" not in once(t, code=None).err, "a pass of ours")
        now = status(t)
        wanted = turn - 1 if turn % 3 == 0 else turn
        assert level(t)[0] == str(wanted), f"turn {turn}: {level(t)} {now}"
        assert (now["InForce"]["ID"] == commit) == (turn % 3 != 0), now
    end(t)


def case_gitops_two_apps(t):
    """One waits for the other to be Ready; a bad one holds nobody else up."""
    t.load_image()
    db, shop = Remote(t, "db"), Remote(t, "shop")
    db.push(app(1, "false"), "db is never ready")
    shop.push(app(1), "shop")
    t.write("agent.yaml", f"""
        apps:
          shop:
            source: {{git: {shop.bare}, branch: main}}
            depends_on: [db]
          db:
            source: {{git: {db.bare}, branch: main}}
            timeout: 4s
          other:
            source: {{git: {shop.bare}, branch: main}}
    """, mode=0o600)
    once(t, code=3)
    assert status(t)["InForce"] is None and status(t)["By"]["Reconciling"]["Reason"] == "WaitsForApp"
    assert status(t, "other")["By"]["Ready"]["Status"] == "True"
    db.push(app(2), "db gets ready")
    once(t)
    assert status(t)["By"]["Ready"]["Status"] == "True" and level(t)[0] == "1"
    end(t, "shop", "db", "other")


def case_gitops_agent(t):
    """The agent: a push is followed when it is told, its file is read again, kill -9 of it harms nothing."""
    t.load_image()
    remote = Remote(t)
    remote.push(app(1), "first")
    agent(t, remote)
    path = os.path.join(t.dir, "agent.yaml")
    process = t.start("reconcile", "--agent-file", path, stdout=subprocess.DEVNULL)
    t.until(lambda: status(t)["By"]["Ready"]["Status"] == "True", "the first revision", 60)
    second = remote.push(app(2), "second")
    t.wc("reconcile", "--agent-file", path, "now", "shop")
    t.until(lambda: (status(t)["InForce"] or {}).get("ID") == second, "the second revision", 60)
    assert level(t)[0] == "2"
    assert "another agent" in t.wc("reconcile", "--agent-file", path, code=None).err
    process.kill()
    process.wait()
    assert level(t)[0] == "2"
    third = remote.push(app(3), "third")
    other = Remote(t, "other")
    other.push(app(7), "other")
    process = t.start("reconcile", "--agent-file", path, stdout=subprocess.DEVNULL)
    t.until(lambda: (status(t)["InForce"] or {}).get("ID") == third, "the third revision", 60)
    with open(path, "a", encoding="utf-8") as f:
        f.write(f"  other:\n    source: {{git: {other.bare}, branch: main}}\n")
    t.until(lambda: status(t, "other")["By"]["Ready"]["Status"] == "True", "an app that was added", 60)
    with open(path, "a", encoding="utf-8") as f:
        f.write("  nonsense: {sorce: 1}\n")
    time.sleep(1)
    assert process.poll() is None, "a wrong file ended the agent"
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0
    assert level(t)[0] == "3"
    end(t, "shop", "other")


def case_gitops_webhook_and_notifications(t):
    """A signed call makes an app due, an unsigned one doesn't; a rejected revision is told of, signed and by a command."""
    heard = []

    class Ear(http.server.BaseHTTPRequestHandler):
        def do_POST(self):  # noqa: N802
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.append((body, self.headers["X-Wcompose-Signature-256"]))
            self.send_response(500 if len(heard) == 1 else 204)  # the first one is to be sent again
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Ear)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    t.load_image()
    remote = Remote(t)
    remote.push(app(1), "first")
    told = os.path.join(t.dir, "told")
    hook, secret = t.write("hook.secret", "open sesame\n", 0o600), t.write("notify.secret", "mum\n", 0o600)
    tell = t.write("tell", f"#!/bin/sh\ncat >> {told}\n", 0o755)
    path = t.write("agent.yaml", f"""
        apps:
          shop:
            source: {{git: {remote.bare}, branch: main}}
            interval: 1h
            timeout: 5s
        notify:
          - {{url: "http://127.0.0.1:{server.server_port}/x", secret_file: {secret}}}
          - {{command: [{tell}]}}
        webhook: {{listen: "127.0.0.1:9465", secret_file: {hook}}}
    """, mode=0o600)
    process = t.start("reconcile", "--agent-file", path, stdout=subprocess.DEVNULL)
    t.until(lambda: status(t)["By"]["Ready"]["Status"] == "True", "the first revision", 60)
    bad = remote.push(app(2, "false"), "never ready")

    def call(key, name="shop", body=b"{}"):
        request = urllib.request.Request(f"http://127.0.0.1:9465/hook/{name}", data=body, method="POST", headers={
            "X-Hub-Signature-256": "sha256=" + hmac.new(key, body, "sha256").hexdigest()})
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    assert call(b"wrong") == 401 and call(b"open sesame", "shopp") == 404
    time.sleep(1)
    assert status(t)["Newest"]["ID"] != bad
    os.chmod(hook, 0o640)  # a key that others may read is none
    assert call(b"open sesame") == 401
    os.chmod(hook, 0o600)
    assert call(b"open sesame", body=b"x" * 500_000) == 202
    t.until(lambda: status(t)["By"]["Stalled"]["Status"] == "True", "the rejection", 60)
    t.until(lambda: any(b"Unhealthy" in body for body, _ in heard), "a message", 20)
    for body, signature in heard:
        assert signature == "sha256=" + hmac.new(b"mum", body, "sha256").hexdigest(), (body, signature)
    t.until(lambda: "Unhealthy" in open(told, encoding="utf-8").read(), "the command", 10)
    numbers = t.http("http://127.0.0.1:9465/metrics")[1]
    assert 'wcompose_source_condition{project="shop",type="Stalled",status="true"} 1' in numbers, numbers
    assert 'wcompose_source_pass_total{project="shop",result="rejected"} 1' in numbers, numbers
    for what, count in (("applied", 1), ("rejected", 1), ("restored", 1), ("repaired", 0)):
        assert f'wcompose_source_change_total{{project="shop",what="{what}"}} {count}\n' in numbers, numbers
    for name, value in (("verify_failures_total", "0"), ("generation", "2"), ("observed_generation", "2"), ("failures", "0")):
        assert f'wcompose_source_{name}{{project="shop"}} {value}\n' in numbers, numbers
    times = dict(re.findall(r'wcompose_source_(last_look|last_success)_timestamp_seconds{project="shop"} ([0-9.]+)\n', numbers))
    assert times["last_look"] == times["last_success"] and abs(float(times["last_look"]) - time.time()) < 120, numbers
    assert int(re.search(r'pass_duration_seconds_count{project="shop"} (\d+)', numbers).group(1)) >= 2, numbers
    first = json.loads(heard[0][0])
    t.until(lambda: [json.loads(body)["id"] for body, _ in heard].count(first["id"]) >= 2, "what wasn't taken, once more")
    assert level(t)[0] == "1"
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0
    server.shutdown()
    end(t)


def case_gitops_apps_taken_out(t):
    """An app that is no longer in the file is left running, unless the file wants such apps gone; then what the agent
    applied goes down, volumes stay, and what somebody else applied is left."""
    t.load_image()
    volume = "        volumes: ['data:/data']\n    volumes: {data: {}}\n"
    remotes = {name: Remote(t, name) for name in ("shop", "side", "mine")}
    for remote in remotes.values():
        remote.push(app(1) + volume, "first")

    def write(names, head=""):
        text = head + "apps:\n" + "".join(
            f"  {name}: {{source: {{git: {remotes[name].bare}, branch: main}}, interval: 1h, timeout: 20s}}\n" for name in names)
        new = t.write("agent.yaml.new", text, mode=0o600)
        os.rename(new, os.path.join(t.dir, "agent.yaml"))

    def runs(name):
        return [r["State"] for r in t.wc("-p", name, "ps", "--format", "json").rows] == ["running"]

    write(remotes)
    once(t)
    t.compose("services: {web: {image: 'bb:1', command: ['/bin/idle']}}\n")
    t.wc("-p", "mine", "up", "-d")  # somebody takes this one over
    write(["shop"])
    once(t)
    assert runs("shop") and runs("side") and runs("mine")
    t.wc("reconcile", "--agent-file", "agent.yaml", "prune")
    assert runs("side"), "nobody wanted that"
    for text in ("prune_apps: true\napps: {}\n", "prune_apps: true\napps:\n  shop: {sorce: 1}\n", ""):
        t.write("agent.yaml", text, mode=0o600)
        t.wc("reconcile", "--agent-file", "agent.yaml", "prune", code=None)
        assert runs("shop") and runs("side"), text
    write(["shop"], "prune_apps: true\n")
    assert "1 apps" in t.wc("reconcile", "--agent-file", "agent.yaml", "--check", code=5).err
    assert runs("side")
    path = os.path.join(t.dir, "agent.yaml")
    process = t.start("reconcile", "--agent-file", path, stdout=subprocess.DEVNULL)
    t.until(lambda: not runs("side") and not os.path.exists(os.path.join(t.root, "lib", "gitops", "side", "record.json")),
            "the app that was taken out", 40)
    assert runs("shop") and runs("mine")
    write(["shop", "side"], "prune_apps: true\n")
    t.until(lambda: runs("side"), "the app that came back", 40)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0
    write(["shop"], "prune_apps: true\n")
    slow = t.start("reconcile", "--agent-file", path, "prune", stdout=subprocess.DEVNULL)
    time.sleep(0.05)
    slow.kill()  # at any instruction
    slow.wait()
    t.until(lambda: t.wc("reconcile", "--agent-file", path, "prune", code=None).code == 0, "a prune that ends", 30)
    assert not runs("side") and runs("shop")
    assert "side_data" in os.listdir(os.path.join(t.root, "lib", "volumes"))
    end(t, *remotes)


def case_gitops_messages_outlive_the_agent(t):
    """What wasn't taken when the agent was killed is sent by the next one, with the same ids; so is what happened while
    there was none; and nothing twice where it was taken."""
    heard = []

    class Ear(http.server.BaseHTTPRequestHandler):
        def do_POST(self):  # noqa: N802
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Ear, bind_and_activate=False)
    server.server_bind()  # and nobody listens yet
    t.load_image()
    remote = Remote(t)
    remote.push(app(1), "first")
    path = t.write("agent.yaml", f"""
        apps: {{shop: {{source: {{git: {remote.bare}, branch: main}}, interval: 1h, timeout: 5s}}}}
        notify: [{{url: "http://127.0.0.1:{server.server_address[1]}/token"}}]
    """, mode=0o600)
    outbox = os.path.join(t.root, "lib", "gitops", ".outbox")

    def waiting():
        names = os.listdir(outbox) if os.path.isdir(outbox) else []
        return sorted(name[17:81] for name in names if not name.endswith(".new"))

    process = t.start("reconcile", "--agent-file", path, stdout=subprocess.DEVNULL)
    t.until(lambda: status(t)["By"]["Ready"]["Status"] == "True", "the first revision", 60)
    t.until(waiting, "a message that isn't taken", 20)
    time.sleep(0.5)
    process.kill()
    process.wait()
    kept = waiting()
    remote.push(app(2, "false"), "never ready")
    once(t, code=3)  # nobody saw that
    assert waiting() == kept and not heard
    server.server_activate()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    process = t.start("reconcile", "--agent-file", path, stdout=subprocess.DEVNULL)
    t.until(lambda: not waiting() and any(m["reason"] == "Unhealthy" for m in heard), "all messages", 30)
    ids = [m["id"] for m in heard]
    assert set(kept) == set(ids[:len(kept)]), (kept, ids)
    assert len(ids) == len(set(ids)), ids
    assert heard[-1]["at"] >= heard[0]["at"], "the oldest comes first"
    assert "token" not in "".join(os.listdir(outbox))
    process.kill()
    process.wait()
    before = len(heard)
    process = t.start("reconcile", "--agent-file", path, stdout=subprocess.DEVNULL)
    time.sleep(2)
    assert len(heard) == before, heard[before:]
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0
    server.shutdown()
    end(t)


MOUNTED = """
    services:
      web:
        image: bb:1
        command: ["/bin/serve"]
        environment: {{PORT: "80", ROOT: /page}}
        volumes: ["./page:/page:ro"]
        ports: ["127.0.0.1:{port}:80"]
        healthcheck: {{test: ["CMD", "true"], interval: 200ms, timeout: 2s, retries: 2}}
"""


def case_gitops_mounted_files(t):
    """Files of the checkout: other content is a rollout, another commit with the same content is nothing; a port that
    isn't granted is refused, and so is everything else that reaches out."""
    t.load_image()
    remote = Remote(t)
    remote.push("one\n", "the page", name="page/index.html")
    remote.push(MOUNTED.format(port=8095), "first")
    agent(t, remote)
    once(t, code=3)
    assert "8095" in status(t)["By"]["Stalled"]["Message"], status(t)
    agent(t, remote, "    grant: {ports: [8095]}\n")
    once(t)
    assert t.get("http://127.0.0.1:8095/") == "one\n"
    before = t.wc("-p", "shop", "exec", "web", "cat", "/proc/1/stat").out.split()[21]
    remote.push("words\n", "a readme", name="README")
    once(t)
    assert t.wc("-p", "shop", "exec", "web", "cat", "/proc/1/stat").out.split()[21] == before, "it was started again"
    remote.push("two\n", "another page", name="page/index.html")
    once(t)
    t.until(lambda: t.http("http://127.0.0.1:8095/")[1] == "two\n", "the other page", 10)
    good = MOUNTED.format(port=8095)
    hostile = [good.replace("command:", bad + "\n        command:") for bad in (
        "privileged: true", "pid: host", "devices: ['/dev/kvm']", "cap_add: [SYS_ADMIN]",
        "security_opt: ['seccomp:unconfined']")]
    hostile.append(good.replace("./page:", "/var/run/docker.sock:"))
    for bad in hostile:
        remote.push(bad, "hostile")
        once(t, code=3)
        now = status(t)
        assert now["By"]["Stalled"]["Reason"] == "Invalid" and "compose.yaml:" in now["By"]["Stalled"]["Message"], (bad, now)
    assert t.get("http://127.0.0.1:8095/") == "two\n"
    end(t)


def case_gitops_encrypted_secrets(t):
    """What is encrypted in git is opened with the app's own key only, and rolled out when it changes."""
    t.load_image()
    remote = Remote(t)
    text = app(1) + "        secrets: [cert]\n    secrets: {cert: {file: ./cert.sops}}\n"
    sealed(t, "cert.sops", "binary", "planted-one\n")
    shutil.copy(os.path.join(t.dir, "cert.sops"), os.path.join(remote.work, "cert.sops"))
    first = remote.push(text, "first")
    with open(os.path.join(SOPS, "key.txt"), encoding="ascii") as file:
        key = t.write("age.key", file.read(), mode=0o600)
    agent(t, remote)
    assert "no age identity was given" in once(t, code=3).err
    agent(t, remote, f"    secrets: {{age: {key}}}\n")
    once(t)
    assert status(t)["InForce"]["ID"] == first
    assert t.wc("-p", "shop", "exec", "-T", "web", "cat", "/run/secrets/cert").out == "planted-one\n"
    sealed(t, "cert.sops", "binary", "planted-two\n")
    shutil.copy(os.path.join(t.dir, "cert.sops"), os.path.join(remote.work, "cert.sops"))
    remote.push(text, "another value")
    once(t)
    assert t.wc("-p", "shop", "exec", "-T", "web", "cat", "/run/secrets/cert").out == "planted-two\n"
    assert not who_has(t, "planted-", os.path.join(t.root, "lib"))
    end(t)


def case_gitops_diff_only_shows(t):
    """What would come is shown, and comes then as if nobody had looked."""
    t.load_image()
    remote = Remote(t)
    remote.push(app(1), "first")
    agent(t, remote)
    once(t)
    second = remote.push(app(2), "second")
    shown = t.wc("reconcile", "--agent-file", "agent.yaml", "diff").out
    assert 'services.web.environment.LEVEL: "1" -> "2"' in shown, shown
    assert level(t)[0] == "1"
    t.wc("reconcile", "--agent-file", "agent.yaml", "--check", code=5)
    once(t)
    assert status(t)["InForce"]["ID"] == second and level(t)[0] == "2"
    end(t)
