"""When two arrays are equal enough, by the tolerances that the golden numbers state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FLOAT32, FLOAT64, LOOSE = 1e-5, 1e-8, 1e-4
GRADIENT_NORM, AFTER_STEP = 1e-3, 5e-3
LOOSE_FAMILIES = ("rpf", "fern")


@dataclass(frozen=True)
class Difference:
    """absolute: max|a - b|. relative: that over max(1, max|b|). problem: empty when within tolerance."""

    absolute: float
    relative: float
    problem: str = ""


def tolerance(runner: str, key: str, kind: np.dtype[Any]) -> float:
    """Relative tolerance of one array: by type, wider for the runners of RPF and FashionERN, 0 for integers.

    By runner, as in the golden folder, and not by file name: a case must not gain tolerance by another name.
    """
    if kind.kind in "biu":
        return 0.0
    if runner.startswith(LOOSE_FAMILIES):
        if key.startswith(("grad_norm", "gradnorm")):
            return GRADIENT_NORM
        if runner.startswith("rpf") and key.startswith("after") or key.endswith("after_one_step"):
            return AFTER_STEP
        return LOOSE
    return FLOAT64 if kind == np.float64 else FLOAT32


def difference(runner: str, key: str, found: NDArray[Any], expected: NDArray[Any]) -> Difference:
    """Hold one computed array against the expected one; shapes must be equal and every value a number."""
    found = np.asarray(found)
    if found.shape != expected.shape:
        return Difference(np.inf, np.inf, f"'{key}' has shape {found.shape}, expected {expected.shape}")
    if expected.size == 0:
        return Difference(np.inf, np.inf, f"'{key}' is empty, so it proves nothing")
    computed, wanted = found.astype(np.float64), expected.astype(np.float64)
    if key.startswith("grad_norm") and (absent := np.isnan(wanted)).any():
        # No gradient in the published code: there must be none here either.
        if not np.array_equal(np.isnan(computed), absent):
            return Difference(np.inf, np.inf, f"'{key}' has gradients where none are expected, or none where some are")
        computed, wanted = computed[~absent], wanted[~absent]
    if not np.isfinite(computed).all():
        return Difference(np.inf, np.inf, f"'{key}' came out with values that are no numbers")
    absolute = float(np.abs(computed - wanted).max())
    relative = absolute / max(1.0, float(np.abs(wanted).max()))
    allowed = tolerance(runner, key, expected.dtype)
    if relative <= allowed:
        return Difference(absolute, relative)
    return Difference(absolute, relative, f"'{key}' differs by {relative:.3g} (allowed {allowed:g})")
