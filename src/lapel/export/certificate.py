"""How far an export is from the model it came from, measured on real pictures or noise."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lapel.schema import Floats, Outputs

TOLERANCE = {"fp32": 1e-3, "int8": 0.3}
"""Greatest absolute difference of any unit embedding component at which an export still passes."""

CERTIFIED = ("embeddings", "composed", "text", "changed")
"""Unit vectors that an export must keep; the last three of models that were taught words."""

RANK_TOLERANCE = {"fp32": 0.99, "int8": 0.75}
"""Least mean overlap of the nearest neighbours, exported against original."""


@dataclass(frozen=True)
class Certificate:
    """What was compared, and how much the export differs.

    differences: output -> greatest absolute difference over the sample.
    rank_overlap: attribute -> mean share of the `neighbours` nearest sample pictures that both models agree on.
    sample: pictures compared; `noise` when they were drawn from N(0, 1) because no photos were given.
    metric_change: a `MetricChange` as a dictionary; None when no labelled photos were given.
    parts: sha256 of each further file of the model. parts_in: the folder beside the model's own that holds them; None
        when they lie in it. boxes_moved: of a model that crops, the share of crops cut a pixel or more apart, because
        the map was rounded otherwise; the difference of embeddings is over the others, the overlap of ranks over all.
    """

    fingerprint: str
    sha256: str
    precision: str
    bytes: int
    sample: int
    noise: bool
    neighbours: int
    differences: dict[str, float]
    rank_overlap: dict[str, float]
    values_fitted: bool
    opset: int
    versions: dict[str, str]
    metric_change: dict[str, Any] | None = None
    parts: dict[str, str] = field(default_factory=dict)
    boxes_moved: float | None = None
    parts_in: str | None = None

    def to_dict(self) -> dict[str, object]:
        """JSON-ready."""
        return asdict(self)

    @property
    def passes(self) -> bool:
        """Whether embeddings and ranks stay within this precision's tolerance."""
        near = all(self.differences.get(name, 0.0) <= TOLERANCE[self.precision] for name in CERTIFIED)
        # Pictures of noise lie so close together that rounding may reorder them; differences alone judge those.
        return near and (self.noise or self.mean_overlap >= RANK_TOLERANCE[self.precision])

    @property
    def mean_overlap(self) -> float:
        """Mean of `rank_overlap` over attributes."""
        return float(np.mean(list(self.rank_overlap.values())))


def write_certificate(certificate: Certificate, path: Path) -> None:
    """Write it as JSON."""
    path.write_text(json.dumps(certificate.to_dict(), indent=1), encoding="utf-8")


def greatest_differences(
    original: Outputs, exported: Outputs, moved: NDArray[np.bool_] | None = None
) -> dict[str, float]:
    """Output -> greatest absolute difference. moved: (B, K) embeddings to leave out, with the photos' values."""
    pairs = {n: (getattr(original, n), getattr(exported, n)) for n in ("embeddings", "regions", "values", "look")}
    if original.composed is not None:
        pairs["composed"] = (original.composed, exported.composed)
    if moved is not None:
        same = ~moved.any(axis=1)
        pairs["embeddings"] = tuple(part[~moved] for part in pairs["embeddings"])
        pairs["values"] = tuple(part[same] for part in pairs["values"])
    return {name: float(np.abs(a - b).max(initial=0)) for name, (a, b) in pairs.items()}


def rank_overlap(original: Floats, exported: Floats, neighbours: int) -> float:
    """Mean share of each picture's nearest others that stay the same.

    original, exported: (N, D) unit embeddings of the same pictures under one attribute; neighbours < N.
    """
    best = []
    for block in (original, exported):
        similarity = block @ block.T
        np.fill_diagonal(similarity, -np.inf)
        best.append(np.argsort(-similarity, axis=1, kind="stable")[:, :neighbours])
    same = [len(np.intersect1d(a, b)) for a, b in zip(*best, strict=True)]
    return float(np.mean(same) / neighbours)
