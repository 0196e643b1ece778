# lib.sh - what the scripts share: where things are, timed steps, what is installed.
# Sourced by setup.sh, demo.sh and test.sh; bash.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
logs=$top/build/log

# Seconds since $1 (a value of EPOCHREALTIME), as "12.3 s".
since() {
    local now=${EPOCHREALTIME/[.,]/} then=${1/[.,]/}
    local ms=$(((now - then) / 1000))
    printf '%d.%d s' $((ms / 1000)) $((ms % 1000 / 100))
}

# step "what it does" command…: one line with the time it took; its output goes to build/log/, and is
# shown when it fails.
step() {
    local what=$1 begin=$EPOCHREALTIME log status=0
    shift
    mkdir -p "$logs"
    log=$logs/$(printf '%s' "$what" | tr -cs 'A-Za-z0-9' '-').log
    if [ -t 1 ]; then printf '  %-58s' "$what"; fi
    "$@" >"$log" 2>&1 </dev/null || status=$?
    if [ -t 1 ]; then printf '\r'; fi
    if [ "$status" = 0 ]; then
        printf '  %-58s %8s\n' "$what" "$(since "$begin")"
    else
        printf '  %-58s %8s  FAILED (exit %s)\n' "$what" "$(since "$begin")" "$status"
        tail -n 40 "$log" | sed 's/^/    /'
        printf '  the whole output: %s\n' "$log"
    fi
    return "$status"
}

die() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# Runs a command as root.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "root is needed for: $*"
    fi
}

# Builds a preset: configure when there is no build directory yet, then build.
build_preset() {
    local preset=$1
    shift
    [ -f "$top/build/$preset/build.ninja" ] || (cd "$top" && cmake --preset "$preset")
    cmake --build "$top/build/$preset" "$@"
}

# Gets the kernel that virtual machines boot, for the root that WCOMPOSE_ROOT names; what needs it says so
# by itself where there can be none.
guest_kernel() {
    step "kernel for virtual machines" "$@" vm kernel install ||
        printf '  note: services with isolation: hyperv need one; wcompose doctor tells more\n'
}
