"""The greatest few of a million numbers, without sorting them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lapel.schema.outputs import Floats

GROUPS_OF = 64


def candidates(scores: Floats, k: int, window: float) -> NDArray[np.int64]:
    """Places, ascending, of every score that is at least the k-th greatest less `window`.

    The k-th greatest of group maxima is no greater than the k-th greatest of all, so one pass that takes maxima and
    one that compares leave few numbers to look at closely. A group holds every n/64-th number: neighbours, which are
    often alike, stand in different groups.
    """
    count, groups = len(scores), len(scores) // GROUPS_OF
    if k >= count:
        return np.arange(count)
    if groups <= k:
        return np.flatnonzero(scores >= _kth(scores, k) - np.float32(window))
    maxima = scores[: groups * GROUPS_OF].reshape(GROUPS_OF, groups).max(axis=0)
    near = np.flatnonzero(scores >= _kth(maxima, k) - np.float32(window))
    some = scores[near]
    return near[some >= _kth(some, k) - np.float32(window)]


def _kth(scores: Floats, k: int) -> np.float32:
    return np.float32(np.partition(scores, len(scores) - k)[len(scores) - k])
