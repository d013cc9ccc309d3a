"""`kill -9` at random moments of adding, updating, compacting and index building, with a reader beside.

    python benchmarks/faults.py [--rounds 30] [--seed 0] [--json FILE]

A process that changes a small catalogue (a quick model double, commits of eight rows) is killed in every round, up to
0.6 s after it began the kind of work whose turn it is. Then the catalogue is opened, every change that had been
acknowledged is looked for, every row's content hash is held against its photo, and `verify` reads all. Another process
opens, refreshes and searches all the while. Exit 1 when anything acknowledged is lost, an open fails or a row is wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import fault_harness


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="lapel-faults-") as folder:
        tally = fault_harness.run(Path(folder) / "shop.lapel", given.rounds, given.seed)
    passed = not (tally.lost or tally.failed_opens or tally.wrong)
    result = {
        "benchmark": "faults",
        "cores": os.cpu_count(),
        **asdict(tally),
        "acknowledged_lost": len(tally.lost),
        "opens_failed": len(tally.failed_opens),
        "seconds": round(time.monotonic() - began, 1),
        "passed": passed,
    }
    text = json.dumps(result, indent=1)
    print(text)
    if given.json:
        given.json.write_text(text + "\n")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
