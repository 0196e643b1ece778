"""What somebody else changes of a project that runs is seen, said with what differed, and put back; nothing restarts."""
import os
import signal
import socket
import time

import harness
from cases_lifecycle import kill_supervisor
from cases_metrics import samples, value

V2 = os.path.exists("/sys/fs/cgroup/cgroup.controllers")


def group(pid, controller):
    """The directory of the process's group."""
    for line in harness.read(f"/proc/{pid}/cgroup").splitlines():
        _, names, path = line.split(":", 2)
        if V2 and names == "" or not V2 and controller in names.split(","):
            return "/sys/fs/cgroup" + ("" if V2 else "/" + names) + path
    raise AssertionError(f"process {pid} is in no group of {controller}")


def write(path, text):
    with open(path, "w", encoding="ascii") as f:
        f.write(text)


def freeze(directory):
    write(*((directory + "/cgroup.freeze", "1") if V2 else (directory + "/freezer.state", "FROZEN")))


def thaw(directory):
    write(*((directory + "/cgroup.freeze", "0") if V2 else (directory + "/freezer.state", "THAWED")))


def is_frozen(directory):
    if V2:
        return "frozen 1" in harness.read(directory + "/cgroup.events")
    return harness.read(directory + "/freezer.state").strip() != "THAWED"


def events(t, action, service=None):
    rows = t.wc("events", "--until", "0s", "--json").rows
    return [r for r in rows if r["action"] == action and (service is None or r.get("service") == service)]


def said(t, action, service=None, n=1):
    """The reason of the last event of that kind, of which there are n."""
    found = t.until(lambda: len(events(t, action, service)) >= n and events(t, action, service), f"{n} of {action}")
    assert len(found) == n, found
    return found[-1].get("reason", "")


def drifts(t, kind):
    return value(t, samples(t.wc("metrics").out), "wcompose_drift_total", kind=kind)


def soon(t, question, what):
    """It comes by the kernel's news, on however busy a machine: not by a look, of which there is one in 30 s."""
    t.until(question, what, 15)


def case_drift_paused(t):
    """A frozen container goes on at once, with an event; also one frozen while nobody looked, or by a group above."""
    t.load_image()
    t.compose("""
        services:
          web: {image: "bb:1", stop_grace_period: 0s, healthcheck: {test: [CMD, "true"], interval: 1s}}
          db: {image: "bb:1", stop_grace_period: 0s}
    """)
    before = t.things()
    t.wc("up", "-d", "--wait")
    pids = t.pid("web"), t.pid("db")
    directory = group(pids[0], "freezer")
    freeze(directory)
    soon(t, lambda: not is_frozen(directory), "a thaw")
    assert said(t, "paused", "web") == "by somebody else"
    said(t, "unpaused", "web")
    assert drifts(t, "paused") == 1 and drifts(t, "limits") == 0
    assert "was paused: by somebody else" in t.wc("why", "web").out
    kill_supervisor(t)
    freeze(directory)
    time.sleep(0.3)
    assert is_frozen(directory)
    assert t.row("web")["State"] in ("paused", "running")
    t.wc("start", "db")  # any command brings a supervisor
    t.until(lambda: not is_frozen(directory), "a thaw by the next one")
    freeze(os.path.dirname(directory))  # of the project: no news of that, but looks
    t.until(lambda: not is_frozen(directory), "a thaw of the group above")
    freeze(directory)
    t.wc("restart", "web")  # what stands still is stopped all the same
    t.until(lambda: (row := t.row("web"))["State"] == "running" and row["Pid"] != pids[0], "web again")
    assert t.pid("db") == pids[1]
    freeze(group(t.pid("db"), "freezer"))
    t.wc("down")
    t.nothing_left(before)


def case_pause(t):
    """A pause that was asked for holds: against who thaws it, and for a successor; `up` ends it."""
    t.load_image()
    t.compose("""
        services:
          web: {image: "bb:1", stop_grace_period: 0s, healthcheck: {test: [CMD, "true"], interval: 1s}}
          db: {image: "bb:1", stop_grace_period: 0s}
    """)
    before = t.things()
    t.wc("up", "-d", "--wait")
    pids = t.pid("web"), t.pid("db")
    directory = group(pids[0], "freezer")
    t.wc("pause", "web")
    assert is_frozen(directory) and not is_frozen(group(pids[1], "freezer"))
    assert t.row("web")["State"] == "paused" and t.row("db")["State"] == "running"
    assert "waits for 'wcompose unpause'" in t.wc("why", "web").out
    assert said(t, "paused", "web") == "" and drifts(t, "paused") == 0
    thaw(directory)  # somebody else
    t.until(lambda: is_frozen(directory), "frozen again")
    assert said(t, "unpaused", "web") == "by somebody else"
    kill_supervisor(t)
    thaw(directory)
    t.wc("start", "db")  # any command brings a supervisor
    t.until(lambda: is_frozen(directory), "frozen by the next one")
    t.until(lambda: t.row("web")["State"] == "paused", "that to be told")
    t.wc("unpause")
    assert not is_frozen(directory) and t.row("web")["State"] == "running"
    t.wc("pause")
    assert is_frozen(directory) and is_frozen(group(pids[1], "freezer"))
    t.wc("up", "-d", "--wait")
    assert not is_frozen(directory) and t.row("web")["State"] == "running"
    assert (t.pid("web"), t.pid("db")) == pids
    t.wc("pause", "web")
    t.wc("down")
    t.nothing_left(before)


def case_drift_limits(t):
    """Limits that somebody changes are said, old and new, and put back in place."""
    t.load_image()
    t.compose("""
        services:
          web: {image: "bb:1", mem_limit: 64m, pids_limit: 100, cpus: 0.5, cpu_shares: 512, stop_grace_period: 0s}
          free: {image: "bb:1", stop_grace_period: 0s}
    """)
    before = t.things()
    t.wc("up", "-d")
    pids = t.pid("web"), t.pid("free")
    memory = "memory.max" if V2 else "memory.limit_in_bytes"
    quota, half, much = ("cpu.max", "50000 100000", "90000 100000") if V2 else ("cpu.cfs_quota_us", "50000", "90000")
    changes = [("memory", memory, str(32 << 20), "mem_limit 67108864 -> 33554432"),
               ("pids", "pids.max", "max", "pids_limit 100 -> unlimited"),
               ("cpu", quota, much, f"cpus (quota) {half} -> {much}")]
    for n, (controller, name, changed, words) in enumerate(changes, 1):
        path = f"{group(pids[0], controller)}/{name}"
        was = harness.read(path)
        write(path, changed)
        soon(t, lambda: harness.read(path) == was, f"{name} as it was")  # pylint: disable=cell-var-from-loop
        assert said(t, "limits changed", "web", n) == words
        said(t, "mended", "web", n)
    assert drifts(t, "limits") == 3 and drifts(t, "paused") == 0
    path = f"{group(pids[1], 'pids')}/pids.max"
    was = harness.read(path)
    write(path, "77")  # it was given none, and is to have none
    t.until(lambda: harness.read(path) == was, "no limit again")
    for _ in range(6):  # whoever insists is answered ever more slowly, and never given up on
        write(path, "78")
        t.until(lambda: harness.read(path) == was, "no limit again")
    kill_supervisor(t)
    write(path, "79")
    t.wc("start", "web")
    t.until(lambda: harness.read(path) == was, "no limit again, by the next supervisor")
    assert (t.pid("web"), t.pid("free")) == pids
    t.wc("down")
    t.nothing_left(before)


def inside(pid, *arguments):
    return harness.command("nsenter", "-t", str(pid), "-n", *arguments).stdout


def case_drift_links(t):
    """Links and addresses of a running container come back without a restart, by news of the kernel's."""
    t.load_image()
    t.compose("""
        services:
          web: {image: "bb:1", command: /bin/serve, ports: ["18080:80"], stop_grace_period: 0s}
          peer: {image: "bb:1", stop_grace_period: 0s}
    """)
    before = t.things()
    t.wc("up", "-d")
    t.get("http://127.0.0.1:18080/")
    pids = t.pid("web"), t.pid("peer")

    def works():
        assert "hello" in t.get("http://127.0.0.1:18080/")
        t.until(lambda: "hello" in t.run_inside("peer", "wget", "-q", "-O", "-", "http://web/", code=None).out, "an answer by name")

    address = inside(pids[0], "ip", "-4", "-o", "addr", "show", "eth0").split()[3]
    for name in [line.split(": ")[1].split("@")[0] for line in harness.command("ip", "-o", "link").stdout.splitlines() if ": wcv" in line]:
        harness.command("ip", "link", "del", name)
    soon(t, lambda: "eth0" in inside(pids[0], "ip", "link"), "a link again")
    works()
    assert said(t, "network changed", "web") == "eth0: link -> gone"
    inside(pids[0], "ip", "addr", "flush", "dev", "eth0")
    t.until(lambda: address in inside(pids[0], "ip", "addr"), "the address again")
    works()
    assert said(t, "network changed", "web", 2) == f"eth0: {address} -> no address"
    t.until(lambda: "default" in inside(pids[0], "ip", "route"), "the default route again")
    assert drifts(t, "links") == 3 and drifts(t, "network") == 0
    assert (t.pid("web"), t.pid("peer")) == pids
    t.wc("down")
    t.nothing_left(before)


def case_drift_networks(t):
    """Bridges, rules, ports, names, the name server, forwarding: said, put back, and the containers run on."""
    t.load_image()
    t.compose("""
        services:
          web: {image: "bb:1", command: /bin/serve, ports: ["18081:80"], stop_grace_period: 0s}
          peer: {image: "bb:1", stop_grace_period: 0s}
    """)
    before = t.things()
    t.wc("up", "-d")
    t.get("http://127.0.0.1:18081/")
    pids = t.pid("web"), t.pid("peer")
    links = harness.command("ip", "-o", "link", "show", "type", "bridge").stdout.splitlines()
    bridge = next(line.split(": ")[1] for line in links if ": wc" in line)

    def works():
        assert "hello" in t.get("http://127.0.0.1:18081/")
        t.until(lambda: "hello" in t.run_inside("peer", "wget", "-q", "-O", "-", "http://web/", code=None).out, "an answer by name")

    changes = [
        (["nft", "delete", "table", "inet", "wcompose"], "table inet wcompose -> gone"),
        (["nft", "flush", "chain", "inet", "wcompose", "publish"], "rules of table inet wcompose -> changed"),
        (["nft", "delete", "element", "inet", "wcompose", "ports", "{ tcp . 18081 }"], "port 18081/tcp of web -> not published"),
        (["ip", "link", "set", bridge, "down"], f"bridge {bridge} of {t.project}_default: up -> down"),
        (["ip", "addr", "flush", "dev", bridge], f"bridge {bridge} of {t.project}_default: "),
        (["ip", "link", "del", bridge], f"bridge {bridge} of {t.project}_default -> gone"),
    ]
    for n, (command, words) in enumerate(changes, 1):
        harness.command(*command)
        reason = said(t, "changed", None, n)
        assert words in reason, reason
        said(t, "mended", None, n) if n < 6 else t.until(lambda: events(t, "mended"), "mended")
        works()
    pid = int(harness.read(f"{t.root}/run/net/dns.pid").split()[0])
    os.kill(pid, signal.SIGKILL)
    t.until(lambda: int(harness.read(f"{t.root}/run/net/dns.pid").split()[0]) != pid, "another name server")
    assert "name server -> ended" in said(t, "changed", None, 7)
    write("/proc/sys/net/ipv4/ip_forward", "0")  # no news of that, but looks
    t.until(lambda: harness.read("/proc/sys/net/ipv4/ip_forward") == "1\n", "forwarding")
    works()
    said(t, "changed", None, 8)
    assert drifts(t, "network") == 8
    assert (t.pid("web"), t.pid("peer")) == pids
    t.wc("down")
    t.nothing_left(before)


def case_drift_notify_adopted(t):
    """A keeper that takes over listens to the instance's word, and knows what was said to the one before."""
    t.load_image()
    t.compose("""
        services:
          web: {image: "bb:1", stop_grace_period: 0s, x-wcompose: {probe: {notify: true}}}
          late: {image: "bb:1", stop_grace_period: 0s, x-wcompose: {probe: {notify: true}}}
    """)
    before = t.things()
    up = t.start("up", "-d")
    t.until(lambda: {r["State"] for r in t.ps()} == {"running"} and len(t.ps()) == 2, "both")
    pids = t.pid("web"), t.pid("late")

    def say(pid, *lines):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.sendto("\n".join(lines).encode(), f"/proc/{pid}/root/run/wcompose/notify")

    say(pids[0], "READY=1", "STATUS=at work")
    t.until(lambda: t.row("web")["Health"] == "healthy", "web healthy")
    up.wait(60)
    keepers = []
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        try:
            keepers += [pid] if harness.read(f"/proc/{pid}/comm") == "wcompose-keeper\n" else []
        except OSError:
            pass  # it has ended meanwhile
    assert len(keepers) == 2, keepers
    kill_supervisor(t)
    for keeper in keepers:
        os.kill(keeper, signal.SIGKILL)
    t.wc("start")
    t.until(lambda: t.row("web")["Health"] == "healthy" and t.row("web")["HealthOutput"] == "at work", "what was said before")
    t.until(lambda: say(pids[1], "READY=1", "STATUS=here as well") is None, "its keeper to listen")
    t.until(lambda: t.row("late")["Health"] == "healthy", "late healthy, by the new keeper")
    say(pids[0], "STATUS=still")
    t.until(lambda: t.row("web")["HealthOutput"] == "still", "web's word")
    assert (t.pid("web"), t.pid("late")) == pids
    t.wc("down")
    t.nothing_left(before)
