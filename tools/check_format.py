#!/usr/bin/env python3
"""check_format.py - every C file is as clang-format writes it (.clang-format of the repository)."""
import os
import re
import shutil
import subprocess
import sys

import source

STYLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".clang-format")


def check(root):
    paths = source.files(root)
    if not paths:
        return []
    result = subprocess.run(["clang-format", "--dry-run", f"--style=file:{STYLE}"] + paths,
                            cwd=root, capture_output=True, text=True, check=False)
    found = re.findall(r"^(\S+?):(\d+):\d+: \w+: ", result.stderr, flags=re.M)
    first = {}
    for path, line in found:
        first.setdefault(path, line)
    return [f"{path}:{line}: is not as clang-format writes it" for path, line in sorted(first.items())]


PLANTS = [
    ({"base/a.c": "int f(void)\n{\n    return 0;\n}\n"}, None),
    ({"base/a.c": "int f( void ) { return 0; }\n"}, "base/a.c:1"),
]

if __name__ == "__main__":
    if shutil.which("clang-format") is None:
        print("SKIP: clang-format is not installed")
        sys.exit(77)
    source.main("format", check, PLANTS)
