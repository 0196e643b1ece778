#!/usr/bin/env python3
"""crowd.py - many processes change one image store at once, and some are killed at any moment.

  crowd.py WCOMPOSE [--seconds N] [--seed N]

Whatever happened: every command but the killed ones ends with 0 or says that something isn't there or is in
use, every image of the index is whole (blobs by their digests, layers with their diffs), and after one more
command nothing is left in tmp/, and after a prune no blob or layer that no image needs.
"""
import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
GENERATE = os.path.join(os.path.dirname(os.path.dirname(HERE)), "bench", "unpack", "generate.py")
FINE = (0, 66)  # done; not there (docs/exit-codes.md)


def load(path):
    with open(path, "rb") as file:
        return json.load(file)


def check(store):
    """Returns digests of blobs and 16 digits of layers that the index needs, having looked at each."""
    blobs, layers = set(), set()
    for entry in load(os.path.join(store, "index.json"))["manifests"]:
        manifest = load(os.path.join(store, "blobs/sha256", entry["digest"][7:]))
        config = load(os.path.join(store, "blobs/sha256", manifest["config"]["digest"][7:]))
        blobs |= {d[7:] for d in [entry["digest"], manifest["config"]["digest"]] +
                  [layer["digest"] for layer in manifest["layers"]]}
        layers |= {d[7:23] for d in config["rootfs"]["diff_ids"]}
    for name in blobs:
        with open(os.path.join(store, "blobs/sha256", name), "rb") as file:
            assert hashlib.sha256(file.read()).hexdigest() == name, f"blob {name} has other content"
    for name in layers:
        assert os.path.isdir(os.path.join(store, "layers", name)), f"layer {name} is missing"
        assert os.path.isfile(os.path.join(store, "diffs", name)), f"layer {name} doesn't count"
    return blobs, layers


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("wcompose")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    work = tempfile.mkdtemp(prefix="wc-crowd-")
    env = dict(os.environ, WCOMPOSE_ROOT=os.path.join(work, "root"))
    store = os.path.join(work, "root", "lib", "images")
    layouts = []
    for n in range(3):
        layouts.append(os.path.join(work, f"image{n}"))
        subprocess.run([sys.executable, GENERATE, layouts[-1], "--layers", str(2 + 2 * n), "--mib", "2", "--pack",
                        "zstd" if n == 2 and shutil.which("zstd") else "gzip"], check=True)
        index = os.path.join(layouts[-1], "index.json")
        with open(index) as file:
            text = file.read()
        with open(index, "w") as file:
            file.write(text.replace('"big"', f'"app{n}:1"'))

    def command():
        name = f"app{rng.randrange(3)}:1"
        return rng.choice([["load", "oci:" + rng.choice(layouts)], ["load", "oci:" + rng.choice(layouts)],
                           ["tag", name, f"other{rng.randrange(4)}:1"], ["rm", name], ["rm", f"other{rng.randrange(4)}:1"],
                           ["prune", "--force"], ["prune", "--force", "--all"], ["ls"], ["inspect", name],
                           ["save", "-o", os.path.join(work, f"a{rng.randrange(9)}.tar"), name]])

    running, counts, killed = [], {}, 0
    end = time.monotonic() + args.seconds
    while running or time.monotonic() < end:
        while len(running) < 6 and time.monotonic() < end:
            words = command()
            process = subprocess.Popen([args.wcompose, "image", *words], env=env, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.PIPE, text=True)
            running.append((words, process))
        if running and rng.random() < 0.02:
            rng.choice(running)[1].send_signal(signal.SIGKILL)
        for words, process in [r for r in running if r[1].poll() is not None]:
            running.remove((words, process))
            said = process.stderr.read()
            killed += process.returncode == -signal.SIGKILL
            if process.returncode not in (-signal.SIGKILL, *FINE):
                sys.exit(f"image {' '.join(words)}: {process.returncode}: {said}")
            counts[words[0]] = counts.get(words[0], 0) + 1
        time.sleep(0.01)
    blobs, layers = check(store)
    subprocess.run([args.wcompose, "image", "prune", "--force"], env=env, check=True, stdout=subprocess.DEVNULL)
    blobs, layers = check(store)
    assert not os.path.exists(os.path.join(store, "tmp")), "tmp/ is left"
    assert set(os.listdir(os.path.join(store, "blobs/sha256"))) == blobs, "blobs that nobody needs"
    assert set(os.listdir(os.path.join(store, "layers"))) == layers, "layers that nobody needs"
    assert set(os.listdir(os.path.join(store, "diffs"))) == layers, "diffs that nobody needs"
    shutil.rmtree(work)
    print(f"{sum(counts.values())} commands ({', '.join(f'{n} {c}' for n, c in sorted(counts.items()))}), "
          f"{killed} killed; the store is whole")


main()
