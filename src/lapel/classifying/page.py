"""Classified photos as one HTML file that needs nothing beside it: pictures, bars of probabilities."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from lapel.classifying.records import Classified
from lapel.classifying.tables import caption_of, title_of
from lapel.evaluation.report import thumbnail
from lapel.schema import spoken, spoken_value

MOST = 4
"""Values shown an attribute, most probable first."""

PICTURE = 240
"""Pictures fit into a square of so many pixels."""


def write_page(found: Classified, path: str | Path) -> Path:
    """Write the page; pictures are embedded, so keep it out of a repository when the photos must be."""
    text = resources.files("lapel.classifying").joinpath("page.html.j2").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    pictures = [thumbnail(photo.image, PICTURE) for photo in found.photos]
    environment.filters |= {"spoken": spoken}
    environment.globals["spoken_value"] = spoken_value
    page = environment.from_string(text).render(
        found=found, title=title_of(found), remarks=caption_of(found), pictures=pictures, most=MOST
    )
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page, encoding="utf-8")
    return target
