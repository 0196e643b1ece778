"""Differences that are meant. Each rule has the name of its entry in docs/compose-differences.md
and a test over one difference (compare.Difference)."""

import re

import project


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


def scalar_over(values):
    """Several values, some of them scalars: one of these may have been replaced."""
    return len(values) > 1 and any(isinstance(project.strip(v), str) for v in values)


def replaced(d):
    """A value that is wrong, of a service in which another one is laid over it."""
    if d.kind != "we-refuse":
        return False
    found = re.search(r"services\.(\S+?)\.([a-z_]+) takes (a size|a duration|a map, or a list of KEY=value, "
                      r"not a whole|a map, not true or false)", d.ours)
    if found:
        names, keys = project.made_of(d.files, found.group(1)), [found.group(2)]
    elif re.search(r"a quote is opened here and never closed|no shell reads this command", d.ours):
        names, keys = project.services(d.files), ["command", "entrypoint"]
    else:
        return False
    return any(scalar_over([own[key] for own in project.definitions(d.files, name) if key in own])
               for name in names for key in keys)


def unused_service(d):
    """Their complaint is about a service of an extended file that nothing extends."""
    if d.kind != "they-refuse":
        return False
    found = re.search(r"services\.(b[0-9])\.([a-z_]+)", d.theirs)
    if found:
        return any(name == found.group(1) and found.group(2) in own for name, own in project.unused(d.files))
    port = re.search(r"^Invalid (?:containerPort|hostPort|proto): (.*)$", d.theirs)
    spec = re.search(r"^invalid spec: (.*): empty section between colons$", d.theirs)
    key, text = ("ports", port.group(1)) if port else ("volumes", spec.group(1)) if spec else ("", "")
    return key != "" and any(text in str(item) for _, own in project.unused(d.files)
                             for item in project.strip(own.get(key, [])))


def tagged_scalar(d):
    """A number or truth under !override, which is text to them."""
    found = d.kind == "they-refuse" and re.search(
        r"services\.(\S+)\.([a-z_]+) must be an? (boolean|integer|number)$", d.theirs)
    return bool(found) and any(isinstance(own.get(found.group(2)), project.Tag)
                               for own in project.definitions(d.files, found.group(1)))


def merge_key_tags(d):
    found = d.kind == "we-refuse" and re.search(r"service '(\S+)' needs an image", d.ours)
    if found:
        return project.tagged_beside_merge_key(d.files, found.group(1), "image")
    # a tag at `extends` says where all of the service comes from
    return d.kind == "data" and d.path[0] == "services" and len(d.path) > 2 and \
        any(project.tagged_beside_merge_key(d.files, d.path[1], key) for key in (d.path[2], "extends"))


def included_config(d):
    """A config whose only source is `environment`, in an included file."""
    found = d.kind == "they-refuse" and re.search(
        r"^configs\.(\S+): file\|environment\|content attributes are mutually exclusive$", d.theirs)
    if not found:
        return False
    configs = [project.map_of(project.section(tree, "configs").get(found.group(1)))
               for tree in project.included(d.files)]
    return any("environment" in config for config in configs) and \
        not any("file" in config or "content" in config for config in configs)


def declares_default(d):
    return any("default" in project.section(tree, "networks") for tree in d.files.values())


def provider_network(d):
    """Only services with a provider are in the default network, which nobody declares."""
    found = d.kind == "they-refuse" and re.search(r'^service "(\S+)" refers to undefined network default', d.theirs)
    if not found or declares_default(d):
        return False
    users = [s for s in d.output["services"].values() if "default" in s.get("networks", {})]
    return all("provider" in s for s in users) and "provider" in d.output["services"][found.group(1)]


def empty_mode(d, service):
    return any(project.unquoted(own.get("network_mode", "x")) == "" for own in project.definitions(d.files, service))


def empty_network_mode(d):
    """They leave a service with an empty network_mode without any network."""
    empty = [s for s in project.services(d.files) if empty_mode(d, s)]
    if d.kind == "they-refuse":
        found = re.search(r'^service "(\S+)" refers to undefined network default', d.theirs)
        return bool(found) and found.group(1) in empty
    if d.kind != "data" or d.theirs != "(missing)" or not empty:
        return False
    if d.path[0] == "services":
        return len(d.path) == 3 and d.path[1] in empty and d.path[2] == "networks" and d.ours == {"default": None}
    return d.path == ("networks", "default") or (d.path == ("networks",) and list(d.ours) == ["default"])


def null_dependency(d):
    """depends_on: {web: null}"""
    found = d.kind == "they-refuse" and re.search(r"services\.\S+\.depends_on\.(\S+) must be a mapping$", d.theirs)
    return bool(found) and any(
        project.map_of(project.map_of(service).get("depends_on")).get(found.group(1)) in ("null", "~", "")
        for tree in d.files.values() for service in project.section(tree, "services").values())


def watch_repeats(d):
    """A list of a watch rule has an item twice."""
    found = d.kind == "they-refuse" and re.search(
        r"services\.(\S+)\.develop\.watch\.\d+\.(ignore|include) must be a string$", d.theirs)
    lists = [rule.get(found.group(2)) for own in project.definitions(d.files, found.group(1))
             for rule in project.map_of(own.get("develop")).get("watch", [])] if found else []
    return any(isinstance(one, list) and len(set(map(project.unquoted, one))) < len(one) for one in lists)


def volume_labels(d):
    """The labels of a volume are lists in two files that have an item in common."""
    found = d.kind == "they-refuse" and re.search(r": volumes\.(\S+)\.labels must be a mapping$", d.theirs)
    if not found:
        return False
    lists = [project.strip(project.map_of(project.section(tree, "volumes").get(found.group(1))).get("labels"))
             for tree in d.files.values()]
    items = [project.unquoted(item) for one in lists if isinstance(one, list) for item in one]
    return sum(isinstance(one, list) for one in lists) > 1 and \
        (len(set(items)) < len(items) or any("$" in item for item in items))


def folded_ports(theirs_list, ours_list):
    """The last of equal ones stays."""
    kept = {}
    for port in theirs_list:
        kept[tuple(str(port.get(k, "0.0.0.0")) for k in ("host_ip", "target", "published", "protocol"))] = port
    return sorted(map(str, map(sorted_items, kept.values()))) == sorted(map(str, map(sorted_items, ours_list)))


def subnets(d):
    """In several files: ours has all that theirs has, and more."""
    if d.kind != "data" or d.path[0] != "networks" or d.path[2:] != ("ipam", "config") or len(d.files) < 2 or \
            not isinstance(d.theirs, list) or not isinstance(d.ours, list):
        return False
    mine = [item for pool in d.ours for item in pool.items()]
    return len(d.ours) > len(d.theirs) and all(item in mine for pool in d.theirs for item in pool.items())


def pool_order(d):
    """In several files they put a pool that a later file adds before those that are there."""
    if d.kind != "data" or d.path[0] != "networks" or d.path[2:4] != ("ipam", "config") or len(d.path) < 6:
        return False
    declared = [project.map_of(project.map_of(project.section(tree, "networks").get(d.path[1])).get("ipam"))
                for tree in d.files.values()]
    pools = d.output["networks"][d.path[1]]["ipam"]["config"]
    return sum("config" in ipam for ipam in declared) > 1 and \
        any(pool.get(d.path[5], "(missing)") == d.theirs for i, pool in enumerate(pools) if i != d.path[4])


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
                         r"endpoint_mode|failure_action|volumes\[\d+\]\.bind\.propagation|"
                         r"deploy\.restart_policy\.condition) can't be|"
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
    ("number-ranges", ours(r"blkio_config.*takes a size, not '-|can't be negative|must be between|is -1 \(no limit\) or more|"
                           r"shm_size takes a size, not '-[0-9]+'$|"
                           r"is a percentage from 0 to 100, not")),
    ("repeats-are-folded", theirs(r"items at \d+ and \d+ are equal")),
    ("repeats-are-folded", at(r"^services\..*\.ports$", lambda a, b: isinstance(a, list) and isinstance(b, list)
                              and len(b) < len(a) and folded_ports(a, b))),
    ("repeats-are-folded", at(r"\.extra_hosts$", lambda a, b: isinstance(a, list) and isinstance(b, list)
                              and b == list(dict.fromkeys(a)))),
    ("repeats-are-folded", volume_labels),
    ("repeats-are-folded", watch_repeats),
    ("null-keeps", theirs(r"over(ride)?\.yaml: services\.[^ ]*\.[a-z_]+ must be an? "
                          r"(array|mapping|string|boolean|number)$")),
    ("hosts-have-addresses", ours(r"an extra host is 'name=address', not '[^'=:]+[=:]'$")),
    ("every-value-is-checked", replaced),
    ("cpu-durations", theirs(r"cpu_rt_(period|runtime): failed to cast to expected type: strconv.ParseInt")),
    ("included-config", included_config),
    ("unused-services", unused_service),
    ("empty-network-mode", empty_network_mode),
    ("colon-at-the-end", ours(r"not valid YAML: found unexpected ':'$", r"[{ ][^\n]*[a-z]:[,}]")),
    ("empty-includes", ours(r"include\[\d+\] takes a string or a map, not nothing$")),
    ("empty-sources", ours(r"services\.\S+\.volumes\[\d+\] needs 'source'$", r"type: bind[^\n]*source: (''|\"\")")),
    ("values-as-text", theirs(r"validating \S+: services\.\S+\.depends_on\.\S+\.required must be a boolean$|"
                              r"develop\.watch\.\d+\.initial_sync must be a boolean$|"
                              r"blkio_config\.weight(_device\[\d+\].Weight)?' expected type 'uint16', got unconvertible type 'string'|"
                              r"build\.ulimits\.[a-z]+: invalid type string for external|"
                              r"models\.\S+\.context_size must be a integer$", r"\$")),
    ("values-as-text", tagged_scalar),
    ("whole-floats", theirs(r"ulimits\.[a-z]+: invalid type float64 for external$")),
    ("include-conflicts-merge", theirs(r"^(services|networks|volumes|configs|secrets|models)\.\S+ conflicts with "
                                       r"imported resource$", r"include:")),
    ("tags-beside-merge-keys", merge_key_tags),
    ("repeats-are-folded", at(r"\.(constraints|preferences)$",
                              lambda a, b: isinstance(a, list) and b == [x for i, x in enumerate(a) if x not in a[:i]])),
    ("subnets-are-appended", subnets),
    ("subnets-are-appended", pool_order),
    ("provider-network", provider_network),
    ("ssh-paths-in-json", theirs(r"error calling MarshalJSON for type types\.SSHKey")),
    ("condition-default", theirs(r"depends_on\.\S+ missing property 'condition'")),
    ("condition-default", null_dependency),
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
    ("one-letter-volumes", ours(r"mounts volume '[A-Za-z]', which is not defined", r"\b[A-Za-z]:/")),
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
