"""The triplet sampler against what its definition says, on partial, multi-valued and rare labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from lapel.errors import TrainingError
from lapel.schema import ItemTable, Vocabulary
from lapel.training.triplets import TripletSampler


def table(**columns: list[str | None]) -> ItemTable:
    count = len(next(iter(columns.values())))
    values = {name: sorted({v for cell in cells if cell for v in cell.split("|")}) for name, cells in columns.items()}
    data = {"id": [str(n) for n in range(count)], "image": [f"{n}.png" for n in range(count)], **columns}
    return ItemTable(pa.table(data), Vocabulary.of(values), Path())


def held(items: ItemTable, name: str, row: int) -> set[str]:
    return set(items[row].labels.get(name, ()))


PARTIAL = table(
    color=["red", "red", "red", "blue", "blue", None, "green", "red|blue", None, "red|green"],
    shape=[None, "a", "a", None, "b", "b", "b", "b", "b", "b"],
)


@pytest.mark.parametrize("negative", ["entry", "value"])
def test_every_triplet_keeps_the_rule_on_partial_and_multi_valued_labels(negative):
    drawn = TripletSampler(PARTIAL, negative=negative).epoch(1, 4000)
    seen = set()
    for anchor, other, positive, k in zip(*drawn, strict=True):
        name = PARTIAL.vocabulary.names[k]
        here, there = held(PARTIAL, name, anchor), held(PARTIAL, name, other)
        assert here and there and not here & there
        assert anchor != positive and here & held(PARTIAL, name, positive)
        seen.add((name, int(anchor)))
    assert {row for name, row in seen if name == "shape"} == {1, 2, 4, 5, 6, 7, 8, 9}
    assert {row for name, row in seen if name == "color"} == {0, 1, 2, 3, 4, 6, 7, 9}  # rows 5, 8 unknown


def test_a_value_with_one_photo_or_without_a_negative_is_left_out_and_said():
    items = table(color=["red", "red", "blue"], shape=["a", "a", "a"], size=["s", "s|t", "s|t"])
    sampler = TripletSampler(items)
    assert [str(item) for item in sampler.left_out] == [
        "color=blue: 1 training photos, a pair needs 2",
        "shape=a: no training photo of another value",
        "size=s: no training photo of another value",
        "size=t: no training photo of another value",
    ]
    drawn = sampler.epoch(1, 50)
    assert set(drawn.attribute) == {0} and set(drawn.negative) == {2}


def test_nothing_to_draw_is_a_sentence():
    with pytest.raises(TrainingError) as error:
        TripletSampler(table(color=["red", "blue"]))
    assert str(error.value) == (
        "table: no triplet can be drawn. An attribute needs a value with 2 training photos "
        "and a training photo of another value."
    )


def test_attributes_and_values_are_uniform_and_negatives_by_frequency_or_by_value():
    colors = ["red"] * 2 + ["blue"] * 20 + ["green"] * 80
    items = table(color=colors, shape=["a", "b"] * 51)
    count = 30_000
    for negative, share in (("entry", 20 / 22), ("value", 1 / 2)):
        drawn = TripletSampler(items, negative=negative).epoch(1, count)
        assert abs(np.mean(drawn.attribute == 0) - 0.5) < 0.02
        color = np.array(colors)
        anchors = color[drawn.anchor[drawn.attribute == 0]]
        for value in ("red", "blue", "green"):
            assert abs(np.mean(anchors == value) - 1 / 3) < 0.02
        against_green = drawn.negative[(drawn.attribute == 0) & (color[drawn.anchor] == "green")]
        assert abs(np.mean(color[against_green] == "blue") - share) < 0.02


def test_an_epoch_depends_on_seed_and_epoch_alone():
    first = TripletSampler(PARTIAL, seed=3)
    first.epoch(1, 100)
    again = TripletSampler(PARTIAL, seed=3).epoch(2, 100)
    assert all(np.array_equal(a, b) for a, b in zip(first.epoch(2, 100), again, strict=True))
    assert not np.array_equal(first.epoch(3, 100).anchor, again.anchor)
    assert not np.array_equal(TripletSampler(PARTIAL, seed=4).epoch(2, 100).anchor, again.anchor)


def test_a_hundred_thousand_triplets_of_many_multi_valued_cells_are_drawn_in_seconds():
    rng = np.random.default_rng(0)
    cells = ["|".join(sorted({f"v{v}" for v in rng.integers(0, 100, 3)})) for _ in range(5000)]
    drawn = TripletSampler(table(texture=cells)).epoch(1, 100_000)
    sets = [set(cell.split("|")) for cell in cells]
    for anchor, negative, positive in list(zip(*drawn[:3], strict=True))[:2000]:
        assert sets[anchor] & sets[positive] and not sets[anchor] & sets[negative]
