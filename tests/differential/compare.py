"""Both tools on one case, and what differs."""

import hashlib
import json
import os
import re
import shutil
import subprocess

import modes
import yamltext
from modes import CHANGES, LISTS  # noqa: F401  pylint: disable=unused-import

MISSING = "(missing)"
USER_KEYED = {"services", "networks", "volumes", "secrets", "configs", "models", "environment", "labels", "args",
              "annotations", "driver_opts", "options", "depends_on", "sysctls", "ulimits", "storage_opt"}


class Difference:
    """kind: they-refuse, we-refuse, data, crash. For data: path, theirs, ours; else their and our
    messages."""

    def __init__(self, kind, path=(), theirs=None, ours=None):
        self.kind, self.path, self.theirs, self.ours = kind, path, theirs, ours
        self.text = ""  # all files of the case
        self.files = {}  # the same as trees, by name
        self.output = {}  # what we printed
        self.tail = []  # config and its options

    def key(self):
        """What stays the same while a case shrinks, and groups differences."""
        if self.kind == "data":
            return "data " + generic(self.path)
        text = self.ours if self.kind in ("we-refuse", "crash") else self.theirs
        return self.kind + " " + generic_message(text)

    def __str__(self):
        if self.kind == "data":
            return "data at %s\n  theirs: %s\n  ours:   %s" % (
                ".".join(map(str, self.path)), json.dumps(self.theirs)[:600], json.dumps(self.ours)[:600])
        return "%s\n  theirs: %s\n  ours:   %s" % (self.kind, self.theirs, self.ours)


def generic(path):
    out, named = [], False
    for part in path:
        if isinstance(part, int):
            out.append("[]")
        elif named:
            out.append("*")
        else:
            out.append(part)
        named = part in USER_KEYED and not named
    return ".".join(out)


def generic_message(text):
    text = re.sub(r"/[^ :]*/case", "DIR", text)
    text = re.sub(r"\S+\.ya?ml(:[0-9:]+)?", "FILE", text)
    text = re.sub(r"'[^']*'|\"[^\"]*\"", "'…'", text)
    text = re.sub(r"services\.[A-Za-z0-9_.-]*?\.(?=[a-z_]+)", "services.*.", text)
    text = re.sub(r"\[[0-9]+\]|\.[0-9]+\b", "[]", text)
    return re.sub(r"[0-9]+", "0", text)[:110]


def write(case, directory):
    shutil.rmtree(directory, ignore_errors=True)
    os.makedirs(os.path.join(directory, "sub"))
    for name, tree in case.files.items():
        with open(os.path.join(directory, name), "w", encoding="utf-8") as f:
            f.write(yamltext.document(tree, case.depth))
    for name, lines in case.texts.items():
        with open(os.path.join(directory, name), "w", encoding="utf-8") as f:
            f.write("\n".join(lines) + "\n")


def run(command, directory, env):
    done = subprocess.run(command, cwd=directory, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=120,
                          check=False)
    return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")


def first_error(text):
    lines = [l for l in text.splitlines() if l and "level=warning" not in l]
    for l in lines:
        if "error[" in l or l.startswith("error"):
            return l
    return lines[0] if lines else ""


def data(theirs, ours, path=()):
    """Leaf differences."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for k in sorted(set(theirs) | set(ours)):
            yield from data(theirs.get(k, MISSING), ours.get(k, MISSING), path + (k,))
    elif isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        for i, (a, b) in enumerate(zip(theirs, ours)):
            yield from data(a, b, path + (i,))
    elif type(theirs) is not type(ours) and not (
            isinstance(theirs, (int, float)) and isinstance(ours, (int, float))
            and not isinstance(theirs, bool) and not isinstance(ours, bool)) or theirs != ours:
        yield Difference("data", path, theirs, ours)


class Pair:
    """The two programs; runs cases in a directory of its own."""

    def __init__(self, oracle, ours, directory, cache=None):
        self.oracle, self.ours, self.directory, self.cache = oracle, ours, directory, cache
        self.base = {"PATH": "/usr/bin:/bin", "DOCKER_CONFIG": "/nonexistent", "WCOMPOSE_ROOT": directory + "/../root",
                     "NO_COLOR": "1", "GOMAXPROCS": "1", "GOGC": "off"}

    def ask(self, case, tail, env):
        """The oracle's answer; kept by the case's text when there is a cache, as it never changes."""
        command = [self.oracle] + case.args + tail
        if self.cache is None:
            return run(command, self.directory, env)
        texts = [(n, yamltext.document(t, case.depth)) for n, t in case.files.items()]
        what = json.dumps([texts, case.texts, case.args, case.env, tail], sort_keys=True)
        path = os.path.join(self.cache, hashlib.sha256(what.encode()).hexdigest())
        if os.path.exists(path):
            with open(path, encoding="utf-8") as f:
                rc, out, err = json.load(f)
        else:
            rc, out, err = run(command, self.directory, env)
            out, err = self.hide(out), self.hide(err)
            with open(path + str(os.getpid()), "w", encoding="utf-8") as f:
                json.dump([rc, out, err], f)
            os.rename(path + str(os.getpid()), path)
        return rc, self.unhide(out), self.unhide(err)

    def hide(self, text):
        return text.replace(self.directory, "@DIR@").replace(os.path.dirname(self.directory), "@UP@")

    def unhide(self, text):
        return text.replace("@DIR@", self.directory).replace("@UP@", os.path.dirname(self.directory))

    def compare(self, case):
        """Returns (accepted by both, list of differences)."""
        both, out = self.compare_answers(case)
        if out:
            text = files_text(case)
            for d in out:
                d.text, d.files, d.tail = text, case.files, case.tail
        return both, out

    def ask_both(self, case):
        """(status, output, errors) of both. With -o FILE ours are asked for standard output too:
        the file must hold the same, and nothing else may be printed."""
        write(case, self.directory)
        env = dict(self.base, **case.env)
        tail = case.tail
        if "-o" in tail:
            tail = [word for word in tail if word not in ("-o", "out")]
        theirs = self.ask(case, tail, env)
        ours = run([self.ours] + case.args + tail, self.directory, env)
        if "-o" not in case.tail or ours[0] != 0:
            return theirs, ours
        rc, out, err = run([self.ours] + case.args + case.tail, self.directory, env)
        with open(os.path.join(self.directory, "out"), encoding="utf-8") as f:
            written = f.read()
        return theirs, ours if (rc, out, written) == (0, "", ours[1]) else (-1, "", "-o FILE isn't standard output" + err)

    def compare_answers(self, case):
        (rc1, out1, err1), (rc2, out2, err2) = self.ask_both(case)
        tail = case.tail
        if rc2 < 0 or "Sanitizer" in err2:
            return False, [Difference("crash", theirs=str(rc1), ours=str(rc2) + err2[:3000])]
        if rc1 != 0 and rc2 != 0:
            return False, []
        if modes.is_list(tail):
            if rc1 != rc2:
                return False, []  # which files are refused is what the plain mode is for
            files = files_text(case)
            return True, list(data(modes.answer(out1, tail, files), modes.answer(out2, tail, files), (tail[1],)))
        if rc1 != 0:
            out = Difference("they-refuse", theirs=refusal(err1) or str(rc1), ours="accepted" + warnings(err2))
            out.output = {} if "-q" in tail else modes.project(out2, tail)
            return False, [out]
        if rc2 != 0:
            return False, [Difference("we-refuse", theirs="accepted", ours=first_error(err2))]
        if "-q" in tail:
            return True, [] if out1 == out2 == "" else [Difference("data", ("-q",), out1, out2)]
        printed = modes.project(out2, tail)
        out = list(data(modes.project(out1, tail), printed))
        for d in out:
            d.output = printed
        return True, out


def files_text(case):
    return "\n--- \n".join(yamltext.document(t, case.depth) for t in case.files.values())


def refusal(text):
    """The last line; of a panic its reason and the innermost function of the loader."""
    panic = re.search(r"^panic: .*", text, re.M)
    if panic is None:
        return (text.strip().splitlines() or [""])[-1]
    found = re.search(r"compose-go(?:/v2)?/(\S+?)\((?:0x|\{|\.\.\.|\))", text[panic.end():])
    return panic.group(0)[:200] + " in " + (found.group(1) if found else "?")


def warnings(text):
    return "".join("\n    " + l for l in text.splitlines() if l.startswith("warning") or "warning[" in l)
