"""Embeddings in 8 or 4 bits a number, scanned by ONNX Runtime's integer products: a quarter or an eighth of the memory.

A scan is limited by how fast memory can be read, so fewer bits are a faster scan. Codes never decide an answer: they
choose which rows are scored again from the float32 originals. With 8 bits the choice is proven (`ByteCodes.error`),
with 4 it is not.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from lapel.runtime.integers import MIDDLE
from lapel.runtime.onnx_graph import CONTRIB, Node, Value, model_bytes
from lapel.schema.outputs import Floats

ROWS_A_CHUNK = 65_536
"""A chunk's running totals (256 KB) stay in a core's own cache; larger chunks are no faster, smaller ones slower."""

GROUP = 64
"""Numbers that share a scale in 4-bit codes."""

Feed = dict[str, NDArray[Any]]


class Codes(Protocol):
    """The rows of one block in few bits, in chunks of `ROWS_A_CHUNK`."""

    @property
    def sessions(self) -> Sequence[Any]:
        """One a chunk, in order."""
        ...

    def feed(self, vector: Floats) -> tuple[Feed, float]:
        """A query vector as the kernel takes it, and a proven bound of every product's error (inf: none)."""
        ...


@dataclass(frozen=True)
class ByteCodes:
    """8 bits: row x is kept as scale * c with whole c from -127 to 127 and a scale of its own, max|x| / 127.

    error: the greatest length of x - scale * c over the rows, so that |<q, x> - <q, scale * c>| <= |q| * error for
    every query q (Cauchy-Schwarz). The integer products themselves are exact, which `lapel.runtime.integers` checks
    once on this machine.
    """

    sessions: Sequence[Any]
    error: float

    @classmethod
    def of(cls, block: Floats) -> ByteCodes:
        """Encode (n, D) rows, chunks in threads."""
        made = list(workers().map(_byte_chunk, _chunks(block)))
        return cls([session for session, _ in made], max((error for _, error in made), default=0.0))

    def feed(self, vector: Floats) -> tuple[Feed, float]:
        """The query as two bytes a number, coarse and fine, so that its own rounding hardly adds to the error."""
        coarse, step = _rounded(vector)
        fine, small = _rounded(vector - step * coarse)
        codes = np.stack([coarse, fine]) + MIDDLE
        steps = np.array([[step, small]], np.float32)
        left = vector.astype(np.float64) - steps[0].astype(np.float64) @ np.stack([coarse, fine]).astype(np.float64)
        error = float(np.linalg.norm(vector)) * self.error + float(np.linalg.norm(left)) * (1 + self.error)
        return {"query": codes.astype(np.uint8), "steps": steps}, error


@dataclass(frozen=True)
class NibbleCodes:
    """4 bits: whole numbers from -8 to 7 with a scale for every `GROUP` numbers of a row."""

    sessions: Sequence[Any]

    @classmethod
    def of(cls, block: Floats) -> NibbleCodes:
        """Encode (n, D) rows, chunks in threads."""
        return cls(list(workers().map(_nibble_chunk, _chunks(block))))

    def feed(self, vector: Floats) -> tuple[Feed, float]:
        """The query itself; the kernel rounds it to bytes."""
        return {"query": vector[None].astype(np.float32)}, float("inf")


def scan(codes: Sequence[tuple[Codes, Floats]], count: int) -> tuple[Floats, float]:
    """Sum of products of each block's rows with its vector, (count,), and how far a sum may lie from the true one."""
    feeds = [one.feed(vector) for one, vector in codes]
    total = np.empty(count, np.float32)

    def chunk(at: int) -> None:
        start = at * ROWS_A_CHUNK
        part = total[start : start + ROWS_A_CHUNK]
        before = np.zeros((1, len(part)), np.float32)
        for (one, _), (feed, _) in zip(codes, feeds, strict=True):
            before = one.sessions[at].run(None, feed | {"before": before})[0]
        part[:] = before[0]

    chunks = range(-(-count // ROWS_A_CHUNK))
    if len(chunks) > 1:
        list(workers().map(chunk, chunks))
    elif chunks:  # handing one chunk to another thread costs more than it brings
        chunk(0)
    return total, sum(error for _, error in feeds)


@cache
def workers() -> ThreadPoolExecutor:
    """One thread a core that this process may use; the runtime and NumPy let go of the interpreter while computing."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return ThreadPoolExecutor(cores, thread_name_prefix="lapel-scan")


def _chunks(block: Floats) -> list[Floats]:
    return [block[start : start + ROWS_A_CHUNK] for start in range(0, len(block), ROWS_A_CHUNK)]


def _rounded(vector: Floats) -> tuple[Floats, np.float32]:
    """A vector as whole numbers from -127 to 127, and the step between them."""
    step = np.float32(max(float(np.abs(vector).max(initial=0.0)) / 127, 1e-30))
    return np.clip(np.rint(vector / step), -127, 127).astype(np.float32), step


def _byte_chunk(rows: Floats) -> tuple[Any, float]:
    scale = np.abs(rows).max(axis=1) / np.float32(127)
    kept = np.where(scale > 0, scale, np.float32(1)).astype(np.float32)
    codes = np.clip(np.rint(rows / kept[:, None]), -127, 127)
    left = rows - codes * kept[:, None]
    error = (
        float(np.sqrt(np.einsum("ij,ij->i", left, left).max(initial=0.0))) + 1e-6
    )  # 1e-6: float32 rounding of `left`
    return _byte_session(codes.astype(np.int8), kept), error


def _byte_session(codes: NDArray[np.int8], scale: Floats) -> Any:
    """query (2, D) unsigned, steps (1, 2), before (1, rows) -> before + scale * (steps @ (query - 128) @ codes)."""
    rows, dim = codes.shape
    nodes = [
        Node("MatMulInteger", ["query", "codes", "middle"], "products"),
        Node("Cast", ["products"], "floats", {"to": 1}),
        Node("MatMul", ["steps", "floats"], "sums"),
        Node("Mul", ["sums", "scale"], "scaled"),
        Node("Add", ["scaled", "before"], "after"),
    ]
    inputs = [
        Value("query", "uint8", (2, dim)),
        Value("steps", "float32", (1, 2)),
        Value("before", "float32", (1, rows)),
    ]
    constants: dict[str, NDArray[Any]] = {"codes": codes.T, "middle": np.array(MIDDLE, np.uint8), "scale": scale[None]}
    return _session(nodes, inputs, rows, constants)


def _nibble_chunk(rows: Floats) -> Any:
    count, dim = rows.shape
    groups = -(-dim // GROUP)
    padded = np.zeros((count, groups * GROUP), np.float32)
    padded[:, :dim] = rows
    padded = padded.reshape(count, groups, GROUP)
    scale = np.maximum(np.abs(padded).max(axis=2) / np.float32(7.5), np.float32(1e-30))
    codes = (np.clip(np.rint(padded / scale[..., None]), -8, 7) + 8).astype(np.uint8)
    packed = codes[..., 0::2] | (codes[..., 1::2] << 4)
    options = {"K": dim, "N": count, "bits": 4, "block_size": GROUP, "accuracy_level": 4}
    nodes = [
        Node("MatMulNBits", ["query", "codes", "scale"], "sums", options, CONTRIB),
        Node("Add", ["sums", "before"], "after"),
    ]
    inputs = [Value("query", "float32", (1, dim)), Value("before", "float32", (1, count))]
    return _session(nodes, inputs, count, {"codes": packed, "scale": scale.ravel()})


def _session(nodes: list[Node], inputs: list[Value], rows: int, constants: dict[str, NDArray[Any]]) -> Any:
    """One thread a session: chunks, not sessions, are spread over the cores."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    with tempfile.TemporaryDirectory(prefix="lapel-") as name:
        folder = Path(name)
        np.ascontiguousarray(constants["codes"]).tofile(folder / "codes")
        content = model_bytes(
            nodes, inputs, Value("after", "float32", (1, rows)), constants, {"codes": folder / "codes"}
        )
        (folder / "scan.onnx").write_bytes(content)
        return onnxruntime.InferenceSession(folder / "scan.onnx", options, providers=["CPUExecutionProvider"])
