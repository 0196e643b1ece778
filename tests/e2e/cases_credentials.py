"""Credentials of systemd's, made and opened by its own program, with a key of a host that is the case's alone: what the
machine has in /var/lib/systemd is hidden by a directory on memory in the case's mounts, and goes with them."""
import os
import shutil
import stat
import subprocess

import harness
from cases_gitops import agent, app, end, once, status
from cases_given import who_has
from cases_lifecycle import kill_supervisors
from remotes import Remote

PROGRAM = "/usr/bin/systemd-creds"
STATE = "/var/lib/systemd"

COMPOSE = """
    services:
      box: {image: "bb:1", command: ["idle"], env_file: [app.env.cred], secrets: [cert], stop_grace_period: 0s}
      other: {image: "bb:1", command: ["idle"], stop_grace_period: 0s}
    secrets:
      cert: {file: ./cert.cred}
"""


def open_host(t):
    """A host with a key of its own."""
    if not os.access(PROGRAM, os.X_OK) or not os.path.isdir(STATE):
        raise harness.Skip("systemd-creds (package systemd) is not installed")
    harness.command("mount", "-t", "tmpfs", "-o", "mode=0700", "host-key", STATE)
    made = harness.command(PROGRAM, "setup", check=False)
    if made.returncode != 0:
        close_host()
        raise harness.Skip(f"systemd-creds can't make a key here: {made.stderr.strip()}")


def close_host():
    harness.command("umount", STATE)


def credential(t, name, plain, path):
    """Encrypts text under a name, into a file of the case's (or `path`, when it is absolute)."""
    made = subprocess.run([PROGRAM, "encrypt", "--with-key=host", f"--name={name}", "-", "-"], input=plain.encode(),
                          capture_output=True, check=False)
    assert made.returncode == 0, made.stderr.decode()
    with open(os.path.join(t.dir, path), "wb") as file:
        file.write(made.stdout)


def check_nowhere(t, words):
    """No file but those that the container reads, no argument, nothing that is shown has the words in it."""
    for verb in (("config",), ("plan",), ("events", "--since", "1h", "--until", "0s"), ("status",), ("ps", "-a"), ("history",),
                 ("why", "box"), ("logs",)):
        done = t.wc(*verb, code=None)
        assert words not in done.out + done.err, verb
    for pid in filter(str.isdigit, os.listdir("/proc")):
        assert words not in read_quietly(f"/proc/{pid}/cmdline"), pid
    for top in (os.path.join(t.root, "lib"), t.dir):
        assert not who_has(t, words, top), who_has(t, words, top)
    for path in who_has(t, words, os.path.join(t.root, "run")):  # on memory, and nobody else may look in
        assert any(stat.S_IMODE(os.stat(p).st_mode) & 0o077 == 0 for p in (path, os.path.dirname(path))), path


def read_quietly(path):
    try:
        return harness.read(path)
    except OSError:  # it has ended
        return ""


def case_credentials(t):
    """An env file and a secret: what is in them is in the container and nowhere else; another value is another instance,
    and what was made for another project is refused."""
    t.load_image()
    open_host(t)
    credential(t, f"{t.project}.app.env", "LEVEL=3\nPASS=planted-in-env\n", "app.env.cred")
    credential(t, f"{t.project}.cert", "planted-in-file\n", "cert.cred")
    t.compose(COMPOSE)
    t.wc("up", "-d", "--wait")
    assert t.run_inside("box", "sh", "-c", "echo $LEVEL $PASS").out == "3 planted-in-env\n"
    assert t.run_inside("box", "cat", "/run/secrets/cert").out == "planted-in-file\n"
    check_nowhere(t, "planted-in")
    first, other = t.row("box")["ID"], t.row("other")["ID"]
    t.wc("up", "-d", "--wait")
    assert t.row("box")["ID"] == first
    credential(t, f"{t.project}.cert", "planted-anew\n", "cert.cred")
    t.wc("up", "-d", "--wait")
    assert t.row("box")["ID"] != first and t.row("other")["ID"] == other
    assert t.run_inside("box", "cat", "/run/secrets/cert").out == "planted-anew\n"
    kill_supervisors(t)
    t.wc("restart", "box")
    assert t.run_inside("box", "cat", "/run/secrets/cert").out == "planted-anew\n"
    before = t.row("box")["ID"]
    for name, words in (("other.cert", "does not match"), ("", "without a name")):
        credential(t, name, "planted-strange\n", "cert.cred")
        up = t.wc("up", "-d", code=65)
        assert "E119" in up.err and "compose.yaml:" in up.err and words in up.err, up.err
        assert "planted" not in up.err, up.err
    assert t.row("box")["ID"] == before
    t.wc("down")
    assert not who_has(t, "planted-", t.base)
    close_host()


def case_slow_credentials(t):
    """While a supervisor's systemd-creds hangs, who needs it waits, and nothing else does."""
    t.load_image()
    open_host(t)
    credential(t, f"{t.project}.app.env", "PASS=planted-in-env\n", "app.env.cred")
    credential(t, f"{t.project}.cert", "planted-in-file\n", "cert.cred")
    t.compose(COMPOSE.replace("env_file:", "restart: always, env_file:"))  # on a slow machine it may be late, and tried again
    t.wc("up", "-d", "--wait")
    # for the supervisor alone, and in the case's mounts alone, the program waits to be let go
    shutil.copy(PROGRAM, os.path.join(t.base, "systemd-creds"))
    slow = t.write("slow", f"""
        #!/bin/sh
        read name </proc/$PPID/comm
        if [ "$name" = wcompose-super ]; then
            touch {t.base}/begun
            while [ ! -e {t.base}/go ]; do sleep 0.05; done
        fi
        exec {t.base}/systemd-creds "$@"
    """, mode=0o755)
    harness.command("mount", "--bind", slow, PROGRAM)
    kill_supervisors(t)
    t.start("restart", "box")
    t.until(lambda: os.path.exists(os.path.join(t.base, "begun")), "the slow program")
    assert t.row("other")["State"] == "running"
    t.until(lambda: "encrypted files to be opened" in t.wc("why", "box", code=None).out, "why it waits")
    t.wc("stop", "other")
    assert t.row("other")["State"] != "running" and t.row("box")["State"] != "running"
    with open(os.path.join(t.base, "go"), "w", encoding="ascii"):
        pass
    t.until(lambda: t.row("box")["State"] == "running", "the box")
    assert t.run_inside("box", "sh", "-c", "echo $PASS; cat /run/secrets/cert").out == "planted-in-env\nplanted-in-file\n"
    t.wc("down")
    harness.command("umount", PROGRAM)
    close_host()


def case_gitops_credentials(t):
    """A credential that is committed: opened for the app that it was made for, rolled out when it changes, refused in another."""
    t.load_image()
    open_host(t)
    remote = Remote(t)
    text = app(1) + "        secrets: [cert]\n    secrets: {cert: {file: ./cert.cred}}\n"
    path = os.path.join(remote.work, "cert.cred")
    credential(t, "shop.cert", "planted-one\n", path)
    first = remote.push(text, "first")
    agent(t, remote)
    once(t)
    assert status(t)["InForce"]["ID"] == first
    assert t.wc("-p", "shop", "exec", "-T", "web", "cat", "/run/secrets/cert").out == "planted-one\n"
    credential(t, "shop.cert", "planted-two\n", path)
    second = remote.push(text, "another value")
    once(t)
    assert t.wc("-p", "shop", "exec", "-T", "web", "cat", "/run/secrets/cert").out == "planted-two\n"
    credential(t, "bank.cert", "planted-three\n", path)  # out of another app's repository
    remote.push(text, "somebody else's")
    refused = once(t, code=3)
    now = status(t)
    assert now["InForce"]["ID"] == second and "does not match" in now["By"]["Stalled"]["Message"], now
    assert "planted" not in refused.out + refused.err, refused.err
    assert t.wc("-p", "shop", "exec", "-T", "web", "cat", "/run/secrets/cert").out == "planted-two\n"
    assert not who_has(t, "planted-", os.path.join(t.root, "lib"))
    end(t)
    assert not who_has(t, "planted-", t.root)
    close_host()
