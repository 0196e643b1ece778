#!/usr/bin/env python3
"""check.py BINARY GOLDEN_DIR - holds `wcompose schema` against the golden cases.

It must be a schema, accept every file that loads (as written, and in canonical form), and refuse every file that has an unknown key
or a value of the wrong type.
"""
import json
import os
import re
import subprocess
import sys

try:
    import yaml
    from jsonschema import Draft202012Validator
except ImportError as missing:
    print(f"skipped: {missing.name} is not installed (apt-get install python3-jsonschema python3-yaml)")
    sys.exit(77)

# What JSON Schema can't see: a misspelt x-wcompose is somebody else's extension to it, all keys of a map are text to it, and a service
# with nothing in it may be filled by another file, which may also be the one with the mistake; text may be a template, whatever it
# becomes.
UNSEEN = {"own_extension_bad", "yaml_keys", "names_bad", "extends_error_in_the_other_file", "include_error_inside",
          "consistency_image_or_build", "interpolation_cast_of_empty", "interpolation_casts_bad"}
# What the schema asks a value for, since null only means something over another file or an extended service.
STRICTER = {"extends_null_clears_a_command", "merge_null_keeps"}


class Reader(yaml.SafeLoader):
    """YAML as wcompose resolves it: no yes and no, no sixties, 012 is a number."""

    yaml_implicit_resolvers = {}


def number(loader, node):
    text = loader.construct_scalar(node).replace("_", "")
    return float(text) if re.search(r"[.eE]", text) and not text.startswith("0x") else int(re.sub(r"^([+-]?)0+(?=\d)", r"\1", text), 0)


Reader.add_constructor("!number", number)
Reader.add_constructor("!reset", lambda loader, node: RESET)
for kind, pattern, first in (("tag:yaml.org,2002:null", r"^(~|null|Null|NULL|)$", list("~nN") + [""]),
                             ("tag:yaml.org,2002:bool", r"^(true|True|TRUE|false|False|FALSE)$", list("tTfF")),
                             ("!number", r"^[+-]?(0x[0-9a-fA-F]+|[0-9][0-9_]*|[0-9]*\.[0-9]+|[0-9]+\.?[0-9]*([eE][+-]?[0-9]+)?)$", list("+-.0123456789")),
                             ("tag:yaml.org,2002:merge", r"^<<$", ["<"])):
    Reader.add_implicit_resolver(kind, re.compile(pattern), first)
RESET = object()


def override(loader, node):
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    return loader.construct_sequence(node, deep=True) if isinstance(node, yaml.SequenceNode) else loader.construct_scalar(node)


Reader.add_constructor("!override", override)
Reader.add_multi_constructor("!", lambda loader, suffix, node: override(loader, node))


def without_resets(value):
    if isinstance(value, dict):
        return {key: without_resets(inner) for key, inner in value.items() if inner is not RESET}
    return [without_resets(inner) for inner in value if inner is not RESET] if isinstance(value, list) else value


def documents(path):
    """What another reader of YAML makes of a file; none when it can't (anchors of the document before)."""
    try:
        with open(path, encoding="utf-8") as file:
            return [without_resets(document) for document in yaml.load_all(file, Reader)]
    except (yaml.YAMLError, ValueError):
        return []


def written(case):
    args = os.path.join(case, "args")
    names = re.findall(r"^file (.*)$", open(args, encoding="utf-8").read(), re.M) if os.path.exists(args) else []
    return [os.path.join(case, name) for name in names or ["compose.yaml"] if os.path.exists(os.path.join(case, name))]


def main(binary, golden):
    schema = json.loads(subprocess.run([binary, "schema"], check=True, capture_output=True, text=True).stdout)
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    wrong, accepted, refused = [], 0, 0
    for name in sorted(os.listdir(golden)):
        case = os.path.join(golden, name)
        loads = os.path.exists(os.path.join(case, "expected.json"))
        messages = open(os.path.join(case, "expected.txt"), encoding="utf-8", errors="replace").read() if os.path.exists(os.path.join(case, "expected.txt")) else ""
        if loads:
            values = [json.load(open(os.path.join(case, "expected.json"), encoding="utf-8"))]
            values += [document for path in written(case) for document in documents(path)]
            for value in values:
                error = next(validator.iter_errors(value), None)
                accepted += 1
                if error is not None and name not in STRICTER:
                    wrong.append(f"{name}: refused: {error.json_path}: {error.message[:200]}")
        elif re.search(r"error\[E10[01]\]", messages) and "E104" not in messages and name not in UNSEEN:
            values = [document for path in written(case) for document in documents(path)]
            refused += 1
            if values and all(validator.is_valid(value) for value in values):
                wrong.append(f"{name}: accepted, but it doesn't load")
    print("\n".join(wrong))
    print(f"{accepted} documents accepted, {refused} files refused, {len(wrong)} wrong")
    return 1 if wrong or accepted < 100 or refused < 20 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
