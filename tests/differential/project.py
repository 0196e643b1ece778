"""What the files of a case say, for rules that are about one attribute of one service.

Values stay YAML text (yamltext.py). Where a name is given by interpolation every name is meant.
"""

import posixpath

from yamltext import Anchor, Tag, strip

BASES = ("base.yaml", "sub/base.yaml")  # only ever extended


def map_of(value):
    value = strip(value)
    return value if isinstance(value, dict) else {}


def section(tree, name):
    return map_of(map_of(tree).get(name))


def included(files):
    """The files that are neither extended nor named on the command line."""
    main = ("compose.yaml", "compose.override.yaml", "over.yaml")
    return [tree for name, tree in files.items() if name not in BASES and name not in main]


def unquoted(text):
    return str(strip(text)).strip("'\"")


def merged(files, name, service):
    """A service's own map, and those that stand under its merge key."""
    services = section(files[name], "services")
    out = [map_of(services.get(service))]
    if "<<" in out[0]:
        out += [map_of(value) for value in services.values() if isinstance(value, Anchor)]
    return out


def extended(files, name, service):
    """(file, service) pairs that a service extends."""
    for own in merged(files, name, service):
        extends = strip(own.get("extends"))
        if extends is None:
            continue
        file, base = name, unquoted(extends)
        if isinstance(extends, dict):
            base = unquoted(extends.get("service", ""))
            file = posixpath.normpath(unquoted(extends.get("file", name)))
        for f, tree in files.items():
            for s in section(tree, "services"):
                if (f == file or "$" in file) and (s == base or "$" in base):
                    yield f, s


def closure(files, pairs):
    seen, left = set(), list(pairs)
    while left:
        pair = left.pop()
        if pair not in seen:
            seen.add(pair)
            left += extended(files, *pair)
    return seen


def definitions(files, service):
    """The maps that a service is made of: those of all files, and of what they extend and merge."""
    pairs = closure(files, [(name, service) for name, tree in files.items()
                            if name not in BASES and service in section(tree, "services")])
    return [own for pair in pairs for own in merged(files, *pair) if own]


def made_of(files, service):
    """The services that a service is a part of, itself among them."""
    return [s for s in services(files) if s == service or any(
        pair[1] == service for pair in closure(files, [(name, s) for name in files if name not in BASES]))]


def services(files):
    return {s for name, tree in files.items() if name not in BASES for s in section(tree, "services")}


def unused(files):
    """(name, map) of the services of extended files that nothing extends."""
    used = closure(files, [(name, s) for name, tree in files.items() if name not in BASES
                           for s in section(tree, "services")])
    return [(s, {key.strip(): value for key, value in map_of(own).items()}) for name in BASES if name in files
            for s, own in section(files[name], "services").items() if (name, s) not in used]


def tagged_beside_merge_key(files, service, attribute):
    """A service has a merge key, and what stands under it a tag at the attribute."""
    return any("<<" in map_of(section(tree, "services").get(service)) and
               any(isinstance(own.get(attribute), Tag) for own in merged(files, name, service))
               for name, tree in files.items())
