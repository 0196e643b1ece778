"""The isolation decision: rules, the host's policy, refusals before anything is made, hosts elsewhere."""
import json
import os

UNTRUSTED = """
    services:
      web: {image: "bb:1", command: [httpd, -f, -p, "80"]}
      plugin: {image: "bb:1", command: [sleep, "1000"], x-wcompose: {trust: untrusted}}
"""

# A rule against machines: refused with or without a driver that could make one.
NO_MACHINES = """
policy:
  - name: no-machines
    match: {}
    require: process
    reason: this host has no memory to spare
"""


def policy(t, text, mode=0o644):
    return t.write(os.path.join(t.root, "etc", "policy.yaml"), text, mode)


def case_untrusted_without_machines(t):
    """Refused with exit 4, both places named, nothing made; `why` shows the proof."""
    t.load_image()
    t.compose(UNTRUSTED)
    policy(t, NO_MACHINES)
    before = t.things()
    for verb in (("up", "-d"), ("plan",)):
        result = t.wc(*verb, code=4)
        assert "E401" in result.err and "plugin" in result.err, result
        assert "trust: untrusted" in result.err and "no-machines" in result.err, result
        assert "policy.yaml:4:14" in result.err, result
        assert "compose.yaml:3:" in result.err, result
        assert "'web'" not in result.err, result
    t.nothing_left(before)
    why = t.wc("why", "plugin")
    assert "policy_conflict" in why.out and "policy.yaml:4:14" in why.out, why
    proof = t.wc("--json", "why", "plugin").json["Isolation"]
    assert proof["isolation"] is None and proof["because"]["code"] == "policy_conflict", proof
    decided = [step["rule"] for step in proof["steps"] if step["decided"]]
    assert decided == ["trust: untrusted", "host policy 'no-machines'"], proof


def case_untrusted_asks_for_process(t):
    """Two words of one author that exclude each other."""
    t.load_image()
    t.compose("""
        services:
          plugin: {image: "bb:1", isolation: process, x-wcompose: {trust: untrusted}}
    """)
    before = t.things()
    result = t.wc("up", "-d", code=4)
    assert "isolation: process" in result.err and "trust: untrusted" in result.err, result
    t.nothing_left(before)


def case_host_policy_holds(t):
    """It requires more than the project asks for, and a project can't take it away; a broken or foreign file is an error."""
    t.load_image()
    t.compose("""
        x-wcompose: {policy: [{match: {service: web}, require: process}]}
        services:
          web: {image: "bb:1", command: [sleep, "1000"]}
    """)
    t.wc("up", "-d")
    policy(t, "policy:\n  - {match: {image: 'docker.io/library/bb:*'}, require: hyperv}\n")
    result = t.wc("up", "-d", code=4)
    assert "host policy requires hyperv" in result.err and "policy requires process" in result.err, result
    assert t.row("web")["State"] == "running"
    policy(t, "policy:\n  - {match: {imgae: x}, require: hyperv}\n")
    result = t.wc("up", "-d", code=65)
    assert "policy.yaml:2:14" in result.err and "did you mean 'image'?" in result.err, result
    policy(t, "policy: []\n", mode=0o666)
    result = t.wc("up", "-d", code=65)
    assert "E402" in result.err and "anybody may write it" in result.err, result
    assert t.row("web")["State"] == "running"
    t.wc("down")  # what takes away needs no policy


def case_hosts_elsewhere(t):
    """plan --host answers from the file: names, and a JSON file of facts."""
    t.compose("""
        services:
          iis: {image: iis, x-wcompose: {image: {os: windows, os_version: 10.0.20348.1}}}
          sql: {image: sql, x-wcompose: {image: {os: windows, os_version: 10.0.17763.1}}}
          who: {image: nobody-knows}
    """)
    result = t.wc("plan", "--host", "ws2019,ws2022", code=4)
    rows = {line.split()[0]: line for line in result.out.splitlines() if line and not line.startswith("(")}
    assert "image_newer" in rows["iis"] and "process" in rows["iis"], result
    assert "process" in rows["sql"] and "hyperv" in rows["sql"], result
    assert rows["who"].count("unknown") == 2, result
    assert "iis' can't run on ws2019" in result.err and "who" not in result.err, result
    t.write("facts.json", json.dumps([{"name": "lab", "like": "w11-24h2", "hyperv": False},
                                      {"name": "shed", "os": "linux", "hyperv": True, "emulated": True}]))
    found = t.wc("plan", "--json", "--host", "facts.json", "iis", code=4).json
    lab, shed = found["services"][0]["hosts"]["lab"], found["services"][0]["hosts"]["shed"]
    assert lab["because"]["code"] == "no_hypervisor" and shed["because"]["code"] == "engine_os", found
    assert "did you mean 'ws2022'" in t.wc("plan", "--host", "ws2202", code=64).err
    t.write("facts.json", '{"os": "linux", "hypervisor": true}')
    assert "no fact 'hypervisor'" in t.wc("plan", "--host", "facts.json", code=64).err
