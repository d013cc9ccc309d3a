"""An fp32 ONNX file -> the same with 8-bit convolutions, calibrated on photos. Needs `onnx`, of the train extra."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from lapel.runtime.onnx import INPUT
from lapel.schema import Floats

QUANTISED = ("Conv", "Clip", "Relu")
"""Kinds of node in 8 bits. With the clips in, an output is rounded after its ReLU6 and not over the whole range before
it: 0.90 of the ten nearest stay instead of 0.64 (the measured choices are in docs/log.md)."""

BATCH = 16


class _Photos(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, pixels: Floats) -> None:
        self._left = iter(np.array_split(pixels, max(1, len(pixels) // BATCH)))

    def get_next(self) -> dict[str, Floats] | None:
        batch = next(self._left, None)
        return None if batch is None else {INPUT: batch}


def quantise(whole: Path, target: Path, pixels: Floats) -> None:
    """Write `target`: weights int8 per channel, activations uint8 by their range over `pixels` (N, 3, H, W)."""
    with _silenced():
        quantize_static(
            whole,
            target,
            _Photos(pixels),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=list(QUANTISED),
        )


@contextmanager
def _silenced() -> Iterator[None]:
    """The quantiser speaks through the root logger, and puts a handler there; both are undone afterwards."""
    root = logging.getLogger()
    handlers, disabled = list(root.handlers), logging.root.manager.disable
    root.addHandler(logging.NullHandler())  # else the first remark installs a handler that prints
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
        root.handlers[:] = handlers
