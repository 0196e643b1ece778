#!/usr/bin/env python3
"""write_cli_docs.py BINARY - prints docs/cli.md: the help of every command, which is the table of commands.

    tools/write_cli_docs.py build/release/wcompose > docs/cli.md
"""
import re
import subprocess
import sys


def help_of(binary, *words):
    return subprocess.run([binary, *words, "--help"], check=True, capture_output=True, text=True).stdout


def document(binary):
    top = help_of(binary)
    parts = ["# The command line\n",
             "Made from the table in `cli/verbs.c` by `tools/write_cli_docs.py`; an end-to-end case fails when it is not "
             "current. Exit codes: `exit-codes.md`.\n", f"```\n{top}```\n"]
    for name in re.findall(r"^  ((?:image |generate |vm kernel )?[a-z]+)  +\S", top.split("\nOptions\n")[0], flags=re.M):
        parts.append(f"## {name}\n\n```\n{help_of(binary, *name.split())}```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    print(document(sys.argv[1]), end="")
