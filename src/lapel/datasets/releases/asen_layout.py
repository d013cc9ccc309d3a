"""The layout of the ASEN splits: image lists by line number, labels, queries and candidates as lines of integers.

FashionAI, DARN, DeepFashion, the three classes of K-Fashion and Fashion14k are distributed like this. An image's id
here is `split/line number`, so it stays the same whatever else is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lapel.datasets.files import Missing, before_images, check_images
from lapel.datasets.releases.facts import Facts, find_facts
from lapel.datasets.releases.lines import image_list
from lapel.datasets.releases.pairs import Pairs, cells, read_pairs, roles
from lapel.datasets.releases.published import Published
from lapel.errors import TableError
from lapel.schema import ROLE, SPLITS, ItemTable, Release, Vocabulary

SAME_LIST = 0.5
"""Share of a split's images that also stand in another split's list, beyond which one list is taken for the other."""

FEW = 0.01
"""Share of labels that may contradict the paths: label noise, where a list of another split contradicts most."""

_TRIED = 200


@dataclass(frozen=True)
class Listed:
    """One split as its files give it."""

    split: str
    file: Path
    images: list[str]
    parts: list[Pairs]


@dataclass(frozen=True)
class Layout:
    """What tells one release of this layout from another.

    name: how Lapel calls it. title: its key in meta.json and in the YAML. attributes: name -> number of values.
    values: attribute -> names of its values in index order; without them values are called by number.
    labelled: splits whose `label_*.txt` is in this coding. bases: (root, split) -> folders that image paths may be
    relative to, the usual one first. look: further checks of a split against what its paths tell.
    """

    name: str
    title: str
    attributes: Mapping[str, int]
    published: Published
    values: Mapping[str, tuple[str, ...]]
    labelled: tuple[str, ...] = ("train",)
    bases: Callable[[Path, str], Sequence[Path]] = lambda root, split: (root,)
    look: Callable[[Listed, Facts], None] = lambda listed, facts: None
    spell: Callable[[Path, list[str]], list[str]] = lambda base, names: names


def read_lists(root: Path, layout: Layout, images: Path | None = None, missing: Missing = "strict") -> ItemTable:
    """The whole release, train, valid and test as far as their lists are there.

    Args:
        root: the folder with the lists. images: where the photos lie, if not there.
        missing: rows whose photo does not exist, as `lapel.datasets.read`.

    Raises:
        TableError: no list, a list of another split, numbers out of range, or a photo is missing; says which.
    """
    facts = find_facts(root, layout.title, layout.attributes)
    splits = [listed for split in SPLITS if (listed := _read_split(root, split, layout, facts)) is not None]
    if not splits:
        raise TableError(f"{root}: there is no image list here. {layout.title} has filenames_train.txt and the like.")
    _refuse_same_lists(splits)
    for listed in splits:
        layout.look(listed, facts)
    values = {name: _names(layout.values.get(name, ()), count) for name, count in facts.attributes.items()}
    table = pa.concat_tables([_columns(listed, values, root, layout, images) for listed in splits])
    lengths = {listed.split: len(listed.images) for listed in splits}
    items = ItemTable(
        table,
        Vocabulary.of(values),
        root,
        layout.name,
        complete=all(lengths.get(split) == count for split, count in layout.published.photos.items()),
        notes=_notes(splits, layout, facts),
        release=Release(layout.name, {**lengths, **layout.published.photos}),
    )
    return check_images(items, missing)


def _read_split(root: Path, split: str, layout: Layout, facts: Facts) -> Listed | None:
    file = root / facts.files.get(f"images {split}", f"filenames_{split}.txt")
    if not file.is_file():
        return None
    images = image_list(file)
    wanted = {"query": "query", "gallery": "gallery"} | ({"labels": ""} if split in layout.labelled else {})
    parts = []
    for kind, role in wanted.items():
        name = facts.files.get(f"{kind} {split}")
        if name and (root / name).is_file():
            parts.append(read_pairs(root / name, role, file, len(images), facts))
    have = {part.role for part in parts}
    if len(have & {"query", "gallery"}) == 1:
        raise TableError(f"{root}: the {split} split has queries or candidates, but not both; get the other file too.")
    return Listed(split, file, images, parts)


def _refuse_same_lists(splits: Sequence[Listed]) -> None:
    for at, one in enumerate(splits):
        held = set(one.images)
        for other in splits[at + 1 :]:
            both = len(held.intersection(other.images))
            if both > SAME_LIST * min(len(held), len(other.images)):
                raise TableError(
                    f"{one.file} and {other.file.name} name the same {both:,} images, so one of them is the image list "
                    "of another split. Get both files again: ids are line numbers of the split's own list."
                )


def _columns(
    listed: Listed, values: Mapping[str, tuple[str, ...]], root: Path, layout: Layout, images: Path | None
) -> pa.Table:
    count = len(listed.images)
    base = _base(layout.bases(images or root, listed.split), listed.images, layout)
    names = layout.spell(base, listed.images)
    before = before_images(base, root)
    text = pa.string()
    columns = {
        "id": pa.array([f"{listed.split}/{number}" for number in range(count)], text),
        "image": pa.array([f"{before}{name}" for name in names], text),
        "split": pa.array([listed.split] * count, text),
    }
    for k, (name, known) in enumerate(values.items()):
        columns[name] = pa.array(cells(listed.parts, k, known, count), text)
    columns[ROLE] = pa.array(roles(listed.parts, list(values), count), text)
    return pa.table(columns)


def _base(bases: Sequence[Path], images: list[str], layout: Layout) -> Path:
    """The folder in which most of some images exist; the first one when none does anywhere."""
    some = images[:: max(1, len(images) // _TRIED)]
    found = [sum((base / name).is_file() for name in layout.spell(base, some)) for base in bases]
    return bases[found.index(max(found))]


def _names(named: tuple[str, ...], count: int) -> tuple[str, ...]:
    return named if len(named) == count else tuple(str(number) for number in range(count))


def _notes(splits: Sequence[Listed], layout: Layout, facts: Facts) -> tuple[str, ...]:
    have = {listed.split for listed in splits}
    asked = list(layout.published.photos) or list(SPLITS)
    notes = [f"filenames_{split}.txt is not there: no {split} split." for split in asked if split not in have]
    notes += [f"The {one.split} split has an image list but no labels." for one in splits if not one.parts]
    short = [
        f"{one.split} {len(one.images):,} of {layout.published.photos[one.split]:,}"
        for one in splits
        if layout.published.photos.get(one.split, len(one.images)) != len(one.images)
    ]
    if short:
        notes.append(f"These are not the published lists: {', '.join(short)} photos are listed.")
    if dict(facts.attributes) != dict(layout.attributes):
        notes.append(f"Attributes or numbers of values are those of {facts.source}, not the published ones.")
    return tuple(notes)


def refuse_strangers(listed: Listed, parts: Sequence[Pairs], wrong: Sequence[NDArray[np.bool_]], why: str) -> None:
    """Raise when more than a few labels contradict what the paths tell: the image list is that of another split.

    Args:
        parts: the pairs looked at, and `wrong`, for each a mask of those that contradict. why: what contradicts.

    Raises:
        TableError: more than `FEW` of the pairs are wrong; names the first.
    """
    count, total = sum(int(mask.sum()) for mask in wrong), sum(len(mask) for mask in wrong)
    if count <= FEW * total:
        return
    part, at = next((p, int(np.flatnonzero(m)[0])) for p, m in zip(parts, wrong, strict=True) if m.any())
    image = part.image[at]
    raise TableError(
        f"{part.file}, line {part.line[at]}: image {image} is {listed.images[image]} by {listed.file.name}, which "
        f"{why} ({count:,} of {total:,} labels). The image list is that of another split; take both from the same."
    )


def noted(items: ItemTable, note: str) -> ItemTable:
    """The same table with one more note."""
    return replace(items, notes=(*items.notes, note))
