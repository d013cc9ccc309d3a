"""The batch sampler: everyone is seen, rare values come up, and an epoch is a function of (seed, epoch)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from lapel.schema import ItemTable, Vocabulary
from lapel.training.batches import BatchSampler

COLORS = ["red"] * 4 + ["blue"] * 96 + [None] * 100
ITEMS = ItemTable(
    pa.table({"id": [str(n) for n in range(200)], "image": ["x"] * 200, "color": COLORS, "one": ["only"] * 200}),
    Vocabulary.of({"color": ["red", "blue"], "one": ["only"]}),
    Path(),
)


def test_the_shuffled_half_sees_every_photo_once():
    sampler = BatchSampler(ITEMS, 8, balanced=0.5)
    rows = sampler.epoch(1, sampler.steps)
    assert rows.shape == (50, 8)
    assert sorted(rows[:, :4].ravel()) == list(range(200))


def test_the_balanced_half_meets_rare_values_as_often_as_frequent_ones_and_in_pairs():
    rows = BatchSampler(ITEMS, 8, balanced=0.5).epoch(1, 100)[:, 4:]
    assert set(rows.ravel()) <= set(range(100))  # unknown labels take no part
    red = (rows < 4).sum(axis=1)
    assert (red == 2).all()
    assert all(len(set(batch)) == 4 for batch in rows.tolist())


def test_photos_with_more_passes_come_up_as_often():
    passes = np.where(np.arange(200) < 10, 3, 1)
    sampler = BatchSampler(ITEMS, 11, balanced=0, passes=passes)
    assert sampler.steps == 20
    assert np.bincount(sampler.epoch(1, 20).ravel(), minlength=200).tolist() == passes.tolist()


def test_balance_can_be_switched_off_or_be_everything():
    assert set(BatchSampler(ITEMS, 4, balanced=0).epoch(1, 50).ravel()) == set(range(200))
    everything = BatchSampler(ITEMS, 4, balanced=1)
    assert everything.steps == 50
    assert ((everything.epoch(1, 50) < 4).sum(axis=1) == 2).all()


def test_an_epoch_depends_on_seed_and_epoch_alone():
    a, b = BatchSampler(ITEMS, 8, seed=2), BatchSampler(ITEMS, 8, seed=2)
    a.epoch(1, 10)
    assert np.array_equal(a.epoch(5, 10), b.epoch(5, 10))
    assert not np.array_equal(a.epoch(5, 10), b.epoch(6, 10))


def test_photos_without_any_label_fall_back_to_shuffling():
    bare = ItemTable(pa.table({"id": ["a", "b"], "image": ["x", "y"]}), Vocabulary(()), Path())
    assert BatchSampler(bare, 2).epoch(1, 3).shape == (3, 2)
