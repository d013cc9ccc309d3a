"""The folder that `lapel data synth` writes: the same bytes for a seed, safe to stop and go on."""

import csv
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from lapel.errors import ImageMissing, ImageNotAnImage, InputError, UnknownName
from lapel.interfaces.cli.data.synth import command
from lapel.synth import ATTRIBUTES, contact_sheet, draw_catalogue, draw_item, read_masks, write_masks


def contents(folder: Path) -> dict[str, str]:
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("synth") / "six"
    draw_catalogue(folder, 6, seed=11, size=96)
    return folder


class Stop:
    """A progress that ends the run after some items."""

    def __init__(self, after: int) -> None:
        self.left = after

    def advance(self, amount: int = 1, **shown: str) -> None:
        self.left -= amount
        if self.left < 0:
            raise KeyboardInterrupt


def test_table_images_and_masks(drawn: Path) -> None:
    with (drawn / "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["id", "image", "split", "mask", *ATTRIBUTES]
    assert len(rows) == 6
    for index, row in enumerate(rows):
        labels = draw_item(11, index, 96)[1]
        assert {a: row[a] for a in ATTRIBUTES if row[a]} == labels
        with Image.open(drawn / row["image"]) as image:
            assert image.size == (96, 96) and image.format == "JPEG"
        assert list(read_masks(drawn / row["mask"])) == list(labels)


def test_the_room_that_reads_tables_reads_it(drawn: Path) -> None:
    datasets = pytest.importorskip("lapel.datasets")
    table = datasets.read(drawn / "labels.csv")
    assert len(table) == 6
    assert table[0].mask == drawn / "masks" / "000000.png" and table[0].image.is_file()


def test_masks_survive_their_file(drawn: Path) -> None:
    masks = draw_item(11, 2, 96)[2]
    stored = read_masks(drawn / "masks" / "000002.png")
    assert all(np.array_equal(stored[a], masks[a]) for a in masks)


def test_an_empty_mask_differs_from_an_attribute_that_does_not_apply(tmp_path: Path) -> None:
    (tmp_path / "m.png").write_bytes(write_masks({"color": np.ones((4, 4), bool), "pattern": np.zeros((4, 4), bool)}))
    found = read_masks(tmp_path / "m.png")
    assert list(found) == ["color", "pattern"] and not found["pattern"].any() and found["color"].all()


def test_two_processes_draw_the_same_bytes(drawn: Path, tmp_path: Path) -> None:
    code = f"from lapel.synth import draw_catalogue; draw_catalogue({str(tmp_path / 'again')!r}, 6, 11, 96)"
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONHASHSEED": "77"})
    assert contents(tmp_path / "again") == contents(drawn)


def test_a_smaller_catalogue_is_a_prefix(drawn: Path, tmp_path: Path) -> None:
    draw_catalogue(tmp_path / "two", 2, seed=11, size=96)
    small, large = contents(tmp_path / "two"), contents(drawn)
    assert all(large[name] == digest for name, digest in small.items() if name != "labels.csv")
    lines = (drawn / "labels.csv").read_text().splitlines()
    assert (tmp_path / "two" / "labels.csv").read_text().splitlines() == lines[:3]


def test_another_seed_draws_other_pictures(drawn: Path, tmp_path: Path) -> None:
    draw_catalogue(tmp_path / "other", 2, seed=12, size=96)
    assert contents(tmp_path / "other")["images/000000.jpg"] != contents(drawn)["images/000000.jpg"]


def test_a_stopped_run_has_no_table_and_goes_on(drawn: Path, tmp_path: Path) -> None:
    folder = tmp_path / "stopped"
    with pytest.raises(KeyboardInterrupt):
        draw_catalogue(folder, 6, 11, 96, progress=Stop(2))
    assert not (folder / "labels.csv").exists()
    kept = (folder / "images" / "000000.jpg").stat().st_mtime_ns
    (folder / "images" / "000004.jpg.tmp").write_bytes(b"half a pict")  # what a kill in mid-write leaves
    (folder / "masks" / "000001.png").write_bytes(b"")
    draw_catalogue(folder, 6, 11, 96)
    assert contents(folder) == contents(drawn)
    assert (folder / "images" / "000000.jpg").stat().st_mtime_ns == kept, "finished items are not drawn again"


def test_fewer_items_of_the_same_seed_leave_no_strays(tmp_path: Path) -> None:
    folder = tmp_path / "d"
    draw_catalogue(folder, 3, 1, 96)
    draw_catalogue(folder, 2, 1, 96)
    assert sorted(p.name for p in (folder / "images").iterdir()) == ["000000.jpg", "000001.jpg"]


def test_another_seed_replaces_what_synth_drew(tmp_path: Path) -> None:
    draw_catalogue(tmp_path / "a", 2, 1, 96)
    draw_catalogue(tmp_path / "b", 2, 2, 96)
    draw_catalogue(tmp_path / "a", 2, 2, 96)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(
        InputError, match="is not empty and was not drawn by `lapel data synth`; give a new or an empty"
    ):
        draw_catalogue(tmp_path, 2)
    assert [p.name for p in tmp_path.iterdir()] == ["letter.txt"]


def test_a_file_is_not_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file; give a folder"):
        draw_catalogue(tmp_path / "file", 2)


def test_an_unwritable_place_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="Cannot write to .*Not a directory. Give a folder that you may write to"):
        draw_catalogue(tmp_path / "file" / "below", 2)


@pytest.mark.parametrize(("n", "size", "said"), [(0, 96, "garments is 0; draw at least 1"), (1, 9, "size is 9 pixels")])
def test_numbers_out_of_range(tmp_path: Path, n: int, size: int, said: str) -> None:
    with pytest.raises(InputError, match=said):
        draw_catalogue(tmp_path / "x", n, size=size)
    assert not (tmp_path / "x").exists()


def test_what_is_not_a_mask_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageMissing):
        read_masks(tmp_path / "none.png")
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(ImageNotAnImage, match="is not a PNG"):
        read_masks(tmp_path / "text.png")
    Image.new("L", (4, 4)).save(tmp_path / "plain.png")
    with pytest.raises(ImageNotAnImage, match="no text field 'lapel-attributes'"):
        read_masks(tmp_path / "plain.png")


def test_the_command_draws_and_reports(tmp_path: Path) -> None:
    run = CliRunner().invoke(command, [str(tmp_path / "c"), "--n", "2", "--seed", "3", "--size", "96", "--json"])
    assert run.exit_code == 0, run.output
    said = json.loads(run.stdout)
    assert said["items"] == 2 and said["attributes"] == list(ATTRIBUTES)
    assert Path(said["table"]).is_file()


def test_a_contact_sheet_shows_the_asked_rows(tmp_path: Path) -> None:
    path = contact_sheet(tmp_path / "s.jpg", tile=64, attributes=["neck_design"])
    with Image.open(path) as sheet:
        assert sheet.width >= 4 * 64 and 64 < sheet.height < 160
    with pytest.raises(UnknownName, match="Did you mean 'neck_design'"):
        contact_sheet(tmp_path / "s.jpg", attributes=["neck_desing"])
