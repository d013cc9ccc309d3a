"""The doctor's look at pictures: which cannot be read, which are the same, and which leak between splits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lapel.doctor.diagnosis import Group
from lapel.errors import ImageError, ImageMissing
from lapel.images import Fingerprint, HashStore, fingerprints, look_alikes
from lapel.progress import Progress
from lapel.schema import ItemTable


@dataclass(frozen=True)
class Pictures:
    """One fingerprint or error per row."""

    found: Sequence[Fingerprint | ImageError]

    @classmethod
    def of(cls, table: ItemTable, workers: int, store: HashStore | None, progress: Progress) -> Pictures:
        """Look at every picture of the table, through the store of hashes."""
        return cls(list(fingerprints(table.paths, workers, store, progress)))

    def missing(self, ids: Sequence[str]) -> tuple[str, ...]:
        """Ids whose file does not exist."""
        return tuple(i for i, one in zip(ids, self.found, strict=True) if isinstance(one, ImageMissing))

    def unreadable(self, ids: Sequence[str]) -> dict[str, str]:
        """Id -> why its file, which exists, cannot be used."""
        return {
            i: str(one)
            for i, one in zip(ids, self.found, strict=True)
            if isinstance(one, ImageError) and not isinstance(one, ImageMissing)
        }

    def short_side(self) -> tuple[int, int, int] | None:
        """Smallest, median and largest short side in pixels."""
        sides = [min(one.width, one.height) for one in self.found if isinstance(one, Fingerprint)]
        return (min(sides), int(np.median(sides)), max(sides)) if sides else None

    def groups(self, table: ItemTable) -> tuple[Group, ...]:
        """All groups of the same picture, exact ones first, largest first.

        A near group holds at least two different files; their exact copies are in it, and are a group of their own.
        """
        splits = table.table["split"].to_pylist() if "split" in table.table.column_names else [None] * len(table)
        exact: dict[str, list[int]] = {}
        near: dict[int, list[int]] = {}
        for row, (one, group) in enumerate(zip(self.found, look_alikes(self.found).tolist(), strict=True)):
            if isinstance(one, Fingerprint):
                exact.setdefault(one.content, []).append(row)
                near.setdefault(group, []).append(row)
        groups = [_group(table, rows, splits, True) for rows in exact.values() if len(rows) > 1]
        for rows in near.values():
            if len({self.found[row].content for row in rows}) > 1:  # type: ignore[union-attr]
                groups.append(_group(table, rows, splits, False))
        return tuple(sorted(groups, key=lambda group: (not group.exact, -len(group.items), group.items)))


def _group(table: ItemTable, rows: list[int], splits: Sequence[str | None], exact: bool) -> Group:
    ids = tuple(table.ids[row] for row in rows)
    where = tuple(sorted({split for row in rows if (split := splits[row]) is not None}))
    return Group(ids, where, exact, _differing(table, rows) if exact else ())


def _differing(table: ItemTable, rows: list[int]) -> tuple[str, ...]:
    labels = [table[row].labels for row in rows]
    return tuple(name for name in table.vocabulary.names if len({one[name] for one in labels if name in one}) > 1)
