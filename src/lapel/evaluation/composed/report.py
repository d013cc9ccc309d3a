"""A composed evaluation as one HTML file: the figures, and queries as pictures with where the target landed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lapel.errors import InputError
from lapel.evaluation.composed.protocol import ComposedProtocol
from lapel.evaluation.composed.recall import NOWHERE
from lapel.evaluation.composed.record import ComposedEvaluation
from lapel.evaluation.composed.scoring import Asked, asked_of
from lapel.evaluation.report import template, thumbnail
from lapel.evaluation.saving import write_whole
from lapel.schema import ComposedSet, Floats

THUMB = 144


@dataclass(frozen=True)
class Picture:
    """name, data URI ("" when it cannot be read), whether it is right, its place in the ranking (0: not ranked)."""

    name: str
    source: str
    right: bool = False
    place: int = 0


@dataclass(frozen=True)
class Shown:
    """One query: what was asked, the first hits, and the best-placed right picture where it is not among them."""

    text: str
    reference: Picture
    hits: tuple[Picture, ...]
    target: Picture | None
    rank: int
    ranked: int


def write_composed_report(
    found: ComposedEvaluation,
    data: ComposedSet,
    protocol: ComposedProtocol,
    queries: Floats,
    gallery: Floats,
    names: Sequence[str],
    path: str | Path,
    *,
    shown: int = 20,
    hits: int = 8,
    seed: int = 0,
) -> Path:
    """Write the report; pictures are embedded, so keep it out of the repository when they must be.

    Args:
        found: of these vectors, as `evaluate_composed` gave it. queries, gallery, names: as it took them.
        shown: how many queries, drawn by `seed`, so that nobody chose them. hits: first hits of each.

    Raises:
        InputError: the evaluation is not of these queries.
    """
    asked = asked_of(data, protocol)
    if len(found.ranks) != len(asked) or len(queries) != len(asked):
        raise InputError("The evaluation is not of these queries: evaluate again, and write the report of that.")
    drawn = np.sort(np.random.default_rng(seed).permutation(len(asked))[:shown])
    place = {name: row for row, name in enumerate(names)}
    rows = [_shown(asked[at], data, protocol, queries[at], gallery, place, hits) for at in drawn.tolist()]
    return write_whole(path, template("composed.html.j2").render(found=found, rows=rows, nowhere=int(NOWHERE)))


def _shown(
    one: Asked,
    data: ComposedSet,
    protocol: ComposedProtocol,
    query: Floats,
    gallery: Floats,
    place: dict[str, int],
    hits: int,
) -> Shown:
    listed = [
        name for name in data.galleries[one.query.category] if protocol.reference == "kept" or name != one.reference
    ]
    scores = gallery[[place[name] for name in listed]] @ query
    order = np.argsort(-scores.astype(np.float64), kind="stable")
    right = set(one.query.targets)
    ranked = [listed[at] for at in order.tolist()]
    rank = next((at for at, name in enumerate(ranked, start=1) if name in right), int(NOWHERE))
    first = tuple(_picture(data, name, name in right, at) for at, name in enumerate(ranked[:hits], start=1))
    behind = _picture(data, ranked[rank - 1], True, rank) if hits < rank <= len(ranked) else None
    return Shown(one.text, _picture(data, one.reference), first, behind, rank, len(ranked))


def _picture(data: ComposedSet, name: str, right: bool = False, place: int = 0) -> Picture:
    return Picture(name, thumbnail(data.images[name], THUMB), right, place)
