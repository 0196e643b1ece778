"""Virtual machines that run: how big they are, what they use, what is put back of them, pauses, what they say of themselves."""
import os
import time

import harness
from cases_machines import BOOT, ready, up, vmm_of

# seconds; a machine without KVM may be silent for 120 (the unit test pauses has that in short)
PAUSE = int(os.environ.get("WCOMPOSE_E2E_PAUSE", "25"))


def link_of(t, service):
    """The name of the machine's tap on the host."""
    return harness.read(f"{t.root}/run/projects/{t.project}/instances/{t.row(service)['ID']}/links").split()[0]


def case_machine_size_and_use(t):
    """ps and top say how big a machine is; stats what it uses, by the host's books and by the guest's."""
    ready(t)
    t.compose("""
        services:
          vm: {image: "bb:1", isolation: hyperv, mem_limit: 112m, cpus: 1, stop_grace_period: 1s, command: [httpd, -f, -p, "80", -h, /www]}
          box: {image: "bb:1", stop_grace_period: 0s}
    """)
    t.wc("up", "-d", "box")
    assert "MACHINE" not in t.wc("ps").out and t.row("box")["Machine"] is None
    assert "GUEST" not in t.wc("stats", "--no-stream").out
    up(t)
    size = t.row("vm")["Machine"]
    assert size["Cpus"] == 1 and size["MemoryBytes"] == 112 << 20 and size["OverheadBytes"] >= 96 << 20, size
    assert t.row("box")["Machine"] is None
    assert f"1 cpu, 112 MiB + {size['OverheadBytes'] >> 20} MiB" in t.wc("ps").out, t.wc("ps").out
    top = t.wc("top").out
    assert f"\nmachines\n  vm #1: 1 cpu, 112 MiB + {size['OverheadBytes'] >> 20} MiB overhead\n" in top, top
    assert {row["Service"]: row["Machine"] for row in t.wc("top", "--json").rows} == {"vm": size, "box": None}

    def seen():
        return {row["Service"]: row for row in t.wc("stats", "--no-stream", "--json", timeout=60).rows}

    t.run_inside("vm", "dd", "if=/dev/zero", "of=/file", "bs=64k", "count=64", "conv=fsync")
    before = seen()["vm"]
    t.run_inside("box", "wget", "-q", "-O", "/dev/null", "http://vm/")
    t.run_inside("box", "sh", "-c", "head -c 300000 /dev/zero | nc -w 2 vm 80 || true")
    # the guest's books are older than the host's
    row = t.until(lambda: (now := seen()["vm"])["NetRxBytes"] >= before["NetRxBytes"] + 300000 <= now["Guest"]["NetRxBytes"]
                  + before["NetRxBytes"] and now, "bytes of its link")
    guest = row["Guest"]
    assert row["NetTxBytes"] > before["NetTxBytes"] > 0, (before, row)
    assert guest["NetRxBytes"] >= 300000 and guest["NetTxBytes"] > 0, guest
    assert guest["BlockWriteBytes"] >= 64 * 65536 and guest["BlockReadBytes"] > 0, guest
    assert 0 < guest["MemoryBytes"] < guest["MemoryLimitBytes"] < guest["MachineBytes"] < 112 << 20, guest
    assert 1 <= guest["Pids"] <= 4 and guest["CpuNs"] > 0, guest
    assert row["MemoryLimitBytes"] == (112 << 20) + size["OverheadBytes"] and row["MemoryBytes"] > guest["MemoryBytes"], row
    assert seen()["box"]["Guest"] is None and seen()["box"]["NetTxBytes"] > 300000
    out = t.wc("stats", "--no-stream", timeout=60).out
    assert "GUEST MEM / LIMIT" in out and "GUEST PIDS" in out, out
    t.wc("down")


def case_machine_link_is_put_back(t):
    """A tap that somebody deletes, of a machine that runs, comes back under the emulator's own descriptor: nothing ends."""
    ready(t)
    t.compose("""
        services:
          vm: {image: "bb:1", isolation: hyperv, mem_limit: 112m, stop_grace_period: 1s, command: [httpd, -f, -p, "80", -h, /www], ports: ["18482:80"]}
          box: {image: "bb:1", stop_grace_period: 0s, command: [httpd, -f, -p, "80", -h, /www]}
    """)
    up(t)
    pids = t.pid("vm"), vmm_of(t, "vm")
    name = link_of(t, "vm")
    for n in (1, 2):
        harness.command("ip", "link", "del", name)
        t.until(lambda: t.wc("events", "--since", "10m", "--until", "0s").out.count(" mended ") >= n, "it is mended")  # pylint: disable=cell-var-from-loop
        harness.command("ip", "link", "show", name)
        assert t.run_inside("box", "timeout", "20", "wget", "-q", "-O", "-", "http://vm/").out != ""
        assert t.run_inside("vm", "sh", "-c", "nslookup box | grep -c Address", code=None).code == 0
    assert t.http("http://127.0.0.1:18482/", timeout=60)[0] == 200
    t.run_inside("box", "sh", "-c", "head -c 3000000 /dev/zero > /www/big")  # in packets larger than a frame
    assert t.run_inside("vm", "sh", "-c", "timeout 60 wget -q -O - http://box/big | wc -c").out.strip() == "3000000"
    assert (t.pid("vm"), vmm_of(t, "vm")) == pids and t.row("vm")["Restarts"] == 0

    def ticks():
        return sum(int(x) for x in harness.read(f"/proc/{pids[1]}/stat").rsplit(")", 1)[1].split()[11:13])

    def used():
        begun = ticks()
        time.sleep(2)
        return ticks() - begun

    t.until(lambda: used() < 150, "an emulator that is not busy for 2 s")
    # a tap in another namespace can't be had back: said, and a start anew brings it
    harness.command("unshare", "--net", "sh", "-c", f"nsenter -t {os.getpid()} -n ip link set {name} netns $$; sleep 1")
    t.wc("restart", "vm", timeout=BOOT)
    t.until(lambda: t.run_inside("box", "timeout", "20", "wget", "-q", "-O", "-", "http://vm/", code=None).out, "an answer")
    t.wc("down")


def case_machine_pause(t):
    """A paused machine stands still for longer than it may be silent; then it goes on, with the right time, and wasn't missed."""
    ready(t)
    t.compose("""
        services:
          vm:
            image: "bb:1"
            isolation: hyperv
            mem_limit: 112m
            stop_grace_period: 1s
            command: ["sh", "-c", "i=0; while :; do i=$$((i+1)); echo $$i > /dev/shm/n; sleep 0.1; done"]
            healthcheck: {test: ["CMD", "true"], interval: 1s, timeout: 20s, retries: 2}
    """)
    up(t)
    pids = t.pid("vm"), vmm_of(t, "vm")

    def count():
        return int(t.run_inside("vm", "cat", "/dev/shm/n").out or 0)

    def cpu():
        return sum(int(x) for x in harness.read(f"/proc/{pids[1]}/stat").rsplit(")", 1)[1].split()[11:13])

    before = count()
    t.wc("pause", "vm")
    t.until(lambda: t.row("vm")["State"] == "paused", "a pause")
    used = cpu()
    time.sleep(PAUSE)
    assert cpu() - used <= 2 and t.row("vm")["State"] == "paused", "it stands still"  # ticks of 10 ms
    assert t.wc("exec", "-T", "vm", "true", code=None).code != 0
    t.wc("stats", "--no-stream", timeout=60)
    begun = time.monotonic()
    t.wc("unpause", "vm")
    t.until(lambda: t.row("vm")["State"] == "running", "it goes on")
    t.until(lambda: count() > before + 5, "it counts on")
    off = int(t.run_inside("vm", "date", "+%s").out) - time.time()
    assert abs(off) < 5, f"its clock is off by {off:.0f} s"
    time.sleep(5)  # what was missed would be found by now
    row = t.row("vm")
    assert row["State"] == "running" and row["Restarts"] == 0 and (t.pid("vm"), vmm_of(t, "vm")) == pids, row
    t.until(lambda: t.row("vm")["Health"] == "healthy", "health")
    assert t.run_inside("vm", "echo", "well").out == "well\n", time.monotonic() - begun
    t.wc("pause", "vm")
    t.wc("stop", "vm", timeout=60)  # hears its signal
    assert t.row("vm")["State"] == "exited"
    t.wc("down")


def states(t):
    return {row["Service"]: row["State"] for row in t.ps()}


def case_machine_readiness_by_notify(t):
    """READY=1 from inside a machine is what its dependents wait for; STATUS= is shown."""
    ready(t)
    t.compose("""
        services:
          vm:
            image: "bb:1"
            isolation: hyperv
            mem_limit: 112m
            stop_grace_period: 1s
            x-wcompose: {probe: {notify: true, start_period: 170s}}
            command:
              - sh
              - -c
              - |
                ln -s $$NOTIFY_SOCKET /dev/log  # logger says what it is told as a datagram there, after a line of its own
                until [ -e /go ]; do sleep 0.2; done
                logger "x
                READY=1
                STATUS=open for business"
                exec idle
          box: {image: "bb:1", stop_grace_period: 0s, depends_on: {vm: {condition: service_healthy}}}
    """)
    started = t.start("up", "-d", "--wait", "--wait-timeout", str(BOOT))
    t.until(lambda: states(t).get("vm") == "running", "the machine", BOOT)
    time.sleep(2)
    assert t.row("vm")["Health"] == "starting" and states(t).get("box") != "running", t.ps()
    assert t.run_inside("vm", "sh", "-c", "echo $NOTIFY_SOCKET; test -S $NOTIFY_SOCKET").out == "/run/wcompose/notify\n"
    t.run_inside("vm", "touch", "/go")
    t.until(lambda: t.row("vm")["Health"] == "healthy" and states(t).get("box") == "running", "its word")
    assert t.row("vm").get("HealthOutput") == "open for business", t.row("vm")
    assert started.wait(timeout=60) == 0
    t.children.remove(started)
    started.stdout.close()
    t.wc("down")
