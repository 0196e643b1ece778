#!/usr/bin/env python3
"""Plants faults in the reconciler, one at a time, and asks whether anything sees them.

  tools/mutants.py [--build build/fast] [--seeds N] [--every N [--first N]] [--file NAME] [--again FILE] [--jobs N] [--no-unit]
  tools/mutants.py --gitops …    in the step of apps that follow a source, with `simulate_gitops` for the stories
  tools/mutants.py --trust …     in what decides whom and what to believe of a source; unit tests judge alone

A mutant is one small change to one line: a comparison turned round or moved by one, a condition
negated or dropped, an `and` for an `or`, a statement left out, a constant off by one. It counts as
caught when a judge finds a violation, crashes, or doesn't end. The judges, in this order: the
stories (`simulate`), the unit tests of that room, the crash points (`crashpoints --single`); the
report says which one it was. Those that can't be seen from outside are listed with the reason in
tests/sim/mutants.txt ("file | line of code | change | reason"; where a line has the same change in
several places, "change #2" is the second one, and without a number it is all). Exit 0: at least 98
of 100 are caught or explained.

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
GITOPS_UNIT = (("", ("test_core_gitops", "test_core_gitops_wait", "test_core_gitops_ends", "test_core_gitops_conditions")),)
GITOPS_FILES = ("orchestrator/core/gitops.c", "orchestrator/core/gitops_note.c", "orchestrator/core/gitops_conditions.c",
                "orchestrator/core/gitops_window.c")
# A test's name, or with the one case of it that is meant.
SOURCES = ("test_orchestrator_gitops_text",)
TRUST_UNIT = (("base/semver.c", SOURCES),
              ("orchestrator/gitops/git_", SOURCES),
              ("orchestrator/gitops/signature.c", ("test_orchestrator_gitops_trust gpg_status_is_read",
                                                   "test_orchestrator_gitops_trust")),
              ("orchestrator/gitops/lfs_text.c", ("test_orchestrator_gitops_lfs_text",)),
              ("orchestrator/gitops/module_url.c", ("test_orchestrator_gitops_modules",)),
              ("orchestrator/gitops/outbox_queue.c", ("test_orchestrator_gitops_outbox",)),
              ("orchestrator/core/levels.c", ("test_core_levels", "test_core_plan")),
              ("spec/restricted.c", ("test_spec_restricted", "test_spec_granted")),
              ("spec/granted", ("test_spec_granted",)))
TRUST_FILES = ("base/semver.c", "orchestrator/core/levels.c", "spec/restricted.c", "spec/granted.c",
               "spec/granted_limits.c", "orchestrator/gitops/signature.c", "orchestrator/gitops/lfs_text.c",
               "orchestrator/gitops/git_text.c", "orchestrator/gitops/git_parse.c", "orchestrator/gitops/git_object.c",
               "orchestrator/gitops/module_url.c", "orchestrator/gitops/outbox_queue.c")
# Words for people, and who waits for what: nothing that the host could show.
SILENT = re.compile(r"wc_eng_tell|wc_log|wc_eng_set\(|snprintf|verdict|VERDICT|request->|needs_text|->error|err_set|"
                    r"why|restarts\+\+|note_phase|level|->changed|op_code|LOOPING|wc_arena|wc_buf|net_|NET_|volume|"
                    r"wc_eng_note_|op_reason|made_at_ms|began_ms")
TRUST_SILENT = re.compile(r'err_set|wc_hint|^\s*"')
# The first character of a text tells whether it is empty; so does the second where none has one character only.
EMPTY = re.compile(r"(?<=\[)0(?=\] [!=]= '\\0')")
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
    empty = {at.start() for at in EMPTY.finditer(line)}
    for number in re.finditer(r"\b(\d+)\b(?!ULL)", line):
        if number.start() in empty:
            continue
        yield "%d for %s" % (int(number[1]) + 1, number[1]), \
            line[:number.start()] + str(int(number[1]) + 1) + line[number.end():]


def make_mutants(name, silent):
    with open(os.path.join(ROOT, name), encoding="utf-8") as f:
        lines = f.read().split("\n")
    for i in bodies(lines):
        code = lines[i].split("/*")[0].rstrip()
        if silent.search(lines[i]) or code.strip().startswith("*") or not code.strip():
            continue
        times = collections.Counter()
        for what, new in changes(code):
            times[what] += 1
            if times[what] > 1:
                what += " #%d" % times[what]
            yield name, i, lines[i].strip(), what, "\n".join(lines[:i] + [new] + lines[i + 1:])


def commands(build, target):
    """How ninja compiles each file of the program (and of the libraries in it), and how it links it."""
    text = subprocess.run(["ninja", "-C", build, "-t", "commands", target], check=True, capture_output=True,
                          text=True).stdout
    compiles, link = {}, None
    for line in text.split("\n"):
        source = re.search("(?:%s|wc_[a-z]+)" % target + r"\.dir/(\S+)\.o -c ", line)
        if source:
            compiles[source[1]] = line
        if " -o " + target + " " in line:
            link = line
    parts = [part for part in link.split("&&") if " -o " + target + " " in part]
    return compiles, shlex.split(parts[0])


def limit_time():
    """Of the processor's time: on a busy machine a good program takes its time as well."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 2))


Subject = collections.namedtuple("Subject", "files unit silent stories crashes")
SUBJECTS = {
    "engine": Subject(FILES, UNIT, SILENT, "simulate", "crashpoints"),
    "gitops": Subject(GITOPS_FILES, GITOPS_UNIT, SILENT, "simulate_gitops", None),
    "trust": Subject(TRUST_FILES, TRUST_UNIT, TRUST_SILENT, None, None),
}


class Laboratory:
    def __init__(self, build, seeds, unit, subject):
        self.build, self.seeds, self.unit, self.subject = os.path.join(ROOT, build), seeds, unit, subject
        programs = self.programs(subject, unit)
        subprocess.run(["ninja", "-C", self.build, *programs], check=True, capture_output=True)
        found = {name: commands(self.build, name) for name in programs}
        self.compiles = {}
        for name in reversed(programs):  # the stories' own way to compile a file, where they have one
            self.compiles.update(found[name][0])
        self.links = {name: link for name, (_, link) in found.items()}

    @staticmethod
    def programs(subject, unit):
        tests = {test.split()[0] for _, names in subject.unit for test in names} if unit else set()
        return [name for name in (subject.stories, subject.crashes) if name is not None] + sorted(tests)

    def run(self, mutant):
        """None: it isn't C. "": nobody sees it. Else who saw it, and what."""
        name, _, _, _, text = mutant
        with tempfile.TemporaryDirectory() as folder:
            thing = self.compile(name, text, folder)
            if thing is None:
                return None
            seen = self.ask_stories(name, folder, thing) if self.subject.stories else ""
            if seen:
                return "stories: " + seen
            seen = self.ask_tests(name, folder, thing) if self.unit else ""
            if seen or not self.subject.crashes:
                return seen
            program = self.link_with(self.links["crashpoints"], folder, "crashpoints.dir/" + name + ".o", thing)
            seen = self.ask([program, "--single"], r"FAILED (.*)")
            return "crash points: " + seen if seen else ""

    def ask_stories(self, name, folder, thing):
        stories = self.subject.stories
        program = self.link_with(self.links[stories], folder, stories + ".dir/" + name + ".o", thing)
        if stories == "simulate_gitops":
            return self.ask([program, "--stories", str(self.seeds)], r"(?m)^seed \d+: (.*)$")
        return self.ask([program, "--no-shrink", "--seeds", str(self.seeds)], r"\(in full: (.*)\)")

    def compile(self, name, text, folder):
        source, thing = os.path.join(folder, "mutant.c"), os.path.join(folder, "mutant.o")
        with open(source, "w", encoding="utf-8") as f:
            f.write(text)
        words = [w for w in shlex.split(self.compiles[name]) if w not in ("-Werror", "ccache", "-g")]
        words[words.index("-o") + 1] = thing
        words[words.index("-c") + 1] = source
        words[words.index("-MF") + 1] = os.path.join(folder, "d")
        words += ["-w"] if self.subject.stories else ["-w", "-O0"]  # what runs once is compiled quickly instead
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
        for test in next(names for start, names in self.subject.unit if name.startswith(start)):
            program, *cases = test.split()
            seen = self.ask([self.link_with(self.links[program], folder, None, thing), *cases],
                            r"(?m)\[  FAILED  \] (\w+)$")
            if seen:
                return "unit tests: %s: %s" % (program, seen)
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


def names(what):
    """As one place of a line, and as all of them."""
    return {what, what.split(" #")[0]}


def listed(mutants, report):
    with open(report, encoding="utf-8") as f:
        lines = {re.sub(r"^(\S+):\d+ ", r"\1 ", line.rstrip("\n")) for line in f}
    return (m for m in mutants if {" | ".join((m[0], m[2], what)) for what in names(m[3])} & lines)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", default="build/fast")
    p.add_argument("--seeds", type=int, default=4000)
    p.add_argument("--every", type=int, default=1, help="only every Nth mutant,")
    p.add_argument("--first", type=int, default=0, help="from this one on")
    p.add_argument("--file", default="", help="only files with this in their name")
    p.add_argument("--again", metavar="FILE", help="only those that are in there: what was printed by a run before")
    p.add_argument("--jobs", type=int, default=os.cpu_count())
    p.add_argument("--no-unit", action="store_true", help="without the unit tests")
    p.add_argument("--gitops", dest="subject", action="store_const", const="gitops", default="engine",
                   help="the step of apps that follow a source")
    p.add_argument("--trust", dest="subject", action="store_const", const="trust",
                   help="whom and what to believe of a source")
    p.add_argument("--verbose", action="store_true", help="who saw which")
    o = p.parse_args()
    subject, known = SUBJECTS[o.subject], explained()
    lab = Laboratory(o.build, o.seeds, not o.no_unit, subject)
    mutants = [m for f in subject.files if o.file in f for m in make_mutants(f, subject.silent)][o.first::o.every]
    if o.again:
        mutants = list(listed(mutants, o.again))
    caught, excused, survived = collections.Counter(), 0, 0
    with concurrent.futures.ThreadPoolExecutor(o.jobs) as pool:
        asked = {pool.submit(lab.run, mutant): mutant for mutant in mutants}
        for answer in concurrent.futures.as_completed(asked):
            (name, number, code, what, _), seen = asked[answer], answer.result()
            if seen is None:
                continue
            keys = {(name, code, one) for one in names(what)}
            if o.verbose and seen:
                print("%s:%d | %s | %s   <- %s" % (name, number + 1, code, what, seen), flush=True)
            if seen:
                caught[seen.split(":")[0]] += 1
            elif not keys.isdisjoint(known):
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
