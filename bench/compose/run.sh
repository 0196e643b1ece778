#!/usr/bin/env bash
# run.sh [bench.py options]: compare wcompose with docker compose v2 and v1 on dockerd, and with podman-compose, in one run.
#
# Everything happens in network, mount and pid namespaces of its own and under one temporary directory; nothing of the machine's
# own network or container storage is touched, no process of anybody else is counted, and none outlives the run. Peers come from Debian packages (docker.io docker-compose podman podman-compose
# and, unpacked without installing, docker compose v2 from Debian sid). What can't be had is left out and said.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
export WCOMPOSE=${WCOMPOSE:-$top/build/release/wcompose}
[ "$(id -u)" = 0 ] || { echo "run.sh: needs root, as containers do" >&2; exit 77; }
[ -x "$WCOMPOSE" ] || { echo "run.sh: no $WCOMPOSE; build it with: cmake --preset release && cmake --build --preset release" >&2; exit 66; }

if [ "${WCBENCH_INSIDE:-}" != 1 ]; then
    work=$(mktemp -d /tmp/wcbench.XXXXXX)
    export WCBENCH_WORK=$work WCBENCH_INSIDE=1
    status=0
    # /run/docker, /var/lib/containers and cgroup mounts of this run stay in its mount namespace
    unshare --net --mount --pid --fork --kill-child --mount-proc --propagation private bash "$0" "$@" || status=$?
    rm -rf --one-file-system "$work"
    exit $status
fi

work=$WCBENCH_WORK
ip link set lo up
ip link add wcbench0 type veth peer name wcbench1 && ip addr add 192.0.2.1/24 dev wcbench0 && ip link set wcbench0 up && ip link set wcbench1 up
# Peers that don't know a v2 tree beside v1 controllers get v1 only.
# What runtimes then make in its place goes with this namespace.
if mountpoint -q /sys/fs/cgroup/unified; then umount -l /sys/fs/cgroup/unified && mount -t tmpfs tmpfs /sys/fs/cgroup/unified; fi
pids=()
cleanup() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
    # empty cgroup folders that the peers leave behind
    for parent in docker libpod_parent; do
        find /sys/fs/cgroup -mindepth 2 -depth -type d -path "*/$parent*" -exec rmdir {} + 2>/dev/null || true
    done
}
trap cleanup EXIT

missing=()
for package in docker.io docker-compose podman podman-compose iptables; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
    echo "run.sh: installing peers: ${missing[*]}" >&2
    printf '#!/bin/sh\nexit 101\n' > "$work/policy-rc.d" && chmod +x "$work/policy-rc.d"
    [ -e /usr/sbin/policy-rc.d ] || install -m 755 "$work/policy-rc.d" /usr/sbin/policy-rc.d # start no service
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" > "$work/apt.log" 2>&1 ||
        echo "run.sh: could not install them all, see $work/apt.log" >&2
fi

# the payload image, for each tool's store
rootfs=$work/rootfs
mkdir -p "$rootfs"/{bin,etc,proc,sys,dev,tmp}
$(command -v musl-gcc || echo gcc) -O2 -static -s -o "$rootfs/bin/svc" "$here/svc.c"
cp "$(command -v busybox)" "$rootfs/bin/busybox" && ln -s busybox "$rootfs/bin/sh"
echo 'root:x:0:0:root:/root:/bin/sh' > "$rootfs/etc/passwd"; echo 'root:x:0:' > "$rootfs/etc/group"
tar -C "$rootfs" -cf "$work/rootfs.tar" .

tools=()
export WCOMPOSE_ROOT=$work/wcompose
python3 "$here/archive.py" "$work/rootfs.tar" wcbench:1 "$work/image.tar"
"$WCOMPOSE" image load "docker-archive:$work/image.tar" > /dev/null
tools+=("$here/tools/wcompose.json")

export DOCKERD=$work/dockerd
mkdir -p "$DOCKERD"
if command -v dockerd > /dev/null; then
    dockerd --data-root "$DOCKERD/data" --exec-root "$DOCKERD/exec" -H "unix://$DOCKERD/docker.sock" -p "$DOCKERD/pid" \
        > "$work/dockerd.log" 2>&1 &
    pids+=($!)
    export DOCKER_HOST=unix://$DOCKERD/docker.sock
    for _ in $(seq 300); do [ -S "$DOCKERD/docker.sock" ] && docker version > /dev/null 2>&1 && break; sleep 0.1; done
    docker load -q -i "$work/image.tar" > /dev/null
    if [ -z "${COMPOSE_V2:-}" ] && [ -x "$top/../shared/tools/get_oracles.sh" ]; then
        "$top/../shared/tools/get_oracles.sh" "$work/oracles" > "$work/oracles.log" 2>&1 && COMPOSE_V2=$work/oracles/dc-sid
    fi
    if [ -x "${COMPOSE_V2:-}" ]; then export COMPOSE_V2; tools+=("$here/tools/docker-compose-v2.json"); else
        echo "run.sh: no docker compose v2 (set COMPOSE_V2 to its binary)" >&2; fi
    if command -v docker-compose > /dev/null; then tools+=("$here/tools/docker-compose-v1.json"); fi
else
    echo "run.sh: no dockerd; docker compose is left out" >&2
fi

export PODMAN=$work/podman
mkdir -p "$PODMAN"
if command -v podman > /dev/null && [ "${WCBENCH_PODMAN:-1}" = 1 ]; then
    cat > "$PODMAN/containers.conf" <<EOF
[containers]
default_ulimits = ["nofile=1024:4096", "nproc=1024:4096"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
EOF
    printf '[storage]\ndriver = "overlay"\nrunroot = "%s"\ngraphroot = "%s"\n' "$PODMAN/run" "$PODMAN/graph" > "$PODMAN/storage.conf"
    if CONTAINERS_CONF=$PODMAN/containers.conf CONTAINERS_STORAGE_CONF=$PODMAN/storage.conf \
        podman load -q -i "$work/image.tar" > "$work/podman.log" 2>&1; then
        command -v podman-compose > /dev/null && tools+=("$here/tools/podman-compose.json")
    else
        echo "run.sh: podman does not work here: $(tail -n 1 "$work/podman.log")" >&2
    fi
fi

# The kernel's own share, before and after, so that a busy spell shows.
gcc -O2 -D_GNU_SOURCE -std=gnu11 -o "$work/floor" "$here/../floor/floor.c"
floor() { for n in 1 10 50; do "$work/floor" "$rootfs" "$work/scratch" "$n" 5; done; }
floor
joined=$(IFS=,; echo "${tools[*]}")
status=0
python3 "$here/bench.py" --tools "$joined" --log "${WCBENCH_LOG:-$work/tools.log}" "$@" || status=$?
floor
exit $status
