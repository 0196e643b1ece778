#!/usr/bin/env bash
# run.sh [bench.py options]: compare wcompose with docker compose v2 and v1 on dockerd, and with podman-compose, in one run.
# Where all of it happens, and where the peers come from, is in ../peers/peers.sh.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../peers/peers.sh"
peer_setup "$0" "$@"

# The kernel's own share, before and after, so that a busy spell shows.
gcc -O2 -D_GNU_SOURCE -std=gnu11 -o "$work/floor" "$here/../floor/floor.c"
floor() { for n in 1 10 50; do "$work/floor" "$rootfs" "$work/scratch" "$n" 5; done; }
floor
status=0
python3 "$here/bench.py" --tools "$joined" --log "${WCBENCH_LOG:-$work/tools.log}" "$@" || status=$?
floor
exit $status
