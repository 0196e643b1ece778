#!/usr/bin/env python3
"""check_layers.py - the layer table as a test.

Reads every #include. Complains about an include that the table forbids, a third-party header outside
its wall, a header nobody listed, a pure file that reaches uv.h through any chain of includes, and a
cycle of modules (a module is x.c with x.h).
"""
import re

import source

# What a folder's files may include, by folder; the longest matching prefix rules.
MAY = {
    "base": ("base", "include"),
    "include": ("include",),
    "spec": ("spec", "base", "include"),
    "images": ("images", "base", "include"),
    "drivers": ("drivers", "base", "include"),
    "orchestrator/core": ("orchestrator/core", "base", "include"),
    "lib": ("lib", "base", "include"),
    "orchestrator": ("orchestrator", "base", "include"),
    "cli": ("cli", "base", "include"),
    "tests": None,  # everything
    "bench": None,
}

# Folders (or single files) from which uv.h must not be reached, nor any of IMPURE be included.
PURE = ("spec", "orchestrator/core", "base", "lib")
IMPURE = {
    "orchestrator/core": ("time.h", "unistd.h", "fcntl.h", "dirent.h", "pthread.h", "poll.h", "signal.h",
                          "sys/", "netinet/", "arpa/", "net/", "linux/"),
}

# Third-party headers and the folders that may name them.
WALLS = {
    "yaml.h": ("spec",),
    "sanitizer/asan_interface.h": ("base",),
    "archive.h": ("images",),
    "archive_entry.h": ("images",),
    "zlib.h": ("images",),
    "zstd.h": ("images",),
    "isa-l.h": ("images",),
    "curl/": ("images", "drivers", "orchestrator/gitops"),
    "cjson/": ("base",),
    "cJSON.h": ("base",),
    "openssl/": ("base",),
    "regex.h": ("base",),
    "uv.h": ("orchestrator", "drivers", "images", "include", "cli"),
    "nftables/": ("drivers/net",),
    "seccomp.h": ("drivers/process",),
    "cmocka.h": ("tests",),
}

LIBC = re.compile(
    r"^(assert|ctype|dirent|dlfcn|elf|endian|err|errno|fcntl|fnmatch|getopt|glob|grp|inttypes|limits|link|locale|malloc|"
    r"math|mntent|netdb|poll|pthread|pty|pwd|sched|search|semaphore|setjmp|signal|spawn|stdarg|stdatomic|stdbool|"
    r"stddef|stdint|stdio|stdlib|stdnoreturn|string|strings|syslog|termios|threads|time|unistd|utmp|wchar|wctype)"
    r"\.h$|^(sys|linux|net|netinet|arpa|asm|asm-generic|netpacket)/[a-z0-9_./-]+\.h$")


def folder_in(path, folders):
    return any(path == f or path.startswith(f + "/") for f in folders)


def rule_for(path):
    fitting = [f for f in MAY if folder_in(path, (f,))]
    return max(fitting, key=len) if fitting else None


def wall_for(header):
    for key in WALLS:
        if header == key or (key.endswith("/") and header.startswith(key)):
            return key
    return None


def resolve(header, path, known):
    """The file of ours that an include names, or None."""
    here = path.rsplit("/", 1)[0]
    for candidate in (header, "include/" + header, f"{here}/{header}", "tests/" + header):
        if candidate in known:
            return candidate
    return None


def includes(root, path):
    text = source.blank_comments(source.read(root, path), strings=False)
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^">]+)[">]', line)
        if match:
            yield number, match.group(2)


def check_one(path, number, header, target):
    """Complaints about one include."""
    place = f"{path}:{number}"
    rule = rule_for(path)
    allowed = MAY[rule]
    if target is not None:
        if allowed is not None and not folder_in(target, allowed):
            return [f"{place}: {rule}/ may not include {target}"]
        return []
    wall = wall_for(header)
    if wall is not None:
        return [] if folder_in(path, WALLS[wall] + ("tests", "bench")) else \
            [f"{place}: <{header}> is walled in to {', '.join(WALLS[wall])}"]
    if allowed is None:
        return []
    if not LIBC.match(header):
        return [f"{place}: <{header}> is neither ours, libc's nor in the table of third-party headers"]
    for pure, banned in IMPURE.items():
        if folder_in(path, (pure,)) and any(header == b or (b.endswith("/") and header.startswith(b)) for b in banned):
            return [f"{place}: {pure}/ is pure and may not include <{header}>"]
    return []


def reach_uv(graph, uses_uv):
    """For every file that reaches uv.h: the next step of a chain to it."""
    step = {path: "uv.h" for path in uses_uv}
    changed = True
    while changed:
        changed = False
        for path, targets in graph.items():
            for target in targets:
                if path not in step and target in step:
                    step[path] = target
                    changed = True
    return step


def module(path):
    return path.rsplit(".", 1)[0]


def cycles(graph):
    """One cycle per strongly connected set of modules, as lists of modules."""
    edges = {}
    for path, targets in graph.items():
        edges.setdefault(module(path), set()).update(module(t) for t in targets if module(t) != module(path))
    found, state, trail = [], {}, []

    def visit(node):
        state[node] = "open"
        trail.append(node)
        for following in sorted(edges.get(node, ())):
            if state.get(following) == "open":
                found.append(trail[trail.index(following):] + [following])
            elif following not in state:
                visit(following)
        trail.pop()
        state[node] = "closed"

    for node in sorted(edges):
        if node not in state:
            visit(node)
    return found


def check(root):
    paths = source.files(root)
    known = set(source.files(root, source.ALL + ("examples", "docs")))
    graph, uses_uv, complaints = {}, set(), []
    for path in paths:
        graph[path] = set()
        for number, header in includes(root, path):
            target = resolve(header, path, known)
            if target is not None:
                graph[path].add(target)
            if header == "uv.h":
                uses_uv.add(path)
            complaints += check_one(path, number, header, target)
    step = reach_uv(graph, uses_uv)
    for path in paths:
        if path in step and folder_in(path, PURE):
            chain, at = [path], path
            while at != "uv.h":
                at = step[at]
                chain.append(at)
            complaints.append(f"{path}: pure, but reaches uv.h: {' -> '.join(chain)}")
    complaints += [f"include cycle: {' -> '.join(c)}" for c in cycles(graph)]
    return complaints


PLANTS = [
    ({"base/a.c": '#include "base/a.h"\n#include <string.h>\n', "base/a.h": ""}, None),
    ({"spec/a.c": '#include "images/b.h"\n', "images/b.h": ""}, "spec/ may not include images/b.h"),
    ({"base/a.c": '#include "spec/b.h"\n', "spec/b.h": ""}, "base/ may not include spec/b.h"),
    ({"cli/a.c": '#include "drivers/net/b.h"\n', "drivers/net/b.h": ""}, "cli/ may not include drivers/net/b.h"),
    ({"cli/a.c": '#include "tests/b.h"\n', "tests/b.h": ""}, "cli/ may not include tests/b.h"),
    ({"orchestrator/core/a.c": '#include "orchestrator/b.h"\n', "orchestrator/b.h": ""},
     "orchestrator/core/ may not include orchestrator/b.h"),
    ({"cli/a.c": "#include <yaml.h>\n"}, "<yaml.h> is walled in to spec"),
    ({"drivers/process/a.c": "#include <nftables/libnftables.h>\n"}, "walled in to drivers/net"),
    ({"cli/a.c": "#include <ncurses.h>\n"}, "neither ours, libc's nor"),
    ({"orchestrator/core/a.c": "#include <time.h>\n"}, "may not include <time.h>"),
    ({"orchestrator/core/a.c": '#include "wcompose/x.h"\n', "include/wcompose/x.h": '#include "wcompose/y.h"\n',
      "include/wcompose/y.h": "#include <uv.h>\n"}, "reaches uv.h: orchestrator/core/a.c -> include/wcompose/x.h"),
    ({"spec/a.h": '#include "spec/b.h"\n', "spec/b.c": '#include "spec/a.h"\n', "spec/b.h": ""}, "include cycle: spec/a -> spec/b -> spec/a"),
    ({"spec/a.c": '/* #include "images/b.h" */\n', "images/b.h": ""}, None),
]

if __name__ == "__main__":
    source.main("layers", check, PLANTS)
