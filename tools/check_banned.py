#!/usr/bin/env python3
"""check_banned.py - calls that do not happen here, each with what to use instead.

Exception: NOLINT(banned): reason on the line or the one above.
"""
import re

import source

BANNED = {
    "strcpy": "snprintf or a buffer (base/buf.h)", "strcat": "a buffer (base/buf.h)",
    "strncpy": "snprintf; strncpy may leave text without an end", "strncat": "a buffer (base/buf.h)",
    "stpcpy": "snprintf", "sprintf": "snprintf or wc_buf_printf", "vsprintf": "vsnprintf",
    "strtok": "strchr or strcspn", "strtok_r": "strchr or strcspn",
    "atoi": "wc_str_to_i64", "atol": "wc_str_to_i64", "atoll": "wc_str_to_i64", "atof": "strtod with checks",
    "gets": "getline", "scanf": "getline and a parser",
    "system": "posix_spawn or fork and exec without a shell", "popen": "posix_spawn or fork and exec without a shell",
    "alloca": "an arena", "tmpnam": "mkostemp", "tempnam": "mkostemp", "mktemp": "mkostemp",
    "asctime": "wc_time_rfc3339", "ctime": "wc_time_rfc3339", "gmtime": "gmtime_r", "localtime": "localtime_r",
    "rand": "getrandom", "srand": "getrandom", "setenv": "an environment built for the child",
    "putenv": "an environment built for the child",
}
# Out of memory ends the process in one place (base/alloc.c), so nobody else asks the heap. The static
# helpers do without base/: the keeper and join have no heap at all, the name server checks what it gets.
HEAP = ("malloc", "calloc", "realloc", "strdup", "strndup", "reallocarray")
HEAP_ALLOWED = ("base/alloc.c", "drivers/keeper/dns_")


def check(root):
    complaints = []
    for path in source.files(root, source.ROOMS):
        original = source.read(root, path).splitlines()
        code = source.blank_comments("\n".join(original))
        for number, line in enumerate(code.splitlines(), 1):
            for match in re.finditer(r"(?<![\w.>])(\w+)\s*\(", line):
                name = match.group(1)
                advice = BANNED.get(name)
                if name in HEAP and not path.startswith(HEAP_ALLOWED):
                    advice = "base/alloc.h or an arena"
                if advice and not source.excepted(original, number, "banned"):
                    complaints.append(f"{path}:{number}: {name}() is banned; use {advice}")
    return complaints


PLANTS = [
    ({"base/a.c": "int f(void) { return wc_strcpy(x), s->atoi(x), 0; }\n"}, None),
    ({"base/a.c": "void f(void) { strcpy(a, b); }\n"}, "strcpy() is banned"),
    ({"cli/a.c": "void f(void) { system (\"ls\"); }\n"}, "system() is banned"),
    ({"cli/a.c": "void f(void) { p = malloc(3); }\n"}, "malloc() is banned"),
    ({"base/alloc.c": "void f(void) { p = malloc(3); }\n"}, None),
    ({"base/a.c": "/* sprintf(x) */ const char *s = \"sprintf(x)\";\n"}, None),
    ({"base/a.c": "x = atoi(y); /* NOLINT(banned): checked above */\n"}, None),
]

if __name__ == "__main__":
    source.main("banned", check, PLANTS)
