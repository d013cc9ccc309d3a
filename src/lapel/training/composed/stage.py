"""The stage of a composed run: cached features, a network over them, recall after each epoch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import nn

from lapel.datasets.composed.opening import open_composed, some
from lapel.errors import CheckpointError, InputError, TableError
from lapel.evaluation.composed import ComposedProtocol, asked_of
from lapel.export.loading import run_checkpoint
from lapel.models import checkpoint
from lapel.models.composed.loading import load_clip
from lapel.models.composed.network import ComposedNetwork, composed_card, is_composed
from lapel.progress import bar
from lapel.schema import Card, ComposedSet
from lapel.training.composed.evaluating import long_texts, prepare, protocol_named, score_vectors, vectors_of
from lapel.training.composed.features import Features
from lapel.training.composed.feed import ComposedFeed, asked_in_training, named_in_training
from lapel.training.composed.objective import ComposedObjective, EnhancementObjective
from lapel.training.composed.recipe import ComposedRecipe
from lapel.training.freezing import hold_still
from lapel.training.optimiser import Group, build_optimizer
from lapel.training.plans import Say
from lapel.training.run_folder import RunFolder, writing
from lapel.training.stage import Scored, Stage

TEXT = "text."


@dataclass
class ComposedStage(Stage):
    """valid: the split that epochs are compared on. features: of both splits, cached."""

    recipe: ComposedRecipe
    model: ComposedNetwork
    valid: ComposedSet
    protocol: ComposedProtocol
    features: Features

    def score(self) -> Scored:
        """Recall of the network as it is now; the best epoch is chosen by the protocol's headline."""
        features = self.features
        if self.recipe.model.learns == "text":  # what the tower says changes with every epoch: in memory only
            features = Live(features, self.model)
        size = self.recipe.evaluation.batch
        vectors = vectors_of(self.model, features, self.valid, self.protocol, size, self.fabric.device)
        found = score_vectors(vectors, self.valid, self.protocol, self.card)
        return Scored(found.headline, "recall", found.headline, dict(found.mean), found.to_dict(per_query=False))

    def finish(self, folder: RunFolder) -> None:
        """There is nothing to fit; the card's mark says that the run came to its end."""
        stored = checkpoint.read(folder.best)
        if stored.card.values_fitted:
            return
        best = ComposedNetwork(self.features.clip, *_parts(self.recipe))
        best.load_state_dict(stored.state)
        with writing(folder.best):
            checkpoint.save(folder.best, best, stored.card.with_(values_fitted=True), info=stored.info)


class Live(Features):
    """Features whose texts are read by a text tower as it is now, uncached."""

    def __init__(self, features: Features, network: ComposedNetwork) -> None:
        self.__dict__.update(features.__dict__)
        self.text = network.text

    def texts(self, asked: Any) -> torch.Tensor:
        """See `Features.texts`."""
        return torch.from_numpy(self.text_rows(asked))


def set_composed(recipe: ComposedRecipe, fabric: Fabric, say: Say, fresh: bool = True) -> ComposedStage:
    """As `lapel.training.stage.set_stage`, for composed retrieval; fills the feature cache."""
    protocol = protocol_named(recipe.evaluation.protocol)
    train = _open(recipe, "train", protocol)
    valid = _open(recipe, recipe.evaluation.split, protocol)
    for note in (*train.notes, *valid.notes):
        say(note)
    clip = load_clip(recipe.model.clip, recipe.model.weights, recipe.seed)
    torch.manual_seed(recipe.seed)
    network = ComposedNetwork(clip, *_parts(recipe))
    card = composed_card(recipe.name, clip, *_parts(recipe)).with_(learnt_from=(_source(train), _source(valid)))
    card = _take_start(recipe, network, card, fresh)
    live = recipe.model.learns == "text"
    closely = live or network.system.closely or network.text is not None
    frozen = None if live else network.text
    features = Features(clip, closely, recipe.model.numbers, fabric.device, text=frozen)
    _fill(recipe, features, train, valid, protocol, fabric)
    for note in long_texts(features):
        say(note)
    still: list[nn.Module] = [network.system] if live else [part for part in (network.text,) if part is not None]
    hold_still(still)
    objective = (EnhancementObjective if live else ComposedObjective)(network, recipe.loss, recipe.sampling)
    asked = recipe.optimiser
    feed = ComposedFeed(train, features, recipe.sampling, fabric.world_size, asked.accumulate, recipe.seed, live)
    learning = network.text if live else network.system
    assert learning is not None
    groups = [Group(recipe.model.learns, [learning], asked.lr, asked.weight_decay)]
    wrapped, running = fabric.setup(objective, build_optimizer(groups, asked.weight_decay))
    criterion = objective.criterion
    return ComposedStage(
        recipe, fabric, network, card, feed, wrapped, criterion, running, still, valid, protocol, features
    )


def _parts(recipe: ComposedRecipe) -> tuple[str, dict[str, Any], dict[str, Any] | None]:
    """System, its options, those of the enhanced text tower: as the network and its card take them."""
    asked = recipe.model
    options = dict(asked.options)
    if recipe.sampling.at_once and asked.system == "fashionern":
        options["at_once"] = recipe.sampling.at_once
    return asked.system, options, asked.tme.model_dump(mode="json") if asked.text == "tme" else None


def _open(recipe: ComposedRecipe, split: str, protocol: ComposedProtocol) -> ComposedSet:
    asked = recipe.data
    inside = Path(asked.root) / asked.path
    root = inside if inside.exists() else Path(asked.root)
    if not asked.root and not inside.exists():
        raise TableError(
            f"There is no '{inside}' to train on. Say where the release is: --set data=PATH, its folder or the one "
            f"that holds '{asked.path}'."
        )
    found = open_composed(
        root,
        split,
        release=asked.release,
        gallery=protocol.gallery if split != "train" else "split",
        attributes=asked.attributes,
        each=asked.each,
        seed=recipe.seed,
        missing=asked.missing,
    )
    return some(found, asked.limit, recipe.seed)


def _fill(
    recipe: ComposedRecipe,
    features: Features,
    train: ComposedSet,
    valid: ComposedSet,
    protocol: ComposedProtocol,
    fabric: Fabric,
) -> None:
    """Have all features in the cache; the first process computes them, the others then find them."""
    live, workers = recipe.model.learns == "text", recipe.data.workers
    drawn = [] if live else asked_in_training(train, recipe.sampling.captions)
    scored = [(one.text, one.reference) for one in asked_of(valid, protocol)]
    files = {name: train.images[name] for name in named_in_training(train)}
    for first in (True, False):
        if fabric.is_global_zero == first:
            with bar("reading pictures", len(files), show=None if first else False) as progress:
                features.see(files, workers, progress)
            with bar("reading texts", len({*drawn}), "texts", show=None if first else False) as progress:
                features.read(drawn, progress)
            prepare(features, valid, [] if live else scored, workers, show=None if first else False)
            if live:
                features.see({name: valid.images[name] for _, name in scored}, workers)
        fabric.barrier()


def _take_start(recipe: ComposedRecipe, network: ComposedNetwork, card: Card, fresh: bool) -> Card:
    """Load what `model.start` names. A frozen enhanced text tower is read on resuming too: features depend on it.

    Raises:
        InputError: the enhanced text tower is to be used, and no run that trained it is named.
        CheckpointError: the checkpoint is missing, or of another CLIP or network.
    """
    asked = recipe.model
    frozen = asked.text == "tme" and asked.learns == "system"
    if not asked.start:
        if frozen:
            raise InputError(
                "model.text is 'tme', whose tower an earlier run trains (model.learns: text). Name that run: "
                "--set model.start=PATH. A recipe with `stages` trains both by one command."
            )
        return card
    if not fresh and not frozen:
        return card
    stored = checkpoint.read(run_checkpoint(asked.start))
    if not is_composed(stored.card) or stored.card.backbone != card.backbone:
        raise CheckpointError(
            f"'{asked.start}' is {stored.card.system} over {stored.card.backbone}; this run reads {card.backbone}."
        )
    own = {name for name in network.state_dict() if not frozen or name.startswith(TEXT)}
    state = {name: value for name, value in stored.state.items() if name in own}
    if absent := sorted(own - set(state)):
        raise CheckpointError(f"'{asked.start}' has no '{absent[0]}'; start from a run with the same model.tme.")
    network.load_state_dict(state, strict=False)
    return card.with_(pretrained=f"{card.pretrained}; continues {stored.card.name} {stored.card.fingerprint}")


def _source(data: ComposedSet) -> dict[str, Any]:
    return {"name": data.name, "split": data.split, "queries": len(data.queries), "complete": data.complete}
