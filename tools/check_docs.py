#!/usr/bin/env python3
"""check_docs.py - include/ is the manual: every header opens with its idea, and every function, struct,
union, enum and function-like macro has a comment above it. Declarations that follow each other without a
blank line share the comment of the first.
"""
import re

import source

KINDS = {"prototype": "function", "function": "function", "struct": "struct", "union": "union", "enum": "enum",
         "macro": "macro"}


def comment_above(lines, number):
    """True when the block of lines that line `number` (1-based) belongs to begins below a comment."""
    at = number - 2
    while at >= 0 and lines[at].strip() != "":
        if lines[at].rstrip().endswith("*/") and not re.match(r"\s*\S.*;\s*/\*", lines[at]):
            return True
        at -= 1
    return False


def check(root):
    complaints = []
    headers = source.files(root, ("include",), (".h",))
    for path in headers:
        if not source.read(root, path).startswith("/* "):
            complaints.append(f"{path}:1: does not open with its idea")
    for tag in source.ctags(root, headers, "pfsugd"):
        lines = source.read(root, tag["path"]).splitlines()
        line = lines[tag["line"] - 1]
        if tag["kind"] not in KINDS or (tag["kind"] == "macro" and "(" not in tag["signature"]):
            continue
        if line.startswith((" ", "\t")):  # a member of something that is documented itself
            continue
        if not comment_above(lines, tag["line"]) and not source.excepted(lines, tag["line"], "docs"):
            complaints.append(f"{tag['path']}:{tag['line']}: {KINDS[tag['kind']]} {tag['name']} has no comment")
    return complaints


HEAD = "/* x.h - idea. */\n#ifndef X\n#define X\n\n"
PLANTS = [
    ({"include/wcompose/x.h": HEAD + "/* Does. */\nint wc_a(void);\nint wc_b(int x,\n         int y);\n#endif\n"}, None),
    ({"include/wcompose/x.h": HEAD + "/* Does. */\nint wc_a(void);\n\nint wc_b(void);\n"}, "function wc_b has no comment"),
    ({"include/wcompose/x.h": HEAD + "struct wc_s {\n    int a; /* why */\n};\n"}, "struct wc_s has no comment"),
    ({"include/wcompose/x.h": HEAD + "enum wc_e { WC_E_A }; /* here */\n"}, "enum wc_e has no comment"),
    ({"include/wcompose/x.h": HEAD + "struct wc_fwd;\n\n/* Holds. */\nstruct wc_s {\n    struct wc_fwd *f;\n};\n"}, None),
    ({"include/wcompose/x.h": "#ifndef X\n"}, "does not open with its idea"),
]

if __name__ == "__main__":
    source.main("docs", check, PLANTS)
