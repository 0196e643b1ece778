#!/usr/bin/env python3
"""check_pure.py - the pure rooms compile as plain C11, and for another system.

The layer table says which headers a pure file names; the compiler says whether what it calls is there
without POSIX and GNU. So spec/ and orchestrator/core/ are compiled (syntax only) with -std=c11
-pedantic-errors, by $CC or cc, and with --mingw for Windows by MinGW, whose libc has no POSIX at all.

Without the compiler (or libyaml's header, which spec/ reads files with) the check is skipped: status 77.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

import source

PURE = ("spec", "orchestrator/core")
STRICT = ("-std=c11", "-pedantic-errors", "-Wall", "-Wextra", "-Werror", "-fsyntax-only")
# MinGW takes printf's formats for those of Windows' old libc (no %zu); ours go to our own formatter's libc.
MINGW = ("x86_64-w64-mingw32-gcc", ("-Wno-format", "-Wno-format-extra-args"))


def skip(why):
    print(f"SKIP: {why}")
    sys.exit(77)


def compiler_of(argv):
    """The command that compiles: name and options."""
    if "--mingw" in argv:
        if not shutil.which(MINGW[0]):
            skip(f"{MINGW[0]} is not installed (package gcc-mingw-w64-x86-64-win32; scripts/setup.sh --lint)")
        return (MINGW[0],) + MINGW[1]
    name = os.environ.get("CC") or "cc"
    if not shutil.which(name):
        skip(f"the compiler {name} is not installed")
    return (name,)


def yaml_header():
    """Where libyaml's header is; a cross compiler doesn't look there."""
    done = subprocess.run(["pkg-config", "--variable=includedir", "yaml-0.1"], capture_output=True, text=True)
    for folder in (done.stdout.strip(), "/usr/include"):
        path = os.path.join(folder, "yaml.h")
        if folder and os.path.exists(path):
            return path
    return skip("yaml.h is not installed (package libyaml-dev)")


def check(root):
    paths = source.files(root, PURE, (".c",))
    if not paths:
        return []
    command = compiler_of(sys.argv)
    with tempfile.TemporaryDirectory() as headers:
        os.symlink(yaml_header(), os.path.join(headers, "yaml.h"))
        done = subprocess.run([*command, *STRICT, "-I.", "-Iinclude", "-isystem", headers, *paths], cwd=root,
                              capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"})
    if done.returncode == 0:
        return []
    wrong = [line for line in done.stderr.splitlines() if re.search(r": (fatal )?error: ", line)]
    return [f"{line} (by {command[0]} {' '.join(STRICT[:2])})" for line in wrong] or [done.stderr.strip()]


PLANTS = [
    ({"spec/a.c": "int wc_a(void);\nint wc_a(void)\n{\n    return 0;\n}\n"}, None),
    ({"cli/a.c": "int a = __builtin_bogus();\n"}, None),
    ({"spec/a.c": "int wc_a(int x)\n{\n    return ({ x; });\n}\n"}, "spec/a.c:3"),
    ({"orchestrator/core/a.c": "#include <stdio.h>\nint wc_a(FILE *f)\n{\n    return fileno(f);\n}\n"}, "fileno"),
    ({"spec/a.c": "#include <string.h>\nchar *wc_a(const char *s)\n{\n    return strdup(s);\n}\n"}, "strdup"),
]

if __name__ == "__main__":
    source.main("pure", check, PLANTS)
