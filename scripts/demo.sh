#!/bin/bash
# demo.sh - from a bare Debian 12 to a running five-service app: installs what is missing, builds, and
# runs the main job on examples/shop, then a machine beside a container (examples/two-kernels). It may be run
# again at any time.
#
#   scripts/demo.sh           leaves the app running
#   scripts/demo.sh --down    takes it down at the end (its data stays; down -v removes that)
. "$(dirname "$0")/lib.sh"

begin=$EPOCHREALTIME
down_after=
for argument in "$@"; do
    case $argument in
    --down) down_after=1 ;;
    *) die "unknown argument '$argument'; usage: scripts/demo.sh [--down]" ;;
    esac
done
[ "$(id -u)" = 0 ] || die "run it as root: containers, networks and mounts are made"

wcompose=$top/build/release/wcompose
shop=$top/examples/shop
export SHOP_PORT=${SHOP_PORT:-8080}

# Prints a command the way one types it, then runs it.
show() {
    printf '\n$ %s\n' "wcompose ${*//$top\//}"
    "$wcompose" "$@"
}

front() {
    curl --silent --show-error --fail --max-time 10 "$@"
}

echo "1. Install what is missing, build"
"$top/scripts/setup.sh"
step "build wcompose (release)" build_preset release --target wcompose

echo "2. Make the images from Debian packages (once)"
cd "$shop"
for image in nginx redis postgres; do
    step "image $image" "$wcompose" image make "$image"
done
step "image shop/api" "$wcompose" image make ./api.recipe

echo "3. The plan, the app, a request through it"
show plan
show up -d --wait
printf '\n$ curl http://127.0.0.1:%s/visit\n' "$SHOP_PORT"
front "http://127.0.0.1:$SHOP_PORT/visit"
show ps

# What two-kernels has of the host's: mounts, control groups, processes; links by their difference to "before".
things() {
    cut -d' ' -f5 /proc/self/mountinfo | grep two-kernels || true
    find /sys/fs/cgroup -type d -name '*two-kernels*' 2>/dev/null || true
    grep -ls two-kernels /proc/[0-9]*/cgroup || true
}
links() { find /sys/class/net -mindepth 1 -printf '%f\n' | sort; }

# A machine beside a container: another kernel, the same network, and nothing left of it.
two_kernels() {
    local before own left box machine
    cd "$top/examples/two-kernels"
    before=$(links)
    show up -d --wait --wait-timeout 180
    show exec -T box uname -r
    show exec -T machine uname -r
    box=$("$wcompose" exec -T box cat /proc/sys/kernel/random/boot_id)
    machine=$("$wcompose" exec -T machine cat /proc/sys/kernel/random/boot_id)
    [ "$box" != "$machine" ] || die "box and machine run on one kernel"
    printf '\n$ wcompose exec -T box wget -q -O - http://machine/ | head -n 2\n'
    "$wcompose" exec -T box wget -q -O - http://machine/ | head -n 2
    printf '\n$ wcompose exec -T machine wget -q -O - http://box/ | head -n 2\n'
    "$wcompose" exec -T machine wget -q -O - http://box/ | head -n 2
    show ps
    own=$(comm -13 <(echo "$before") <(links))
    show down
    left=$(things; comm -12 <(echo "$own") <(links))
    [ -z "$left" ] || die "something is left of two-kernels: $left"
    echo "Nothing of it is left: no link, mount, control group or process."
}

echo
echo "4. A service with a kernel of its own (isolation: hyperv)"
if [ "$(uname -m)" = x86_64 ]; then guest_kernel "$wcompose"; fi
if "$wcompose" doctor >/dev/null; then
    two_kernels
else
    echo "  left out, since this host can't have machines: wcompose doctor says what is missing"
fi

if [ -n "$down_after" ]; then
    cd "$shop"
    show down
fi

# What differs from the defaults here must be the same for the commands that are typed next.
settings=
[ "$SHOP_PORT" = 8080 ] || settings+="SHOP_PORT=$SHOP_PORT "
[ -z "${WCOMPOSE_ROOT:-}" ] || settings+="WCOMPOSE_ROOT=$WCOMPOSE_ROOT "

printf '\nAll of it took %s.' "$(since "$begin")"
if [ -z "$down_after" ]; then
    cat <<END
 What to type next:

  cd examples/shop && export ${settings}PATH=$top/build/release:\$PATH
  wcompose logs -f                     what the services write
  wcompose exec api python3 -V         a command inside
  wcompose up -d                       nothing to do, and it says so
  wcompose down && wcompose up -d      the visits are still counted
  wcompose down -v                     everything goes, data too
END
else
    printf '\n'
fi
