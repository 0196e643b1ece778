#!/usr/bin/env python3
"""Plants faults in the reconciler, one at a time, and asks whether anything sees them.

  tools/mutants.py [--build build/fast] [--seeds N] [--every N [--first N]] [--file NAME] [--jobs N] [--no-unit]
  tools/mutants.py --gitops …    in the step of apps that follow a source, with `simulate_gitops` for the stories

A mutant is one small change to one line: a comparison turned round or moved by one, a condition
negated or dropped, an `and` for an `or`, a statement left out, a constant off by one. It counts as
caught when a judge finds a violation, crashes, or doesn't end. The judges, in this order: the
stories (`simulate`), the unit tests of that room, the crash points (`crashpoints --single`); the
report says which one it was. Those that can't be seen from outside are listed with the reason in
tests/sim/mutants.txt ("file | line of code | change | reason"). Exit 0: at least 98 of 100 are
caught or explained.

A build without sanitizers is quickest: cmake -B build/fast -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo
"""

import argparse
import collections
import concurrent.futures
import os
import re
import resource
import shlex
import signal
import subprocess
import sys
import tempfile

CPU_SECONDS = 10  # several times what any judge takes with a program that ends
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
EXPLAINED = os.path.join(ROOT, "tests", "sim", "mutants.txt")
FILES = ("orchestrator/core/step.c", "orchestrator/core/deps.c", "orchestrator/core/backoff.c",
         "orchestrator/core/rollout.c", "orchestrator/engine_rollout.c",
         "orchestrator/engine_act.c", "orchestrator/engine_ops.c", "orchestrator/engine_tally.c", "orchestrator/observe.c",
         "orchestrator/engine_apply.c", "orchestrator/engine_request.c", "orchestrator/engine_model.c")
# The unit tests that know a room, by the start of a file's path.
UNIT = (("orchestrator/core/", ("test_core_step", "test_core_health", "test_core_plan", "test_core_rollout",
                                  "test_orchestrator_engine", "test_orchestrator_rollouts")),
        ("orchestrator/", ("test_orchestrator_engine", "test_orchestrator_rollouts", "test_orchestrator_causes",
                           "test_orchestrator_engine_random", "test_orchestrator_contract_sim",
                           "test_orchestrator_surge", "test_orchestrator_ends", "test_orchestrator_suspend",
                           "test_orchestrator_inplace")))
GITOPS_FILES = ("orchestrator/core/gitops.c", "orchestrator/core/gitops_note.c", "orchestrator/core/gitops_conditions.c",
                "orchestrator/core/gitops_window.c")
# Words for people, and who waits for what: nothing that the host could show.
SILENT = re.compile(r"wc_eng_tell|wc_log|wc_eng_set\(|snprintf|verdict|VERDICT|request->|needs_text|->error|err_set|"
                    r"why|restarts\+\+|note_phase|level|->changed|op_code|LOOPING|wc_arena|wc_buf|net_|NET_|volume|"
                    r"wc_eng_note_|op_reason|made_at_ms|began_ms")
SWAPS = (("==", "!="), ("!=", "=="), (" < ", " <= "), (" > ", " >= "), (" <= ", " < "), (" >= ", " > "),
         ("&&", "||"), ("||", "&&"), ("true", "false"), ("false", "true"))


def bodies(lines):
    """Numbers of the lines inside functions."""
    inside = False
    for i, line in enumerate(lines):
        if line == "{":
            inside = True
        elif line == "}":
            inside = False
        elif inside:
            yield i


def changes(line):
    """Each changed form of one line of code, with its name."""
    for old, new in SWAPS:
        at = line.find(old)
        while at >= 0:
            yield "%s for %s" % (new.strip(), old.strip()), line[:at] + new + line[at + len(old):]
            at = line.find(old, at + len(old))
    whole = re.match(r"^(\s*(?:\} else )?if) \((.*)\)( \{)?$", line)
    if whole:
        yield "negated", "%s (!(%s))%s" % (whole[1], whole[2], whole[3] or "")
        yield "never", "%s (0 && (%s))%s" % (whole[1], whole[2], whole[3] or "")
    if re.match(r"^\s+(inst|svc|engine|out|in)?[\w>.\-]+ (=|\|=|\+=) .*;$", line) or \
            re.match(r"^\s+wc_eng_\w+\(.*\);$", line) or re.match(r"^\s+inst->\w+(\+\+|--);$", line):
        yield "left out", re.sub(r"\S.*", ";", line)
    for number in re.finditer(r"\b(\d+)\b(?!ULL)", line):
        yield "%d for %s" % (int(number[1]) + 1, number[1]), \
            line[:number.start()] + str(int(number[1]) + 1) + line[number.end():]


def make_mutants(name):
    with open(os.path.join(ROOT, name), encoding="utf-8") as f:
        lines = f.read().split("\n")
    for i in bodies(lines):
        code = lines[i].split("/*")[0].rstrip()
        if SILENT.search(lines[i]) or code.strip().startswith("*") or not code.strip():
            continue
        for what, new in changes(code):
            yield name, i, lines[i].strip(), what, "\n".join(lines[:i] + [new] + lines[i + 1:])


def commands(build, target):
    """How ninja compiles each file of the program, and how it links it."""
    text = subprocess.run(["ninja", "-C", build, "-t", "commands", target], check=True, capture_output=True,
                          text=True).stdout
    compiles, link = {}, None
    for line in text.split("\n"):
        source = re.search(target + r"\.dir/(\S+)\.o -c ", line)
        if source:
            compiles[source[1]] = line
        if " -o " + target + " " in line:
            link = line
    parts = [part for part in link.split("&&") if " -o " + target + " " in part]
    return compiles, shlex.split(parts[0])


def limit_time():
    """Of the processor's time: on a busy machine a good program takes its time as well."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 2))


class Laboratory:
    def __init__(self, build, seeds, unit, gitops):
        self.build, self.seeds, self.unit, self.gitops = os.path.join(ROOT, build), seeds, unit, gitops
        self.stories = "simulate_gitops" if gitops else "simulate"
        self.compiles, self.link = commands(self.build, self.stories)
        self.crash_link = None if gitops else commands(self.build, "crashpoints")[1]
        self.unit_links = {name: commands(self.build, name)[1] for name in self.tests(gitops)} if unit else {}

    @staticmethod
    def tests(gitops):
        return ["test_core_gitops", "test_core_gitops_ends", "test_core_gitops_conditions"] if gitops else sorted({name for _, names in UNIT for name in names})

    def run(self, mutant):
        """None: it isn't C. "": nobody sees it. Else who saw it, and what."""
        name, _, _, _, text = mutant
        with tempfile.TemporaryDirectory() as folder:
            thing = self.compile(name, text, folder)
            if thing is None:
                return None
            program = self.link_with(self.link, folder, self.stories + ".dir/" + name + ".o", thing)
            if self.gitops:
                seen = self.ask([program, "--stories", str(self.seeds)], r"(?m)^seed \d+: (.*)$")
            else:
                seen = self.ask([program, "--no-shrink", "--seeds", str(self.seeds)], r"\(in full: (.*)\)")
            if seen:
                return "stories: " + seen
            seen = self.ask_tests(name, folder, thing) if self.unit else ""
            if seen:
                return seen
            if self.gitops:
                return ""
            program = self.link_with(self.crash_link, folder, "crashpoints.dir/" + name + ".o", thing)
            seen = self.ask([program, "--single"], r"FAILED (.*)")
            return "crash points: " + seen if seen else ""

    def compile(self, name, text, folder):
        source, thing = os.path.join(folder, "mutant.c"), os.path.join(folder, "mutant.o")
        with open(source, "w", encoding="utf-8") as f:
            f.write(text)
        words = [w for w in shlex.split(self.compiles[name]) if w not in ("-Werror", "ccache", "-g")]
        words[words.index("-o") + 1] = thing
        words[words.index("-c") + 1] = source
        words[words.index("-MF") + 1] = os.path.join(folder, "d")
        words.append("-w")
        done = subprocess.run(words, cwd=self.build, capture_output=True, check=False)
        return thing if done.returncode == 0 else None

    def link_with(self, words, folder, original, thing):
        """The mutant in the place of an object file, or, with None, before the libraries, which then needn't give it."""
        words = [thing if original is not None and w.endswith(original) else w for w in words]
        if original is None:
            words.insert(words.index("-o"), thing)
        program = os.path.join(folder, os.path.basename(words[words.index("-o") + 1]))
        words[words.index("-o") + 1] = program
        words.append("-s")  # nobody debugs it, and half of the linking is for that
        subprocess.run(words, cwd=self.build, check=True, capture_output=True)
        return program

    def ask(self, words, finding):
        environment = dict(os.environ, WCOMPOSE_LOG="error", WCOMPOSE_LIBEXEC=self.build)
        try:
            done = subprocess.run(words, cwd=self.build, capture_output=True, text=True, timeout=1200, check=False,
                                  errors="replace", env=environment, preexec_fn=limit_time)
        except subprocess.TimeoutExpired:
            return "it didn't end"
        if done.returncode == 0:
            return ""
        if done.returncode == -signal.SIGXCPU:
            return "it didn't end"
        seen = re.findall(finding, done.stdout + done.stderr)
        return seen[0] if seen else "crashed (%d)" % done.returncode

    def ask_tests(self, name, folder, thing):
        for test in self.unit_links if self.gitops else next(names for start, names in UNIT if name.startswith(start)):
            program = self.link_with(self.unit_links[test], folder, None, thing)
            seen = self.ask([program], r"(?m)\[  FAILED  \] (\w+)$")
            if seen:
                return "unit tests: %s: %s" % (test, seen)
        return ""


def explained():
    out = {}
    if os.path.exists(EXPLAINED):
        with open(EXPLAINED, encoding="utf-8") as f:
            for line in f:
                parts = line.rstrip("\n").split(" | ")
                if len(parts) == 4:
                    out[tuple(parts[:3])] = parts[3]
    return out


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", default="build/fast")
    p.add_argument("--seeds", type=int, default=4000)
    p.add_argument("--every", type=int, default=1, help="only every Nth mutant,")
    p.add_argument("--first", type=int, default=0, help="from this one on")
    p.add_argument("--file", default="", help="only files with this in their name")
    p.add_argument("--jobs", type=int, default=os.cpu_count())
    p.add_argument("--no-unit", action="store_true", help="without the unit tests")
    p.add_argument("--gitops", action="store_true", help="the step of apps that follow a source")
    p.add_argument("--verbose", action="store_true", help="who saw which")
    o = p.parse_args()
    targets = ["simulate_gitops"] if o.gitops else ["simulate", "crashpoints"]
    subprocess.run(["ninja", "-C", os.path.join(ROOT, o.build), *targets, *Laboratory.tests(o.gitops)], check=True,
                   capture_output=True)
    lab, known = Laboratory(o.build, o.seeds, not o.no_unit, o.gitops), explained()
    files = GITOPS_FILES if o.gitops else FILES
    mutants = [m for f in files if o.file in f for m in make_mutants(f)][o.first::o.every]
    caught, excused, survived = collections.Counter(), 0, 0
    with concurrent.futures.ThreadPoolExecutor(o.jobs) as pool:
        asked = {pool.submit(lab.run, mutant): mutant for mutant in mutants}
        for answer in concurrent.futures.as_completed(asked):
            (name, number, code, what, _), seen = asked[answer], answer.result()
            if seen is None:
                continue
            key = (name, code, what)
            if o.verbose and seen:
                print("%s:%d | %s | %s   <- %s" % (name, number + 1, code, what, seen), flush=True)
            if seen:
                caught[seen.split(":")[0]] += 1
            elif key in known:
                excused += 1
                if o.verbose:
                    print("%s:%d | %s | %s   (explained)" % (name, number + 1, code, what), flush=True)
            else:
                survived += 1
                print("%s:%d | %s | %s" % (name, number + 1, code, what), flush=True)
    n = sum(caught.values())
    total = n + excused + survived
    print("%d mutants: %d caught (%s), %d explained, %d survived (%.1f %% caught, %.1f %% with the explained)"
          % (total, n, ", ".join("%d by the %s" % (k, who) for who, k in caught.most_common()), excused, survived,
             100.0 * n / total, 100.0 * (n + excused) / total))
    return 0 if survived * 50 <= total else 1


if __name__ == "__main__":
    sys.exit(main())
