"""Lines `<image id> (<attribute> <value>)+` -> arrays, every number checked against the lists it points into."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lapel.datasets.releases.facts import Facts
from lapel.datasets.releases.lines import number_lines, outside
from lapel.errors import TableError

Numbers = NDArray[np.int64]


class Pairs(NamedTuple):
    """(P,) each: a label of an image, where it stands, and what role the file gives it ("" in a list of labels)."""

    image: Numbers
    attribute: Numbers
    value: Numbers
    line: Numbers
    role: str
    file: Path


def read_pairs(file: Path, role: str, images: Path, count: int, facts: Facts) -> Pairs:
    """The pairs of one file.

    Args:
        file: lists of labels may have several pairs a line, those of queries and gallery have one.
        role: "query", "gallery" or "".
        images: the image list that the ids point into, and `count`, its length.
        facts: how many attributes and values there are.

    Raises:
        TableError: a line of another shape, or a number that points outside; names file, line and number.
    """
    rows, places = number_lines(file)
    for row, place in zip(rows, places, strict=True):
        if len(row) < 3 or len(row) % 2 == 0 or (role and len(row) != 3):
            shape = "one attribute and its value" if role else "attributes, each with its value"
            raise TableError(f"{file}, line {place}: expected an image id and {shape}, found {len(row)} numbers.")
    held = np.array([len(row) // 2 for row in rows], np.int64)
    flat = np.array([number for row in rows for number in row[1:]], np.int64).reshape(-1, 2)
    image = np.repeat(np.array([row[0] for row in rows], np.int64), held)
    line = np.repeat(np.array(places, np.int64), held)
    pairs = Pairs(image, flat[:, 0], flat[:, 1], line, role, file)
    _check_ids(pairs, images, count)
    _check_labels(pairs, facts)
    return pairs


def _check_ids(pairs: Pairs, images: Path, count: int) -> None:
    if (wrong := outside(pairs.image, count)) is None:
        return
    many = int(((pairs.image < 0) | (pairs.image >= count)).sum())
    raise TableError(
        f"{pairs.file}, line {pairs.line[wrong]}: image id {pairs.image[wrong]:,} is out of range: {images.name} names "
        f"{count:,} images, ids 0 to {count - 1:,} ({many:,} such lines in all). Take both files from the same split, "
        "whole."
    )


def _check_labels(pairs: Pairs, facts: Facts) -> None:
    names, sizes = list(facts.attributes), np.array(list(facts.attributes.values()), np.int64)
    if (wrong := outside(pairs.attribute, len(names))) is not None:
        raise TableError(
            f"{pairs.file}, line {pairs.line[wrong]}: attribute {pairs.attribute[wrong]} is out of range: there are "
            f"{len(names)} (0 to {len(names) - 1}) by {facts.source}."
        )
    far = np.flatnonzero((pairs.value < 0) | (pairs.value >= sizes[pairs.attribute]))
    if len(far):
        at = int(far[0])
        name = names[pairs.attribute[at]]
        raise TableError(
            f"{pairs.file}, line {pairs.line[at]}: value {pairs.value[at]} of '{name}' is out of range: it has "
            f"{facts.attributes[name]} values (0 to {facts.attributes[name] - 1}) by {facts.source}."
        )


def cells(parts: list[Pairs], attribute: int, names: tuple[str, ...], count: int) -> list[str | None]:
    """The column of one attribute for `count` images: value names, several joined by `|`, None where unknown.

    Raises:
        TableError: query and gallery lists give an image two values under one attribute; the published rule, the same
            value, would then not be the table's rule, a value in common.
    """
    named = np.array(names, object)
    column = np.full(count, None, object)
    listed = [part for part in parts if part.role]
    for part in (*listed, *(part for part in parts if not part.role)):
        at = part.attribute == attribute
        images = part.image[at]
        if np.bincount(images, minlength=1).max() < 2 and not np.any(column[images] != None):  # noqa: E711
            column[images] = named[part.value[at]]  # every image once: nearly always, and much quicker
            continue
        for image, value, line in zip(part.image[at], part.value[at], part.line[at], strict=True):
            held, name = column[image], names[value]
            if held is None:
                column[image] = name
            elif name not in held.split("|"):
                if listed:
                    raise TableError(
                        f"{part.file}, line {line}: image {image} has value '{name}' here and '{held}' before. In a "
                        "split with queries an image has one value of an attribute."
                    )
                column[image] = f"{held}|{name}"
    made: list[str | None] = column.tolist()
    return made


def roles(parts: list[Pairs], attributes: list[str], count: int) -> list[str | None]:
    """The column `role`: see `lapel.schema.ROLE`.

    Raises:
        TableError: a list names an image twice under one attribute.
    """
    given: list[dict[str, list[str]]] = [{} for _ in range(count)]
    for part in parts:
        for image, attribute, line in zip(part.image, part.attribute, part.line, strict=True):
            if not part.role:
                continue
            held = given[image].setdefault(attributes[attribute], [])
            if part.role in held:
                raise TableError(f"{part.file}, line {line}: image {image} is named twice under this attribute.")
            held.append(part.role)
    return [_role(held) for held in given]


def _role(held: dict[str, list[str]]) -> str | None:
    kinds = [tuple(sorted(kinds, reverse=True)) for kinds in held.values()]
    if len(set(kinds)) <= 1:
        return "|".join(kinds[0]) if kinds else None
    return "|".join(f"{kind}:{name}" for name, names in held.items() for kind in names)
