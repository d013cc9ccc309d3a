"""An explanation as one PNG: a row a picture, a column an attribute, heat maps laid over, probabilities beneath."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw, ImageFont

from lapel.explain.explanation import Explanation, Seen
from lapel.explain.heat_map import heat_map
from lapel.schema import Contribution, spoken

SIDE, GAP, LINE = 220, 16, 15
VALUES_SHOWN = 3
INK, QUIET, PAPER, EMPTY = (38, 34, 30), (106, 100, 93), (251, 250, 248), (238, 233, 227)


def picture(explanation: Explanation) -> bytes:
    """PNG bytes, RGB."""
    rows = [(f"query: {seen.name}", seen) for seen in explanation.references]
    rows.append((f"hit: {explanation.item}", explanation.hit))
    columns = max(1, len(explanation.attributes))
    terms = [_term(part) for part in explanation.parts]
    head = GAP + LINE * (len(terms) + 2)
    row_height = LINE * (3 + VALUES_SHOWN) + SIDE
    width = max(GAP + columns * (SIDE + GAP), 3 * SIDE)
    sheet = Image.new("RGB", (width, head + len(rows) * row_height), PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    pen.text((GAP, GAP), f"{explanation.item}: score {explanation.score:.4f}", INK, font)
    for place, term in enumerate(terms, 1):
        pen.text((GAP, GAP + place * LINE), term, QUIET, font)
    for place, (title, seen) in enumerate(rows):
        top = head + place * row_height
        pen.text((GAP, top), title[-60:], INK, font)
        _row(sheet, pen, font, top + LINE + 4, seen, explanation)
    out = io.BytesIO()
    sheet.save(out, "PNG")
    return out.getvalue()


def _row(
    sheet: Image.Image,
    pen: ImageDraw.ImageDraw,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    top: int,
    seen: Seen,
    explanation: Explanation,
) -> None:
    thumb = Image.open(io.BytesIO(seen.thumb)).convert("RGB") if seen.thumb else Image.new("RGB", (SIDE, SIDE), EMPTY)
    asked = [name for name in explanation.attributes if name in seen.regions or name in seen.values]
    for name in asked or [""]:
        left = GAP + (explanation.attributes.index(name) if name else 0) * (SIDE + GAP)
        shown = heat_map(thumb, seen.regions[name], explanation.card.preprocess) if name in seen.regions else thumb
        small = shown.copy()
        small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
        sheet.paste(small, (left, top))
        pen.text((left, top + SIDE + 2), spoken(name or "the whole look"), INK, font)
        for place, (value, probability) in enumerate(list(seen.values.get(name, {}).items())[:VALUES_SHOWN], 1):
            pen.text((left, top + SIDE + 2 + place * LINE), f"{value} {probability:.0%}", QUIET, font)


def _term(part: Contribution) -> str:
    return f"{part.attribute}  {part.weight:+.3f} x {part.cosine:.4f} = {part.added:+.4f}   {part.source[-60:]}"
