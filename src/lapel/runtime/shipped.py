"""The models that come inside the package, and opening any exported model by name or folder."""

from __future__ import annotations

from pathlib import Path

from lapel.errors import UnknownName
from lapel.runtime.onnx import CARD, OnnxModel

FOLDER = Path(__file__).resolve().parent.parent / "shipped"

CHECKPOINT = "checkpoint.safetensors"
"""The file of a shipped model that training continues from; nothing else reads it."""


def training_checkpoint(name: str) -> Path | None:
    """Where a shipped model's training checkpoint lies; None when it came without."""
    path = shipped()[name] / CHECKPOINT
    return path if path.is_file() else None


def shipped() -> dict[str, Path]:
    """Name -> folder of every model inside the package."""
    if not FOLDER.is_dir():
        return {}
    return {path.name: path for path in sorted(FOLDER.iterdir()) if (path / CARD).is_file()}


def open_model(name: str | Path, threads: int | None = None) -> OnnxModel:
    """A shipped model by name, or an exported one by folder.

    Raises:
        UnknownName: neither.
        ModelError: the folder holds no intact export.
    """
    if str(name) in shipped():
        return OnnxModel(shipped()[str(name)], threads)
    if Path(name).is_dir():
        return OnnxModel(name, threads)
    raise UnknownName("model", str(name), shipped(), "This installation")
