"""Predicted values against labels: how well a model's value probabilities classify the evaluated items."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from lapel.evaluation.classification import Classification, classify_scores
from lapel.schema import Attribute, EmbeddingTable, ItemTable, Labels


def classify_values(
    table: EmbeddingTable, part: ItemTable, place: NDArray[np.int64], attributes: Iterable[str]
) -> dict[str, Classification]:
    """Attribute -> figures over the items whose one value the model knows.

    Empty for a model whose probabilities mean nothing (they are uniform until fitted); a style classifier's order is
    its own, fitted or not. An attribute without such an item is left out.

    Args:
        table: embeddings with value probabilities. part: the evaluated items. place: (n,) their rows in `table`.
    """
    card = table.card
    if not (card.values_fitted or card.system.startswith("style")):
        return {}
    found = {}
    for name in attributes:
        attribute = card.vocabulary[name]
        classes, left_out = known_classes(part.labels(name), attribute)
        rows = np.flatnonzero(classes >= 0)
        if len(rows):
            scores = table.outputs.values[:, card.vocabulary.slices[card.vocabulary.index(name)]][place[rows]]
            found[name] = classify_scores(scores, classes[rows], attribute.values, left_out=left_out)
    return found


def known_classes(labels: Labels, attribute: Attribute) -> tuple[NDArray[np.int64], int]:
    """(n,) value number of each item in the model's order, -1 where it is not one known value; and how many labelled
    items that leaves out.
    """
    ours = {value: number for number, value in enumerate(attribute.values)}
    cells = [ours.get(labels.values[cell[0]], -1) if len(cell) == 1 else -1 for cell in labels.cells]
    classes = np.array([*cells, -1], np.int64)[labels.codes]
    return classes, int(((labels.codes >= 0) & (classes < 0)).sum())
