"""Masks guide attention: they go through the photo's own changes, and a run that heeds them resumes to the same."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from lapel.errors import InputError, TrainingError  # noqa: E402
from lapel.losses.looked_at import looked_at  # noqa: E402
from lapel.training import load_recipe  # noqa: E402
from lapel.training.loop import start_processes, train  # noqa: E402
from lapel.training.stage import set_stage  # noqa: E402
from training_data import BATCHES, TINY, tiny_set, write_table  # noqa: E402
from training_runs import train_in_parts  # noqa: E402

SETS = "data.sets=[{path: shop, regions: {color: dress, pattern: dress belt}}]"
RUN = ["sampling.batch=6", "sampling.steps=4", "running={device: cpu, threads: 1, log_every: 1, checkpoint_steps: 2}"]


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Every second photo has a mask whose region is white in the photo: a dress, and a belt below it."""
    monkeypatch.setenv("LAPEL_CACHE", str(tmp_path / "cache"))
    shop = tiny_set(tmp_path / "shop")
    (shop / "masks").mkdir()
    (shop / "classes.txt").write_text("null\ndress\nbelt\n")
    with (shop / "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for n, row in enumerate(rows):
        row["mask"] = ""
        if n % 2 == 0:
            mask = np.zeros((64, 48), np.uint8)
            top, left = 8 + n % 3 * 8, 4 + n % 5 * 6
            mask[top : top + 20, left : left + 14], mask[top + 20 : top + 28, left : left + 14] = 1, 2
            Image.fromarray(mask).save(shop / "masks" / f"{n:03}.png")
            Image.fromarray(np.where(mask == 1, 255, 0).astype(np.uint8)).convert("RGB").save(shop / row["image"])
            row["mask"] = f"masks/{n:03}.png"
    write_table(shop, rows)
    return tmp_path


def guided(home, *overrides):
    return load_recipe("table/asen_v2", [SETS, f"data={home}", *TINY, BATCHES, *RUN, "loss.region=0.5", *overrides])


@pytest.mark.parametrize(
    "change", ["{flip: 0.5}", "{flip: 0.5, area: 0.5}", "{flip: 0.5, area: 0.6, perspective: 0.5}"]
)
def test_the_region_is_where_the_changed_photo_shows_it(home, change):
    stage = set_stage(guided(home, f"sampling.augment={change}"), start_processes(guided(home).running), print)
    stage.feed.begin(1)
    found = 0
    for number in range(4):
        taught, cover, _, photos = stage.feed.batch(number)
        assert taught.shape[1] == 0
        for b in range(len(photos)):
            seen = photos[b, ..., 0].numpy().astype(np.float64) / 255
            if cover[b].any():
                cells = seen.reshape(cover.shape[2], -1, cover.shape[3], seen.shape[1] // cover.shape[3]).mean((1, 3))
                assert np.abs(cover[b, 0].numpy() - cells).max() < 0.04
                assert (cover[b, 1] >= cover[b, 0] - 0.01).all() and cover[b, 1].sum() > cover[b, 0].sum()
                found += 1
    assert found >= 6


def test_photos_with_masks_join_each_batch_and_the_loss_is_the_plain_one_plus_the_regions(home):
    recipe = guided(home, "sampling.masked=3")
    stage = set_stage(recipe, start_processes(recipe.running), print)
    plain = set_stage(guided(home, "loss.region=0"), start_processes(recipe.running), print)
    stage.feed.begin(1)
    plain.feed.begin(1)
    _, cover, labels, photos = batch = stage.feed.batch(1)
    assert len(photos) == len(labels) == 9 and stage.feed.photos == 9
    assert cover[6:].flatten(2).any(dim=2).all(), "the three that joined have masks"
    assert (stage.feed.drawn[:, :6] == plain.feed.drawn).all(), "the others are drawn as without"
    stage.model.train()
    whole = stage.objective(*batch).loss.item()
    model, pixels = stage.model, stage.objective.module.pixels
    rest = stage.criterion(
        torch.nn.functional.normalize(model.head.all(model.backbone(pixels(photos))).raw.float(), dim=2), labels
    ).item()
    regions = looked_at(model.head.all(model.backbone(pixels(photos))).regions, cover).item()
    assert whole == pytest.approx(rest + 0.5 * regions, rel=1e-4)


def test_a_guided_run_that_was_stopped_equals_a_whole_one(home):
    train_in_parts(guided(home, "sampling.masked=2", "optimiser.epochs=2"), home)


def test_wrong_masks_are_one_sentence(home):
    with pytest.raises(TrainingError, match=r"regions of 'color': .*classes.txt has no class 'hat'"):
        train(guided(home, "data.sets=[{path: shop, regions: {color: dress hat}}]"), home / "a")
    with pytest.raises(TrainingError, match="no training photo has a mask"):
        train(guided(home, "data.sets=[{path: shop}]"), home / "b")
    with pytest.raises(InputError, match="csn pays no attention"):
        train(guided(home, "model.system=csn", "model.options={}"), home / "e")
    with pytest.raises(InputError, match=r"loss.region goes with sampling.augment.jitter 0"):
        guided(home, "sampling.augment={jitter: 0.1}")
    with pytest.raises(InputError, match=r"loss.region goes with sampling.mode batch"):
        guided(home, "sampling.mode=triplets")
    for mask in (home / "shop" / "masks").iterdir():
        mask.write_bytes(b"no picture")
    with pytest.raises(TrainingError, match=r"The mask .*masks/\d+\.png cannot be read"):
        train(guided(home), home / "c")
    (home / "shop" / "classes.txt").unlink()
    with pytest.raises(TrainingError, match=r"There is no classes.txt"):
        train(guided(home), home / "d")
