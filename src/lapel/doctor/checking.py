"""`check`: one table or folder -> a diagnosis."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lapel.datasets import RELEASES, missing_rows, read
from lapel.datasets.releases import Count, compare
from lapel.doctor.diagnosis import AttributeReport, Diagnosis, Problem
from lapel.doctor.findings import findings
from lapel.doctor.labels import attribute_report, spellings
from lapel.doctor.pictures import Pictures
from lapel.images import HashStore
from lapel.progress import Progress, Quiet
from lapel.schema import SPLITS, ItemTable


def check(
    source: str | Path | ItemTable,
    *,
    attributes: Sequence[str] | None = None,
    metadata: Sequence[str] | None = None,
    pictures: bool = True,
    workers: int = 2,
    store: HashStore | None = None,
    progress: Progress | None = None,
) -> Diagnosis:
    """Examine every picture and label of a table or folder.

    Args:
        source: what `lapel.datasets.read` reads, or a table already read (with missing="ignore").
        attributes: columns that are attributes, as for `read`.
        metadata: columns that are not, as for `read`.
        pictures: False looks at labels only, and opens no file.
        workers: threads that open pictures.
        store: where hashes are remembered; None is Lapel's cache, so that a second run is quick.
        progress: advanced once a picture.

    Raises:
        TableError, UnknownName: the source cannot be read as a table at all.
    """
    table = (
        source
        if isinstance(source, ItemTable)
        else read(source, attributes=attributes, metadata=metadata, missing="ignore")
    )
    own = HashStore() if store is None and pictures else None
    try:
        seen = Pictures.of(table, workers, store or own, progress or Quiet()) if pictures else Pictures(())
    finally:
        if own is not None:
            own.close()
    return _diagnose(table, seen, pictures)


def _diagnose(table: ItemTable, seen: Pictures, pictures: bool) -> Diagnosis:
    missing = seen.missing(table.ids) if pictures else ()
    unreadable = seen.unreadable(table.ids) if pictures else {}
    bad = set(missing) | set(unreadable)
    usable = np.fromiter((i not in bad for i in table.ids), bool, len(table))
    splits = _splits(table)
    reports = tuple(attribute_report(table, name, usable, splits) for name in table.vocabulary.names)
    found = Diagnosis(
        counts=_counts(table),
        absent=_absent(table, set(missing)),
        name=table.name,
        items=len(table),
        splits={name: int(mask.sum()) for name, mask in splits.items()},
        pictures=len(seen.found),
        missing=missing,
        unreadable=unreadable,
        missing_masks=_missing_masks(table),
        short_side=seen.short_side(),
        groups=seen.groups(table) if pictures else (),
        spellings=spellings(table, reports),
        attributes=reports,
        problems=(),
        notes=table.notes,
    )
    return _with_problems(found, reports, findings(found))


def _with_problems(found: Diagnosis, reports: tuple[AttributeReport, ...], problems: list[Problem]) -> Diagnosis:
    order = {"stop": 0, "fix": 1, "note": 2}
    fields = {name: getattr(found, name) for name in found.__dataclass_fields__}
    return Diagnosis(**fields | {"problems": tuple(sorted(problems, key=lambda problem: order[problem.severity]))})


def _splits(table: ItemTable) -> dict[str, NDArray[np.bool_]]:
    """Split name -> rows; "all" when there is no split column; "none" for rows without a split."""
    if "split" not in table.table.column_names:
        return {"all": np.ones(len(table), bool)}
    names = np.array([name or "none" for name in table.table["split"].to_pylist()])
    return {name: names == name for name in (*SPLITS, "none") if (names == name).any()}


def _counts(table: ItemTable) -> tuple[Count, ...]:
    if table.release is None or table.release.name not in RELEASES:
        return ()
    return compare(table, RELEASES[table.release.name].published)


def _absent(table: ItemTable, missing: set[str]) -> dict[str, tuple[int, int]]:
    """Per split and first folder: how many photos are missing, of how many."""
    if not missing:
        return {}
    splits = table.table["split"].to_pylist() if "split" in table.table.column_names else ["all"] * len(table)
    held: dict[str, list[int]] = {}
    for item, image, split in zip(table.ids, table.table["image"].to_pylist(), splits, strict=True):
        folder = image.split("/")[0] if "/" in image.lstrip("/") and not image.startswith("/") else "photos"
        counts = held.setdefault(f"{split or 'no split'}, {folder}", [0, 0])
        counts[0] += item in missing
        counts[1] += 1
    return {where: (gone, every) for where, (gone, every) in held.items() if gone}


def _missing_masks(table: ItemTable) -> tuple[str, ...]:
    if "mask" not in table.table.column_names:
        return ()
    return tuple(table.ids[row] for row in missing_rows(table, "mask"))
