"""Configs and secrets: what services are given to read."""
import os
import stat
import subprocess
import sys

import harness
from cases_lifecycle import kill_supervisors

FILES = """
    services:
      box:
        image: bb:1
        command: ["idle"]
        configs: [plain, {source: owned, target: /etc/app/owned, uid: "100", gid: "101", mode: 0440}, text]
        secrets: [key, {source: token, target: renamed}]
    configs:
      plain: {file: ./plain.conf}
      owned: {file: ./owned.conf}
      text: {content: "for ${WHO:-you}"}
    secrets:
      key: {file: ./key}
      token: {environment: TOKEN}
"""


def ready(t, text=FILES):
    t.load_image()
    t.compose(text)
    t.write("plain.conf", "plain\n", mode=0o640)
    t.write("owned.conf", "owned\n", mode=0o600)
    t.write("key", "key\n", mode=0o600)


def seen(t, path):
    return t.run_inside("box", "stat", "-c", "%u:%g %a", path).out.strip(), t.run_inside("box", "cat", path).out


def case_configs_and_secrets(t):
    """By file, content and variable; owner and mode; read-only; a new value makes a new instance."""
    ready(t)
    t.environment["TOKEN"] = "one"
    t.wc("up", "-d", "--wait")
    assert seen(t, "/plain") == ("0:0 640", "plain\n")
    assert seen(t, "/etc/app/owned") == ("100:101 440", "owned\n")
    assert seen(t, "/text") == ("0:0 444", "for you")
    assert seen(t, "/run/secrets/key") == ("0:0 600", "key\n")
    assert seen(t, "/run/secrets/renamed") == ("0:0 444", "one")
    for path in ("/plain", "/etc/app/owned", "/text", "/run/secrets/renamed"):
        t.run_inside("box", "sh", "-c", f"echo x > {path}", code=1)
    assert t.wc("exec", "-T", "-u", "1000", "box", "cat", "/run/secrets/renamed").out == "one", "nobody is kept out by a directory"
    first = t.row("box")["ID"]
    t.wc("up", "-d", "--wait")
    assert t.row("box")["ID"] == first
    t.write("plain.conf", "changed\n", mode=0o640)
    with open(t.dir + "/plain.conf", "r+", encoding="utf-8") as file:
        file.write("in place\n")
    t.environment["TOKEN"] = "two"
    t.wc("up", "-d", "--wait")
    assert t.row("box")["ID"] != first and seen(t, "/run/secrets/renamed")[1] == "two"
    t.wc("restart", "box")
    assert seen(t, "/run/secrets/renamed") == ("0:0 444", "two")
    t.wc("down")


def case_secrets_stay_secret(t):
    """A value is in no argument, no log, no event, no file that others may read; it outlives its variable."""
    ready(t)
    t.environment["TOKEN"] = "hush-hush-hush"
    t.wc("up", "-d", "--wait")
    del t.environment["TOKEN"]
    for verb in (("config",), ("events", "--since", "1h", "--until", "0s"), ("status",), ("ps", "-a"), ("history",), ("support",)):
        done = t.wc(*verb)
        assert "hush-hush" not in done.out + done.err, verb
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                assert b"hush-hush" not in file.read(), pid
        except OSError:
            pass
    for path in who_has(t, "hush-hush", t.root):
        place, others = path, 0o005
        while place != t.root and others:
            others &= stat.S_IMODE(os.lstat(place).st_mode) & (0o005 if place == path else 0o001 | 0o004)
            place = os.path.dirname(place)
        assert not others, f"{path} can be read by others"
    up = t.wc("up", "-d", code=65)
    assert "variable TOKEN, the content of secret 'token', isn't set" in up.err
    t.wc("restart", "box")
    assert seen(t, "/run/secrets/renamed")[1] == "hush-hush-hush"
    t.wc("down")


def case_given_files_that_are_missing(t):
    """No file, no store: said with the place, and nothing is made."""
    ready(t)
    t.environment["TOKEN"] = "x"
    os.unlink(t.dir + "/key")
    up = t.wc("up", "-d", code=None)
    assert up.code != 0 and "secrets.key: there is no file" in up.err and "compose.yaml:2:3" in up.err, up.err
    t.wc("down")
    ready(t, """
        services: {box: {image: "bb:1", secrets: [far]}}
        secrets: {far: {external: true}}
    """)
    up = t.wc("up", "-d", code=None)
    assert "E300" in up.err and "secret 'far' is kept elsewhere" in up.err, up.err
    assert not t.ps()


SOPS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "sops")


def sealed(t, name, kind, plain, key=os.path.join(SOPS, "key.txt")):
    """Writes a file that SOPS might have encrypted."""
    made = subprocess.run([sys.executable, os.path.join(SOPS, "make.py"), kind, key], input=plain.encode(),
                          capture_output=True, check=False)
    if made.returncode != 0 and b"ModuleNotFoundError" in made.stderr:
        raise harness.Skip("python3-cryptography is not installed")
    assert made.returncode == 0, made.stderr.decode()
    t.write(name, made.stdout.decode())


def who_has(t, words, top):
    """Files below `top` that have the words in them."""
    found = []
    for folder, _, names in os.walk(top):
        for name in names:
            path = os.path.join(folder, name)
            try:
                if stat.S_ISREG(os.lstat(path).st_mode):
                    with open(path, "rb") as file:
                        if words.encode() in file.read():
                            found.append(path)
            except FileNotFoundError:
                pass  # a journal that was replaced just then: the new one is there
    return found


def case_encrypted_files(t):
    """SOPS files: decrypted in memory for who uses them, and nowhere else; a new value is a new instance."""
    t.load_image()
    with open(os.path.join(SOPS, "key.txt"), encoding="ascii") as file:
        t.write("age.key", file.read(), mode=0o600)
    sealed(t, "app.env", "dotenv", "LEVEL=3\nPASS=planted-in-env\n")
    sealed(t, "cert.sops", "binary", "planted-in-file\n")
    t.compose("""
        services:
          box: {image: "bb:1", command: ["idle"], env_file: [app.env], secrets: [cert], stop_grace_period: 0s}
        secrets:
          cert: {file: ./cert.sops}
    """)
    refused = t.wc("up", "-d", code=65)
    assert "E119" in refused.err and "compose.yaml:" in refused.err, refused.err
    t.environment["SOPS_AGE_KEY_FILE"] = os.path.join(t.dir, "age.key")
    t.wc("up", "-d", "--wait")
    assert t.run_inside("box", "sh", "-c", "echo $LEVEL $PASS").out == "3 planted-in-env\n"
    assert t.run_inside("box", "cat", "/run/secrets/cert").out == "planted-in-file\n"
    for verb in (("config",), ("plan",), ("events", "--since", "1h", "--until", "0s"), ("status",), ("ps", "-a"), ("history",), ("why", "box")):
        done = t.wc(*verb)
        assert "planted-in" not in done.out + done.err, verb
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                assert b"planted-in" not in file.read(), pid
        except OSError:
            pass
    for top in (os.path.join(t.root, "lib"), t.dir):
        assert not who_has(t, "planted-in", top), who_has(t, "planted-in", top)
    for path in who_has(t, "planted-in", os.path.join(t.root, "run")):
        assert any(stat.S_IMODE(os.stat(p).st_mode) & 0o077 == 0 for p in (path, os.path.dirname(path))), path
    first = t.row("box")["ID"]
    t.wc("up", "-d", "--wait")
    assert t.row("box")["ID"] == first
    sealed(t, "cert.sops", "binary", "planted-anew\n")
    t.wc("up", "-d", "--wait")
    assert t.row("box")["ID"] != first and t.run_inside("box", "cat", "/run/secrets/cert").out == "planted-anew\n"
    kill_supervisors(t)
    t.wc("restart", "box")
    assert t.run_inside("box", "cat", "/run/secrets/cert").out == "planted-anew\n"
    os.unlink(os.path.join(t.dir, "age.key"))
    kill_supervisors(t)
    t.wc("restart", "box", code=None)
    assert "planted-in" not in t.wc("logs", code=None).out
    t.wc("down")
