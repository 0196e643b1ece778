#!/usr/bin/env bash
# run.sh [recovery.py options]: how soon a program that was killed runs again, beside dockerd's. Peers: see ../peers/peers.sh.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
WCBENCH_PEERS=${WCBENCH_PEERS:-v2}
. "$here/../peers/peers.sh"
peer_setup "$0" "$@"

# The kernel's own share: namespaces, a root and an execution, nothing else.
gcc -O2 -D_GNU_SOURCE -std=gnu11 -o "$work/floor" "$here/../floor/floor.c"
"$work/floor" "$rootfs" "$work/scratch" 1 11
python3 "$here/recovery.py" --tools "$joined${WCBENCH_MORE:+,$WCBENCH_MORE}" --log "${WCBENCH_LOG:-$work/tools.log}" "$@"
