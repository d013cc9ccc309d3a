"""Classified photos as a table for a terminal."""

from __future__ import annotations

from rich import box
from rich.table import Table

from lapel.classifying.records import Classified, Guess
from lapel.schema import meaning, spoken, spoken_value


def guess_table(found: Classified) -> Table:
    """One row a photo and attribute: the value, its probability, the next value; published scores where there are."""
    scored = any(guess.score is not None for photo in found.photos[:1] for guess in photo.guesses.values())
    table = Table(title=title_of(found), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.caption, table.caption_justify = caption_of(found), "left"
    table.add_column("photo", overflow="fold")
    for name in ("attribute", "value"):
        table.add_column(name, no_wrap=True)
    table.add_column("probability" if found.calibrated else "softmax", justify="right")
    if scored:
        table.add_column("published score", justify="right")
    table.add_column("next", no_wrap=True, overflow="ellipsis")
    for photo in found.photos:
        for row, (name, guess) in enumerate(photo.guesses.items()):
            value = spoken_value(name, guess.value)
            cells = [photo.image.name if row == 0 else "", spoken(name), value, f"{guess.probability:.3f}"]
            cells += [f"{guess.score:.3f}"] if guess.score is not None else []
            table.add_row(
                *cells, _next(name, guess), end_section=row == len(photo.guesses) - 1 and len(photo.guesses) > 1
            )
    return table


def title_of(found: Classified) -> str:
    """Model and number of photos."""
    return f"{found.model} on {len(found.photos):,} photo{'' if len(found.photos) == 1 else 's'}"


def caption_of(found: Classified) -> str:
    """What one must know to read the figures."""
    lines = []
    if not found.calibrated:
        lines.append("The model's probabilities were not fitted to labelled photos: trust their order, not their size.")
    if any(guess.scores for photo in found.photos[:1] for guess in photo.guesses.values()):
        lines.append("Published score: softmax of bare logits, as the released code prints; it is no probability.")
    lines += [f"{spoken(name)}: {meaning(name)}." for name in found.attributes if meaning(name)]
    if "doubtful" in found.notes:
        lines.append(found.notes)
    return "\n".join(lines)


def _next(name: str, guess: Guess) -> str:
    others = list(guess.probabilities.items())[1:2]
    return ", ".join(f"{spoken_value(name, value)} {p:.3f}" for value, p in others)
