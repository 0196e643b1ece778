"""source.py - what the checks share: the list of files, code without comments, exceptions, self-tests.

An exception carries its reason on the line: NOLINT(rule): reason
"""
import os
import re
import subprocess
import sys
import tempfile

ROOMS = ("base", "include", "spec", "images", "drivers", "orchestrator", "lib", "cli")
ALL = ROOMS + ("tests", "bench")


def root_of(argv):
    """The tree to look at: the last argument that is no option, else the repository."""
    paths = [a for a in argv[1:] if not a.startswith("-")]
    return os.path.abspath(paths[-1] if paths else os.path.join(os.path.dirname(__file__), ".."))


def files(root, folders=ALL, endings=(".c", ".h")):
    """Paths relative to root, sorted."""
    found = []
    for folder in folders:
        for here, dirs, names in os.walk(os.path.join(root, folder)):
            dirs.sort()
            found += [os.path.relpath(os.path.join(here, n), root) for n in names if n.endswith(endings)]
    return sorted(found)


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as f:
        return f.read()


def blank_comments(text, strings=True):
    """Replaces comments (and the inside of strings) by blanks; lines keep their numbers."""
    pattern = r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''

    def blank(match):
        part = match.group(0)
        if part[0] in "\"'" and not strings:
            return part
        return re.sub(r"[^\n]", " ", part)

    return re.sub(pattern, blank, text, flags=re.S)


def excepted(lines, number, rule):
    """True when line `number` (1-based) or the one above says NOLINT(rule): reason."""
    around = lines[max(0, number - 2):number]
    return any(re.search(r"NOLINT\(" + re.escape(rule) + r"\): (?!\*/)\S+", line) for line in around)


def ctags(root, paths, kinds):
    """Tags of the kinds as dicts: name, kind, path, line, end, signature."""
    if not paths:
        return []
    fields = "--_xformat=%N\t%K\t%F\t%n\t%e\t%S"
    command = ["ctags", "-x", "--sort=no", "--languages=C,C++", "--langmap=C:.c.h", "--kinds-C=" + kinds,
               "--fields=+neS", fields] + list(paths)
    output = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
    tags = []
    for row in output.splitlines():
        name, kind, path, line, end, signature = (row.split("\t") + [""] * 6)[:6]
        tags.append({"name": name, "kind": kind, "path": path, "line": int(line),
                     "end": int(end or line), "signature": signature})
    return tags


def main(name, check, plants):
    """Runs check(root) -> [complaint], or with --self-test the plants: (files, expected words).

    A plant whose expected text is None must pass.
    """
    if "--self-test" in sys.argv:
        sys.exit(self_test(name, check, plants))
    complaints = check(root_of(sys.argv))
    for complaint in complaints:
        print(complaint)
    print(f"{name}: {len(complaints)} complaints" if complaints else f"{name}: fine")
    sys.exit(1 if complaints else 0)


def self_test(name, check, plants):
    failed = 0
    for number, (tree, expected) in enumerate(plants, 1):
        with tempfile.TemporaryDirectory() as root:
            for path, text in tree.items():
                os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
                with open(os.path.join(root, path), "w", encoding="utf-8") as f:
                    f.write(text)
            complaints = check(root)
        good = not complaints if expected is None else any(expected in c for c in complaints)
        if not good:
            failed += 1
            print(f"{name}: plant {number}: expected {expected!r}, got {complaints}")
    print(f"{name}: {len(plants) - failed} of {len(plants)} plants behave")
    return 1 if failed else 0
