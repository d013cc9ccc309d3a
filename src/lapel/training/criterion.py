"""The weighted sum of batch losses that a recipe asks for."""

from __future__ import annotations

from torch import Tensor, nn

from lapel.losses.in_batch_triplet import in_batch_triplet
from lapel.losses.proxy import ProxySoftmax
from lapel.losses.supcon import supcon
from lapel.training.recipe import Loss


class Criterion(nn.Module):
    """Embeddings (B, K, D) unit and labels (B, V) -> scalar. Holds the proxies where the recipe asks for them.

    Args:
        sizes: number of values of each attribute. dim: D.
    """

    def __init__(self, recipe: Loss, sizes: tuple[int, ...], dim: int) -> None:
        super().__init__()
        self.recipe, self.sizes = recipe, sizes
        self.proxy = ProxySoftmax(sizes, dim, recipe.proxy_scale) if recipe.proxy else None

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """The sum; losses of weight 0 are not computed."""
        recipe = self.recipe
        total = embeddings.new_zeros(())
        if self.proxy is not None:
            total = total + recipe.proxy * self.proxy(embeddings, labels)
        if recipe.in_batch_triplet:
            total = total + recipe.in_batch_triplet * in_batch_triplet(embeddings, labels, self.sizes, recipe.margin)
        if recipe.supcon:
            total = total + recipe.supcon * supcon(embeddings, labels, self.sizes, recipe.temperature)
        return total
