"""Find a model by what a person would call it; PyTorch is imported only for a checkpoint."""

from __future__ import annotations

import os
from pathlib import Path

from lapel.errors import InputError, MissingExtra, UnknownName
from lapel.runtime import CARD, MODEL, open_model, read_card, shipped
from lapel.schema import Card, Model

CHECKPOINTS = ("best.safetensors", "last.safetensors")
"""Of a run folder, the first that is there."""


def load_model(name: str | Path, threads: int | None = None) -> Model:
    """A model ready to embed.

    Args:
        name: a shipped model ("lapel-lite"), a folder that `lapel export` wrote, a run folder, or a .safetensors file.
        threads: of an ONNX model's calls; None is one for each core that this process may use.

    Raises:
        UnknownName: a name that is not shipped.
        InputError: a path where nothing stands, or a folder that holds no model.
        MissingExtra: a run or checkpoint without PyTorch installed.
        ModelError: what stands there is damaged or of another format.
    """
    if _exported(name) is not None:
        return open_model(name, threads)
    path = run_checkpoint(_existing(name))
    try:
        from lapel.models import checkpoint
        from lapel.models.adapter import TorchModel
    except ImportError as error:
        raise MissingExtra(f"Opening the checkpoint '{path}'") from error
    return TorchModel(*checkpoint.load(path))


def load_card(name: str | Path) -> Card:
    """The card alone of what `load_model` would open; no weights are read.

    Raises:
        As `load_model`.
    """
    folder = _exported(name)
    if folder is not None:
        return read_card(folder)
    path = run_checkpoint(_existing(name))
    try:
        from lapel.models import checkpoint
    except ImportError as error:
        raise MissingExtra(f"Reading the checkpoint '{path}'") from error
    return checkpoint.read_card(path)


def run_checkpoint(path: str | Path) -> Path:
    """The checkpoint file that a path means: the file itself, or a run folder's best (else last) one.

    Raises:
        InputError: a folder without a checkpoint.
    """
    path = Path(path)
    if not path.is_dir():
        return path
    for name in CHECKPOINTS:
        if (path / name).is_file():
            return path / name
    raise InputError(
        f"'{path}' holds no model: neither {CARD} and {MODEL} (lapel export) "
        f"nor {' or '.join(CHECKPOINTS)} (lapel train)."
    )


def _exported(name: str | Path) -> Path | None:
    """The folder of a shipped or exported model; None when the name means something else."""
    if str(name) in shipped():
        return shipped()[str(name)]
    path = Path(name)
    return path if (path / CARD).is_file() or (path / MODEL).is_file() else None


def _existing(name: str | Path) -> Path:
    """The path, if something stands there; else the error that fits what was typed."""
    path = Path(name)
    if path.exists():
        return path
    if path.suffix == ".safetensors" or os.sep in str(name):
        known = ", ".join(shipped()) or "none"
        raise InputError(
            f"There is no model at '{path}'. Give a folder that `lapel export` wrote, a run folder, "
            f"a .safetensors file, or a shipped model's name ({known})."
        )
    raise UnknownName("model", str(name), shipped(), "This installation")
