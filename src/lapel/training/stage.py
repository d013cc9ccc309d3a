"""Everything a run works with, made from its recipe: data, model, feed, objective, optimizer, processes."""

from __future__ import annotations

import os
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
from lapel.models.style_published import style_notes
from lapel.schema import Card
from lapel.training.data import TrainingData, load_data
from lapel.training.feeds import Feed
from lapel.training.freezing import frozen_parts, hold_still
from lapel.training.objective import Input
from lapel.training.optimiser import build_optimizer
from lapel.training.pictures import leave_out_unreadable
from lapel.training.plans import Say, plan_of, take_start
from lapel.training.recipe import Recipe, Running


ORIGINALS = 2**20
"""A short side beyond every photo's: nothing is made smaller."""


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


def set_stage(recipe: Recipe, fabric: Fabric, say: Say, fresh: bool = True) -> Stage:
    """Build everything a run needs; nothing is written.

    Args:
        recipe: of one stage. fabric: as `start_processes` gives it. say: gets remarks.
        fresh: take the weights that `model.start` names; False: a checkpoint of this very run follows.

    Raises:
        LapelError: data, model or recipe do not fit together; see the parts.
    """
    preprocess = recipe.model.preprocess
    cache = _cache(recipe)
    data = _readable(load_data(recipe), cache, recipe, say)
    torch.manual_seed(recipe.seed)
    card = make_card(recipe, data)
    local = recipe.model.local
    model = build(card, recipe.model.weights, local.weights if local else None)
    plan = plan_of(recipe)
    card = take_start(plan, recipe, model, card) if fresh else card
    still = frozen_parts(model.backbone, recipe.model.freeze)
    if local is not None and local.freeze:
        second = getattr(model.local, "backbone", model.local)  # RPF's is a transformer and nothing besides
        still += frozen_parts(second, local.freeze, "model.local.freeze")  # type: ignore[arg-type]
    hold_still(still)
    if recipe.running.channels_last:
        model.to(memory_format=torch.channels_last)
    objective = plan.objective(recipe, model, Input(preprocess, recipe.running.channels_last))
    feed = plan.feed(recipe, data, cache, fabric.world_size * recipe.optimiser.accumulate, say)
    optimizer = build_optimizer(plan.groups(recipe, model, objective.criterion), recipe.optimiser.weight_decay)
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
        crops=asked.local.crops if asked.local else None,
        local=asked.local.architecture if asked.local else None,
        local_weights=asked.local.weights if asked.local else "random",
        **asked.options,
    )
    return card.with_(learnt_from=data.sources, notes=style_notes(asked.system, data.vocabulary))


def _cache(recipe: Recipe) -> ImageCache:
    """At the recipe's size; else a little larger than the model reads, or, where crops are cut, the originals."""
    if recipe.data.short_side:
        return ImageCache(None, recipe.data.short_side)
    return ImageCache(None, ORIGINALS) if recipe.model.local else ImageCache.for_model(recipe.model.preprocess)


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
