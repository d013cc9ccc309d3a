"""What every store must do; LanceDB's is the one there is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lapel.errors import CatalogueError
from lapel.schema.condition import Among, And, Compare
from lapel.store import LanceStore, writing
from lapel.store.base import stored_name, user_name

SIZES = {"all": 4, "look": 2, "values": 3, "regions": 8, "composed": 0}


def rows(ids: list[str], start: float = 0.0, **columns: list[object]) -> pa.Table:
    n = len(ids)

    def fixed(width: int, kind: type = np.float32) -> pa.Array:
        flat = (np.arange(n * width) + start).astype(kind)
        return pa.FixedSizeListArray.from_arrays(pa.array(flat), width)

    return pa.table(
        {
            "id": ids,
            "image": [f"/photos/{name}.jpg" for name in ids],
            "hash": [f"hash of {name}" for name in ids],
            "all": fixed(4),
            "look": fixed(2),
            "values": fixed(3),
            "regions": fixed(8, np.float16),
            "thumb": pa.array([name.encode() for name in ids], pa.binary()),
            **columns,
        }
    )


@pytest.fixture
def store(tmp_path: Path) -> LanceStore:
    made = LanceStore.create(tmp_path, SIZES)
    made.append(rows(["a", "b", "c"], price=[1, 2, None], title=["x", None, "z"]))
    return made


def ids(store: LanceStore) -> list[str]:
    return store.table(["id"])["id"].to_pylist()


def test_a_new_store_is_empty(tmp_path: Path) -> None:
    made = LanceStore.create(tmp_path, SIZES)
    assert made.count() == 0 and ids(made) == [] and dict(made.columns) == {}
    assert made.rows(["a"], ["id"]).num_rows == 0
    assert list(made.filter(None)) == []


def test_what_was_appended_is_read_back_after_opening_again(store: LanceStore, tmp_path: Path) -> None:
    again = LanceStore.open(tmp_path)
    assert again.table(["id", "price", "title", "all"]).to_pydict() == {
        "id": ["a", "b", "c"],
        "price": [1, 2, None],
        "title": ["x", None, "z"],
        "all": [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]],
    }
    assert dict(again.columns) == {"price": pa.int64(), "title": pa.string()}
    assert again.version == store.version and again.notes == ()


def test_a_replaced_row_keeps_its_place_and_its_other_columns(store: LanceStore) -> None:
    store.replace(pa.table({"id": ["a"], "price": [9]}))
    assert store.table(["id", "price", "title", "all"]).slice(0, 1).to_pylist() == [
        {"id": "a", "price": 9, "title": "x", "all": [0, 1, 2, 3]}
    ]
    places = [int(p) for place, _ in store.scan(["id"]) for p in place]
    names = [n for _, batch in store.scan(["id"]) for n in batch["id"].to_pylist()]
    assert [names[places.index(i)] for i in range(3)] == ["a", "b", "c"]
    store.append(rows(["d"]))
    assert ids(store) == ["a", "b", "c", "d"]


def test_deleting_counts_what_was_there_and_takes_odd_ids(store: LanceStore) -> None:
    odd = "it's ; drop table -- \"x\" 'y'"
    store.append(rows([odd]))
    assert store.delete([odd, "nobody", "b"]) == 2
    assert ids(store) == ["a", "c"]
    assert store.delete([]) == 0


def test_rows_come_in_the_order_asked(store: LanceStore) -> None:
    assert store.rows(["c", "nobody", "a", "c"], ["price", "thumb"]).to_pydict() == {
        "price": [None, 1, None],
        "thumb": [b"c", b"a", b"c"],
    }


def test_a_filter_is_a_mask_in_insertion_order(store: LanceStore) -> None:
    store.replace(pa.table({"id": ["a"], "title": ["z|x"]}))
    store.label_columns(["title"])
    assert store.filter(Among("title", ("x", "z"))).tolist() == [True, False, True]
    assert store.filter(And((Compare("title", "=", "z"), Compare("price", "<", 5)))).tolist() == [True, False, False]
    assert store.filter(None).tolist() == [True] * 3


def test_a_new_column_leaves_old_rows_empty_and_an_absent_one_leaves_new_rows_empty(store: LanceStore) -> None:
    store.append(rows(["d"], colour=["red"]))
    assert store.table(["colour", "price"]).to_pydict() == {
        "colour": [None, None, None, "red"],
        "price": [1, 2, None, None],
    }


def test_a_column_of_another_kind_is_refused_with_a_sentence_and_nothing_is_stored(store: LanceStore) -> None:
    with pytest.raises(CatalogueError, match="Column 'price' holds whole numbers in this catalogue; the new rows hold"):
        store.append(rows(["d"], price=[1.5]))
    with pytest.raises(CatalogueError, match="hold text there"):
        store.append(rows(["d"], price=["dear"]))
    assert ids(store) == ["a", "b", "c"]


def test_a_filter_sees_rows_written_since_the_last_one(store: LanceStore) -> None:
    assert store.filter(Compare("price", "=", 1)).sum() == 1
    store.append(rows(["d"], price=[1]))
    assert store.filter(Compare("price", "=", 1)).tolist() == [True, False, False, True]


def test_compacting_changes_no_answer(store: LanceStore) -> None:
    for number in range(20):
        store.append(rows([f"n{number}"], start=number))
    store.replace(rows(["a", "n3"], start=100))
    store.delete(["b", "n5"])
    before = store.table(["id", "all", "price"])
    store.compact()
    assert store.table(["id", "all", "price"]).equals(before)


ODD = ["price.eur", "a b", "größe", "100%", "`x`", "*", "x'y", 'q"q', "a,b", "[0]", "Price", "price"]


def test_any_column_name_is_kept(tmp_path: Path) -> None:
    made = LanceStore.create(tmp_path, SIZES)
    table = rows(["a"])
    for number, name in enumerate(ODD):
        table = table.append_column(name, pa.array([number]))
    made.append(table)
    again = LanceStore.open(tmp_path)
    for number, name in enumerate(ODD):
        assert again.table([name])[name].to_pylist() == [number]


@given(st.text(min_size=1, max_size=20).filter(str.isprintable))
def test_stored_names_read_back(name: str) -> None:
    assert user_name(stored_name(name)) == name


def manifests(folder: Path) -> list[Path]:
    return sorted((folder / "items.lance" / "_versions").glob("*.manifest"))  # the newest sorts first


@pytest.mark.parametrize("keep", [0, 40])
def test_a_newest_manifest_cut_short_is_survived(store: LanceStore, tmp_path: Path, keep: int) -> None:
    good = store.version
    store.append(rows(["d"]))
    newest = manifests(tmp_path)[0]
    newest.write_bytes(newest.read_bytes()[:keep])
    again = LanceStore.open(tmp_path, good_version=good)
    assert ids(again) == ["a", "b", "c"]
    assert (
        "cannot be read, as after a power cut" in again.notes[0] and "nothing that was acknowledged" in again.notes[0]
    )
    again.append(rows(["e"]))  # and writing goes on
    assert ids(LanceStore.open(tmp_path)) == ["a", "b", "c", "e"]


def test_a_newest_data_file_cut_short_is_survived(store: LanceStore, tmp_path: Path) -> None:
    known = set((tmp_path / "items.lance" / "data").iterdir())
    store.append(rows(["d"]))
    (newest,) = set((tmp_path / "items.lance" / "data").iterdir()) - known
    newest.write_bytes(b"")
    again = LanceStore.open(tmp_path, good_version=store.version)
    assert ids(again) == ["a", "b", "c"]
    assert f"(version {store.version} had been acknowledged)" in again.notes[0]


def test_when_nothing_can_be_read_nothing_is_touched(store: LanceStore, tmp_path: Path) -> None:
    for path in manifests(tmp_path):
        path.write_bytes(b"")
    before = [path.name for path in manifests(tmp_path)]
    with pytest.raises(CatalogueError, match="none of its .* stored versions can be read"):
        LanceStore.open(tmp_path)
    assert [path.name for path in manifests(tmp_path)] == before


def test_a_reader_repairs_nothing_while_another_process_writes(store: LanceStore, tmp_path: Path) -> None:
    manifests(tmp_path)[0].write_bytes(b"")
    before = sorted(path.name for path in (tmp_path / "items.lance" / "_versions").iterdir())
    with writing(tmp_path), pytest.raises(CatalogueError, match="being written by another process"):
        LanceStore.open(tmp_path)
    assert sorted(path.name for path in (tmp_path / "items.lance" / "_versions").iterdir()) == before
    with writing(tmp_path):
        assert LanceStore.open(tmp_path, locked=True).notes


def test_a_folder_without_a_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="not a complete catalogue"):
        LanceStore.open(tmp_path)


def test_an_engine_that_cannot_write_gives_a_sentence(store: LanceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def __getattr__(self, name: str) -> object:
            if name == "add":
                raise OSError(28, "No space left on device")
            return getattr(table, name)

    table = store._table
    monkeypatch.setattr(store, "_table", Full())
    with pytest.raises(CatalogueError, match="No space left on device. What was stored before stays"):
        store.append(rows(["d"]))
