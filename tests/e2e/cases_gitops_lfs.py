"""An app with files of Git LFS: pushed by git-lfs itself, followed by https, by way of ssh, and from a directory. What a server
that errs or lies sends is in no container; what runs is the last good revision."""
import hashlib
import os
import shutil

import harness
from cases_gitops_remotes import follow, local
from following import Agent, app, end, level

from remotes import Https, Remote, Sshd


def uses(level_now):
    """The app, with what LFS has mounted."""
    return app(level_now) + "        volumes: ['./data.bin:/data.bin:ro']\n"


def tracked(t, name="shop"):
    """A repository whose *.bin git-lfs looks after."""
    if shutil.which("git-lfs") is None:
        raise harness.Skip("git-lfs is not installed (scripts/setup.sh --tests)")
    remote = Remote(t, name)
    remote.git("lfs", "install")  # for this case's home
    remote.git("lfs", "track", "*.bin")
    return remote


def noise(remote, size=3 << 20, name="data.bin"):
    """New content for a file of LFS; returns its SHA-256."""
    content = os.urandom(size)
    with open(os.path.join(remote.work, name), "wb") as f:
        f.write(content)
    return hashlib.sha256(content).hexdigest()


def in_the_app(t):
    return t.wc("-p", "shop", "exec", "-T", "web", "sha256sum", "/data.bin").out.split()[0]


def kept(t):
    return sorted(os.listdir(os.path.join(t.root, "lib/gitops/shop/lfs")))


def by_https(remote, web):
    """git-lfs talks to that server from now on."""
    remote.environment = {"GIT_SSL_CAINFO": web.ca}
    remote.git("config", "credential.helper", "!f() { echo username=git; echo password=t0ken-of-the-case; }; f")
    remote.git("config", "lfs.url", web.url(remote) + "/info/lfs")


def holds(agent, words, first, runs):
    """That is said of it, as of something that may pass; what runs is as it was."""
    agent.now()
    now = agent.until(lambda now: words in now["By"]["Reconciling"]["Message"], words)
    assert now["By"]["Stalled"]["Status"] == "False", now
    agent.holds(first, runs)


def case_gitops_lfs_by_https(t):
    """Pushed to a server by git-lfs, and cloned from it: the protocol is the real one. The app sees the content, which is
    transferred once; the token goes to the source's server alone."""
    t.load_image()
    remote, web = tracked(t), Https(t)
    by_https(remote, web)
    total = noise(remote)
    agent, _, _ = follow(t, web.source(remote), _Uses(remote), interval="1h")
    assert in_the_app(t) == total and kept(t) == [total]
    assert web.asked(f"GET /git/shop.git/info/lfs/objects/{total}") == 1, harness.read(web.log)
    clone = os.path.join(t.base, "clone")
    helper = remote.git("config", "credential.helper")
    remote.git("clone", "-q", "-c", f"credential.helper={helper}", web.url(remote), clone, cwd=t.base)
    with open(os.path.join(clone, "data.bin"), "rb") as f:
        assert hashlib.sha256(f.read()).hexdigest() == total, "git-lfs had something else"
    second = remote.push(uses(2), "second")
    before = web.asked("/info/lfs/")
    agent.now()
    agent.until_in_force(second)
    assert level(t)[0] == "2" and in_the_app(t) == total
    assert web.asked("/info/lfs/") == before, "what is here was asked for again"
    web.be(href=f"https://127.0.0.2:{web.port}/store/shop.git/", header={"X-Key": "k3y"})
    total = noise(remote)
    third = remote.push(uses(3), "on another host")
    agent.now()
    agent.until_in_force(third)
    assert in_the_app(t) == total and kept(t) == [total]
    assert web.asked(f"127.0.0.2 GET /store/shop.git/{total} None") == 1
    with open(web.log, encoding="utf-8") as f:
        assert not [line for line in f if line.startswith("127.0.0.2") and "Basic" in line]
    assert "t0ken" not in harness.read(agent.log) and "k3y" not in harness.read(agent.log)
    agent.stop()
    end(t)


class _Uses:
    """A remote whose first commit has the file mounted."""

    def __init__(self, remote):
        self.remote = remote

    def push(self, _, message):
        return self.remote.push(uses(1), message)


def case_gitops_lfs_servers_that_err(t):
    """Wrong content, none, an answer that is none, a server that is gone: tried again, and come to by itself. What is larger
    than may be is refused before any of it is asked for."""
    t.load_image()
    remote, web = tracked(t), Https(t)
    by_https(remote, web)
    noise(remote)
    agent, first, runs = follow(t, web.source(remote, ", size_limit: 8m"), _Uses(remote))
    web.be(content="wrong")
    total = noise(remote)
    second = remote.push(uses(2), "second")
    holds(agent, "isn't what the commit says", first, runs)
    assert kept(t) == [] or total not in kept(t)
    path = os.path.join(remote.bare, "lfs/objects", total[:2], total[2:4], total)
    os.rename(path, path + ".gone")
    web.be()
    holds(agent, "(yet?)", first, runs)
    web.be(answer="<html>")
    holds(agent, "is none of LFS", first, runs)
    web.be(status=503)
    holds(agent, "503", first, runs)
    os.rename(path + ".gone", path)
    web.be()
    agent.until_in_force(second)  # by itself
    assert in_the_app(t) == total
    runs = level(t)
    total = noise(remote, 9 << 20)
    remote.push(uses(3), "too large")
    agent.now()
    agent.until_said("Stalled", "Invalid", "size_limit")
    agent.holds(second, runs)
    assert web.asked(f"GET /git/shop.git/info/lfs/objects/{total}") == 0, "it was transferred"
    agent.stop()
    end(t)


def case_gitops_lfs_by_way_of_ssh(t):
    """git-lfs and we ask the same of a real sshd, and go on to where it says."""
    t.load_image()
    remote, web = tracked(t), Https(t)
    asked = os.path.join(t.base, "asked")
    answer = f'{{"href": "{web.url(remote)}/info/lfs", "header": {{"Authorization": "Basic Z2l0OnQwa2VuLW9mLXRoZS1jYXNl"}}, "expires_in": 60}}'
    forced = t.write("forced", f"""
        #!/bin/sh
        echo "$SSH_ORIGINAL_COMMAND" >>{asked}
        case $SSH_ORIGINAL_COMMAND in
        git-lfs-authenticate*) echo '{answer}' ;;
        *) exec sh -c "$SSH_ORIGINAL_COMMAND" ;;
        esac
    """, mode=0o755)
    sshd = Sshd(t, command=forced)
    remote.environment = {"GIT_SSL_CAINFO": web.ca, "GIT_SSH_COMMAND": f"ssh -i {sshd.key} -o UserKnownHostsFile={sshd.known_hosts}"}
    remote.git("remote", "set-url", "origin", f"ssh://root@127.0.0.1:{sshd.port}{remote.bare}")
    total = noise(remote)
    agent, _, _ = follow(t, sshd.source(remote) + f", ca_file: {web.ca}, lfs: true", _Uses(remote))
    assert in_the_app(t) == total
    lines = [line for line in harness.read(asked).splitlines() if line.startswith("git-lfs-authenticate ")]
    assert [line.split()[-1] for line in lines] == ["upload", "download"], lines
    paths = {line.split()[1].strip("'") for line in lines}
    assert paths == {remote.bare}, f"git-lfs asks for it otherwise: {lines}"
    assert "Z2l0" not in harness.read(agent.log)
    agent.stop()
    end(t)


def case_gitops_lfs_from_a_directory(t):
    """A bare repository on this host, to which git-lfs pushed: pointers first, then what they stand for, when it is asked for."""
    t.load_image()
    remote = tracked(t)
    total = noise(remote)
    agent, first, runs = follow(t, local(remote), _Uses(remote))
    assert in_the_app(t) != total
    agent.write(local(remote, ", lfs: true"))
    agent.until(lambda _: level_of(t) not in (None, runs) and in_the_app(t) == total, "the content")
    agent.until_in_force(first)
    trees = os.listdir(os.path.join(t.root, "lib/gitops/shop/trees"))
    assert [name for name in trees if name.endswith("+lfs")], trees
    agent.stop()
    end(t)


def level_of(t):
    """As level, or None while nothing runs."""
    try:
        return level(t)
    except AssertionError:
        return None
