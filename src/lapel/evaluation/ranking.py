"""Exact full rankings of large galleries, block by block: what the metrics need, never the whole similarity matrix.

Sorting a key instead of an index is what makes it fast. Every (query, gallery item) pair becomes one 64-bit integer:
the float32 score, made to sort descending as an unsigned integer, above the gallery position and a relevance bit.
One vectorised integer sort then gives the stable ranking (equal scores stay in gallery order, because the position is
part of the key), and AP reads only the lowest bit of each sorted key.

Memory is bounded by `memory` whatever the gallery. Where not even one query's row fits, `lapel.evaluation.wide` finds
the rank of each relevant item by counting what stands above it, gallery block by gallery block.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lapel.errors import InputError, ShapeError
from lapel.evaluation.relevance import Relevance
from lapel.schema import Floats

Keys = NDArray[np.uint64]

LEFT_OUT = np.uint64(2**64 - 2)
"""The key of an item that is not ranked for this query: behind everything, and not relevant."""
MAX_GALLERY = 2**31
MEMORY = 256 * 2**20
_BYTES_A_PAIR = 32  # while one row is worked on: score 4, key 8, relevance 1, temporaries of the packing and reading
_CHUNK = 2**17  # pairs sorted in one go: their keys stay in the cache of a core
_SCORE, _REST = (1, 0) if sys.byteorder == "little" else (0, 1)


@dataclass(frozen=True)
class Ranked:
    """What the full ranking says about each of Q queries.

    ap: (Q,) average precision, 0 where nothing is relevant.
    first: (Q,) int64 rank of the first relevant item, from 1; 0 where nothing is relevant.
    relevant, ranked: (Q,) int64, how many items are relevant, and how many are ranked at all.
    top: (Q, k) int64 gallery positions best first; -1 where fewer than k items are ranked.
    """

    ap: NDArray[np.float64]
    first: NDArray[np.int64]
    relevant: NDArray[np.int64]
    ranked: NDArray[np.int64]
    top: NDArray[np.int64]

    @classmethod
    def join(cls, parts: list[Ranked]) -> Ranked:
        """Stack along the queries."""
        fields = ("ap", "first", "relevant", "ranked", "top")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in fields))


def rank_all(
    queries: Floats, gallery: Floats, relevance: Relevance, *, top: int = 10, memory: int = MEMORY, threads: int = 0
) -> Ranked:
    """Rank the whole gallery for every query by dot product, exactly, and keep what the metrics need.

    Args:
        queries: (Q, D), any float type; computed in float32. Unit length makes the score a cosine.
        gallery: (N, D), N < 2**31; a memory-mapped array is read block by block.
        relevance: which gallery items are relevant to a query, and which are left out of its ranking.
        top: how many best positions to keep a query.
        memory: bytes of working memory to stay below, beside the inputs and the result.
        threads: for the sorting; 0 means as many as this process may use, at most 4.

    Returns:
        The figures of Q queries. Scores that are equal as float32 rank in gallery order.

    Raises:
        ShapeError: the arrays do not fit together, or the gallery is too long.
        InputError: a score is not a finite number.
    """
    _check(queries, gallery, relevance)
    n = len(gallery)
    if len(queries) == 0:
        return _nothing(0, top)
    if n == 0:
        return _nothing(len(queries), top)
    threads = threads or min(4, _cores())
    if n * _BYTES_A_PAIR * threads > memory * 3 // 4:
        from lapel.evaluation.wide import rank_wide

        return rank_wide(queries, gallery, relevance, top=top, memory=memory)
    rows = max(1, min(len(queries), (memory // 4) // (4 * n)))
    with ThreadPoolExecutor(threads) as pool:
        return Ranked.join([*_blocks(queries, gallery, relevance, rows, top, pool)])


def _blocks(
    queries: Floats, gallery: Floats, relevance: Relevance, rows: int, top: int, pool: ThreadPoolExecutor
) -> Iterator[Ranked]:
    n = len(gallery)
    scores = np.empty((min(rows, len(queries)), n), np.float32)
    step = max(1, _CHUNK // n)
    for start in range(0, len(queries), rows):
        stop = min(start + rows, len(queries))
        block = similarities(queries[start:stop], gallery, scores[: stop - start])

        def work(at: int, block: Floats = block, start: int = start, stop: int = stop) -> Ranked:
            end = min(at + step, stop)
            return _read(sorted_keys(block[at - start : end - start], relevance, at, end, 0), top)

        yield from pool.map(work, range(start, stop, step))


def similarities(queries: Floats, gallery: Floats, out: Floats) -> Floats:
    """`out` (Q, N) filled with the float32 dot products; a gallery of another float type is converted in blocks."""
    asked = np.ascontiguousarray(queries, np.float32)
    if gallery.dtype == np.float32:
        return np.matmul(asked, gallery.T, out=out)
    for start in range(0, len(gallery), 65_536):
        part = np.ascontiguousarray(gallery[start : start + 65_536], np.float32)
        out[:, start : start + len(part)] = asked @ part.T
    return out


def sorted_keys(scores: Floats, relevance: Relevance, start: int, stop: int, offset: int) -> Keys:
    """Sorted keys of queries start:stop against the gallery part that begins at `offset`; scores (Q', N')."""
    if not np.isfinite(scores).all():
        bad = start + int(np.flatnonzero(~np.isfinite(scores).all(axis=1))[0])
        raise InputError(f"Query {bad} has a score that is not a finite number: an embedding holds NaN or infinity.")
    n = scores.shape[1]
    keys = np.empty(scores.shape, np.uint64)
    words = keys.view(np.uint32).reshape(*scores.shape, 2)
    # 0 - score rather than -score: a score of -0.0 becomes +0.0 too, so that the two zeros are a tie.
    bits = np.subtract(np.float32(0), scores).view(np.int32)
    # Ascending floats as ascending unsigned integers: flip all bits of negatives, only the sign of the others.
    words[..., _SCORE] = (bits ^ ((bits >> 31) | np.int32(-(2**31)))).view(np.uint32)
    places = np.arange(offset, offset + n, dtype=np.uint32) << np.uint32(1)
    np.bitwise_or(places, relevance.rows(start, stop, offset, offset + n), out=words[..., _REST])
    row, column = relevance.left_out(start, stop, offset, offset + n)
    keys[row, column] = LEFT_OUT
    keys.sort(axis=1)
    return keys


def places_of(keys: Keys) -> NDArray[np.int64]:
    """The gallery positions that keys hold; -1 for items left out."""
    places = ((keys & np.uint64(2**32 - 1)) >> np.uint64(1)).astype(np.int64)
    return np.where(keys == LEFT_OUT, -1, places)


def _read(keys: Keys, top: int) -> Ranked:
    queries, n = keys.shape
    bits = keys.view(np.uint8).reshape(queries, n, 8)[..., 0 if sys.byteorder == "little" else 7]
    row, column = np.nonzero(bits & np.uint8(1))
    relevant = np.bincount(row, minlength=queries)
    begin = np.cumsum(relevant) - relevant
    found = np.arange(1, len(row) + 1) - begin[row]
    total = np.bincount(row, weights=found / (column + 1), minlength=queries)
    first = np.zeros(queries, np.int64)
    some = relevant > 0
    first[some] = column[begin[some]] + 1
    ranked = n - np.array([n - np.searchsorted(line, LEFT_OUT) for line in keys])
    best = np.full((queries, top), -1, np.int64)
    best[:, : min(top, n)] = places_of(keys[:, :top])
    return Ranked(total / np.maximum(relevant, 1), first, relevant, ranked, best)


def _check(queries: Floats, gallery: Floats, relevance: Relevance) -> None:
    if queries.ndim != 2 or gallery.ndim != 2 or queries.shape[1] != gallery.shape[1]:
        raise ShapeError(f"Queries {queries.shape} and gallery {gallery.shape} must be (Q, D) and (N, D).")
    if (len(relevance.queries), len(relevance.gallery)) != (len(queries), len(gallery)):
        raise ShapeError(
            f"Relevance is given for {len(relevance.queries)} queries and {len(relevance.gallery)} gallery items; "
            f"there are {len(queries)} and {len(gallery)}."
        )
    if len(gallery) >= MAX_GALLERY:
        raise ShapeError(f"The gallery has {len(gallery)} items; at most {MAX_GALLERY - 1} can be ranked.")


def _nothing(queries: int, top: int) -> Ranked:
    zeros = np.zeros(queries, np.int64)
    return Ranked(np.zeros(queries), zeros, zeros, zeros, np.full((queries, top), -1, np.int64))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
