"""The pages of this room, as templates that say names as people do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lapel.schema import offered, spoken, spoken_value

if TYPE_CHECKING:
    from jinja2 import Template


def template(name: str) -> Template:
    """A page by its file; a value that is missing raises instead of staying blank."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["spoken"] = spoken
    environment.globals |= {"spoken_value": spoken_value, "offered": offered}
    return environment.get_template(name)
