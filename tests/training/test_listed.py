"""Training on the triplets that a release lists."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import releases
from lapel.datasets import read
from lapel.errors import TrainingError
from lapel.training import load_recipe
from lapel.training.listed import ListedTriplets
from training_data import TINY

pytest.importorskip("torch")

TINY_LISTED = [
    "sampling={mode: triplets, listed: true, batch: 4, triplets: 40, steps: 3}",
    "evaluation.protocol=triplets",
]


def lines(root: Path, split: str) -> set[tuple[int, ...]]:
    """(condition, anchor, far, close) of every listed triplet."""
    return {
        (k, *map(int, line.split()))
        for k, name in enumerate(releases.CONDITIONS)
        for line in (root / "tripletlists" / f"{name}_tripletlist_{split}.txt").read_text().splitlines()
    }


def test_an_epoch_holds_listed_triplets_in_their_roles(tmp_path: Path) -> None:
    root = releases.zappos50k(tmp_path / "z")
    items = read(root).split("train")
    sampler = ListedTriplets(items, 1_000, seed=3)
    drawn = sampler.epoch(1, 120)
    ids = np.array(items.ids, dtype=int)
    seen = {
        (int(k), int(ids[a]), int(ids[n]), int(ids[p]))
        for a, n, p, k in zip(drawn.anchor, drawn.negative, drawn.positive, drawn.attribute, strict=True)
    }
    assert seen == lines(root, "train")
    again = ListedTriplets(items, 1_000, seed=3).epoch(1, 120)
    assert all(np.array_equal(one, other) for one, other in zip(drawn, again, strict=True))
    assert not np.array_equal(drawn.anchor, sampler.epoch(2, 120).anchor)


def test_a_part_is_drawn_once_and_gone_through_again(tmp_path: Path) -> None:
    items = read(releases.zappos50k(tmp_path / "z")).split("train")
    sampler = ListedTriplets(items, 10)
    kept = {tuple(row) for row in sampler.rows}
    assert len(sampler.rows) == 10
    for epoch in (1, 2):
        drawn = sampler.epoch(epoch, 25)
        rows = np.column_stack([drawn.anchor, drawn.positive, drawn.negative, drawn.attribute])
        assert {tuple(row) for row in rows} <= kept and len(rows) == 25


def test_chosen_conditions_get_masks_of_their_own(tmp_path: Path) -> None:
    items = read(releases.zappos50k(tmp_path / "z"), attributes=["heel", "gender"]).split("train")
    assert set(ListedTriplets(items, 1_000).epoch(1, 60).attribute.tolist()) == {0, 1}
    with pytest.raises(TrainingError, match="no triplet of the train lists has all three photos and one of the attri"):
        ListedTriplets(items.take([0]), 10)


@pytest.mark.parametrize("described", [True, False])
def test_a_run_learns_from_lists_with_and_without_labels(described: bool, tmp_path: Path) -> None:
    from lapel.training.loop import train

    root = releases.zappos50k(tmp_path / "z", described=described)
    (root / "ut-zap50k-images" / "Shoes" / "Oxfords" / "Bostonian" / "100000.1.jpg").unlink()
    said: list[str] = []
    recipe = load_recipe("zappos50k/asen_v2", [f"data={root}", *TINY, *TINY_LISTED, "data.unreadable=skip"])
    run = train(recipe, tmp_path / "run", say=said.append)
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    valid = [row for row in rows if row["kind"] != "train"]
    assert set(valid[-1]["attributes"]) == set(releases.CONDITIONS)
    assert all(0 <= figure <= 100 for figure in valid[-1]["attributes"].values())
    assert any("listed triplets name photos that are not there" in remark for remark in said)
