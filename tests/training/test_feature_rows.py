"""Rows on disk: what counts after a stop at any point, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from lapel.errors import ShapeError, TrainingError
from lapel.training import rows as room
from lapel.training.rows import Rows


def records(count: int, start: int = 0) -> np.ndarray:
    return np.random.default_rng(start).normal(size=(count, 3, 4)).astype(np.float32)


def test_what_is_added_comes_back_and_nothing_is_kept_twice(tmp_path):
    rows, first = Rows(tmp_path / "rows", (3, 4)), records(5)
    rows.add(list("abcde"), first)
    rows.add(list("cx"), records(2, 1))
    assert len(rows) == 6 and rows.missing(list("axyy")) == ["y"]
    assert np.array_equal(rows.take(list("eca")), first[[4, 2, 0]])
    assert np.array_equal(Rows(tmp_path / "rows", (3, 4)).take(["x"]), records(2, 1)[1:])
    with pytest.raises(KeyError):
        rows.take(["y"])


@pytest.mark.parametrize("torn", ["record", "key", "key without end"])
def test_a_torn_tail_does_not_count_and_is_written_over(tmp_path, torn):
    rows, whole = Rows(tmp_path, (3, 4)), records(3)
    rows.add(list("abc"), whole)
    with open(rows.data, "ab") as file:
        file.write(b"\1" * (rows.size if torn != "record" else rows.size // 2))
    with open(rows.names, "ab") as file:
        file.write({"record": b"d\n", "key": b"", "key without end": b"d"}[torn])
    again = Rows(tmp_path, (3, 4))
    assert len(again) == 3 and "d" not in again
    fresh = records(2, 7)
    again.add(["d", "e"], fresh)
    assert np.array_equal(Rows(tmp_path, (3, 4)).take(list("abcde")), np.concatenate([whole, fresh]))


def test_two_writers_see_each_other(tmp_path):
    one, other = Rows(tmp_path, (3, 4)), Rows(tmp_path, (3, 4))
    one.add(["a"], records(1))
    other.add(["a", "b"], records(2, 5))
    one.refresh()
    assert np.array_equal(one.take(["a", "b"]), np.concatenate([records(1), records(2, 5)[1:]]))


def test_float16_halves_the_disk_and_rounds_to_eleven_bits(tmp_path):
    whole, half = Rows(tmp_path / "32", (3, 4)), Rows(tmp_path / "16", (3, 4), "float16")
    for rows in (whole, half):
        rows.add(list("abcd"), records(4))
    assert 2 * half.data.stat().st_size == whole.data.stat().st_size
    assert np.allclose(half.take(["b"]), whole.take(["b"]), rtol=2**-11)
    with pytest.raises(ShapeError, match="too great for float16"):
        half.add(["e"], np.full((1, 3, 4), 1e5, np.float32))


def test_what_is_wrong_is_refused_and_what_was_there_stays(tmp_path, monkeypatch):
    rows = Rows(tmp_path, (3, 4))
    rows.add(["a"], records(1))
    with pytest.raises(ShapeError, match=r"2 keys of shape \(3, 4\)"):
        rows.add(["b", "c"], records(1))
    with pytest.raises(ShapeError, match="no number"):
        rows.add(["b"], np.full((1, 3, 4), np.nan, np.float32))

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(room.os, "fsync", full)
    with pytest.raises(TrainingError, match="No space left on device.*before is kept"):
        rows.add(["b"], records(1))
    monkeypatch.undo()
    assert len(Rows(tmp_path, (3, 4))) == 1
