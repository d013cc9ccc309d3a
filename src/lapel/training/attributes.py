"""The stage of a run that learns attributes: its data and model, how an epoch is scored, what the end fits."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from lightning_fabric import Fabric

from lapel.errors import InputError
from lapel.evaluation.evaluate import evaluate_embeddings
from lapel.evaluation.photos import evaluate, near_duplicates
from lapel.evaluation.record import Evaluation
from lapel.images import ImageCache
from lapel.models.adapter import Precision, TorchModel
from lapel.models.attribute_model import AttributeModel
from lapel.models.cards import new_card
from lapel.models.registry import build
from lapel.models.style_published import style_notes
from lapel.progress import bar
from lapel.schema import Card
from lapel.training.data import TrainingData, load_data
from lapel.training.feeds import BatchFeed, Feed
from lapel.training.finish import finish
from lapel.training.freezing import frozen_parts, hold_still
from lapel.training.guided import GuidedFeed, GuidedObjective
from lapel.training.heads import MapFeed, MapObjective, embed_maps
from lapel.training.maps import Maps
from lapel.training.masks import Masks
from lapel.training.objective import BatchObjective, Input, Objective
from lapel.training.optimiser import build_optimizer
from lapel.training.pictures import leave_out_unreadable
from lapel.training.plans import Say, plan_of, take_start
from lapel.training.recipe import Recipe
from lapel.training.run_folder import RunFolder
from lapel.training.stage import Scored, Stage
from lapel.training.teacher import ask_teacher
from lapel.training.tuning import adopt, continue_from, read_start

ORIGINALS = 2**20
"""A short side beyond every photo's: nothing is made smaller."""


@dataclass
class AttributeStage(Stage):
    """A stage over photos and their labels."""

    recipe: Recipe
    model: AttributeModel
    data: TrainingData
    cache: ImageCache
    maps: Maps | None = None
    """Where the backbone stays as it is: its cached maps of all photos."""

    def score(self) -> Scored:
        """MAP of the model as it is now, on the recipe's evaluation split."""
        asked, running = self.recipe.evaluation, self.recipe.running
        precision: Precision = "bf16" if running.precision == "bf16-mixed" else "fp32"
        if self.maps is not None:
            found = self._score_maps(self.maps)
        else:
            found = evaluate(
                TorchModel(self.model, self.card, str(self.fabric.device), precision),
                self.data.valid,
                split=asked.split,
                protocol=asked.protocol,
                batch=asked.batch,
                workers=self.recipe.data.workers,
                cache=self.cache,
                branches=False,  # ranking thrice, every epoch, for a figure that chooses nothing
            )
        figure = found.overall if asked.best_by == "overall" else found.mean
        each = {name: score.map for name, score in found.attributes.items()}
        return Scored(figure, "map", found.mean, each, found.to_dict(per_query=False))

    def _score_maps(self, maps: Maps) -> Evaluation:
        asked, items = self.recipe.evaluation, self.data.valid
        table = embed_maps(self.model, self.card, items, maps)
        alike = asked.protocol == "each-against-rest"
        groups = near_duplicates(items, self.recipe.data.workers) if alike else None
        return evaluate_embeddings(
            table, items, split=asked.split, protocol=asked.protocol, groups=groups, branches=False
        )

    def finish(self, folder: RunFolder) -> None:
        """Value prototypes and the whole-look projection are fitted to the best weights."""
        finish(self, folder)


def set_attributes(recipe: Recipe, fabric: Fabric, say: Say, fresh: bool = True) -> AttributeStage:
    """As `lapel.training.stage.set_stage`, for a recipe with attributes."""
    begun = read_start(recipe)
    recipe = adopt(recipe, begun.card) if begun else recipe
    preprocess = recipe.model.preprocess
    cache = _cache(recipe)
    data = _readable(load_data(recipe), cache, recipe, say)
    torch.manual_seed(recipe.seed)
    card = make_card(recipe, data)
    local = recipe.model.local
    model = build(card, recipe.model.weights, local.weights if local else None)
    plan = plan_of(recipe)
    card = take_start(plan, recipe, model, card) if fresh and begun is None else card
    still = frozen_parts(model.backbone, recipe.model.freeze)
    if local is not None and local.freeze:
        second = getattr(model.local, "backbone", model.local)  # RPF's is a transformer and nothing besides
        still += frozen_parts(second, local.freeze, "model.local.freeze")  # type: ignore[arg-type]
    hold_still(still)
    if recipe.running.channels_last:
        model.to(memory_format=torch.channels_last)
    pixels = Input(preprocess, recipe.running.channels_last)
    share = fabric.world_size * recipe.optimiser.accumulate
    objective, maps = plan.objective(recipe, model, pixels), None
    if begun is not None:  # on resuming too: the cached maps are those of the start's backbone
        card = continue_from(begun, model, objective.criterion, card)
    feed: Feed
    if recipe.sampling.views is None:
        feed = plan.feed(recipe, data, cache, share, say)
    else:
        objective = MapObjective(model, pixels, objective.criterion)
        maps = _see_maps(recipe, model, card, data, cache, fabric)
        feed = MapFeed(data, maps, recipe.sampling, share, recipe.seed)
    if recipe.model.teacher or recipe.loss.region:
        card, feed, objective = _guided(recipe, data, card, feed, objective, share, fabric)
    optimizer = build_optimizer(plan.groups(recipe, model, objective.criterion), recipe.optimiser.weight_decay)
    wrapped, running = fabric.setup(objective, optimizer)
    parts = (wrapped, objective.criterion, running, still, data, cache, maps)
    return AttributeStage(recipe, fabric, model, card, feed, *parts)


def _guided(
    recipe: Recipe, data: TrainingData, card: Card, feed: Feed, plain: Objective, share: int, fabric: Fabric
) -> tuple[Card, Feed, Objective]:
    """The card, feed and objective of a run that also heeds a teacher or masks."""
    if not isinstance(feed, BatchFeed) or not isinstance(plain, BatchObjective):
        asked = "model.teacher" if recipe.model.teacher else "loss.region"
        raise InputError(f"{asked}: {recipe.model.system} takes no guidance beside its labels; leave it out.")
    taught = masks = None
    if recipe.model.teacher:
        teacher, taught = ask_teacher(recipe, data.train, fabric)
        card = card.with_(pretrained=f"{card.pretrained}; taught by {teacher.name} {teacher.fingerprint}")
    if recipe.loss.region:
        if not card.attends:
            raise InputError(
                f"loss.region: {recipe.model.system} pays no attention that could be taught; leave it out."
            )
        masks = Masks(data, recipe.data.chosen, feed.pictures, card.grid)
    objective = GuidedObjective(plain.model, plain.pixels, plain.criterion, recipe.loss)
    guided = GuidedFeed(data, feed.pictures, recipe.sampling, share, recipe.seed, taught, masks)
    return card, guided, objective


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


def _see_maps(
    recipe: Recipe, model: AttributeModel, card: Card, data: TrainingData, cache: ImageCache, fabric: Fabric
) -> Maps:
    """Have all maps in the cache; the first process computes them, the others then find them."""
    model.backbone.to(fabric.device)
    shape = (int(model.backbone.channels), *card.grid)  # type: ignore[arg-type]
    views, asked = recipe.sampling.views or 0, recipe.data.workers
    maps = Maps(
        model.backbone, shape, recipe.model.preprocess, recipe.sampling.augment, cache, fabric,
        recipe.running.channels_last,
    )  # fmt: skip
    count = len(data.train) * (views + 1) + len(data.valid)
    for first in (True, False):
        if fabric.is_global_zero == first:
            with bar("reading photos", count, show=None if first else False) as progress:
                maps.see(data.train.paths, views, asked, progress)
                maps.see(data.valid.paths, 0, asked, progress)
        fabric.barrier()
    return maps


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
    return replace(data, train=parts[0], valid=parts[1])
