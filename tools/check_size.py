#!/usr/bin/env python3
"""check_size.py - the limits of style.md section 8: functions of at most 70 lines and 6 parameters, .c files
of 500 lines (tests 800), headers of 250, lines of 100 columns.

Exceptions: NOLINT(lines): reason above the function, NOLINT(params), NOLINT(columns) on the line,
NOLINT(file): reason within the first 30 lines of the file.
"""
import source

FUNCTION_LINES, PARAMETERS, COLUMNS = 70, 6, 100
FILE_LINES, TEST_LINES, HEADER_LINES = 500, 800, 250


def count_parameters(signature):
    inside = signature.strip()[1:-1].strip()
    if inside in ("", "void"):
        return 0
    depth = commas = 0
    for c in inside:
        depth += (c == "(") - (c == ")")
        commas += c == "," and depth == 0
    return commas + 1


def file_limit(path):
    if path.startswith(("tests/", "bench/")):  # headers there are code that cases share
        return TEST_LINES
    return HEADER_LINES if path.endswith(".h") else FILE_LINES


def check_file(path, lines):
    complaints = []
    head = lines[:30]
    if len(lines) > file_limit(path) and not any(source.excepted(head, n, "file") for n in range(1, len(head) + 1)):
        complaints.append(f"{path}: {len(lines)} lines, at most {file_limit(path)}")
    for number, line in enumerate(lines, 1):
        if len(line.expandtabs(8)) > COLUMNS and not source.excepted(lines, number, "columns"):
            complaints.append(f"{path}:{number}: {len(line)} columns, at most {COLUMNS}")
    return complaints


def check(root):
    texts = {path: source.read(root, path).splitlines() for path in source.files(root)}
    complaints = []
    for path, lines in texts.items():
        complaints += check_file(path, lines)
    for tag in source.ctags(root, texts, "f"):
        lines, size = texts[tag["path"]], tag["end"] - tag["line"] + 1
        place = f"{tag['path']}:{tag['line']}: {tag['name']}"
        if size > FUNCTION_LINES and not source.excepted(lines, tag["line"], "lines"):
            complaints.append(f"{place} has {size} lines, at most {FUNCTION_LINES}")
        n = count_parameters(tag["signature"])
        if n > PARAMETERS and not source.excepted(lines, tag["line"], "params"):
            complaints.append(f"{place} has {n} parameters, at most {PARAMETERS}")
    return complaints


def function(lines, parameters="void", above=""):
    return above + f"static int f({parameters})\n{{\n" + "    x();\n" * (lines - 3) + "}\n"


PLANTS = [
    ({"base/a.c": function(70)}, None),
    ({"base/a.c": function(71)}, "f has 71 lines"),
    ({"base/a.c": function(71, above="/* NOLINT(lines): one table of cases */\n")}, None),
    ({"base/a.c": function(71, above="/* NOLINT(lines): */\n")}, "f has 71 lines"),
    ({"base/a.c": function(5, "int a, int b, int c, int d, int e, int g, int h")}, "7 parameters"),
    ({"base/a.c": function(5, "int a, void (*f)(int, int), int c, int d, int e, int g")}, None),
    ({"base/a.c": "\n" * 501}, "501 lines, at most 500"),
    ({"tests/unit/a.c": "\n" * 501}, None),
    ({"base/a.h": "\n" * 251}, "251 lines, at most 250"),
    ({"base/a.c": "/* " + "x" * 100 + " */\n"}, "106 columns"),
]

if __name__ == "__main__":
    source.main("size", check, PLANTS)
