#!/bin/bash
# nightly.sh - the searches that take hours, with seeds that nobody has tried yet: as many steps of the
# simulation as asked for (on all processors), every pair of crash points with every fate, a storm of
# real kills, a kill at every step of passes over followed apps and of the agent, the end-to-end cases
# on a host with cgroup v2 only, and fuzzing. What it finds is printed
# with the seed that shows it again.
#
#   scripts/nightly.sh                       a billion steps, 2,000 kills, 60 minutes of fuzzing
#   STEPS=10000000 KILLS=100 FUZZ_SECONDS=60 scripts/nightly.sh
#   SEED=4711 scripts/nightly.sh             (default: the day, so each night has stories of its own)
. "$(dirname "$0")/lib.sh"

begin=$EPOCHREALTIME
steps=${STEPS:-1000000000}
kills=${KILLS:-2000}
fuzz_seconds=${FUZZ_SECONDS:-3600}
seed=${SEED:-$(date +%Y%m%d)000000000}
jobs=${WC_JOBS:-$(nproc)}
broken=0

"$top/scripts/setup.sh" --tests
step "build (dev)" build_preset dev
step "build wcompose (release)" build_preset release --target wcompose

printf '  simulation: %s steps from seed %s on\n' "$steps" "$seed"
pids=()
for ((i = 0; i < jobs; i++)); do
    # a story has some 170 steps; a billion seeds apart, no two of them meet
    "$top/build/dev/simulate" --seed $((seed + i * 1000000000)) --steps $((steps / jobs)) 2>/dev/null &
    pids+=($!)
done
for pid in "${pids[@]}"; do
    wait "$pid" || broken=1
done

step "crash points, every pair with every fate" "$top/build/dev/crashpoints" --all || broken=1
if [ "$(id -u)" = 0 ]; then
    "$top/tests/storm/run.py" --kills "$kills" --seed "$((seed % 1000000007))" --minutes $((kills / 10)) || broken=1
    "$top/tests/steps/run.py" --jobs "$jobs" || broken=1
    "$top/tests/e2e/guest.sh" || [ $? = 77 ] || broken=1
else
    printf '  storm, cgroup v2: SKIP: root is needed\n'
fi
WC_FUZZ_SECONDS=$fuzz_seconds "$top/scripts/test.sh" fuzz || broken=1
printf '%s after %s\n' "$([ "$broken" = 0 ] && echo 'nothing found' || echo 'FAILED: see above')" "$(since "$begin")"
exit "$broken"
