"""Is one model better than another on the same queries? A paired bootstrap, and a sign-flip test.

Both models rank for the same queries, so what varies from query to query (some are hard for any model) cancels in the
difference of their AP. Per attribute:

- the *interval* is the 2.5th to 97.5th percentile of the mean difference over 2,000 bootstrap resamples of queries;
- *p* is two-sided, by randomisation: under "no difference" either model could have given either AP of a query, so
  each difference may change its sign; p = (1 + flips whose mean is at least as far from 0) / (1 + flips).

The overall row resamples and flips photos whole, with all the queries each makes under several attributes.
p-values are not corrected for the number of attributes; `Comparison.holm` gives those that are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lapel.errors import ProtocolError
from lapel.evaluation.metrics import bootstrap
from lapel.evaluation.record import Evaluation

FLIPS = 10_000
Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """B minus A under one attribute, in points of MAP: figures of both, difference, 95 % interval, two-sided p."""

    a: float
    b: float
    difference: float
    low: float
    high: float
    p: float
    queries: int

    @property
    def clear(self) -> bool:
        """Whether the interval excludes 0."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Comparison:
    """Two evaluations of the same queries, attribute by attribute. only_one: attributes that just one side has."""

    a: str
    b: str
    protocol: str
    data: str
    split: str
    overall: Difference
    attributes: Mapping[str, Difference]
    only_one: tuple[str, ...] = ()

    @property
    def holm(self) -> dict[str, float]:
        """P per attribute, corrected for the number of attributes (Holm's step-down method)."""
        order = sorted(self.attributes, key=lambda name: self.attributes[name].p)
        raised, corrected = 0.0, {}
        for place, name in enumerate(order):
            raised = max(raised, min(1.0, (len(order) - place) * self.attributes[name].p))
            corrected[name] = raised
        return {name: corrected[name] for name in self.attributes}

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; points of MAP with four decimals."""
        holm = self.holm
        rows = {n: _rounded(d) | {"p_holm": round(holm[n], 6), "clear": d.clear} for n, d in self.attributes.items()}
        head = {name: getattr(self, name) for name in ("a", "b", "protocol", "data", "split")}
        overall = _rounded(self.overall) | {"clear": self.overall.clear}
        return head | {"overall": overall, "attributes": rows, "only_one": list(self.only_one)}


def compare_files(a: str | Path, b: str | Path, *, seed: int = 0) -> Comparison:
    """`compare` of two saved evaluations: JSON files, or run folders that hold `evaluation.json`."""
    return compare(Evaluation.load(a), Evaluation.load(b), seed=seed, names=(str(a), str(b)))


def compare(a: Evaluation, b: Evaluation, *, seed: int = 0, names: tuple[str, str] = ("A", "B")) -> Comparison:
    """Paired significance of b - a for every attribute that both scored.

    Args:
        a: the first evaluation, with its queries.
        b: the second, of the same protocol, data, split and queries.
        seed: of resampling and flips.
        names: what messages call the two.

    Raises:
        ProtocolError: unlike protocol, data, split, near-duplicate rule or queries; no attribute in common; or a
            record without per-query figures.
    """
    _check_alike(a, b, names)
    shared = [name for name in a.attributes if name in b.attributes]
    if not shared:
        raise ProtocolError(
            f"{names[0]} scores {', '.join(a.attributes)}; {names[1]} scores {', '.join(b.attributes)}: "
            "no attribute is in both."
        )
    pairs = {name: _paired(name, a, b, names) for name in shared}
    rows = {name: _difference(*pairs[name][1:], seed=seed) for name in shared}
    ids = np.concatenate([np.array(pairs[name][0]) for name in shared])
    every = [np.concatenate([pairs[name][side] for name in shared]) for side in (1, 2)]
    _, photo = np.unique(ids, return_inverse=True)
    return Comparison(
        a=a.model if a.model != b.model else f"{a.model} ({names[0]})",
        b=b.model if a.model != b.model else f"{b.model} ({names[1]})",
        protocol=a.protocol,
        data=a.data.name,
        split=a.data.split,
        overall=_difference(*every, seed=seed, groups=photo),
        attributes=rows,
        only_one=tuple(n for n in (*a.attributes, *b.attributes) if n not in shared),
    )


def _check_alike(a: Evaluation, b: Evaluation, names: tuple[str, str]) -> None:
    sides = [
        ("protocol", a.protocol, b.protocol, "Evaluate both under one --protocol."),
        ("split", a.data.split, b.data.split, "Evaluate both on one --split."),
        ("data fingerprint", _data(a), _data(b), "Evaluate both on the same data."),
        ("rule on near duplicates", a.near_duplicates, b.near_duplicates, "Evaluate both from the photos."),
    ]
    if _same_labels(a, b):
        sides.pop(2)
    for what, one, other, fix in sides:
        if one != other:
            raise ProtocolError(
                f"Unlike {what}: {names[0]} has '{one}', {names[1]} has '{other}'. These figures must not be compared. "
                f"{fix}"
            )


def _data(evaluation: Evaluation) -> str:
    return f"{evaluation.data.name} {evaluation.data.fingerprint}"


def _same_labels(a: Evaluation, b: Evaluation) -> bool:
    """The same data under whatever name; or one scored more attributes, and those of both have the same labels."""
    if a.data.fingerprint == b.data.fingerprint:
        return True
    shared = [name for name in a.attributes if name in b.attributes]
    more = set(a.attributes) != set(b.attributes)
    return more and all(a.attributes[n].fingerprint == b.attributes[n].fingerprint for n in shared)


def _paired(
    name: str, a: Evaluation, b: Evaluation, names: tuple[str, str]
) -> tuple[tuple[str, ...], Doubles, Doubles]:
    """Ids and both AP of every query, in a's order."""
    one, other = a.attributes[name], b.attributes[name]
    for score, side in ((one, names[0]), (other, names[1])):
        if len(score.ids) != score.queries or len(score.ap) != score.queries:
            raise ProtocolError(f"{side} was saved without the figures of its queries ('{name}'). Evaluate again.")
    if set(one.ids) != set(other.ids):
        differ = len(set(one.ids) ^ set(other.ids))
        raise ProtocolError(
            f"Unlike queries under '{name}': {names[0]} has {one.queries}, {names[1]} has {other.queries}, and "
            f"{differ} are in one only. Photos may have been skipped in one; evaluate both on the same photos."
        )
    place = {item: row for row, item in enumerate(other.ids)}
    return one.ids, one.ap, other.ap[[place[item] for item in one.ids]]


def _difference(a: Doubles, b: Doubles, *, seed: int, groups: NDArray[np.int64] | None = None) -> Difference:
    gain = b - a
    sums: Doubles = gain
    counts: Doubles = np.ones(len(gain))
    if groups is not None:
        sums = np.asarray(np.bincount(groups, weights=gain), np.float64)
        counts = np.asarray(np.bincount(groups), np.float64)
    low, high = bootstrap(sums, seed, counts=counts)
    return Difference(
        a=100 * float(a.mean()),
        b=100 * float(b.mean()),
        difference=100 * float(gain.mean()),
        low=100 * low,
        high=100 * high,
        p=_sign_flip_p(sums, seed),
        queries=len(gain),
    )


def _sign_flip_p(sums: Doubles, seed: int, block: int = 1_000_000) -> float:
    draw = np.random.default_rng(seed + 1)
    seen, step = abs(sums.sum()), max(1, block // len(sums))
    far = 0
    for start in range(0, FLIPS, step):
        count = min(step, FLIPS - start)
        signs = draw.integers(0, 2, (count, len(sums)), dtype=np.int8) * 2 - 1
        far += int((np.abs(signs @ sums) >= seen - 1e-12).sum())
    return (1 + far) / (1 + FLIPS)


def _rounded(difference: Difference) -> dict[str, float | int]:
    return {name: round(value, 6 if name == "p" else 4) for name, value in asdict(difference).items()}
