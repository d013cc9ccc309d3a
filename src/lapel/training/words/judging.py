"""How good a head is on a split: one-change recall, and average precision of texts that state labels."""

from __future__ import annotations

from random import Random

import numpy as np
import torch
from torch import Tensor

from lapel.evaluation.composed import ComposedEvaluation, asked_of, evaluate_composed, protocol_of
from lapel.evaluation.composed.recall import best_ranks, recall_at
from lapel.models.composed.light import LightComposed
from lapel.training.words.lessons import Lessons, also_right, phrase

PROTOCOL = "one-change"
AT_ONCE = 512


@torch.inference_mode()
def judge_changes(head: LightComposed, lessons: Lessons, split: str, model: str = "") -> ComposedEvaluation:
    """The first group's queries of a split under the protocol one-change."""
    data, protocol = lessons.asked(split)[0], protocol_of(PROTOCOL)
    names, asked = list(data.images), asked_of(data, protocol)
    head.eval()
    gallery = _batched(head, lessons, [lessons.row[name] for name in names], None)
    queries = _batched(head, lessons, [lessons.row[one.reference] for one in asked], [one.text for one in asked])
    return evaluate_composed(data, protocol, queries, gallery, names, model=model)


@torch.inference_mode()
def judge(head: LightComposed, lessons: Lessons, split: str) -> tuple[float, float]:
    """What chooses an epoch, in percent: recall at 10 of the protocol one-change, and the texts' MAP."""
    head.eval()
    rows, questions = lessons.rows(split), lessons.questions(split, 1)
    at = {row: place for place, row in enumerate(rows)}
    gallery, ranks = _batched(head, lessons, rows, None), []
    for start in range(0, len(questions), AT_ONCE):
        some = questions[start : start + AT_ONCE]
        asked = _batched(head, lessons, [q.reference for q in some], [q.text for q in some])
        right, own = np.zeros((2, len(some), len(rows)), bool)
        for place, question in enumerate(some):
            right[place, [at[row] for row in question.right]] = True
            own[place, at[question.reference]] = True
        ranks.append(best_ranks((asked @ gallery.T).astype(np.float64), right, own))
    return float(recall_at(np.concatenate(ranks), (10,))[0]), judge_texts(head, lessons, split)


@torch.inference_mode()
def judge_texts(head: LightComposed, lessons: Lessons, split: str) -> float:
    """Mean average precision, in percent: one drawn phrase a photo against the split's photos that fit it."""
    said, shown, asked_fits = said_and_shown(head, lessons, split)
    found = []
    for row, fits in zip((said @ shown.T).numpy(), asked_fits.numpy(), strict=True):
        right = fits[np.argsort(-row, kind="stable")]
        found.append(np.mean(np.cumsum(right)[right] / (np.flatnonzero(right) + 1)))
    return float(100 * np.mean(found))


@torch.inference_mode()
def said_and_shown(head: LightComposed, lessons: Lessons, split: str) -> tuple[Tensor, Tensor, Tensor]:
    """One drawn phrase a photo of a split (N, d), the photos (N, d), and which photos fit which phrase (N, N) bool."""
    rows, random = lessons.rows(split), Random(1)
    head.eval()
    asked = [
        phrase(row, codes, lessons.attributes, lessons.words, random)
        for row, codes in zip(rows, lessons.codes[rows].tolist(), strict=True)
    ]
    said = torch.cat(
        [head.say(head.tokens([a.text for a in asked[s : s + AT_ONCE]])) for s in range(0, len(asked), AT_ONCE)]
    )
    return said, torch.from_numpy(_batched(head, lessons, rows, None)), also_right(asked, lessons.codes)


def _batched(
    head: LightComposed, lessons: Lessons, rows: list[int], texts: list[str] | None
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    parts = []
    for start in range(0, len(rows), AT_ONCE):
        places = lessons.places[rows[start : start + AT_ONCE]]
        if texts is None:
            parts.append(head.target(places))
        else:
            parts.append(head.query(places, head.tokens(texts[start : start + AT_ONCE])))
    return torch.cat(parts).numpy()
