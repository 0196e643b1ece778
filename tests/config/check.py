#!/usr/bin/env python3
"""check.py BINARY [--update] [--oracle docker-compose] - each option of `config` on one project: exact output.

The project (tests/config/project) has two files and an included one, profiles, variables with defaults and one that is required, an
external network, services that are only built, and things that nobody uses. What is printed is in tests/config/expected: with --update
it is written anew (read the difference before committing it); with --oracle docker compose is asked the same and what isn't equal as
data is listed, for a person to judge by docs/compose-differences.md.
"""
import difflib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))
import fixture  # noqa: E402  pylint: disable=wrong-import-position

# Name of the expected file: what comes behind "config". Words before "--" go before it.
CASES = {
    "plain.yaml": [],
    "format-yaml.yaml": ["--format", "yaml"],
    "format-json.json": ["--format", "json"],
    "one-service.yaml": ["api"],
    "profile.yaml": ["--profile", "debug", "--"],
    "one-file.yaml": ["-f", "compose.yaml", "--"],
    "services.txt": ["--services"],
    "services-profile.txt": ["--profile", "debug", "--", "--services"],
    "services-no-interpolate.txt": ["--services", "--no-interpolate"],
    "volumes.txt": ["--volumes"],
    "volumes-profile.txt": ["--profile", "tools", "--", "--volumes"],
    "networks.txt": ["--networks"],
    "networks-profile.txt": ["--profile", "*", "--", "--networks"],
    "images.txt": ["--images"],
    "images-profile.txt": ["--profile", "*", "--", "--images"],
    "images-one.txt": ["--images", "api"],
    "profiles.txt": ["--profiles"],
    "models.txt": ["--models"],
    "hash.txt": ["--hash", "*"],
    "environment.txt": ["--environment"],
    "variables.txt": ["--variables"],
    "variables.json": ["--variables", "--format", "json"],
    "variables.yaml": ["--variables", "--format", "yaml"],
    "no-interpolate.yaml": ["--no-interpolate"],
    "no-interpolate.json": ["--no-interpolate", "--format", "json"],
    "no-interpolate-no-normalize.json": ["--no-interpolate", "--no-normalize", "--format", "json"],
    "no-normalize.yaml": ["--no-normalize"],
    "no-path-resolution.yaml": ["--no-path-resolution"],
    "no-consistency.yaml": ["-f", "wrong.yaml", "--", "--no-consistency"],
    "no-env-resolution.yaml": ["--no-env-resolution"],
    "quiet.txt": ["-q"],
}
ENVIRONMENT = {"FROM_SHELL": "from the shell", "BUILDER": "me", "HOME": "/home/u", "PATH": "/usr/bin:/bin"}


class Failure(Exception):
    pass


class World:
    """A copy of the project, and a root of its own for the images."""

    def __init__(self, binary, base):
        self.binary, self.dir, self.root = binary, os.path.join(base, "shop"), os.path.join(base, "root")
        shutil.copytree(os.path.join(HERE, "project"), self.dir)
        with open(os.path.join(self.dir, "wrong.yaml"), "w", encoding="utf-8") as f:
            f.write("services: {a: {image: x, networks: [none], depends_on: [nobody], volumes: ['no:/no']}}\n")

    def command(self, words):
        at = words.index("--") if "--" in words else 0
        return words[:at] + ["config"] + words[at + ("--" in words):]

    def run(self, words, code=0, binary=None, text=None):
        env = dict(ENVIRONMENT, WCOMPOSE_ROOT=self.root) if binary is None else ENVIRONMENT
        done = subprocess.run([binary or self.binary] + words, cwd=self.dir, env=env, capture_output=True, check=False,
                              input=text, stdin=subprocess.DEVNULL if text is None else None)
        if code is not None and done.returncode != code:
            raise Failure(f"{' '.join(words)}: status {done.returncode}, not {code}\n{done.stderr.decode()}")
        return done.stdout

    def portable(self, out):
        """Without what differs from machine to machine: paths, and hashes, which are over paths too."""
        out = re.sub(rb"(?m)(\S+) [0-9a-f]{64}$", rb"\1 @HASH@", out)
        return out.replace(self.dir.encode(), b"@DIR@").replace(self.root.encode(), b"@ROOT@")


def check_expected(world, name, words, update):
    path = os.path.join(HERE, "expected", name)
    out = world.portable(world.run(world.command(words)))
    if out != world.portable(world.run(world.command(words))):
        raise Failure("the second time another output")
    if update:
        with open(path, "wb") as f:
            f.write(out)
        return
    with open(path, "rb") as f:
        want = f.read()
    if out != want:
        raise Failure("".join(difflib.unified_diff(want.decode().splitlines(True), out.decode().splitlines(True),
                                                   "expected", "printed")))


def check_output_file(world):
    """-o FILE holds what standard output would have, and nothing else is printed."""
    for words in ([], ["--format", "json"], ["--services"], ["--hash", "*"], ["--no-interpolate"]):
        out = world.run(["config"] + words)
        for option in ("-o", "--output"):
            if world.run(["config"] + words + [option, "out"]) != b"":
                raise Failure("printed besides -o")
            with open(os.path.join(world.dir, "out"), "rb") as f:
                if f.read() != out:
                    raise Failure(f"-o with {words} is not standard output")
    world.run(["config", "-o", "none/out"], code=None)
    if os.path.exists(os.path.join(world.dir, "none")):
        raise Failure("made a directory")


def check_quiet(world):
    """Nothing is printed; the status tells."""
    for words in (["-q"], ["--quiet"], ["-q", "--format", "json"], ["-q", "--services"]):
        if world.run(["config"] + words) != b"":
            raise Failure(f"{words} printed")
    if world.run(["-f", "wrong.yaml", "config", "-q"], code=65) != b"":
        raise Failure("-q printed a project that is wrong")


def check_again(world):
    """What is printed, read back, is printed again byte for byte; YAML and JSON have the same hashes."""
    for words in ([], ["--format", "json"], ["--no-interpolate"], ["--no-interpolate", "--format", "json"]):
        first = world.run(["config"] + words)
        second = world.run(["-f", "-", "config"] + words, text=first)
        if first != second:
            raise Failure(f"config {words} of itself:\n" + "".join(difflib.unified_diff(
                first.decode().splitlines(True), second.decode().splitlines(True))))
        if "--no-interpolate" not in words and \
                world.run(["-f", "-", "config", "--hash", "*"], text=first) != world.run(["config", "--hash", "*"]):
            raise Failure(f"config {words} has other hashes than its files")


def check_hash(world):
    """A hash changes with what a container is made of, and with nothing else."""
    def hashes(*words):
        return dict(line.split() for line in world.run(list(words) + ["config", "--hash", "*"]).decode().splitlines())
    before = hashes()
    if world.run(["config", "--hash", "web,api"]).decode().split() != ["api", before["api"], "web", before["web"]]:
        raise Failure("--hash web,api")
    for text, changed in (("services: {web: {hostname: h}}", {"web"}), ("networks: {back: {name: other}}", {"web", "api"}),
                          ("services: {web: {x-note: n}}", set()), ("x-note: n", set())):
        with open(os.path.join(world.dir, "more.yaml"), "w", encoding="utf-8") as f:
            f.write(text + "\n")
        after = hashes("-f", "compose.yaml", "-f", "compose.override.yaml", "-f", "more.yaml")
        if {name for name in before if before[name] != after[name]} != changed:
            raise Failure(f"{text}: {before} {after}")


def check_digests(world):
    """--resolve-image-digests pins images of the store; --lock-image-digests prints those alone."""
    archive = os.path.join(world.dir, "image.tar")
    fixture.docker_archive(archive, "nginx:1.27")
    try:
        world.run(["image", "load", "docker-archive:" + archive])
    except Failure as why:
        print(f"    pins are not checked: {why}")
        return
    only = ["-f", "pin.yaml"]
    with open(os.path.join(world.dir, "pin.yaml"), "w", encoding="utf-8") as f:
        f.write("services: {a: {image: 'nginx:1.27', command: x}, b: {image: 'redis@sha256:" + "a" * 64 + "'}}\n")
    whole = json.loads(world.run(only + ["config", "--format", "json", "--resolve-image-digests"]))
    plain = json.loads(world.run(only + ["config", "--format", "json"]))
    pinned = whole["services"]["a"]["image"]
    if not pinned.startswith("docker.io/library/nginx:1.27@sha256:") or len(pinned.split(":")[-1]) != 64:
        raise Failure(f"not pinned: {pinned}")
    plain["services"]["a"]["image"] = pinned
    if whole != plain:
        raise Failure("--resolve-image-digests changes more than images")
    lock = json.loads(world.run(only + ["config", "--format", "json", "--lock-image-digests"]))
    images = {name: s["image"] for name, s in whole["services"].items()}
    if set(lock) != {"services"} or {n: s["image"] for n, s in lock["services"].items()} != images:
        raise Failure(f"--lock-image-digests: {lock}")
    raw = json.loads(world.run(only + ["config", "--format", "json", "--no-interpolate", "--resolve-image-digests"]))
    if raw["services"]["a"] != {"command": "x", "image": pinned, "networks": {"default": None}}:
        raise Failure(f"with --no-interpolate: {raw}")
    with open(os.path.join(world.dir, "pin.yaml"), "w", encoding="utf-8") as f:
        f.write("services: {a: {image: 'absent:1'}}\n")
    world.run(only + ["config", "--resolve-image-digests"], code=66)


def check_mistakes(world):
    """What can't be answered says so and prints nothing."""
    for words, code in ((["config", "nobody"], 65), (["config", "--hash", "nobody"], 66), (["config", "--format", "xml"], 64),
                        (["config", "--images", "nobody"], 65)):
        if world.run(words, code=code) != b"":
            raise Failure(f"{words} printed something")


def ask_oracle(world, oracle):
    """Lists what differs as data."""
    import yaml  # pylint: disable=import-outside-toplevel
    for name, words in CASES.items():
        outs = [world.run(world.command(words), code=None, binary=binary).decode() for binary in (oracle, None)]
        if name.endswith(".txt"):
            outs = [sorted(out.splitlines()) for out in outs]
        else:
            outs = [json.dumps(yaml.safe_load(out), indent=1, sort_keys=True, default=str).splitlines() for out in outs]
        if outs[0] != outs[1]:
            print(f"== {name}\n" + "\n".join(difflib.unified_diff(*outs, "theirs", "ours", n=2, lineterm="")))


def main():
    update = "--update" in sys.argv
    world = None
    failed = 0
    checks = {name: (lambda name=name, words=words: check_expected(world, name, words, update))
              for name, words in CASES.items()}
    for check in (check_output_file, check_quiet, check_again, check_hash, check_digests, check_mistakes):
        checks[check.__name__[6:]] = lambda check=check: check(world)
    for name, check in checks.items():
        with tempfile.TemporaryDirectory(prefix="wc-config.") as base:
            world = World(os.path.abspath(sys.argv[1]), base)
            try:
                check()
            except Failure as why:
                failed += 1
                print(f"{name}: {why}")
    if "--oracle" in sys.argv:
        with tempfile.TemporaryDirectory(prefix="wc-config.") as base:
            ask_oracle(World(os.path.abspath(sys.argv[1]), base), sys.argv[sys.argv.index("--oracle") + 1])
    print(f"config: {len(checks) - failed} of {len(checks)} as expected")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
