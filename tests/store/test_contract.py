"""What every store must do, whatever keeps the rows."""

from __future__ import annotations

import importlib.util
import os
import uuid
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from lapel.errors import CatalogueError
from lapel.schema.condition import Among, And, Compare
from lapel.store import Place, Store, create_store, open_store
from store_rows import SIZES, rows

Opener = Callable[[], Store]
SERVER = os.environ.get("LAPEL_QDRANT_URL", "")
no_client = pytest.mark.skipif(importlib.util.find_spec("qdrant_client") is None, reason="needs lapel[qdrant]")
no_server = pytest.mark.skipif(not SERVER, reason="needs a Qdrant server: set LAPEL_QDRANT_URL")


@pytest.fixture(
    params=[
        "lance",
        pytest.param("qdrant:", marks=no_client),
        pytest.param("qdrant::memory:", marks=no_client),
        pytest.param(f"qdrant:{SERVER}", marks=[no_client, no_server], id="qdrant server"),
    ]
)
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    if request.param == "qdrant:":
        monkeypatch.delenv("LAPEL_QDRANT_URL", raising=False)
    name = "" if request.param == "lance" else f"#lapel-test-{uuid.uuid4().hex}"
    return Place.named(request.param + name, tmp_path)


@pytest.fixture
def empty(place: Place, tmp_path: Path) -> Opener:
    return lambda: create_store(place, tmp_path, SIZES)


@pytest.fixture
def again(place: Place, tmp_path: Path) -> Opener:
    return lambda: open_store(place, tmp_path)


@pytest.fixture
def store(empty: Opener) -> Store:
    made = empty()
    made.append(rows(["a", "b", "c"], price=[1, 2, None], title=["x", None, "z"]))
    return made


def ids(store: Store) -> list[str]:
    return store.table(["id"])["id"].to_pylist()


def test_a_new_store_is_empty(empty: Opener) -> None:
    made = empty()
    assert made.count() == 0 and ids(made) == [] and dict(made.columns) == {}
    assert made.rows(["a"], ["id"]).num_rows == 0
    assert list(made.filter(None)) == []


def test_what_was_appended_is_read_back_after_opening_again(store: Store, again: Opener) -> None:
    opened = again()
    assert opened.table(["id", "price", "title", "all"]).to_pydict() == {
        "id": ["a", "b", "c"],
        "price": [1, 2, None],
        "title": ["x", None, "z"],
        "all": [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]],
    }
    assert dict(opened.columns) == {"price": pa.int64(), "title": pa.string()}
    assert opened.version == store.version and opened.notes == ()


def test_a_replaced_row_keeps_its_place_and_its_other_columns(store: Store) -> None:
    store.replace(pa.table({"id": ["a"], "price": [9]}))
    assert store.table(["id", "price", "title", "all"]).slice(0, 1).to_pylist() == [
        {"id": "a", "price": 9, "title": "x", "all": [0, 1, 2, 3]}
    ]
    places = [int(p) for place, _ in store.scan(["id"]) for p in place]
    names = [n for _, batch in store.scan(["id"]) for n in batch["id"].to_pylist()]
    assert [names[places.index(i)] for i in range(3)] == ["a", "b", "c"]
    store.append(rows(["d"]))
    assert ids(store) == ["a", "b", "c", "d"]


def test_deleting_counts_what_was_there_and_takes_odd_ids(store: Store) -> None:
    odd = "it's ; drop table -- \"x\" 'y'"
    store.append(rows([odd]))
    assert store.delete([odd, "nobody", "b"]) == 2
    assert ids(store) == ["a", "c"]
    assert store.delete([]) == 0


def test_rows_come_in_the_order_asked(store: Store) -> None:
    assert store.rows(["c", "nobody", "a", "c"], ["price", "thumb"]).to_pydict() == {
        "price": [None, 1, None],
        "thumb": [b"c", b"a", b"c"],
    }


def test_a_filter_is_a_mask_in_insertion_order(store: Store) -> None:
    store.replace(pa.table({"id": ["a"], "title": ["z|x"]}))
    store.label_columns(["title"])
    assert store.filter(Among("title", ("x", "z"))).tolist() == [True, False, True]
    assert store.filter(And((Compare("title", "=", "z"), Compare("price", "<", 5)))).tolist() == [True, False, False]
    assert store.filter(None).tolist() == [True] * 3


def test_a_new_column_leaves_old_rows_empty_and_an_absent_one_leaves_new_rows_empty(store: Store) -> None:
    store.append(rows(["d"], colour=["red"]))
    assert store.table(["colour", "price"]).to_pydict() == {
        "colour": [None, None, None, "red"],
        "price": [1, 2, None, None],
    }


def test_a_column_of_another_kind_is_refused_with_a_sentence_and_nothing_is_stored(store: Store) -> None:
    with pytest.raises(CatalogueError, match="Column 'price' holds whole numbers in this catalogue; the new rows hold"):
        store.append(rows(["d"], price=[1.5]))
    with pytest.raises(CatalogueError, match="hold text there"):
        store.append(rows(["d"], price=["dear"]))
    assert ids(store) == ["a", "b", "c"]


def test_a_filter_sees_rows_written_since_the_last_one(store: Store) -> None:
    assert store.filter(Compare("price", "=", 1)).sum() == 1
    store.append(rows(["d"], price=[1]))
    assert store.filter(Compare("price", "=", 1)).tolist() == [True, False, False, True]


def test_compacting_changes_no_answer(store: Store) -> None:
    for number in range(20):
        store.append(rows([f"n{number}"], start=number))
    store.replace(rows(["a", "n3"], start=100))
    store.delete(["b", "n5"])
    before = store.table(["id", "all", "price"])
    store.compact()
    assert store.table(["id", "all", "price"]).equals(before)


ODD = ["price.eur", "a b", "größe", "100%", "`x`", "*", "x'y", 'q"q', "a,b", "[0]", "Price", "price"]


def test_any_column_name_is_kept(empty: Opener, again: Opener) -> None:
    made = empty()
    table = rows(["a"])
    for number, name in enumerate(ODD):
        table = table.append_column(name, pa.array([number]))
    made.append(table)
    opened = again()
    for number, name in enumerate(ODD):
        assert opened.table([name])[name].to_pylist() == [number]


def test_every_vector_and_thumbnail_comes_back_as_it_was(store: Store, again: Opener) -> None:
    given = rows(["a", "b", "c"])
    kept = [name for name in given.column_names if name != "id"]
    assert again().table(kept).equals(given.select(kept).cast(again().table(kept).schema))


def test_a_missing_composed_vector_is_null(place: Place, tmp_path: Path) -> None:
    made = create_store(place, tmp_path, SIZES | {"composed": 2})
    made.append(rows(["a"]))
    assert made.table(["composed"])["composed"].to_pylist() == [None]


def test_changing_metadata_leaves_vectors_and_thumbnails(store: Store) -> None:
    before = store.table(["all", "look", "values", "regions", "thumb"])
    store.replace(pa.table({"id": ["b", "nobody"], "price": [7, 8], "new": ["n", "m"]}))
    assert store.table(["price", "new"]).to_pydict() == {"price": [1, 7, None], "new": [None, "n", None]}
    assert store.table(["all", "look", "values", "regions", "thumb"]).equals(before)


def test_a_reader_keeps_its_rows_and_can_tell_that_there_is_something_newer(store: Store, again: Opener) -> None:
    reader = again()
    assert reader.newest() == reader.version == store.version
    store.append(rows(["d"], price=[9]))
    assert reader.newest() == store.version > reader.version
    assert (reader.count(), ids(reader)) == (3, ["a", "b", "c"])
    assert reader.filter(Compare("price", ">", 0)).tolist() == [True, True, False]
    assert again().count() == 4


def test_a_sound_store_has_nothing_to_report(store: Store) -> None:
    assert store.check() == []


def test_true_and_false_whole_numbers_and_numbers_stay_what_they_are(store: Store, again: Opener) -> None:
    store.append(rows(["d"], sale=[True], big=[2**60 + 1], share=[0.1]))
    assert again().table(["sale", "big", "share"]).slice(3).to_pylist() == [
        {"sale": True, "big": 2**60 + 1, "share": 0.1}
    ]
    assert {name: str(kind) for name, kind in again().columns.items()} == {
        "price": "int64", "title": "string", "sale": "bool", "big": "int64", "share": "double"
    }  # fmt: skip


def test_no_columns_are_a_table_too(store: Store) -> None:
    assert store.table([]).column_names == [] and store.rows(["b"], []).column_names == []
