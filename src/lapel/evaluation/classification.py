"""How well value probabilities classify: top-k accuracy; precision, recall and F1 by class; confusion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lapel.errors import ShapeError

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class ClassScore:
    """One class; figures in percent, 0 where a denominator is 0. support: photos that hold it."""

    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class Classification:
    """Figures in percent over labelled photos.

    top: k -> share of photos whose class is among the k most probable (ties go to the lower class id).
    classes: by name, in id order. macro: plain mean over classes; weighted: by support. F1 means are means of F1s.
    constant: top-1 of always naming the commonest class; constant_f1: its macro F1.
    confusion: (C, C) photos, row = true class, column = predicted. photos: how many were scored.
    left_out: photos whose class the model does not know, or that hold several.
    """

    names: tuple[str, ...]
    top: Mapping[int, float]
    classes: Mapping[str, ClassScore]
    macro: ClassScore
    weighted: ClassScore
    constant: float
    constant_f1: float
    confusion: Counts = field(repr=False, compare=False)
    left_out: int = 0

    @property
    def photos(self) -> int:
        """How many photos were scored."""
        return int(self.confusion.sum())

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; `from_dict` reads it back."""
        return {
            "names": list(self.names),
            "top": {str(k): round(v, 4) for k, v in self.top.items()},
            "classes": {name: _rounded(score) for name, score in self.classes.items()},
            "macro": _rounded(self.macro),
            "weighted": _rounded(self.weighted),
            "constant": round(self.constant, 4),
            "constant_f1": round(self.constant_f1, 4),
            "confusion": self.confusion.tolist(),
            "left_out": self.left_out,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Classification:
        """Read back what `to_dict` gave."""
        return cls(
            names=tuple(data["names"]),
            top={int(k): v for k, v in data["top"].items()},
            classes={name: ClassScore(**score) for name, score in data["classes"].items()},
            macro=ClassScore(**data["macro"]),
            weighted=ClassScore(**data["weighted"]),
            constant=data["constant"],
            constant_f1=data["constant_f1"],
            confusion=np.array(data["confusion"], np.int64),
            left_out=data["left_out"],
        )


def classify_scores(
    scores: ArrayLike, labels: ArrayLike, names: Sequence[str], ks: Sequence[int] = (1, 3, 5), left_out: int = 0
) -> Classification:
    """Score probabilities (or any scores: only their order counts) against one class a photo.

    Args:
        scores: (N, C), higher is likelier. labels: (N,) class ids. names: C, by id.
        ks: which top-k accuracies; those of C and more classes are left out, except top-1.
        left_out: photos that took no part, for the record.

    Raises:
        ShapeError: the shapes do not fit together, or there is no photo.
    """
    given, true = np.asarray(scores, np.float64), np.asarray(labels, np.int64)
    count = len(names)
    if given.ndim != 2 or given.shape != (len(true), count) or not len(true):
        raise ShapeError(
            f"scores are {given.shape}, labels {true.shape}, {count} classes; give (N, C), (N,) and C names."
        )
    # A class precedes the true one when it scores higher, or the same with a lower id, as a stable sort has it.
    own = given[np.arange(len(true)), true][:, None]
    rank = ((given > own) | ((given == own) & (np.arange(count) < true[:, None]))).sum(axis=1)
    confusion = np.zeros((count, count), np.int64)
    np.add.at(confusion, (true, given.argmax(axis=1)), 1)
    scored = _by_class(confusion)
    support = confusion.sum(axis=1)
    always = np.zeros_like(confusion)
    always[:, support.argmax()] = support
    return Classification(
        names=tuple(names),
        top={k: 100 * float((rank < k).mean()) for k in ks if k == 1 or k < count},
        classes={name: _score(scored[:, c], support[c]) for c, name in enumerate(names)},
        macro=_score(_mean(scored, confusion), len(true)),
        weighted=_score(scored @ support / len(true), len(true)),
        constant=100 * float(support.max()) / len(true),
        constant_f1=float(_mean(_by_class(always), always)[2]),
        confusion=confusion,
        left_out=left_out,
    )


def _by_class(confusion: Counts) -> NDArray[np.float64]:
    """(3, C): precision, recall, F1 in percent; 0 where nothing was predicted or nothing is there."""
    right = np.diag(confusion).astype(np.float64)
    predicted, held = confusion.sum(axis=0), confusion.sum(axis=1)
    precision = np.divide(right, predicted, out=np.zeros_like(right), where=predicted > 0)
    recall = np.divide(right, held, out=np.zeros_like(right), where=held > 0)
    both = precision + recall
    f1 = np.divide(2 * precision * recall, both, out=np.zeros_like(right), where=both > 0)
    return 100 * np.stack([precision, recall, f1])


def _mean(scored: NDArray[np.float64], confusion: Counts) -> NDArray[np.float64]:
    """(3,): over the classes that some photo holds or is taken for; the others say nothing."""
    seen = (confusion.sum(axis=0) > 0) | (confusion.sum(axis=1) > 0)
    mean: NDArray[np.float64] = scored[:, seen].mean(axis=1)
    return mean


def _score(figures: NDArray[np.float64], support: int) -> ClassScore:
    precision, recall, f1 = figures.tolist()
    return ClassScore(precision, recall, f1, int(support))


def _rounded(score: ClassScore) -> dict[str, Any]:
    figures = {name: round(getattr(score, name), 4) for name in ("precision", "recall", "f1")}
    return figures | {"support": score.support}
