"""Checkpoints: one safetensors file that holds the weights, the card, and what a run needs to go on.

Tensors are named `model.*` and, where a run stored more, `extra.*`; the metadata holds `lapel_format`, `card` and
`info` as JSON. Nothing in the file can run code.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from lapel.errors import CheckpointError
from lapel.models.attribute_model import AttributeModel
from lapel.models.registry import build
from lapel.schema import Card

FORMAT = "1"


@dataclass(frozen=True)
class Checkpoint:
    """What a file holds. state: the model's tensors by name; extra and info: what `save` was given."""

    card: Card
    state: dict[str, Tensor]
    extra: dict[str, Tensor]
    info: dict[str, Any]


def state_sha256(state: Mapping[str, Tensor]) -> str:
    """sha256 over names, types, shapes and bytes, in the order of names."""
    digest = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\0".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def save(
    path: str | Path,
    model: nn.Module,
    card: Card,
    extra: Mapping[str, Tensor] | None = None,
    info: Mapping[str, Any] | None = None,
    half: bool = False,
) -> Card:
    """Write a checkpoint; a reader sees the old file or the new one, never a half.

    Args:
        half: store matrices and convolutions in 16 bits, rounded to 11; `read` gives them back in 32, and the card's
            hash is of these. What has one number a channel stays whole: batch norm's variances can be very small.

    Returns:
        The card as stored, with `weights_sha256` of these weights.

    Raises:
        OSError: the disk refuses; an earlier file at `path` stays.
    """
    path = Path(path)
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    short = {name for name, tensor in state.items() if half and tensor.dtype == torch.float32 and tensor.ndim > 1}
    state = {name: tensor.half().float() if name in short else tensor for name, tensor in state.items()}
    card = card.with_(weights_sha256=state_sha256(state))
    tensors = {f"model.{name}": tensor.half() if name in short else tensor for name, tensor in state.items()}
    tensors |= {f"extra.{name}": tensor.detach().cpu().contiguous() for name, tensor in (extra or {}).items()}
    # Two names may share one storage (a tied weight); safetensors wants each on its own.
    tensors = {name: tensor.clone() for name, tensor in tensors.items()}
    metadata = {"lapel_format": FORMAT, "card": card.to_json(), "info": json.dumps(dict(info or {}))}
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    os.close(handle)
    try:
        save_file(tensors, temporary, metadata)
        with open(temporary, "rb") as written:
            os.fsync(written.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return card


def read_card(path: str | Path) -> Card:
    """The card alone; no tensor is read.

    Raises:
        CheckpointError: no such file, not a Lapel checkpoint, or of another format.
    """
    with _opened(Path(path)) as (metadata, _):
        return _card(Path(path), metadata)


def read(path: str | Path) -> Checkpoint:
    """Everything a checkpoint holds, as tensors; what is stored in 16 bits comes in 32.

    Raises:
        CheckpointError: as `read_card`.
    """
    with _opened(Path(path)) as (metadata, file):
        card = _card(Path(path), metadata)
        tensors = {name: _whole(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118 - not a dict
    state = {n.removeprefix("model."): t for n, t in tensors.items() if n.startswith("model.")}
    extra = {n.removeprefix("extra."): t for n, t in tensors.items() if n.startswith("extra.")}
    return Checkpoint(card, state, extra, json.loads(metadata.get("info", "{}")))


def load(path: str | Path) -> tuple[AttributeModel, Card]:
    """The model in eval mode, and its card.

    Raises:
        CheckpointError: as `read_card`; or the tensors are not those of the card's architecture, or were changed.
    """
    stored = read(path)
    if state_sha256(stored.state) != stored.card.weights_sha256:
        raise CheckpointError(f"{path}: the weights are not those its card was written for; get the file again.")
    model = build(stored.card)
    try:
        model.load_state_dict(stored.state)
    except RuntimeError as error:
        detail = " ".join(str(error).split())[:300]
        raise CheckpointError(f"{path} is of another architecture than its card says: {detail}") from error
    return model.eval(), stored.card


def _whole(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.dtype == torch.float16 else tensor


class _opened:
    """safe_open whose every failure is a CheckpointError sentence."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> tuple[dict[str, str], Any]:
        if not self.path.is_file():
            raise CheckpointError(f"No checkpoint at '{self.path}'.")
        try:
            self.file = safe_open(str(self.path), framework="pt")
            opened = self.file.__enter__()
        except (SafetensorError, OSError, ValueError) as error:
            raise CheckpointError(
                f"'{self.path}' is not a Lapel checkpoint (.safetensors). "
                "A published .pth.tar is read by `lapel import`."
            ) from error
        return dict(opened.metadata() or {}), opened

    def __exit__(self, *stop: Any) -> None:
        self.file.__exit__(*stop)


def _card(path: Path, metadata: dict[str, str]) -> Card:
    found = metadata.get("lapel_format")
    if found is None or "card" not in metadata:
        raise CheckpointError(f"'{path}' holds tensors but no Lapel card; it was not written by Lapel.")
    if found != FORMAT:
        raise CheckpointError(
            f"'{path}' has checkpoint format {found}; this version of Lapel reads format {FORMAT}. "
            "Use the version that wrote it, or train again."
        )
    return Card.from_json(metadata["card"])
