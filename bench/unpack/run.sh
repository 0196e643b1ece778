#!/bin/bash
# run.sh [--rounds N] [--registry HOST:PORT] - makes the images and the floor, runs unpack.py. Needs root, libisal-dev; takes skopeo,
# umoci, podman and mmdebstrap where they are installed, and says what it leaves out.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
wcompose=${WCOMPOSE:-$root/build/release/wcompose}
work=$(mktemp -d /var/tmp/wcu-XXXXXX) # short: podman takes 50 characters
trap 'rm -rf "$work"' EXIT
[ -x "$wcompose" ] || { echo "build it first: scripts/setup.sh; cmake --workflow --preset release" >&2; exit 1; }
cc -O2 -o "$work/floor" "$here/floor.c" -larchive -lcrypto -lisal -lpthread
python3 "$here/generate.py" "$work/big"
layouts=(--layout "$work/big")
if command -v mmdebstrap >/dev/null && command -v umoci >/dev/null &&
    mmdebstrap --quiet --variant=minbase bookworm "$work/root.tar" 2>"$work/said"; then
    mkdir "$work/root"
    tar -C "$work/root" -xpf "$work/root.tar"
    umoci init --layout "$work/debian" >/dev/null
    umoci new --image "$work/debian:minbase" >/dev/null
    umoci insert --image "$work/debian:minbase" "$work/root" / >/dev/null
    rm -rf "$work/root" "$work/root.tar"
    layouts+=(--layout "$work/debian")
else
    echo "left out: Debian's minimal root (mmdebstrap and umoci make it, with a mirror in reach)"
fi
for peer in skopeo umoci podman; do
    command -v "$peer" >/dev/null || echo "left out: $peer is not installed"
done
python3 "$here/unpack.py" "$wcompose" "$work/floor" "${layouts[@]}" --work "$work" "$@"
