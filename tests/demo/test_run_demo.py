"""The demo from nothing: drawn garments, indexed, asked, shown; twice without doing it twice."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from colour_model import ColourModel
from lapel import Catalogue, cache
from lapel.demo import run_demo
from lapel.demo.examples import HITS, examples
from lapel.schema import Floats, Outputs


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("demo")
    made = run_demo(place, 24, model=ColourModel(), open_browser=False)
    assert made.passed and made.items == 24 and not made.opened
    return place


def test_a_second_run_embeds_only_its_three_questions(folder: Path) -> None:
    model = ColourModel()
    assert run_demo(folder, 24, model=model, open_browser=False).passed
    assert model.embedded == 3


def test_the_page_shows_every_example_with_its_hits(folder: Path) -> None:
    page = (folder / "index.html").read_text()
    shown = list(examples(Catalogue.open(folder / "garments-24.lapel")))
    assert len(shown) >= 5
    for title, query in shown:
        assert f"<h2>{title}</h2>" in page
        assert query.k == HITS
    assert page.count("<section>") == len(shown)
    assert "http" not in page.replace("http-equiv", "")


def test_examples_are_the_same_every_time(folder: Path) -> None:
    catalogue = Catalogue.open(folder / "garments-24.lapel")
    assert list(examples(catalogue)) == list(examples(catalogue))


def test_another_model_makes_the_catalogue_anew(folder: Path) -> None:
    other = ColourModel(weights="others")
    assert run_demo(folder, 24, model=other, open_browser=False).passed
    assert Catalogue.open(folder / "garments-24.lapel").manifest.card.fingerprint == other.card.fingerprint


def test_without_a_folder_it_lives_in_the_cache(tmp_path: Path) -> None:
    made = run_demo(n=3, model=ColourModel(), open_browser=False)
    assert made.folder == cache.cache_dir() / "demo"
    assert {part.name for part in cache.info().parts} == {"demo"}


class Forgetful(ColourModel):
    """Gives every photo another embedding each time: nothing finds itself."""

    def __call__(self, pixels: Floats) -> Outputs:
        noise = np.random.default_rng(self.embedded).normal(size=pixels.shape).astype(np.float32)
        return super().__call__(noise)


def test_the_check_fails_when_garments_do_not_find_themselves(tmp_path: Path) -> None:
    assert not run_demo(tmp_path, 24, model=Forgetful(), open_browser=False).passed


def test_no_browser_is_opened_without_a_display(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda uri: opened.append(uri) or True)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert not run_demo(tmp_path, 3, model=ColourModel()).opened
    monkeypatch.setenv("DISPLAY", ":0")
    made = run_demo(tmp_path, 3, model=ColourModel())
    assert made.opened and opened == [made.page.as_uri()]
