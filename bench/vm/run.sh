#!/bin/sh
# run.sh [vm.py options]: what a kernel of one's own costs, beside bare QEMU and beside a container. As root; needs a release build.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
exec python3 "$here/vm.py" "$@"
