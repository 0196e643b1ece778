"""kill -9 of supervisors and keepers at random moments (tests/storm); WCOMPOSE_STORM="kills seed minutes" makes it longer."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "storm"))
import storm  # noqa: E402


def case_storm(t):
    kills, seed, minutes = os.environ.get("WCOMPOSE_STORM", "20 1 0.4").split()
    t.load_image()
    faults = storm.Storm(t, int(seed)).run(int(kills), float(minutes))
    assert not faults, f"{len(faults)} faults:\n  " + "\n  ".join(faults)
