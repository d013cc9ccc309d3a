"""What an evaluation of composed retrieval found."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lapel.errors import ProtocolError
from lapel.evaluation.composed.recall import NOWHERE, Ranks
from lapel.evaluation.saving import write_whole

FORMAT = 1
KIND = "composed"


@dataclass(frozen=True)
class Figure:
    """Percent, with its 95 % interval and what a random ranking is expected to give."""

    value: float
    low: float
    high: float
    chance: float


@dataclass(frozen=True)
class ComposedEvaluation:
    """One model on one split under one protocol; figures in percent.

    protocol: its whole name. figures: category -> figure's name -> figure; "" where there are no categories.
    mean: over categories. headline: the one figure to choose a model by. complete: all pictures of the set took part.
    ids, ranks, subset_ranks: the asked queries and the place of each one's first right picture.
    """

    protocol: str
    data: str
    split: str
    model: str
    model_fingerprint: str
    fingerprint: str
    complete: bool
    queries: int
    gallery: Mapping[str, int]
    figures: Mapping[str, Mapping[str, Figure]]
    mean: Mapping[str, float]
    headline: float
    notes: tuple[str, ...] = ()
    ids: tuple[str, ...] = field(default=(), repr=False)
    ranks: Ranks = field(default_factory=lambda: np.empty(0, np.int64), repr=False, compare=False)
    subset_ranks: Ranks = field(default_factory=lambda: np.empty(0, np.int64), repr=False, compare=False)

    def to_dict(self, per_query: bool = True) -> dict[str, Any]:
        """JSON-ready; figures rounded to four decimals; a rank of null is nowhere."""
        figures = {
            category: {name: {k: round(v, 4) for k, v in asdict(figure).items()} for name, figure in row.items()}
            for category, row in self.figures.items()
        }
        head = {
            "format": FORMAT, "kind": KIND, "protocol": self.protocol, "data": self.data, "split": self.split,
            "complete": self.complete, "model": self.model, "model_fingerprint": self.model_fingerprint,
            "fingerprint": self.fingerprint, "queries": self.queries, "gallery": dict(self.gallery),
            "headline": round(self.headline, 4), "mean": {k: round(v, 4) for k, v in self.mean.items()},
            "figures": figures, "notes": list(self.notes),
        }  # fmt: skip
        if per_query:
            head |= {"ids": list(self.ids), "ranks": _open(self.ranks), "subset_ranks": _open(self.subset_ranks)}
        return head

    def save(self, path: str | Path) -> None:
        """Write as JSON, whole or not at all."""
        write_whole(path, json.dumps(self.to_dict(), indent=1))

    @classmethod
    def load(cls, path: str | Path) -> ComposedEvaluation:
        """Read back what `save` wrote.

        Raises:
            ProtocolError: no such file, or it holds something else.
        """
        try:
            data = json.loads(Path(path).read_text(encoding="utf-8"))
            if data["kind"] != KIND or data["format"] != FORMAT:
                raise KeyError("kind")
            rows = {c: {n: Figure(**f) for n, f in row.items()} for c, row in data["figures"].items()}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ProtocolError(
                f"'{path}' holds no evaluation of composed retrieval ({error}); give a file that "
                "`lapel evaluate --json` wrote for a composed model."
            ) from error
        same = {"protocol", "data", "split", "model", "model_fingerprint", "fingerprint", "complete", "queries"}
        return cls(
            **{name: data[name] for name in same},
            gallery=data["gallery"],
            figures=rows,
            mean=data["mean"],
            headline=data["headline"],
            notes=tuple(data["notes"]),
            ids=tuple(data.get("ids", ())),
            ranks=_closed(data.get("ranks", ())),
            subset_ranks=_closed(data.get("subset_ranks", ())),
        )


def _open(ranks: Ranks) -> list[int | None]:
    return [None if rank == NOWHERE else int(rank) for rank in ranks.tolist()]


def _closed(ranks: Any) -> Ranks:
    return np.array([NOWHERE if rank is None else rank for rank in ranks], np.int64)
