"""Whether some item seems to fit a text: a sentence where none does, never an error.

Nearest items there always are. A text is doubted when it holds a word that its model was not taught, nor one near it,
or when its best item's cosine is below what texts that fit reach with theirs. Both come with the model's card, written
by `lapel add-words`; docs/words.md says how well they tell. Changes to a photo are judged by their words alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from lapel.schema import Card
from lapel.text import KnownWords


@dataclass(frozen=True)
class Fitting:
    """known: words taught, or near ones. floor: least cosine of a best item that is believed."""

    known: KnownWords
    floor: float

    @classmethod
    def of(cls, card: Card) -> Fitting | None:
        """As the card keeps it; None for a model without words, or taught before this was kept."""
        kept = (card.architecture.get("composed") or {}).get("fits")
        return cls(KnownWords(kept["words"].split()), float(kept["floor"])) if kept else None

    def note(self, text: str, best: float | None) -> str:
        """The sentence for a text whose best item has this cosine (None: not judged by it); empty where one fits."""
        unknown = self.known.unknown(text)
        if unknown:
            said = f" (the model was not taught {' or '.join(repr(word) for word in unknown)})"
        elif best is not None and best < self.floor:
            said = ""
        else:
            return ""
        return f"No item seems to fit '{text}'{said}; these are the nearest."
