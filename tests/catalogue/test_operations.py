"""Update, get, thumb, compact, verify: what changes, what stays, what is refused."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import pyarrow as pa
import pytest
from PIL import Image

from colour_model import OUTFITS, ColourModel, draw_shop
from lapel import Catalogue, read
from lapel.errors import CatalogueError, InputError, TableError, UnknownName


@pytest.fixture
def model() -> ColourModel:
    return ColourModel()


@pytest.fixture
def catalogue(tmp_path: Path, model: ColourModel) -> Catalogue:
    draw_shop(tmp_path / "shop")
    made = Catalogue.create(tmp_path / "shop.lapel", model)
    made.add(read(tmp_path / "shop", attributes=["top_colour", "bottom_colour"]))
    return made


def column(catalogue: Catalogue, name: str) -> list[object]:
    return catalogue.items().table[name].to_pylist()


def test_a_mapping_changes_only_the_cells_it_names(catalogue: Catalogue, model: ColourModel) -> None:
    before = catalogue.items().table
    report = catalogue.update(
        {"red-blue": {"price": 99, "size": "XL"}, "blue-red": {"price": 5}, "nobody": {"price": 1}}
    )
    assert report.to_dict() == {"updated": 2, "unchanged": 0, "unknown": ["nobody"]}
    assert column(catalogue, "price") == [10, 99, 30, 40, 5]
    assert column(catalogue, "size") == [None, "XL", None, None, None]
    assert column(catalogue, "title") == before["title"].to_pylist()
    assert catalogue.update({"red-blue": {"price": 99}}).unchanged == 1
    assert model.embedded == 5
    assert [hit.item for hit in catalogue.search("item:red-red", where="size = 'XL'")] == ["red-blue"]


def test_a_cell_can_be_emptied_and_a_column_without_any_value_is_not_made(catalogue: Catalogue) -> None:
    assert catalogue.update({"red-red": {"price": None, "nothing": None}}).updated == 1
    assert column(catalogue, "price") == [None, 20, 30, 40, None]
    assert "nothing" not in catalogue.store.columns


def test_a_table_file_updates_and_names_ids_it_does_not_know(catalogue: Catalogue, tmp_path: Path) -> None:
    (tmp_path / "prices.csv").write_text("id,price\ngreen-blue,31\nelsewhere,1\nred-red,10\n")
    report = catalogue.update(tmp_path / "prices.csv")
    assert (report.updated, report.unchanged, report.unknown) == (1, 1, ("elsewhere",))
    assert column(catalogue, "price") == [10, 20, 31, 40, None]


def test_new_label_values_are_learnt(catalogue: Catalogue) -> None:
    catalogue.update({"red-red": {"top_colour": ["red", "gold"]}})
    reopened = Catalogue.open(catalogue.folder)
    assert reopened.items()[0].labels["top_colour"] == frozenset({"red", "gold"})
    assert "gold" in reopened.items().vocabulary["top_colour"].values
    assert [hit.item for hit in reopened.search("item:red-red", where="top_colour = 'gold'")] == ["red-red"]


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"red-red": {"hash": "0"}}, InputError, "'hash' cannot be updated"),
        ({"red-red": {"price": "dear"}}, CatalogueError, "Column 'price' holds whole numbers"),
        ({"red-red": {"price": 1}, "red-blue": {"price": "x"}}, InputError, "are of several kinds"),
        ({"red-red": 5}, InputError, "Give the new values of 'red-red' by column"),
        (pa.table({"price": [1]}), TableError, "needs a column 'id'"),
        (pa.table({"id": ["a", "a"], "price": [1, 2]}), TableError, "comes twice"),
        ("nowhere.csv", TableError, "is no table"),
    ],
)
def test_wrong_updates_change_nothing(catalogue: Catalogue, changes: object, error: type, says: str) -> None:
    before = catalogue.items().table
    with pytest.raises(error, match=says):
        catalogue.update(changes)  # type: ignore[arg-type]
    assert Catalogue.open(catalogue.folder).items().table.equals(before)


def test_an_item_and_its_thumbnail_need_no_photo(catalogue: Catalogue, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "shop")
    item = catalogue.get("green-green")
    assert (item.metadata["price"], item.labels["bottom_colour"]) == (40, frozenset({"green"}))
    assert max(item.values["top"], key=item.values["top"].__getitem__) == "green"
    assert sum(item.values["top"].values()) == pytest.approx(1, abs=1e-5)
    assert json.loads(json.dumps(item.to_dict()))["id"] == "green-green"
    with Image.open(io.BytesIO(catalogue.thumb("green-green"))) as thumb:
        assert thumb.format == "JPEG" and max(thumb.size) <= 256
    with pytest.raises(UnknownName, match="Did you mean 'red-red'"):
        catalogue.get("red-rad")
    with pytest.raises(UnknownName):
        catalogue.thumb("nobody")


def test_compacting_changes_no_answer(catalogue: Catalogue) -> None:
    for price in range(20):
        catalogue.update({"red-red": {"price": price}})
    before = catalogue.items().table
    catalogue.compact()
    assert catalogue.items().table.equals(before)
    assert tuple(hit.item for hit in catalogue.search("item:red-red", k=1)) == ("red-red",)


def test_verify_reads_everything_and_finds_nothing_wrong(catalogue: Catalogue, tmp_path: Path) -> None:
    (tmp_path / "shop" / "red-red.png").write_bytes(b"other")
    (tmp_path / "shop" / "red-blue.png").unlink()
    report = catalogue.verify(photos=True)
    assert report.ok and report.items == len(OUTFITS), report.problems
    assert report.photos == {"as they were": 3, "changed": 1, "missing": 1}


def test_verify_names_rows_that_are_not_as_written(catalogue: Catalogue) -> None:
    store = catalogue.store
    rows = store.rows(["red-red", "red-blue"], ["id", "all", "thumb"])
    halves = pa.FixedSizeListArray.from_arrays(pa.array([0.5] * 12, pa.float32()), 6)
    broken = rows.set_column(1, "all", halves).set_column(2, "thumb", pa.array([b"no", b"picture"]))
    store.replace(broken)
    problems = catalogue.verify().problems
    assert any(
        "2 of these have an embedding of 'top' that is not of unit length: red-red, red-blue" in p for p in problems
    )
    assert any("thumbnail that is no picture" in p for p in problems)
