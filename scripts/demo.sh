#!/bin/bash
# demo.sh - from a bare Debian 12 to a running five-service app: installs what is missing, builds, and
# runs the main job on examples/shop. It may be run again at any time.
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

if [ -n "$down_after" ]; then
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
