"""Score a model on photos: embed the split, find its near duplicates, evaluate."""

from __future__ import annotations

from collections.abc import Sequence

from lapel.embedding import embed
from lapel.errors import UnknownName
from lapel.evaluation.evaluate import WHOLE_TABLE, common_attributes, evaluate_embeddings
from lapel.evaluation.protocols import NAMES, Lists
from lapel.evaluation.record import Evaluation
from lapel.images import HashStore, ImageCache, fingerprints, look_alikes
from lapel.progress import Progress, Quiet
from lapel.schema import ItemTable, Model


def evaluate(
    model: Model,
    items: ItemTable,
    *,
    split: str = "test",
    protocol: str = "each-against-rest",
    attributes: Sequence[str] | None = None,
    lists: Lists | None = None,
    batch: int = 32,
    skip: bool = False,
    workers: int = 2,
    cache: ImageCache | None = None,
    seed: int = 0,
    branches: bool = True,
    progress: Progress | None = None,
) -> Evaluation:
    """Embed the photos of a split and score every attribute that model and data have in common.

    Args:
        model: anything that answers the model contract.
        items: the labelled table.
        split: train, valid or test; "all" takes every row.
        protocol: a name of `lapel.evaluation.protocols.NAMES`. `each-against-rest` hashes the
            photos to find near duplicates.
        attributes: which to score; None takes all that both have.
        lists: query and gallery ids for `query-gallery`; None reads the column `role`.
        batch: photos a model call.
        skip: leave unreadable photos out and say how many; False raises on the first.
        workers: threads that read photos.
        cache: of resized photos.
        seed: of the bootstrap intervals.
        branches: of a model of two branches, score each alone as well.
        progress: advances once a photo embedded.

    Raises:
        UnknownName, InputError, TableError: as `evaluate_embeddings`.
        ImageError: a photo cannot be read and `skip` is off.
    """
    if protocol not in NAMES:
        raise UnknownName("protocol", protocol, NAMES)
    common_attributes(model.card, items, attributes)  # before the long part: a wrong name must not cost minutes
    part = items if split == WHOLE_TABLE else items.split(split)
    table, _ = embed(
        model, part.paths, part.ids, batch=batch, skip=skip, cache=cache, workers=workers, progress=progress or Quiet()
    )
    groups = near_duplicates(part, workers) if protocol == "each-against-rest" else None
    return evaluate_embeddings(
        table,
        items,
        split=split,
        protocol=protocol,
        attributes=attributes,
        groups=groups,
        lists=lists,
        seed=seed,
        branches=branches,
    )


def near_duplicates(items: ItemTable, workers: int = 2) -> dict[str, int]:
    """Group number of every item by the look of its photo; an unreadable photo is alone in its group.

    Args:
        items: the rows to group, usually one split.
        workers: threads that read photos not hashed before.

    Returns:
        id -> group number, for `evaluate_embeddings`.
    """
    store = HashStore()
    try:
        groups = look_alikes(list(fingerprints(items.paths, workers, store)))
    finally:
        store.close()
    return dict(zip(items.ids, groups.tolist(), strict=True))
