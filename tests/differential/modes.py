"""What is asked of both tools with --options: the options of config, alone and together, and how
each answer is compared. A mode is the words behind the project's options, by the seed."""

import json
import random
import re

import yaml

from yamltext import Anchor, Tag

LISTS = ["--services", "--volumes", "--networks", "--images", "--profiles", "--environment", "--models"]
CHANGES = ["--no-interpolate", "--no-normalize", "--no-path-resolution", "--no-consistency", "--no-env-resolution"]


def plain(tree):
    return plain(tree.value) if isinstance(tree, (Anchor, Tag)) else tree


def services(case):
    """Names of the main file's services."""
    found = plain(plain(case.files.get("compose.yaml", {})).get("services", {}))
    return [name for name in found if isinstance(name, str)] if isinstance(found, dict) else []


def choose(case, seed):
    """The words for a case: mostly the project with some changes."""
    r = random.Random("mode %d" % seed)
    names = services(case)
    some = r.sample(names, min(len(names), r.choice([1, 1, 2]))) if r.random() < 0.2 else []
    changes = r.sample(CHANGES, r.choice([1, 1, 2, 3]))
    kind = r.random()
    if kind < 0.55:
        return ["config", "--format", r.choice(["json", "json", "yaml"])] + changes + some
    if kind < 0.8:
        return ["config", r.choice(LISTS)] + r.choice([[], [], changes]) + some
    if kind < 0.85:
        return ["config", "--hash", "*"]
    if kind < 0.92:
        return ["config", "--variables"] + r.choice([[], ["--format", "json"], ["--format", "yaml"]])
    if kind < 0.96:
        return ["config", "-q"] + r.choice([[], changes])
    return ["config", "--format", "json", "-o", "out"] + r.choice([[], changes]) + some


def is_list(tail):
    return any(option in tail for option in LISTS + ["--hash", "--variables"])


def lines(text):
    """Sorted: docker compose prints some lists in a random order."""
    return sorted(text.splitlines())


def hashes(text):
    """Names; what the hash is, is each tool's own. None: a line of another form."""
    found = [re.fullmatch(r"(\S+) [0-9a-f]{64}", line) for line in text.splitlines()]
    return None if None in found else [f.group(1) for f in found]


def variables(text, tail):
    """name -> (required, default, alternate)"""
    if "json" in tail:
        return {k: (v["Required"], v["DefaultValue"], v["PresenceValue"]) for k, v in json.loads(text).items()}
    if "yaml" in tail:
        return {k: (v["required"], v["defaultvalue"], v["presencevalue"]) for k, v in yaml.safe_load(text).items()}
    head = text.splitlines()[0]
    cuts = [head.index(word) for word in ("NAME", "REQUIRED", "DEFAULT VALUE", "ALTERNATE VALUE")] + [None]
    out = {}
    for line in text.splitlines()[1:]:
        name, required, default, alternate = (line[a:b].strip() for a, b in zip(cuts, cuts[1:]))
        out[name] = (required == "true", default, alternate)
    return out


def several(name, files):
    """A name that stands at several places: which default docker compose prints is chance."""
    return len(re.findall(r"\$\{?" + name + r"(?![A-Za-z0-9_])", files)) != 1


def answer(text, tail, files):
    """What is compared of a list."""
    if "--hash" in tail:
        return hashes(text)
    if "--variables" in tail:
        return {k: None if several(k, files) else v for k, v in variables(text, tail).items()}
    return lines(text)


def project(text, tail):
    """The project as data."""
    return yaml.load(text, yaml.CSafeLoader) if "yaml" in tail else json.loads(text)
