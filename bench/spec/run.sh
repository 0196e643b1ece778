#!/usr/bin/env bash
# run.sh [run.py options]: how long `config -q` takes beside docker compose 2, on one core, in the same run.
#
# Needs neither root nor a daemon. docker compose is taken from COMPOSE_V2=/path/to/docker-compose, or unpacked from a Debian package
# into a temporary directory by get_oracles.sh where that lies beside the repository; without it only wcompose is measured.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
wcompose=${WCOMPOSE:-$top/build/release/wcompose}
[ -x "$wcompose" ] || { echo "run.sh: no $wcompose; build it with: cmake --preset release && cmake --build --preset release" >&2; exit 66; }

peer=${COMPOSE_V2:-}
work=
trap '[ -z "$work" ] || rm -rf --one-file-system "$work"' EXIT
oracles=${WC_ORACLES:-$top/../shared/tools/get_oracles.sh}
if [ -z "$peer" ] && [ -x "$oracles" ]; then
    work=$(mktemp -d /tmp/wcbench-oracles.XXXXXX)
    "$oracles" "$work" > "$work/log" 2>&1 && peer=$work/dc-sid
fi
if [ -x "$peer" ]; then
    echo "peer: $("$peer" version --short)"
else
    echo "run.sh: no docker compose v2 (set COMPOSE_V2 to its binary); measuring wcompose alone" >&2
    peer=
fi
python3 "$here/run.py" --wcompose "$wcompose" --peer "$peer" "$@"
