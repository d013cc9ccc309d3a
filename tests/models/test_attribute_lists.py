"""The attribute list of a released checkpoint: both shapes of meta.json, and lists that would number attributes wrongly."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from lapel.errors import InputError, TableError
from lapel.interfaces.cli.import_ import command
from lapel.interfaces.cli.main import main
from lapel.models import checkpoint
from lapel.models.importing import plain_name, read_vocabulary
from published_files import published_state, write_published

FORK = {
    "FashionAI": {
        "attributes": [{"name": "skirt_length", "num": 6}, {"name": "collar", "num": 4}],
        "train": {"fname_list": "filenames_train.txt", "label_file": "label_train.txt"},
        "valid": {"fname_list": "filenames_valid.txt", "label_file": {"query": "q.txt", "candidate": "c.txt"}},
    }
}


def test_the_forks_meta_gives_names_in_order_and_numbers_of_values(tmp_path: Path) -> None:
    (tmp_path / "meta.json").write_text(json.dumps(FORK))
    found = read_vocabulary(tmp_path / "meta.json", "FashionAI")
    assert found.to_dict() == {"skirt_length": list("012345"), "collar": list("0123")}
    (tmp_path / "inner.json").write_text(json.dumps(FORK["FashionAI"]))
    assert read_vocabulary(tmp_path / "inner.json") == found


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_bytes(b"\xef\xbb\xbfneckline\nsleeve\n")
    assert read_vocabulary(tmp_path / "names.txt").names == ("neckline", "sleeve")


@pytest.mark.parametrize(
    ("name", "text"),
    [("names.txt", "a\nb\na\n"), ("names.json", '["a", "b", "a"]'), ("values.json", '{"a": ["v", "v"]}')],
)
def test_a_name_given_twice_is_refused_rather_than_dropped(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(TableError, match="twice"):
        read_vocabulary(tmp_path / name)
    with pytest.raises(TableError, match="An attribute is named twice: a, a"):
        read_vocabulary(["a", "a"])


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff\xfe\x00", b'{"neckline": "round"}', b"null"])
def test_a_file_without_a_list_is_a_sentence(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "odd.json").write_bytes(content)
    with pytest.raises(InputError, match="odd.json' holds no attribute list: a list of names, name -> values, or meta"):
        read_vocabulary(tmp_path / "odd.json")
    with pytest.raises(InputError, match="The attribute list is empty"):
        read_vocabulary([])


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("best.pth.tar", "best"),
        ("runs/asen.fashionai.pth.tar", "asen.fashionai"),
        ("asen.darn.pth", "asen.darn"),
        ("plain", "plain"),
    ],
)
def test_a_name_keeps_all_but_the_endings_so_that_two_imports_do_not_meet(file: str, name: str) -> None:
    assert plain_name(file) == name


def test_the_command_takes_names_with_blanks_and_the_card_records_the_files_sha256(tmp_path: Path) -> None:
    file = write_published(tmp_path / "veit.best.pth.tar", published_state("csn", veit=True)[1])
    given = [str(file), "--system", "csn", "--attributes", "class, closure , heel", "--fixed-masks"]
    done = CliRunner().invoke(command, given, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    card = checkpoint.read_card(tmp_path / "veit.best.safetensors")
    assert card.vocabulary.names == ("class", "closure", "heel") and card.architecture["head"]["learned"] is False
    assert card.pretrained == f"released checkpoint sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"


def test_the_command_prints_a_refusal_as_one_line_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_published(tmp_path / "f.pth.tar", published_state("csn", veit=True)[1], optimizer={"lr": 1})
    monkeypatch.setattr(sys, "argv", ["lapel", "import", str(file), "--system", "csn", "--attributes", "a,b,c"])
    with pytest.raises(SystemExit) as stopped:
        main()
    told = capsys.readouterr()
    assert stopped.value.code not in (0, None) and not told.out
    assert told.err.strip().count("\n") == 0 and "also holds 'optimizer', which no released checkpoint does" in told.err
    assert list(tmp_path.glob("*.safetensors")) == []
