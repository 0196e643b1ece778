#!/usr/bin/env python3
"""coverage.py - line coverage by room, after the tests have run in the preset "coverage".

  cmake --workflow --preset coverage && tools/coverage.py
  tools/coverage.py --files cli         the files of a room, the worst first
  tools/coverage.py --lines cli/frame.c the lines of a file that no test reached

A line counts as covered when any test program ran it. The helpers of drivers/keeper are linked statically
for musl, which has no gcov; of them counts only what a unit test compiles in.
"""
import argparse
import json
import os
import subprocess
import sys

import source

ROOMS = ("base", "include", "spec", "images", "drivers/process", "drivers/net", "drivers/keeper", "drivers/sim",
         "drivers/wrap", "drivers", "orchestrator/core", "orchestrator", "cli")
BATCH = 40


def notes(build):
    """Every .gcno below the build: also what no test has run, with counts of 0."""
    found = []
    for here, _, names in os.walk(os.path.join(build, "CMakeFiles")):
        if "CompilerId" in here:
            continue
        found += [os.path.abspath(os.path.join(here, n)) for n in names if n.endswith(".gcno")]
    return sorted(found)


def reports(build):
    """gcov's JSON for every source file of every object."""
    paths = notes(build)
    for i in range(0, len(paths), BATCH):
        done = subprocess.run(["gcov", "--json-format", "--stdout", *paths[i:i + BATCH]], cwd=build,
                              capture_output=True, text=True)
        for line in done.stderr.splitlines():
            if "mismatch" in line:  # of a build since; gcov leaves such a file out
                print(f"note: {line}: counts of another build; remove the file and run its test again", file=sys.stderr)
        for line in done.stdout.splitlines():
            if line.startswith("{"):
                yield from json.loads(line)["files"]


def room_of(path):
    fitting = [r for r in ROOMS if path.startswith(r + "/")]
    return max(fitting, key=len) if fitting else None


def collect(root, build):
    """{path: {line: count}}: the most that any object counted."""
    counts = {}
    for report in reports(build):
        path = os.path.relpath(os.path.normpath(os.path.join(build, report["file"])), root)
        if room_of(path) is None:
            continue
        lines = counts.setdefault(path, {})
        for line in report["lines"]:
            number = line["line_number"]
            lines[number] = max(lines.get(number, 0), line["count"])
    return counts


def row(name, lines, width):
    covered = sum(1 for count in lines if count > 0)
    share = f"{100 * covered / len(lines):6.1f} %" if lines else "     - "
    return f"{name:<{width}} {len(lines):>7} {covered:>7} {share}"


def by_room(counts):
    print(f"{'room':<20} {'lines':>7} {'run':>7}")
    everything = []
    for room in ROOMS:
        lines = [c for path, of in counts.items() if room_of(path) == room for c in of.values()]
        everything += lines
        if lines:
            print(row(room, lines, 20))
    print(row("all", everything, 20))


def by_file(counts, room):
    files = [(path, list(of.values())) for path, of in counts.items() if of and path.startswith(room.rstrip("/") + "/")]
    for path, lines in sorted(files, key=lambda f: sum(c > 0 for c in f[1]) / len(f[1])):
        print(row(path, lines, 40))


def missed(root, counts, path):
    text = source.read(root, path).splitlines()
    for number, count in sorted(counts.get(path, {}).items()):
        if count == 0:
            print(f"{path}:{number}: {text[number - 1]}")


def main():
    root = os.path.abspath(os.path.join(os.path.dirname(__file__), ".."))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.path.join(root, "build/coverage"))
    parser.add_argument("--files", metavar="ROOM")
    parser.add_argument("--lines", metavar="FILE")
    options = parser.parse_args()
    build = os.path.abspath(options.build)
    counts = collect(root, build) if notes(build) else {}
    if not any(count for lines in counts.values() for count in lines.values()):
        sys.exit(f"coverage: no counts in {build}; 'cmake --workflow --preset coverage' makes them")
    if options.lines:
        missed(root, counts, options.lines)
    elif options.files:
        by_file(counts, options.files)
    else:
        by_room(counts)


if __name__ == "__main__":
    main()
