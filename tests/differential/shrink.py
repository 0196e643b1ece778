"""Smaller cases with the same difference: leave out what isn't needed, one thing at a time."""

import copy

from yamltext import Anchor, Tag


def children(tree):
    """(container, key) of everything that can be left out, outermost first."""
    if isinstance(tree, (Anchor, Tag)):
        yield from children(tree.value)
    elif isinstance(tree, dict):
        for k in list(tree):
            yield tree, k
        for k in list(tree):
            yield from children(tree[k])
    elif isinstance(tree, list):
        for i in reversed(range(len(tree))):
            yield tree, i
        for item in tree:
            yield from children(item)


def candidates(case):
    """Copies of the case that lack one thing each."""
    for i in range(len(case.args) - 1):
        if case.args[i].startswith("-"):
            out = copy.deepcopy(case)
            del out.args[i:i + 2]
            yield out
    for kind in ("files", "texts", "env"):
        for name in list(getattr(case, kind)):
            out = copy.deepcopy(case)
            del getattr(out, kind)[name]
            yield out
    for name, lines in case.texts.items():
        for i in range(len(lines)):
            out = copy.deepcopy(case)
            del out.texts[name][i]
            yield out
    for name, tree in case.files.items():
        for i in range(sum(1 for _ in children(tree))):
            out = copy.deepcopy(case)
            container, key = list(children(out.files[name]))[i]
            del container[key]
            yield out


def shrink(case, same, tries=1500):
    """same(case) tells whether the difference is still there."""
    progress = True
    while progress and tries > 0:
        progress = False
        for smaller in candidates(case):
            tries -= 1
            if tries <= 0:
                break
            if same(smaller):
                case, progress = smaller, True
                break
    return case
