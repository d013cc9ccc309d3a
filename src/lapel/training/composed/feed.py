"""Batches of composed queries for one process of several, from cached features; each a function of its number."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from lapel.datasets.composed.text import augmented, joined, sentence
from lapel.errors import InputError
from lapel.models.composed.loading import tokenise
from lapel.schema import ComposedQuery, ComposedSet
from lapel.training.composed.features import Features
from lapel.training.composed.recipe import ComposedSampling

Rows = NDArray[np.int64]


def texts_of(query: ComposedQuery, captions: str) -> tuple[str, ...]:
    """Every text that training may ask a query with."""
    if len(query.captions) != 2:
        return query.captions
    both = (joined(query.captions),)
    if captions == "joined":
        return both
    return (*both, joined(query.captions, (1, 0)), *(sentence(caption) for caption in query.captions))


class ComposedFeed:
    """See `lapel.training.feeds.Feed`. A batch: the reference's rows, the text's, and a target's, float32.

    Where the text tower learns, its tokens (B, 77) stand in place of the text's rows. Of several right targets one is
    drawn anew each epoch.

    Args:
        share: processes. accumulate: batches of each process a step. recipe's batch is over all processes.

    Raises:
        InputError: a batch that the processes cannot share, or more queries a step than there are.
    """

    def __init__(
        self,
        data: ComposedSet,
        features: Features,
        recipe: ComposedSampling,
        share: int,
        accumulate: int,
        seed: int,
        live: bool = False,
    ) -> None:
        self.data, self.features, self.recipe, self.seed, self.live = data, features, recipe, seed, live
        if recipe.batch % share:
            raise InputError(f"sampling.batch is {recipe.batch}, over all processes; {share} cannot share it evenly.")
        count = len(data.queries)
        if recipe.batch > count:
            raise InputError(
                f"sampling.batch is {recipe.batch}, but {data.name} {data.split} has {count} queries. "
                f"Take fewer: --set sampling.batch={max(2, count // 2)}"
            )
        self.size = recipe.batch // share
        self.steps = recipe.steps or max(1, count // (recipe.batch * accumulate))
        self.batches = self.steps * accumulate * share
        self.photos = recipe.batch * accumulate

    def begin(self, epoch: int) -> None:
        """Draw this epoch's order, texts and targets."""
        count, wanted = len(self.data.queries), self.batches * self.size
        order = np.random.default_rng([self.seed, 0 if self.recipe.same_order else epoch])
        rounds = [order.permutation(count) for _ in range(-(-wanted // count))]
        self.drawn: Rows = np.concatenate(rounds)[:wanted].astype(np.int64)
        self.draws = np.random.default_rng([self.seed, epoch, 1]).random((2, wanted))

    def batch(self, number: int) -> tuple[Tensor, ...]:
        """Queries `number` * B and the following."""
        places = range(number * self.size, (number + 1) * self.size)
        queries = [self.data.queries[self.drawn[place]] for place in places]
        texts = [self.text(query, self.draws[0, place]) for query, place in zip(queries, places, strict=True)]
        targets = [
            query.targets[int(self.draws[1, place] * len(query.targets))]
            for query, place in zip(queries, places, strict=True)
        ]
        references = [query.reference for query in queries]
        asked = list(zip(texts, references, strict=True))
        said = tokenise(texts)[0] if self.live else self.features.texts(asked)
        return self.features.pictures(references), said, self.features.pictures(targets)

    def text(self, query: ComposedQuery, draw: float) -> str:
        """The words that `draw`, uniform in [0, 1), asks this query with."""
        if len(query.captions) != 2:
            return query.captions[min(int(draw * len(query.captions)), len(query.captions) - 1)]
        return augmented(query.captions, draw) if self.recipe.captions == "augmented" else joined(query.captions)


def asked_in_training(data: ComposedSet, captions: str) -> list[tuple[str, str]]:
    """(text, reference) of everything that an epoch may draw."""
    return [(text, query.reference) for query in data.queries for text in texts_of(query, captions)]


def named_in_training(data: ComposedSet) -> list[str]:
    """Pictures that training reads: references and targets."""
    return list(dict.fromkeys(name for query in data.queries for name in (query.reference, *query.targets)))
