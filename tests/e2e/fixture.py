"""fixture.py - a small image made of the machine's own static busybox, written by this file and not by the
product, so that loading is tested against an independent writer.

Programs in it: every busybox applet, /bin/idle (waits, leaves on SIGTERM), /bin/serve (HTTP on $PORT, leaves
on SIGTERM).
"""
import hashlib
import io
import json
import os
import subprocess
import tarfile

BUSYBOX = "/bin/busybox"

FILES = {
    "bin/idle": ("#!/bin/sh\ntrap 'exit 0' TERM INT\necho ready\nwhile :; do sleep 3600 & wait $!; done\n", 0o755),
    "bin/serve": ("#!/bin/sh\nhttpd -f -p ${PORT:-80} -h ${ROOT:-/www} &\ntrap 'exit 0' TERM INT\n"
                  "echo serving\nwait\n", 0o755),
    "etc/passwd": ("root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:app:/home/app:/bin/sh\n", 0o644),
    "etc/group": ("root:x:0:\napp:x:1000:\nextra:x:2000:app\n", 0o644),
    "www/index.html": ("hello from the image\n", 0o644),
    "seed/first": ("from the image\n", 0o644),
}
DIRECTORIES = ("bin", "etc", "www", "seed", "root", "home", "home/app", "tmp", "proc", "sys", "dev", "var", "run")


def entry(name, kind=tarfile.REGTYPE, mode=0o644, size=0, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.size, info.linkname = kind, mode, size, link
    return info


def layer(more=None):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name in DIRECTORIES:
            tar.addfile(entry(name, tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755))
        with open(BUSYBOX, "rb") as f:
            data = f.read()
        tar.addfile(entry("bin/busybox", mode=0o755, size=len(data)), io.BytesIO(data))
        names = subprocess.run([BUSYBOX, "--list"], check=True, capture_output=True, text=True).stdout.split()
        for name in sorted(set(names) - {"busybox"}):
            tar.addfile(entry("bin/" + name, tarfile.SYMTYPE, 0o777, link="busybox"))
        for name, (text, mode) in dict(FILES, **(more or {})).items():
            data = text.encode()
            tar.addfile(entry(name, mode=mode, size=len(data)), io.BytesIO(data))
    return out.getvalue()


def config(diff_ids, **extra):
    settings = {"Env": ["PATH=/bin", "FROM_IMAGE=yes"], "Cmd": ["/bin/idle"], "WorkingDir": "/"}
    settings.update(extra)
    return json.dumps({"architecture": "amd64" if os.uname().machine == "x86_64" else "arm64", "os": "linux",
                       "created": "2026-01-01T00:00:00Z", "config": settings,
                       "rootfs": {"type": "layers", "diff_ids": diff_ids},
                       "history": [{"created": "2026-01-01T00:00:00Z", "created_by": "a test"} for _ in diff_ids]}).encode()


def add(tar, name, data):
    tar.addfile(entry(name, size=len(data)), io.BytesIO(data))


def docker_archive(path, name="bb:1", more=None, **extra):
    """Writes what `docker save` writes; more: further files, name to (text, mode)."""
    data = layer(more)
    digest = hashlib.sha256(data).hexdigest()
    settings = config(["sha256:" + digest], **extra)
    config_name = hashlib.sha256(settings).hexdigest() + ".json"
    manifest = [{"Config": config_name, "RepoTags": [name], "Layers": [digest + "/layer.tar"]}]
    with tarfile.open(path, "w") as tar:
        add(tar, digest + "/layer.tar", data)
        add(tar, config_name, settings)
        add(tar, "manifest.json", json.dumps(manifest).encode())


def top_layer(files):
    """A layer with nothing but these: name to (text, mode)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, (text, mode) in files.items():
            data = text.encode()
            tar.addfile(entry(name, mode=mode, size=len(data)), io.BytesIO(data))
    return out.getvalue()


def oci_directory(path, name="bb-oci:1", more=None, top=None, **extra):
    """Writes an OCI image layout as a directory; more: further files, name to (text, mode); top: the same in a second layer;
    extra: of the configuration."""
    blobs = os.path.join(path, "blobs", "sha256")
    os.makedirs(blobs)

    def blob(data, media_type):
        digest = hashlib.sha256(data).hexdigest()
        with open(os.path.join(blobs, digest), "wb") as f:
            f.write(data)
        return {"mediaType": media_type, "digest": "sha256:" + digest, "size": len(data)}

    layers = [blob(data, "application/vnd.oci.image.layer.v1.tar") for data in [layer(more)] + ([top_layer(top)] if top else [])]
    config_blob = blob(config([one["digest"] for one in layers], **extra), "application/vnd.oci.image.config.v1+json")
    manifest = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                           "config": config_blob, "layers": layers}).encode()
    manifest_blob = blob(manifest, "application/vnd.oci.image.manifest.v1+json")
    manifest_blob["annotations"] = {"org.opencontainers.image.ref.name": name}
    with open(os.path.join(path, "index.json"), "w", encoding="utf-8") as f:
        json.dump({"schemaVersion": 2, "manifests": [manifest_blob]}, f)
    with open(os.path.join(path, "oci-layout"), "w", encoding="utf-8") as f:
        json.dump({"imageLayoutVersion": "1.0.0"}, f)
