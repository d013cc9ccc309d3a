"""How each system trains: what a step minimises, what it sees, how fast which weights move, what a later stage takes.

A plan is found by system and sampling mode (`asenpp/triplets`), else by the mode alone. A new system that trains like
the others needs none; one that does not adds its plan to `PLANS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from lapel.errors import CheckpointError, InputError
from lapel.export.loading import run_checkpoint
from lapel.images import ImageCache
from lapel.models import checkpoint
from lapel.models.attribute_model import AttributeModel
from lapel.models.checkpoint import Checkpoint
from lapel.models.crop_model import CropModel
from lapel.models.style import StyleModel
from lapel.schema import Card
from lapel.training.criterion import Criterion
from lapel.training.data import TrainingData
from lapel.training.feeds import BatchFeed, BatchPhotoFeed, Feed, TripletFeed, TripletPhotoFeed
from lapel.training.listed import ListedTriplets
from lapel.training.objective import BatchObjective, DistortedObjective, Input, Objective, TripletObjective
from lapel.training.optimiser import Group
from lapel.training.pictures import Pictures
from lapel.training.recipe import Recipe
from lapel.training.rpf import RPFBatches, RPFTriplets, ValuedTriplets, rpf_groups
from lapel.training.style import StyleFeed, StyleObjective, StyleV1Objective
from lapel.training.triplets import TripletSampler
from lapel.training.two_branches import TwoBranchBatches, TwoBranchTriplets

Say = Callable[[str], None]
"""Where a run's remarks go: a value that cannot be drawn, a photo left out."""


def backbone_and_head(recipe: Recipe, model: AttributeModel, criterion: nn.Module) -> list[Group]:
    """The groups of most systems: backbone, head, and the loss's own weights."""
    asked = recipe.optimiser
    backbone_rate = asked.lr if asked.backbone_lr is None else asked.backbone_lr
    return [
        Group("backbone", [model.backbone], backbone_rate, asked.weight_decay),
        Group("head", [model.head], asked.lr, asked.weight_decay),
        Group("loss", [criterion], asked.lr * recipe.loss.proxy_lr),
    ]


def two_branch_groups(recipe: Recipe, model: AttributeModel, criterion: nn.Module) -> list[Group]:
    """ASEN++'s: in its first stage one rate for all; in its second the local branch at that rate, and all that the
    first stage has trained, the attribute embedding both branches share included, at the slow one.
    """
    asked = recipe.optimiser
    if not isinstance(model, CropModel):
        if asked.backbone_lr is not None:
            return backbone_and_head(recipe, model, criterion)
        groups = [Group("global", [model.backbone, model.head], asked.lr, asked.weight_decay)]
    else:
        slow = asked.lr / 10 if asked.slow_lr is None else asked.slow_lr
        backbone_rate = asked.lr if asked.backbone_lr is None else asked.backbone_lr
        groups = [
            Group("local backbone", [model.local.backbone], backbone_rate, asked.weight_decay),  # type: ignore[list-item]
            Group("local attention", [model.local.head], asked.lr, asked.weight_decay),  # type: ignore[list-item]
            Group("global", [model.backbone, model.head], slow, asked.weight_decay),
        ]
    return [*groups, Group("loss", [criterion], asked.lr * recipe.loss.proxy_lr)]


def take_network(model: AttributeModel, start: Checkpoint) -> None:
    """What most systems continue: backbone and head, every tensor of them; values and look are fitted anew.

    Raises:
        CheckpointError: a tensor is missing or of another shape.
    """
    take(model, start, ("backbone.", "head."))


def take(model: nn.Module, start: Checkpoint, prefixes: tuple[str, ...]) -> None:
    """Load the tensors whose names begin so, all that the model has of them.

    Raises:
        CheckpointError: a tensor is missing or of another shape.
    """
    own = {name: tensor for name, tensor in model.state_dict().items() if name.startswith(prefixes)}
    for name, tensor in own.items():
        given = start.state.get(name)
        if given is None or given.shape != tensor.shape:
            found = "lacks it" if given is None else f"has {tuple(given.shape)}"
            raise CheckpointError(
                f"'{start.card.name}' ({start.card.system}) is no start for this run: it wants '{name}' "
                f"{tuple(tensor.shape)}, the checkpoint {found}. Start from a run of the same system and backbone."
            )
    model.load_state_dict({name: start.state[name] for name in own}, strict=False)


@dataclass(frozen=True)
class Plan:
    """How a system trains in one sampling mode.

    objective: (recipe, model, input) -> an `Objective`, whose forward takes what the feed gives.
    feed: (recipe, data, cache, batches a step over all processes, say) -> batches of an epoch.
    groups: (recipe, model, criterion) -> the optimizer's groups, in order.
    takes: (model, checkpoint) loads what a later stage continues from `model.start`.
    must_start: (recipe) -> why this run cannot begin without `model.start`; "" when it can.
    distorts: (recipe) -> whether its feed and objective take distorted copies of the anchors.
    """

    objective: Callable[[Recipe, AttributeModel, Input], Objective]
    feed: Callable[[Recipe, TrainingData, ImageCache, int, Say], Feed]
    groups: Callable[[Recipe, AttributeModel, nn.Module], list[Group]] = backbone_and_head
    takes: Callable[[AttributeModel, Checkpoint], None] = take_network
    must_start: Callable[[Recipe], str] = lambda recipe: ""
    distorts: Callable[[Recipe], bool] = lambda recipe: recipe.model.local is None and not _learns_classes(recipe)


def _learns_classes(recipe: Recipe) -> bool:
    return recipe.model.system.startswith("style")


def plan_of(recipe: Recipe) -> Plan:
    """The plan of a recipe's system and sampling mode.

    Raises:
        InputError: distorted copies are asked for, and this system's own way to train has no place for them.
    """
    mode = recipe.sampling.mode
    own = PLANS.get(f"{recipe.model.system}/{mode}")
    if own and recipe.sampling.distortion and not own.distorts(recipe):
        first = " The first of two stages takes it: --set stages.0.sampling.distortion={scales: [0.2, 0.4]}."
        raise InputError(
            f"sampling.distortion goes with the systems that train on plain triplets or batches; {recipe.model.system} "
            f"does not in this mode. Leave it out: --set sampling.distortion=null.{first if recipe.model.local else ''}"
        )
    return own or PLANS[mode]


def take_start(plan: Plan, recipe: Recipe, model: AttributeModel, card: Card) -> Card:
    """Load what the recipe's `model.start` names into the model; the card then says what it continues.

    Raises:
        InputError: this run is a later stage, and no start is named.
        CheckpointError: the checkpoint is missing, learnt other attributes, or is of another model.
    """
    start = recipe.model.start
    if not start:
        if why := plan.must_start(recipe):
            raise InputError(
                f"{why}. Name that run or its checkpoint: --set model.start=PATH. "
                "A recipe with `stages` trains both by one command."
            )
        return card
    try:
        stored = checkpoint.read(run_checkpoint(start))
    except (CheckpointError, InputError) as error:
        raise CheckpointError(
            f"This run continues an earlier stage from model.start='{start}', which cannot be read: {error} "
            "Train the earlier stage first, or name its checkpoint: --set model.start=PATH."
        ) from error
    if stored.card.vocabulary != card.vocabulary:
        raise CheckpointError(
            f"'{start}' learnt {', '.join(stored.card.vocabulary.names)}; this run learns "
            f"{', '.join(card.vocabulary.names)}, or other values of these. Both stages take the same attributes."
        )
    plan.takes(model, stored)
    return card.with_(pretrained=f"{card.pretrained}; continues {stored.card.name} {stored.card.fingerprint}")


def _pictures(recipe: Recipe, data: TrainingData, cache: ImageCache) -> Pictures:
    memory = int(recipe.data.memory_gb * 2**30) if recipe.data.in_memory else 0
    asked = recipe.sampling
    paths, preprocess = data.train.paths, recipe.model.preprocess
    return Pictures(paths, cache, preprocess, asked.augment, recipe.seed, memory, asked.distortion)


def triplet_sampler(recipe: Recipe, data: TrainingData, say: Say) -> TripletSampler | ListedTriplets:
    """The sampler of "triplets" mode; says which values no triplet asks for."""
    if recipe.sampling.listed and data.train.triplets is not None:
        listed = ListedTriplets(data.train, recipe.sampling.triplets, recipe.seed)
        if listed.missing:
            say(f"{listed.missing:,} listed triplets name photos that are not there and are left out.")
        return listed
    sampler = TripletSampler(data.train, None, recipe.sampling.negative, recipe.seed)
    for left_out in sampler.left_out:
        say(f"No triplet asks for {left_out}.")
    return sampler


def _triplet_feed(recipe: Recipe, data: TrainingData, cache: ImageCache, share: int, say: Say) -> Feed:
    return TripletFeed(triplet_sampler(recipe, data, say), _pictures(recipe, data, cache), recipe.sampling, share)


def _batch_feed(recipe: Recipe, data: TrainingData, cache: ImageCache, share: int, say: Say) -> Feed:
    return BatchFeed(data, _pictures(recipe, data, cache), recipe.sampling, share, recipe.seed)


def _triplet_objective(recipe: Recipe, model: AttributeModel, pixels: Input) -> Objective:
    kind = DistortedObjective if recipe.sampling.distortion else TripletObjective
    return kind(model, pixels, recipe.loss.margin, recipe.sampling.order)


def _batch_objective(recipe: Recipe, model: AttributeModel, pixels: Input) -> Objective:
    return BatchObjective(model, pixels, Criterion(recipe.loss, model.values.sizes, model.head.dim))


def _photo_triplet_feed(recipe: Recipe, data: TrainingData, cache: ImageCache, share: int, say: Say) -> Feed:
    if recipe.model.local is None:
        return _triplet_feed(recipe, data, cache, share, say)
    return TripletPhotoFeed(triplet_sampler(recipe, data, say), _pictures(recipe, data, cache), recipe.sampling, share)


def _photo_batch_feed(recipe: Recipe, data: TrainingData, cache: ImageCache, share: int, say: Say) -> Feed:
    if recipe.model.local is None:
        return _batch_feed(recipe, data, cache, share, say)
    return BatchPhotoFeed(data, _pictures(recipe, data, cache), recipe.sampling, share, recipe.seed)


def _asenpp_triplets(recipe: Recipe, model: AttributeModel, pixels: Input) -> Objective:
    if not isinstance(model, CropModel):
        return _triplet_objective(recipe, model, pixels)
    return TwoBranchTriplets(model, pixels, recipe.model.preprocess, recipe.loss, recipe.sampling.order)


def _asenpp_batches(recipe: Recipe, model: AttributeModel, pixels: Input) -> Objective:
    if not isinstance(model, CropModel):
        return _batch_objective(recipe, model, pixels)
    return TwoBranchBatches(model, pixels, recipe.model.preprocess, recipe.loss, recipe.sampling.crops)


def _rpf_triplet_feed(recipe: Recipe, data: TrainingData, cache: ImageCache, share: int, say: Say) -> Feed:
    if recipe.model.local is None:
        return _triplet_feed(recipe, data, cache, share, say)
    sampler, pictures = triplet_sampler(recipe, data, say), _pictures(recipe, data, cache)
    return ValuedTriplets(data.train, sampler, pictures, recipe.sampling, share)


def _rpf_triplets(recipe: Recipe, model: AttributeModel, pixels: Input) -> Objective:
    if not isinstance(model, CropModel):
        return _triplet_objective(recipe, model, pixels)
    return RPFTriplets(model, pixels, recipe.model.preprocess, recipe.loss, recipe.sampling.order)


def _rpf_batches(recipe: Recipe, model: AttributeModel, pixels: Input) -> Objective:
    if not isinstance(model, CropModel):
        return _batch_objective(recipe, model, pixels)
    return RPFBatches(model, pixels, recipe.model.preprocess, recipe.loss, recipe.sampling.crops)


def _second_of_two(recipe: Recipe) -> str:
    """A local branch looks where the global one points, which must have learnt to point."""
    return "model.local makes this a second stage, which continues the first one's run" if recipe.model.local else ""


def _style_objective(recipe: Recipe, model: AttributeModel, pixels: Input) -> Objective:
    assert isinstance(model, StyleModel)
    if recipe.model.system == "style":
        return StyleObjective(model, pixels, recipe.loss.style)
    return StyleV1Objective(model, pixels, recipe.loss.style, recipe.loss.margin)


def _style_feed(recipe: Recipe, data: TrainingData, cache: ImageCache, share: int, say: Say) -> Feed:
    sampler, pictures = triplet_sampler(recipe, data, say), _pictures(recipe, data, cache)
    roles = 1 if recipe.model.system == "style" else 3
    return StyleFeed(data.train, sampler, pictures, recipe.sampling, share, roles)


PLANS: dict[str, Plan] = {
    "triplets": Plan(_triplet_objective, _triplet_feed),
    "batch": Plan(_batch_objective, _batch_feed),
    "style/triplets": Plan(_style_objective, _style_feed),
    "style_v1/triplets": Plan(_style_objective, _style_feed),
    "asenpp/triplets": Plan(_asenpp_triplets, _photo_triplet_feed, two_branch_groups, take_network, _second_of_two),
    "asenpp/batch": Plan(_asenpp_batches, _photo_batch_feed, two_branch_groups, take_network, _second_of_two),
    "rpf/triplets": Plan(_rpf_triplets, _rpf_triplet_feed, rpf_groups, take_network, _second_of_two),
    "rpf/batch": Plan(_rpf_batches, _photo_batch_feed, rpf_groups, take_network, _second_of_two),
}
"""`SYSTEM/MODE`, or a mode for every system without a plan of its own."""
