"""A tiny model that was taught words: a BERT-like encoder in a folder, tiny photos, a checkpoint with a head."""

from __future__ import annotations

import json
from pathlib import Path

from training_data import ATTRIBUTES, tiny_set

WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "in",
    "the",
    "but",
    "with",
    "a",
    "for",
    "of",
    "to",
    "it",
    "make",
    "same",
    "instead",
    "change",
    "replace",
    "colour",
    "pattern",
    "red",
    "blue",
    "green",
    "plain",
    "stripe",
    "clothing",
    "##s",
    "##d",
    ",",
    "-",
    "show",
]
HIDDEN, HEADS, INNER = 16, 2, 24


def tiny_encoder(folder: Path) -> Path:
    """vocab.txt, config.json and model.safetensors of a random encoder of one layer."""
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True)
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    config = {
        "hidden_size": HIDDEN, "num_hidden_layers": 1, "num_attention_heads": HEADS, "intermediate_size": INNER,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    torch.manual_seed(0)
    shapes = {"attention.self.query": (HIDDEN, HIDDEN), "attention.self.key": (HIDDEN, HIDDEN)}
    shapes |= {"attention.self.value": (HIDDEN, HIDDEN), "attention.output.dense": (HIDDEN, HIDDEN)}
    shapes |= {"intermediate.dense": (INNER, HIDDEN), "output.dense": (HIDDEN, INNER)}
    state = {f"encoder.layer.0.{name}.weight": torch.randn(shape) * 0.4 for name, shape in shapes.items()}
    state |= {f"encoder.layer.0.{name}.bias": torch.randn(shape[0]) * 0.1 for name, shape in shapes.items()}
    for name in (
        "encoder.layer.0.attention.output.LayerNorm",
        "encoder.layer.0.output.LayerNorm",
        "embeddings.LayerNorm",
    ):
        state |= {f"{name}.weight": 1 + 0.1 * torch.randn(HIDDEN), f"{name}.bias": 0.1 * torch.randn(HIDDEN)}
    state["embeddings.word_embeddings.weight"] = torch.randn(len(WORDS), HIDDEN)
    state["embeddings.position_embeddings.weight"] = torch.randn(8, HIDDEN) * 0.3
    state["embeddings.token_type_embeddings.weight"] = torch.randn(2, HIDDEN) * 0.3
    save_file({f"bert.{name}": part for name, part in state.items()}, folder / "model.safetensors")
    return folder


def base_checkpoint(path: Path) -> Path:
    """A model of color and pattern at 32 x 32, random weights, no words."""
    import torch

    from lapel.models import checkpoint
    from lapel.models.cards import new_card
    from lapel.models.registry import build
    from lapel.schema import Preprocess, Vocabulary

    torch.manual_seed(0)
    card = new_card(
        name="tiny",
        system="asen_v2",
        backbone="test_resnet",
        vocabulary=Vocabulary.of({name: list(values) for name, values in ATTRIBUTES.items()}),
        preprocess=Preprocess(32, 32, "stretch", 32),
        weights="random",
        dim=16,
    )
    checkpoint.save(path, build(card).eval(), card)
    return path


def small_settings(**changes: object) -> object:
    """Settings that teach in a second."""
    from lapel.training.words import Settings

    small = {"dim": 16, "axes": 12, "width": 12, "epochs": 6, "system_epochs": 2, "batch": 24, "rate": 1e-2}
    return Settings(**(small | changes))  # type: ignore[arg-type]


def speaking_checkpoint(folder: Path, **changes: object) -> Path:
    """`folder/words.safetensors`, taught on `folder/set`; the model without words is `folder/base.safetensors`."""
    from lapel.datasets import read
    from lapel.models import checkpoint
    from lapel.models.composed.static_words import static_words
    from lapel.training.words import save_taught, teach

    model, card = checkpoint.load(base_checkpoint(folder / "base.safetensors"))
    items = read(tiny_set(folder / "set", 72))
    taught = teach(model, card, [items], static_words(tiny_encoder(folder / "encoder")), small_settings(**changes))
    save_taught(folder / "words.safetensors", model, card, taught)
    return folder / "words.safetensors"
