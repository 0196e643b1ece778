"""Services with a kernel of their own (isolation: hyperv), on real virtual machines, beside containers."""
import base64
import fcntl
import os
import re
import shutil
import signal
import subprocess
import time

import harness
from cases_lifecycle import kill_supervisors

HERE = os.path.dirname(os.path.abspath(__file__))
BOOT = 170  # seconds that a machine may take on a loaded host without KVM


def ready(t):
    """Puts a guest kernel where this case's root has it; skips where there can be none."""
    for program, package in (("/usr/bin/qemu-system-x86_64", "qemu-system-x86"), ("/usr/bin/mkfs.erofs", "erofs-utils"),
                             ("/usr/lib/qemu/virtiofsd", "qemu-system-common")):
        if not os.path.exists(program):
            raise harness.Skip(f"{package} is not installed")
    cache = os.path.join(os.path.dirname(t.binary), "e2e-vm")
    os.makedirs(cache, exist_ok=True)
    with open(cache + "/lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(cache + "/lib/vm/kernel-in-use"):
            made = t.wc("vm", "kernel", "install", code=None, timeout=110, online=True, env={"WCOMPOSE_ROOT": cache})
            if made.code != 0:
                raise harness.Skip("no guest kernel can be had: " + made.err.strip().splitlines()[-1])
    shutil.copytree(cache + "/lib/vm", t.root + "/lib/vm", dirs_exist_ok=True)
    t.load_image()


def up(t, *options, code=0):
    return t.wc(*options, "up", "-d", "--wait", "--wait-timeout", str(BOOT), timeout=BOOT + 10, code=code)


def kernel_of(t, service):
    return t.run_inside(service, "cat", "/proc/version", "/proc/sys/kernel/random/boot_id").out


def vmm_of(t, service):
    """The process id of the machine's VMM: a child of its monitor."""
    monitor = t.pid(service)
    children = harness.read(f"/proc/{monitor}/task/{monitor}/children").split()
    found = [int(c) for c in children if "qemu-system" in harness.read(f"/proc/{c}/cmdline")]
    assert len(found) == 1, children
    return found[0]


def case_machine_beside_containers(t):
    """One app, one network: names, HTTP both ways, health as a condition, logs, exit codes, exec, ports, files."""
    ready(t)
    t.write("shared/hello", "from the host\n")
    t.write("one.conf", "a setting\n")
    t.compose("""
        services:
          vm:
            image: bb:1
            isolation: hyperv
            mem_limit: 128m
            stop_grace_period: 60s
            environment: {COLOUR: blue}
            command: ["sh", "-c", "trap 'echo bye; exit 3' TERM; echo up $$COLOUR; httpd -p 80 -h /www; while :; do sleep 0.2; done"]
            ports: ["18481:80"]
            volumes: ["./shared:/shared", "./one.conf:/etc/one.conf:ro", "kept:/kept"]
            tmpfs: [/fast]
            configs: [greeting]
            secrets: [{source: token, uid: "1000", mode: 0400}]
            healthcheck: {test: ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1/"], interval: 1s}
          box:
            image: bb:1
            stop_grace_period: 1s
            command: ["sh", "-c", "wget -q -O - http://vm/; httpd -p 80 -h /www; exec idle"]
            volumes: ["kept:/kept"]
            depends_on: {vm: {condition: service_healthy}}
        volumes: {kept: {}}
        configs: {greeting: {content: "good day"}}
        secrets: {token: {environment: TOKEN}}
    """)
    t.write("shared/index.html", "a page\n")
    t.environment["TOKEN"] = "s3cret"
    up(t)
    rows = {row["Service"]: row for row in t.ps()}
    assert rows["vm"]["Isolation"] == "hyperv" and rows["box"]["Isolation"] == "process", rows
    assert kernel_of(t, "vm") != kernel_of(t, "box")
    assert t.run_inside("box", "cat", "/proc/version").out == harness.read("/proc/version")
    assert "vm" in t.run_inside("vm", "hostname").out
    page = t.until(lambda: t.run_inside("vm", "wget", "-q", "-O", "-", "http://box/", code=None).out, "box to listen")
    assert page == t.run_inside("box", "wget", "-q", "-O", "-", "http://vm/").out
    assert t.http("http://127.0.0.1:18481/", timeout=60)[0] == 200
    assert "up blue" in t.wc("logs", "vm").out
    assert t.run_inside("vm", "sh", "-c", "exit 7", code=7).out == ""
    assert t.run_inside("vm", "cat", "/shared/hello", "/etc/one.conf").out == "from the host\na setting\n"
    assert t.run_inside("vm", "cat", "/greeting", "/run/secrets/token").out == "good days3cret"
    assert t.run_inside("vm", "stat", "-c", "%u %g %a", "/run/secrets/token").out == "1000 0 400\n"
    t.run_inside("vm", "sh", "-c", "echo guest > /shared/back; echo both > /kept/file; echo x > /fast/file; echo root > /root/file")
    assert harness.read(t.dir + "/shared/back") == "guest\n"
    assert t.run_inside("box", "cat", "/kept/file").out == "both\n"
    assert t.run_inside("vm", "sh", "-c", "echo x > /etc/one.conf", code=None).code != 0
    assert t.run_inside("vm", "sh", "-c", "cat", stdin="typed\n").out == "typed\n"
    t.wc("stop", "vm")
    assert t.row("vm")["ExitCode"] == 3, t.row("vm")
    assert "bye" in t.wc("logs", "vm").out
    t.wc("start", "vm", timeout=BOOT)
    assert t.run_inside("vm", "cat", "/root/file").out == "root\n", "the writable layer stays"
    assert t.run_inside("vm", "ls", "/fast").out == "", "what is in memory does not"
    t.wc("down", "-v")


def case_machine_deaths_are_told_apart(t):
    """VMM killed, kernel panic, out of memory, monitor killed: each is told, and the policy holds."""
    ready(t)
    t.compose("""
        services:
          vm:
            image: bb:1
            isolation: hyperv
            mem_limit: 112m
            restart: always
            stop_grace_period: 1s
            command: ["sh", "-c", "while [ ! -e /hog ]; do sleep 0.2; done; rm /hog; echo 500 > /proc/self/oom_score_adj; tail /dev/zero"]
    """)
    up(t)

    def again(restarts):
        t.until(lambda: (row := t.row("vm"))["State"] == "running" and row["Restarts"] == restarts, f"restart {restarts}", BOOT)

    def told(text):
        t.until(lambda: text in t.wc("events", "--since", "10m", "--until", "0s").out, text)

    os.kill(vmm_of(t, "vm"), signal.SIGKILL)
    told("the virtual machine was killed by signal 9")
    again(1)
    t.wc("exec", "-T", "--privileged", "vm", "sh", "-c", "mkdir /p; mount -t proc p /p; echo c > /p/sysrq-trigger", code=None, timeout=90)
    told("the guest's kernel panicked: sysrq triggered crash")
    again(2)
    t.run_inside("vm", "touch", "/hog")
    told("ran out of memory and was killed")
    again(3)
    os.kill(t.pid("vm"), signal.SIGKILL)
    again(4)
    t.wc("down")


def case_machine_hangs(t):
    """A guest that hangs and a VMM that stands still: each is told, ended and started anew; one that was paused goes on."""
    if shutil.which("musl-gcc") is None:
        raise harness.Skip("musl-gcc (package musl-tools) is not installed")
    ready(t)
    machine = '{image: "bb:1", isolation: hyperv, mem_limit: 112m, cpus: 1, restart: always, stop_grace_period: 1s,' \
              ' x-wcompose: {vm: {hang_timeout: 15s}}}'
    t.compose(f"services: {{busy: {machine}, still: {machine}, paused: {machine}}}\n")
    up(t)
    harness.command("musl-gcc", "-static", "-Os", "-s", "-o", t.base + "/hog", os.path.join(HERE, "guest_hog.c"))
    with open(t.base + "/hog", "rb") as program:
        hog = base64.b64encode(program.read()).decode()
    before = {service: (t.pid(service), kernel_of(t, service)) for service in ("busy", "still", "paused")}
    # without the kernel's guard of real-time tasks, one that loops leaves the agent no processor for ever
    t.wc("exec", "-T", "busy", "sh", "-c", "base64 -d > /hog; chmod 755 /hog", stdin=hog)
    t.start("exec", "-T", "--privileged", "busy", "sh", "-c",
            "mkdir /p; mount -t proc p /p; echo -1 > /p/sys/kernel/sched_rt_runtime_us; exec /hog")
    os.kill(vmm_of(t, "still"), signal.SIGSTOP)
    t.wc("pause", "paused")
    began = time.monotonic()

    def told(service, text):
        t.until(lambda: any(service in line and text in line for line in t.wc("events", "--since", "10m", "--until", "0s").out.splitlines()),
                f"{service}: {text}", BOOT)

    told("still", "the virtual machine stands still: neither QEMU nor its guest answers")
    told("busy", "the guest hangs: its agent has not answered in time")
    for service in ("still", "busy"):
        t.until(lambda s=service: (row := t.row(s))["State"] == "running" and row["Restarts"] >= 1, f"{service} again", BOOT)
        assert kernel_of(t, service) != before[service][1], f"{service} has the same kernel"
    time.sleep(max(0, began + 20 - time.monotonic()))  # a pause longer than a silence may be
    t.wc("unpause", "paused")
    time.sleep(6)  # two heartbeats
    assert (t.pid("paused"), kernel_of(t, "paused")) == before["paused"] and t.row("paused")["Restarts"] == 0, t.row("paused")
    t.wc("down")


def case_machine_outlives_us(t):
    """kill -9 of the supervisor and of the keeper: the machine runs on, no line is lost."""
    ready(t)
    t.compose("""
        services:
          vm:
            image: bb:1
            isolation: hyperv
            mem_limit: 112m
            stop_grace_period: 1s
            command: ["sh", "-c", "i=0; while :; do i=$$((i+1)); echo line $$i; sleep 0.1; done"]
    """)
    up(t)
    pid = t.pid("vm")
    run = f"{t.root}/run/projects/{t.project}/instances/{t.row('vm')['ID']}"
    for _ in range(3):
        keeper = int(harness.read(run + "/keeper.pid").split()[0])
        os.kill(keeper, signal.SIGKILL)
        kill_supervisors(t)
        time.sleep(0.3)
        t.wc("up", "-d", timeout=BOOT)
        t.until(lambda: int(harness.read(run + "/keeper.pid").split()[0]) != keeper, "a new keeper")
    assert t.pid("vm") == pid, "the machine is the same"
    t.until(lambda: t.wc("logs", "vm").out.count("line") > 20, "more lines")
    lines = [line.split("|", 1)[1].strip() for line in t.wc("logs", "vm").out.splitlines()]
    assert lines == [f"line {i + 1}" for i in range(len(lines))], lines
    t.wc("down")


def case_machine_is_confined(t):
    """The process tree of a machine has no right, and no file but its own."""
    ready(t)
    t.compose("""
        services:
          a: {image: "bb:1", isolation: hyperv, mem_limit: 112m, stop_grace_period: 1s}
          b: {image: "bb:1", isolation: hyperv, mem_limit: 112m, stop_grace_period: 1s, volumes: ["./shared:/shared"]}
    """)
    os.makedirs(t.dir + "/shared")
    up(t)
    the_file_server_is_confined(t, "b")
    users = set()
    for service in ("a", "b"):
        monitor, vmm = t.pid(service), vmm_of(t, service)
        for pid in (monitor, vmm):
            status = t.status(pid)
            for name in ("CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb"):
                assert int(status[name], 16) == 0, (service, name, status[name])
            assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2", status
            assert len(set(status["Uid"].split())) == 1 and status["Uid"].split()[0] != "0", status["Uid"]
            users.add(status["Uid"].split()[0])
            for kind in ("mnt", "pid", "net", "ipc", "uts"):
                assert os.readlink(f"/proc/{pid}/ns/{kind}") != os.readlink(f"/proc/self/ns/{kind}"), kind
            files = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
            strange = [f for f in files if f.startswith("/") and not f.startswith(("/dev/", "/vm/", "/disks/", "/template/", "/memfd:", "/usr/", "/proc"))
                       and f"/{t.row(service)['ID']}/" not in f]
            assert strange == [], strange
            assert os.listdir(f"/proc/{pid}/root/vm") and not os.path.exists(f"/proc/{pid}/root/etc"), os.listdir(f"/proc/{pid}/root")
        memory_is_not_dumped(vmm)
        other = "b" if service == "a" else "a"
        mounts = harness.read(f"/proc/{monitor}/mountinfo")
        assert t.row(service)["ID"] in mounts and t.row(other)["ID"] not in mounts, mounts
        assert t.project not in " ".join(line.split()[4] for line in mounts.splitlines()), "no path of the host's"
        # its user, with no more rights than it has, finds nothing of the other one even outside of the jail
        for place in (f"{t.root}/run/projects/{t.project}/instances/{t.row(other)['ID']}/vm/conf",
                      f"{t.root}/lib/projects/{t.project}/instances/{t.row(other)['ID']}/scratch",
                      f"/proc/{t.pid(other)}/root/vm/conf", f"/proc/{vmm_of(t, other)}/mem"):
            tried = harness.command("setpriv", "--reuid", status["Uid"].split()[0], "--regid", status["Gid"].split()[0],
                                    "--clear-groups", "head", "-c", "1", place, check=False)
            assert tried.returncode != 0, place
    assert len(users) == 2, users
    links = harness.command("nsenter", "-t", str(t.pid("a")), "-n", "ip", "-o", "link").stdout.splitlines()
    assert len(links) == 1, "only lo: its links are descriptors"
    t.compose("""
        name: strangers
        services:
          web: {image: "bb:1", stop_grace_period: 1s, command: [httpd, -f, -p, "80", -h, /www]}
    """, "other.yaml")
    t.wc("-f", "other.yaml", "up", "-d")
    address = t.wc("-f", "other.yaml", "exec", "-T", "web", "hostname", "-i").out.strip()
    t.until(lambda: t.wc("-f", "other.yaml", "exec", "-T", "web", "wget", "-q", "-O", "/dev/null", f"http://{address}/", code=None).code == 0,
            "the other project's server")
    assert t.run_inside("a", "timeout", "3", "wget", "-q", "-O", "-", f"http://{address}/", code=None).code != 0, "another project"
    assert t.run_inside("a", "nslookup", "web", code=None).code != 0
    t.wc("-f", "other.yaml", "down")
    t.wc("down")


def memory_is_not_dumped(vmm):
    """A core file of the VMM's has nothing of the guest's memory: secrets are in it."""
    blocks = re.findall(r"^[0-9a-f]+-[0-9a-f]+ rw.*?^Size: +(\d+) kB.*?^VmFlags: (.*?)$", harness.read(f"/proc/{vmm}/smaps"), re.M | re.S)
    large = [flags.split() for size, flags in blocks if int(size) >= 64 << 10]
    assert large and all("dd" in flags for flags in large), blocks


def the_file_server_is_confined(t, service):
    """Only the file server has rights, those of an ordinary container at most; every process has a filter; files work."""
    monitor = t.pid(service)
    children = harness.read(f"/proc/{monitor}/task/{monitor}/children").split()
    servers = [int(c) for c in children if "virtiofsd" in harness.read(f"/proc/{c}/cmdline")]
    assert len(servers) == 1, children
    for pid in [monitor, vmm_of(t, service)] + servers:
        for thread in os.listdir(f"/proc/{pid}/task"):
            status = dict(line.split(":", 1) for line in harness.read(f"/proc/{pid}/task/{thread}/status").splitlines() if ":" in line)
            assert status["Seccomp"].strip() == "2" and status["NoNewPrivs"].strip() == "1", (pid, status)
    status = t.status(servers[0])
    admin = sum(1 << n for n in (12, 13, 16, 17, 19, 21, 22, 25, 38, 39, 40))  # network, raw, modules, ptrace, sys_admin, boot, time …
    assert int(status["CapEff"], 16) != 0 and int(status["CapEff"], 16) & admin == 0, status["CapEff"]
    outer, inner = (int(t.status(pid).get("Seccomp_filters", "0")) for pid in (monitor, servers[0]))
    assert inner > outer > 0 or inner == outer == 0, "the server's own filter beside the jail's"
    done = t.run_inside(service, "sh", "-c", """set -e; cd /shared
        echo one > a; ln a b; ln -s a c; mv b d; cat c d; mkdir -p x/y; mkfifo x/pipe; chown 12:34 a; chmod 640 a; stat -c %u:%g:%a a
        touch -d 2001-02-03 a; stat -c %y a | cut -c1-10; truncate -s 100 a; stat -c %s a; df . > /dev/null
        dd if=/dev/zero of=big bs=64k count=32 conv=fsync 2> /dev/null; stat -c %s big; rm -r x d; sync; ls
        for i in 1 2 3 4; do (dd if=big of=big.$i bs=4k 2> /dev/null) & done; wait; cmp big big.3; rm big*; ls | wc -l""", timeout=120)
    assert done.out.split() == ["one", "one", "12:34:640", "2001-02-03", "100", "2097152", "a", "big", "c", "2"], done.out
    st = os.stat(t.dir + "/shared/a")
    assert (st.st_uid, st.st_gid, st.st_size) == (12, 34, 100), st


def case_machine_terminal(t):
    """exec with a terminal, and a service that has one."""
    ready(t)
    t.compose("""
        services:
          vm: {image: "bb:1", isolation: hyperv, mem_limit: 112m, stop_grace_period: 1s}
          shell: {image: "bb:1", isolation: hyperv, mem_limit: 112m, stop_grace_period: 1s, tty: true, stdin_open: true,
                  command: [sh, "-c", "tty; test -t 0 && echo a terminal; exec idle"]}
    """)
    up(t)
    out = subprocess.run(["script", "-qec", f"{t.binary} exec vm sh -c 'tty; stty size; exit 5'", "/dev/null"], cwd=t.dir,
                         env=dict(t.environment, COLUMNS="80"), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=90, check=False)
    assert out.returncode == 5 and "/dev/pts/" in out.stdout, (out.returncode, out.stdout, out.stderr)
    t.until(lambda: "a terminal" in t.wc("logs", "shell").out, "its word")
    t.wc("down")


def case_machine_refusals(t):
    """What can't be had in a machine is refused before anything is made."""
    ready(t)
    t.compose("""
        services:
          web: {image: "bb:1"}
          vm: {image: "bb:1", isolation: hyperv, network_mode: host}
    """)
    failed = t.wc("up", "-d", code=None)
    assert failed.code != 0 and "network_mode: host" in failed.err + failed.out, failed
    assert t.ps() == []


def kill_all(match, but=()):
    """kill -9 of this case's processes by name (its pid namespace has no others)."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if int(pid) not in but and harness.read(f"/proc/{pid}/comm").strip() == match:
                os.kill(int(pid), signal.SIGKILL)
        except OSError:
            pass


def case_machine_start_survives_kills(t):
    """kill -9 of supervisor, keeper or both at any stage of a start: the next `up` brings what was asked for, once."""
    ready(t)
    t.compose("""
        services:
          vm: {image: "bb:1", isolation: hyperv, mem_limit: 112m, stop_grace_period: 1s}
    """)
    up(t)  # its template is there from here on
    before = None
    for round_number in range(6):
        t.wc("down")
        before = before or t.things()
        started = t.start("up", "-d")
        time.sleep(0.1 + 0.35 * round_number)
        if round_number % 3 != 1:
            kill_all("wcompose-super")
        if round_number % 3 != 0:
            kill_all("wcompose-keeper")
        started.wait(timeout=BOOT)
        t.children.remove(started)
        started.stdout.close()
        up(t)
        vmm_of(t, "vm")
        assert t.run_inside("vm", "echo", "well").out == "well\n"
        machines = [p for p in filter(str.isdigit, os.listdir("/proc")) if is_named(p, "qemu-system-x86")]
        assert len(machines) == 1, f"{len(machines)} machines in round {round_number}"
    t.wc("down")
    t.nothing_left(before)


def is_named(pid, name):
    try:
        return harness.read(f"/proc/{pid}/comm").strip() == name and " Z " not in harness.read(f"/proc/{pid}/stat")
    except OSError:
        return False
