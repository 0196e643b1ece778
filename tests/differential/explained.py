"""Differences that are meant. Each rule has the name of its entry in docs/compose-differences.md
and a test over one difference (compare.Difference)."""

import re


def ours(pattern):
    """We refuse, with a message like this."""
    expression = re.compile(pattern)
    return lambda d: d.kind == "we-refuse" and expression.search(d.ours) is not None


def theirs(pattern):
    """They refuse, with a message like this."""
    expression = re.compile(pattern)
    return lambda d: d.kind == "they-refuse" and expression.search(d.theirs) is not None


def at(pattern, test=lambda theirs, ours: True):
    """A value differs at a path (names and numbers joined by dots) in a way that `test` knows."""
    expression = re.compile(pattern)
    return lambda d: d.kind == "data" and expression.search(".".join(map(str, d.path))) and test(d.theirs, d.ours)


RULES = [
]


def explain(difference):
    """Name of the rule that explains a difference, or None."""
    for name, test in RULES:
        if test(difference):
            return name
    return None
