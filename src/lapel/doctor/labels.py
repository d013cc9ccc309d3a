"""The doctor's look at labels: spelling variants, stand-ins for "unknown", and whether examples suffice."""

from __future__ import annotations

import unicodedata

import numpy as np
from numpy.typing import NDArray

from lapel.doctor.diagnosis import AttributeReport, Spelling
from lapel.schema import ItemTable, Labels

ENOUGH = 2
"""Items that a value needs: two to form a positive pair in training, two so that a test query has something to find."""

STAND_INS = frozenset(("nan", "null", "n/a", "na", "unknown", "undefined", "-", "--", "?", "#n/a", "nil"))
"""Texts that usually mean "not known" and would be learnt as a value of their own."""

_Mask = NDArray[np.bool_]


def attribute_report(table: ItemTable, name: str, usable: _Mask, splits: dict[str, _Mask]) -> AttributeReport:
    """Counts of one attribute over the items whose picture can be used, and whether they suffice.

    splits: split name -> mask over rows; a table without splits is trained and tested on the same "all".
    """
    labels = table.labels(name)
    whole = splits.get("all", np.zeros(len(table), bool))
    train = _counts(labels, usable & (splits.get("train", whole)))
    test = _counts(labels, usable & (splits.get("test", whole)))
    total = _counts(labels, usable)
    held = {value: int(count) for value, count in zip(labels.values, total, strict=True) if count}
    rarest = min(held, key=lambda value: (train[labels.values.index(value)], value), default="")
    known = labels.known & usable
    return AttributeReport(
        name,
        held,
        {split: int((known & mask).sum()) for split, mask in splits.items()},
        float(1 - known.sum() / max(1, usable.sum())),
        rarest,
        int(train[labels.values.index(rarest)]) if rarest else 0,
        _few(labels, total, train),
        _few(labels, total, test),
        bool((train >= ENOUGH).sum() >= 2),
        bool((test > 0).sum() >= 2 and (test >= ENOUGH).any()),
    )


def spellings(table: ItemTable, reports: tuple[AttributeReport, ...]) -> tuple[Spelling, ...]:
    """Values that are the same once case, spacing, punctuation and accents' encoding are set aside."""
    found = []
    for report in reports:
        alike: dict[str, dict[str, int]] = {}
        for value, count in report.values.items():
            alike.setdefault(_bare(value), {})[value] = count
        found += [Spelling(report.name, same) for same in alike.values() if len(same) > 1]
    return tuple(found)


def stand_ins(report: AttributeReport) -> list[str]:
    """Values of the attribute that look like a written-out "unknown"."""
    return [value for value in report.values if value.casefold() in STAND_INS]


def _bare(value: str) -> str:
    text = unicodedata.normalize("NFKC", value).casefold()
    return "".join(character for character in text if character.isalnum()) or text


def _counts(labels: Labels, rows: _Mask) -> NDArray[np.int64]:
    """(V,) items of these rows that hold each value; through the few distinct label sets, whatever the row count."""
    codes = labels.codes[rows & labels.known]
    per_cell = np.bincount(codes, minlength=len(labels.cells))
    counts = np.zeros(len(labels.values), np.int64)
    for cell, count in zip(labels.cells, per_cell, strict=True):
        counts[list(cell)] += count
    return counts


def _few(labels: Labels, total: NDArray[np.int64], there: NDArray[np.int64]) -> tuple[str, ...]:
    return tuple(labels.values[v] for v in np.flatnonzero((total > 0) & (there < ENOUGH)))
