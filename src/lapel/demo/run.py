"""Draw, index, search, write a page, open it."""

from __future__ import annotations

import os
import shutil
import sys
import webbrowser
from dataclasses import dataclass
from pathlib import Path

from lapel import cache
from lapel.catalogue import DEFAULT_MODEL, Catalogue
from lapel.catalogue.models import ModelLike, resolve
from lapel.demo.examples import examples
from lapel.errors import CatalogueError
from lapel.progress import bar
from lapel.schema import Part, Query
from lapel.synth import draw_catalogue

ITEMS = 600
PAGE = "index.html"
INTRO = (
    "Each query below names a detail of a garment; the hits are those of {items} drawn garments that share it. "
    "Choose an attribute under “Where it looked” to see the region that decided. The garments are drawn by Lapel; "
    "your own photos work the same way: lapel index shop.lapel PHOTOS, then lapel search."
)


@dataclass(frozen=True)
class Demo:
    """What the demo made. finds_itself: a photo of the catalogue, asked for anew, came back as the first hit."""

    folder: Path
    page: Path
    catalogue: Path
    items: int
    finds_itself: bool
    opened: bool

    @property
    def passed(self) -> bool:
        """What `lapel demo --check` asks for."""
        return self.finds_itself and self.page.is_file() and self.page.stat().st_size > 0


def run_demo(
    folder: str | Path | None = None,
    n: int = ITEMS,
    *,
    model: ModelLike = DEFAULT_MODEL,
    open_browser: bool = True,
    show: bool | None = False,
) -> Demo:
    """Make or find a small catalogue, ask it some example queries, write a page and open it.

    Args:
        folder: where everything goes; None is a folder in Lapel's cache. What is there already is used again.
        n: how many garments are drawn.
        model: see `Catalogue.create`.
        show: progress bars: None only on a terminal.

    Raises:
        UnknownName: no such model.
        InputError: the folder holds something else.
    """
    place = cache.make("demo") if folder is None else Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    with bar("drawing garments", n, "garments", show) as progress:
        table = draw_catalogue(place / f"garments-{n}", n, progress=progress)
    catalogue = _catalogue(place / f"garments-{n}.lapel", model)
    with bar("indexing", n, show=show) as progress:
        catalogue.add(table, progress=progress)
    page = place / PAGE
    page.write_text(_page(catalogue), encoding="utf-8")
    opened = open_browser and can_open() and webbrowser.open(page.as_uri())
    return Demo(place, page, catalogue.folder, len(catalogue), _finds_itself(catalogue), opened)


def _catalogue(folder: Path, model: ModelLike) -> Catalogue:
    """The demo's catalogue; made anew when another model filled it, for it holds nothing but drawn garments."""
    opened = resolve(model)[0]
    if (folder / "catalogue.json").exists():
        try:
            return Catalogue.open(folder, opened)
        except CatalogueError:
            shutil.rmtree(folder)
    return Catalogue.create(folder, model)


def _page(catalogue: Catalogue) -> str:
    title = "Search by detail"
    return catalogue.contact_sheets(list(examples(catalogue)), title, INTRO.format(items=f"{len(catalogue):,}"))


def _finds_itself(catalogue: Catalogue) -> bool:
    """Ask with the file of the first, a middle and the last item: embedded anew, each must find itself first."""
    items = catalogue.items()
    for row in {0, len(items) // 2, len(items) - 1}:
        answer = catalogue.query(Query((Part(items.paths[row], dict.fromkeys(catalogue.attributes, 1.0)),), k=1))
        if [hit.item for hit in answer.hits] != [items.ids[row]]:
            return False
    return True


def can_open() -> bool:
    """A browser that shows pictures; not a text browser that would take over the terminal."""
    if sys.platform.startswith("linux"):
        return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return True
