#!/usr/bin/env bash
# run.sh [chain.py options]: a chain of ten health-checked services, beside docker compose and docker-compose. Peers: see ../peers/peers.sh.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
WCBENCH_PEERS=${WCBENCH_PEERS:-v2 v1}
. "$here/../peers/peers.sh"
peer_setup "$0" "$@"
python3 "$here/chain.py" --tools "$joined" --log "${WCBENCH_LOG:-$work/tools.log}" "$@"
