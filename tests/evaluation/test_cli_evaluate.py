"""`lapel evaluate` on tables and catalogues, with a model that sees nothing but colour."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from evaluation_data import make_card
from lapel.datasets import read
from lapel.errors import ImageError, UnknownName
from lapel.evaluation import Evaluation, evaluate, near_duplicates
from lapel.interfaces.cli import _evaluation
from lapel.interfaces.cli.main import command
from lapel.schema import Outputs, Vocabulary

COLOURS = {"red": (200, 30, 30), "green": (30, 180, 30), "blue": (30, 30, 200)}
VOCABULARY = Vocabulary.of({"color": COLOURS, "year": ("2011", "2012")})


class ColourModel:
    """Under every attribute the mean colour, as a unit vector."""

    def __init__(self, name: str = "toy", scale: float = 1.0) -> None:
        self.card = make_card(VOCABULARY, 3, name)
        self.scale, self.calls = scale, 0

    def __call__(self, pixels: np.ndarray) -> Outputs:
        self.calls += 1
        colour = np.exp(self.scale * pixels.mean(axis=(2, 3)))
        colour /= np.linalg.norm(colour, axis=1, keepdims=True)
        n, k = len(pixels), len(VOCABULARY)
        vectors = np.repeat(colour[:, None], k, 1).astype(np.float32)
        values = np.full((n, VOCABULARY.width), 0.5, np.float32)
        return Outputs(vectors, np.ones((n, k, 1, 1), np.float32), values, colour.astype(np.float32))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """30 photos of noisy colour, half of them test; the years are numbers, one label is missing."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "photos"
    folder.mkdir()
    rows = []
    for i in range(30):
        color = list(COLOURS)[i % 3]
        noise = rng.integers(-30, 31, (24, 24, 3))
        pixels = np.clip(np.array(COLOURS[color]) + noise, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")
        year = "" if i == 3 else str(2011 + i % 2)
        rows.append({"image": f"{i}.png", "split": "train" if i % 2 else "test", "color": color, "year": year})
    for row in rows[::4]:
        row["year"] = "2012"
    with (folder / "labels.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> ColourModel:
    toy = ColourModel()
    monkeypatch.setattr(_evaluation, "open_model", lambda name: toy)
    return toy


def run(*arguments: object) -> str:
    result = CliRunner().invoke(command, ["evaluate", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_table_json_and_report(photos: Path, model: ColourModel, tmp_path: Path) -> None:
    out = run("toy", photos, "--json", tmp_path / "e.json", "--html", tmp_path / "e.html")
    assert "toy on photos (test), protocol each-against-rest" in " ".join(out.split())
    found = Evaluation.load(tmp_path / "e.json")
    assert found.attributes["color"].map == 100 and found.attributes["color"].r1 == 100
    assert set(found.attributes) == {"color", "year"}  # a column of numbers, because the model knows it
    assert found.attributes["color"].queries == 15 and found.data.split == "test" and found.data.complete
    text = (tmp_path / "e.html").read_text()
    assert text.count("data:image/jpeg;base64,") > 20 and "color" in text
    items = read(photos, attributes=["color", "year"])
    assert evaluate(model, items).to_dict() == found.to_dict()


def test_json_to_the_screen_is_json_alone(photos: Path, model: ColourModel) -> None:
    data = json.loads(run("toy", photos, "--json", "-", "--protocol", "every-fifth", "--attributes", "color"))
    assert data["protocol"] == "every-fifth" and list(data["attributes"]) == ["color"]
    assert data["attributes"]["color"]["queries"] == 3 and data["attributes"]["color"]["gallery"] == 12


def test_a_table_without_splits_is_scored_whole(photos: Path, model: ColourModel) -> None:
    lines = [line.split(",") for line in (photos / "labels.csv").read_text().splitlines()]
    (photos / "labels.csv").write_text("\n".join(",".join([a, *rest]) for a, _, *rest in lines))
    data = json.loads(run("toy", photos, "--json", "-"))
    assert data["data"]["split"] == "all" and data["attributes"]["color"]["queries"] == 30


def test_a_copy_of_a_photo_is_left_out_of_its_rankings(photos: Path, model: ColourModel) -> None:
    (photos / "2.png").write_bytes((photos / "0.png").read_bytes())
    groups = near_duplicates(read(photos))
    assert groups["0.png"] == groups["2.png"] and len(set(groups.values())) == 29
    data = json.loads(run("toy", photos, "--json", "-"))
    assert data["near_duplicates"] == "the query and its near duplicates (2 items in 1 group)"


def test_unreadable_photos_stop_or_are_left_out(photos: Path, model: ColourModel) -> None:
    (photos / "4.png").write_bytes(b"")
    with pytest.raises(ImageError, match=r"4\.png"):
        run("toy", photos)
    data = json.loads(run("toy", photos, "--skip", "--json", "-"))
    assert data["data"]["complete"] is False and data["attributes"]["color"]["queries"] == 14
    assert "1 of 15 items of the split have no embedding" in data["notes"][0]


def test_wrong_names_cost_no_embedding(photos: Path, model: ColourModel) -> None:
    with pytest.raises(UnknownName, match="Unknown attribute 'colour'. Did you mean 'color'"):
        run("toy", photos, "--attributes", "colour")
    with pytest.raises(UnknownName, match="Unknown protocol"):
        run("toy", photos, "--protocol", "each")
    assert model.calls == 0


def test_a_catalogue_of_this_model_is_scored_from_what_it_stores(
    photos: Path, model: ColourModel, tmp_path: Path
) -> None:
    from lapel.catalogue import Catalogue

    Catalogue.create(tmp_path / "shop.lapel", model).add(read(photos, attributes=["color", "year"]))
    calls = model.calls
    data = json.loads(run("toy", tmp_path / "shop.lapel", "--json", "-"))
    assert model.calls == calls
    fresh = json.loads(run("toy", photos, "--json", "-"))
    assert data["attributes"]["color"] == fresh["attributes"]["color"]
    assert data["data"]["fingerprint"] == fresh["data"]["fingerprint"]


def test_a_catalogue_of_another_model_gives_its_photos(photos: Path, model: ColourModel, tmp_path: Path) -> None:
    from lapel.catalogue import Catalogue

    other = ColourModel("other")
    other.card = other.card.with_(weights_sha256="1" * 64)
    Catalogue.create(tmp_path / "shop.lapel", other).add(read(photos, attributes=["color"]))
    data = json.loads(run("toy", tmp_path / "shop.lapel", "--json", "-"))
    assert model.calls > 0 and data["model"] == "toy" and data["attributes"]["color"]["map"] == 100


def without_torch(code: str) -> subprocess.CompletedProcess[str]:
    block = "import sys\nfor name in ('torch', 'timm', 'torchvision', 'safetensors'): sys.modules[name] = None\n"
    return subprocess.run([sys.executable, "-c", block + code], capture_output=True, text=True, timeout=60)


def test_evaluation_needs_no_torch_and_the_baseline_says_that_it_does(photos: Path) -> None:
    done = without_torch("import lapel.evaluation.report, lapel.compare, lapel.interfaces.cli._evaluation")
    assert done.returncode == 0, done.stderr
    asked = f"['lapel', 'evaluate', 'imagenet:efficientnet_lite0', {str(photos)!r}]"
    refused = without_torch(f"sys.argv = {asked}\nfrom lapel.interfaces.cli.main import main\nmain()")
    assert refused.returncode == 1
    assert refused.stderr.strip() == (
        "Error: The baseline imagenet:efficientnet_lite0 needs an extra that is not installed. "
        "Run: pip install 'lapel[train]'"
    )
