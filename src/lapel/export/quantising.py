"""An fp32 ONNX file -> the same in 8 bits, calibrated on photos. Needs `onnx`, of the train extra.

Convolutions, which are nearly all of the work, are computed in 8 bits, but for the first few, whose rounding all others
would inherit. The products of the head stay in 32 bits, on which its softmax and unit length depend, but their weights
are stored in 8 bits as well.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from lapel.runtime.onnx import INPUT
from lapel.schema import Floats

QUANTISED = ("Conv", "Clip", "Relu")
"""Kinds of node in 8 bits. With the clips in, an output is rounded after its ReLU6 and not over the whole range before
it: 0.90 of the ten nearest stay instead of 0.64 (the measured choices are in docs/log.md)."""

WHOLE_FIRST = 8
"""One in this many convolutions, the first ones, stays in 32 bits: six of the 50 of EfficientNet-Lite0, which costs no
time and lifts the share of neighbours that stay from 0.89 to 0.95."""

BATCH = 16

LEAST = 1024
"""Numbers in a weight from which storing it in bytes saves space at all."""


class _Photos(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, pixels: Floats) -> None:
        self._left = iter(np.array_split(pixels, max(1, len(pixels) // BATCH)))

    def get_next(self) -> dict[str, Floats] | None:
        batch = next(self._left, None)
        return None if batch is None else {INPUT: batch}


def quantise(whole: Path, target: Path, pixels: Floats) -> None:
    """Write `target`: weights int8 per channel, activations of convolutions uint8 by their range over `pixels`.

    pixels: (N, 3, H, W), prepared as for the model.
    """
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
            nodes_to_exclude=_first(onnx.load(whole).graph),
        )
    store_in_bytes(target)


def _first(graph: onnx.GraphProto) -> list[str]:
    """Names of the convolutions that stay in 32 bits, and of the clips that follow them."""
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    kept = convolutions[: max(1, len(convolutions) // WHOLE_FIRST)]
    given = {output for node in kept for output in node.output}
    clips = [node for node in graph.node if node.op_type in QUANTISED and node.input[0] in given]
    return [node.name for node in [*kept, *clips] if node.name]


def store_in_bytes(path: Path) -> None:
    """Rewrite a model's remaining float weights of products as int8 and one scale an output channel.

    Cast and Mul of constants put them together again; every runtime folds these when it opens the model, so that it
    computes as before. (A DequantizeLinear in their place is not folded by ONNX Runtime and halves its speed.)
    """
    model = onnx.load(path)
    graph = model.graph
    stored = {tensor.name: tensor for tensor in graph.initializer}
    restoring = []
    for name, axis in _channel_axes(graph, stored).items():
        weight = numpy_helper.to_array(stored[name])
        others = tuple(at for at in range(weight.ndim) if at != axis)
        scale = np.maximum(np.abs(weight).max(axis=others, keepdims=True), 1e-12).astype(np.float32) / np.float32(127)
        whole = np.rint(weight / scale).astype(np.int8)
        graph.initializer.remove(stored[name])
        graph.initializer.extend(
            [numpy_helper.from_array(whole, f"{name}_bytes"), numpy_helper.from_array(scale, f"{name}_steps")]
        )
        restoring += [
            helper.make_node("Cast", [f"{name}_bytes"], [f"{name}_whole"], to=TensorProto.FLOAT),
            helper.make_node("Mul", [f"{name}_whole", f"{name}_steps"], [name]),
        ]
    for node in reversed(restoring):
        graph.node.insert(0, node)
    onnx.save(model, path)


def _channel_axes(graph: onnx.GraphProto, stored: dict[str, TensorProto]) -> dict[str, int]:
    """Float weight of a convolution or product -> the axis of its output channels."""
    found = {}
    for node in graph.node:
        weight = stored.get(node.input[1]) if node.op_type in ("Conv", "Gemm", "MatMul") else None
        if weight is None or weight.data_type != TensorProto.FLOAT or np.prod(weight.dims) < LEAST:
            continue
        turned = any(option.name == "transB" and option.i for option in node.attribute)
        found[weight.name] = 0 if node.op_type == "Conv" or turned else len(weight.dims) - 1
    return found


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
