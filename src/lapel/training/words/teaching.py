"""Teach a trained attribute model words: text search and composed search from its unchanged backbone."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import torch
from torch import Tensor

from lapel.errors import CheckpointError, InputError
from lapel.models import checkpoint
from lapel.models.attribute_model import AttributeModel
from lapel.models.composed.light import FROM_VECTOR, LightComposed, contrastive
from lapel.models.composed.light_text import LONGEST, reduced
from lapel.models.crop_model import CropModel
from lapel.progress import Progress, Quiet
from lapel.schema import Card, ItemTable
from lapel.training.words.features import places
from lapel.training.words.fitting import fitting
from lapel.training.words.judging import judge
from lapel.training.words.lessons import Lessons, Question, also_right, ruled_out

READ = 16
"""Tokens of a caption that training reads; product names go on with sizes and numbers."""

ENCODERS = "sum"
"""The system that the encoders are taught under: it has no weights of its own."""


@dataclass(frozen=True)
class Settings:
    """How a head is built and taught: first both encoders, then, over them as they are, the composed system.

    system: see `lapel.models.composed.systems`; one that composes from the stored vector, to be shipped.
    dim: C of `Outputs.composed`. axes: principal axes of the pooled places. width: of the word table.
    epochs, system_epochs: of the two parts. rate, decay: of AdamW. texts: weight of the text-picture loss.
    two: share of photos that are asked for two changes at once, besides. bare: how often a caption leaves its noun out.
    strangers: photos of each other set beside a batch, as wrong answers to captions that state what they cannot have.
    """

    system: str = "combiner"
    options: dict[str, Any] = field(default_factory=dict)
    dim: int = 128
    axes: int = 256
    width: int = 128
    layers: int = 1
    epochs: int = 5
    system_epochs: int = 3
    batch: int = 256
    rate: float = 1e-3
    decay: float = 0.05
    texts: float = 1.0
    two: float = 0.5
    bare: float = 0.25
    strangers: int = 64
    seed: int = 1


@dataclass(frozen=True)
class Taught:
    """A head, the epoch that was kept, and what each epoch scored on the valid split: recall at 10, texts' MAP.

    seconds: of processor time, which other work on the machine does not change.
    """

    head: LightComposed
    epoch: int
    scores: tuple[tuple[float, float], ...]
    seconds: float


def teach(
    model: AttributeModel,
    card: Card,
    sets: Sequence[ItemTable],
    words: tuple[Tensor, bytes, dict[str, str]],
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> Taught:
    """A head for this model's backbone; the model itself is not changed.

    Args:
        sets: labelled photos with splits; the first one's valid split chooses the epoch.
        words: what `static_words` gave.

    Raises:
        InputError: a model of two branches, or a set without train and valid splits.
        TableError: a set in which no two photos differ in one thing.
    """
    settings, progress = settings or Settings(), progress or Quiet()
    if isinstance(model, CropModel) or card.crops is not None:
        raise InputError(f"'{card.name}' cuts crops out of the photo; words are taught to models of one branch.")
    torch.manual_seed(settings.seed)
    seen = [places(model, card, items, progress) for items in sets]
    head, lessons = prepare(seen, sets, words, settings, card)
    taught = fit_head(head, lessons, settings, progress)
    taught = taught if settings.system == ENCODERS else fit_system(head, lessons, settings, progress)
    taught.head.about["fits"] = fitting(taught.head, lessons, words)
    return taught


def prepare(
    seen: Sequence[Tensor],
    sets: Sequence[ItemTable],
    words: tuple[Tensor, bytes, dict[str, str]],
    settings: Settings,
    card: Card,
) -> tuple[LightComposed, list[Lessons]]:
    """An untaught head with its fixed parts fitted, and the lessons, their places reduced.

    seen: (N, 14, C) of each set, as `features.places` gives them.
    """
    vectors, vocabulary, source = words
    channels = seen[0].shape[-1]
    axes, width = min(settings.axes, channels), min(settings.width, vectors.shape[1])
    about = {
        "dim": settings.dim, "axes": axes, "system": ENCODERS, "options": {},
        "tokens": len(vectors), "width": width, "layers": settings.layers,
        "vocabulary": len(vocabulary), "longest": LONGEST,
        "words": source, "data": [items.name for items in sets], "base_sha256": card.weights_sha256,
    }  # fmt: skip
    head = LightComposed(channels, card.grid, about)
    head.set_vocabulary(vocabulary)
    head.text.set_table(reduced(vectors, width))
    train = [
        part[[at for at, s in enumerate(_splits(items)) if s == "train"]]
        for part, items in zip(seen, sets, strict=True)
    ]
    head.image.fit(torch.cat(train).float())
    with torch.inference_mode():
        shrunk = [torch.cat([head.image.reduce(some.float()) for some in part.split(512)]) for part in seen]
    return head, [Lessons(items, part.clone()) for items, part in zip(sets, shrunk, strict=True)]


def fit_head(
    head: LightComposed, lessons: Sequence[Lessons], settings: Settings, progress: Progress | None = None
) -> Taught:
    """Teach both encoders; the epoch with the best sum of recall at 10 and texts' MAP on valid is kept."""
    head.requires_grad_(True)
    return _fit(head, lessons, settings, settings.epochs, progress or Quiet())


def fit_system(
    head: LightComposed, lessons: Sequence[Lessons], settings: Settings, progress: Progress | None = None
) -> Taught:
    """Teach `settings.system` over the encoders as they are; so the vectors of pictures and texts stay, too."""
    torch.manual_seed(settings.seed)
    head.take(settings.system, settings.options)
    head.requires_grad_(False)
    head.system.requires_grad_(True)
    return _fit(head, lessons, settings, settings.system_epochs, progress or Quiet())


def _fit(
    head: LightComposed, lessons: Sequence[Lessons], settings: Settings, epochs: int, progress: Progress
) -> Taught:
    began, random = time.process_time(), Random(settings.seed)
    torch.manual_seed(settings.seed)
    weights = [weight for weight in head.parameters() if weight.requires_grad]
    whole = len(weights) == len(list(head.parameters()))
    optimiser = torch.optim.AdamW(weights or list(head.parameters()), lr=settings.rate, weight_decay=settings.decay)
    best, kept, scores = -1.0, (0, copy.deepcopy(head.state_dict())), []
    for epoch in range(epochs if weights else 0):
        (head if whole else head.eval().system).train()
        batches = _batches(lessons, settings, epoch, random)
        for step, (lesson, questions) in enumerate(batches):
            done, warm = (epoch + step / len(batches)) / epochs, min(1.0, (epoch * len(batches) + step + 1) / 30)
            for group in optimiser.param_groups:
                group["lr"] = settings.rate * warm * 0.5 * (1 + math.cos(math.pi * done))
            others = [other for other in lessons if other is not lesson]
            loss = lesson_loss(head, lesson, questions, settings, random, others, whole)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        scores.append(found := judge(head, lessons[0], "valid"))
        if sum(found) > best:
            best, kept = sum(found), (epoch + 1, copy.deepcopy(head.state_dict()))
        progress.advance(1, loss=f"{float(loss.detach()):.3f}", recall=f"{found[0]:.1f}", texts=f"{found[1]:.1f}")
    head.load_state_dict(kept[1])
    return Taught(head.eval(), kept[0], tuple(scores), time.process_time() - began)


def lesson_loss(
    head: LightComposed,
    lesson: Lessons,
    questions: Sequence[Question],
    settings: Settings,
    random: Random,
    others: Sequence[Lessons] = (),
    whole: bool = True,
) -> Tensor:
    """Composed loss (query to target, other right targets left out) plus text-picture loss both ways, times `texts`.

    whole: both encoders learn; else the system alone, from the composed loss.
    others: sets whose photos are wrong answers too, to captions that state what they cannot have. Without them "long
    sleeves", which one set's captions say of garments alone, would never be told apart from a watch.
    """
    chosen = [random.choice(question.right) for question in questions]
    reference = torch.tensor([question.reference for question in questions])
    asked = head.query(lesson.places[reference], head.tokens([question.text for question in questions], READ))
    answers = [frozenset(question.right) for question in questions]
    right = torch.tensor([[row in answer for row in chosen] for answer in answers])
    target = head.target(lesson.places[torch.tensor(chosen)])
    loss = contrastive(head.logit_scale * asked @ target.T, right)
    if not whole or not settings.texts:
        return loss
    captions = [lesson.caption(row, random, settings.bare) for row in chosen]
    said = head.say(head.tokens([caption.text for caption in captions], READ))
    scores, same = head.logit_scale * said @ target.T, also_right(captions, lesson.codes)
    wide, passed = [scores], [same]
    for other in others:
        rows = random.sample(other.strangers, min(settings.strangers, len(other.strangers)))
        if not rows:
            continue
        wide.append(head.logit_scale * said @ head.target(other.places[rows]).T)
        passed.append(~ruled_out(captions, lesson.attributes, other, rows))
    there = contrastive(torch.cat(wide, dim=1), torch.cat(passed, dim=1))
    return loss + settings.texts * 0.5 * (there + contrastive(scores.T, same.T))


def with_head(model: AttributeModel, card: Card, taught: Taught) -> tuple[AttributeModel, Card]:
    """The model with its head, and a card that says so; store both with `checkpoint.save`.

    Raises:
        CheckpointError: the head's system needs more than the vector that a catalogue stores.
    """
    head = taught.head
    if head.kind not in FROM_VECTOR:
        raise CheckpointError(
            f"'{head.kind}' composes from the picture's regions, which a catalogue does not store; "
            f"teach one of {', '.join(FROM_VECTOR)} to search with."
        )
    model.composed = head
    recall, texts = taught.scores[taught.epoch - 1]
    about = head.about | {"epoch": taught.epoch, "valid": {"R@10": round(recall, 2), "texts MAP": round(texts, 2)}}
    return model, card.with_(composed_dim=head.dim, architecture=card.architecture | {"composed": about})


def save_taught(path: str | Path, model: AttributeModel, card: Card, taught: Taught) -> Card:
    """`with_head`, stored as a checkpoint; the card as stored."""
    return checkpoint.save(path, *with_head(model, card, taught))


def _batches(
    lessons: Sequence[Lessons], settings: Settings, epoch: int, random: Random
) -> list[tuple[Lessons, list[Question]]]:
    """Every set's questions of this epoch (drawn anew), in batches of one set each, shuffled together."""
    found = []
    for lesson in lessons:
        questions = lesson.questions("train", settings.seed * 1000 + epoch, settings.two)
        random.shuffle(questions)
        size = min(settings.batch, len(questions))
        starts = range(0, len(questions) - size + 1, size)
        found += [(lesson, questions[start : start + size]) for start in starts]
    random.shuffle(found)
    return found


def _splits(items: ItemTable) -> list[str]:
    if "split" not in items.table.column_names:
        raise InputError(f"{items.name} has no splits; words are taught on train and chosen on valid.")
    return [str(split) for split in items.table["split"].to_pylist()]
