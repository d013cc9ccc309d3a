"""A million-row table, CSV and Parquet: seconds to read and greatest resident memory, each in its own process.

    python benchmarks/table_load.py [--rows 1000000]

The table has an id, an image path, a split, eight attributes with gaps (one of them multi-valued), a price, a stock
number and a free-text name. Expected: a few seconds, under 2 GB. The limit is on processor time, which other
work on the machine hardly changes.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

LIMIT_BYTES, LIMIT_SECONDS = 2 * 10**9, 30
"""Peak resident memory of the reading process, imports included; and processor time to read and to code all labels."""


def build(rows: int, seed: int = 0) -> pa.Table:
    """The table, drawn from a seed."""
    rng = np.random.default_rng(seed)
    numbers = np.arange(rows)
    columns = {
        "id": pa.array([f"sku-{n:08d}" for n in numbers]),
        "image": pa.array([f"images/{n % 1000:03d}/{n:08d}.jpg" for n in numbers]),
        "split": pa.array(["train", "valid", "test"]).take(pa.array(rng.choice(3, rows, p=[0.8, 0.1, 0.1]))),
    }
    for k in range(8):
        values = [f"attribute{k} value{v}" for v in range(4 + 4 * k)]
        values += [f"{values[0]}|{values[1]}"] if k == 0 else []
        codes = pa.array(rng.integers(0, len(values), rows), mask=rng.random(rows) < 0.3)
        columns[f"attribute{k}"] = pa.array(values).take(codes)
    columns["price"] = pa.array(np.round(rng.random(rows) * 200, 2))
    columns["stock"] = pa.array(rng.integers(0, 500, rows))
    columns["name"] = pa.array([f"Garment number {n} of a long series, soft and warm" for n in numbers])
    return pa.table(columns)


def measure(file: Path) -> dict[str, float]:
    """Read the file in a fresh process; seconds and peak resident bytes."""
    done = subprocess.run([sys.executable, __file__, "--child", str(file)], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def child(file: Path) -> None:
    from lapel.datasets import read

    base = _peak()
    start, used = time.perf_counter(), time.process_time()
    table = read(file, missing="ignore")
    labels = [table.labels(name).known.sum() for name in table.vocabulary.names]
    times = {"seconds": time.perf_counter() - start, "cpu_seconds": time.process_time() - used}
    print(json.dumps({"rows": len(table), "attributes": len(labels), **times, "peak": _peak(), "imports": base}))


def _peak() -> int:
    """Greatest resident memory of this process in bytes; on Linux without what the parent held when it forked."""
    try:
        status = Path("/proc/self/status").read_text()
        return 1024 * int(status.split("VmHWM:")[1].split()[0])
    except (OSError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        return child(given.child)
    with tempfile.TemporaryDirectory() as folder:
        table = build(given.rows)
        files = [Path(folder) / "items.csv", Path(folder) / "items.parquet"]
        pacsv.write_csv(table, files[0])
        pq.write_table(table, files[1])
        del table
        results = {file.suffix[1:]: measure(file) | {"file_bytes": file.stat().st_size} for file in files}
    print(json.dumps(results | {"limits": {"peak": LIMIT_BYTES, "cpu_seconds": LIMIT_SECONDS}}, indent=1))
    if any(found["peak"] > LIMIT_BYTES or found["cpu_seconds"] > LIMIT_SECONDS for found in results.values()):
        sys.exit(1)


if __name__ == "__main__":
    main()
