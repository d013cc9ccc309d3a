"""The item table: one row a photo, with a split, partial and multi-valued labels, and free metadata."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lapel.errors import TableError, UnknownName
from lapel.schema.release import Release, TripletLists
from lapel.schema.vocabulary import Vocabulary

SEPARATOR = "|"
"""Between the values of a cell that holds several: `stripe|floral` holds both."""

SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class Item:
    """One row. `labels` holds known attributes only; an absent attribute is unknown, not a class."""

    id: str
    image: Path
    split: str | None
    labels: Mapping[str, frozenset[str]]
    metadata: Mapping[str, Any]
    mask: Path | None = None


@dataclass(frozen=True)
class Labels:
    """One attribute's labels for n items.

    codes: (n,) int32, index into `cells`; -1 where unknown.
    cells: the distinct label sets that occur, as indices into `values`, ascending.
    values: the attribute's values in index order.
    """

    codes: NDArray[np.int32]
    cells: tuple[tuple[int, ...], ...]
    values: tuple[str, ...]

    @property
    def known(self) -> NDArray[np.bool_]:
        """(n,) where a label is known."""
        return self.codes >= 0

    @cached_property
    def multi_hot(self) -> NDArray[np.bool_]:
        """(n, V) which values each item holds; an all-false row is unknown."""
        table = np.zeros((len(self.cells) + 1, len(self.values)), dtype=bool)
        for row, cell in enumerate(self.cells):
            table[row, list(cell)] = True
        return table[self.codes]  # code -1 reads the last, all-false row


@dataclass(frozen=True)
class ItemTable:
    """A validated, columnar table of items.

    table: columns `id`, `image` (path as written, relative to `root` or absolute), `split` and `mask` (null
        where not given), then attribute columns (text; null unknown; values joined by `|`), then metadata.
    attributes: the attribute columns and their values, in index order.
    name: what reports call this data. complete: False when images or rows of a release were left out.
    release: the published release it was read from, None for one's own data. triplets: its judged triplets, if any.
    """

    table: pa.Table
    vocabulary: Vocabulary
    root: Path
    name: str = "table"
    complete: bool = True
    notes: tuple[str, ...] = field(default=())
    release: Release | None = None
    triplets: TripletLists | None = None

    def __post_init__(self) -> None:
        for column in ("id", "image"):
            if column not in self.table.column_names:
                raise TableError(f"{self.name}: the table has no column '{column}'.")
        for name in self.vocabulary.names:
            if name not in self.table.column_names:
                raise UnknownName("attribute column", name, self.table.column_names, self.name)
        if self.table["id"].null_count or pc.count_distinct(self.table["id"]).as_py() != len(self.table):
            raise TableError(f"{self.name}: column 'id' must hold a different value in every row.")
        if "split" in self.table.column_names:
            found = set(pc.unique(self.table["split"]).to_pylist()) - {None}
            if wrong := sorted(found - set(SPLITS)):
                raise TableError(f"{self.name}: split '{wrong[0]}' is not one of {', '.join(SPLITS)}.")

    def __len__(self) -> int:
        return len(self.table)

    def __iter__(self) -> Iterator[Item]:
        return (self[row] for row in range(len(self)))

    def __getitem__(self, row: int) -> Item:
        record = self.table.slice(row, 1).to_pylist()[0]
        labels = {
            name: frozenset(record[name].split(SEPARATOR)) for name in self.vocabulary.names if record[name] is not None
        }
        mask = record.get("mask")
        return Item(
            record["id"],
            self.root / record["image"],
            record.get("split"),
            labels,
            {name: record[name] for name in self.metadata_names},
            self.root / mask if mask else None,
        )

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Item ids in row order."""
        return tuple(self.table["id"].to_pylist())

    @cached_property
    def paths(self) -> tuple[Path, ...]:
        """Image paths in row order, resolved against `root`."""
        return tuple(self.root / p for p in self.table["image"].to_pylist())

    @cached_property
    def masks(self) -> tuple[Path | None, ...]:
        """Mask paths in row order, resolved against `root`; None where a row has none."""
        if "mask" not in self.table.column_names:
            return (None,) * len(self)
        return tuple(self.root / mask if mask else None for mask in self.table["mask"].to_pylist())

    @cached_property
    def metadata_names(self) -> tuple[str, ...]:
        """Columns that are neither reserved nor attributes."""
        taken = {"id", "image", "split", "mask", *self.vocabulary.names}
        return tuple(c for c in self.table.column_names if c not in taken)

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits of ids, splits and labels, in row order: what an evaluation result depends on."""
        digest = hashlib.sha256()
        columns = ["id", *(c for c in ("split",) if c in self.table.column_names), *self.vocabulary.names]
        for name in columns:
            coded = self.table[name].combine_chunks().dictionary_encode()
            if isinstance(coded, pa.ChunkedArray):
                coded = coded.combine_chunks()
            digest.update("\0".join([name, *coded.dictionary.to_pylist()]).encode())
            digest.update(coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype("<i4").tobytes())
        return digest.hexdigest()[:16]

    def labels(self, attribute: str) -> Labels:
        """One attribute's labels in row order, coded by the vocabulary of this table.

        Raises:
            UnknownName: the table has no such attribute.
            TableError: a cell names a value that the vocabulary does not hold.
        """
        if attribute not in self.vocabulary.names:
            raise UnknownName("attribute", attribute, self.vocabulary.names, self.name)
        values = self.vocabulary[attribute].values
        place = {value: index for index, value in enumerate(values)}
        coded = self.table[attribute].combine_chunks().dictionary_encode()
        if isinstance(coded, pa.ChunkedArray):
            coded = coded.combine_chunks()
        cells = []
        for text in coded.dictionary.to_pylist():
            try:
                cells.append(tuple(sorted({place[value] for value in text.split(SEPARATOR)})))
            except KeyError as error:
                raise TableError(
                    f"{self.name}: '{text}' in column '{attribute}' is not among its values: {', '.join(values)}."
                ) from error
        codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
        return Labels(codes, tuple(cells), values)

    def take(self, rows: Sequence[int] | NDArray[np.int64] | NDArray[np.bool_]) -> ItemTable:
        """The table of these rows (indices or a mask); vocabulary and ids stay as they are."""
        chosen = np.asarray(rows)
        if chosen.dtype == bool:
            chosen = np.flatnonzero(chosen)
        return replace(self, table=self.table.take(pa.array(chosen, pa.int64())))

    def split(self, name: str) -> ItemTable:
        """The rows of one split; in a release of triplets without splits, those that the split's triplets name.

        `complete` then says whether this split has all the photos that the release states for it.

        Raises:
            TableError: the table has no splits, or this one is empty.
        """
        if "split" in self.table.column_names:
            rows = np.asarray(pc.fill_null(pc.equal(self.table["split"], name), False))
            have = sorted(set(pc.unique(self.table["split"]).to_pylist()) - {None})
        elif self.triplets is not None:
            used = {n for n, u in zip(self.triplets.names, self.triplets.used(name), strict=True) if u}
            rows = np.fromiter((item in used for item in self.ids), bool, len(self))
            have = sorted(self.triplets.lists)
        else:
            raise TableError(f"{self.name}: there is no column 'split'; add one holding {', '.join(SPLITS)}.")
        if not rows.any():
            raise TableError(f"{self.name}: split '{name}' is empty; it has: {', '.join(have) or 'none'}.")
        part = self.take(rows)
        if self.release is None or name not in self.release.photos:
            return part
        return replace(part, complete=len(part) == self.release.photos[name])

    def select(self, attributes: Sequence[str]) -> ItemTable:
        """The same rows with these attributes only, in this order; the others become metadata."""
        for name in attributes:
            if name not in self.vocabulary.names:
                raise UnknownName("attribute", name, self.vocabulary.names, self.name)
        return replace(self, vocabulary=self.vocabulary.select(attributes))
