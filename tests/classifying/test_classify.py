"""Values of photos: the model's own probabilities, unreadable photos listed, the table, the page, the command."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from rich.console import Console

import lapel
from colour_model import OUTFITS, ColourModel, draw, draw_shop
from lapel.classifying import classify
from lapel.classifying.classify import published_scores
from lapel.classifying.page import write_page
from lapel.classifying.tables import guess_table
from lapel.errors import InputError, UnknownName
from lapel.images import fit, normalise, open_image
from lapel.interfaces.cli.classify import command
from lapel.schema import Outputs, Vocabulary


class StyleColours(ColourModel):
    """The colour model's top half as a style classifier of inverse temperature 4."""

    def __init__(self, fitted: bool = True) -> None:
        super().__init__()
        vocabulary = Vocabulary.of({"style": self.card.vocabulary["top"].values})
        self.card = self.card.with_(
            system="style", vocabulary=vocabulary, values_fitted=fitted, architecture={"value_scale": {"style": 4.0}}
        )

    def logits(self, pixels: np.ndarray) -> np.ndarray:
        return np.log(super().__call__(pixels).values[:, :3]) / 5  # cosines up to a constant

    def __call__(self, pixels: np.ndarray) -> Outputs:
        given, logits = super().__call__(pixels), 4.0 * self.logits(pixels)
        values = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        return replace(
            given, embeddings=given.embeddings[:, :1], regions=given.regions[:, :1], values=values.astype("f4")
        )


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    draw_shop(tmp_path / "shop")
    return tmp_path / "shop"


def test_each_photo_holds_what_was_drawn_with_the_models_own_probabilities(shop: Path) -> None:
    model = ColourModel()
    found = lapel.classify(shop, model)
    assert [photo.image.stem for photo in found.photos] == sorted(OUTFITS)
    for photo in found.photos:
        assert (photo.guesses["top"].value, photo.guesses["bottom"].value) == OUTFITS[photo.image.stem]
        pixels = normalise(fit(open_image(photo.image), model.card.preprocess)[None], model.card.preprocess)
        expected = model(pixels).values[0]
        for name, part in zip(("top", "bottom"), model.card.vocabulary.slices, strict=True):
            told = photo.guesses[name].probabilities
            given = [told[value] for value in model.card.vocabulary[name].values]
            assert given == pytest.approx(expected[part].tolist(), abs=1e-6)
            assert list(told.values()) == sorted(told.values(), reverse=True) and sum(given) == pytest.approx(1)
            assert photo.guesses[name].score is None
    assert found.calibrated and not found.unreadable


def test_files_and_folders_mix_and_nothing_is_told_twice(shop: Path) -> None:
    extra = draw(shop / "deep" / "down" / "x.png", "blue", "green")
    found = classify([extra, shop], ColourModel(), attributes=["bottom"], batch=2)
    assert [photo.image.name for photo in found.photos] == ["x.png", *(f"{name}.png" for name in sorted(OUTFITS))]
    assert found.attributes == ("bottom",)


def test_an_unreadable_photo_is_listed_and_stops_nothing(shop: Path) -> None:
    (shop / "green-cut.png").write_bytes((shop / "green-blue.png").read_bytes()[:60])
    (shop / "not.jpg").write_text("words")
    found = classify([shop, shop / "absent.jpg"], ColourModel(), batch=2)
    assert len(found.photos) == 5
    reasons = {one.image.name: one.reason for one in found.unreadable}
    assert set(reasons) == {"green-cut.png", "not.jpg", "absent.jpg"}
    assert all(str(shop) not in reason and reason for reason in reasons.values())
    assert [row["image"] for row in found.to_dict()["unreadable"]] == [str(one.image) for one in found.unreadable]


def test_nothing_readable_is_an_answer_too(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("words")
    found = classify(tmp_path, ColourModel())
    assert not found.photos and len(found.unreadable) == 1 and found.attributes == ()


def test_wrong_wishes_get_a_sentence(shop: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'top'"):
        classify(shop, ColourModel(), attributes=["topp"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no photo"):
        classify(tmp_path / "empty", ColourModel())
    with pytest.raises(InputError, match="no photo to classify"):
        classify([], ColourModel())
    unfitted = ColourModel()
    unfitted.card = unfitted.card.with_(values_fitted=False)
    with pytest.raises(InputError, match="never fitted"):
        classify(shop, unfitted)


@pytest.mark.parametrize("fitted", [True, False])
def test_a_style_model_tells_the_published_score_apart(shop: Path, fitted: bool) -> None:
    model = StyleColours(fitted)
    found = classify(shop, model)
    assert found.calibrated is fitted
    for photo in found.photos:
        logits = model.logits(
            normalise(fit(open_image(photo.image), model.card.preprocess)[None], model.card.preprocess)
        )
        bare = np.exp(logits[0]) / np.exp(logits[0]).sum()
        guess = photo.guesses["style"]
        told = [guess.scores[value] for value in model.card.vocabulary["style"].values]
        assert told == pytest.approx(bare.tolist(), abs=1e-6)
        assert guess.score == max(told) and guess.score < guess.probability and guess.score <= 0.787
        assert list(guess.scores) == list(guess.probabilities)
        data = guess.to_dict()
        assert data["published_score"] == round(guess.score, 6) and data["id"] == told.index(max(told))


@pytest.mark.parametrize("scale", [0.1, 1.0, 10.0, 40.0])
def test_the_published_score_comes_back_from_float32_probabilities(scale: float) -> None:
    logits = np.random.default_rng(0).uniform(-1, 1, (50, 4))
    given = np.exp(scale * logits - (scale * logits).max(1, keepdims=True))
    given = (given / given.sum(1, keepdims=True)).astype(np.float32).astype(np.float64)
    bare = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(published_scores(given, scale), bare, atol=1e-6)


def told(found: lapel.Classified) -> str:
    console = Console(width=80, record=True, quiet=False, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(guess_table(found))
    console.file.close()
    return console.export_text()


def test_the_table_fits_eighty_columns_and_says_what_the_figures_are(shop: Path) -> None:
    text = told(classify(shop, ColourModel()))
    assert max(map(len, text.splitlines())) <= 80
    for name, (top, _) in OUTFITS.items():
        line = next(line for line in text.splitlines() if line.strip().startswith(f"{name}.png"))
        assert top in line
    assert "probability" in text and "published" not in text
    style = told(classify(shop, StyleColours(fitted=False)))
    assert "published score" in style and "trust their order" in " ".join(style.split())


def test_the_page_needs_nothing_beside_it_and_escapes_names(shop: Path, tmp_path: Path) -> None:
    draw(shop / "<b>&.png", "red", "red")
    (shop / "bad.jpg").write_text("words")
    page = write_page(classify(shop, StyleColours()), tmp_path / "out" / "page.html").read_text()
    sources = []

    class Sources(HTMLParser):
        def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
            sources.extend(value for name, value in attributes if name in ("src", "href") and value)

    Sources().feed(page)
    assert len(sources) == 6 and all(source.startswith("data:image/jpeg") for source in sources)
    assert "<b>&.png" not in page and "&lt;b&gt;&amp;.png" in page
    assert "bad.jpg" in page and "published score" in page


def test_the_command_works_on_an_exported_model_without_pytorch(shop: Path, tmp_path: Path) -> None:
    onnx = pytest.importorskip("colour_onnx")
    folder = onnx.export_colours(tmp_path / "model")
    script = "import sys; sys.modules['torch'] = None; from lapel.interfaces.cli.main import main; main()"
    asked = ["classify", str(shop), "--model", str(folder), "--json", "--html", str(tmp_path / "p.html")]
    done = subprocess.run([sys.executable, "-c", script, *asked], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    assert data["model"] == "colours" and len(data["photos"]) == 5
    first = data["photos"][0]
    assert first["attributes"]["top"]["value"] == OUTFITS[Path(first["image"]).stem][0]
    assert (tmp_path / "p.html").is_file()


def test_the_command_prints_a_table_and_names_what_it_left_out(shop: Path, tmp_path: Path) -> None:
    onnx = pytest.importorskip("colour_onnx")
    folder = onnx.export_colours(tmp_path / "model")
    (shop / "bad.jpg").write_text("words")
    done = CliRunner().invoke(command, [str(shop), "--model", str(folder), "--attributes", "top"])
    assert done.exit_code == 0 and "Left out" in done.output and "bad.jpg" in done.output
    assert done.output.count("top") == 5 and "bottom" not in done.output
    wrong = CliRunner().invoke(command, [str(shop), "--model", str(folder), "--visualize", str(tmp_path)])
    assert isinstance(wrong.exception, InputError) and "--boxes" in str(wrong.exception)
