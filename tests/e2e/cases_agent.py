"""The agent of a virtual machine in real machines, without the rest of ours: tests/vm/run.py in parts."""
import glob
import os
import subprocess
import sys

import cases_machines

RUN = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "vm", "run.py")


def agent(t, *names):
    cases_machines.ready(t)
    kernel = glob.glob(t.root + "/lib/vm/kernels/*/vmlinuz")[0]
    done = subprocess.run([sys.executable, RUN, "--kernel", os.path.dirname(kernel), "--programs", os.path.dirname(t.binary), *names],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout


def case_agent_runs_a_service(t):
    """What it prints and ends with, what a container would see, programs beside it."""
    agent(t, "service", "container", "programs")


def case_agent_under_pressure(t):
    """64 MiB out unchanged, a ping under hogs, out of memory, a link."""
    agent(t, "bytes", "hogs", "oom", "network")


def case_agent_and_its_disk(t):
    """What was written stays; what can't be had is told."""
    agent(t, "disk_stays", "failures")


def case_agent_without_a_host(t):
    """The channel's end, and frames that break the rules, end the machine with words."""
    agent(t, "host_gone", "broken_host")
