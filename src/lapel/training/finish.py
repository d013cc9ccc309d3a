"""After the last epoch: fit value prototypes and the whole-look projection to the best weights."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lapel.models import checkpoint
from lapel.models.attribute_model import AttributeModel, unit
from lapel.schema import ItemTable, Vocabulary
from lapel.training.data import multi_hot
from lapel.training.objective import Input
from lapel.training.pictures import Pictures, ahead
from lapel.training.recipe import Augment
from lapel.training.run_folder import RunFolder, writing
from lapel.training.stage import Stage

SCALES = np.geomspace(1, 200, 60)
"""Inverse temperatures that are tried; cosines of a trained attribute rarely want more than 60."""

DEFAULT_SCALE = 10.0
"""Where no labelled photo of the evaluation split can choose one."""


def finish(stage: Stage, folder: RunFolder) -> None:
    """One pass over the training photos, unchanged, and one over the evaluation split; both into best.safetensors."""
    model, card = checkpoint.load(folder.best)
    if card.values_fitted:
        return
    model = model.to(stage.fabric.device).eval()
    means, moments = _measure_training(stage, model)
    model.values.prototypes.copy_(means)
    fit_look(model, *moments)
    _fit_scales(stage, model)
    model.values.fitted.fill_(True)
    with writing(folder.best):
        checkpoint.save(
            folder.best, model.cpu(), card.with_(values_fitted=True), info=checkpoint.read(folder.best).info
        )


def passes(stage: Stage, model: AttributeModel, items: ItemTable) -> Iterator[tuple[NDArray[np.int64], Tensor, Tensor]]:
    """Rows, embeddings (B, K, D) and pooled maps (B, C), for all items in order, without augmentation."""
    recipe = stage.recipe
    still = Augment(flip=0)
    pictures = Pictures(items.paths, stage.cache, recipe.model.preprocess, still, recipe.seed, memory=0)
    pixels = Input(recipe.model.preprocess, recipe.running.channels_last).to(stage.fabric.device)
    size = recipe.evaluation.batch
    jobs = [np.arange(at, min(at + size, len(items))) for at in range(0, len(items), size)]
    with torch.inference_mode(), stage.fabric.autocast():
        for rows, photos in ahead(jobs, lambda rows: (rows, pictures.batch(rows, 0, rows)), recipe.data.workers):
            features = model.backbone(pixels(torch.from_numpy(photos).to(stage.fabric.device)))
            embeddings = unit(model.head.all(features).raw.float())
            yield rows, embeddings.cpu(), features.float().mean(dim=(2, 3)).cpu()


def _measure_training(stage: Stage, model: AttributeModel) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Prototypes (V, D), and mean (C,) and covariance (C, C) of the pooled maps."""
    items, vocabulary = stage.data.train, stage.data.vocabulary
    held = torch.from_numpy(multi_hot(items)).double()
    sums = torch.zeros(vocabulary.width, model.head.dim, dtype=torch.float64)
    channels = model.look.centre.numel()
    total, squares = torch.zeros(channels).double(), torch.zeros(channels, channels).double()
    for rows, embeddings, pooled in passes(stage, model, items):
        labels = held[torch.from_numpy(rows)]
        for k, part in enumerate(vocabulary.slices):
            sums[part] += labels[:, part].T @ embeddings[:, k].double()
        total += pooled.double().sum(dim=0)
        squares += pooled.double().T @ pooled.double()
    mean = total / len(items)
    return prototypes(sums, vocabulary), (mean, squares / len(items) - torch.outer(mean, mean))


def prototypes(sums: Tensor, vocabulary: Vocabulary) -> Tensor:
    """Sums of unit embeddings by value (V, D) -> unit prototypes (V, D).

    A value without a training photo gets the opposite of its attribute's mean, so that it is never preferred.
    """
    made = unit(sums)
    for part in vocabulary.slices:
        unseen = ~sums[part].any(dim=1)
        made[part][unseen] = -unit(sums[part].sum(dim=0))
    return made.float()


def fit_look(model: AttributeModel, mean: Tensor, covariance: Tensor) -> None:
    """Centre and principal axes of the pooled maps; each axis is signed so that its largest part is positive."""
    _, axes = torch.linalg.eigh(covariance)
    axes = axes.T.flip(0)[: model.look.projection.shape[0]]
    largest = axes.gather(1, axes.abs().argmax(dim=1, keepdim=True))
    model.look.centre.copy_(mean)
    model.look.projection.copy_(axes * largest.sign())


def _fit_scales(stage: Stage, model: AttributeModel) -> None:
    """The inverse temperature of each attribute with the least negative log-likelihood on the evaluation split."""
    items, vocabulary = stage.data.valid, stage.data.vocabulary
    embeddings = torch.cat([found for _, found, _ in passes(stage, model, items)])
    held = torch.from_numpy(multi_hot(items))
    stored = model.values.prototypes.cpu()
    for k, part in enumerate(vocabulary.slices):
        cosines = embeddings[:, k] @ stored[part].T
        model.values.scale[k] = best_scale(cosines, held[:, part])


def best_scale(cosines: Tensor, held: Tensor) -> float:
    """The scale of `SCALES` that makes the held values most likely.

    Cosines (n, values) and held (n, values) bool; a row of several values asks for the mean of their log
    probabilities; all-false rows are unknown and left out.
    """
    known = held.any(dim=1)
    if not known.any():
        return DEFAULT_SCALE
    cosines, share = cosines[known].double(), held[known].double()
    share = share / share.sum(dim=1, keepdim=True)
    losses = [-(share * torch.log_softmax(cosines * scale, dim=1)).sum(dim=1).mean().item() for scale in SCALES]
    return float(SCALES[int(np.argmin(losses))])
