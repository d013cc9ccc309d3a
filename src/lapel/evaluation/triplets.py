"""The protocol `triplets`: of an anchor, a nearer and a farther item, is the nearer one nearer?

As published for UT-Zap50K with CSN's lists (Veit et al., CVPR 2017): a triplet is right when the anchor's cosine to
`close` is greater than to `far`, in the space of the triplet's condition; a tie is wrong. (With unit embeddings this is
the same as comparing distances.) A condition's figure is the share of its triplets that are right; the overall figure
is over all triplets of all conditions, the mean over conditions stands beside it. Chance is one half.

CSN reports the error, 100 minus this, and averages it over batches, which is the same where every batch holds each
condition; here triplets are counted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lapel.errors import InputError
from lapel.evaluation.metrics import bootstrap
from lapel.evaluation.protocols import TRIPLETS
from lapel.evaluation.record import ACCURACY, AttributeScore, Data, Evaluation, fingerprint_of
from lapel.schema import EmbeddingTable, Floats, ItemTable

_BLOCK = 65_536


def right(embeddings: Floats, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether each triplet is ordered rightly.

    Args:
        embeddings: (n, D), unit length.
        rows: (T, 3): anchor, close, far.

    Returns:
        (T,); a tie is wrong.
    """
    answers = [
        np.einsum("td,td->t", embeddings[part[:, 0]], embeddings[part[:, 1]], dtype=np.float32)
        > np.einsum("td,td->t", embeddings[part[:, 0]], embeddings[part[:, 2]], dtype=np.float32)
        for part in (rows[start : start + _BLOCK] for start in range(0, len(rows), _BLOCK))
    ]
    return np.concatenate(answers) if answers else np.empty(0, bool)


def evaluate_triplets(
    table: EmbeddingTable,
    items: ItemTable,
    place: NDArray[np.int64],
    data: Data,
    attributes: Sequence[str],
    notes: Sequence[str],
    seed: int,
) -> Evaluation:
    """Score the triplets of a split; called by `lapel.evaluation.evaluate_embeddings`.

    Args:
        table: embeddings. items: the rows that have one, and `place`, where each lies in the table.
        data: the split and what part of it took part. attributes: conditions to score. notes: so far.
        seed: of the intervals, which resample anchors whole, with all the triplets each makes.

    Raises:
        InputError: the data has no triplets, or none in this split under these attributes.
    """
    if items.triplets is None:
        raise InputError(
            f"{items.name} has no judged triplets, which the protocol '{TRIPLETS}' counts. Use another --protocol."
        )
    listed, left_out = items.triplets.rows(items.ids, data.split)
    listed = {name: listed[name] for name in attributes if name in listed and len(listed[name])}
    if not listed:
        raise InputError(
            f"{items.name}: split '{data.split}' has no triplets of {', '.join(attributes)}; it has triplets in "
            f"{', '.join(items.triplets.lists)}."
        )
    if left_out:
        notes = [*notes, f"PARTIAL: {left_out:,} triplets name photos that are not there and took no part"]
    answers = {name: right(table.block(name)[place], rows) for name, rows in listed.items()}
    scores = {name: _score(items, listed[name], answers[name], seed) for name in listed}
    every = np.concatenate(list(answers.values())).astype(np.float64)
    low, high = _interval(every, np.concatenate([rows[:, 0] for rows in listed.values()]), seed)
    return Evaluation(
        protocol=TRIPLETS,
        data=replace(data, fingerprint=fingerprint_of(scores), complete=data.complete and not left_out),
        model=table.card.name,
        overall=100 * float(every.mean()),
        attributes=scores,
        chance=50.0,
        low=low,
        high=high,
        mean=float(np.mean([score.map for score in scores.values()])),
        model_fingerprint=table.card.fingerprint,
        near_duplicates="nothing",
        skipped={name: "no triplets in this split" for name in attributes if name not in scores},
        notes=tuple(notes),
        seed=seed,
        metric=ACCURACY,
        ids=items.ids,
    )


def _score(items: ItemTable, rows: NDArray[np.int64], answers: NDArray[np.bool_], seed: int) -> AttributeScore:
    share = 100 * float(answers.mean())
    low, high = _interval(answers.astype(np.float64), rows[:, 0], seed)
    names = [items.ids[row] for row in rows.ravel()]
    digest = hashlib.sha256("\0".join(names).encode()).hexdigest()[:16]
    ids = tuple(f"{items.ids[anchor]}#{number}" for number, anchor in enumerate(rows[:, 0]))
    wins = (share, share, share)  # with two items ranked, the first place is all there is
    return AttributeScore(share, 50.0, low, high, len(rows), 2, 0, *wins, digest, ids, answers.astype(np.float64))


def _interval(answers: NDArray[np.float64], anchors: NDArray[np.int64], seed: int) -> tuple[float, float]:
    _, photo = np.unique(anchors, return_inverse=True)
    low, high = bootstrap(np.bincount(photo, weights=answers), seed, counts=np.bincount(photo))
    return 100 * low, 100 * high
