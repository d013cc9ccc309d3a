"""What a composed run trains and stores: a system over frozen features and, where asked, the enhanced text tower."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lapel.errors import CheckpointError
from lapel.images.patches import clip_preprocess
from lapel.models import checkpoint
from lapel.models.composed.loading import Clip, load_clip
from lapel.models.composed.systems import build_composed
from lapel.models.composed.tme import BRANCHES, EnhancedText
from lapel.schema import Card, Vocabulary

KIND = "composed"


class ComposedNetwork(nn.Module):
    """system and, with TME, `text`; dim: d of the features. CLIP is neither of them nor saved with them.

    Features are rows: a picture's vector, then its 13 crops' (none for a system that does not look closely); a text's
    vector, then its 77 words' states.
    """

    def __init__(self, clip: Clip, system: str, options: Mapping[str, Any], enhanced: Mapping[str, Any] | None) -> None:
        super().__init__()
        self.dim = clip.towers.dim
        self.system = build_composed(system, clip.towers.dim, **options)
        self.text = None if enhanced is None else EnhancedText(clip.towers, **enhanced)

    def query(self, picture: Tensor, text: Tensor) -> Tensor:
        """(B, 1 + P, d), (B, 1 + T, d) -> (B, C), unit length."""
        return self.system.query(picture[:, 0], picture[:, 1:], text[:, 0], text[:, 1:])

    def target(self, picture: Tensor) -> Tensor:
        """(B, 1 + P, d) -> (B, C), unit length."""
        return self.system.target(picture[:, 0], picture[:, 1:])


def composed_card(
    name: str, clip: Clip, system: str, options: Mapping[str, Any], enhanced: Mapping[str, Any] | None
) -> Card:
    """The card of a composed network; `architecture` holds all that `load_composed` needs."""
    architecture = {
        "kind": KIND, "clip": clip.name, "weights": clip.weights, "clip_sha256": clip.sha256,
        "options": dict(options), "enhanced": None if enhanced is None else dict(enhanced),
    }  # fmt: skip
    ours = (
        ""
        if enhanced is None
        else "The enhanced text tower (TME) is re-created: layers, gates, places of norms and its loss are our choice; "
        f"branches {', '.join(enhanced.get('branches', BRANCHES))}."
    )
    return Card(
        name, system, clip.label, Vocabulary(()), clip_preprocess(clip.size), clip.towers.dim, 0, (0, 0),
        composed_dim=clip.towers.dim, pretrained=f"{clip.name} {clip.weights}", architecture=architecture, notes=ours,
    )  # fmt: skip


def is_composed(card: Card) -> bool:
    """Whether a card is of a composed network."""
    return card.architecture.get("kind") == KIND


def load_composed(path: str | Path, weights: str | None = None) -> tuple[ComposedNetwork, Clip, Card]:
    """A trained network in eval mode, and the CLIP it reads.

    weights: where CLIP's weights are, if not where training found them.

    Raises:
        CheckpointError: not a composed checkpoint; CLIP's weights are not on this machine, or are other ones.
    """
    stored = checkpoint.read(path)
    asked = stored.card.architecture
    if not is_composed(stored.card):
        raise CheckpointError(f"'{path}' is '{stored.card.system}', which is no model of composed retrieval.")
    clip = load_clip(asked["clip"], weights or asked["weights"])
    if clip.sha256 != asked["clip_sha256"]:
        raise CheckpointError(
            f"'{stored.card.name}' was trained over other weights of CLIP '{asked['clip']}' than '{clip.weights}' "
            f"holds ({asked['clip_sha256'][:12]}, here {clip.sha256[:12]}). Name the file it was trained with."
        )
    network = ComposedNetwork(clip, stored.card.system, asked["options"], asked["enhanced"])
    network.load_state_dict(stored.state)
    return network.eval(), clip, stored.card


def baseline(clip: Clip, system: str) -> tuple[ComposedNetwork, Card]:
    """A system that has nothing to learn: image, text or sum."""
    network = ComposedNetwork(clip, system, {}, None)
    if network.system.learns:
        raise CheckpointError(f"'{system}' must be trained first: lapel train; only image, text and sum need not be.")
    card = composed_card(f"{system} of {clip.name} {clip.weights}", clip, system, {}, None)
    return network.eval(), card.with_(weights_sha256=checkpoint.state_sha256(network.state_dict()))


@torch.no_grad()
def enhanced_rows(text: EnhancedText, tokens: Tensor, pictures: Tensor) -> Tensor:
    """Tokens (B, 77) and the references' rows (B, 1 + 13, d) -> text rows (B, 1 + 77, d)."""
    found = text(tokens, pictures[:, 1:])
    return torch.cat([found.vector[:, None], found.words], dim=1)
