#!/usr/bin/env python3
"""generate.py DIR [--layers N] [--mib N] [--pack gzip|zstd]

Writes an OCI layout (tag "big") that is like real images: text, object code and noise in files of 800
bytes to 900 KB, owners, setuid bits, extended attributes, hard and symbolic links, whiteouts, an opaque
directory. The same arguments give the same bytes on the same machine (its programs are the object code).
"""
import argparse
import gzip
import hashlib
import io
import json
import os
import random
import subprocess
import tarfile

SIZES = [800, 3000, 9000, 30000, 120000, 900000]


class Content:
    def __init__(self, rng):
        self.rng = rng
        with open("/bin/bash", "rb") as file:
            self.code = file.read()
        words = [bytes(rng.choices(b"abcdefghijklmnopqrstuvwxyz_", k=rng.randint(2, 9))) for _ in range(4000)]
        self.text = b" ".join(rng.choices(words, k=400000))

    def make(self, size):
        kind = self.rng.choice("ttccn")
        if kind == "n":
            return self.rng.randbytes(size)
        source = self.text if kind == "t" else self.code
        if size >= len(source):
            return source[:size]
        at = self.rng.randrange(len(source) - size)
        return source[at:at + size]


def make_layer(rng, content, number, size):
    out = io.BytesIO()
    tar = tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT)

    def add(name, data=b"", kind=tarfile.REGTYPE, mode=0o644, **fields):
        info = tarfile.TarInfo(name)
        info.size, info.type, info.mode, info.mtime = len(data), kind, mode, 1700000000 + number
        for key, value in fields.items():
            setattr(info, key, value)
        tar.addfile(info, io.BytesIO(data))

    top, count = f"opt/l{number}", 0
    add(top, kind=tarfile.DIRTYPE, mode=0o755)
    while size > 0:
        length = min(size, rng.choice(SIZES))
        if count % 200 == 0:
            add(f"{top}/d{count // 200}", kind=tarfile.DIRTYPE, mode=0o755)
        add(f"{top}/d{count // 200}/f{count}", content.make(length), uid=count % 3 * 1000, gid=count % 2 * 1000,
            mode=0o4755 if count % 97 == 0 else 0o755 if count % 2 else 0o644)
        size -= length
        count += 1
    add(f"{top}/hard", kind=tarfile.LNKTYPE, linkname=f"{top}/d0/f0")
    add(f"{top}/sym", kind=tarfile.SYMTYPE, linkname="d0/f1")
    add(f"{top}/xattr", pax_headers={"SCHILY.xattr.user.wc": "v"})
    if number > 0:
        add(f"opt/l{number - 1}/d0/.wh.f1")
    if number == 10:
        add("opt/l3", kind=tarfile.DIRTYPE, mode=0o755)
        add("opt/l3/.wh..wh..opq")
        add("opt/l3/new", b"n")
    tar.close()
    return out.getvalue()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("directory")
    parser.add_argument("--layers", type=int, default=20)
    parser.add_argument("--mib", type=int, default=300)
    parser.add_argument("--pack", choices=("gzip", "zstd"), default="gzip")
    args = parser.parse_args()
    rng = random.Random(7)
    content = Content(rng)
    blobs = os.path.join(args.directory, "blobs", "sha256")
    os.makedirs(blobs)

    def put(data):
        name = hashlib.sha256(data).hexdigest()
        with open(os.path.join(blobs, name), "wb") as out:
            out.write(data)
        return {"digest": "sha256:" + name, "size": len(data)}

    def pack(data):
        if args.pack == "gzip":
            return gzip.compress(data, 6, mtime=0)
        return subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout

    layers, diff_ids = [], []
    for number in range(args.layers):
        tar = make_layer(rng, content, number, args.mib * 1048576 // args.layers)
        diff_ids.append("sha256:" + hashlib.sha256(tar).hexdigest())
        layers.append(dict(put(pack(tar)), mediaType="application/vnd.oci.image.layer.v1.tar+" + args.pack))
    config = dict(put(json.dumps({
        "architecture": "amd64", "os": "linux", "config": {"Cmd": ["/bin/sh"]},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": [{"created_by": "generate.py"}] * args.layers}).encode()),
        mediaType="application/vnd.oci.image.config.v1+json")
    manifest = dict(put(json.dumps({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config,
        "layers": layers}).encode()), mediaType="application/vnd.oci.image.manifest.v1+json",
        annotations={"org.opencontainers.image.ref.name": "big"})
    with open(os.path.join(args.directory, "index.json"), "w") as out:
        json.dump({"schemaVersion": 2, "manifests": [manifest]}, out)
    with open(os.path.join(args.directory, "oci-layout"), "w") as out:
        json.dump({"imageLayoutVersion": "1.0.0"}, out)


main()
