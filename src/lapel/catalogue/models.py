"""Which model a catalogue uses: found, copied in, and refused when it is not the one that filled it."""

from __future__ import annotations

import shutil
from pathlib import Path

from lapel.catalogue.manifest import Manifest, Source
from lapel.errors import CatalogueError, LapelError
from lapel.schema import Card, Model

FOLDER = "model"

ModelLike = str | Path | Model
"""A shipped model's name, a folder with an exported ONNX model, or a model in memory."""


def resolve(model: ModelLike) -> tuple[Model, Source, str]:
    """The model, where it comes from, and its name.

    Raises:
        UnknownName: neither a shipped name nor a folder.
    """
    from lapel.runtime import OnnxModel, open_model, shipped

    opened = open_model(model) if isinstance(model, (str, Path)) else model
    if not isinstance(opened, OnnxModel):
        return opened, "given", opened.card.name
    name = next((name for name, folder in shipped().items() if folder == opened.folder), None)
    return opened, ("copied" if name is None else "shipped"), name or opened.card.name


def copy_in(model: Model, folder: Path) -> None:
    """Copy an ONNX model's folder into a catalogue, so that the catalogue can be moved as a whole."""
    from lapel.runtime import CARD, CERTIFICATE, MODEL, OnnxModel, read_certificate

    assert isinstance(model, OnnxModel)
    target = folder / FOLDER
    target.mkdir()
    parts = read_certificate(model.folder).get("parts") or {}
    for name in (MODEL, CARD, CERTIFICATE, *parts):
        shutil.copy2(model.folder / name, target / name)


def reopen(manifest: Manifest, folder: Path) -> Model:
    """The model that filled a catalogue.

    Raises:
        CatalogueError: it is not to be had, or what stands under its name is another one.
    """
    if manifest.source == "given":
        raise CatalogueError(
            f"{folder} was filled by a model in memory ('{manifest.model_name}'). "
            "Pass that model again: Catalogue.open(path, model=...)."
        )
    from lapel.runtime import open_model

    try:
        model = open_model(manifest.model_name if manifest.source == "shipped" else folder / FOLDER)
    except LapelError as error:
        raise CatalogueError(f"{folder}: its model '{manifest.model_name}' cannot be opened. {error}") from error
    check_same(manifest.card, model.card, folder)
    return model


def check_same(filled_by: Card, offered: Card, folder: Path) -> None:
    """Refuse another model: its embeddings cannot be compared with the stored ones.

    One that is the same but for words that it was taught since then serves the catalogue on, without the words.

    Raises:
        CatalogueError: the fingerprints differ.
    """
    if filled_by.fingerprint not in (offered.fingerprint, offered.without_words.fingerprint):
        raise CatalogueError(
            f"{folder} was filled by model '{filled_by.name}' ({filled_by.fingerprint}); the model offered is "
            f"'{offered.name}' ({offered.fingerprint}), whose embeddings cannot be compared with it. "
            "Use the model that filled it, or index the photos into a new catalogue."
        )
