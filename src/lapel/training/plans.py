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
from lapel.schema import Card
from lapel.training.criterion import Criterion
from lapel.training.data import TrainingData
from lapel.training.feeds import BatchFeed, Feed, TripletFeed
from lapel.training.listed import ListedTriplets
from lapel.training.objective import BatchObjective, DistortedObjective, Input, Objective, TripletObjective
from lapel.training.optimiser import Group
from lapel.training.pictures import Pictures
from lapel.training.recipe import Recipe
from lapel.training.triplets import TripletSampler

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
    """

    objective: Callable[[Recipe, AttributeModel, Input], Objective]
    feed: Callable[[Recipe, TrainingData, ImageCache, int, Say], Feed]
    groups: Callable[[Recipe, AttributeModel, nn.Module], list[Group]] = backbone_and_head
    takes: Callable[[AttributeModel, Checkpoint], None] = take_network
    must_start: Callable[[Recipe], str] = lambda recipe: ""


def plan_of(recipe: Recipe) -> Plan:
    """The plan of a recipe's system and sampling mode.

    Raises:
        InputError: distorted copies are asked for, and this system's own way to train has no place for them.
    """
    mode = recipe.sampling.mode
    own = PLANS.get(f"{recipe.model.system}/{mode}")
    if own and recipe.sampling.distortion:
        raise InputError(
            f"sampling.distortion goes with the systems that train on plain triplets or batches; {recipe.model.system} "
            "does not in this mode. Leave it out: --set sampling.distortion=null."
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
    return BatchFeed(data.train, _pictures(recipe, data, cache), recipe.sampling, share, recipe.seed)


def _triplet_objective(recipe: Recipe, model: AttributeModel, pixels: Input) -> Objective:
    kind = DistortedObjective if recipe.sampling.distortion else TripletObjective
    return kind(model, pixels, recipe.loss.margin, recipe.sampling.order)


def _batch_objective(recipe: Recipe, model: AttributeModel, pixels: Input) -> Objective:
    return BatchObjective(model, pixels, Criterion(recipe.loss, model.values.sizes, model.head.dim))


PLANS: dict[str, Plan] = {
    "triplets": Plan(_triplet_objective, _triplet_feed),
    "batch": Plan(_batch_objective, _batch_feed),
}
"""`SYSTEM/MODE`, or a mode for every system without a plan of its own."""
