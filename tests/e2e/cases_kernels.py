"""Kernels of virtual machines: got, listed, changed, removed; and booted, each driver and device tried."""
import json
import os
import shutil
import subprocess

import cases_machines
import harness

HERE = os.path.dirname(os.path.abspath(__file__))


def case_kernels(t):
    """install --from, ls, use, rm, doctor; what is wrong is said with what mends it."""
    cases_machines.ready(t)
    name = t.wc("vm", "kernel", "ls", "--format", "json").rows[0]["kernel"]
    cache = t.root + "/lib/vm/kernels/" + name
    kept = os.path.join(t.dir, "kept")
    shutil.copytree(cache, kept)
    assert t.wc("doctor", "--format", "json").json["hyperv"]
    assert "did you mean" in t.wc("vm", "kernel", "use", name + "x", code=66).err
    assert t.wc("vm", "kernel", "rm", name).out.strip() == name
    told = t.wc("doctor", "--format", "json", code=4).json
    assert told["process"] and not told["hyperv"], told
    sources = {c["what"]: c["state"] for c in told["checks"] if c["level"] == "sources"}
    assert sources["git"] == "good" and "user of their own" in sources and "missing" not in sources.values(), sources
    row = [c for c in told["checks"] if c["what"] == "guest kernel"][0]
    assert row["state"] == "missing" and row["fix"] == "wcompose vm kernel install", row
    t.compose("services: {web: {image: 'bb:1', isolation: hyperv}}\n")
    refused = t.wc("up", "-d", code=None)
    assert refused.code in (3, 4, 69) and "vm kernel install" in refused.err, refused
    t.wc("down")
    assert t.wc("vm", "kernel", "install", "--from", kept).out.strip() == name
    again = t.wc("vm", "kernel", "install", "--from", kept)
    assert "up to date" in again.err, again
    row = t.wc("vm", "kernel", "ls", "--format", "json").rows[0]
    assert row["in_use"] and row["missing"] == [] and row["modules"] > 5, row
    assert "no kernel" in t.wc("vm", "kernel", "install", "--from", t.dir, code=65).err
    assert "built in" not in t.wc("vm", "kernel", "ls").out
    with open(f"{t.root}/lib/vm/kernels/{name}/meta", "w", encoding="utf-8") as meta:
        meta.write("{}")
    assert "install it again" in t.wc("vm", "kernel", "ls", code=1).err
    told = t.wc("doctor", code=4).out
    assert "vm kernel install --force" in told, told
    t.wc("vm", "kernel", "install", "--from", kept)
    t.wc("doctor")


def stand_in(t):
    """A directory of helper programs in which the agent is kernel_init.c."""
    compiler = next((c for c in ("musl-gcc", "gcc", "cc") if shutil.which(c)), None)
    if compiler is None:
        raise harness.Skip("no C compiler")
    bin_dir = os.path.join(t.dir, "bin")
    os.makedirs(bin_dir)
    for program in ("wcompose-keeper", "wcompose-join"):
        shutil.copy(os.path.join(os.path.dirname(t.binary), program), bin_dir)
    machine = os.uname().machine
    headers = [] if compiler != "musl-gcc" else ["-idirafter", "/usr/include", "-idirafter", f"/usr/include/{machine}-linux-gnu"]
    made = subprocess.run([compiler, "-static", "-Os", "-s", *headers, "-o", bin_dir + "/wcompose-guest", HERE + "/kernel_init.c"],
                          capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise harness.Skip("no static programs can be linked: " + made.stderr.strip().splitlines()[-1])
    return bin_dir


def boot(t, kernel, initramfs, khz, word=""):
    """Runs QEMU to its end and returns what the guest said, and QEMU's exit status."""
    if not os.path.exists(t.dir + "/root.erofs"):
        t.write("image/hello", "from the image\n")
        t.write("share/hello", "from the host\n")
        harness.command("mkfs.erofs", t.dir + "/root.erofs", t.dir + "/image")
    with open(t.dir + "/disk", "wb") as disk:
        disk.truncate(32 << 20)
    harness.command("/sbin/mke2fs", "-q", "-F", "-t", "ext4", t.dir + "/disk")
    share = subprocess.Popen(["/usr/lib/qemu/virtiofsd", "--socket-path=" + t.dir + "/share.sock", "-o", f"source={t.dir}/share,cache=auto"],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    t.until(lambda: os.path.exists(t.dir + "/share.sock"), "virtiofsd")
    try:
        done = subprocess.run(
            ["qemu-system-x86_64", "-M", "microvm,memory-backend=mem", "-accel", "tcg,tb-size=32", "-m", "192", "-nodefaults",
             "-no-user-config", "-display", "none", "-no-reboot", "-object", "memory-backend-memfd,id=mem,size=192M,share=on",
             "-global", "virtio-mmio.force-legacy=off", "-kernel", kernel, "-initrd", initramfs,
             "-append", f"console=ttyS0 quiet tsc_early_khz={khz} tsc=reliable reboot=t panic=-1 rdinit=/init {word}",
             "-serial", "stdio", "-device", "virtio-serial-device", "-chardev", f"file,id=port,path={t.dir}/port",
             "-device", "virtserialport,chardev=port,name=agent",
             "-drive", f"if=none,id=d0,file={t.dir}/root.erofs,format=raw,readonly=on", "-device", "virtio-blk-device,drive=d0",
             "-drive", f"if=none,id=d1,file={t.dir}/disk,format=raw", "-device", "virtio-blk-device,drive=d1",
             "-netdev", "user,id=n0", "-device", "virtio-net-device,netdev=n0", "-device", "virtio-balloon-device,free-page-reporting=on",
             "-device", "virtio-rng-device", "-chardev", f"socket,id=v0,path={t.dir}/share.sock",
             "-device", "vhost-user-fs-device,chardev=v0,tag=share", "-device", "pvpanic"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=150, check=False, errors="replace")
    finally:
        share.kill()
        share.wait()
    return done.stdout.splitlines(), done.returncode


def case_guest_kernel_boots(t):
    """Every module loads in the order of the list; disks, file systems, channel, network, entropy, limits are there."""
    cases_machines.ready(t)
    t.environment["WCOMPOSE_LIBEXEC"] = stand_in(t)
    row = t.wc("vm", "kernel", "ls", "--format", "json").rows[0]
    t.wc("doctor")
    khz = json.loads(harness.read(t.root + "/run/vm-accel"))["tsc_khz"]
    said, status = boot(t, row["image"], row["initramfs"], khz)
    bad = [line for line in said if line.startswith("BAD")]
    assert not bad and status == 0, "\n".join(said)
    good = [line.split()[1] for line in said if line.startswith("GOOD")]
    assert good[-1] == "end" and {"erofs", "ext4", "overlay-write", "virtiofs", "port", "network", "clock"} <= set(good), good
    assert len([g for g in good if g.startswith("/lib/modules/")]) == row["modules"], good
    assert harness.read(t.dir + "/port") == "hello\n"
