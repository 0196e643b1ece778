#!/bin/sh
# Builds and runs bench_pass (pass.c says what it measures) in the release build.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
cmake -S "$root" --preset release >/dev/null
ninja -C "$root/build/release" bench_pass >/dev/null
exec "$root/build/release/bench_pass" "$@"
