"""The words of composed queries: how the published code joins, cleans and derives them."""

from __future__ import annotations

from collections.abc import Sequence

STRIPPED = ".?, "
SIGNS = {".": "dotmark", "?": "questionmark", "&": "andmark", "*": "starmark"}


def tidy(caption: str) -> str:
    """FashionIQ: no blanks, full stops, question marks or commas at either end; inside, everything stays."""
    return caption.strip(STRIPPED)


def sentence(caption: str) -> str:
    """`tidy`, then the first letter large and *all others small*, as published."""
    return tidy(caption).capitalize()


def joined(captions: Sequence[str], order: Sequence[int] = (0, 1)) -> str:
    """FashionIQ's two captions as one query: "First and second"; the second keeps its own letters."""
    first, *rest = (captions[at] for at in order)
    return " and ".join([sentence(first), *(tidy(caption) for caption in rest)])


def augmented(captions: Sequence[str], draw: float) -> str:
    """FashionIQ's training text: both in either order, or one alone, a quarter each.

    draw: uniform in [0, 1); exactly 0.25 or 0.5 falls to the second caption alone, as in the published code.
    """
    if draw < 0.25:
        return joined(captions, (0, 1))
    if 0.25 < draw < 0.5:
        return joined(captions, (1, 0))
    if 0.5 < draw < 0.75:
        return sentence(captions[0])
    return sentence(captions[1])


def clean_fashion200k(caption: str) -> str:
    """Fashion200k (TIRG): signs that a tokenizer would lose become words."""
    caption = caption.strip()
    for sign, word in SIGNS.items():
        caption = caption.replace(sign, word)
    return caption


def difference(source: str, target: str) -> tuple[str, str]:
    """The first source word that the target lacks, and the first target word that the source lacks.

    Where none is lacking it is the *last* word, as in TIRG's loop.
    """
    return _lacking(source, target), _lacking(target, source)


def replacement(source: str, target: str) -> str:
    """Fashion200k's modifier: "replace black with red"."""
    return "replace {} with {}".format(*difference(source, target))


def parent(caption: str, word: str, blanks: int = 2) -> str:
    """A caption with every occurrence of `word`, even inside other words, cut out; runs of blanks become one.

    blanks: how long a run is that becomes one: 2 (TIRG), or 4 (FashionERN's code, where a doubled blank stays).
    """
    return caption.replace(word, "").replace(" " * blanks, " ").strip()


def siblings(captions: Sequence[str], blanks: int = 2) -> dict[str, list[str]]:
    """Parent -> the distinct captions it can be made from, in order; two of one parent differ in one word."""
    children: dict[str, list[str]] = {}
    for caption in dict.fromkeys(captions):
        for word in caption.split():
            made = children.setdefault(parent(caption, word, blanks), [])
            if caption not in made:
                made.append(caption)
    return children


def _lacking(words: str, other: str) -> str:
    parts = words.split()
    known = other.split()
    return next((word for word in parts if word not in known), parts[-1])
