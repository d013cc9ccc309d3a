"""Google's ViT weights (`.npz`, ImageNet-21k) into RPF's patch branch."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lapel.errors import CheckpointError
from lapel.models.rpf_patch import PatchBranch

Arrays = Mapping[str, NDArray[Any]]

ATTENTION = "MultiHeadDotProductAttention_1"


def read_vit_npz(path: str | Path) -> dict[str, NDArray[Any]]:
    """The arrays of a `.npz`, read without running anything that the file may hold.

    Raises:
        CheckpointError: no such file, no `.npz`, or one with Python objects in it.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"No ViT weights at '{path}'; RPF takes Google's ViT-B/16 at 224 pixels (.npz).")
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (ValueError, OSError, EOFError, AttributeError, zipfile.BadZipFile, KeyError) as error:
        raise CheckpointError(
            f"'{path}' is no .npz of plain arrays, so it is not loaded. Get Google's ViT-B/16 file again."
        ) from error


def load_vit(branch: PatchBranch, arrays: Arrays) -> None:
    """Put Google's weights into the branch, in place.

    Taken over, as published: patch and position embeddings, and of each block attention, MLP and both norms. Left
    out, as published: the cls token (it starts at zero), the encoder's final norm and the classifier.

    Differs from the code: a position table of another size is refused; there it is skipped without a word.

    Raises:
        CheckpointError: an array is missing, of another shape, or holds values that are no numbers.
    """
    own = branch.state_dict()
    made = dict(_converted(branch, arrays))
    for name, value in made.items():
        if value.shape != own[name].shape:
            raise CheckpointError(
                f"The ViT file's '{name}' is {tuple(value.shape)} for a branch that needs {tuple(own[name].shape)}. "
                f"This branch reads crops of {branch.size.side} pixels in patches of {branch.size.patch}, "
                f"{branch.size.width} wide; the published one is ViT-B/16 at 224 pixels."
            )
        if not value.isfinite().all():
            raise CheckpointError(f"The ViT file's '{name}' holds values that are no numbers.")
    branch.load_state_dict(made, strict=False)


def _converted(branch: PatchBranch, arrays: Arrays) -> Iterator[tuple[str, Tensor]]:
    """(name in the branch, tensor) of everything that is taken over."""
    yield "embeddings.patch_embeddings.weight", _get(arrays, "embedding/kernel", 4).permute(3, 2, 0, 1)
    yield "embeddings.patch_embeddings.bias", _get(arrays, "embedding/bias", 1)
    yield "embeddings.position_embeddings", _get(arrays, "Transformer/posembed_input/pos_embedding", 3)
    for i in range(branch.size.layers):
        theirs, ours = f"Transformer/encoderblock_{i}", f"encoder.layer.{i}"
        for part in ("query", "key", "value", "out"):
            kernel = _get(arrays, f"{theirs}/{ATTENTION}/{part}/kernel", 3)
            # Heads lie beside one another: query, key and value (width, heads, per head), out (heads, per head, width).
            flat = kernel.flatten(1) if part != "out" else kernel.flatten(0, 1)
            yield f"{ours}.attn.{part}.weight", flat.T
            yield f"{ours}.attn.{part}.bias", _get(arrays, f"{theirs}/{ATTENTION}/{part}/bias").flatten()
        for part, layer in (("fc1", "Dense_0"), ("fc2", "Dense_1")):
            yield f"{ours}.ffn.{part}.weight", _get(arrays, f"{theirs}/MlpBlock_3/{layer}/kernel", 2).T
            yield f"{ours}.ffn.{part}.bias", _get(arrays, f"{theirs}/MlpBlock_3/{layer}/bias", 1)
        for part, layer in (("attention_norm", "LayerNorm_0"), ("ffn_norm", "LayerNorm_2")):
            yield f"{ours}.{part}.weight", _get(arrays, f"{theirs}/{layer}/scale", 1)
            yield f"{ours}.{part}.bias", _get(arrays, f"{theirs}/{layer}/bias", 1)


def _get(arrays: Arrays, name: str, axes: int = 0) -> Tensor:
    if name not in arrays:
        raise CheckpointError(f"The ViT file has no '{name}'; RPF takes Google's ViT-B/16 (ImageNet-21k, .npz).")
    array = arrays[name]
    if (axes and array.ndim != axes) or array.dtype.kind != "f":
        raise CheckpointError(f"The ViT file's '{name}' is {array.dtype} {array.shape}, which is no ViT-B/16 weight.")
    return torch.from_numpy(np.array(array, np.float32))  # a copy: torch must not share memory with a file's buffer
