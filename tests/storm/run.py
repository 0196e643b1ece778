#!/usr/bin/env python3
"""run.py - the storm of kill -9 on real containers, as long as it is asked for.

    tests/storm/run.py --kills 2000 --seed 1 --minutes 60

Runs case_storm of tests/e2e with other figures, in namespaces of its own; WCOMPOSE_BIN names the binary.
Prints figures as it goes; exit 0: no fault.
"""
import argparse
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--log", help="file for the figures, as they grow")
    o = parser.parse_args()
    log = os.path.abspath(o.log or os.path.join(tempfile.gettempdir(), f"wcompose-storm-{o.seed}.log"))
    print("figures: " + log, flush=True)
    environment = dict(os.environ, WCOMPOSE_STORM=f"{o.kills} {o.seed} {o.minutes}",
                       WCOMPOSE_E2E_SECONDS=str(int(o.minutes * 60) + 180), WCOMPOSE_E2E_SHOWN=log)
    run = os.path.join(HERE, "..", "e2e", "run.py")
    return subprocess.run([sys.executable, run, "storm"], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
