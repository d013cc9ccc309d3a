"""What RPF's second stage minimises: a triplet loss a branch, and E-InfoNCE between them."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from lapel.errors import ShapeError
from lapel.losses.e_infonce import ALPHA, TAU, Negatives, Sets, e_infonce
from lapel.losses.margin_ranking import margin_ranking


class Weights(NamedTuple):
    """Of the three terms; the defaults are the published ones."""

    region: float = 1.0
    patch: float = 0.1
    inter: float = 0.04


class Terms(NamedTuple):
    """Weighted scalars; total is their sum."""

    total: Tensor
    region: Tensor
    patch: Tensor
    inter: Tensor


def triplet(rows: Tensor, margin: float) -> tuple[Tensor, Tensor, Tensor]:
    """Margin ranking of unit rows (3B, D), anchors, positives, negatives -> loss, near (B,), far (B,)."""
    if len(rows) % 3:
        raise ShapeError(f"{len(rows)} rows are no triplets; give anchors, positives and negatives, as many of each.")
    anchor, positive, negative = rows.chunk(3)
    near, far = (anchor * positive).sum(dim=1), (anchor * negative).sum(dim=1)
    return margin_ranking(near, far, margin), near, far


def rpf_loss(
    region: Tensor,
    patch: Tensor,
    background: Tensor,
    sets: Sets,
    *,
    margin: float = 0.2,
    weights: Weights | None = None,
    tau: float = TAU,
    alpha: float = ALPHA,
    negatives: Negatives = "everyone",
) -> Terms:
    """L = w_region T(region) + w_patch T(patch) + w_inter E-InfoNCE    RPF, stage 2 (arXiv:2305.10260), from its code

    Args:
        region, patch, background: unit rows (3B, D): anchors, positives, negatives.
        sets: which rows share attribute and value, see `lapel.losses.e_infonce`.
        margin: of both triplet losses, in cosine. tau, alpha, negatives: of E-InfoNCE.

    Raises:
        ShapeError: the rows are no triplets, or do not match.
    """
    w = weights or Weights()
    first, second = w.region * triplet(region, margin)[0], w.patch * triplet(patch, margin)[0]
    inter = w.inter * e_infonce(region, patch, background, sets, tau=tau, alpha=alpha, negatives=negatives)
    return Terms(first + second + inter, first, second, inter)
