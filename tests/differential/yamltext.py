"""YAML text out of plain Python values.

A scalar is a str that holds the YAML spelling itself ("012", "'a b'", "!!str 1"), so that odd
spellings survive; lists and dicts are collections; Anchor, Alias and Tag wrap a value.
"""


class Anchor:
    """&name value"""

    def __init__(self, name, value):
        self.name, self.value = name, value


class Alias(str):
    """*name: a scalar for every other purpose."""

    def __new__(cls, name):
        return super().__new__(cls, "*" + name)


class Tag:
    """!reset or !override in front of a value."""

    def __init__(self, tag, value):
        self.tag, self.value = tag, value


PLAIN = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-")
WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n", "~", ""}


def quote(text, single=False):
    """A string that YAML reads as exactly this text."""
    if single and "\n" not in text and "\t" not in text:
        return "'" + text.replace("'", "''") + "'"
    out = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return '"' + out + '"'


def string(text):
    """As quote, but plain where that can't be read as anything else."""
    first = text[:1]
    if text.lower() in WORDS or not set(text) <= PLAIN or not (first.isalpha() or first in "_/"):
        return quote(text)
    return text


def flow(value):
    """One line."""
    if isinstance(value, Anchor):
        return "&%s %s" % (value.name, flow(value.value))
    if isinstance(value, Tag):
        return "%s %s" % (value.tag, flow(value.value))
    if isinstance(value, dict):
        return "{" + ", ".join("%s: %s" % (k, flow(v)) for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow(v) for v in value) + "]"
    return str(value)


def block(value, indent=0, depth=4):
    """Lines; below `depth` levels everything is flow."""
    pad = "  " * indent
    prefix = ""
    while isinstance(value, (Anchor, Tag)):
        prefix += ("&" + value.name if isinstance(value, Anchor) else value.tag) + " "
        value = value.value
    if not isinstance(value, (dict, list)) or not value or depth == 0:
        return " " + prefix + flow(value) + "\n"
    out = (" " + prefix).rstrip() + "\n"
    if isinstance(value, dict):
        for k, v in value.items():
            out += pad + k + ":" + block(v, indent + 1, depth - 1)
    else:
        for v in value:
            out += pad + "-" + block(v, indent + 1, 0)
    return out


def document(value, depth=4):
    """A whole file."""
    return block(value, 0, depth).lstrip("\n ") if value else "{}\n"


def strip(value):
    """The value without what wraps it."""
    while isinstance(value, (Anchor, Tag)):
        value = value.value
    return value
