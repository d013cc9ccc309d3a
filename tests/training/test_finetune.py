"""Fine-tuning: what a start knows continues by name, cached maps are those of the backbone, and nothing else moves."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from lightning_fabric import Fabric

from lapel.datasets import read
from lapel.errors import InputError
from lapel.evaluation.photos import evaluate
from lapel.images import ImageCache, fit, normalise
from lapel.interfaces.cli.main import command
from lapel.models import checkpoint
from lapel.models.adapter import TorchModel
from lapel.schema import Vocabulary
from lapel.training import load_recipe
from lapel.training.loop import train
from lapel.training.maps import Maps
from lapel.training.recipe import Augment, Recipe
from lapel.training.tuning import attribute_axes, known_values
from training_data import BATCHES, TINY, tiny_set, write_table
from training_runs import stopped_at

SMALL = [
    "data.workers=1",
    "sampling.batch=6",
    "sampling.steps=4",
    "optimiser={epochs: 2, lr: 1e-3}",
    "running={device: cpu, threads: 1, log_every: 1, checkpoint_steps: 2}",
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained start (color, pattern) beside the folder of its photos, and a cache of its own."""
    home = tmp_path_factory.mktemp("finetune")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAPEL_CACHE", str(home / "cache"))
        tiny_set(home / "shop")
        recipe = load_recipe("table/asen_v2", [f"data={home / 'shop'}", *TINY, BATCHES, "optimiser.epochs=1"])
        train(recipe, home / "start")
    return home


@pytest.fixture(autouse=True)
def _own_cache(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAPEL_CACHE", str(home / "cache"))


def other_table(folder: Path) -> Path:
    """Other labels: Pattern (known by another writing, one value new), and size, which the start has never met."""
    tiny_set(folder, extra={"size": ["s", "l", "l"]})
    table = read(folder)
    rows = [
        {
            "image": item.image.relative_to(folder).as_posix(),
            "Pattern": "dotted" if n % 5 == 0 else next(iter(item.labels["pattern"])).upper(),
            "size": next(iter(item.labels["size"])),
        }
        for n, item in enumerate(table)
    ]
    return write_table(folder, rows)


def asked(home: Path, data: Path, *overrides: str) -> Recipe:
    return load_recipe("finetune", [f"data={data}", f"model.tune={home / 'start'}", *SMALL, *overrides])


def test_values_are_known_by_name_whatever_their_writing() -> None:
    ours = Vocabulary.of({"size": ["s", "l"], "Neck-Line": ["V shape", "boat"], "color": ["Red"]})
    theirs = Vocabulary.of({"color": ["blue", "red"], "neck_line": ["round", "v-shape"]})
    assert known_values(ours, theirs) == {2: 3, 4: 1}


def test_what_belongs_to_one_attribute_is_found_in_the_head(home: Path) -> None:
    card = checkpoint.read_card(home / "start" / "best.safetensors")
    assert attribute_axes(card, 8) == {"attr_embedding.weight": 0}
    csn = card.with_(system="csn", architecture={"head": {"dim": 4}})
    assert attribute_axes(csn, 8) == {"masks.weight": 0}


def test_a_fine_tune_begins_where_the_start_stands_and_moves_the_head_alone(home: Path, tmp_path: Path) -> None:
    data = other_table(tmp_path / "mine")
    frozen = asked(home, data, "optimiser={epochs: 1, lr: 1e-30, weight_decay: 0}", "loss.proxy_lr=1e-3")
    still = checkpoint.read(train(frozen, tmp_path / "still") / "last.safetensors")
    start = checkpoint.read(home / "start" / "best.safetensors")
    assert still.card.vocabulary.to_dict() == {"Pattern": ["PLAIN", "STRIPE", "dotted"], "size": ["l", "s"]}
    place = list(start.card.vocabulary.names).index("pattern")
    name = "head.attr_embedding.weight"
    assert torch.equal(still.state[name][0], start.state[name][place])
    assert not any(torch.equal(still.state[name][1], row) for row in start.state[name])
    proxies = still.extra["criterion.proxy.proxies"]
    known = start.state["values.prototypes"][start.card.vocabulary.slices[place]]
    assert torch.allclose(torch.nn.functional.normalize(proxies[:2]), known, atol=1e-5)
    moved = checkpoint.read(train(asked(home, data), tmp_path / "moved") / "best.safetensors")
    for name, tensor in start.state.items():
        if name.startswith(("backbone.", "look.")):
            assert torch.equal(moved.state[name], tensor), name
    assert not torch.equal(moved.state["head.fc2.weight"], start.state["head.fc2.weight"])
    assert "attributes it knew: Pattern" in moved.card.pretrained
    assert moved.card.preprocess == start.card.preprocess and moved.card.values_fitted


def test_a_table_without_splits_holds_out_a_fifth_by_the_seed(home: Path, tmp_path: Path) -> None:
    from lapel.training.data import load_data

    data = other_table(tmp_path / "mine")
    one, again = (load_data(asked(home, data)) for _ in range(2))
    assert (len(one.train), len(one.valid)) == (29, 7) and one.valid.ids == again.valid.ids
    assert load_data(asked(home, data, "seed=2")).valid.ids != one.valid.ids


def test_cached_maps_are_the_backbone_s_and_are_computed_once(home: Path, tmp_path: Path) -> None:
    model, card = checkpoint.load(home / "start" / "best.safetensors")
    items = read(home / "shop").split("valid")
    fabric, cache = Fabric(accelerator="cpu"), ImageCache.for_model(card.preprocess)
    shape = (model.backbone.channels, *card.grid)
    maps = Maps(model.backbone, shape, card.preprocess, Augment(area=0.5), cache, fabric, folder=tmp_path)
    assert maps.see(items.paths, 2) == 3 * len(items)
    again = Maps(model.backbone, shape, card.preprocess, Augment(area=0.5), cache, fabric, folder=tmp_path)
    assert again.see(items.paths, 2) == 0 and again.see(items.paths, 3) == len(items)
    pixels = normalise(np.stack([fit(cache.open(path), card.preprocess) for path in items.paths]), card.preprocess)
    with torch.inference_mode():
        plain = model.backbone(torch.from_numpy(pixels))
    assert torch.allclose(maps.take(items.paths), plain, atol=2e-3, rtol=2e-3)  # kept as float16
    views = [maps.take(items.paths, [view] * len(items)) for view in range(3)]
    assert not torch.allclose(views[0], views[1]) and not torch.allclose(views[1], views[2])
    with torch.no_grad():
        next(model.backbone.parameters()).add_(1)
    other = Maps(model.backbone, shape, card.preprocess, Augment(area=0.5), cache, fabric, folder=tmp_path)
    assert other.see(items.paths, 0) == len(items), "other weights give other maps"


def test_the_scores_of_cached_maps_are_those_of_the_photos(home: Path, tmp_path: Path) -> None:
    run = train(asked(home, home / "shop", "running.precision=32-true"), tmp_path / "run")
    model, card = checkpoint.load(run / "best.safetensors")
    photos = evaluate(TorchModel(model, card), read(home / "shop"), split="valid")
    for name, score in photos.attributes.items():
        assert card.scores["attributes"][name]["map"] == pytest.approx(score.map, abs=0.5)
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    best = max((row for row in rows if row["kind"] == "valid"), key=lambda row: row["map"])
    assert {name: one["map"] for name, one in card.scores["attributes"].items()} == pytest.approx(best["attributes"])


def test_stopped_and_resumed_it_ends_with_the_same_weights(home: Path, tmp_path: Path, monkeypatch) -> None:
    recipe = asked(home, home / "shop")
    with stopped_at(2, 1):
        train(recipe, tmp_path / "stopped")
    resumed = checkpoint.read(train(recipe, tmp_path / "stopped", resume=True) / "best.safetensors")
    whole = checkpoint.read(train(recipe, tmp_path / "whole") / "best.safetensors")
    assert all(torch.equal(tensor, whole.state[name]) for name, tensor in resumed.state.items())
    assert resumed.card == whole.card


def test_the_backbone_afterwards_by_the_deep_recipe(home: Path, tmp_path: Path) -> None:
    small = [word for word in SMALL if not word.startswith("optimiser")]
    changes = [f"data={home / 'shop'}", f"model.tune={home / 'start'}", *small, "optimiser.epochs=1"]
    recipe = load_recipe("finetune-deep", [*changes, "stages.1.optimiser.epochs=1", "stages.1.model.freeze=0"])
    run = train(recipe, tmp_path / "run")
    heads, deep = (checkpoint.read(path / "best.safetensors") for path in (run / "stage-1", run))
    start = checkpoint.read(home / "start" / "best.safetensors")
    moved = [n for n, t in deep.state.items() if n.startswith("backbone.") and not torch.equal(t, start.state[n])]
    assert moved and all(torch.equal(t, start.state[n]) for n, t in heads.state.items() if n.startswith("backbone."))
    assert "continues finetune-deep/stage-1" in deep.card.pretrained


def test_a_shipped_model_without_its_checkpoint_is_a_sentence(home: Path, tmp_path: Path, monkeypatch) -> None:
    from lapel.training import tuning

    monkeypatch.setattr(tuning, "training_checkpoint", lambda name: None)
    with pytest.raises(InputError, match="'lapel-lite' came without its training checkpoint"):
        tuning.checkpoint_of("lapel-lite")


def test_the_command_trains_a_table(home: Path, tmp_path: Path) -> None:
    data, out = other_table(tmp_path / "mine") / "labels.csv", tmp_path / "run"
    sets = [word for one in (f"data={data}", f"model.tune={home / 'start'}", *SMALL) for word in ("--set", one)]
    result = CliRunner().invoke(command, ["train", "finetune", *sets, "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{out / 'best.safetensors'}\n"
    assert {"recipe.yaml", "about.json", "metrics.jsonl", "curves.png"} <= {path.name for path in out.iterdir()}
