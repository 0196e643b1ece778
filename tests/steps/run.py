#!/usr/bin/env python3
"""run.py - kill -9 of passes and of the agent at each of their steps, in all stories.

    tests/steps/run.py                   every step of every story: about an hour
    tests/steps/run.py update agent      of these stories
    tests/steps/run.py --most 20         so many points a story, evenly spread
    tests/steps/run.py --most -1         also at the steps with which each jail begins anew, in namespaces of its own

Runs the cases gitops_killed_at_steps_* of tests/e2e with other figures, in namespaces of their own; WCOMPOSE_BIN names the
binary. Exit 0: no fault.
"""
import argparse
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stories", nargs="*")
    parser.add_argument("--most", type=int, default=0, help="points a story; 0: all that differ")
    parser.add_argument("--hours", type=float, default=4)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--log", help="directory for a file of each story, as it goes")
    o = parser.parse_args()
    environment = dict(os.environ, WCOMPOSE_STEPS=str(o.most), WCOMPOSE_E2E_SECONDS=str(int(o.hours * 3600)))
    if o.log:
        os.makedirs(o.log, exist_ok=True)
        environment["WCOMPOSE_STEPS_LOG"] = os.path.abspath(o.log)
    cases = ["gitops_killed_at_steps_" + name for name in o.stories] or ["gitops_killed_at_steps_"]
    run = os.path.join(HERE, "..", "e2e", "run.py")
    return subprocess.run([sys.executable, run, "--jobs", str(o.jobs), *cases], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
