"""Small ONNX graphs written by hand: just enough of the format (protocol buffers) to run one operator chain.

The base install has ONNX Runtime, whose 8-bit products are the fastest that Python reaches, but not the `onnx` package
that usually writes graphs. Field numbers are those of onnx.proto3 (IR version 8).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

IR_VERSION, OPSET = 8, 17
CONTRIB = "com.microsoft"
KINDS = {"float32": 1, "uint8": 2, "int8": 3, "int32": 6}
_VARINT, _BYTES = 0, 2
_INT, _EXTERNAL = 2, 1
"""AttributeProto.type of a whole number; TensorProto.data_location of one in a file."""


@dataclass(frozen=True)
class Node:
    """One operator. options: whole numbers only."""

    operator: str
    inputs: Sequence[str]
    output: str
    options: Mapping[str, int] = field(default_factory=dict)
    domain: str = ""


@dataclass(frozen=True)
class Value:
    """A graph's input or output."""

    name: str
    kind: str
    shape: tuple[int, ...]


def model_bytes(
    nodes: Sequence[Node],
    inputs: Sequence[Value],
    output: Value,
    constants: Mapping[str, NDArray[np.generic]],
    files: Mapping[str, Path] | None = None,
) -> bytes:
    """A whole model that ONNX Runtime opens.

    files: where constants that are too large to travel inside lie as raw numbers, beside the model's own file;
        `constants` gives their kind and shape. The runtime keeps what travels inside twice.
    """
    outside = files or {}
    graph = b"".join(
        [
            *(_nested(1, _node(node)) for node in nodes),
            _nested(2, b"lapel"),
            *(_nested(5, _tensor(name, array, outside.get(name))) for name, array in constants.items()),
            *(_nested(11, _value(value)) for value in inputs),
            _nested(12, _value(output)),
        ]
    )
    opsets = [_nested(1, b"") + _number(2, OPSET), _nested(1, CONTRIB.encode()) + _number(2, 1)]
    return _number(1, IR_VERSION) + _nested(7, graph) + b"".join(_nested(8, opset) for opset in opsets)


def _node(node: Node) -> bytes:
    options = [
        _nested(5, _nested(1, name.encode()) + _number(3, number) + _number(20, _INT))
        for name, number in node.options.items()
    ]
    named = [_nested(1, name.encode()) for name in node.inputs] + [_nested(2, node.output.encode())]
    return b"".join([*named, _nested(4, node.operator.encode()), *options, _nested(7, node.domain.encode())])


def _tensor(name: str, array: NDArray[np.generic], file: Path | None) -> bytes:
    dims = b"".join(_number(1, size) for size in array.shape)
    head = dims + _number(2, KINDS[array.dtype.name]) + _nested(8, name.encode())
    if file is None:
        return head + _nested(9, np.ascontiguousarray(array).tobytes())
    where = _nested(1, b"location") + _nested(2, file.name.encode())
    return head + _nested(13, where) + _number(14, _EXTERNAL)


def _value(value: Value) -> bytes:
    shape = b"".join(_nested(1, _number(1, size)) for size in value.shape)
    tensor = _number(1, KINDS[value.kind]) + _nested(2, shape)
    return _nested(1, value.name.encode()) + _nested(2, _nested(1, tensor))


def _nested(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(content)) + content


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3 | _VARINT) + _varint(value)


def _varint(value: int) -> bytes:
    """Seven bits a byte, least first; the top bit says that more follow."""
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)
