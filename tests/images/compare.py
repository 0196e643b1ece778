#!/usr/bin/env python3
"""compare.py - unpacked images, entry by entry, against what `umoci unpack` makes of them.

  compare.py WCOMPOSE [--seed N] [--layers 1,5,100]

Makes images of random layers (every kind of entry, whiteouts, opaque directories, entries that replace
others, parents that no layer names), packed with gzip and zstd and not at all, in an OCI layout; loads
them, mounts the layers as the kernel would for a container, and compares type, mode, owner, time, size,
content, link target, device number, hard links and extended attributes. Needs root (overlay, devices)
and umoci; says 77 without.
"""
import argparse
import gzip
import hashlib
import io
import json
import os
import random
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile

SKIP = 77


def skip(why):
    print(f"skipped: {why}")
    sys.exit(SKIP)


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def zstd(data):
    return subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout


PACK = {
    "": lambda data: data,
    "+gzip": lambda data: gzip.compress(data, 4, mtime=0),
    "+zstd": zstd,
}


class Layer:
    """One layer's tar: random entries over the names that the layers below have."""

    def __init__(self, rng, number, below):
        self.rng, self.number = rng, number
        self.below = below  # path -> kind, as the image is so far; kept up to date
        self.made = set()  # paths of this layer
        self.out = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.out, mode="w", format=tarfile.PAX_FORMAT)

    def info(self, path, kind, mode):
        info = tarfile.TarInfo(path)
        info.type, info.mode = kind, mode
        info.uid, info.gid = self.rng.choice([(0, 0), (0, 42), (1000, 1000), (70000, 70001)])
        info.mtime = 1500000000 + self.rng.randrange(10 ** 8)
        return info

    def is_free(self, path):
        """No part of it may be touched twice in one layer in ways on which tools disagree."""
        parts = path.split("/")
        for n in range(1, len(parts)):
            parent = "/".join(parts[:n])
            if self.below.get(parent, "dir") != "dir" or f"wh:{parent}" in self.made:
                return False
        return path not in self.made and f"wh:{path}" not in self.made

    def drop_below(self, path):
        for other in [p for p in self.below if p.startswith(path + "/")]:
            del self.below[other]

    def add_parents(self, path):
        """Every parent is named, as builders do: what a nameless one is like is each tool's own business."""
        parts = path.split("/")
        for n in range(1, len(parts)):
            parent = "/".join(parts[:n])
            if parent not in self.made:
                info = self.info(parent, tarfile.DIRTYPE, self.rng.choice([0o755, 0o700, 0o1777, 0o2755]))
                self.tar.addfile(info)
                self.made.add(parent)
                self.below[parent] = "dir"

    def put(self, path, kind):
        if not self.is_free(path):
            return
        was = self.below.get(path)
        if was == "dir" and kind != "dir":
            if any(p.startswith(path + "/") for p in self.made):
                return
            self.drop_below(path)
        self.add_parents(path)
        rng = self.rng
        if kind == "dir":
            self.tar.addfile(self.info(path, tarfile.DIRTYPE, rng.choice([0o755, 0o750, 0o1777])))
        elif kind == "file":
            data = rng.randbytes(rng.choice([0, 1, 511, 512, 513, 70000]))
            info = self.info(path, tarfile.REGTYPE, rng.choice([0o644, 0o600, 0o4755, 0o2711, 0o400]))
            info.size = len(data)
            if rng.random() < 0.3:
                info.pax_headers["SCHILY.xattr.user.note"] = f"layer {self.number}"
            if rng.random() < 0.2:
                info.pax_headers["mtime"] = f"{info.mtime}.{rng.randrange(10 ** 9):09}"
            self.tar.addfile(info, io.BytesIO(data))
        elif kind == "link":
            info = self.info(path, tarfile.SYMTYPE, 0o777)
            info.linkname = rng.choice(["target", "../up", "/etc/passwd", "/no/such", "a" * 90])
            self.tar.addfile(info)
        elif kind == "hard":
            files = [p for p in sorted(self.made) if self.below.get(p) == "file"]
            if not files:
                return
            info = self.info(path, tarfile.LNKTYPE, 0o644)
            info.linkname = rng.choice(files)
            self.tar.addfile(info)
        elif kind == "device":
            info = self.info(path, rng.choice([tarfile.CHRTYPE, tarfile.BLKTYPE]), 0o620)
            info.devmajor, info.devminor = rng.choice([(1, 3), (5, 1), (8, 17), (300, 70000 % 256)])
            self.tar.addfile(info)
        elif kind == "fifo":
            self.tar.addfile(self.info(path, tarfile.FIFOTYPE, 0o644))
        self.made.add(path)
        self.below[path] = "file" if kind == "hard" else kind

    def whiteout(self):
        candidates = [p for p in sorted(self.below) if p not in self.made and self.is_free(p) and
                      not any(m.startswith(p + "/") for m in self.made)]
        if not candidates:
            return
        path = self.rng.choice(candidates)
        self.add_parents(path)
        head, _, name = path.rpartition("/")
        self.tar.addfile(self.info(f"{head}/.wh.{name}" if head else f".wh.{name}", tarfile.REGTYPE, 0o600))
        self.made.add(f"wh:{path}")
        self.drop_below(path)
        del self.below[path]

    def opaque(self):
        """Before anything is put below it: the order of a layer's entries must not matter."""
        candidates = [p for p in sorted(self.below) if self.below[p] == "dir" and p not in self.made and
                      self.is_free(p) and not any(m.startswith(p + "/") for m in self.made)]
        if not candidates:
            return
        path = self.rng.choice(candidates)
        self.add_parents(path + "/x")
        self.tar.addfile(self.info(path + "/.wh..wh..opq", tarfile.REGTYPE, 0o600))
        self.drop_below(path)

    def finish(self):
        self.tar.close()
        return self.out.getvalue()


def make_layer(rng, number, below):
    layer = Layer(rng, number, below)
    for _ in range(rng.randrange(2)):
        layer.opaque()
    for _ in range(rng.randrange(4)):
        layer.whiteout()
    for _ in range(8 + rng.randrange(20)):
        depth = rng.choice([1, 1, 2, 3, 5])
        path = "/".join(rng.choice(["etc", "usr", "lib", "a b", "x", "ünï", "n" * 60]) + str(rng.randrange(9))
                        for _ in range(depth))
        layer.put(path, rng.choice(["dir", "file", "file", "file", "link", "hard", "device", "fifo"]))
    return layer.finish()


def make_layout(directory, rng, n_layers, kinds):
    blobs = os.path.join(directory, "blobs", "sha256")
    os.makedirs(blobs)

    def put(data):
        with open(os.path.join(blobs, digest(data)[7:]), "wb") as out:
            out.write(data)
        return {"digest": digest(data), "size": len(data)}

    layers, diff_ids, below = [], [], {}
    for number in range(n_layers):
        tar = make_layer(rng, number, below)
        kind = kinds[number % len(kinds)]
        layers.append(dict(put(PACK[kind](tar)), mediaType="application/vnd.oci.image.layer.v1.tar" + kind))
        diff_ids.append(digest(tar))
    config = json.dumps({"os": "linux", "architecture": "amd64", "config": {},
                         "rootfs": {"type": "layers", "diff_ids": diff_ids},
                         "history": [{"created_by": "compare.py"}] * n_layers}).encode()
    manifest = json.dumps({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": dict(put(config), mediaType="application/vnd.oci.image.config.v1+json"),
        "layers": layers}).encode()
    entry = dict(put(manifest), mediaType="application/vnd.oci.image.manifest.v1+json",
                 annotations={"org.opencontainers.image.ref.name": "compare"})
    with open(os.path.join(directory, "index.json"), "w") as out:
        json.dump({"schemaVersion": 2, "manifests": [entry]}, out)
    with open(os.path.join(directory, "oci-layout"), "w") as out:
        out.write('{"imageLayoutVersion":"1.0.0"}')
    return diff_ids


def look(root):
    """path -> what it is, for everything below root."""
    found, inodes = {}, {}
    for top, dirs, files in os.walk(os.fsencode(root)):
        for name in dirs + files:
            path = os.path.join(top, name)
            st = os.lstat(path)
            short = os.path.relpath(path, os.fsencode(root))
            facts = {"mode": oct(st.st_mode), "owner": (st.st_uid, st.st_gid)}
            facts["time"] = st.st_mtime_ns
            if stat.S_ISREG(st.st_mode):
                with open(path, "rb") as file:
                    facts["content"] = hashlib.sha256(file.read()).hexdigest()[:16]
                facts["size"] = st.st_size
                inodes.setdefault((st.st_dev, st.st_ino), []).append(short)
            if stat.S_ISLNK(st.st_mode):
                facts["target"] = os.readlink(path)
            if stat.S_ISCHR(st.st_mode) or stat.S_ISBLK(st.st_mode):
                facts["device"] = (os.major(st.st_rdev), os.minor(st.st_rdev))
            facts["xattrs"] = {n: os.getxattr(path, n, follow_symlinks=False)
                               for n in os.listxattr(path, follow_symlinks=False)}
            found[short] = facts
    for names in inodes.values():
        for name in names:
            found[name]["same as"] = sorted(names)
    return found


def differences(ours, theirs):
    for path in sorted(set(ours) | set(theirs)):
        if path not in ours or path not in theirs:
            yield f"{os.fsdecode(path)}: only {'umoci' if path not in ours else 'wcompose'} has it"
            continue
        for key in sorted(set(ours[path]) | set(theirs[path])):
            a, b = ours[path].get(key), theirs[path].get(key)
            if a != b:
                yield f"{os.fsdecode(path)}: {key}: wcompose {a}, umoci {b}"


def unpack_theirs(seed, n_layers, work):
    """What umoci makes of an image of so many layers."""
    layout, bundle = os.path.join(work, "layout"), os.path.join(work, "bundle")
    make_layout(layout, random.Random(f"{seed}-{n_layers}"), n_layers, ["+gzip"]) # umoci 0.4 knows no zstd
    subprocess.run(["umoci", "unpack", "--image", f"{layout}:compare", bundle], check=True,
                   stdout=subprocess.DEVNULL)
    return look(os.path.join(bundle, "rootfs"))


def unpack_ours(wcompose, rng, n_layers, kinds, work):
    """What we make of the same layers, packed in these ways."""
    layout, root, mounted, empty = (os.path.join(work, name) for name in ("layout", "root", "mounted", "empty"))
    diff_ids = make_layout(layout, rng, n_layers, kinds)
    env = dict(os.environ, WCOMPOSE_ROOT=root)
    subprocess.run([wcompose, "image", "load", f"oci:{layout}"], env=env, check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    [layers] = [top for top, dirs, _ in os.walk(root) if top.endswith("/layers") and "diffs" in
                os.listdir(os.path.dirname(top))]
    os.mkdir(mounted)
    os.mkdir(empty)
    lower = ":".join([d[7:23] for d in dict.fromkeys(reversed(diff_ids))] + [empty])
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", f"ro,lowerdir={lower}", mounted], cwd=layers,
                   check=True)
    try:
        return look(mounted)
    finally:
        subprocess.run(["umount", mounted], check=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("wcompose")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--layers", default="1,2,7,20,100")
    args = parser.parse_args()
    if os.geteuid() != 0:
        skip("needs root: devices, owners, overlay")
    for program in ("umoci", "zstd"):
        if shutil.which(program) is None:
            skip(f"{program} is not installed (scripts/setup.sh --tests)")
    if "WC_PRIVATE" not in os.environ: # mounts of ours are nobody's business
        os.execvpe("unshare", ["unshare", "-m", sys.executable, *sys.argv], dict(os.environ, WC_PRIVATE="1"))
    failed = 0
    for n_layers in [int(n) for n in args.layers.split(",")]:
        with tempfile.TemporaryDirectory(prefix="wc-compare-") as work:
            theirs = unpack_theirs(args.seed, n_layers, work)
        for kinds in (["+gzip"], ["+zstd"], ["", "+gzip", "+zstd"]):
            rng = random.Random(f"{args.seed}-{n_layers}")
            with tempfile.TemporaryDirectory(prefix="wc-compare-") as work:
                ours = unpack_ours(args.wcompose, rng, n_layers, kinds, work)
            found, entries = list(differences(ours, theirs)), len(ours)
            print(f"{n_layers:4} layers {','.join(kinds) or 'plain':20} {entries:5} entries, "
                  f"{len(found)} differences")
            for line in found[:10]:
                print(f"       {line}")
            failed += len(found)
    sys.exit(1 if failed else 0)


main()
