"""E-InfoNCE: the region branch's rows against the patch branch's, with background rows as extra negatives."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor
from torch.nn import functional as F

from lapel.errors import InputError, ShapeError

Kind = Literal["published", "positives", "self", "self_alone"]
"""Types 1 to 4 of the published function, in that order; only the first is ever trained with."""

Negatives = Literal["everyone", "attribute"]
"""Which rows the denominator holds: those of every attribute (the code), or of the anchor's attribute alone."""

TAU, ALPHA = 0.07, 12.0


class Sets(NamedTuple):
    """P and A, both (N, N) bool: rows of the same attribute and value, and rows of the same attribute.

    Each row is in its own sets.
    """

    value: Tensor
    attribute: Tensor


def same_value(attributes: Tensor, values: Tensor) -> Sets:
    """The sets of rows of one value each, as published. attributes, values: (N,) int64."""
    same = attributes[:, None] == attributes[None, :]
    return Sets(same & (values[:, None] == values[None, :]), same)


def shared_value(attributes: Tensor, held: Tensor) -> Sets:
    """The sets of rows that may hold several values: in P are those that share one.

    attributes: (N,) int64. held: (N, W) bool, the values of the row's own attribute, W at least the most values that
    one has. With one value a row it is `same_value`.
    """
    same = attributes[:, None] == attributes[None, :]
    itself = torch.eye(len(held), dtype=torch.bool, device=held.device)
    return Sets(same & ((held.float() @ held.float().T) > 0) | itself, same)


def e_infonce(
    region: Tensor,
    patch: Tensor,
    background: Tensor,
    sets: Sets,
    *,
    tau: float = TAU,
    alpha: float = ALPHA,
    kind: Kind = "published",
    negatives: Negatives = "everyone",
) -> Tensor:
    """The contrastive loss of RPF (Dong et al., SIGIR 2023, arXiv:2305.10260), from its code.

    With unit rows r, p, b, S_ij = r_i . p_j / tau and T_ij = r_i . b_j / tau, P(i) the rows of i's attribute and
    value and A(i) those of i's attribute (i is in both):

        published:   log( sum_{all j} e^S_ij + B_i ) - log sum_{j in P(i)} e^S_ij
        positives:   log( sum_{j in P(i)} e^S_ij + B_i ) - log sum_{j in P(i)} e^S_ij
        self:        log( e^(r_i . r_i) + sum_{j not in P(i)} e^S_ij + B_i ) - r_i . r_i
        self_alone:  log( e^(r_i . r_i) + B_i ) - r_i . r_i         with B_i = alpha * sum_{j in A(i)} e^T_ij

    averaged over i. Only region looks at patch; there is no term the other way.

    Differs from the code: sums of exponentials are taken by logsumexp, in float32 whatever comes in and outside any
    autocast, so that no exponential overflows in half precision; rows outside a set are left out rather than given a
    similarity of -10000. `negatives="attribute"` is the other reading of the paper: "all j" and "j not in P(i)" range
    over A(i) alone, so that rows of other attributes, with which a photo is not compared, are no negatives.

    Args:
        region, patch, background: (N, D), of any length: anchors, then positives, then negatives as published.
        sets: `same_value` or `shared_value` of the rows; a negative keeps its own value.
        tau: temperature, above 0. alpha: weight of the background rows, at least 0.

    Returns:
        Scalar, float32 (float64 for float64 rows). "published" and "positives" are at least 0.

    Raises:
        ShapeError: the three do not match, or the sets are of another number of rows.
        InputError: unknown `kind` or `negatives`, a tau that is not above 0, or a negative alpha.
    """
    _check(region, patch, background, sets, tau, alpha, kind, negatives)
    with torch.autocast(region.device.type, enabled=False):
        r, p, b = (_rows(rows) for rows in (region, patch, background))
        positive, same_attribute = sets
        admitted = same_attribute if negatives == "attribute" else torch.ones_like(positive)
        to_patch, itself = r @ p.T / tau, (r * r).sum(dim=1)
        far = _log_sum(r @ b.T / tau, same_attribute)
        # log(0) = -inf: without background rows the term is left out rather than weighted by nothing.
        terms = [far + torch.log(far.new_tensor(alpha))] if alpha else []
        if kind in ("published", "positives"):
            near = _log_sum(to_patch, positive)
            terms.append(_log_sum(to_patch, admitted) if kind == "published" else near)
        else:
            near = itself
            terms.append(itself)
            if kind == "self" and (others := admitted & ~positive).any():
                terms.append(_log_sum(to_patch, others))
        return (torch.stack(terms).logsumexp(dim=0) - near).mean()


def _rows(rows: Tensor) -> Tensor:
    """Unit rows in at least float32; scaled by their greatest part first, so that no square overflows.

    A row of zeros stays one and gets no gradient: it has no direction to be turned in.
    """
    rows = rows.float() if rows.dtype.itemsize < 4 else rows
    greatest = rows.detach().abs().amax(dim=1, keepdim=True)
    empty = greatest == 0
    return F.normalize(rows / greatest.masked_fill(empty, 1), dim=1).masked_fill(empty, 0)


def _log_sum(scores: Tensor, chosen: Tensor) -> Tensor:
    """(N, N) scores -> (N,) log of the sum of exponentials over the chosen columns; a row without any is very low.

    The lowest finite number stands for log 0: an infinity would make a gradient that is no number.
    """
    return scores.masked_fill(~chosen, torch.finfo(scores.dtype).min / 4).logsumexp(dim=1)


def _check(
    region: Tensor,
    patch: Tensor,
    background: Tensor,
    sets: Sets,
    tau: float,
    alpha: float,
    kind: str,
    negatives: str,
) -> None:
    if region.ndim != 2 or not region.shape == patch.shape == background.shape:
        shapes = ", ".join(str(tuple(rows.shape)) for rows in (region, patch, background))
        raise ShapeError(f"E-InfoNCE compares three (N, D) of one shape; given {shapes}.")
    square = (len(region), len(region))
    if sets.value.shape != square or sets.attribute.shape != square:
        raise ShapeError(
            f"{len(region)} rows need two sets of {square}; "
            f"given {tuple(sets.value.shape)}, {tuple(sets.attribute.shape)}."
        )
    if kind not in get_args(Kind):
        raise InputError(f"E-InfoNCE has no kind '{kind}'; it has {', '.join(get_args(Kind))}.")
    if negatives not in get_args(Negatives):
        raise InputError(f"E-InfoNCE knows no negatives '{negatives}'; it knows {', '.join(get_args(Negatives))}.")
    if not tau > 0 or alpha < 0:
        raise InputError(f"E-InfoNCE needs tau above 0 and alpha at least 0; given tau {tau:g}, alpha {alpha:g}.")
