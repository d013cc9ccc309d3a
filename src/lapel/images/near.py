"""Which pictures are near duplicates? Candidates by perceptual hash, confirmed by their thumbnails. Pure NumPy."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from lapel.errors import InputError
from lapel.images.hashing import SIDE

NEAR = 8
"""Bits of 64 in which hashes may differ when thumbnails confirm. Chosen, as the next two, in docs/data.md."""

NEAR_BY_HASH = 2
"""Bits of 64 in which hashes may differ when there is nothing else to go by."""

ALIKE = 0.97
"""Least correlation of the brightness steps of two thumbnails."""

_BANDS = 4
_PAIRS_AT_ONCE = 1_000_000

Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]


def near_groups(
    hashes: NDArray[np.uint64], distance: int | None = None, thumbnails: NDArray[np.uint8] | None = None
) -> NDArray[np.int64]:
    """Group pictures that look the same, directly or through others of the group.

    Multi-index hashing: of the four 16-bit bands of two hashes within `distance`, at least one pair differs in at most
    distance // 4 bits, so only hashes that share such a band are compared. Low frequencies alone cannot tell two
    sunglasses on white apart; so where thumbnails are given, the steps from cell to cell must also correlate by 0.97.

    Args:
        hashes: (n,) from `perceptual_hash`.
        distance: 0 to 15 bits; None is 8 with thumbnails and 2 without.
        thumbnails: (n, 289) from `thumbnail`; None believes the hashes.

    Returns:
        (n,) group numbers from 0 in order of first appearance; equal numbers are near duplicates.

    Raises:
        InputError: distance is out of range.
    """
    if distance is None:
        distance = NEAR_BY_HASH if thumbnails is None else NEAR
    if not 0 <= distance <= 15:
        raise InputError(f"The distance is {distance}; expected 0 to 15 of the 64 bits.")
    first, back = _distinct(np.asarray(hashes, np.uint64), thumbnails)
    different = np.asarray(hashes, np.uint64)[first]
    details = None if thumbnails is None else _details(thumbnails[first])
    group = np.arange(len(different))
    for left, right in _candidates(different, distance):
        near = _bit_count(different[left] ^ different[right]) <= distance
        left, right = left[near], right[near]
        if details is not None:
            alike = np.einsum("ij,ij->i", details[left], details[right]) >= ALIKE
            left, right = left[alike], right[alike]
        group = _join(group, left, right)
    return _numbered(group[back])


def alike(hashes: NDArray[np.uint64], thumbnails: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(n, n): which pairs of a few pictures are near duplicates of each other, by the rule of `near_groups`.

    hashes: (n,). thumbnails: (n, 289).
    """
    words = np.asarray(hashes, np.uint64)
    details = _details(thumbnails)
    same = (words[:, None] == words[None]) & (thumbnails[:, None] == thumbnails[None]).all(axis=2)
    near = _bit_count(words[:, None] ^ words[None]) <= NEAR
    return np.asarray(same | (near & (details @ details.T >= ALIKE)))


def _distinct(hashes: NDArray[np.uint64], thumbnails: NDArray[np.uint8] | None) -> Pairs:
    """Rows of the distinct pictures, and each row's place among them: a thousand copies are compared once."""
    if thumbnails is None:
        _, first, back = np.unique(hashes, return_index=True, return_inverse=True)
    else:
        rows = np.concatenate([hashes[:, None].view(np.uint8), thumbnails], axis=1)
        whole = np.ascontiguousarray(rows).view(np.dtype((np.void, rows.shape[1]))).ravel()
        _, first, back = np.unique(whole, return_index=True, return_inverse=True)
    return first, back.reshape(-1)


def _details(thumbnails: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(n, 512): brightness steps down and across, unit length. Light and tint cancel; shape and texture stay."""
    grey = thumbnails.reshape(-1, SIDE, SIDE).astype(np.float32)
    down = (grey[:, 1:, :-1] - grey[:, :-1, :-1]).reshape(len(grey), -1)
    across = (grey[:, :-1, 1:] - grey[:, :-1, :-1]).reshape(len(grey), -1)
    steps = np.concatenate([down, across], axis=1)
    return np.asarray(steps / np.maximum(np.linalg.norm(steps, axis=1, keepdims=True), 1e-6), np.float32)


def _numbered(group: NDArray[np.int64]) -> NDArray[np.int64]:
    """Group numbers 0, 1, 2, ... in order of first appearance."""
    _, first, numbered = np.unique(group, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[numbered.reshape(-1)]


def _candidates(hashes: NDArray[np.uint64], distance: int) -> Iterator[Pairs]:
    """Index pairs that share a band up to distance // 4 flipped bits, in blocks of bounded size."""
    for band in range(_BANDS):
        keys = ((hashes >> np.uint64(16 * band)) & np.uint64(0xFFFF)).astype(np.int64)
        order = np.argsort(keys, kind="stable")
        edges = np.searchsorted(keys[order], np.arange(65537))
        for flip in _flips(distance // _BANDS):
            start, end = edges[keys ^ flip], edges[(keys ^ flip) + 1]
            yield from _expand(order, start, end)


def _flips(radius: int) -> NDArray[np.int64]:
    """All 16-bit masks with at most `radius` bits set."""
    masks = np.arange(65536, dtype=np.uint64)
    return np.flatnonzero(_bit_count(masks) <= radius)


def _expand(order: NDArray[np.int64], start: NDArray[np.int64], end: NDArray[np.int64]) -> Iterator[Pairs]:
    """Each row i with each of order[start[i]:end[i]], once per unordered pair."""
    counts = end - start
    edges = np.concatenate(([0], np.cumsum(counts)))
    row = 0
    while row < len(counts):
        stop = max(row + 1, int(np.searchsorted(edges, edges[row] + _PAIRS_AT_ONCE, side="right")) - 1)
        left = np.repeat(np.arange(row, stop), counts[row:stop])
        within = np.arange(len(left)) - np.repeat(edges[row:stop] - edges[row], counts[row:stop])
        right = order[start[left] + within]
        once = left < right
        yield left[once], right[once]
        row = stop


def _join(group: NDArray[np.int64], left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.int64]:
    """Merge the groups of each pair: every member takes the smallest number of its group."""
    if not len(left):
        return group
    while True:
        lowest = np.minimum(group[left], group[right])
        joined = group.copy()
        np.minimum.at(joined, group[left], lowest)
        np.minimum.at(joined, group[right], lowest)
        joined = joined[joined[group]]
        if np.array_equal(joined, group):
            return group
        group = joined


def _bit_count(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Ones in each word, by the adding-in-parallel method (np.bitwise_count needs NumPy 2)."""
    words = words - ((words >> np.uint64(1)) & np.uint64(0x5555555555555555))
    words = (words & np.uint64(0x3333333333333333)) + ((words >> np.uint64(2)) & np.uint64(0x3333333333333333))
    words = (words + (words >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.asarray((words * np.uint64(0x0101010101010101)) >> np.uint64(56))
