"""Two models on the same composed queries: paired difference, or a refusal."""

from __future__ import annotations

from typing import Any

import numpy as np

from lapel.errors import ProtocolError
from lapel.evaluation.composed.record import ComposedEvaluation
from lapel.evaluation.metrics import bootstrap


def compare_composed(a: ComposedEvaluation, b: ComposedEvaluation) -> dict[str, dict[str, float]]:
    """R@K of B minus A in points, with the 95 % interval of a paired bootstrap over queries.

    Raises:
        ProtocolError: other protocols, data, or splits, or not the same queries.
    """
    for what, one, other in (
        ("protocol", a.protocol, b.protocol),
        ("data", (a.data, a.split), (b.data, b.split)),
        ("queries and gallery", a.fingerprint, b.fingerprint),
    ):
        if one != other:
            raise ProtocolError(
                f"These figures do not compare: their {what} differ ({_said(one)} against {_said(other)}). "
                "Evaluate both under one protocol on the same data."
            )
    if len(a.ranks) != len(b.ranks) or not len(a.ranks):
        raise ProtocolError("One of the evaluations was saved without its queries; evaluate it again with --json.")
    found = {}
    for name in a.mean:
        kind, k = name.split("@")
        places = ((one.subset_ranks if kind == "R_subset" else one.ranks) for one in (a, b))
        first, second = (ranks <= int(k) for ranks in places)
        step = 100.0 * (second.astype(np.float64) - first.astype(np.float64))
        low, high = bootstrap(step)
        found[name] = {"a": 100 * float(first.mean()), "b": 100 * float(second.mean()),
                       "difference": float(step.mean()), "low": low, "high": high}  # fmt: skip
    return found


def _said(value: Any) -> str:
    return " ".join(value) if isinstance(value, tuple) else f"'{value}'"
