"""What is promised about isolation, limits, mounts and the network, looked at from the host."""
import os
import re
import subprocess
import sys

import harness

DOCKER_CAPABILITIES = 0x00000000A80425FB


def addresses_of(t, service, name, *options):
    """What the name server says."""
    out = t.wc(*options, "exec", "-T", service, "nslookup", "-type=a", name, code=None).out
    answers = out.split("\n\n", 1)[1] if "\n\n" in out else ""
    return sorted(set(re.findall(r"^Address(?: \d+)?: ([0-9.]+)", answers, flags=re.M)))


def fetch(t, service, url, *options, code=0):
    """HTTP from within a service. (Not by wget's own -T: Debian's static busybox crashes on it.)"""
    return t.wc(*options, "exec", "-T", service, "timeout", "3", "wget", "-q", "-O", "-", url, code=code)


def fetched(t, service, url, *options):
    """The same of what was started just now, and may not listen yet."""
    return t.until(lambda: fetch(t, service, url, *options, code=None).out, f"an answer from {url}")


def case_default_confinement(t):
    """At least as strict as docker's defaults: capabilities, seccomp, masked and read-only paths."""
    t.load_image()
    t.compose("services: {web: {image: 'bb:1', stop_grace_period: 1s}}\n")
    t.wc("up", "-d")
    status = t.status(t.pid("web"))
    for name in ("CapEff", "CapPrm", "CapBnd"):
        assert int(status[name], 16) & ~DOCKER_CAPABILITIES == 0, (name, status[name])
    assert int(status["CapAmb"], 16) == 0 and int(status["CapInh"], 16) == 0
    assert status["Seccomp"] == "2", "no system call filter"
    for kind in ("mnt", "pid", "net", "ipc", "uts"):
        assert os.readlink(f"/proc/{t.pid('web')}/ns/{kind}") != os.readlink(f"/proc/self/ns/{kind}"), kind
    assert t.run_inside("web", "cat", "/proc/kcore", code=None).out == ""
    assert t.run_inside("web", "sh", "-c", "echo x > /proc/sys/kernel/hostname", code=None).code != 0
    assert t.run_inside("web", "sh", "-c", "echo b > /proc/sysrq-trigger", code=None).code != 0
    assert t.run_inside("web", "mount", "-t", "tmpfs", "x", "/tmp", code=None).code != 0
    assert t.run_inside("web", "sh", "-c", "ls /sys/firmware | wc -l").out.strip() == "0"
    assert t.run_inside("web", "unshare", "-U", "true", code=None).code != 0
    mounts = harness.read(f"/proc/{t.pid('web')}/mountinfo")
    assert any(" /sys " in line and " ro," in line for line in mounts.splitlines()), mounts
    t.wc("down")


def case_capabilities_and_privileges(t):
    t.load_image()
    t.compose("""
        services:
          none: {image: "bb:1", stop_grace_period: 1s, cap_drop: [ALL]}
          one: {image: "bb:1", stop_grace_period: 1s, cap_drop: [ALL], cap_add: [NET_ADMIN]}
          locked: {image: "bb:1", stop_grace_period: 1s, security_opt: ["no-new-privileges:true"]}
          open: {image: "bb:1", stop_grace_period: 1s, security_opt: ["seccomp:unconfined"]}
          user: {image: "bb:1", stop_grace_period: 1s, user: app}
    """)
    t.wc("up", "-d")
    assert int(t.status(t.pid("none"))["CapBnd"], 16) == 0
    assert int(t.status(t.pid("one"))["CapEff"], 16) == 1 << 12
    assert t.status(t.pid("locked"))["NoNewPrivs"] == "1"
    assert t.status(t.pid("open"))["Seccomp"] == "0"
    user = t.status(t.pid("user"))
    assert user["Uid"].split()[0] == "1000" and int(user["CapEff"], 16) == 0, user
    assert "2000" in user["Groups"].split()
    t.wc("down")


def case_limits_are_in_the_cgroup(t):
    t.load_image()
    t.compose("""
        services:
          web:
            image: bb:1
            stop_grace_period: 1s
            mem_limit: 64m
            cpus: 0.5
            pids_limit: 50
            ulimits: {nofile: {soft: 100, hard: 200}}
    """)
    t.wc("up", "-d")
    pid = t.pid("web")
    assert t.cgroup_file(pid, {"memory": "memory.limit_in_bytes", "": "memory.max"}) == str(64 << 20)
    assert t.cgroup_file(pid, {"pids": "pids.max", "": "pids.max"}) == "50"
    quota = t.cgroup_file(pid, {"cpu": "cpu.cfs_quota_us", "": "cpu.max"})
    period = int(t.cgroup_file(pid, {"cpu": "cpu.cfs_period_us"})) if quota.isdigit() else int(quota.split()[1])
    assert int(quota.split()[0]) / period == 0.5, (quota, period)
    limits = harness.read(f"/proc/{pid}/limits")
    line = next(line for line in limits.splitlines() if line.startswith("Max open files"))
    assert line.split()[3:5] == ["100", "200"], line
    t.wc("down")


def case_out_of_memory_is_told(t):
    t.load_image()
    t.compose("""
        services:
          hog: {image: "bb:1", command: [sh, -c, "dd if=/dev/zero of=/dev/shm/x bs=1M count=60; tail /dev/zero"],
                mem_limit: 20m, memswap_limit: 20m}
    """)
    t.wc("up", "-d", code=None)
    t.until(lambda: t.row("hog")["State"] == "exited", "its end")
    row = t.row("hog")
    assert row["ExitCode"] == 137 and "memory" in row["Status"], row
    t.wc("down")


def case_mounts(t):
    """Bind mounts, read-only ones, tmpfs, a named volume that is filled from the image and survives."""
    t.load_image()
    t.write("conf/a.txt", "from the host\n")
    t.compose("""
        services:
          web:
            image: bb:1
            stop_grace_period: 1s
            volumes: ["./conf:/conf", "./conf:/conf-ro:ro", "seed:/seed", "/anonymous"]
            tmpfs: ["/scratch:size=1m"]
        volumes: {seed: {}}
    """)
    before = t.things()
    t.wc("up", "-d")
    assert t.run_inside("web", "cat", "/conf/a.txt", "/seed/first").out == "from the host\nfrom the image\n"
    t.run_inside("web", "sh", "-c", "echo written > /conf/b.txt; echo more > /seed/second")
    assert harness.read(os.path.join(t.dir, "conf", "b.txt")) == "written\n"
    assert t.run_inside("web", "touch", "/conf-ro/c", code=None).code != 0
    assert t.run_inside("web", "sh", "-c", "dd if=/dev/zero of=/scratch/x bs=1M count=2", code=None).code != 0
    t.wc("down")
    t.wc("up", "-d")
    assert t.run_inside("web", "cat", "/seed/second").out == "more\n"
    assert t.run_inside("web", "ls", "/scratch").out == ""
    t.wc("down", "-v")
    t.nothing_left(before)
    t.wc("up", "-d")
    assert t.run_inside("web", "ls", "/seed").out == "first\n"
    t.wc("down", "-v")


def case_read_only_root(t):
    t.load_image()
    t.compose("services: {web: {image: 'bb:1', read_only: true, tmpfs: [/tmp], stop_grace_period: 1s}}\n")
    t.wc("up", "-d")
    assert t.run_inside("web", "touch", "/etc/x", code=None).code != 0
    t.run_inside("web", "touch", "/tmp/x")
    t.wc("down")


def case_what_the_process_sees(t):
    t.load_image()
    t.write("extra.env", "FROM_FILE=yes\nBOTH=file\n")
    t.write(".env", "TAG=1\n")
    t.compose("""
        services:
          web:
            image: bb:${TAG:?}
            stop_grace_period: 1s
            hostname: lighthouse
            working_dir: /www
            env_file: extra.env
            environment: {BOTH: here, DOLLAR: "a$$b", EMPTY: ""}
            init: true
            sysctls: {net.ipv4.ip_default_ttl: "61"}
    """)
    t.wc("up", "-d")
    pid = t.pid("web")
    environment = dict(e.split("=", 1) for e in harness.read(f"/proc/{pid}/environ").split("\0") if e)
    assert environment["FROM_FILE"] == "yes" and environment["BOTH"] == "here" and environment["DOLLAR"] == "a$b"
    assert environment["FROM_IMAGE"] == "yes" and environment["EMPTY"] == ""
    assert t.run_inside("web", "hostname").out == "lighthouse\n"
    assert t.run_inside("web", "pwd").out == "/www\n"
    assert t.run_inside("web", "cat", "/proc/sys/net/ipv4/ip_default_ttl").out == "61\n"
    assert "idle" not in harness.read(f"/proc/{pid}/comm"), "init: true, but the program is process 1"
    t.wc("down")


def case_names_resolve(t):
    t.load_image()
    t.compose("""
        services:
          web: {image: "bb:1", command: [/bin/serve], stop_grace_period: 1s, networks: {front: {aliases: [www, shop.local]}}}
          client: {image: "bb:1", stop_grace_period: 1s, networks: [front, back]}
          hidden: {image: "bb:1", command: [/bin/serve], stop_grace_period: 1s, networks: [back]}
          replica: {image: "bb:1", command: [/bin/serve], stop_grace_period: 1s, networks: [front], deploy: {replicas: 2}}
        networks: {front: {}, back: {}}
    """)
    t.wc("up", "-d")
    hosts = t.run_inside("client", "cat", "/etc/hosts").out
    for name in ("web", "www", "shop.local", "hidden", "replica"):
        assert fetched(t, "client", f"http://{name}/").startswith("hello"), name
        assert re.search(rf"\s{re.escape(name)}(\s|$)", hosts), f"{name} is not in\n{hosts}"
    assert len(addresses_of(t, "client", "replica")) == 2
    assert addresses_of(t, "web", "hidden") == [], "a name of a network that web is not on"
    hidden = addresses_of(t, "client", "hidden")[0]
    assert fetch(t, "web", f"http://{hidden}/", code=None).code != 0
    t.wc("down")


def case_published_ports(t):
    """From 127.0.0.1 and from the host's own address; a port bound to one address only there; UDP."""
    t.load_image()
    t.compose("""
        services:
          web:
            image: bb:1
            command: [/bin/serve]
            stop_grace_period: 1s
            ports: ["8081:80", "127.0.0.1:8082:80", "127.0.0.1:9000-9001:80-81"]
    """)
    t.wc("up", "-d")
    own = harness.OWN_ADDRESS
    assert t.get("http://127.0.0.1:8081/").startswith("hello")
    assert t.get(f"http://{own}:8081/").startswith("hello")
    assert t.get("http://127.0.0.1:8082/").startswith("hello")
    assert t.refused(f"http://{own}:8082/")
    assert t.get("http://127.0.0.1:9000/").startswith("hello")
    assert "8081->80" in t.wc("ps").out
    rules = harness.command("nft", "list", "ruleset").stdout
    assert "8081" in rules and "8082" in rules
    t.wc("down")
    assert t.refused("http://127.0.0.1:8081/")
    assert harness.command("nft", "list", "ruleset").stdout.strip() == ""


def case_container_reaches_out(t):
    """Outbound traffic arrives outside with the host's address."""
    outside = subprocess.Popen(["unshare", "--net", "sleep", "100"])
    t.children.append(outside)
    t.until(lambda: os.readlink(f"/proc/{outside.pid}/ns/net") != os.readlink("/proc/self/ns/net"), "a namespace")
    enter = ["nsenter", "-t", str(outside.pid), "-n"]
    harness.command("ip", "link", "add", "up0", "type", "veth", "peer", "name", "down0", "netns", str(outside.pid))
    harness.command("ip", "address", "add", "198.51.100.1/24", "dev", "up0")
    harness.command("ip", "link", "set", "up0", "up")
    harness.command(*enter, "ip", "address", "add", "198.51.100.2/24", "dev", "down0")
    harness.command(*enter, "ip", "link", "set", "down0", "up")
    harness.command("ip", "route", "add", "default", "via", "198.51.100.2")
    code = ("import http.server as h\n"
            "class H(h.BaseHTTPRequestHandler):\n"
            " def do_GET(s): s.send_response(200); s.end_headers(); s.wfile.write(s.client_address[0].encode())\n"
            " def log_message(s, *a): pass\n"
            "h.HTTPServer(('198.51.100.2', 80), H).serve_forever()\n")
    server = subprocess.Popen(enter + [sys.executable, "-c", code])
    t.children.append(server)
    t.load_image()
    t.compose("""
        services:
          web: {image: "bb:1", stop_grace_period: 1s}
          shut: {image: "bb:1", stop_grace_period: 1s, networks: [inner]}
          none: {image: "bb:1", stop_grace_period: 1s, network_mode: none}
        networks: {inner: {internal: true}}
    """)
    t.wc("up", "-d")
    url = "http://198.51.100.2/"
    got = fetched(t, "web", url)
    assert got == "198.51.100.1", got
    assert fetch(t, "shut", url, code=None).code != 0
    assert fetch(t, "none", url, code=None).code != 0
    t.wc("down")


def case_projects_are_apart(t):
    """Another project's instance can't be reached by its address; with a shared network it can."""
    t.load_image()
    one = t.write("one.yaml", "name: e2eone\nservices: {web: {image: 'bb:1', command: [/bin/serve], "
                              "stop_grace_period: 1s, networks: {default: {}, common: {}}}}\n"
                              "networks: {common: {name: e2ecommon}}\n")
    two = t.write("two.yaml", "name: e2etwo\nservices: {spy: {image: 'bb:1', stop_grace_period: 1s}, "
                              "guest: {image: 'bb:1', stop_grace_period: 1s, networks: [common]}}\n"
                              "networks: {common: {name: e2ecommon, external: true}}\n")
    t.wc("-f", one, "up", "-d")
    t.wc("-f", two, "up", "-d")
    addresses = t.wc("-f", one, "exec", "-T", "web", "ip", "-4", "-o", "address").out
    found = [word.split("/")[0] for line in addresses.splitlines() if " eth" in line for word in line.split() if "/" in word]
    assert len(found) == 2, addresses
    t.until(lambda: any(fetch(t, "guest", f"http://{address}/", "-f", two, code=None).out for address in found), "an answer for the guest")
    for address in found:
        spying = fetch(t, "spy", f"http://{address}/", "-f", two, code=None)
        assert spying.code != 0, f"spy reached {address}"
    t.wc("-f", two, "down")
    t.wc("-f", one, "down")


def case_host_and_shared_network(t):
    t.load_image()
    t.compose("""
        services:
          web: {image: "bb:1", command: [/bin/serve], stop_grace_period: 1s}
          side: {image: "bb:1", stop_grace_period: 1s, network_mode: "service:web"}
          host: {image: "bb:1", stop_grace_period: 1s, network_mode: host}
    """)
    t.wc("up", "-d")
    assert os.readlink(f"/proc/{t.pid('side')}/ns/net") == os.readlink(f"/proc/{t.pid('web')}/ns/net")
    assert os.readlink(f"/proc/{t.pid('host')}/ns/net") == os.readlink("/proc/self/ns/net")
    assert fetched(t, "side", "http://127.0.0.1/").startswith("hello")
    t.wc("down")


def case_run_directory_is_private(t):
    t.load_image()
    t.compose("services: {web: {image: 'bb:1', stop_grace_period: 1s}}\n")
    t.wc("up", "-d")
    sockets = []
    for here, _, names in os.walk(os.path.join(t.root, "run")):
        sockets += [os.path.join(here, n) for n in names if n.endswith(".sock")]
    control = [path for path in sockets if path.endswith("control.sock")]
    assert len(control) == 1, sockets
    assert os.stat(control[0]).st_mode & 0o777 == 0o600
    assert os.stat(os.path.dirname(control[0])).st_mode & 0o777 == 0o700
    t.wc("down")


def readable_by_others(root):
    """Files that any user of the host could open, as far as the modes of files and directories say."""
    for here, directories, files in os.walk(root):
        directories[:] = [d for d in directories if os.lstat(os.path.join(here, d)).st_mode & 0o001]
        for name in files:
            path = os.path.join(here, name)
            if os.path.isfile(path) and os.lstat(path).st_mode & 0o004:
                yield path


def case_secrets_stay_private(t):
    """An environment is in no file that others can read and on no command line; no descriptor gets inside."""
    secret = "swordfish-" + str(os.getpid())
    t.load_image()
    t.compose(f"services: {{web: {{image: 'bb:1', stop_grace_period: 1s, environment: {{KEY: {secret}}}}}}}\n")
    os.chmod(t.root, 0o755)
    t.wc("up", "-d")
    assert t.run_inside("web", "sh", "-c", "echo $KEY").out.strip() == secret
    for path in readable_by_others(t.root):
        with open(path, "rb") as f:
            assert secret.encode() not in f.read(), path
    command = t.start("exec", "-T", "-e", "TOKEN=" + secret, "web", "sh", "-c", "echo ${#TOKEN}; exec sleep 60")
    assert command.stdout.readline() == f"{len(secret)}\n"
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            assert secret not in harness.read(f"/proc/{pid}/cmdline"), pid
        except OSError:
            continue
    command.terminate()
    assert command.wait(60) == 143
    open_inside = {int(fd) for fd in os.listdir(f"/proc/{t.pid('web')}/fd")}
    assert all(fd < 3 or fd == 10 for fd in open_inside), open_inside  # 10: the shell's own script
    t.wc("down")


def case_name_files_are_ones_own(t):
    """What root writes to its name files reaches no neighbour, and a part of a volume stays in it."""
    t.load_image()
    t.compose("""
        services:
          bad: {image: "bb:1", stop_grace_period: 1s, volumes: ["shared:/v"]}
          good: {image: "bb:1", stop_grace_period: 1s}
          part:
            image: bb:1
            stop_grace_period: 1s
            profiles: [later]
            volumes: [{type: volume, source: shared, target: /p, volume: {subpath: sub}}]
        volumes: {shared: {}}
    """)
    t.wc("up", "-d")
    for line in harness.read(f"/proc/{t.pid('bad')}/mountinfo").splitlines():
        source, target = line.split()[3:5]
        if target in ("/etc/hosts", "/etc/hostname", "/etc/resolv.conf"):  # never in /run: that is the host's memory
            assert "/lib/projects/" in source, line
    before = t.run_inside("good", "cat", "/etc/resolv.conf").out
    t.run_inside("bad", "sh", "-c", "echo nameserver 10.6.6.6 > /etc/resolv.conf; echo 10.6.6.6 good >> /etc/hosts")
    assert t.run_inside("good", "cat", "/etc/resolv.conf").out == before
    assert "10.6.6.6" not in t.run_inside("good", "cat", "/etc/hosts").out
    t.run_inside("bad", "ln", "-s", "/", "/v/sub")
    t.wc("--profile", "later", "up", "-d", "part")
    inside = t.wc("--profile", "later", "exec", "-T", "part", "ls", "/p").out.split()
    assert inside == ["sub"], inside  # the volume's own top, not the host's
    t.wc("--profile", "later", "down", "-v")
