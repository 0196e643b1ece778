"""What changes while it runs: limits, labels."""
import os
import stat

import harness
from cases_lifecycle import kill_supervisors

MEMORY = {"memory": "memory.limit_in_bytes", "": "memory.max"}
PIDS = {"pids": "pids.max", "": "pids.max"}
SHARES = {"cpu": "cpu.shares", "": "cpu.weight"}


def compose(t, limits, replicas=1, command="exec sleep 1000", more=""):
    t.compose(f"""
        services:
          web:
            image: bb:1
            command: [sh, -c, "{command}"]
            stop_grace_period: 0s
            scale: {replicas}
            {limits}
          front:
            image: bb:1
            command: [sleep, "1000"]
            stop_grace_period: 0s
            depends_on: {{web: {{condition: service_started, restart: true}}}}
        {more}
    """)


def case_inplace_limits_and_labels(t):
    """Limits and labels change without a restart; the plan says so, and what is told afterwards is true."""
    t.load_image()
    compose(t, "mem_limit: 64m\n            pids_limit: 100\n            labels: {tier: silver}", replicas=2)
    before = t.things()
    t.wc("up", "-d", "--wait")
    pids = [t.pid("web", 1), t.pid("web", 2), t.pid("front")]
    assert t.row("web")["Labels"] == "tier=silver", t.row("web")
    assert t.cgroup_file(pids[0], MEMORY) == str(64 << 20)
    compose(t, "mem_limit: 96m\n            cpu_shares: 512\n            labels: {tier: gold, zone: a}", replicas=2)
    said = t.wc("plan").out
    assert 'web: in place' in said and '"67108864" -> "100663296"' in said and "update" in said and "replace" not in said, said
    plan = t.wc("plan", "--json").json
    assert {s["service"]: s["action"] for s in plan["services"]} == {"web": "update", "front": "unchanged"}, plan
    said = t.wc("up", "-d", "--wait")
    assert "updated" in said.out.lower() + said.err.lower(), said
    assert [t.pid("web", 1), t.pid("web", 2), t.pid("front")] == pids
    for pid in pids[:2]:
        assert t.cgroup_file(pid, MEMORY) == str(96 << 20)
        assert t.cgroup_file(pid, PIDS) == "max"  # no longer limited
        assert t.cgroup_file(pid, SHARES) in ("512", "20")
    row = t.row("web", 2)
    assert row["Labels"] == "tier=gold,zone=a" and not row["Stale"] and row["Restarts"] == 0, row
    assert "nothing to do" in t.wc("plan").out
    said = t.wc("events", "--until", "0s").out
    assert "mem_limit 64 MiB -> 96 MiB" in said, said
    t.wc("restart", "web")  # a new run has them as well
    assert t.cgroup_file(t.pid("web"), MEMORY) == str(96 << 20)
    assert t.row("web")["Labels"] == "tier=gold,zone=a"
    t.wc("down")
    t.nothing_left(before)


def a_disk():
    """A block device of this host, with its number."""
    for name in sorted(os.listdir("/sys/block"), key=lambda name: (name.startswith(("loop", "zram", "ram")), name)):
        path = "/dev/" + name
        if os.path.exists(path) and stat.S_ISBLK(os.stat(path).st_mode):
            number = os.stat(path).st_rdev
            return path, f"{os.major(number)}:{os.minor(number)}"
    raise harness.Skip("no block device here")


def case_inplace_quotas_and_io(t):
    """cpu_quota, cpu_period and blkio_config hold from the first instruction on, change while it runs, and go again; a wrong one is refused before anything is made."""
    t.load_image()
    path, number = a_disk()
    quota, period = {"cpu": "cpu.cfs_quota_us", "": "cpu.max"}, {"cpu": "cpu.cfs_period_us", "": "cpu.max"}
    rate = {"blkio": "blkio.throttle.write_bps_device", "": "io.max"}
    reads = {"blkio": "blkio.throttle.read_iops_device", "": "io.max"}
    line = "\n            "
    compose(t, "cpu_quota: 20000" + line + "cpu_period: 50000" + line + f"blkio_config: {{device_write_bps: [{{path: {path}, rate: 4m}}]}}")
    before = t.things()
    t.wc("up", "-d", "--wait")
    pid = t.pid("web")
    assert t.cgroup_file(pid, quota) in ("20000", "20000 50000")
    assert t.cgroup_file(pid, period) in ("50000", "20000 50000")
    said = t.cgroup_file(pid, rate)
    assert said.startswith(number) and str(4 << 20) in said, said
    compose(t, "cpu_quota: 30000" + line + f"blkio_config: {{device_read_iops: [{{path: {path}, rate: 99}}]}}")
    assert "web: in place" in t.wc("plan").out
    t.wc("up", "-d", "--wait")
    assert t.pid("web") == pid
    assert t.cgroup_file(pid, quota) in ("30000", "30000 100000")
    assert t.cgroup_file(pid, period) in ("100000", "30000 100000")
    assert str(4 << 20) not in t.cgroup_file(pid, rate)
    said = t.cgroup_file(pid, reads)
    assert said.startswith(number) and "99" in said.split(" ", 1)[1], said
    said = t.wc("events", "--until", "0s").out
    assert "cpu_quota 20000 -> 30000" in said and "blkio_config" in said, said
    t.wc("restart", "web")
    assert "99" in t.cgroup_file(t.pid("web"), reads)
    pid = t.pid("web")
    compose(t, "")
    t.wc("up", "-d", "--wait")
    assert t.pid("web") == pid
    assert t.cgroup_file(pid, quota) in ("-1", "max 100000") and "99" not in t.cgroup_file(pid, reads)
    for wrong, word in (("blkio_config: {device_read_bps: [{path: /dev/null, rate: 1m}]}", "/dev/null is not a block device"),
                        ("cpus: 0.5" + line + "cpu_quota: 20000", "say the same"), ("blkio_config: {weight: 5000}", "between 10 and 1000"),
                        ("cpu_period: 10", "between 1000 and 1000000")):
        compose(t, wrong)
        assert word in t.wc("up", "-d", code=None).err and t.pid("web") == pid, wrong
    t.wc("down")
    t.nothing_left(before)


def case_inplace_too_small_a_limit(t):
    """A limit below what is in use can't be had while it runs: one replica after the other is replaced."""
    t.load_image()
    hog = "x=$$(head -c 24000000 /dev/zero | tr '\\\\0' a); while :; do sleep 0.1; done"
    compose(t, "mem_limit: 128m\n            memswap_limit: 128m\n            restart: always", replicas=2, command=hog)
    before = t.things()
    t.wc("up", "-d", "--wait")
    pids = [t.pid("web", 1), t.pid("web", 2)]
    files = {"memory": "memory.usage_in_bytes", "": "memory.current"}
    t.until(lambda: all(int(t.cgroup_file(p, files)) > 20 << 20 for p in pids), "memory in use", 60)
    compose(t, "mem_limit: 12m\n            memswap_limit: 12m\n            restart: always", replicas=2)
    # another command would replace it anyway: the same one, which is killed for it only when it grows
    compose(t, "mem_limit: 12m\n            memswap_limit: 12m\n            restart: always", replicas=2, command=hog)
    assert "web: in place" in t.wc("plan").out
    said = t.wc("up", "-d", code=None)
    assert "it is replaced instead" in said.out + said.err, said
    t.until(lambda: not any(os.path.exists(f"/proc/{p}") for p in pids), "both are replaced")
    t.wc("down")
    t.nothing_left(before)


def case_inplace_after_a_kill(t):
    """A supervisor that is killed in the middle of many updates leaves them to the next one; nothing is restarted."""
    t.load_image()
    compose(t, "mem_limit: 64m", replicas=6)
    before = t.things()
    t.wc("up", "-d", "--wait")
    pids = [t.pid("web", i) for i in range(1, 7)]
    for round_, size in enumerate((70, 80, 90)):
        compose(t, f"mem_limit: {size}m\n            labels: {{round: \"{round_}\"}}", replicas=6)
        up = t.start("up", "-d")
        t.until(lambda: any(t.cgroup_file(p, MEMORY) == str(size << 20) for p in pids), "the first update")
        kill_supervisors(t)
        up.wait()
        t.wc("start")  # the next supervisor, which goes on with the up
        t.until(lambda: all(t.cgroup_file(p, MEMORY) == str(size << 20) for p in pids), "all updates")
        t.until(lambda: all(r["Labels"] == f"round={round_}" for r in t.ps("web")), "all labels")
        assert [t.pid("web", i) for i in range(1, 7)] == pids
    t.wc("down")
    t.nothing_left(before)
