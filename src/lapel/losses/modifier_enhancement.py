"""What the enhanced text tower learns from. The paper states no loss for it; all of this is our choice."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import normalize

from lapel.losses.query_target import SCALE, query_target


def modifier_enhancement(
    reference: Tensor, text: Tensor, target: Tensor, aligned: Tensor | None = None, weight: float = 0.5
) -> Tensor:
    """Retrieval by the sum of picture and text, plus `weight` times retrieval by the alignment branch alone.

    The first term is the stage-1 loss of CLIP4Cir (Baldrati et al., CVPR 2022): query = L2(reference + text). The
    second pulls the alignment branch's vector to the target's; the target is never an input.

    Args:
        reference, text, target, aligned: (B, d) CLIP vectors, not normalised; aligned None leaves its term out.

    Returns:
        Scalar.
    """
    wanted = normalize(target, dim=-1)
    loss = query_target(normalize(normalize(reference, dim=-1) + normalize(text, dim=-1), dim=-1), wanted, SCALE)
    return loss if aligned is None else loss + weight * query_target(normalize(aligned, dim=-1), wanted, SCALE)
