"""Both sides of the comparison for one system: a stage of ours as its published recipe makes it, and the plain one."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from lapel.embedding import embed
from lapel.models.adapter import TorchModel
from lapel.models.crop_model import CropModel
from lapel.training import load_recipe
from lapel.training.attributes import AttributeStage, set_attributes
from lapel.training.augment import generator
from lapel.training.distort import distort
from lapel.training.pictures import COPY, ahead
from lapel.training.recipe import Distortion, Recipe
from lapel.training.stage import start_processes
from plain.photos import Picture, open_photo, whole
from plain.work import Plain

SYSTEMS = ("triplet", "csn", "asen", "asen_v2", "gd", "asenpp", "rpf")
ATTRIBUTES = (
    "category", "color", "pattern", "skirt_length", "sleeve_length", "pant_length", "collar_design", "neckline_design",
)  # fmt: skip
WAYS = ("plain", "ours", "bf16")
BATCHES = 2
"""Batches of a training turn: the second is read while the first is computed."""


def published(system: str, folder: Path, triplets: int) -> AttributeStage:
    """The last stage of FashionAI's recipe, on drawn photos, from random weights, without flips and dropout.

    Batch norm has seen a few photos, so that attention maps have a shape.
    """
    changes = [f"data.root={folder}", "data.sets=[{path: .}]", f"data.attributes=[{', '.join(ATTRIBUTES)}]"]
    changes += ["data.short_side=1048576", "model.weights=random", "running.device=cpu", "sampling.augment.flip=0"]
    recipe = load_recipe(f"fashionai/{'asen_v2_gd' if system == 'gd' else system}", changes)
    assert isinstance(recipe, Recipe)
    recipe = recipe.stage(2) if recipe.stages else recipe
    local = recipe.model.local and recipe.model.local.model_copy(update={"weights": "random"})
    model = recipe.model.model_copy(update={"local": local, "start": ""})
    sampling = recipe.sampling.model_copy(update={"batch": triplets, "steps": BATCHES})
    recipe = recipe.model_copy(update={"model": model, "sampling": sampling})
    stage = set_attributes(recipe, start_processes(recipe.running), lambda remark: None, fresh=False)
    for layer in stage.model.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0
    return stage


class Sides:
    """The three ways to do the same work: plain, ours, and ours in bf16.

    photos: paths for the gallery. triplets: of a training batch.
    """

    def __init__(self, system: str, folder: Path, photos: int, triplets: int) -> None:
        self.stage = published(system, folder, triplets)
        self.paths = list(self.stage.data.train.paths[:photos])
        self.stage.feed.begin(1)
        self._settle()
        plain = "asen_v2" if system == "gd" else system
        warp = self._warp if system == "gd" else None
        self.plain = Plain(plain, self.stage.model, self.stage.card.crops, warp)
        ours = self.stage.model
        self.models = {
            "ours": TorchModel(ours, self.stage.card),
            "bf16": TorchModel(ours, self.stage.card, precision="bf16"),
        }

    def _settle(self) -> None:
        norms = [layer for layer in self.stage.model.modules() if isinstance(layer, nn.BatchNorm2d)]
        for layer in norms:
            layer.momentum = None  # a plain mean over what it sees
        self.stage.objective.train()
        with torch.no_grad():
            self.stage.objective(*self.stage.feed.batch(0))
        for layer in norms:
            layer.momentum = 0.1

    def _warp(self, photo: Picture, place: int, copied: int) -> Picture:
        asked = self.stage.recipe.sampling.distortion
        assert isinstance(asked, Distortion)
        return distort(photo, asked, asked.scales[copied], generator(self.stage.recipe.seed, 1, place, COPY + copied))

    def gallery(self, way: str, paths: Sequence[Path], batch: int) -> Tensor:
        """(N, K, D) of photo files."""
        if way == "plain":
            return self.plain.gallery(paths, len(ATTRIBUTES), batch)
        self.models[way].model.eval()
        table, _ = embed(self.models[way], paths, [str(n) for n in range(len(paths))], batch=batch)
        return torch.from_numpy(table.outputs.embeddings)

    def train(self, way: str) -> list[float]:
        """Losses of the epoch's first batches, one update each."""
        if way == "plain":
            return self.plain.steps([self._drawn(number) for number in range(BATCHES)])
        stage, losses = self.stage, []
        narrow = torch.autocast("cpu", torch.bfloat16) if way == "bf16" else contextlib.nullcontext()
        stage.objective.train()
        with closing(ahead(range(BATCHES), stage.feed.batch, stage.recipe.data.workers)) as batches:
            for batch in batches:
                with narrow:
                    loss = stage.objective(*batch).loss
                stage.fabric.backward(loss)
                stage.optimizer.step()
                stage.optimizer.zero_grad()
                losses.append(loss.item())
        return losses

    def _drawn(self, number: int) -> tuple[list[list[Path]], Tensor, Tensor]:
        """Batch `number` of our feed as the plain side takes it."""
        feed, items = self.stage.feed, self.stage.data.train
        rows = feed.drawn  # type: ignore[attr-defined]
        at = slice(number * feed.size, (number + 1) * feed.size)  # type: ignore[attr-defined]
        paths = [[items.paths[row] for row in role[at]] for role in (rows.anchor, rows.negative, rows.positive)]
        held = [items.labels(name).multi_hot for name in ATTRIBUTES]
        values = [
            [int(np.argmax(held[k][row])) for row, k in zip(role[at], rows.attribute[at], strict=True)]
            for role in (rows.anchor, rows.positive, rows.negative)
        ]
        return paths, torch.from_numpy(rows.attribute[at]), torch.tensor(values)

    def resize(self, triplets: int) -> None:
        """Training batches of another size."""
        self.stage.feed.size = triplets  # type: ignore[attr-defined]
        self.stage.feed.begin(1)

    def operations(self, way: str) -> float:
        """G multiply-adds of one photo's embeddings, as PyTorch counts them."""
        for net in (self.stage.model, self.plain.net):
            net.eval().requires_grad_(False)  # the counter looks for gradients of parameters
        with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter, torch.no_grad():
            if way == "plain":
                self.plain.gallery(self.paths[:1], len(ATTRIBUTES), 1)
            else:
                self._seen_once()
        return counter.get_total_flops() / 2e9

    def _seen_once(self) -> None:
        model, photo = self.stage.model, open_photo(self.paths[0])
        pixels = whole(photo)[None]
        model.see(pixels, [photo], self.stage.card.preprocess) if isinstance(model, CropModel) else model(pixels)
