"""A run that a trained model teaches: what it carries, what it minimises, and that a resumed one equals a whole one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from lapel.datasets import read  # noqa: E402
from lapel.embedding import embed  # noqa: E402
from lapel.errors import CheckpointError, InputError  # noqa: E402
from lapel.losses.neighbours import kept_neighbours  # noqa: E402
from lapel.models import checkpoint  # noqa: E402
from lapel.models.adapter import TorchModel  # noqa: E402
from lapel.training import load_recipe, teacher  # noqa: E402
from lapel.training.loop import start_processes, train  # noqa: E402
from lapel.training.objective import embedded  # noqa: E402
from lapel.training.stage import set_stage  # noqa: E402
from training_data import BATCHES, TINY, tiny_set  # noqa: E402
from training_runs import train_in_parts  # noqa: E402

RUN = ["sampling.batch=6", "sampling.steps=4", "running={device: cpu, threads: 1, log_every: 1, checkpoint_steps: 2}"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained teacher of color and pattern beside the folder of its photos."""
    home = tmp_path_factory.mktemp("taught")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAPEL_CACHE", str(home / "cache"))
        tiny_set(home / "shop", extra={"size": ["s", "l", "l"]})
        train(taught(home, "data.attributes=[color, pattern]", "optimiser.epochs=1"), home / "start")
    return home


@pytest.fixture(autouse=True)
def _own_cache(home, monkeypatch):
    monkeypatch.setenv("LAPEL_CACHE", str(home / "cache"))


def taught(home: Path, *overrides: str):
    return load_recipe("table/asen_v2", [f"data={home / 'shop'}", *TINY, BATCHES, *RUN, *overrides])


def test_the_batch_carries_the_teachers_embeddings_of_its_photos_and_0_where_it_knows_nothing(home):
    recipe = taught(home, f"model.teacher={home / 'start'}", "data.attributes=[size, pattern, color]")
    stage = set_stage(recipe, start_processes(recipe.running), print)
    stage.feed.begin(1)
    given, cover, labels, photos = stage.feed.batch(0)
    assert cover.shape[1] == 0, "no masks are asked for"
    assert given.shape[:2] == (6, 3) and len(labels) == len(photos) == 6
    assert (given[:, 0] == 0).all(), "size is no attribute of the teacher"
    items = read(home / "shop")
    rows = items.take(np.flatnonzero(np.array(items.table["split"]) == "train"))
    model, card = checkpoint.load(home / "start" / "best.safetensors")
    table, _ = embed(TorchModel(model, card), rows.paths, rows.ids)
    drawn = stage.feed.drawn[0]
    for at, name in ((1, "pattern"), (2, "color")):
        expected = table.outputs.embeddings[drawn, card.vocabulary.names.index(name)]
        assert np.abs(given[:, at].numpy() - expected).max() < 2e-3, "kept in half precision"


def test_the_loss_is_the_batch_loss_plus_the_distance_of_the_neighbours(home):
    found = {}
    for weight in (0.0, 2.0):
        recipe = taught(home, f"model.teacher={home / 'start'}", f"loss.taught={weight}", "loss.taught_temperature=0.3")
        stage = set_stage(recipe, start_processes(recipe.running), print)
        stage.feed.begin(1)
        batch = stage.feed.batch(0)
        stage.model.train()
        found[weight] = stage.objective(*batch).loss.item()
    given, _, _, photos = batch
    embeddings = embedded(stage.model, stage.model.backbone(stage.objective.module.pixels(photos)))
    kept = kept_neighbours(embeddings, given, 0.3).item()
    assert kept > 0 and found[2.0] - found[0.0] == pytest.approx(2 * kept, rel=1e-4)


def test_a_taught_run_that_was_stopped_equals_a_whole_one_and_its_card_names_the_teacher(home, tmp_path):
    whole = train_in_parts(taught(home, f"model.teacher={home / 'start'}", "optimiser.epochs=2"), tmp_path)
    name = checkpoint.read_card(home / "start" / "best.safetensors").fingerprint
    assert f"taught by {taught(home).name} {name}" in checkpoint.read_card(whole / "best.safetensors").pretrained


def test_the_stage_before_teaches_one_that_begins_anew_or_goes_on(home, tmp_path):
    later = "{optimiser: {epochs: 1}, model: {teacher: best, start: %s}}"
    recipe = taught(home, f"stages=[{{optimiser: {{epochs: 1}}}}, {later % 'fresh'}, {later % 'best'}]")
    run = train(recipe, tmp_path / "run")
    cards = [checkpoint.read_card(run / f"stage-{n}" / "best.safetensors") for n in (1, 2, 3)]
    assert ["taught by" in card.pretrained for card in cards] == [False, True, True]
    assert ["continues" in card.pretrained for card in cards] == [False, False, True]
    assert cards[0].fingerprint in cards[1].pretrained and recipe.quick.stage(2).model.teacher == "best"


def test_a_teacher_is_asked_once(home, monkeypatch):
    recipe = taught(home, f"model.teacher={home / 'start'}")
    set_stage(recipe, start_processes(recipe.running), print)
    monkeypatch.setattr(teacher, "embed_batches", lambda *_, **__: pytest.fail("asked again"))
    set_stage(recipe, start_processes(recipe.running), print)


def test_wrong_teachers_are_one_sentence(home, tmp_path):
    with pytest.raises(InputError, match=r"knows color, pattern; this run learns size"):
        train(taught(home, f"model.teacher={home / 'start'}", "data.attributes=[size]"), tmp_path / "a")
    with pytest.raises(InputError, match="model.teacher goes with sampling.mode batch"):
        taught(home, "model.teacher=x", "sampling.mode=triplets")
    with pytest.raises(CheckpointError, match="No checkpoint at .*none"):
        train(taught(home, f"model.teacher={tmp_path / 'none'}"), tmp_path / "b")
