"""A gallery embedded and a step taken as the published code does: attribute by attribute, role by role, crop by crop.

Photos are decoded in threads beside the network; where the published loader prepares tensors (ASEN, GD) so does this
one, and where it hands over pictures (ASEN++, RPF) they are prepared in the loop. One thing is kinder than published:
a gallery is embedded without gradients.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lapel.images.reading import map_ordered
from plain.networks import LOCAL, WHOLE
from plain.photos import Picture, centre, crop, open_photo, resize, tensor, whole

Warp = Callable[[Picture, int, int], Picture]
"""(resized photo, place in the epoch, copy 0 or 1) -> the photo distorted."""


class Plain:
    """A system on a copy of our model's weights, contiguous.

    crops: of the card; None for systems without a local branch. warp: what makes GD's copies of an anchor.
    """

    def __init__(self, system: str, ours: nn.Module, crops: Any, warp: Warp | None = None) -> None:
        self.system, self.crops, self.warp = system, crops, warp
        self.net: Any = copy.deepcopy(ours).to(memory_format=torch.contiguous_format)
        self.adam = torch.optim.Adam([p for p in self.net.parameters() if p.requires_grad], lr=1e-5)

    def look(self, pixels: Tensor, a: Tensor) -> Any:
        """The whole photo under one attribute each: see `plain.networks.Seen`."""
        return WHOLE[self.system](self.net.head, self.net.backbone(pixels), a)

    def closely(self, photos: Sequence[Picture], maps: Tensor, a: Tensor) -> Tensor:
        """The local branch on one crop a photo, cut one after the other."""
        asked, seen = self.crops, maps.detach()
        cut = [crop(photo, one, asked.threshold, asked.height) for photo, one in zip(photos, seen, strict=True)]
        return LOCAL[self.system](self.net.local, torch.stack(cut), self.net.head.attr_embedding(a))

    def gallery(self, paths: Sequence[Path], attributes: int, batch: int) -> Tensor:
        """(N, K, D) unit: each attribute's candidates on their own, photos read and prepared for each again."""
        self.net.eval()
        with torch.no_grad():
            every = [torch.cat(list(self._candidates(paths, k, batch))) for k in range(attributes)]
        return torch.stack(every, dim=1)

    def _candidates(self, paths: Sequence[Path], k: int, batch: int) -> Iterator[Tensor]:
        for given in batches(paths, batch, open_photo if self.crops else lambda path: whole(open_photo(path))):
            a = torch.full((len(given),), k)
            if not self.crops:
                yield F.normalize(self.look(torch.stack(given), a)[0])
                continue
            raw, maps, _ = self.look(torch.stack([whole(photo) for photo in given]), a)
            part, beta = self.closely(given, maps, a), self.crops.beta
            yield torch.cat([math.sqrt(beta) * F.normalize(raw), math.sqrt(1 - beta) * F.normalize(part)], dim=1)

    def steps(self, drawn: Sequence[tuple[Sequence[Sequence[Path]], Tensor, Tensor]]) -> list[float]:
        """Losses of one update for each ((anchors, negatives, positives), attributes (B,), values (3, B))."""
        self.net.train()
        losses = []
        for number, (roles, a, values) in enumerate(drawn):
            loss = self._closely_learnt(roles, a, values) if self.crops else self._learnt(roles, a, number)
            self.adam.zero_grad()
            loss.backward()
            self.adam.step()
            losses.append(loss.item())
        return losses

    def _learnt(self, roles: Sequence[Sequence[Path]], a: Tensor, number: int) -> Tensor:
        jobs = [(path, -1, 0) for role in roles for path in role]
        if self.warp:
            jobs += [(path, copied, number * len(a) + at) for copied in (0, 1) for at, path in enumerate(roles[0])]
        ready = [made for _, made in map_ordered(self._view, jobs)]
        views = [F.normalize(self.look(torch.stack(ready[n : n + len(a)]), a)[0]) for n in range(0, len(jobs), len(a))]
        anchor, negative, positive, *warped = views
        terms = [ranked(one, negative, positive) for one in (anchor, *warped)]
        terms += [ranked(anchor, negative, one) for one in warped]
        return torch.stack(terms).mean()

    def _view(self, job: tuple[Path, int, int]) -> Tensor:
        path, copied, place = job
        if copied < 0:
            return whole(open_photo(path))
        assert self.warp
        return tensor(centre(self.warp(resize(open_photo(path), 224), place, copied)))

    def _closely_learnt(self, roles: Sequence[Sequence[Path]], a: Tensor, values: Tensor) -> Tensor:
        anchors, negatives, positives = roles
        photos = [[made for _, made in map_ordered(open_photo, role)] for role in (anchors, positives, negatives)]
        seen = [self.look(torch.stack([whole(photo) for photo in role]), a) for role in photos]
        parts = [self.closely(role, maps, a) for role, (_, maps, _) in zip(photos, seen, strict=True)]
        raw = [one[0] for one in seen]
        (x, y, z), (u, v, w) = ([F.normalize(one) for one in branch] for branch in (raw, parts))
        loss = ranked(x, z, y) + 0.1 * ranked(u, w, v)
        if self.system == "asenpp":
            apart = [torch.relu(1 - F.cosine_similarity(p, q)).mean() for p, q in zip(raw, parts, strict=True)]
            return loss + 0.1 * torch.stack(apart).sum()
        back = F.normalize(torch.cat([one[2] for one in seen]))
        return loss + 0.04 * contrast(torch.cat([x, y, z]), torch.cat([u, v, w]), back, a.repeat(3), values.flatten())


def batches(paths: Sequence[Path], size: int, make: Callable[[Any], Any]) -> Iterator[list[Any]]:
    """What `make` gives of each path, in threads ahead, `size` at a time."""
    held = []
    for _, made in map_ordered(make, paths):
        held.append(made)
        if len(held) == size:
            yield held
            held = []
    if held:
        yield held


def ranked(asked: Tensor, far: Tensor, near: Tensor) -> Tensor:
    return torch.relu((asked * far).sum(dim=1) - (asked * near).sum(dim=1) + 0.2).mean()


def contrast(region: Tensor, patch: Tensor, back: Tensor, a: Tensor, values: Tensor) -> Tensor:
    """E-InfoNCE, masks as -10000 and exponentials as they are; tau 0.07, alpha 12."""
    same = a[:, None] == a[None]
    other_value = torch.where(same & (values[:, None] == values[None]), 0.0, -10_000.0)
    other_attribute = torch.where(same, 0.0, -10_000.0)
    scores = region @ patch.T
    below = (scores / 0.07).exp().sum(dim=1)
    below = below + 12 * ((region @ back.T + other_attribute) / 0.07).exp().sum(dim=1)
    return (below.log() - ((scores + other_value) / 0.07).exp().sum(dim=1).log()).mean()
