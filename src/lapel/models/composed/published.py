"""FashionERN's saved weights: the names that the published code gives, and ours.

The authors released no checkpoint; a file that their code writes is the bare state dict and holds CLIP twice, under
`image_clip.clip_model.` and `text_clip.clip_model.`. An earlier layout calls two parts otherwise (`EARLIER`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from lapel.errors import CheckpointError
from lapel.models.composed.fashionern import FashionERN

BERT = "DVR.transformer_layer.bert_encoder.bert_model."
EARLIER = {"DVR.transformer_before.": "DVR.transformer_layer.", "DVR.cross_attention.": "DVR.MR_component."}
CLIP = ("image_clip.clip_model.", "text_clip.clip_model.")
UNUSED = (
    f"{BERT}pooler.",
    f"{BERT}embeddings.position_ids",
    "DVR.transformer_layer.cls_token",
    "DVR.transformer_after.",
)
"""Saved but read by nothing: BERT's pooler and place numbers, the zero vector, an unused copy of the encoder."""

PARTS = {
    "DVR.MR_component.": "modifier_guided.",
    "DVR.SR_module.": "self_guided.",
    "DVR.combiner_global.": "global_combiner.",
    "DVR.combiner_local.": "local_combiner.",
    "DVR.combiner.": "combiner.",
    "SR_module.": "target_guided.",
    "Combiner_module.": "target_combiner.",
    f"{BERT}embeddings.": "interaction.",
    f"{BERT}encoder.layer.": "interaction.layers.",
}
INSIDE = {
    "position_embeddings.": "positions.",
    "token_type_embeddings.": "kinds.",
    "attention.self.": "",
    "attention.output.dense.": "out.",
    "attention.output.LayerNorm.": "attention_norm.",
    "intermediate.dense.": "up.",
    "output.dense.": "down.",
    "output.LayerNorm.": "norm.",
    "LayerNorm.": "norm.",
    "embedding_local.0.": "local.",
    "embedding_local.1.": "local_norm.",
    "embedding_global.0.": "overall.",
    "embedding_global.1.": "overall_norm.",
    "embedding_common.": "common.",
    "dynamic_scalar.0.": "hidden.",
    "dynamic_scalar.3.": "scalar.",
    "text_projection_layer.0.": "text.",
    "image_projection_layer.0.": "image.",
}


def our_name(published: str) -> str | None:
    """Our name of one saved tensor; None for those that nothing reads (CLIP's included).

    Raises:
        CheckpointError: a name that the published code does not write.
    """
    for theirs, later in EARLIER.items():
        if published.startswith(theirs):
            published = later + published.removeprefix(theirs)
    if published.startswith((*CLIP, *UNUSED)):
        return None
    for theirs, ours in PARTS.items():
        if published.startswith(theirs):
            number, rest = re.fullmatch(r"((?:\d+\.)?)(.*)", published.removeprefix(theirs)).groups()  # type: ignore[union-attr]
            for word, meant in INSIDE.items():
                if rest.startswith(word):
                    rest = meant + rest.removeprefix(word)
                    break
            return ours + number + rest
    raise CheckpointError(f"The file has '{published}', which FashionERN's code does not write.")


def load_fashionern(state: Mapping[str, Tensor], dropout: float | None = None) -> tuple[FashionERN, dict[str, str]]:
    """The second stage that a saved state dict belongs to.

    Args:
        state: names as the published code saves them.

    Returns:
        The model in eval mode, and published name -> our name of every tensor that it uses.

    Raises:
        CheckpointError: a name too many or too few, or a shape of another size.
    """
    names = {theirs: ours for theirs in state if (ours := our_name(theirs)) is not None}
    table = next((state[theirs] for theirs, ours in names.items() if ours == "interaction.positions.weight"), None)
    if table is None:
        raise CheckpointError("The file has no interaction encoder; it is not of FashionERN's second stage.")
    model = FashionERN(int(table.shape[1]), dropout=dropout)
    found = {name: state[theirs] for theirs, name in names.items()}
    wanted = model.state_dict()
    if wrong := sorted(set(wanted) ^ set(found)):
        verb = "lacks" if wrong[0] in wanted else "has"
        raise CheckpointError(f"The file {verb} '{wrong[0]}' (and {len(wrong) - 1} more); it is not of FashionERN.")
    for name, value in found.items():
        if value.shape != wanted[name].shape:
            raise CheckpointError(
                f"'{name}' is {tuple(value.shape)}; d = {model.dim} needs {tuple(wanted[name].shape)}."
            )
    model.load_state_dict(found)
    return model.eval(), names
