#!/usr/bin/env python3
"""count_results.py - reads CTest's JUnit file; prints "passed failed skipped" to stdout and to stderr every
skipped case with its reason, so that no skip goes unseen."""
import re
import sys
import xml.etree.ElementTree as ElementTree


def main(path):
    passed = failed = skipped = 0
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        status = case.get("status")
        if status == "run":
            passed += 1
        elif status == "notrun" or case.find("skipped") is not None:
            skipped += 1
            reason = re.search(r"SKIP: (.*)", case.findtext("system-out") or "")
            print(f"    skipped {case.get('name')}: {reason.group(1) if reason else 'no reason given'}", file=sys.stderr)
        else:
            failed += 1
            print(f"    FAILED {case.get('name')}", file=sys.stderr)
    print(passed, failed, skipped)


if __name__ == "__main__":
    main(sys.argv[1])
