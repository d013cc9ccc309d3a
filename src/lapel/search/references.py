"""`a.jpg:neckline=0.7` as typed on a command line -> a part of a query."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from lapel.errors import QueryError, UnknownName
from lapel.schema import WHOLE_LOOK, Part
from lapel.search.resolving import ITEM


def parse_reference(
    text: str, attributes: Sequence[str], has_item: Callable[[str], bool], unlike: bool = False
) -> Part:
    """PHOTO, PHOTO:attribute, PHOTO:attribute=weight or PHOTO:attribute=weight,attribute=weight.

    PHOTO is a path or `item:ID`. Without an attribute the whole look is meant. Colons and equals signs inside
    PHOTO (drive letters, odd file names, ids) are its own: what follows the last colon names attributes only
    when it reads as such and the text as a whole is neither a file nor an item.

    Raises:
        UnknownName: an attribute the model does not know.
        QueryError: nothing, or a weight that is no number.
    """
    if not text.strip():
        raise QueryError("A reference is empty; give a photo's path or item:ID, for example photo.jpg:neckline=0.7.")
    reference, colon, wishes = text.rpartition(":")
    if not colon or reference in ("", ITEM[:-1]) or not wishes or _stands_for_something(text, has_item):
        return Part(text, {WHOLE_LOOK: 1.0}, unlike)
    known = (*attributes, WHOLE_LOOK)
    pairs = [_pair(wish) for wish in wishes.split(",")]
    unknown = [name for name, _ in pairs if name not in known]
    if unknown and not _stands_for_something(reference, has_item) and not _looks_like_wish(wishes):
        return Part(text, {WHOLE_LOOK: 1.0}, unlike)
    if unknown:
        raise UnknownName("attribute", unknown[0], known, "This catalogue's model")
    if len({name for name, _ in pairs}) < len(pairs):
        raise QueryError(f"'{text}' names an attribute twice; give each one weight.")
    return Part(reference, {name: _weight(weight, name, text) for name, weight in pairs}, unlike)


def parse_words(text: str) -> Part:
    """WORDS or WORDS=WEIGHT; an equals sign before anything but a number belongs to the words.

    Raises:
        QueryError: no words.
    """
    return Part.words(*_said(text))


def parse_change(reference: str, text: str) -> Part:
    """A photo's path or `item:ID`, and the change to it: WORDS or WORDS=WEIGHT.

    Raises:
        QueryError: no reference or no words.
    """
    if not reference.strip():
        raise QueryError("The photo to change is empty; give a photo's path or item:ID before the words.")
    return Part.composed(reference, *_said(text))


def with_words(wished: Sequence[tuple[Part, bool]], words: Sequence[Part], apart: bool = False) -> tuple[Part, ...]:
    """Photos and texts that were asked for side by side -> parts: a text changes the photo named without an attribute.

    That photo's whole look then gives way to what the photo looks like after the change; several texts are as many
    changes. A photo named with an attribute gives that attribute and stays as it is; where every photo is, or none is
    named, texts stand alone.

    Args:
        wished: parts in order, and whether each was named without an attribute. words: parts of a text alone.
        apart: texts stand alone in any case.

    Raises:
        QueryError: two photos are named without an attribute, so it is open which one the words change.
    """
    plain = [part for part, bare in wished if bare] if words and not apart else []
    if len(plain) > 1:
        names = " and ".join(f"'{part.reference}'" for part in plain)
        raise QueryError(
            f"The words could change any of {names}. Say which (--change PHOTO WORDS; in Python text={{(photo, words): "
            "weight}), name what the others give (PHOTO:attribute), or let the words stand alone (--apart, apart=True)."
        )
    if not plain:
        return (*(part for part, _ in wished), *words)
    changes = [Part.composed(plain[0].reference, part.text, sum(part.weights.values())) for part in words]
    return tuple(new for part, bare in wished for new in (changes if bare else [part]))


def _said(text: str) -> tuple[str, float]:
    words, _, weight = text.rpartition("=")
    return (words.strip(), float(weight)) if words and _is_number(weight) else (text.strip(), 1.0)


def _stands_for_something(text: str, has_item: Callable[[str], bool]) -> bool:
    if text.startswith(ITEM):
        return has_item(text[len(ITEM) :])
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        return False


def _looks_like_wish(wishes: str) -> bool:
    """`neckline=0.7` does; `/photos/a.jpg` behind a drive letter and `ID` behind `item` do not."""
    return "=" in wishes and _is_number(wishes.rpartition("=")[2])


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _pair(wish: str) -> tuple[str, str]:
    name, _, weight = wish.rpartition("=") if "=" in wish else (wish, "", "1")
    return name.strip(), weight.strip()


def _weight(text: str, attribute: str, whole: str) -> float:
    if not _is_number(text):
        raise QueryError(
            f"The weight of '{attribute}' in '{whole}' is '{text}'; write a number, as in {attribute}=0.7."
        )
    return float(text)
