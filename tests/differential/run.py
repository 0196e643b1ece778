#!/usr/bin/env python3
"""Random Compose projects through docker compose and wcompose; prints the first difference that
explained.py doesn't explain, with the smallest file that shows it.

  tests/differential/run.py --oracle PATH [--ours PATH] [--seed N] [--count N] [--jobs N] [--groups]

--groups goes on to the end and lists every kind of difference with one seed each. Exit 0: none.
The oracle is docker compose 2.40.3 (shared/tools/get_oracles.sh); `config` needs no daemon.
"""

import argparse
import collections
import concurrent.futures
import multiprocessing
import os
import re
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
# pylint: disable=wrong-import-position
from compare import Pair  # noqa: E402
from explained import RULES, explain  # noqa: E402
from grammar import Gen  # noqa: E402
import modes  # noqa: E402
from shrink import shrink  # noqa: E402
import yamltext  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def parse(argv):
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--oracle", default=os.environ.get("WC_ORACLE", "/tmp/oracles/dc-sid"))
    p.add_argument("--ours", default=os.path.join(ROOT, "build/release/wcompose"))
    p.add_argument("--seed", type=int, default=1, help="of the first file; the next has the next")
    p.add_argument("--count", type=int, default=1000)
    p.add_argument("--jobs", type=int, default=os.cpu_count())
    p.add_argument("--cache", help="directory that keeps the oracle's answers")
    p.add_argument("--groups", action="store_true")
    p.add_argument("--shrink", action="store_true", help="with --groups: minimise each")
    p.add_argument("--options", action="store_true", help="compare other options of config than --format json")
    p.add_argument("--skip", default="", help="attributes that aren't made")
    p.add_argument("--only", default="", help="only these service attributes")
    p.add_argument("--match", default="", help="only differences whose group matches")
    p.add_argument("--show", action="store_true", help="print the files of --seed and end")
    out = p.parse_args(argv)
    out.ours, out.oracle = os.path.abspath(out.ours), os.path.abspath(out.oracle)
    out.skip = set(filter(None, out.skip.split(",")))
    out.only = set(filter(None, out.only.split(",")))
    return out


def make(seed, options):
    """The case of a seed; with --options a mode is chosen for it."""
    mode, options.options = options.options, False
    case = Gen(seed, options).make()
    options.options = mode
    if mode:
        case.tail = modes.choose(case, seed)
    return case


def show(case):
    text = ""
    for name, tree in case.files.items():
        text += "--- %s\n%s" % (name, yamltext.document(tree, case.depth))
    for name, lines in case.texts.items():
        text += "--- %s\n%s\n" % (name, "\n".join(lines))
    return text + "args %s env %s" % (" ".join(case.args + case.tail), {k: v for k, v in case.env.items() if k != "HOME"})


PAIR = OPTIONS = None
ASKED_AGAIN = 12


def start(options, directory):
    global PAIR, OPTIONS  # pylint: disable=global-statement
    os.nice(5)
    OPTIONS = options
    PAIR = Pair(options.oracle, options.ours, os.path.join(directory, str(os.getpid()), "case"), options.cache)


def unexplained(differences):
    return [d for d in differences if explain(d) is None and re.search(OPTIONS.match, d.key())]


def varies(case):
    """Asked again (it walks maps in random order), docker compose now and then answers as we do."""
    cache, PAIR.cache = PAIR.cache, None
    try:
        return any(not unexplained(PAIR.compare(case)[1]) for _ in range(ASKED_AGAIN))
    finally:
        PAIR.cache = cache


def try_seed(seed):
    case = make(seed, OPTIONS)
    both, differences = PAIR.compare(case)
    names = [explain(d) for d in differences]
    left = unexplained(differences)
    if left and varies(case):
        return seed, both, [n for n in names if n] + ["answers-vary"], {}
    return seed, both, [n for n in names if n], {d.key(): str(d) for d in left}


def minimise(seed, key):
    case = make(seed, OPTIONS)
    small = shrink(case, lambda c: any(d.key() == key for d in unexplained(PAIR.compare(c)[1])))
    text = [str(d) for d in PAIR.compare(small)[1] if d.key() == key]
    return show(small) + "\n" + "\n".join(text)


def check_documented():
    with open(os.path.join(ROOT, "docs/compose-differences.md"), encoding="utf-8") as f:
        text = f.read()
    missing = [name for name, _ in RULES if "`" + name + "`" not in text]
    if missing:
        sys.exit("not in docs/compose-differences.md: " + ", ".join(missing))


def report(options, groups, pool):
    for key, found in sorted(groups.items(), key=lambda kv: -len(kv[1])):
        print("== %d x %s (seed %d)" % (len(found), key, found[0][0]))
        if options.shrink or not options.groups:
            print(pool.submit(minimise, found[0][0], key).result())
        else:
            print("  " + found[0][1])


def main():
    options = parse(sys.argv[1:])
    if options.show:
        print(show(make(options.seed, options)))
        return 0
    check_documented()
    groups, explained = collections.defaultdict(list), collections.Counter()
    n = accepted = 0
    started = time.time()
    with tempfile.TemporaryDirectory(prefix="wc-diff.") as directory, concurrent.futures.ProcessPoolExecutor(
            options.jobs, multiprocessing.get_context("fork"), start, (options, directory)) as pool:
        seeds = range(options.seed, options.seed + options.count)
        for seed, both, names, left in pool.map(try_seed, seeds, chunksize=8):
            n += 1
            accepted += both
            explained.update(set(names))
            for key, text in left.items():
                groups[key].append((seed, text))
            if groups and not options.groups:
                break
        report(options, groups, pool)
    print("seeds %d..%d: %d files, %d accepted by both, %d unexplained differences in %d groups, %.0f s" % (
        options.seed, options.seed + n - 1, n, accepted, sum(map(len, groups.values())), len(groups),
        time.time() - started))
    for name, count in sorted(explained.items()):
        print("  explained %6d x %s" % (count, name))
    return 1 if groups else 0


if __name__ == "__main__":
    sys.exit(main())
