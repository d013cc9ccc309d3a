"""An explanation as one HTML file without outside assets."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from PIL import Image

from lapel.explain.explanation import Explanation, Seen
from lapel.explain.overlays import data_uri, overlay
from lapel.explain.templates import template

TEMPLATE = "why.html.j2"
VALUES_SHOWN = 3


def page(explanation: Explanation) -> str:
    """The whole page as HTML text."""
    pictures = [*explanation.references, explanation.hit]
    rows = [_row(seen, explanation) for seen in pictures]
    rows[-1]["title"] = f"Hit: {explanation.item}"
    whole = sum(abs(part.weight) for part in explanation.parts) or 1.0
    return template(TEMPLATE).render(explanation=explanation, rows=rows, whole=whole)


def _row(seen: Seen, explanation: Explanation) -> dict[str, Any]:
    cells = []
    for name in explanation.attributes:
        values = list(seen.values.get(name, {}).items())[:VALUES_SHOWN]
        asked = name in seen.regions or name in seen.values
        laid = None
        if seen.thumb and name in seen.regions:
            with Image.open(io.BytesIO(seen.thumb)) as picture:
                laid = overlay(seen.regions[name], picture.size, explanation.card.preprocess)
        cells.append({"attribute": name, "overlay": laid, "values": values, "asked": asked})
    uri = data_uri(seen.thumb, "jpeg") if seen.thumb else ""
    return {"title": f"Query: {Path(seen.name).name}", "uri": uri, "cells": cells}
