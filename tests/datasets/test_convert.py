"""What is written is what is read again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from lapel.datasets import read, write
from lapel.errors import InputError
from lapel.interfaces.cli.main import command
from lapel.schema import ItemTable

TEXT = (
    "id,image,split,mask,year,color,price,name\n"
    "1,p/a.jpg,train,p/a.png,2011,red|blue,1.5,One\n"
    "2,p/b.jpg,test,,,blue,,\n"
    "3,/abs/c.jpg,,,2012,,3,007\n"
)


@pytest.fixture
def table(tmp_path: Path) -> ItemTable:
    (tmp_path / "labels.csv").write_text(TEXT)
    return read(tmp_path, attributes=["year", "color"], missing="ignore", name="mine")


def test_parquet_keeps_everything(table: ItemTable, tmp_path: Path) -> None:
    back = read(write(table, tmp_path / "out.parquet"), missing="ignore")
    assert back.table.to_pydict() == table.table.to_pydict() and back.table.schema.types == table.table.schema.types
    assert (back.vocabulary, back.name, back.complete) == (table.vocabulary, "mine", True)
    assert back.fingerprint == table.fingerprint


def test_csv_keeps_cells_and_needs_attributes_named(table: ItemTable, tmp_path: Path) -> None:
    back = read(write(table, tmp_path / "out.csv"), attributes=["year", "color"], missing="ignore")
    assert back.table.to_pydict() == table.table.to_pydict() and back.fingerprint == table.fingerprint


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_images_are_still_found_from_another_folder(ending: str, table: ItemTable, tmp_path: Path) -> None:
    back = read(write(table, tmp_path / "deep" / "er" / f"out.{ending}"), attributes=["color"], missing="ignore")
    assert [path.resolve() for path in back.paths] == [path.resolve() for path in table.paths]
    assert back[0].mask is not None and back[0].mask.resolve() == (tmp_path / "p/a.png").resolve()
    assert back[1].mask is None and back.ids == table.ids
    assert [file.name for file in (tmp_path / "deep" / "er").iterdir()] == [f"out.{ending}"]


def test_there_and_back_between_the_kinds(table: ItemTable, tmp_path: Path) -> None:
    first = read(write(table, tmp_path / "a.parquet"), missing="ignore")
    second = read(write(first, tmp_path / "b.csv"), attributes=["year", "color"], missing="ignore")
    third = read(write(second, tmp_path / "c.parquet"), missing="ignore")
    assert third.table.to_pydict() == table.table.to_pydict() and third.vocabulary == table.vocabulary


def test_an_unknown_ending_and_an_old_file_that_stays_when_writing_fails(table: ItemTable, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'\.xlsx' is not a table that Lapel writes"):
        write(table, tmp_path / "x.xlsx")
    old = tmp_path / "old.csv"
    old.mkdir()
    with pytest.raises(OSError):
        write(table, old)
    assert old.is_dir() and not list(tmp_path.glob(".*.part"))


def test_the_command(tmp_path: Path) -> None:
    for name in ("dress/1.jpg", "dress/2.jpg", "skirt/3.jpg"):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / name).touch()
    target = tmp_path / "out" / "table.parquet"
    run = CliRunner().invoke
    plain = run(command, ["data", "convert", str(tmp_path / "photos"), str(target)])
    assert plain.exit_code == 0 and plain.output == f"{target}: 3 items, attributes category.\n"
    assert read(target)[0].labels == {"category": {"dress"}}
    result = run(command, ["data", "convert", str(target), str(tmp_path / "t.csv"), "--json"])
    assert json.loads(result.output)["items"] == 3
    (tmp_path / "photos" / "skirt" / "3.jpg").unlink()
    skipped = run(command, ["data", "convert", str(target), str(tmp_path / "t.csv"), "--skip", "--json"])
    assert json.loads(skipped.output)["complete"] is False
