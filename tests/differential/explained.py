"""Differences that are meant. Each rule has the name of its entry in docs/compose-differences.md
and a test over one difference (compare.Difference)."""

import re


def ours(pattern, files=""):
    """We refuse, with a message like this, files in which the other pattern is found."""
    expression, inside = re.compile(pattern), re.compile(files)
    return lambda d: d.kind == "we-refuse" and expression.search(d.ours) and inside.search(d.text)


def theirs(pattern, files=""):
    """They refuse, with a message like this, files in which the other pattern is found."""
    expression, inside = re.compile(pattern), re.compile(files)
    return lambda d: d.kind == "they-refuse" and expression.search(d.theirs) and inside.search(d.text)


def at(pattern, test=lambda theirs, ours: True):
    """A value differs at a path (names and numbers joined by dots) in a way that `test` knows."""
    expression = re.compile(pattern)
    return lambda d: d.kind == "data" and expression.search(".".join(map(str, d.path))) and test(d.theirs, d.ours)


def close(theirs_value, ours_value):
    """The same 32-bit float."""
    return isinstance(theirs_value, (int, float)) and isinstance(ours_value, (int, float)) and \
        abs(theirs_value - ours_value) <= 1e-6 * abs(ours_value)


def replaced(d):
    """A value that is wrong in a file over which another one is laid, both having the attribute."""
    found = d.kind == "we-refuse" and re.search(
        r"(a quote is opened here and never closed|no shell reads this command)|"
        r"services\.\S+?\.([a-z_]+) takes (a size|a duration|a map, or a list of KEY=value, not a whole)", d.ours)
    if not found or "\n--- " not in d.text:
        return False
    attribute = found.group(2) or "(command|entrypoint)"
    return len(re.findall(attribute + ":", d.text)) > 1


def folded_ports(theirs_list, ours_list):
    """The last of equal ones stays."""
    kept = {}
    for port in theirs_list:
        kept[tuple(str(port.get(k)) for k in ("host_ip", "target", "published", "protocol"))] = port
    return sorted(map(str, map(sorted_items, kept.values()))) == sorted(map(str, map(sorted_items, ours_list)))


def subnets(d):
    """In several files: ours has all of theirs and more."""
    if d.kind != "data" or d.path[0] != "networks" or d.path[2:] != ("ipam", "config") or "\n--- " not in d.text:
        return False
    mine = [pool.get("subnet") for pool in d.ours]
    return len(mine) > len(d.theirs) and all(pool.get("subnet") in mine for pool in d.theirs)


def sorted_items(mapping):
    return sorted(mapping.items())


def twins_left_out(d):
    """Their complaint is about a section in which our output has no such value."""
    found = d.kind == "they-refuse" and re.search(
        r"can't set distinct values on '([a-z_]+)' and 'deploy\.resources\.([a-z.]+)'", d.theirs)
    if not found:
        return False
    key, path = found.group(1), found.group(2).split(".")
    for service in d.output.get("services", {}).values():
        value = service.get("deploy", {}).get("resources", {})
        for part in path[:-1]:
            value = value.get(part) or {}
        if key in service and value and path[-1] not in value:
            return True
    return False


def dependency_off(d):
    """We leave out what isn't required and isn't there."""
    if d.kind != "data" or d.ours != "(missing)" or len(d.path) < 3 or d.path[2] != "depends_on":
        return False
    gone = d.theirs if len(d.path) == 3 else {d.path[3]: d.theirs}
    return len(d.path) <= 4 and all(name not in d.output["services"] and entry.get("required") is False
                                    for name, entry in gone.items())


RULES = [
    ("one-word-names", ours(r"is not one word")),
    ("one-target-one-mount", ours(r"has two mounts on")),
    ("absolute-targets", ours(r"the target of a mount is an absolute path|volume '::' is not of the form")),
    ("no-shell", ours(r"no shell reads this command")),
    ("known-limits", ours(r"no limit is called")),
    ("soft-below-hard", ours(r"the soft limit of '.*' is above the hard one")),
    ("known-words", ours(r"(stop_signal|restart|pull_policy|ports\[\d+\]\.(mode|protocol)|cgroup|deploy\.mode|"
                         r"endpoint_mode|failure_action) can't be|"
                         r"port '.*': the protocol is tcp, udp or sctp, not|"
                         r"unknown isolation")),
    ("known-mount-options", ours(r"volume '.*': unknown option")),
    ("port-range", ours(r"(container|host)'s port must be")),
    ("exposed-ports", ours(r"takes a port of 1 to 65535, not")),
    ("real-addresses", ours(r"takes an? (IPv4|IPv6|MAC) address")),
    ("device-permissions", ours(r"device permissions are of")),
    ("whole-sizes", ours(r"takes a (size|whole number|percentage)(, 0 to 100| such as 512m)?(, or -1)?, "
                         r"not (a number with a fraction|'[-+]?[0-9]*\.[0-9]*'|'[0-9]+[eE][0-9]+')$")),
    ("positive-durations", ours(r"takes a duration, not '-")),
    ("number-ranges", ours(r"blkio_config.*takes a size, not '-|can't be negative|must be between|is -1 \(no limit\) or more")),
    ("repeats-are-folded", theirs(r"items at \d+ and \d+ are equal")),
    ("repeats-are-folded", at(r"^services\..*\.ports$", lambda a, b: isinstance(a, list) and isinstance(b, list)
                              and len(b) < len(a) and folded_ports(a, b))),
    ("null-keeps", theirs(r"over(ride)?\.yaml: services\.[^ ]*\.[a-z_]+ must be an? "
                          r"(array|mapping|string|boolean|number)$")),
    ("hosts-have-addresses", ours(r"an extra host is 'name=address', not '[^'=:]+[=:]'$")),
    ("every-value-is-checked", replaced),
    ("cpu-durations", theirs(r"cpu_rt_(period|runtime): failed to cast to expected type: strconv.ParseInt")),
    ("included-config", theirs(r"^configs\.\S+: file\|environment\|content attributes are mutually exclusive",
                               r"(?s)(?=.*\ninclude:|^include:)(?=.*environment: \"?SECRET)")),
    ("values-as-text", theirs(r"validating \S+: services\.\S+\.depends_on\.\S+\.required must be a boolean$|"
                              r"develop\.watch\.\d+\.initial_sync must be a boolean$|"
                              r"blkio_config\.weight(_device\[\d+\].Weight)?' expected type 'uint16', got unconvertible type 'string'|"
                              r"build\.ulimits\.[a-z]+: invalid type string for external", r"\$")),
    ("whole-floats", theirs(r"ulimits\.[a-z]+: invalid type float64 for external$")),
    ("include-conflicts-merge", theirs(r"^(services|networks|volumes|configs|secrets|models)\.\S+ conflicts with "
                                       r"imported resource$", r"include:")),
    ("tags-beside-merge-keys", ours(r"service '.*' needs an image", r"(?s)(?=.*<<:)(?=.*image: !reset)")),
    ("repeats-are-folded", at(r"\.(constraints|preferences)$",
                              lambda a, b: isinstance(a, list) and b == [x for i, x in enumerate(a) if x not in a[:i]])),
    ("subnets-are-appended", subnets),
    ("provider-network", theirs(r"refers to undefined network default", r"provider:")),
    ("ssh-paths-in-json", theirs(r"error calling MarshalJSON for type types\.SSHKey")),
    ("condition-default", theirs(r"depends_on\.\S+ missing property 'condition'")),
    ("twins-left-out", twins_left_out),
    ("crashes", theirs(r"^panic: interface conversion: interface \{\} is (string|float64), not int in "
                       r"types\.\(\*UlimitsConfig\)\.DecodeMapstructure$", r"ulimits:")),
    ("drive-relative-paths", ours(r"volume '[A-Za-z]:[^\\/].* is not of the form")),
    ("blkio-keys", at(r"\.blkio_config\.[a-z_]+\.\d+\.([Pp]ath|[Rr]ate|[Ww]eight)$")),
    ("watch-exec", at(r"\.develop\.watch\.\d+\.exec$", lambda a, b: a == {"command": None})),
    ("no-interpolate", at(r"\.(ports|devices|volumes)\.\d+", lambda a, b: "${" in str(a) + str(b))),
    ("dollar-in-keys", at(r"\$", lambda a, b: "(missing)" in (a, b))),
    ("x-keys-of-users", at(r"\.(#extensions|x-[^.]*)$", lambda a, b: "(missing)" in (a, b))),
    ("models-in-json", at(r"^models$", lambda a, b: a == "(missing)")),
    ("cpu-percent-fraction", theirs(r"cpu_percent must be a string")),
    ("minus-one-as-text", theirs(r"invalid size: '-1'")),
    ("dates-are-strings", theirs(r"invalid jsonType time\.Time")),
    ("infinity-is-text", at(r"", lambda a, b: a in ("+Inf", "-Inf", "NaN"))),
    ("empty-list-in-extension", at(r"^x-", lambda a, b: a is None and b == [])),
    ("create-host-path-false", at(r"bind\.create_host_path$", lambda a, b: a == "(missing)" and b is False)),
    ("zero-limit", at(r"ulimits\.[a-z]+(\.(soft|hard))?$", lambda a, b: a in ({}, "(missing)") and b == 0)),
    ("optional-dependency-off", dependency_off),
    ("exact-cpus", at(r"cpus$", close)),
    ("one-letter-volumes", at(r"\.volumes\.\d+\.(type|source|target|bind|volume)$",
                              lambda a, b: isinstance(a, str) and a[1:2] == ":")),
]


# Rules of the mode --options (modes.py): they know which options were asked for.


def asked(option, test, files=""):
    """Another rule, where this option is among the words and the files have the pattern."""
    inside = re.compile(files)
    return lambda d: option in d.tail and inside.search(d.text) and test(d)


def env_files(d):
    """With the env files or without: what of a service comes from them, and what reading them says."""
    if d.kind == "they-refuse":
        return re.search(r"env file .* not found|failed to parse env_file|failed to read .*\.env", d.theirs)
    return d.kind == "data" and len(d.path) > 2 and d.path[0] == "services" and \
        d.path[2] in ("env_file", "environment") and "env_file" in d.text


def open_arguments(theirs_list, ours_list):
    """Ours has more, all of them names without a value."""
    if not isinstance(ours_list, list):
        return theirs_list == MISSING and ours_list is None
    rest = [a for a in ours_list if a not in (theirs_list or [])]
    return bool(rest) and all("=" not in a for a in rest) and len(ours_list) == len(rest) + len(theirs_list or [])


MISSING = "(missing)"

RULES += [
    ("no-env-resolution", asked("--no-env-resolution", env_files)),
    ("templates-in-typed-values", asked("--no-interpolate", theirs(
        r"must be an? (integer|boolean|number)$|ulimits\.[a-z]+: invalid type string|"
        r"depends_on additional properties '[^']*\$"), r"\$")),
    ("values-are-checked", asked("--no-interpolate", ours(r"error\[E10[12]\]"))),
    ("no-interpolate", asked("--variables", at(r"^--variables\."), r"devices:[^]]*\$\{[^}]*:")),
    ("tagged-numbers", asked("--no-interpolate", at(r"", lambda a, b: a == str(b)), r"!override [0-9]")),
    ("empty-list-as-null", asked("--no-interpolate", at(r"", lambda a, b: a is None and b == []))),
    ("open-arguments", asked("--no-interpolate", at(r"\.build\.args(\.[^.]*)?$", open_arguments))),
    ("tags-beside-merge-keys", asked("--no-interpolate", at(r"\.image$", lambda a, b: b == MISSING),
                                     r"(?s)(?=.*<<:)(?=.*image: !reset)")),
    ("template-directories", asked("--no-path-resolution", asked("--no-interpolate", at(r""),
                                                                 r"project_directory: \"?[^\n]*\$"))),
    ("no-normalize-default", asked("--no-normalize", theirs(r"refers to undefined network default"))),
]


def explain(difference):
    """Name of the rule that explains a difference, or None."""
    for name, test in RULES:
        if test(difference):
            return name
    return None
