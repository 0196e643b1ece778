#!/usr/bin/env python3
"""archive.py ROOTFS.tar NAME:TAG OUT.tar: wrap one layer into a docker-archive, which every tool can load."""

import hashlib
import io
import json
import sys
import tarfile


def add(archive, name, data):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    archive.addfile(info, io.BytesIO(data))


def main():
    layer_path, reference, out_path = sys.argv[1:4]
    with open(layer_path, "rb") as file:
        layer = file.read()
    digest = hashlib.sha256(layer).hexdigest()
    config = json.dumps({
        "architecture": "amd64", "os": "linux", "config": {"Cmd": ["/bin/svc", "idle"], "Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]}, "history": [{"created_by": "bench"}],
        "created": "1970-01-01T00:00:00Z",
    }).encode()
    name = hashlib.sha256(config).hexdigest()
    manifest = [{"Config": f"{name}.json", "RepoTags": [reference], "Layers": [f"{digest}/layer.tar"]}]
    with tarfile.open(out_path, "w") as archive:
        add(archive, f"{name}.json", config)
        add(archive, f"{digest}/layer.tar", layer)
        add(archive, "manifest.json", json.dumps(manifest).encode())


if __name__ == "__main__":
    main()
