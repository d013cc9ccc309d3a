"""When no photo fits a text: which words a head was taught, and how near a text comes that some photo fits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from lapel.models.composed.light import LightComposed
from lapel.text import WordPiece, words_of
from lapel.text.known import SHORTEST
from lapel.training.words.judging import said_and_shown
from lapel.training.words.lessons import AFTER, Lessons

OFTEN = 3
"""Captions that a word stands in, to count as taught."""

NEAR = 0.7
"""Cosine of two words' vectors, centred, from which one may stand for the other.

Set by eye; benchmarks/words_fit.py measures what it gives."""

FALSE_ALARMS = 0.02
"""Share of texts that some photo fits, which all the same score below the floor."""


def fitting(
    head: LightComposed, lessons: Sequence[Lessons], words: tuple[Tensor, bytes, dict[str, str]]
) -> dict[str, Any]:
    """What the card keeps: `words`, taught or near one that was, and `floor` of the best photo's cosine."""
    vectors, vocabulary, _ = words
    known = near(taught(lessons), vectors, WordPiece(vocabulary.decode().splitlines()))
    return {"words": " ".join(sorted(known)), "floor": round(floor(head, lessons[0]), 4)}


def taught(lessons: Sequence[Lessons]) -> set[str]:
    """Words of labels and of changes to them, and those that stand in `OFTEN` product names of the training split."""
    named: Counter[str] = Counter()
    said = ["longer shorter clothing clothes", *(text.replace("{}", "") for _, text in AFTER.values())]
    for lesson in lessons:
        for row in lesson.rows("train"):
            named.update(set(words_of(lesson.names[row])))
        said += [value for values in lesson.words for value in values]
        said += [question.text for question in lesson.questions("train", 1)]
    return {word for text in said for word in words_of(text)} | {w for w, n in named.items() if n >= OFTEN}


def near(words: set[str], vectors: Tensor, vocabulary: WordPiece) -> set[str]:
    """These words, and every whole word of the vocabulary whose vector lies by one of theirs."""
    own = [vocabulary.numbers[word] for word in sorted(words) if word in vocabulary.numbers]
    if not own:
        return words
    whole = [n for n, token in enumerate(vocabulary.tokens) if token.isalpha() and len(token) >= SHORTEST]
    centred = F.normalize(vectors.float() - vectors.float().mean(dim=0), dim=1)
    best = torch.cat([(centred[part] @ centred[own].T).amax(dim=1) for part in torch.tensor(whole).split(2048)])
    return words | {vocabulary.tokens[n] for n, cosine in zip(whole, best.tolist(), strict=True) if cosine >= NEAR}


def floor(head: LightComposed, lessons: Lessons) -> float:
    """The cosine that all but `FALSE_ALARMS` of the valid split's texts reach with their best photo."""
    said, shown, _ = said_and_shown(head, lessons, "valid")
    return float(torch.quantile((said @ shown.T).amax(dim=1), FALSE_ALARMS))
