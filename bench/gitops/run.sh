#!/bin/bash
# run.sh [gitops.py options]: what an agent that has nothing to do costs, and how long a push takes to be ready; both beside git
# alone. As root, in namespaces of its own; needs a release build, git, busybox-static, lighttpd and lighttpd-mod-openssl.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
export WCOMPOSE=${WCOMPOSE:-$root/build/release/wcompose}
if [ "${WCBENCH_INSIDE:-}" = 1 ]; then
    ip link set lo up
    mount -t tmpfs -o size=2g,mode=0700 wcbench "$work"
    exec env PYTHONPATH="$root/tests/e2e" python3 "$here/gitops.py" --work "$work" "$@"
fi
[ "$(id -u)" = 0 ] || { echo "needs root, as containers do" >&2; exit 77; }
[ -x "$WCOMPOSE" ] || { echo "build it first: scripts/setup.sh; cmake --workflow --preset release" >&2; exit 66; }
for program in git openssl /usr/sbin/lighttpd /bin/busybox; do
    command -v "$program" >/dev/null || { echo "$program is not installed (scripts/setup.sh --tests)" >&2; exit 69; }
done
work=$(mktemp -d /tmp/wcg-XXXXXX)
export work
sweep() { # the host has one tree of control groups for all; what was broken off leaves empty ones
    local token
    token=$(printf %s "$work/root/run" | sha256sum | cut -c1-8)
    find /sys/fs/cgroup -depth -type d -path "*/wcompose-$token*" -exec rmdir {} + 2>/dev/null || true
    rmdir "$work"
}
trap sweep EXIT
# The servers, the agent and what they mount go with these namespaces.
WCBENCH_INSIDE=1 unshare --net --mount --pid --fork --kill-child --mount-proc --propagation private bash "$here/run.sh" "$@"
