"""The recipe's tables -> one table in the recipe's words, checked to be fit for training."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lapel.datasets import read
from lapel.errors import TableError, TrainingError
from lapel.schema import SEPARATOR, SPLITS, Attribute, ItemTable, Vocabulary
from lapel.training.recipe import Data, DataSet, Recipe


@dataclass(frozen=True)
class TrainingData:
    """What a run learns from and is measured on.

    train, valid: tables with the same vocabulary. sources: name, fingerprint and split counts of each set.
    passes: name of each of several sets -> how often an epoch goes through it.
    """

    train: ItemTable
    valid: ItemTable
    sources: tuple[dict[str, Any], ...]
    passes: Mapping[str, int] = field(default_factory=dict)

    @property
    def set_names(self) -> list[str]:
        """(n) which set each training photo is of."""
        if len(self.passes) < 2:
            return [str(self.sources[0]["name"])] * len(self.train)
        return [item.partition("/")[0] for item in self.train.ids]

    @property
    def times(self) -> NDArray[np.int64] | None:
        """(n,) how often an epoch goes through each training photo; None: once through all."""
        if len(self.passes) < 2 or set(self.passes.values()) == {1}:
            return None
        return np.array([self.passes[name] for name in self.set_names], np.int64)

    @property
    def vocabulary(self) -> Vocabulary:
        """The attributes that are learnt, in index order."""
        return self.train.vocabulary


def load_data(recipe: Recipe) -> TrainingData:
    """Read, rename and join the recipe's sets.

    Raises:
        TableError: a set is missing or cannot be read, or a split is empty.
        UnknownName: an attribute that a table does not have.
        TrainingError: an attribute with fewer than two values in the training split.
    """
    items, sources = join_sets(recipe.data)
    items = _held_out(items, recipe.data.hold_out, recipe.seed)
    train, valid = items.split("train"), items.split(recipe.evaluation.split)
    if train.triplets is None:  # listed triplets say what is alike, so labels need not
        _check_attributes(train)
    if limit := recipe.data.limit:
        train = _some(train, limit, recipe.seed, "train")
        valid = _some(valid, limit, recipe.seed, recipe.evaluation.split)
    passes = {str(one["name"]): part.passes for one, part in zip(sources, recipe.data.chosen, strict=True)}
    return TrainingData(train, valid, sources, passes)


def join_sets(data: Data) -> tuple[ItemTable, tuple[dict[str, Any], ...]]:
    """All sets of a recipe as one table, and where each came from.

    Values keep the order of the tables, sets in the recipe's order. Ids are `set/id` when there are several sets.
    """
    tables = [_read_set(data, part) for part in data.chosen]
    sources = tuple(_source(table, part) for table, part in zip(tables, data.chosen, strict=True))
    if len(data.sets) == 1:
        return tables[0], sources
    labelled = tuple(dict.fromkeys(n for t in tables for n in t.vocabulary.names))
    names = tuple(n for n in data.attributes if data.use == "all" or n in labelled) or labelled
    values = {
        name: tuple(dict.fromkeys(v for t in tables if name in t.vocabulary.names for v in t.vocabulary[name].values))
        for name in names
    }
    rows = pa.concat_tables([_rows(table, names) for table in tables])
    vocabulary = Vocabulary(tuple(Attribute(name, values[name]) for name in names))
    name = "+".join(t.name for t in tables)
    return ItemTable(rows, vocabulary, Path(), name, all(t.complete for t in tables)), sources


def multi_hot(items: ItemTable) -> NDArray[np.bool_]:
    """(n, V): the values each item holds, attributes side by side as in `Vocabulary.slices`."""
    return np.concatenate([items.labels(name).multi_hot for name in items.vocabulary.names], axis=1)


def _read_set(data: Data, part: DataSet) -> ItemTable:
    """One set with its attributes and values in the recipe's words."""
    path = _locate(data, part)
    theirs = {ours: part.attributes.get(ours, ours) for ours in data.attributes}
    if len(data.sets) > 1:  # a joined set need not know every attribute of the recipe
        theirs = part.attributes or theirs
    missing: Literal["strict", "skip"] = "skip" if data.unreadable == "skip" else "strict"
    release, images = part.release or None, part.images or None
    wanted = tuple(dict.fromkeys(theirs.values()))
    table = read(path, attributes=wanted or None, missing=missing, release=release, images=images)
    if not wanted:
        named = {their: ours for ours, their in part.attributes.items()}
        theirs = {named.get(their, their): their for their in table.vocabulary.names}
    columns = {name: table.table[name] for name in table.table.column_names if name not in table.vocabulary.names}
    attributes = []
    for ours, their in theirs.items():
        columns[ours] = _map_cells(table.table[their], partial(_cell, part, ours))
        values = _words(part, ours, table.vocabulary[their].values)
        attributes.append(Attribute(ours, tuple(dict.fromkeys(values))))
    return dataclasses.replace(table, table=pa.table(columns), vocabulary=Vocabulary(tuple(attributes)))


def _words(part: DataSet, ours: str, values: Iterable[str]) -> list[str]:
    """Every value of ours that a table's values can become."""
    change = part.values.get(ours, {})
    found = [change.get(value, None if part.tags else value) for value in values]
    return [value for value in (*found, part.absent.get(ours)) if value]


def _cell(part: DataSet, ours: str, values: Sequence[str]) -> Sequence[str]:
    """One cell's values in our words; none: unknown."""
    change = part.values.get(ours, {})
    if not part.tags:
        return [value for value in (change.get(value, value) for value in values) if value]
    named = {change[value] for value in values if value in change}
    if not named:
        return [part.absent[ours]] if ours in part.absent else []
    return [value for value in named if value and len(named) == 1]


def _locate(data: Data, part: DataSet) -> Path:
    root = Path(data.root)
    inside = root / part.path
    if inside.exists():
        return inside
    if data.root and len(data.sets) == 1 and root.exists():
        return root
    raise TableError(
        f"There is no '{inside}' to train on. Say where the photos and their labels are: "
        f"--set data=PATH, a table, a folder with labels.csv, or the folder that holds '{part.path}'."
    )


def _map_cells(column: pa.ChunkedArray, rename: Callable[[Sequence[str]], Sequence[str]]) -> pa.Array:
    """Rename the values of each cell; a cell with nothing left is unknown."""
    coded = column.combine_chunks().dictionary_encode()
    coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
    cells = []
    for text in coded.dictionary.to_pylist():
        cells.append(SEPARATOR.join(dict.fromkeys(rename(text.split(SEPARATOR)))) or None)
    return pa.array(cells, pa.string()).take(coded.indices)


def _rows(table: ItemTable, names: Sequence[str]) -> pa.Table:
    """id, absolute paths of image and mask, split and the named attributes; unknown where the set has no such one."""
    count = len(table)
    empty = pa.nulls(count, pa.string())
    columns = {
        "id": pa.array([f"{table.name}/{item}" for item in table.ids]),
        "image": pa.array([str(path.absolute()) for path in table.paths]),
        "mask": pa.array([str(mask.absolute()) if mask else None for mask in table.masks], pa.string()),
        "split": table.table["split"].cast(pa.string()) if "split" in table.table.column_names else empty,
    }
    known = table.vocabulary.names
    return pa.table(columns | {n: table.table[n].cast(pa.string()) if n in known else empty for n in names})


def _source(table: ItemTable, part: DataSet) -> dict[str, Any]:
    splits = table.table["split"].to_pylist() if "split" in table.table.column_names else []
    counts = {split: splits.count(split) for split in SPLITS}
    source = {"name": table.name, "fingerprint": table.fingerprint, "items": len(table), "splits": counts}
    return source | ({"terms": part.terms, "permissive": part.permissive} if part.terms else {})


def _check_attributes(train: ItemTable) -> None:
    held = {one.name: train.labels(one.name).multi_hot.any(axis=0) for one in train.vocabulary}
    for attribute in train.vocabulary:
        own = held[attribute.name]
        if own.sum() < 2:
            seen = ", ".join(np.array(attribute.values)[own]) or "none"
            others = ",".join(name for name, found in held.items() if found.sum() > 1)
            remedy = f"Leave it out: --set data.attributes=[{others}]" if others else "No attribute has two."
            values = "1 value" if own.sum() == 1 else "no value"
            raise TrainingError(
                f"{train.name}: attribute '{attribute.name}' has {values} in the training split ({seen}); "
                f"two are needed to tell apart. {remedy}"
            )


def _held_out(items: ItemTable, share: float, seed: int) -> ItemTable:
    """The table with splits: its own, or train and valid drawn by the seed."""
    if not share or "split" in items.table.column_names:
        return items
    count = max(1, round(share * len(items)))
    drawn = set(np.random.default_rng([seed, len(items), 1]).permutation(len(items))[:count].tolist())
    split = pa.array(["valid" if row in drawn else "train" for row in range(len(items))])
    return dataclasses.replace(items, table=items.table.append_column("split", split))


def _some(items: ItemTable, limit: int, seed: int, split: str) -> ItemTable:
    """At most `limit` rows, drawn; of listed triplets the first few of each condition, whole."""
    if items.triplets is not None:
        listed, _ = items.triplets.rows(items.ids, split)
        each = max(1, limit // (3 * max(1, len(listed))))
        return items.take(np.unique(np.concatenate([rows[:each].ravel() for rows in listed.values()])))
    rows = np.random.default_rng([seed, limit]).permutation(len(items))[:limit]
    return items.take(np.sort(rows))
