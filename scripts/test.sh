#!/bin/bash
# test.sh - installs what is missing, builds, and runs every test: units and checks (CTest), end to end
# on real containers (as root), fuzz targets for a while. The last line is "N passed, N failed, N skipped".
#
#   scripts/test.sh                  everything
#   scripts/test.sh units e2e fuzz   these parts only
#
# WC_FUZZ_SECONDS  for all fuzz targets together (default 60; 0 = none)
# WC_JOBS          parallel jobs (default: number of processors)
. "$(dirname "$0")/lib.sh"

begin=$EPOCHREALTIME
parts=${*:-units e2e fuzz}
jobs=${WC_JOBS:-$(nproc)}
fuzz_seconds=${WC_FUZZ_SECONDS:-60}
passed=0 failed=0 skipped=0 broken=0
results=$top/build/results

for part in $parts; do
    case $part in
    units | e2e | fuzz) ;;
    *) die "unknown part '$part'; usage: scripts/test.sh [units] [e2e] [fuzz]" ;;
    esac
done
wants() { [[ " $parts " == *" $1 "* ]]; }

# Adds the counts in file $1, one line "passed failed skipped"; a missing file counts as a failure.
count() {
    local p f s
    if read -r p f s <"$1"; then
        passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    else
        broken=1
    fi
}

units() {
    local junit=$results/units.xml status=0
    step "build tests (dev: ASan and UBSan)" build_preset dev || return 1
    # where machines of units and end-to-end cases take it from; the download is not a case's time
    guest_kernel env WCOMPOSE_ROOT="$top/build/release/e2e-vm" "$top/build/dev/wcompose"
    printf '  units and checks\n'
    (cd "$top/build/dev" && ctest --parallel "$jobs" --output-on-failure --output-junit "$junit" --progress \
        >"$logs/ctest.log" 2>&1) || status=$?
    [ "$status" = 0 ] || tail -n 200 "$logs/ctest.log"
    python3 "$top/tools/count_results.py" "$junit" >"$results/units.count" || return 1
}

end_to_end() {
    step "build wcompose (release)" build_preset release --target wcompose || return 1
    if [ "$(id -u)" != 0 ]; then
        printf '  end to end: SKIP: root is needed\n'
        echo "0 0 1" >"$results/e2e.count"
        return 0
    fi
    # where the cases take it from; the download is not a case's time
    guest_kernel env WCOMPOSE_ROOT="$(dirname "${WCOMPOSE_BIN:-$top/build/release/wcompose}")/e2e-vm" \
        "${WCOMPOSE_BIN:-$top/build/release/wcompose}"
    printf '  end to end\n'
    WCOMPOSE_BIN=${WCOMPOSE_BIN:-$top/build/release/wcompose} \
        python3 "$top/tests/e2e/run.py" --count "$results/e2e.count" || true
}

# Each target replays its seeds and then searches for its share of the time.
fuzz() {
    local target name share p=0 f=0
    step "build fuzz targets" build_preset fuzz || return 1
    local targets=("$top"/build/fuzz/fuzz_*)
    [ -x "${targets[0]}" ] || die "no fuzz target was built"
    local n=0
    for target in "${targets[@]}"; do [ -f "$target" ] && [ -x "$target" ] && n=$((n + 1)); done
    share=$((fuzz_seconds / n > 0 ? fuzz_seconds / n : 1))
    for target in "${targets[@]}"; do
        [ -f "$target" ] && [ -x "$target" ] || continue
        name=$(basename "$target")
        mkdir -p "$top/build/fuzz/corpus/$name"
        local seeds=("$top/build/fuzz/corpus/$name")
        [ ! -d "$top/tests/fuzz/corpus/${name#fuzz_}" ] || seeds+=("$top/tests/fuzz/corpus/${name#fuzz_}")
        if [ "$name" = fuzz_project ]; then
            python3 "$top/tests/fuzz/seeds.py" "$top/build/fuzz/golden"
            seeds+=("$top/build/fuzz/golden")
        fi
        if step "$name, $share s" "$target" -max_total_time="$share" -timeout=10 -rss_limit_mb=1024 \
            -print_final_stats=1 -artifact_prefix="$top/build/fuzz/$name-" "${seeds[@]}"; then
            p=$((p + 1))
        else
            f=$((f + 1))
        fi
    done
    echo "$p $f 0" >"$results/fuzz.count"
}

mkdir -p "$results" "$logs"
rm -f "$results"/*
"$top/scripts/setup.sh" --tests
if wants units; then
    units || broken=1
    count "$results/units.count"
fi
if wants e2e; then
    end_to_end || broken=1
    count "$results/e2e.count"
fi
if wants fuzz && [ "$fuzz_seconds" -gt 0 ]; then
    fuzz || broken=1
    count "$results/fuzz.count"
fi

[ "$broken" = 0 ] || failed=$((failed + 1))
printf '  all of it took %s\n' "$(since "$begin")"
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" = 0 ]
