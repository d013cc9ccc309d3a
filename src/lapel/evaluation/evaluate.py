"""Score embeddings, or a model on photos, attribute by attribute."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lapel.errors import InputError, UnknownName
from lapel.evaluation.branches import branch_scores
from lapel.evaluation.metrics import bootstrap, chance_ap
from lapel.evaluation.predicted import classify_values
from lapel.evaluation.protocols import NAMES, TRIPLETS, Lists, Task, make_tasks
from lapel.evaluation.ranking import MEMORY, Ranked, rank_all
from lapel.evaluation.record import AttributeScore, Data, Details, Evaluation, fingerprint_of
from lapel.schema import Card, EmbeddingTable, ItemTable

WHOLE_TABLE = "all"
"""The split name that means every row, for a table without splits."""

ITSELF = "the query itself; near duplicates were not looked for"


def evaluate_embeddings(
    table: EmbeddingTable,
    items: ItemTable,
    *,
    split: str = "test",
    protocol: str = "each-against-rest",
    attributes: Sequence[str] | None = None,
    groups: Mapping[str, int] | None = None,
    lists: Lists | None = None,
    seed: int = 0,
    top: int = 10,
    memory: int = MEMORY,
    branches: bool = True,
) -> Evaluation:
    """Score stored embeddings under a protocol of `lapel.evaluation.protocols`.

    Args:
        table: embeddings of at least the items of the split; items without an embedding are left out and counted.
        items: the labels.
        split: train, valid or test picks the rows; "all" takes every row.
        protocol: a name of `lapel.evaluation.protocols.NAMES`.
        attributes: which to score; None takes all that model and data both have.
        groups: id -> group number of near duplicates for `each-against-rest`, see `near_duplicates`; None leaves
            only the query itself out, and the record says so.
        lists: query and gallery ids for `query-gallery`; None reads the column `role`.
        seed: of the bootstrap intervals.
        top: how many best positions to keep a query for a report.
        memory: bytes of working memory for the rankings.
        branches: of a model of two branches, score each alone as well.

    Raises:
        UnknownName: protocol or attribute.
        InputError: model and data have no attribute in common, or no item of the split has an embedding.
        TableError: the split is empty, or lists are missing.
    """
    if protocol not in NAMES:
        raise UnknownName("protocol", protocol, NAMES)
    names, notes = common_attributes(table.card, items, attributes)
    chosen = items if split == WHOLE_TABLE else items.split(split)
    part, place = embedded(table, chosen)
    data, told = part_of(chosen, part, split)
    notes += told
    if protocol == TRIPLETS:
        from lapel.evaluation.triplets import evaluate_triplets

        return evaluate_triplets(table, part, place, data, names, notes, seed)
    numbers, rule = _group_numbers(part, protocol, groups)
    tasks, skipped = make_tasks(protocol, part, names, numbers, lists)
    details = {task.attribute: Details(task, _rank(table, place, task, top, memory)) for task in tasks}
    if not details:
        reasons = "; ".join(f"{s.attribute}: {s.reason}" for s in skipped)
        raise InputError(f"{items.name}, split '{split}': no attribute can be evaluated ({reasons}).")
    scores = {name: _score(part, detail, seed) for name, detail in details.items()}
    overall, chance, (low, high) = _over_all_queries(scores, details, seed)
    alone = branch_scores(table, tasks, lambda one, task: _rank(one, place, task, top, memory)) if branches else {}
    return Evaluation(
        protocol=protocol,
        data=replace(data, fingerprint=fingerprint_of(scores)),
        model=table.card.name,
        overall=overall,
        attributes=scores,
        chance=chance,
        low=low,
        high=high,
        mean=float(np.mean([score.map for score in scores.values()])),
        model_fingerprint=table.card.fingerprint,
        near_duplicates=rule,
        skipped={s.attribute: s.reason for s in skipped},
        notes=tuple(notes),
        seed=seed,
        classification=classify_values(table, part, place, scores),
        branches=alone,
        ids=part.ids,
        details=details,
    )


def common_attributes(card: Card, items: ItemTable, wanted: Sequence[str] | None) -> tuple[list[str], list[str]]:
    """The attributes to score, in the data's order, and notes on those that only one side has.

    Raises:
        UnknownName: a wanted attribute that data or model lacks.
        InputError: no attribute in common.
    """
    known, labelled = card.vocabulary.names, items.vocabulary.names
    if wanted is not None:
        for name in wanted:
            if name not in labelled:
                raise UnknownName("attribute", name, labelled, f"The data '{items.name}'")
            if name not in known:
                raise UnknownName("attribute", name, known, f"The model '{card.name}'")
        return list(dict.fromkeys(wanted)), []
    both = [name for name in labelled if name in known]
    if not both:
        near = {name: difflib.get_close_matches(name, labelled, n=1) for name in known}
        hints = [f"the data's '{n[0]}' may be the model's '{name}': rename the column" for name, n in near.items() if n]
        raise InputError(
            f"No attribute in common: the model '{card.name}' knows {', '.join(known)}; the data "
            f"'{items.name}' labels {', '.join(labelled) or 'none'}. {'; '.join(hints) or 'Use another model or data'}."
        )
    notes = []
    if only := [name for name in labelled if name not in known]:
        notes.append(f"in the data, unknown to the model: {', '.join(only)}")
    if only := [name for name in known if name not in labelled]:
        notes.append(f"known to the model, not in the data: {', '.join(only)}")
    return both, notes


def embedded(table: EmbeddingTable, chosen: ItemTable) -> tuple[ItemTable, NDArray[np.int64]]:
    """The rows that have an embedding, and where each of those lies in the embedding table."""
    where = {item: row for row, item in enumerate(table.ids)}
    place = np.array([where.get(item, -1) for item in chosen.ids], dtype=np.int64)
    have = place >= 0
    if not have.any():
        raise InputError(f"{chosen.name}: none of the {len(chosen)} items has an embedding under its id.")
    return (chosen if have.all() else chosen.take(have)), place[have]


def part_of(chosen: ItemTable, part: ItemTable, split: str) -> tuple[Data, list[str]]:
    """On which part of the data figures are obtained, and what to say when it is not the whole of it.

    Args:
        chosen: the split's rows. part: those that have an embedding. split: its name.

    Returns:
        Data without a fingerprint yet, and notes.
    """
    left = len(chosen) - len(part)
    notes = [f"{left} of {len(chosen)} items of the split have no embedding and took no part"] if left else []
    release = chosen.release
    expected = release.photos.get(split, 0) if release is not None else 0
    complete = chosen.complete and not left
    if release is not None and not complete:
        of = f" of the {expected:,} in the published {split} split" if expected else f" of the {split} split"
        notes.append(
            f"PARTIAL: {len(part):,} photos{of} of {release.name} took part, so these figures do not compare to a "
            "paper's"
        )
    return Data(chosen.name, "", split, complete, len(part), expected), notes


def _group_numbers(
    part: ItemTable, protocol: str, groups: Mapping[str, int] | None
) -> tuple[NDArray[np.int64] | None, str]:
    if protocol != "each-against-rest":
        return None, "nothing"
    if groups is None:
        return None, ITSELF
    fresh = max(groups.values(), default=-1) + 1  # an item without a group is alone in a new one
    numbers = np.array([groups.get(item, fresh + row) for row, item in enumerate(part.ids)], dtype=np.int64)
    _, size = np.unique(numbers, return_counts=True)
    twins = size[size > 1]
    found = f"{twins.sum()} items in {len(twins)} group{'s' if len(twins) > 1 else ''}" if len(twins) else "none found"
    return numbers, f"the query and its near duplicates ({found})"


def _rank(table: EmbeddingTable, place: NDArray[np.int64], task: Task, top: int, memory: int) -> Ranked:
    vectors = table.block(task.attribute)
    return rank_all(vectors[place[task.queries]], vectors[place[task.gallery]], task.relevance, top=top, memory=memory)


def _score(part: ItemTable, detail: Details, seed: int) -> AttributeScore:
    ranked = detail.ranked
    low, high = bootstrap(ranked.ap, seed)
    recall = [100 * float(((ranked.first > 0) & (ranked.first <= k)).mean()) for k in (1, 5, 10)]
    return AttributeScore(
        map=100 * float(ranked.ap.mean()),
        chance=100 * float(chance_ap(ranked.relevant, ranked.ranked).mean()),
        low=100 * low,
        high=100 * high,
        queries=len(ranked.ap),
        gallery=int(ranked.ranked.max()),
        empty=int((ranked.relevant == 0).sum()),
        r1=recall[0],
        r5=recall[1],
        r10=recall[2],
        fingerprint=_fingerprint(part, detail.task),
        ids=tuple(part.ids[row] for row in detail.task.queries),
        ap=ranked.ap,
    )


def _fingerprint(part: ItemTable, task: Task) -> str:
    labels = part.labels(task.attribute)
    cells = ["|".join(sorted(labels.values[v] for v in cell)) for cell in labels.cells]
    digest = hashlib.sha256()
    for rows in (task.queries, task.gallery):
        digest.update("\0".join(f"{part.ids[row]}\1{cells[labels.codes[row]]}" for row in rows).encode())
        digest.update(b"\2")
    return digest.hexdigest()[:16]


def _over_all_queries(
    scores: Mapping[str, AttributeScore], details: Mapping[str, Details], seed: int
) -> tuple[float, float, tuple[float, float]]:
    """Overall MAP, chance, and an interval that resamples photos, each with all the queries it makes."""
    every = np.concatenate([score.ap for score in scores.values()])
    chance = np.concatenate([chance_ap(d.ranked.relevant, d.ranked.ranked) for d in details.values()])
    rows = np.concatenate([d.task.queries for d in details.values()])
    _, photo = np.unique(rows, return_inverse=True)
    low, high = bootstrap(np.bincount(photo, weights=every), seed, counts=np.bincount(photo))
    return 100 * float(every.mean()), 100 * float(chance.mean()), (100 * low, 100 * high)
