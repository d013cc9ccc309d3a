"""A server in a process of its own, as `lapel serve` starts it, over the colour model made slow on demand."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import lapel
from colour_model import ColourModel
from lapel.interfaces.http import Limits
from lapel.schema import Floats, Outputs


class Slow(ColourModel):
    """Says on standard output when it begins, and takes its time."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds

    def __call__(self, pixels: Floats) -> Outputs:
        print("embedding", flush=True)
        time.sleep(self.seconds)
        return super().__call__(pixels)


if __name__ == "__main__":
    folder, seconds, upload = Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    lapel.serve(
        lapel.Catalogue.open(folder, Slow(seconds)),
        port=0,
        limits=Limits(upload_bytes=upload),
        ready=lambda address: print(address, flush=True),
    )
    print("ended", flush=True)
