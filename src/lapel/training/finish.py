"""After the last epoch: fit value prototypes and the whole-look projection to the best weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from PIL.Image import Image
from torch import Tensor

from lapel.models import checkpoint
from lapel.models.attribute_model import AttributeModel, unit
from lapel.models.crop_model import CropModel
from lapel.models.style import MOST_SCALE, StyleModel
from lapel.models.style_published import value_scale
from lapel.schema import ItemTable, Vocabulary
from lapel.training.data import multi_hot
from lapel.training.objective import Input
from lapel.training.pictures import Pictures, ahead
from lapel.training.recipe import Augment
from lapel.training.run_folder import RunFolder, writing

if TYPE_CHECKING:
    from lapel.training.attributes import AttributeStage

SCALES = np.geomspace(1, 200, 60)
"""Inverse temperatures that are tried; cosines of a trained attribute rarely want more than 60."""

DEFAULT_SCALE = 10.0
"""Where no labelled photo of the evaluation split can choose one."""


def finish(stage: AttributeStage, folder: RunFolder) -> None:
    """One pass over the training photos, unchanged, and one over the evaluation split; both into best.safetensors."""
    model, card = checkpoint.load(folder.best)
    if card.values_fitted:
        return
    model = model.to(stage.fabric.device).eval()
    means, moments = _measure_training(stage, model)
    if not (stage.recipe.model.tune and stage.recipe.model.freeze == "all"):
        fit_look(model, *moments)  # a fine-tuned head leaves the look as it was learnt from more photos
    if isinstance(model, StyleModel):
        model.values.scale.fill_(_classifier_scale(stage, model))
        card = card.with_(architecture=card.architecture | {"value_scale": value_scale(model, card.vocabulary)})
    else:
        model.values.prototypes.copy_(means)
        _fit_scales(stage, model)
    model.values.fitted.fill_(True)
    with writing(folder.best):
        checkpoint.save(
            folder.best, model.cpu(), card.with_(values_fitted=True), info=checkpoint.read(folder.best).info
        )


def passes(
    stage: AttributeStage, model: AttributeModel, items: ItemTable
) -> Iterator[tuple[NDArray[np.int64], Tensor, Tensor]]:
    """Rows, embeddings (B, K, D) and pooled maps (B, C), for all items in order, without augmentation."""
    for rows, features, photos in maps(stage, model, items):
        if isinstance(model, CropModel):
            embeddings, _ = model.look_closely(features, photos, stage.recipe.model.preprocess)
        else:
            embeddings = unit(model.head.all(features).raw.float())
        yield rows, embeddings.cpu(), features.float().mean(dim=(2, 3)).cpu()


def maps(
    stage: AttributeStage, model: AttributeModel, items: ItemTable
) -> Iterator[tuple[NDArray[np.int64], Tensor, list[Image]]]:
    """Rows, the backbone's maps (B, C, h, w), and, for a model that crops, the photos; without gradient."""
    recipe = stage.recipe
    if stage.maps is not None:
        size = recipe.evaluation.batch
        for at in range(0, len(items), size):
            rows = np.arange(at, min(at + size, len(items)))
            yield rows, stage.maps.take([items.paths[row] for row in rows]).to(stage.fabric.device), []
        return
    still = Augment(flip=0)
    pictures = Pictures(items.paths, stage.cache, recipe.model.preprocess, still, recipe.seed, memory=0)
    pixels = Input(recipe.model.preprocess, recipe.running.channels_last).to(stage.fabric.device)
    size = recipe.evaluation.batch
    jobs = [np.arange(at, min(at + size, len(items))) for at in range(0, len(items), size)]

    def read(rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.uint8], list[Image]]:
        if isinstance(model, CropModel):
            return rows, *pictures.with_photos(rows, 0, rows)
        return rows, pictures.batch(rows, 0, rows), []

    with torch.inference_mode(), stage.fabric.autocast():
        for rows, inputs, photos in ahead(jobs, read, recipe.data.workers):
            yield rows, model.backbone(pixels(torch.from_numpy(inputs).to(stage.fabric.device))), photos


def _measure_training(stage: AttributeStage, model: AttributeModel) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Prototypes (V, D), and mean (C,) and covariance (C, C) of the pooled maps."""
    items, vocabulary = stage.data.train, stage.data.vocabulary
    held = torch.from_numpy(multi_hot(items)).double()
    sums = torch.zeros(vocabulary.width, model.dim, dtype=torch.float64)
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


def _fit_scales(stage: AttributeStage, model: AttributeModel) -> None:
    """The inverse temperature of each attribute with the least negative log-likelihood on the evaluation split."""
    items, vocabulary = stage.data.valid, stage.data.vocabulary
    embeddings = torch.cat([found for _, found, _ in passes(stage, model, items)])
    held = torch.from_numpy(multi_hot(items))
    stored = model.values.prototypes.cpu()
    for k, part in enumerate(vocabulary.slices):
        cosines = embeddings[:, k] @ stored[part].T
        model.values.scale[k] = best_scale(cosines, held[:, part])


def _classifier_scale(stage: AttributeStage, model: StyleModel) -> float:
    """The inverse temperature of a classifier's logits that makes the evaluation split's classes most likely."""
    items, found = stage.data.valid, []
    for _, features, _ in maps(stage, model, items):
        raw = model.head.all(features).raw[:, 0]
        found.append(model.head.logits(features, raw).float().cpu())
    held = torch.from_numpy(multi_hot(items))
    return best_scale(torch.cat(found), held, np.geomspace(0.1, MOST_SCALE, 80), model.head.start_scale)


def best_scale(
    cosines: Tensor, held: Tensor, scales: NDArray[np.float64] = SCALES, default: float = DEFAULT_SCALE
) -> float:
    """The one of `scales` that makes the held values most likely; `default` where nothing is known.

    Cosines (n, values) and held (n, values) bool; a row of several values asks for the mean of their log
    probabilities; all-false rows are unknown and left out.
    """
    known = held.any(dim=1)
    if not known.any():
        return default
    cosines, share = cosines[known].double(), held[known].double()
    share = share / share.sum(dim=1, keepdim=True)
    losses = [-(share * torch.log_softmax(cosines * scale, dim=1)).sum(dim=1).mean().item() for scale in scales]
    return float(scales[int(np.argmin(losses))])
