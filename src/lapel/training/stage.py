"""Everything a run works with, made from its recipe: data, model, feed, objective, optimizer, processes."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies import DDPStrategy
from torch import nn

from lapel.errors import InputError
from lapel.images import ImageCache
from lapel.models.attribute_model import AttributeModel
from lapel.models.cards import new_card
from lapel.models.registry import build
from lapel.schema import Card
from lapel.training.criterion import Criterion
from lapel.training.data import TrainingData, load_data
from lapel.training.feeds import BatchFeed, Feed, TripletFeed
from lapel.training.freezing import frozen_parts, hold_still
from lapel.training.objective import BatchObjective, Input, TripletObjective
from lapel.training.optimiser import build_optimizer
from lapel.training.pictures import Pictures, leave_out_unreadable
from lapel.training.recipe import Recipe, Running
from lapel.training.triplets import TripletSampler

Say = Callable[[str], None]
"""Where a run's remarks go: a value that cannot be drawn, a photo left out."""


@dataclass
class Stage:
    """What the loop works with. model, optimizer: the plain ones; objective: as Fabric wraps it, for the forward."""

    recipe: Recipe
    fabric: Fabric
    data: TrainingData
    cache: ImageCache
    model: AttributeModel
    card: Card
    feed: Feed
    objective: nn.Module
    criterion: nn.Module
    optimizer: torch.optim.Optimizer
    still: list[nn.Module]


def start_processes(running: Running) -> Fabric:
    """One process, or those that torchrun started; each keeps its own batch norm statistics.

    Raises:
        InputError: the device is not there.
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    local = int(os.environ.get("LOCAL_WORLD_SIZE", world))
    if running.threads:
        torch.set_num_threads(running.threads)
    try:
        fabric = Fabric(
            accelerator=running.device,
            devices=local,
            num_nodes=world // local,
            precision=running.precision,
            strategy=DDPStrategy(broadcast_buffers=False) if world > 1 else "auto",
        )
    except (RuntimeError, ValueError, TypeError) as error:
        asked = f"running.device is '{running.device}', {running.precision}, {local} processes"
        raise InputError(f"{asked}, which does not work here: {' '.join(str(error).split())}") from error
    fabric.launch()
    return fabric


def set_stage(recipe: Recipe, fabric: Fabric, say: Say) -> Stage:
    """Build everything a run needs; nothing is written.

    Raises:
        LapelError: data, model or recipe do not fit together; see the parts.
    """
    preprocess = recipe.model.preprocess
    short_side = recipe.data.short_side
    cache = ImageCache(None, short_side) if short_side else ImageCache.for_model(preprocess)
    data = _readable(load_data(recipe), cache, recipe, say)
    torch.manual_seed(recipe.seed)
    card = make_card(recipe, data)
    model = build(card, recipe.model.weights)
    still = frozen_parts(model, recipe.model.freeze)
    hold_still(still)
    objective = _objective(recipe, model)
    feed = _feed(recipe, data, cache, fabric.world_size, say)
    optimizer = build_optimizer(model, objective.criterion, recipe.optimiser, recipe.loss)
    wrapped, running = fabric.setup(objective, optimizer)
    return Stage(recipe, fabric, data, cache, model, card, feed, wrapped, objective.criterion, running, still)


def make_card(recipe: Recipe, data: TrainingData) -> Card:
    """The card of a model that has learnt nothing yet; `lapel.training.finish` fills in the rest."""
    asked = recipe.model
    card: Card = new_card(
        name=recipe.name,
        system=asked.system,
        backbone=asked.backbone,
        cut=asked.cut,
        weights=asked.weights,
        vocabulary=data.vocabulary,
        preprocess=asked.preprocess,
        dim=asked.dim or None,
        look_dim=asked.look_dim,
        **asked.options,
    )
    return card.with_(learnt_from=data.sources)


def _readable(data: TrainingData, cache: ImageCache, recipe: Recipe, say: Say) -> TrainingData:
    if recipe.data.unreadable == "raise":
        return data
    parts = []
    for items in (data.train, data.valid):
        kept, errors = leave_out_unreadable(items, cache, recipe.data.workers)
        if errors:
            say(f"{items.name}: {len(errors)} of {len(items)} photos cannot be read and are left out:")
            for error in errors:
                say(f"  {error}")
        parts.append(kept)
    return TrainingData(parts[0], parts[1], data.sources)


def _objective(recipe: Recipe, model: AttributeModel) -> TripletObjective | BatchObjective:
    pixels = Input(recipe.model.preprocess, recipe.running.channels_last)
    if recipe.running.channels_last:
        model.to(memory_format=torch.channels_last)
    if recipe.sampling.mode == "triplets":
        return TripletObjective(model, pixels, recipe.loss.margin)
    return BatchObjective(model, pixels, Criterion(recipe.loss, model.values.sizes, model.head.dim))


def _feed(recipe: Recipe, data: TrainingData, cache: ImageCache, world: int, say: Say) -> Feed:
    sampling = recipe.sampling
    memory = int(recipe.data.memory_gb * 2**30) if recipe.data.in_memory else 0
    pictures = Pictures(data.train.paths, cache, recipe.model.preprocess, sampling.augment, recipe.seed, memory)
    share = world * recipe.optimiser.accumulate
    if sampling.mode == "batch":
        return BatchFeed(data.train, pictures, sampling, share, recipe.seed)
    sampler = TripletSampler(data.train, None, sampling.negative, recipe.seed)
    for left_out in sampler.left_out:
        say(f"No triplet asks for {left_out}.")
    return TripletFeed(sampler, pictures, sampling, share)
