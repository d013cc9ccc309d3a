"""ViT weights in Google's names and layouts, small and random, made by the tests."""

from __future__ import annotations

import numpy as np

from lapel.models.rpf_patch import PatchSize


def google(size: PatchSize, seed: int = 1) -> dict[str, np.ndarray]:
    """A ViT file of another size, in Google's names and layouts."""
    rng = np.random.default_rng(seed)
    per = size.width // size.heads

    def drawn(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape).astype(np.float32)

    made = {
        "embedding/kernel": drawn(size.patch, size.patch, 3, size.width),
        "embedding/bias": drawn(size.width),
        "cls": drawn(1, 1, size.width),
        "Transformer/posembed_input/pos_embedding": drawn(1, size.tokens + 1, size.width),
        "Transformer/encoder_norm/scale": drawn(size.width),
    }
    for i in range(size.layers):
        block, attention = f"Transformer/encoderblock_{i}", "MultiHeadDotProductAttention_1"
        for part in ("query", "key", "value"):
            made[f"{block}/{attention}/{part}/kernel"] = drawn(size.width, size.heads, per)
            made[f"{block}/{attention}/{part}/bias"] = drawn(size.heads, per)
        made[f"{block}/{attention}/out/kernel"] = drawn(size.heads, per, size.width)
        made[f"{block}/{attention}/out/bias"] = drawn(size.width)
        made[f"{block}/MlpBlock_3/Dense_0/kernel"], made[f"{block}/MlpBlock_3/Dense_0/bias"] = (
            drawn(size.width, size.mlp),
            drawn(size.mlp),
        )
        made[f"{block}/MlpBlock_3/Dense_1/kernel"], made[f"{block}/MlpBlock_3/Dense_1/bias"] = (
            drawn(size.mlp, size.width),
            drawn(size.width),
        )
        for layer in ("LayerNorm_0", "LayerNorm_2"):
            made[f"{block}/{layer}/scale"], made[f"{block}/{layer}/bias"] = drawn(size.width), drawn(size.width)
    return made
