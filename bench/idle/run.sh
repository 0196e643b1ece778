#!/usr/bin/env bash
# run.sh [idle.py options]: the cost of 50 services at rest, beside dockerd's. Peers: see ../peers/peers.sh.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
WCBENCH_PEERS=${WCBENCH_PEERS:-v2}
. "$here/../peers/peers.sh"
peer_setup "$0" "$@"
python3 "$here/idle.py" --tools "$joined" --log "${WCBENCH_LOG:-$work/tools.log}" "$@"
