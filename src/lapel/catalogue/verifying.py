"""Read every stored byte and say what is not as it was written."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from PIL import Image

from lapel.catalogue.columns import sizes
from lapel.catalogue.manifest import Manifest
from lapel.catalogue.models import reopen
from lapel.errors import ImageError, LapelError
from lapel.images import content_hash
from lapel.progress import Progress, Quiet
from lapel.schema import Card
from lapel.search.collection import matrix
from lapel.store import Store

TOLERANCE = 1e-3
"""How far a unit vector's length, or the sum of probabilities, may lie from 1; half-precision maps may ten times."""

HASH = re.compile(r"[0-9a-f]{32}")
MOST_NAMED = 20


@dataclass
class VerifyReport:
    """What reading everything found.

    items: rows read. problems: sentences; empty when all is well. photos: how many original photos are as they
    were, changed and missing (only when asked for; a catalogue does not need them, so these are no problems).
    """

    items: int = 0
    problems: list[str] = field(default_factory=list)
    photos: dict[str, int] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether everything is as it was written."""
        return not self.problems

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"items": self.items, "ok": self.ok, "problems": self.problems, "photos": self.photos}


def verify(
    store: Store, manifest: Manifest, folder: Path, photos: bool = False, progress: Progress | None = None
) -> VerifyReport:
    """Check files, rows, vectors, thumbnails and ids; see `VerifyReport`."""
    report, watch = VerifyReport(problems=[*store.notes]), progress or Quiet()
    report.problems += store.check()
    report.problems += _model(manifest, folder)
    names = ["id", "image", "hash", "thumb", *(name for name, width in sizes(manifest.card).items() if width)]
    seen: set[str] = set()
    try:
        for _, batch in store.scan([*names, *store.columns]):
            for problem in _rows(batch, manifest, seen):
                report.problems.append(problem)
            report.items += len(batch)
            watch.advance(len(batch))
        if report.items != store.count():
            report.problems.append(f"{store.count()} items are counted, {report.items} could be read.")
    except (OSError, RuntimeError, ValueError, LapelError) as error:
        reason = " ".join(str(error).split())[:300]
        report.problems.append(f"Reading stopped after {report.items} items: {reason}.")
    if photos:
        report.photos = _originals(store)
    return report


def _model(manifest: Manifest, folder: Path) -> list[str]:
    if manifest.source == "given":
        return []
    try:
        reopen(manifest, folder)
    except LapelError as error:
        return [str(error)]
    return []


def _rows(batch: pa.RecordBatch, manifest: Manifest, seen: set[str]) -> Iterator[str]:
    ids = batch["id"].to_pylist()
    wrong: dict[str, list[str]] = {}

    def note(what: str, bad: NDArray[np.bool_]) -> None:
        wrong.setdefault(what, []).extend(ids[row] or "(no id)" for row in np.flatnonzero(bad))

    note("comes twice or has no id", np.array([not item or item in seen for item in ids], dtype=bool))
    seen.update(ids)
    note("has no content hash", np.array([not HASH.fullmatch(text or "") for text in batch["hash"].to_pylist()]))
    note("has a thumbnail that is no picture", np.array([not _shows(thumb.as_py()) for thumb in batch["thumb"]]))
    for what, bad in _vectors(batch, manifest.card):
        note(what, bad)
    for what, named in wrong.items():
        if named:
            more = f" and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
            yield f"{len(named)} of these {what}: {', '.join(named[:MOST_NAMED])}{more}."


def _vectors(batch: pa.RecordBatch, card: Card) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """(what is wrong, which rows) by vector column; a missing vector is zeros, or null where that is allowed."""
    n, k = len(batch), len(card.vocabulary)
    blocks = matrix(batch["all"]).reshape(n, k, card.dim)
    for number, name in enumerate(card.vocabulary.names):
        yield f"have an embedding of '{name}' that is not of unit length", _not_unit(blocks[:, number])
    yield "have a whole-look embedding that is not of unit length", _not_unit(matrix(batch["look"]))
    if "composed" in batch.schema.names and batch["composed"].null_count == 0:
        yield "have a composed embedding that is not of unit length", _not_unit(matrix(batch["composed"]))
    maps = matrix(batch["regions"]).astype(np.float32).reshape(n, k, -1)
    yield "have a region map that does not sum to 1", np.asarray(_not_one(maps, 10 * TOLERANCE).any(axis=1))
    if card.vocabulary.width:
        values = matrix(batch["values"])
        parts = [_not_one(values[:, part], TOLERANCE) for part in card.vocabulary.slices if part.stop > part.start]
        yield "have value probabilities that do not sum to 1", np.asarray(np.stack(parts).any(axis=0))


def _not_unit(vectors: NDArray[Any]) -> NDArray[np.bool_]:
    with np.errstate(all="ignore"):
        norms = np.linalg.norm(vectors.astype(np.float64), axis=-1)
    return np.asarray(~((np.abs(norms - 1) < TOLERANCE) | (norms == 0)))


def _not_one(parts: NDArray[Any], tolerance: float) -> NDArray[np.bool_]:
    with np.errstate(all="ignore"):
        sums = parts.astype(np.float64).sum(axis=-1)
    good = (np.abs(sums - 1) < tolerance) & (parts >= 0).all(axis=-1)
    return np.asarray(~(good | (parts == 0).all(axis=-1)))


def _shows(thumb: bytes | None) -> bool:
    try:
        with Image.open(io.BytesIO(thumb or b"")) as picture:
            picture.load()
    except (OSError, SyntaxError, ValueError):
        return False
    return True


def _originals(store: Store) -> dict[str, int]:
    """How the photos that the items were made from look now."""
    found = {"as they were": 0, "changed": 0, "missing": 0}
    for row in store.table(["image", "hash"]).to_pylist():
        if not os.path.isfile(row["image"]):
            found["missing"] += 1
            continue
        try:
            same = content_hash(row["image"]) == row["hash"]
        except ImageError:
            same = False
        found["as they were" if same else "changed"] += 1
    return found
