"""What only LanceDB's store does: names on disk, damaged files, an engine that cannot write."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lapel.errors import CatalogueError
from lapel.store import LanceStore, writing
from lapel.store.base import stored_name, user_name
from store_rows import SIZES, rows


@pytest.fixture
def store(tmp_path: Path) -> LanceStore:
    made = LanceStore.create(tmp_path, SIZES)
    made.append(rows(["a", "b", "c"], price=[1, 2, None], title=["x", None, "z"]))
    return made


def ids(store: LanceStore) -> list[str]:
    return store.table(["id"])["id"].to_pylist()


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
