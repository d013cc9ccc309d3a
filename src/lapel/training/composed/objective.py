"""What a step of composed training minimises: rows of features in, a loss and the in-batch accuracy out."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from lapel.losses.composed import build_loss
from lapel.losses.modifier_enhancement import modifier_enhancement
from lapel.models.composed.network import ComposedNetwork
from lapel.models.composed.slices import in_slices
from lapel.training.composed.recipe import ComposedLoss, ComposedSampling
from lapel.training.objective import Objective, Step


def gathered(rows: Tensor) -> tuple[Tensor, int]:
    """All processes' rows in the order of their ranks, with gradient, and where this process' begin."""
    import torch.distributed as spread

    if not (spread.is_available() and spread.is_initialized()) or spread.get_world_size() == 1:
        return rows, 0
    from torch.distributed.nn.functional import all_gather

    return torch.cat(all_gather(rows)), spread.get_rank() * len(rows)


class ComposedObjective(Objective):
    """Each query against the batch's targets."""

    def __init__(self, network: ComposedNetwork, loss: ComposedLoss, sampling: ComposedSampling) -> None:
        super().__init__()
        self.network, self.gather = network.system, sampling.gather
        self.criterion = build_loss(loss.kind, network.dim, loss.scale, loss.queue)

    def forward(self, reference: Tensor, text: Tensor, target: Tensor) -> Step:
        """Rows as `ComposedNetwork` takes them."""
        system = self.network
        query = system.query(reference[:, 0], reference[:, 1:], text[:, 0], text[:, 1:]).float()
        wanted = system.target(target[:, 0], target[:, 1:]).float()
        others, first = gathered(wanted) if self.gather else (wanted, 0)
        return Step(self.criterion(query, others, first), in_batch_accuracy(query, others, first))


class EnhancementObjective(Objective):
    """The enhanced text tower alone: its vector added to the reference's, and its alignment branch."""

    def __init__(self, network: ComposedNetwork, loss: ComposedLoss, sampling: ComposedSampling) -> None:
        super().__init__()
        assert network.text is not None
        self.text, self.weight, self.at_once = network.text, loss.align, sampling.at_once
        self.criterion = nn.Module()  # no weights of its own

    def forward(self, reference: Tensor, tokens: Tensor, target: Tensor) -> Step:
        """Rows of pictures, tokens (B, 77)."""
        vector, *aligned = in_slices(self._read, self.at_once, tokens, reference[:, 1:])
        seen, wanted = reference[:, 0], target[:, 0]
        loss = modifier_enhancement(seen, vector, wanted, aligned[0] if aligned else None, self.weight)
        query = normalize(normalize(seen, dim=-1) + normalize(vector, dim=-1), dim=-1)
        return Step(loss, in_batch_accuracy(query, normalize(wanted, dim=-1), 0))

    def _read(self, tokens: Tensor, patches: Tensor) -> tuple[Tensor, ...]:
        found = self.text(tokens, patches)
        return (found.vector.float(),) if found.aligned is None else (found.vector.float(), found.aligned.float())


@torch.no_grad()
def in_batch_accuracy(query: Tensor, target: Tensor, first: int) -> Tensor:
    """Share of queries whose own target is the nearest of the batch's."""
    own = torch.arange(first, first + len(query), device=query.device)
    return ((query @ target.T).argmax(dim=1) == own).float().mean()
