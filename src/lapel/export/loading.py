"""Find a model by what a person would call it; PyTorch is imported only for a checkpoint."""

from __future__ import annotations

from pathlib import Path

from lapel.errors import MissingExtra, UnknownName
from lapel.runtime import CARD, open_model, shipped
from lapel.schema import Model


def load_model(name: str | Path, threads: int | None = None) -> Model:
    """A model ready to embed.

    Args:
        name: a shipped model ("lapel-lite"), a folder that `lapel export` wrote, a run folder, or a .safetensors file.
        threads: of an ONNX model's calls; None is one a core.

    Raises:
        UnknownName: none of these.
        MissingExtra: a run or checkpoint without PyTorch installed.
        ModelError: what stands there is damaged or of another format.
    """
    path = Path(name)
    if str(name) in shipped() or (path / CARD).is_file() or (path.is_dir() and (path / "model.onnx").is_file()):
        return open_model(name, threads)
    if path.is_dir() or path.is_file():
        return _load_checkpoint(path)
    raise UnknownName("model", str(name), shipped(), "This installation")


def _load_checkpoint(path: Path) -> Model:
    try:
        from lapel.export.exporting import run_checkpoint
        from lapel.models import checkpoint
        from lapel.models.adapter import TorchModel
    except ImportError as error:
        raise MissingExtra(f"Opening the checkpoint '{path}'") from error
    model, card = checkpoint.load(run_checkpoint(path))
    return TorchModel(model, card)
