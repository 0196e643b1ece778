#!/usr/bin/env python3
"""Writes each case of the golden corpus as an input of fuzz_project: its files behind lines "=== NAME".

  tests/fuzz/seeds.py DIR
"""

import os
import sys

GOLDEN = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "golden", "spec")
NOT_READ = ("args", "expected.json", "expected.txt")


def named_files(case):
    """The names that `args` gives as `file NAME`."""
    path = os.path.join(case, "args")
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8", errors="replace") as f:
        words = [line.rstrip("\n").split(" ", 1) for line in f]
    return [w[1] for w in words if len(w) == 2 and w[0] == "file"]


def seed(case):
    named, files = named_files(case), []
    for folder, _, names in os.walk(case):
        for name in names:
            path = os.path.join(folder, name)
            inside = os.path.relpath(path, case)
            if inside not in NOT_READ and os.path.isfile(path):
                with open(path, "rb") as f:
                    files.append((inside, f.read()))
    # What comes first needs no line before it: it is the Compose file.
    files.sort(key=lambda file: (file[0] != "compose.yaml", named.index(file[0]) if file[0] in named else -1))
    out = b""
    for name, text in files:
        if name != "compose.yaml" or named:
            out += ("" if not out or out.endswith(b"\n") else "\n").encode()
            out += b"=== " + (b"-f " if name in named else b"") + name.encode() + b"\n"
        out += text
    return out


def main():
    os.makedirs(sys.argv[1], exist_ok=True)
    for name in sorted(os.listdir(GOLDEN)):
        with open(os.path.join(sys.argv[1], name), "wb") as f:
            f.write(seed(os.path.join(GOLDEN, name)))


if __name__ == "__main__":
    main()
