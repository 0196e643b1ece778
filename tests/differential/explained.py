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


def close(theirs_value, ours_value):
    """The same 32-bit float."""
    return isinstance(theirs_value, (int, float)) and isinstance(ours_value, (int, float)) and \
        abs(theirs_value - ours_value) <= 1e-6 * abs(ours_value)


RULES = [
    ("one-word-names", ours(r"is not one word")),
    ("one-target-one-mount", ours(r"has two mounts on")),
    ("absolute-targets", ours(r"the target of a mount is an absolute path")),
    ("no-shell", ours(r"no shell reads this command")),
    ("known-limits", ours(r"no limit is called")),
    ("soft-below-hard", ours(r"the soft limit of '.*' is above the hard one")),
    ("known-words", ours(r"(stop_signal|restart|pull_policy|ports\[\d+\]\.(mode|protocol)|cgroup) can't be|"
                         r"unknown isolation")),
    ("known-mount-options", ours(r"volume '.*': unknown option")),
    ("port-range", ours(r"(container|host)'s port must be")),
    ("device-permissions", ours(r"device permissions are of")),
    ("whole-sizes", ours(r"takes a (size|whole number|percentage)|^.*takes .*size.*not a (fraction|float|number)")),
    ("positive-durations", ours(r"takes a duration, not '-")),
    ("number-ranges", ours(r"can't be negative|must be between|is -1 \(no limit\) or more")),
    ("repeats-are-folded", theirs(r"items at \d+ and \d+ are equal")),
    ("null-keeps", theirs(r"over(ride)?\.yaml: services\.[^ ]*\.[a-z_]+ must be an? "
                          r"(array|mapping|string|boolean|number)$")),
    ("condition-default", theirs(r"depends_on\.\S+ missing property 'condition'")),
    ("twins-left-out", theirs(r"can't set distinct values on")),
    ("crashes", theirs(r"docker/compose/cmd/main\.go:|^goroutine|^panic")),
    ("drive-relative-paths", ours(r"volume '[A-Za-z]:[^\\/].* is not of the form")),
    ("blkio-keys", at(r"\.blkio_config\.[a-z_]+\.\d+\.([Pp]ath|[Rr]ate|[Ww]eight)$")),
    ("watch-exec", at(r"\.develop\.watch\.\d+\.exec$", lambda a, b: a == {"command": None})),
    ("dollar-in-keys", at(r"\$", lambda a, b: "(missing)" in (a, b))),
    ("x-keys-of-users", at(r"\.(#extensions|x-[^.]*)$", lambda a, b: "(missing)" in (a, b))),
    ("models-in-json", at(r"^models$", lambda a, b: a == "(missing)")),
    ("cpu-percent-fraction", theirs(r"cpu_percent must be a string")),
    ("minus-one-as-text", theirs(r"invalid size: '-1'")),
    ("dates-are-strings", theirs(r"invalid jsonType time\.Time")),
    ("infinity-is-text", at(r"", lambda a, b: a in ("+Inf", "-Inf", "NaN"))),
    ("empty-list-in-extension", at(r"^x-", lambda a, b: a is None and b == [])),
    ("create-host-path-false", at(r"bind\.create_host_path$", lambda a, b: a == "(missing)" and b is False)),
    ("zero-limit", at(r"ulimits\.", lambda a, b: a == {} and b == 0)),
    ("optional-dependency-off", at(r"\.depends_on(\..*)?$", lambda a, b: b == "(missing)")),
    ("exact-cpus", at(r"cpus$", close)),
    ("one-letter-volumes", at(r"\.volumes\.\d+\.(type|source|target|bind|volume)$",
                              lambda a, b: isinstance(a, str) and a[1:2] == ":")),
]


def explain(difference):
    """Name of the rule that explains a difference, or None."""
    for name, test in RULES:
        if test(difference):
            return name
    return None
