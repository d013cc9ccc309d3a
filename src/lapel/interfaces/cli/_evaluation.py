"""What `lapel evaluate` may be given: models by any name, data of any kind; and the right call for the pair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lapel.errors import MissingExtra

if TYPE_CHECKING:
    from lapel.evaluation import Evaluation
    from lapel.schema import ItemTable, Model

BASELINE = "imagenet:"


@dataclass(frozen=True)
class Wanted:
    """The options of `lapel evaluate`, as given; split and protocol None are the table's own defaults."""

    split: str | None = None
    protocol: str | None = None
    attributes: Sequence[str] | None = None
    skip: bool = False
    batch: int = 32
    seed: int = 0
    release: str | None = None
    images: str | None = None

    def shared(self, items: ItemTable) -> dict[str, Any]:
        """What `evaluate` and `evaluate_embeddings` both take."""
        from lapel.evaluation.protocols import usual_protocol

        protocol = self.protocol or usual_protocol(items)
        parted = "split" in items.table.column_names or items.triplets is not None
        split = self.split or ("test" if parted else "all")
        return {"split": split, "protocol": protocol, "attributes": self.attributes, "seed": self.seed}


def evaluate_anything(model: str, data: Path, wanted: Wanted) -> tuple[Evaluation, ItemTable]:
    """Open both and evaluate; a catalogue that this model filled is scored from its stored embeddings."""
    if (data / "catalogue.json").is_file():
        return _on_catalogue(model, data, wanted)
    if model.startswith(BASELINE):
        items = read_for(data, (), wanted)
        return _on_photos(_baseline(model, items), items, wanted), items
    opened = open_model(model)
    items = read_for(data, opened.card.vocabulary.names, wanted)
    return _on_photos(opened, items, wanted), items


def open_model(model: str) -> Model:
    """A model by shipped name, exported folder, run folder or checkpoint."""
    from lapel.export import load_model

    return load_model(model)


def read_for(data: Path, known: Sequence[str], wanted: Wanted) -> ItemTable:
    """The table, with the model's attributes among its own even where a column would pass for a number.

    Without this a column of years would be metadata, and a model that knows `year` could not be scored on it.
    """
    from lapel.datasets import read

    missing: Literal["skip", "strict"] = "skip" if wanted.skip else "strict"
    items = read(data, missing=missing, release=wanted.release, images=wanted.images)
    further = [n for n in (*known, *(wanted.attributes or ())) if n in items.metadata_names]
    if further and items.release is None:
        items = read(data, attributes=list(dict.fromkeys((*items.vocabulary.names, *further))), missing=missing)
    return items


def _baseline(model: str, items: ItemTable) -> Model:
    try:
        from lapel.models.pooled import imagenet_model
    except ImportError as error:
        raise MissingExtra(f"The baseline {model}") from error
    return imagenet_model(model, items.vocabulary)


def _on_photos(model: Model, items: ItemTable, wanted: Wanted) -> Evaluation:
    from lapel.evaluation import evaluate
    from lapel.progress import bar

    options = wanted.shared(items)
    total = len(items if options["split"] == "all" else items.split(options["split"]))
    with bar("Embedding", total) as progress:
        return evaluate(model, items, skip=wanted.skip, batch=wanted.batch, progress=progress, **options)


def _on_catalogue(model: str, folder: Path, wanted: Wanted) -> tuple[Evaluation, ItemTable]:
    from lapel.evaluation import evaluate_embeddings, near_duplicates
    from lapel.interfaces.cli._catalogues import open_catalogue

    catalogue = open_catalogue(folder)
    items, filled_by = catalogue.items(), catalogue.manifest.card
    if model != filled_by.name:
        opened = _baseline(model, items) if model.startswith(BASELINE) else open_model(model)
        if opened.card.fingerprint != filled_by.fingerprint:  # its photos are here all the same
            return _on_photos(opened, items, wanted), items
    options = wanted.shared(items)
    part = items if options["split"] == "all" else items.split(options["split"])
    groups = near_duplicates(part) if options["protocol"] == "each-against-rest" else None
    return evaluate_embeddings(catalogue.embeddings(), items, groups=groups, **options), items
