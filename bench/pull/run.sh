#!/bin/bash
# run.sh [--rounds N] [--on disk|tmpfs] [--only NAMES] - makes the images, goes into namespaces of its own, runs pull.py. Needs root,
# docker-registry, skopeo and libisal-dev; takes podman, dockerd, umoci and mmdebstrap where they are installed, and says what it leaves
# out (apt-get install --no-install-recommends podman docker.io umoci mmdebstrap).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
export WCOMPOSE=${WCOMPOSE:-$root/build/release/wcompose}
if [ "${WCBENCH_INSIDE:-}" = 1 ]; then
    ip link set lo up
    exec env PYTHONPATH="$root/bench/unpack" python3 "$here/pull.py" "$@"
fi
[ "$(id -u)" = 0 ] || { echo "needs root, as unpacking does" >&2; exit 77; }
[ -x "$WCOMPOSE" ] || { echo "build it first: scripts/setup.sh; cmake --workflow --preset release" >&2; exit 66; }
for program in docker-registry skopeo; do
    command -v $program >/dev/null || { echo "$program is not installed" >&2; exit 69; }
done
work=$(mktemp -d /var/tmp/wcp-XXXXXX) # short: podman takes 50 characters
trap 'rm -rf --one-file-system "$work"' EXIT
cc -O2 -o "$work/floor" "$root/bench/unpack/floor.c" -larchive -lcrypto -lisal -lpthread
python3 "$root/bench/unpack/generate.py" "$work/big"
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
# The registry, the daemon and what they mount go with these namespaces.
WCBENCH_INSIDE=1 unshare --net --mount --pid --fork --kill-child --mount-proc --propagation private \
    bash "$here/run.sh" --work "$work" "${layouts[@]}" "$@"
