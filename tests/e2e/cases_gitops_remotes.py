"""An app that follows real remotes: sshd, a web server with TLS, archives; remotes that change their key, stall, lie, grow
and go away; commits that nobody who counts has signed. Whatever comes, the workload is on the last good revision, and why
can be read in `status`."""
import os
import re
import subprocess
import tempfile
import threading
import time

import harness
from following import Agent, app, end, level, name_of, status
from remotes import Lighttpd, Mute, Remote, Sshd, ssh_key


def follow(t, source, remote, **more):
    """An agent whose app has its first revision; returns it, the commit, and what runs."""
    first = remote.push(app(1), "first")
    agent = Agent(t, source, **more)
    agent.until_in_force(first)
    return agent, first, level(t)


def local(remote, more=""):
    return f"git: {remote.bare}, branch: main{more}"


def case_gitops_by_ssh(t):
    """A real sshd: followed; with another host key nothing is believed; the old one back, it goes on."""
    t.load_image()
    remote, sshd = Remote(t), Sshd(t)
    agent, first, runs = follow(t, sshd.source(remote), remote)
    sshd.stop()
    sshd.be(1)
    second = remote.push(app(2), "second")
    agent.now()
    agent.until_said("Reconciling", "LookFailed", "Host key verification failed")
    agent.holds(first, runs)
    sshd.stop()
    sshd.be(0)
    agent.now()
    agent.until_in_force(second)
    assert level(t)[0] == "2"
    agent.stop()
    end(t)


def case_gitops_by_https(t):
    """A web server with TLS and tokens: a wrong token and a wrong authority are said; a server that is gone for a while is
    come back to by the agent itself."""
    t.load_image()
    remote, web = Remote(t), Lighttpd(t)
    agent, first, runs = follow(t, web.source(remote), remote)
    t.until(lambda: any(path.endswith("/git-upload-pack") and code == "200" for _, path, code, _ in web.requests()), "git's requests")
    web.stop()
    second = remote.push(app(2), "second")
    agent.until_said("Reconciling", "LookFailed", "onnect")
    agent.holds(first, runs)
    t.wc("-p", "shop", "stop", "web")  # what runs is looked after meanwhile
    agent.until(lambda _: level_or_none(t) == "1", "the repair")
    web.start()
    agent.until_in_force(second)
    runs = level(t)
    assert runs[0] == "2"
    with open(web.token, "w", encoding="utf-8") as f:
        f.write("a-wr0ng-one\n")
    third = remote.push(app(3), "third")
    agent.now()
    agent.until_said("Reconciling", "LookFailed", "doesn't take the token")
    agent.holds(second, runs)
    with open(web.token, "w", encoding="utf-8") as f:
        f.write("t0ken-of-the-case\n")
    agent.write(web.source(remote, web.other_ca))
    agent.until_said("Reconciling", "LookFailed", "certificate")
    agent.holds(second, runs)
    agent.write(web.source(remote))
    agent.until_in_force(third)
    assert level(t)[0] == "3"
    assert not re.search("t0ken|wr0ng", harness.read(agent.log))
    agent.stop()
    end(t)


def level_or_none(t):
    """What runs, or None where nothing does just now."""
    done = t.wc("-p", "shop", "exec", "-T", "web", "sh", "-c", "echo $LEVEL", code=None)
    return done.out.strip() if done.code == 0 else None


def packed(web, remote):
    """Publishes what is worked on as an archive, as a whole."""
    new = os.path.join(web.files, "new")
    harness.command("tar", "-czf", new, "--exclude=.git", "-C", remote.work, ".")
    os.rename(new, os.path.join(web.files, "shop.tar.gz"))


def case_gitops_archive(t):
    """An archive by https: unchanged, a look is one HEAD; one with a wrong checksum is refused, and not transferred again."""
    t.load_image()
    remote, web = Remote(t), Lighttpd(t)
    source = f"archive: 'https://127.0.0.1:{web.port}/files/shop.tar.gz', token_file: {web.token}, ca_file: {web.ca}"

    def looks():
        return [method for method, path, code, _ in web.requests() if path.endswith("shop.tar.gz") and code == "200"]

    def look_again(times=3):
        """Makes it look so many times; returns what was asked for."""
        before = len(looks())
        for turn in range(times):
            agent.now()
            t.until(lambda turn=turn: looks()[before:].count("HEAD") > turn, "a look", 30)
        return looks()[before:]

    remote.push(app(1), "first")
    packed(web, remote)
    agent = Agent(t, source)
    first = agent.until(lambda now: now["By"]["Ready"]["Status"] == "True", "the first archive")["InForce"]["ID"]
    runs = level(t)
    seen = look_again()
    assert set(seen) == {"HEAD"}, (seen, web.requests())
    agent.write(source + ", sha256: '" + "0" * 64 + "'")
    refused = agent.until_said("Stalled", "NotBelieved", "its SHA-256 is")
    remote.push(app(2), "second")
    packed(web, remote)
    agent.now()
    agent.until(lambda now: now["Newest"]["ID"] != refused["Newest"]["ID"] and
                now["By"]["Stalled"]["Reason"] == "NotBelieved", "another archive, as wrong")
    agent.holds(first, runs)
    seen = look_again()
    assert set(seen) == {"HEAD"}, f"what isn't believed is transferred again and again: {seen}"
    total = harness.command("sha256sum", os.path.join(web.files, "shop.tar.gz")).stdout.split()[0]
    agent.write(source + f", sha256: {total}")
    agent.until(lambda now: now["InForce"]["ID"] != first and now["By"]["Ready"]["Status"] == "True", "the second archive")
    assert level(t)[0] == "2"
    agent.stop()
    end(t)


def case_gitops_keys_that_change(t):
    """Whom the host believes, and what it allows, is watched: what was rejected is judged anew when an admin says so, and
    what is in force doesn't change by that. Nobody tells the agent, and its interval is an hour."""
    t.load_image()
    remote = Remote(t)
    ann, eve = ssh_key(t, "ann"), ssh_key(t, "eve")
    lines = ["ann@example.org namespaces=\"git\" " + harness.read(ann + ".pub"),
             "eve@example.org namespaces=\"git\" " + harness.read(eve + ".pub")]
    signers = t.write("keys/signers", lines[0])
    remote.sign_with(ann)
    first = remote.push(app(1), "first")
    agent = Agent(t, local(remote, f", verify: {{mode: commit, signers: {signers}}}"), interval="1h")
    agent.until_in_force(first)
    remote.sign_with(eve)
    second = remote.push(app(2), "by another")
    agent.now()
    agent.until_said("Stalled", "NotBelieved", "not among the allowed signers")

    def is_still():
        looked = status(t)["LastLook"]
        time.sleep(1.2)
        return status(t)["LastLook"] == looked

    t.until(is_still, "that nobody looks any more")
    t.write("keys/another", "no file that anybody named")
    assert is_still(), "a file that nobody named is taken for one of those"
    looked = status(t)["LastLook"]
    t.write("keys/new", "".join(lines))
    os.rename(os.path.join(t.dir, "keys/new"), signers)
    agent.until_in_force(second, 40)
    runs = level(t)
    assert runs[0] == "2"
    t.write("keys/signers", lines[1])  # in place
    agent.until(lambda now: now["LastLook"] != looked and now["By"]["Ready"]["Status"] == "True" and
                now["By"]["Reconciling"]["Status"] == "False", "another look")
    agent.holds(second, runs)
    policy = t.write(os.path.join(t.root, "etc", "policy.yaml"), "policy:\n  - {match: {imag: bb}, require: hyperv}\n")
    agent.until(lambda now: now["By"]["Stalled"]["Status"] == "True", "a policy that nothing can be held against", 40)
    assert level(t) == runs, "what runs changed before anything newer did"
    os.unlink(policy)
    agent.until(lambda now: now["By"]["Stalled"]["Status"] == "False" and now["By"]["Ready"]["Status"] == "True" and
                now["By"]["Reconciling"]["Status"] == "False", "that it is gone", 40)
    agent.holds(second, runs)
    agent.stop()
    end(t)


def case_gitops_policy_comes_during_a_pass(t):
    """What a revision is refused by came after the pass had begun. It isn't remembered as refused by what held before: when
    that holds again, it is tried."""
    t.load_image()
    gate = os.path.join(t.dir, "gate")
    forced = t.write("forced.sh", f"""
        #!/bin/sh
        while [ -e {gate} ]; do touch {gate}.reached; sleep 0.1; done
        exec sh -c "$SSH_ORIGINAL_COMMAND"
    """, mode=0o755)
    remote, sshd = Remote(t), Sshd(t, command=forced)
    remote.push(app(1), "first")
    t.write("agent.yaml", f"apps:\n  shop:\n    source: {{{sshd.source(remote)}}}\n    interval: 1h\n", mode=0o600)
    once = ("reconcile", "--agent-file", "agent.yaml", "--once")
    t.wc(*once)
    second = remote.push(app(2), "second")
    t.write("gate", "")
    under_way = t.start(*once)
    t.until(lambda: os.path.exists(gate + ".reached"), "that it asks the remote")
    policy = t.write(os.path.join(t.root, "etc", "policy.yaml"), "policy:\n  - {match: {imag: bb}, require: hyperv}\n")
    os.unlink(gate)
    said = under_way.communicate(timeout=60)[0]
    assert under_way.returncode == 3 and "has changed meanwhile" in said and "imag" in said, said
    assert level(t)[0] == "1"
    t.wc(*once, code=3)
    os.unlink(policy)
    t.wc(*once)
    assert status(t)["InForce"]["ID"] == second and level(t)[0] == "2"
    end(t)


def case_gitops_signatures_and_history(t):
    """Unsigned, signed by a stranger, another history, an older commit: none is applied; a signed one that follows is."""
    t.load_image()
    remote = Remote(t)
    ann, eve = ssh_key(t, "ann"), ssh_key(t, "eve")
    with open(ann + ".pub", encoding="ascii") as f:
        signers = t.write("signers", 'ann@example.org namespaces="git" ' + f.read())
    remote.sign_with(ann)
    agent, first, runs = follow(t, local(remote, f", verify: {{mode: commit, signers: {signers}}}"), remote)
    assert "ann@example.org" in status(t)["InForce"]["Signer"], status(t)
    remote.sign_with(None)
    remote.push(app(2), "unsigned")
    agent.now()
    agent.until_said("Stalled", "NotBelieved", "it is not signed")
    agent.holds(first, runs)
    remote.sign_with(eve)
    remote.push(app(3), "by a stranger")
    agent.now()
    agent.until_said("Stalled", "NotBelieved", "not among the allowed signers")
    assert status(t)["By"]["SourceVerified"]["Status"] == "False"
    agent.holds(first, runs)
    remote.sign_with(ann)
    fourth = remote.push(app(4), "by Ann")
    agent.now()
    agent.until_in_force(fourth)
    runs = level(t)
    assert runs[0] == "4"
    remote.git("reset", "-q", "--hard", first)
    remote.push(app(5), "another history, well signed", "-f")
    agent.now()
    agent.until_said("Stalled", "NotBelieved", "does not follow")
    agent.holds(fourth, runs)
    remote.git("push", "-q", "-f", "origin", f"{first}:main")
    agent.now()
    agent.until(lambda now: now["Newest"]["ID"] == first and now["By"]["Stalled"]["Status"] == "True", "the rewind")
    agent.until_said("Stalled", "NotBelieved", "does not follow")
    agent.holds(fourth, runs)
    remote.git("push", "-q", "-f", "origin", f"{fourth}:main")
    agent.now()
    agent.until(lambda now: now["By"]["Stalled"]["Status"] == "False", "the good one again")
    agent.holds(fourth, runs)
    agent.stop()
    end(t)


def case_gitops_hostile(t):
    """A file of services that reaches out, by a link, by a path, by what it asks for: refused, each with its reason."""
    t.load_image()
    remote = Remote(t)
    agent, first, runs = follow(t, local(remote), remote)
    good = app(2)
    rows = [(good + "        env_file: [/etc/passwd]\n", "leads out"),
            ("include: ['../../../etc/compose.yaml']\n" + good.replace("\n    ", "\n"), "compose.yaml:1:"),
            (good + "        privileged: true\n", "privileged"),
            (good + "        volumes: ['/run/wcompose:/x']\n", "/run/wcompose"),
            ("a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(f"x-{i}: &b{i} [{', '.join(['*' + ('a' if i == 0 else f'b{i - 1}')] * 9)}]\n"
                                                       for i in range(9)), "compose.yaml:")]
    for text, words in rows:
        remote.push(text, "hostile")
        agent.now()
        commit = remote.git("rev-parse", "HEAD")
        now = agent.until(lambda now, commit=commit, words=words: (now["Newest"] or {}).get("ID") == commit and
                          words in now["By"]["Stalled"]["Message"], f"a refusal of {text} that says {words}")
        assert now["By"]["Stalled"]["Status"] == "True" and now["By"]["Stalled"]["Reason"] == "Invalid", now
        agent.holds(first, runs)
    os.unlink(os.path.join(remote.work, "compose.yaml"))
    os.symlink("/etc/passwd", os.path.join(remote.work, "compose.yaml"))
    remote.git("add", "-A")
    remote.git("commit", "-q", "-m", "a link")
    remote.git("push", "-q", "origin", "main")
    agent.now()
    agent.until_said("Stalled", "Invalid", "link")
    agent.holds(first, runs)
    agent.stop()
    trees = os.listdir(os.path.join(t.root, "lib/gitops/shop/trees"))
    assert len(trees) <= 3, f"what was refused is kept: {trees}"
    end(t)


def biggest_memory(stop, out):
    """Notes the most anonymous memory that a git or a pass of ours has had, in KiB, until told to stop."""
    while not stop.wait(0.05):
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                if harness.read(f"/proc/{pid}/comm").strip() not in ("git", "wcompose"):
                    continue
                anonymous = re.search(r"RssAnon:\s*(\d+)", harness.read(f"/proc/{pid}/status"))
                out[0] = max(out[0], int(anonymous.group(1)) if anonymous else 0)
            except OSError:
                pass


def case_gitops_grows_by_a_gigabyte(t):
    """A commit that adds a gigabyte is refused at size_limit and not transferred again; nothing of it is left, no program
    has needed much memory, and a sound commit in its place is followed. One of zeros, which is small on the way, ends too."""
    t.load_image()
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="wcompose-e2e-") as disk:  # the case's own place is too small
        remote = Remote(t, base=disk)
        agent, first, runs = follow(t, local(remote, ", size_limit: 64m"), remote)
        gigabyte = "head -c 1073741824 /dev/zero | openssl enc -aes-128-ctr -nosalt -pass pass:x -pbkdf2 -iter 1"
        fast_import = (f"{{ printf 'commit refs/heads/main\\ncommitter Ann <ann@example.org> 1 +0000\\ndata 4\\nbig\\n"
                       f"from {first}\\nM 100644 inline noise\\ndata 1073741824\\n'; {gigabyte}; }} |"
                       f" git --git-dir {remote.bare} -c core.compression=0 -c core.bigFileThreshold=1m -c core.fsync=none fast-import --quiet")
        subprocess.run(["sh", "-ec", fast_import], check=True, capture_output=True)
        big = remote.git("--git-dir", remote.bare, "rev-parse", "main")
        stop, most = threading.Event(), [0]
        watcher = threading.Thread(target=biggest_memory, args=(stop, most), daemon=True)
        watcher.start()
        agent.now()
        now = agent.until_said("Stalled", "TooLarge", "size_limit", 120)
        stop.set()
        watcher.join()
        assert now["Newest"]["ID"] == big, now
        assert 0 < most[0] < 64 << 10, f"{most[0]} KiB"
        place = os.path.join(t.root, "lib/gitops/shop")
        left = int(harness.command("du", "-sk", place).stdout.split()[0])
        assert left < 2048, harness.command("du", "-ak", place).stdout
        agent.holds(first, runs)
        agent.now()
        agent.until(lambda new: new["LastLook"] != now["LastLook"], "another look")
        agent.until(lambda new: new["By"]["Reconciling"]["Status"] == "False", "its end")
        assert harness.read(agent.log).count("is rejected") == 1, "it was fetched again"
        remote.git("config", "core.compression", "1")
        with open(os.path.join(remote.work, "zeros"), "wb") as f:
            f.truncate(80 << 20)
        remote.push(app(2), "zeros", "-f")
        agent.now()
        agent.until_said("Stalled", "Invalid", "size_limit")
        agent.holds(first, runs)
        remote.git("rm", "-q", "zeros")
        third = remote.push(app(3), "small again")
        agent.now()
        agent.until_in_force(third)
        agent.stop()
        end(t)


def said_and_held(agent, reason, words, first, runs):
    """Makes it look; what is said of that look is this; what runs is as it was."""
    before = status(agent.t)["Next"]
    agent.now()
    # a pass that was under way may end first, and say something else
    now = agent.until(lambda now: now["Next"] != before and words in now["By"]["Reconciling"]["Message"], words)
    said = now["By"]["Reconciling"]
    assert said["Status"] == "True" and said["Reason"] == reason, said
    agent.holds(first, runs)


def case_gitops_remotes_that_stall(t):
    """One that takes the connection and says nothing, and one that says a byte a second: given up at the source's timeout;
    nothing of it runs on, what runs is looked after, and the real one is followed when it is back."""
    t.load_image()
    remote, sshd = Remote(t), Sshd(t)
    agent, first, runs = follow(t, sshd.source(remote), remote, interval="1h")
    sshd.stop()
    second = remote.push(app(2), "second")
    agent.write(sshd.source(remote) + ", timeout: 2s", interval="1h")
    for drips in (False, True):
        mute = Mute(sshd.port, drips)
        said_and_held(agent, "LookFailed", "took too long", first, runs)
        t.wc("-p", "shop", "stop", "web")
        agent.now()
        agent.until(lambda _: level_or_none(t) == "1", "the repair")
        runs = level(t)
        mute.close()
    t.until(lambda: not [pid for pid in filter(str.isdigit, os.listdir("/proc")) if name_of(pid) in ("ssh", "git")],
            "the end of what fetches")
    sshd.be(0)
    agent.write(sshd.source(remote), interval="1h")
    agent.until_in_force(second)
    agent.stop()
    end(t)


def case_gitops_remotes_that_lie(t):
    """A name that leads nowhere, objects that are missing, changed, or such as git never makes, and a server that shows one
    history and sends another: each is said, none is applied."""
    t.load_image()
    remote = Remote(t)
    switch, other = os.path.join(t.dir, "lies"), Remote(t, "other")
    liar = t.write("liar", f"""
        #!/bin/sh
        # What is shown is of the one, what is sent is of the other: each call is the next.
        [ -e {switch} ] || exec sh -c "$SSH_ORIGINAL_COMMAND"
        if [ -e {switch}.second ]; then rm {switch}.second; exec git-upload-pack {other.bare}; fi
        touch {switch}.second
        exec git-upload-pack {remote.bare}
    """, mode=0o755)
    sshd = Sshd(t, command=liar)
    agent, first, runs = follow(t, sshd.source(remote), remote, interval="1h")
    other.push(app(9), "of somebody else")
    second = remote.push(app(2), "second")
    open(switch, "w", encoding="ascii").close()
    said_and_held(agent, "FetchFailed", "has moved on meanwhile", first, runs)
    os.unlink(switch)
    blob = remote.git("rev-parse", f"{second}:compose.yaml")
    path = os.path.join(remote.bare, "objects", blob[:2], blob[2:])
    os.rename(path, path + ".gone")
    said_and_held(agent, "FetchFailed", "git: ", first, runs)
    with open(path + ".gone", "rb") as whole, open(path, "wb") as half:
        half.write(whole.read()[:20])
    said_and_held(agent, "FetchFailed", "git: ", first, runs)
    os.rename(path + ".gone", path)
    blob = bytes.fromhex(blob)
    tree = remote.plant("tree", b"100644 compose.yaml\0" + blob + b"100644 compose.yaml\0" + blob + b"40000 .git\0" + bytes(20))
    text = f"tree {tree}\nparent {first}\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nbad\n"
    bad = remote.plant("commit", text.encode())
    with open(os.path.join(remote.bare, "refs/heads/main"), "w", encoding="ascii") as f:
        f.write(bad + "\n")
    said_and_held(agent, "FetchFailed", "git: ", first, runs)
    with open(os.path.join(remote.bare, "refs/heads/main"), "w", encoding="ascii") as f:
        f.write("1" * 40 + "\n")
    said_and_held(agent, "FetchFailed", "not our ref", first, runs)
    with open(os.path.join(remote.bare, "refs/heads/main"), "w", encoding="ascii") as f:
        f.write(second + "\n")
    agent.now()
    agent.until_in_force(second)
    agent.stop()
    end(t)
