"""What an evaluation found, with everything needed to read it and to refuse a comparison with unlike figures."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lapel.errors import ProtocolError
from lapel.evaluation.branches import Branch
from lapel.evaluation.classification import Classification
from lapel.evaluation.protocols import Task
from lapel.evaluation.ranking import Ranked
from lapel.evaluation.saving import write_whole

EVALUATION_FORMAT = 1
MAP, ACCURACY = "MAP", "triplet accuracy"
"""What a figure is: `Evaluation.metric`."""


@dataclass(frozen=True)
class Data:
    """Which data: name, fingerprint of what was scored, split, and whether all of it took part.

    fingerprint: 16 hex digits of the attributes scored and of each one's `fingerprint`: the same for every model and
    every way of reading the table, as long as the same items with the same labels are scored.
    photos, expected: how many took part, and how many the published split has (0 where nothing is stated).
    """

    name: str
    fingerprint: str
    split: str
    complete: bool
    photos: int = 0
    expected: int = 0


@dataclass(frozen=True)
class AttributeScore:
    """One attribute; figures in percent.

    map: mean AP over `queries`. chance: what a random ranking is expected to give. low, high: 95 % interval.
    gallery: items ranked for a query (the most, where queries leave out unequal numbers). empty: queries without
    relevant items. r1, r5, r10: share of queries with a relevant item among the first 1, 5, 10.
    fingerprint: 16 hex digits of the ids and labels of queries and gallery.
    ids, ap: the queries and their AP (a fraction), in order; empty in a record that was saved without them.
    """

    map: float
    chance: float
    low: float
    high: float
    queries: int
    gallery: int
    empty: int
    r1: float
    r5: float
    r10: float
    fingerprint: str = ""
    ids: tuple[str, ...] = field(default=(), repr=False)
    ap: NDArray[np.float64] = field(default_factory=lambda: np.empty(0), repr=False, compare=False)


def fingerprint_of(scores: Mapping[str, AttributeScore]) -> str:
    """The data fingerprint of an evaluation that scored these attributes."""
    parts = sorted(f"{name}\0{score.fingerprint}" for name, score in scores.items())
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Details:
    """What a report draws from, kept in memory only: the task in rows of the evaluated items, and its rankings."""

    task: Task
    ranked: Ranked


@dataclass(frozen=True)
class Evaluation:
    """A model's scores on one split under one protocol; figures in percent.

    overall: mean AP over all queries of all attributes, as published. low, high: its 95 % interval, photos resampled
    whole. mean: mean of the attributes' MAPs. skipped: attribute -> why it is left out. near_duplicates: how they
    were handled, a part of the protocol. metric: what the figures are; under "triplet accuracy" a query is a triplet,
    `map` and `ap` are shares of rightly ordered ones, and the gallery is 2. classification: attribute -> how well its
    value probabilities classify all evaluated items, of models whose probabilities are fitted. branches: of a model
    of two branches, each one's figures alone. ids: the evaluated items in row order (not saved).
    """

    protocol: str
    data: Data
    model: str
    overall: float
    attributes: Mapping[str, AttributeScore]
    chance: float
    low: float
    high: float
    mean: float
    model_fingerprint: str = ""
    near_duplicates: str = ""
    skipped: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    seed: int = 0
    metric: str = MAP
    classification: Mapping[str, Classification] = field(default_factory=dict)
    branches: Mapping[str, Branch] = field(default_factory=dict)
    ids: tuple[str, ...] = field(default=(), repr=False, compare=False)
    details: Mapping[str, Details] = field(default_factory=dict, repr=False, compare=False)

    def to_dict(self, per_query: bool = True) -> dict[str, Any]:
        """JSON-ready; figures in percent with four decimals, as published. `from_dict` reads it back.

        Args:
            per_query: also ids and AP of every query, which `lapel compare` needs.
        """
        data = {
            "format": EVALUATION_FORMAT,
            "protocol": self.protocol,
            "metric": self.metric,
            "data": vars(self.data),
            "model": self.model,
            "model_fingerprint": self.model_fingerprint,
            "overall": _percent(self.overall),
            "low": _percent(self.low),
            "high": _percent(self.high),
            "chance": _percent(self.chance),
            "mean_over_attributes": _percent(self.mean),
            "attributes": {name: _summary(score) for name, score in self.attributes.items()},
            "skipped": dict(self.skipped),
            "near_duplicates": self.near_duplicates,
            "notes": list(self.notes),
            "seed": self.seed,
        }
        if self.classification:
            data["classification"] = {name: found.to_dict() for name, found in self.classification.items()}
        if self.branches:
            data["branches"] = {name: found.to_dict() for name, found in self.branches.items()}
        if per_query:
            data["per_query"] = {
                name: {"ids": list(score.ids), "ap": np.round(score.ap, 8).tolist()}
                for name, score in self.attributes.items()
            }
        return data

    def save(self, path: str | Path, further: Mapping[str, Any] | None = None) -> Path:
        """Write the JSON, with `further` keys beside the record's; the file appears whole or not at all."""
        content = self.to_dict() | dict(further or {})
        return write_whole(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], source: str = "This") -> Evaluation:
        """Read back what `to_dict` gave.

        Raises:
            ProtocolError: not an evaluation, or of a format this version does not read.
        """
        if not isinstance(data, Mapping) or "protocol" not in data or "attributes" not in data:
            raise ProtocolError(f"{source} is not an evaluation; write one with: lapel evaluate MODEL DATA --json FILE")
        if data.get("format") != EVALUATION_FORMAT:
            raise ProtocolError(
                f"{source} has evaluation format {data.get('format')}; this version of Lapel reads format "
                f"{EVALUATION_FORMAT}. Evaluate again with this version."
            )
        try:
            return cls._read(data)
        except (KeyError, TypeError) as error:
            raise ProtocolError(f"{source} is an incomplete evaluation: {error}. Evaluate again.") from error

    @classmethod
    def _read(cls, data: Mapping[str, Any]) -> Evaluation:
        queries = data.get("per_query", {})
        scores = {
            name: AttributeScore(
                **summary,
                ids=tuple(queries.get(name, {}).get("ids", ())),
                ap=np.array(queries.get(name, {}).get("ap", ()), dtype=np.float64),
            )
            for name, summary in data["attributes"].items()
        }
        plain = (
            "protocol",
            "model",
            "overall",
            "chance",
            "low",
            "high",
            "model_fingerprint",
            "near_duplicates",
            "seed",
        )
        return cls(
            **{name: data[name] for name in plain},
            data=Data(**data["data"]),
            attributes=scores,
            mean=data["mean_over_attributes"],
            skipped=data["skipped"],
            notes=tuple(data["notes"]),
            metric=data.get("metric", MAP),
            classification={n: Classification.from_dict(c) for n, c in data.get("classification", {}).items()},
            branches={name: Branch(**found) for name, found in data.get("branches", {}).items()},
        )

    @classmethod
    def load(cls, path: str | Path) -> Evaluation:
        """Read a saved evaluation, or the `evaluation.json` of a run folder.

        Raises:
            ProtocolError: no such file, not an evaluation, or of another format.
        """
        file = Path(path)
        if file.is_dir():
            file = file / "evaluation.json"
        try:
            data = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise ProtocolError(
                f"{file}: no such file. Write an evaluation with: lapel evaluate MODEL DATA --json {file}"
            ) from error
        except ValueError as error:
            raise ProtocolError(f"{file} is not JSON, so it is no evaluation ({error}).") from error
        return cls.from_dict(data, str(file))


def _percent(figure: float) -> float:
    return round(float(figure), 4)


def _summary(score: AttributeScore) -> dict[str, Any]:
    percents = ("map", "chance", "low", "high", "r1", "r5", "r10")
    names = ("map", "chance", "low", "high", "queries", "gallery", "empty", "r1", "r5", "r10", "fingerprint")
    return {name: _percent(getattr(score, name)) if name in percents else getattr(score, name) for name in names}
