"""A whole run on tiny photos: what it leaves, what it refuses, and that a stopped run loses nothing."""

from __future__ import annotations

import errno
import json

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file  # noqa: E402

from lapel.errors import ImageError, InputError, TrainingError  # noqa: E402
from lapel.models import checkpoint  # noqa: E402
from lapel.training import journal, load_recipe  # noqa: E402
from lapel.training import place as place_module  # noqa: E402
from lapel.training.loop import train  # noqa: E402
from training_data import BATCHES  # noqa: E402
from training_runs import stopped_at  # noqa: E402


@pytest.fixture(autouse=True)
def _draw_once(monkeypatch, request):
    """Drawing curves takes longer than a tiny run: only the test that looks at them draws them."""
    if "leaves" not in request.node.name:
        monkeypatch.setattr(journal, "draw_curves", lambda rows, steps, path: None)


def rows(run, kind):
    lines = (run / "metrics.jsonl").read_text().splitlines()
    return [row for row in map(json.loads, lines) if row["kind"] == kind]


def same_weights(one, other):
    a, b = load_file(one), load_file(other)
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("sampling", ["", BATCHES])
def test_a_run_leaves_a_model_its_card_and_its_history(tiny_recipe, tmp_path, sampling):
    recipe = tiny_recipe(*filter(None, [sampling]))
    run = train(recipe, tmp_path / "run")
    assert load_recipe(run / "recipe.yaml") == recipe
    about = json.loads((run / "about.json").read_text())
    assert about["seed"] == 1 and about["versions"]["torch"] == torch.__version__.split("+")[0]
    assert [(r["epoch"], r["step"]) for r in rows(run, "train")] == [(e, s) for e in (1, 2) for s in (1, 2, 3, 4)]
    assert [r["epoch"] for r in rows(run, "valid")] == [1, 2]
    assert set(rows(run, "valid")[0]["attributes"]) == {"color", "pattern"}
    assert (run / "curves.png").read_bytes()[:4] == b"\x89PNG" and list(run.glob("events.*"))

    model, card = checkpoint.load(run / "best.safetensors")
    assert card.values_fitted and bool(model.values.fitted) and card.name == "table/asen_v2"
    assert card.vocabulary.names == ("color", "pattern") and card.look_dim == 8
    (source,) = card.learnt_from
    assert source["name"] == "shop" and source["splits"] == {"train": 24, "valid": 6, "test": 6}
    best = max(row["map"] for row in rows(run, "valid"))
    assert card.scores["mean_over_attributes"] == pytest.approx(best, abs=1e-3)
    out = model(torch.rand(2, 3, 32, 32))
    assert torch.allclose(out.values.sum(dim=1), torch.tensor(2.0))
    assert torch.allclose(out.look.norm(dim=1), torch.ones(2), atol=1e-5)


def test_training_learns_what_the_photos_show(tiny_recipe, tmp_path):
    asked = ["sampling={mode: batch, batch: 12, steps: 20}", "optimiser={epochs: 2, lr: 3e-3}"]
    run = train(tiny_recipe(*asked), tmp_path / "run")
    losses = [row["loss"] for row in rows(run, "train")]
    assert sum(losses[-5:]) < 0.5 * sum(losses[:5])


def test_the_same_recipe_gives_the_same_weights(tiny_recipe, tmp_path):
    recipe = tiny_recipe("optimiser.epochs=1")
    one, other = (train(recipe, tmp_path / name) / "best.safetensors" for name in "ab")
    assert same_weights(one, other)
    third = train(tiny_recipe("optimiser.epochs=1", "seed=2"), tmp_path / "c") / "best.safetensors"
    assert not same_weights(one, third)


@pytest.mark.parametrize("sampling", ["", BATCHES])
def test_ctrl_c_saves_the_place_and_resume_ends_with_the_same_weights(tiny_recipe, tmp_path, monkeypatch, sampling):
    recipe = tiny_recipe(*filter(None, [sampling]))
    with stopped_at(2, 1) as stop:
        train(recipe, tmp_path / "stopped")
    assert str(stop.value) == f"Stopped in epoch 2, step 1; the place is saved in {tmp_path / 'stopped'}."
    resumed = train(recipe, tmp_path / "stopped", resume=True)
    whole = train(recipe, tmp_path / "whole")
    for name in ("last.safetensors", "best.safetensors"):
        assert same_weights(resumed / name, whole / name)
    strip = lambda found: [{k: v for k, v in row.items() if k != "photos_per_second"} for row in found]  # noqa: E731
    assert strip(rows(resumed, "train")) == strip(rows(whole, "train"))
    assert rows(resumed, "valid") == rows(whole, "valid")


def test_a_finished_run_resumed_changes_nothing(tiny_recipe, tmp_path):
    recipe = tiny_recipe("optimiser.epochs=1")
    run = train(recipe, tmp_path / "run")
    before = {p.name: p.read_bytes() for p in run.glob("*.safetensors")}
    train(recipe, run, resume=True)
    assert {p.name: p.read_bytes() for p in run.glob("*.safetensors")} == before


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_last_good_checkpoint(tiny_recipe, tmp_path):
    with pytest.raises(TrainingError) as error:
        train(tiny_recipe("optimiser.lr=1e30", "optimiser.epochs=1"), tmp_path / "run")
    last = tmp_path / "run" / "last.safetensors"
    assert str(error.value) == (
        f"The loss is nan in epoch 1, step 2; the run stopped. The last good checkpoint is '{last}'. Start again with a "
        "lower learning rate (--set optimiser.lr=3e+29) or a longer warm-up (--set optimiser.warmup=500)."
    )
    model, _ = checkpoint.load(last)
    assert all(torch.isfinite(weight).all() for weight in model.parameters())


def test_a_full_disk_is_a_sentence_and_the_earlier_checkpoint_stays(tiny_recipe, tmp_path, monkeypatch):
    save, saved = checkpoint.save, []

    def full(path, *args, **kwargs):
        if len(saved) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        saved.append(save(path, *args, **kwargs))
        return saved[-1]

    monkeypatch.setattr(place_module.checkpoint, "save", full)
    recipe = tiny_recipe()
    with pytest.raises(TrainingError) as error:
        train(recipe, tmp_path / "run")
    last = tmp_path / "run" / "last.safetensors"
    assert str(error.value) == (
        f"The disk is full: '{last}' could not be written. What was saved before is whole. Free some space, then go on "
        "with --resume."
    )
    monkeypatch.setattr(place_module.checkpoint, "save", save)
    resumed = train(recipe, tmp_path / "run", resume=True)
    whole = train(recipe, tmp_path / "whole")
    assert same_weights(resumed / "best.safetensors", whole / "best.safetensors")


def test_a_folder_that_cannot_be_made_is_a_sentence(tiny_recipe, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError) as error:
        train(tiny_recipe(), tmp_path / "file" / "run")
    assert str(error.value) == (
        f"'{tmp_path}/file/run' cannot be written (Not a directory). Name a folder that can with --out."
    )


def test_a_taken_folder_and_another_recipes_run_are_refused(tiny_recipe, tmp_path):
    taken = tmp_path / "run"
    taken.mkdir()
    (taken / "notes.txt").write_text("mine")
    with pytest.raises(InputError) as error:
        train(tiny_recipe(), taken)
    assert str(error.value) == (
        f"The run folder '{taken}' is not empty. Go on with that run by --resume, or name another folder with --out."
    )
    with pytest.raises(InputError, match="There is no run to resume in '.*run': it holds no recipe.yaml."):
        train(tiny_recipe(), taken, resume=True)
    run = train(tiny_recipe("optimiser.epochs=1"), tmp_path / "done")
    with pytest.raises(InputError) as error:
        train(tiny_recipe("optimiser.epochs=1", "optimiser.lr=5e-4"), run, resume=True)
    assert str(error.value) == (
        f"The run in '{run}' was started with another recipe: optimiser.lr is 0.001 there and 0.0005 here. "
        "Resume with the recipe it was started with, or name another folder with --out."
    )


def test_a_corrupt_photo_stops_the_run_or_is_skipped_and_said(tiny_recipe, tmp_path):
    broken = tmp_path / "shop" / "images" / "001.png"
    broken.write_bytes(b"not a photo")
    steps = "sampling.steps=12"  # enough to meet every photo
    with pytest.raises(ImageError) as error:
        train(tiny_recipe(steps), tmp_path / "strict")
    assert str(error.value).startswith(f"{broken}: ")
    said: list[str] = []
    train(tiny_recipe(steps, "data.unreadable=skip", "optimiser.epochs=1"), tmp_path / "skip", say=said.append)
    assert said[0] == "shop: 1 of 24 photos cannot be read and are left out:"
    assert said[1] == f"  {error.value}"


def test_rare_values_are_named_at_the_start(tmp_path, tiny_recipe):
    table = tmp_path / "shop" / "labels.csv"
    table.write_text(table.read_text().replace("images/000.png,train,red", "images/000.png,train,pink", 1))
    said: list[str] = []
    train(tiny_recipe("optimiser.epochs=1"), tmp_path / "run", say=said.append)
    assert said == ["No triplet asks for color=pink: 1 training photos, a pair needs 2."]
