"""Same file, or same picture? A hash of the bytes, a hash of the look, and groups of near duplicates. Pure NumPy."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lapel.images.files import Source, open_source

NEAR = 6
"""Bits of 64 in which the hashes of two near duplicates may differ; chosen on real photos, see docs/data.md."""

_BANDS = 4
_PAIRS_AT_ONCE = 2_000_000


def content_hash(source: Source) -> str:
    """32 hex digits of the file's bytes (BLAKE2b, 128 bits): equal exactly when the files are equal.

    Raises:
        ImageError: the file is missing, empty or cannot be opened.
    """
    digest = hashlib.blake2b(digest_size=16)
    with open_source(source) as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def perceptual_hash(image: Image.Image) -> int:
    """64 bits of the look: which of the 64 lowest frequencies of the grey 32 x 32 picture lie above their median.

    Stays the same, but for a few bits, under scaling, re-encoding and small changes of light.
    """
    small = image.convert("L").resize((32, 32), Image.Resampling.BOX, reducing_gap=3.0)
    grey = np.asarray(small, np.float64)
    basis = _cosines()
    low = (basis @ grey @ basis.T)[1:, 1:].ravel()
    bits = np.packbits(low > np.median(low))
    return int.from_bytes(bits.tobytes(), "big")


def near_groups(hashes: NDArray[np.uint64], distance: int = NEAR) -> NDArray[np.int64]:
    """Group pictures whose hashes differ in at most `distance` bits, directly or through others of the group.

    Multi-index hashing: of the four 16-bit bands of two hashes within `distance`, at least one pair differs in at most
    distance // 4 bits, so only hashes that share such a band are compared.

    Args:
        hashes: (n,) from `perceptual_hash`.
        distance: 0 to 15 bits.

    Returns:
        (n,) group numbers from 0 in order of first appearance; equal numbers are near duplicates.
    """
    if not 0 <= distance <= 15:
        raise ValueError(f"distance is {distance}; expected 0 to 15 of the 64 bits.")
    different, back = np.unique(np.asarray(hashes, np.uint64), return_inverse=True)
    group = np.arange(len(different))
    if distance > 0:
        for left, right in _candidates(different, distance):
            near = _bit_count(different[left] ^ different[right]) <= distance
            group = _join(group, left[near], right[near])
    per_item = group[back.reshape(-1)]
    _, first, numbered = np.unique(per_item, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[numbered.reshape(-1)]


@lru_cache(maxsize=1)
def _cosines() -> NDArray[np.float64]:
    """(9, 32): the first nine rows of the type-II discrete cosine transform."""
    frequency, place = np.arange(9)[:, None], np.arange(32)[None, :]
    return np.asarray(np.cos(np.pi * frequency * (2 * place + 1) / 64))


def _candidates(hashes: NDArray[np.uint64], distance: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
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


def _expand(
    order: NDArray[np.int64], start: NDArray[np.int64], end: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
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
