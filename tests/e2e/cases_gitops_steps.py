"""kill -9 at the steps of a pass and of the agent (tests/steps): some of each story here, all of them by tests/steps/run.py."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "steps"))
import steps  # noqa: E402


def go(t, name, most):
    """WCOMPOSE_STEPS says how many points instead (0 = all, -1 = the jails' own too); WCOMPOSE_STEPS_LOG where to tell of them as it goes."""
    most, log = int(os.environ.get("WCOMPOSE_STEPS", most)), os.environ.get("WCOMPOSE_STEPS_LOG")
    with open(os.path.join(log, name), "w", encoding="utf-8") if log else open(os.devnull, "w", encoding="utf-8") as out:
        faults, reached = steps.run(t, name, most, lambda text, flush: print(text, file=out, flush=flush))
    assert not faults, f"{len(faults)} faults:\n  " + "\n  ".join(faults)
    assert reached > 0, "nothing was killed"


def case_gitops_killed_at_steps_first(t):
    """An app that nothing is known of gets in force, is started once, told of once."""
    go(t, "first", 4)


def case_gitops_killed_at_steps_update(t):
    """The old revision or the new one runs at any time; in the end the new one, started once."""
    go(t, "update", 8)


def case_gitops_killed_at_steps_digests(t):
    """A tag moved: its old image or the new one runs at any time; in the end the new one, pulled whole, started once."""
    go(t, "digests", 6)


def case_gitops_killed_at_steps_unhealthy(t):
    """The good revision runs at any time; the bad one is rejected, rolled back once, not tried again."""
    go(t, "unhealthy", 5)


def case_gitops_killed_at_steps_invalid(t):
    """What runs isn't touched; why is said."""
    go(t, "invalid", 4)


def case_gitops_killed_at_steps_drift(t):
    """What somebody stopped runs in the end."""
    go(t, "drift", 4)


def case_gitops_killed_at_steps_prune(t):
    """An app that was taken out of the file is gone in the end, wholly; the other one isn't touched."""
    go(t, "prune", 5)


def case_gitops_killed_at_steps_agent(t):
    """Each revision gets in force or is rejected, and people are told of it: no message is lost."""
    go(t, "agent", 6)
