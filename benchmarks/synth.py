"""Drawing speed on one core, beside a plain encode of the same pictures in the same run.

python benchmarks/synth.py [--n 200]      writes benchmarks/results/synth.json; exit 1 below 40 images a second

Time is processor time of this one process, so that other work on the machine does not count. `ratio_to_png` and
`ratio_to_jpeg`: how many plain Pillow encodes of the finished picture one drawn item costs.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("RAYON_NUM_THREADS", "1")

import argparse
import io
import json
import platform
import sys
import tempfile
import time
from pathlib import Path

from lapel.synth import draw_catalogue, draw_item

SIZE = 256
LIMIT = 40.0


def seconds_of_drawing(n: int) -> float:
    """The whole command: drawing, masks, encoding, files, table."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.process_time()
        draw_catalogue(Path(folder) / "catalogue", n, seed=0, size=SIZE)
        return time.process_time() - start


def seconds_of_encoding(n: int, kind: str, **options: int) -> float:
    images = [draw_item(0, index, SIZE)[0] for index in range(n)]
    start = time.process_time()
    for image in images:
        image.save(io.BytesIO(), kind, **options)
    return time.process_time() - start


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=200)
    n = parser.parse_args().n
    draw_item(0, 0, SIZE)
    drawing = min(seconds_of_drawing(n) for _ in range(3)) / n
    few = min(n, 60)
    png = min(seconds_of_encoding(few, "PNG") for _ in range(3)) / few
    jpeg = min(seconds_of_encoding(few, "JPEG", quality=90) for _ in range(3)) / few
    result = {
        "benchmark": "synth",
        "size": SIZE,
        "items": n,
        "images_per_second_one_core": round(1 / drawing, 1),
        "milliseconds": {"draw": round(drawing * 1e3, 2), "png": round(png * 1e3, 2), "jpeg": round(jpeg * 1e3, 3)},
        "ratio_to_png": round(drawing / png, 1),
        "ratio_to_jpeg": round(drawing / jpeg, 1),
        "limit_images_per_second": LIMIT,
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
    }
    out = Path(__file__).with_name("results") / "synth.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))
    return 0 if 1 / drawing >= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
