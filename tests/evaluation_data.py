"""A small labelled table and embeddings of it, with every difficulty of real ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from lapel.schema import Card, EmbeddingTable, ItemTable, Outputs, Preprocess, Vocabulary

VALUES = {"neckline": ("v", "round", "square"), "pattern": ("plain", "stripe", "floral"), "rare": ("yes", "no")}


def make_items(n: int = 60, seed: int = 0, **columns: list[str | None]) -> ItemTable:
    rng = np.random.default_rng(seed)
    neckline = [VALUES["neckline"][v] if v < 3 else None for v in rng.integers(0, 4, n)]
    pattern = [("plain", "stripe", "floral", "stripe|floral", None)[v] for v in rng.integers(0, 5, n)]
    table = {
        "id": [f"item-{i}" for i in range(n)],
        "image": [f"images/{i}.png" for i in range(n)],
        "split": ["test" if i % 4 else "train" for i in range(n)],
        "neckline": neckline,
        "pattern": pattern,
        "rare": ["yes"] + [None] * (n - 1),  # the only label lies in train
        "role": ["query" if i % 3 == 0 else "gallery" for i in range(n)],
        "price": list(range(n)),
        **columns,
    }
    return ItemTable(pa.table(table), Vocabulary.of(VALUES), Path("."), "small")


def make_card(vocabulary: Vocabulary, dim: int = 8, name: str = "toy") -> Card:
    return Card(name, "toy", "none", vocabulary, Preprocess(16, 16), dim, dim, (1, 1), weights_sha256="0" * 64)


def make_table(items: ItemTable, seed: int = 0, dim: int = 8, signal: float = 1.0) -> EmbeddingTable:
    """Drawn unit vectors in which each attribute's first value leans one way by `signal`."""
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((len(items), len(items.vocabulary), dim)).astype(np.float32)
    for k, name in enumerate(items.vocabulary.names):
        hot = items.labels(name).multi_hot
        vectors[:, k, : hot.shape[1]] += signal * hot
    vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
    width = items.vocabulary.width
    outputs = Outputs(
        vectors,
        np.ones((len(items), len(items.vocabulary), 1, 1), np.float32),
        np.full((len(items), width), 1 / 3, np.float32),
        np.ascontiguousarray(vectors[:, 0]),
    )
    return EmbeddingTable(items.ids, outputs, make_card(items.vocabulary, dim))
