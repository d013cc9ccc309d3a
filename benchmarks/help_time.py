"""`lapel --help` must answer in under 0.4 s: median of ten runs, beside a bare `python -c pass` in the same minute.

    python benchmarks/help_time.py

Prints one JSON object; exit 1 when it takes longer.
"""

from __future__ import annotations

import json
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

RUNS = 10
LIMIT = 0.4
HELP = [str(Path(sys.executable).with_name("lapel")), "--help"]
BARE = [sys.executable, "-c", "pass"]


def seconds(run: list[str]) -> float:
    """Wall-clock time of one run, start of the process to its end."""
    start = time.perf_counter()
    subprocess.run(run, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> int:
    """Measure both in turns, so that a busy machine slows both."""
    seconds(HELP), seconds(BARE)  # the first run of each writes byte code
    turns = [(seconds(HELP), seconds(BARE)) for _ in range(RUNS)]
    answer, bare = (statistics.median(times) for times in zip(*turns, strict=True))
    result = {
        "benchmark": "help_time",
        "help_seconds": round(answer, 4),
        "bare_python_seconds": round(bare, 4),
        "ratio": round(answer / bare, 2),
        "limit_seconds": LIMIT,
        "passed": answer < LIMIT,
        "runs": RUNS,
        "python": platform.python_version(),
    }
    print(json.dumps(result, indent=1))
    return 0 if result["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
