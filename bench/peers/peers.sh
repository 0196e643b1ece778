# peers.sh: sourced by a benchmark's run.sh; gives it wcompose and its peers, and an image that each of them has.
#
#   peer_setup "$0" "$@"    once, first: goes into namespaces of its own, starts dockerd, loads the image wcbench:1
#   $tools                  afterwards: files that describe the tools (peers/tools), wcompose first
#   $work $rootfs           a directory that is removed at the end; what the image consists of
#
# WCBENCH_PEERS chooses among "v2 v1 podman" (all). Everything happens in network, mount and pid namespaces of its own
# and under one temporary directory; nothing of the machine's own network or container storage is touched, no process of
# anybody else is counted, and none outlives the run. Peers come from Debian packages (docker.io docker-compose podman
# podman-compose and, unpacked without installing, docker compose v2 from Debian sid). What can't be had is left out and said.
peers=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$peers/../.." && pwd)
export WCOMPOSE=${WCOMPOSE:-$top/build/release/wcompose}
export WCBENCH_PEERS=${WCBENCH_PEERS:-v2 v1 podman}
export PYTHONPATH=$peers
tools=()
pids=()

say() { echo "$(basename "$(dirname "$0")"): $*" >&2; }
has_peer() { [[ " $WCBENCH_PEERS " == *" $1 "* ]]; }

peer_enter() {
    [ "$(id -u)" = 0 ] || { say "needs root, as containers do"; exit 77; }
    [ -x "$WCOMPOSE" ] || { say "no $WCOMPOSE; build it with: cmake --preset release && cmake --build --preset release"; exit 66; }
    [ "${WCBENCH_INSIDE:-}" = 1 ] && return
    WCBENCH_WORK=$(mktemp -d /tmp/wcbench.XXXXXX)
    export WCBENCH_WORK WCBENCH_INSIDE=1
    local status=0
    # /run/docker, /var/lib/containers and cgroup mounts of this run stay in its mount namespace
    unshare --net --mount --pid --fork --kill-child --mount-proc --propagation private bash "$@" || status=$?
    rm -rf --one-file-system "$WCBENCH_WORK"
    exit $status
}

peer_cleanup() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
    # empty cgroup folders that the peers leave behind
    for parent in docker libpod_parent; do
        find /sys/fs/cgroup -mindepth 2 -depth -type d -path "*/$parent*" -exec rmdir {} + 2>/dev/null || true
    done
}

peer_install() {
    local missing=() wanted=() package
    if has_peer v2 || has_peer v1; then wanted+=(docker.io iptables); fi
    if has_peer v1; then wanted+=(docker-compose); fi
    if has_peer podman; then wanted+=(podman podman-compose); fi
    for package in "${wanted[@]}"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    say "installing peers: ${missing[*]}"
    printf '#!/bin/sh\nexit 101\n' > "$work/policy-rc.d" && chmod +x "$work/policy-rc.d"
    [ -e /usr/sbin/policy-rc.d ] || install -m 755 "$work/policy-rc.d" /usr/sbin/policy-rc.d # start no service
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" > "$work/apt.log" 2>&1 ||
        say "could not install them all: $(tail -n 1 "$work/apt.log")"
}

peer_image() {
    mkdir -p "$rootfs"/{bin,etc,proc,sys,dev,tmp}
    $(command -v musl-gcc || echo gcc) -O2 -static -s -o "$rootfs/bin/svc" "$peers/svc.c"
    cp "$(command -v busybox)" "$rootfs/bin/busybox" && ln -s busybox "$rootfs/bin/sh"
    echo 'root:x:0:0:root:/root:/bin/sh' > "$rootfs/etc/passwd"; echo 'root:x:0:' > "$rootfs/etc/group"
    tar -C "$rootfs" -cf "$work/rootfs.tar" .
    python3 "$peers/archive.py" "$work/rootfs.tar" wcbench:1 "$work/image.tar"
}

peer_docker() {
    export DOCKERD=$work/dockerd
    mkdir -p "$DOCKERD"
    if ! command -v dockerd > /dev/null; then say "no dockerd; docker compose is left out"; return 0; fi
    dockerd --data-root "$DOCKERD/data" --exec-root "$DOCKERD/exec" -H "unix://$DOCKERD/docker.sock" -p "$DOCKERD/pid" \
        > "$work/dockerd.log" 2>&1 &
    pids+=($!)
    export DOCKER_HOST=unix://$DOCKERD/docker.sock
    for _ in $(seq 300); do [ -S "$DOCKERD/docker.sock" ] && docker version > /dev/null 2>&1 && break; sleep 0.1; done
    docker load -q -i "$work/image.tar" > /dev/null
    if has_peer v2 && [ -z "${COMPOSE_V2:-}" ] && [ -x "$top/../shared/tools/get_oracles.sh" ]; then
        "$top/../shared/tools/get_oracles.sh" "$work/oracles" > "$work/oracles.log" 2>&1 && COMPOSE_V2=$work/oracles/dc-sid
    fi
    if has_peer v2 && [ -x "${COMPOSE_V2:-}" ]; then export COMPOSE_V2; tools+=("$peers/tools/docker-compose-v2.json"); else
        has_peer v2 && say "no docker compose v2 (set COMPOSE_V2 to its binary)"; fi
    if has_peer v1 && command -v docker-compose > /dev/null; then tools+=("$peers/tools/docker-compose-v1.json"); fi
}

peer_podman() {
    export PODMAN=$work/podman
    mkdir -p "$PODMAN"
    has_peer podman && command -v podman > /dev/null || return 0
    cat > "$PODMAN/containers.conf" <<END
[containers]
default_ulimits = ["nofile=1024:4096", "nproc=1024:4096"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
END
    printf '[storage]\ndriver = "overlay"\nrunroot = "%s"\ngraphroot = "%s"\n' "$PODMAN/run" "$PODMAN/graph" > "$PODMAN/storage.conf"
    if CONTAINERS_CONF=$PODMAN/containers.conf CONTAINERS_STORAGE_CONF=$PODMAN/storage.conf \
        podman load -q -i "$work/image.tar" > "$work/podman.log" 2>&1; then
        command -v podman-compose > /dev/null && tools+=("$peers/tools/podman-compose.json")
    else
        say "podman does not work here: $(tail -n 1 "$work/podman.log")"
    fi
}

peer_setup() {
    peer_enter "$@"
    work=$WCBENCH_WORK rootfs=$WCBENCH_WORK/rootfs
    trap peer_cleanup EXIT
    ip link set lo up
    ip link add wcbench0 type veth peer name wcbench1 && ip addr add 192.0.2.1/24 dev wcbench0
    ip link set wcbench0 up && ip link set wcbench1 up
    # Peers that don't know a v2 tree beside v1 controllers get v1 only.
    # What runtimes then make in its place goes with this namespace.
    if mountpoint -q /sys/fs/cgroup/unified; then
        umount -l /sys/fs/cgroup/unified && mount -t tmpfs tmpfs /sys/fs/cgroup/unified
    fi
    peer_install
    peer_image
    export WCOMPOSE_ROOT=$work/wcompose
    "$WCOMPOSE" image load "docker-archive:$work/image.tar" > /dev/null
    tools+=("$peers/tools/wcompose.json")
    peer_docker
    peer_podman
    joined=$(IFS=,; echo "${tools[*]}")
}
