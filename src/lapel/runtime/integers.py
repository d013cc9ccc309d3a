"""Whether this machine multiplies bytes exactly, on which 8-bit scans and 8-bit models rest."""

from __future__ import annotations

from functools import cache

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from lapel.runtime.onnx_graph import Node, Value, model_bytes

MIDDLE = 128
"""Subtracted from the unsigned bytes: the kernels multiply unsigned by signed ones."""


@cache
def exact_products() -> bool:
    """Whether sums of unsigned times signed bytes are whole: some kernels for AVX2 cut sums of two at 16 bits."""
    draw = np.random.default_rng(0)
    rows = np.where(draw.random((64, 128)) < 0.5, -127, 127).astype(np.int8)
    rows[0] = 127
    query = np.where(draw.random((2, 128)) < 0.5, 1, 255).astype(np.uint8)
    query[0] = 255
    wanted = (query.astype(np.int64) - MIDDLE) @ rows.T.astype(np.int64)
    return bool(np.array_equal(_products(query, rows), wanted))


def _products(query: NDArray[np.generic], rows: NDArray[np.generic]) -> NDArray[np.generic]:
    """(n, D) unsigned, less the middle, by (m, D) signed: (n, m)."""
    content = model_bytes(
        [Node("MatMulInteger", ["query", "rows", "middle"], "products")],
        [Value("query", "uint8", query.shape)],
        Value("products", "int32", (len(query), len(rows))),
        {"rows": rows.T, "middle": np.array(MIDDLE, np.uint8)},
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    found: NDArray[np.generic] = session.run(None, {"query": query})[0]
    return found
