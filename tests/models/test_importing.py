"""Released checkpoints: read strictly, without running anything, and everything else refused with a sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from lapel.errors import CheckpointError, InputError, UnknownName
from lapel.interfaces.cli.import_ import command
from lapel.models import checkpoint
from lapel.models.importing import import_checkpoint, read_vocabulary
from lapel.schema import Vocabulary
from published_files import published_state, write_published

THREE = Vocabulary.of({"skirt_length": "ab", "collar": "abc", "lapel": "ab"})
META = {
    "FashionAI": {
        "ATTRIBUTES": ["skirt_length", "collar", "lapel"],
        "ATTRIBUTES_NUM": {"lapel": 5, "collar": 4, "skirt_length": 6},
    },
    "DARN": {"ATTRIBUTES": ["a"], "ATTRIBUTES_NUM": {"a": 2}},
}


@pytest.mark.parametrize(
    ("system", "veit", "prefix", "old"),
    [
        ("asen", False, "", False),
        ("asen_v2", False, "module.", False),
        ("asen_v2", False, "", True),
        ("csn", False, "", False),
        ("csn", True, "", True),
    ],
)
def test_a_released_file_becomes_a_checkpoint_with_the_same_numbers(
    system: str, veit: bool, prefix: str, old: bool, tmp_path: Path
) -> None:
    model, state = published_state(system, veit=veit)
    content = {"epoch": 12, "state_dict": {prefix + k: v for k, v in state.items()}, "prec": 0.61}
    torch.save(content, tmp_path / "best.pth.tar", _use_new_zipfile_serialization=not old)
    card = import_checkpoint(tmp_path / "best.pth.tar", system, THREE, tmp_path / "best.safetensors")
    assert (card.name, card.system, card.attends) == ("best", system, system != "csn")
    assert card.scores == {"released": {"epoch": 12, "prec": 0.61}}
    assert card.preprocess.height == (112 if veit else 224)
    loaded, _ = checkpoint.load(tmp_path / "best.safetensors")
    side = card.preprocess.height
    assert card.grid == tuple(loaded.backbone(torch.zeros(1, 3, side, side)).shape[2:])
    x = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        for ours, theirs in zip(loaded(x)[:2], model(x)[:2], strict=True):
            torch.testing.assert_close(ours, theirs)


@pytest.fixture(scope="module")
def v2() -> dict[str, torch.Tensor]:
    """A published ASENet_V2 state dict of three attributes."""
    return published_state("asen_v2")[1]


def refuse(tmp_path: Path, state: dict[str, torch.Tensor], system: str = "asen_v2", **others: object) -> str:
    """The sentence with which this file is refused; nothing may have been written."""
    write_published(tmp_path / "f.pth.tar", state, **others)
    with pytest.raises(CheckpointError) as refused:
        import_checkpoint(tmp_path / "f.pth.tar", system, THREE, tmp_path / "o.safetensors")
    assert not (tmp_path / "o.safetensors").exists()
    return str(refused.value)


def test_the_dead_classifier_may_be_absent(v2: dict[str, torch.Tensor], tmp_path: Path) -> None:
    state = {k: v for k, v in v2.items() if ".fc." not in k}
    assert len(v2) - len(state) == 2
    write_published(tmp_path / "gd.pth.tar", state)
    card = import_checkpoint(tmp_path / "gd.pth.tar", "asen_v2", THREE, tmp_path / "gd.safetensors")
    assert card.backbone == "resnet50"


class Trap:
    """Unpickling this would create a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("old", [True, False])
def test_a_hostile_pickle_is_refused_and_nothing_in_it_runs(
    v2: dict[str, torch.Tensor], tmp_path: Path, old: bool
) -> None:
    path = tmp_path / "f.pth.tar"
    torch.save(
        {"epoch": 1, "state_dict": v2, "prec": Trap(tmp_path / "ran")}, path, _use_new_zipfile_serialization=not old
    )
    with pytest.raises(CheckpointError) as refused:
        import_checkpoint(path, "asen_v2", THREE, tmp_path / "o.safetensors")
    assert str(refused.value) == (
        f"'{path}' was refused: it holds something other than tensors, numbers and names (or is damaged), "
        "and loading it could run code. Get the released file again."
    )
    assert not (tmp_path / "ran").exists() and not (tmp_path / "o.safetensors").exists()


def test_anything_beside_weights_and_numbers_is_refused(v2: dict[str, torch.Tensor], tmp_path: Path) -> None:
    assert "also holds 'optimizer', which no released checkpoint does" in refuse(tmp_path, v2, optimizer={"lr": 1})
    assert "also holds 'note'" in refuse(tmp_path, v2, note="hello")
    assert "'extra' in its state_dict is no tensor" in refuse(tmp_path, v2 | {"extra": [1]})  # type: ignore[dict-item]
    torch.save(v2, tmp_path / "bare.pth")
    with pytest.raises(
        CheckpointError, match="has neither 'state_dict' nor 'model'; a released checkpoint is a dict with epoch"
    ):
        import_checkpoint(tmp_path / "bare.pth", "asen_v2", THREE, tmp_path / "o.safetensors")
    (tmp_path / "cut.pth").write_bytes((tmp_path / "bare.pth").read_bytes()[:5000])
    with pytest.raises(CheckpointError, match="or is damaged"):
        import_checkpoint(tmp_path / "cut.pth", "asen_v2", THREE, tmp_path / "o.safetensors")
    with pytest.raises(CheckpointError, match="No checkpoint at"):
        import_checkpoint(tmp_path / "none.pth", "asen_v2", THREE, tmp_path / "o.safetensors")


def test_keys_are_strict(v2: dict[str, torch.Tensor], tmp_path: Path) -> None:
    more = refuse(tmp_path, v2 | {"embeddingnet.gate.weight": torch.zeros(2)})
    assert "not of system 'asen_v2': it has 'head.gate.weight', which it does not (1 keys)" in more
    less = refuse(tmp_path, {k: v for k, v in v2.items() if k != "embeddingnet.fc1.bias"})
    assert "it lacks 'head.fc1.bias' (1 keys)" in less
    ours = {k: v for k, v in v2.items() if k != "embeddingnet.fc1.bias"} | {"head.fc1.bias": torch.zeros(512)}
    assert "has 'head.fc1.bias'; in a released one every name begins 'embeddingnet.'" in refuse(tmp_path, ours)
    assert "not of system 'asen'" in refuse(tmp_path, v2, system="asen")
    assert "it is of another system" in refuse(tmp_path, v2, system="csn")
    assert "twice, with and without 'module.'" in refuse(tmp_path, v2 | {f"module.{k}": v for k, v in v2.items()})
    broken = v2 | {"embeddingnet.fc1.bias": torch.full((512,), float("nan"))}
    assert "'head.fc1.bias' holds values that are no numbers" in refuse(tmp_path, broken)


def test_an_early_second_version_is_named_as_such(v2: dict[str, torch.Tensor], tmp_path: Path) -> None:
    early = v2 | {
        "embeddingnet.feature_fc.weight": torch.zeros(1024, 1024),
        "embeddingnet.feature_fc.bias": torch.zeros(1024),
    }
    assert "of an ASENet_V2 from before March 2020" in refuse(tmp_path, early)


def test_the_number_of_attributes_is_checked_against_the_file(tmp_path: Path) -> None:
    message = refuse(tmp_path, published_state("asen_v2", attributes=4)[1])
    assert "'head.attr_embedding.weight' is (4, 512) in the checkpoint; 3 attributes need (3, 512)" in message


def test_systems_and_targets_are_checked(v2: dict[str, torch.Tensor], tmp_path: Path) -> None:
    file = write_published(tmp_path / "f.pth.tar", v2)
    with pytest.raises(UnknownName, match="Unknown system 'asen_v3'. Did you mean 'asen_v2'"):
        import_checkpoint(file, "asen_v3", THREE, tmp_path / "o.safetensors")
    with pytest.raises(InputError, match="should end in .safetensors"):
        import_checkpoint(file, "asen_v2", THREE, tmp_path / "o.pth")


def test_attribute_lists_are_read_from_names_files_and_metas(tmp_path: Path) -> None:
    assert [a.name for a in read_vocabulary(["x", "y"])] == ["x", "y"]
    (tmp_path / "names.txt").write_text("x\n\n y \n")
    assert [a.name for a in read_vocabulary(tmp_path / "names.txt")] == ["x", "y"]
    (tmp_path / "names.json").write_text('{"x": ["v", "round"]}')
    assert read_vocabulary(tmp_path / "names.json").to_dict() == Vocabulary.of({"x": ["v", "round"]}).to_dict()
    (tmp_path / "meta.json").write_text(json.dumps(META))
    found = read_vocabulary(tmp_path / "meta.json", "FashionAI")
    assert [(a.name, len(a.values)) for a in found] == [("skirt_length", 6), ("collar", 4), ("lapel", 5)]
    with pytest.raises(UnknownName, match="Unknown dataset 'fashionai'. Did you mean 'FashionAI'"):
        read_vocabulary(tmp_path / "meta.json", "fashionai")
    with pytest.raises(InputError, match="describes FashionAI, DARN; say which one with --dataset"):
        read_vocabulary(tmp_path / "meta.json")
    (tmp_path / "odd.json").write_text("3")
    with pytest.raises(InputError, match="holds no attribute list"):
        read_vocabulary(tmp_path / "odd.json")
    with pytest.raises(InputError, match="No attribute list at"):
        read_vocabulary(tmp_path / "none.json")


def test_the_command_writes_a_checkpoint_and_names_it(v2: dict[str, torch.Tensor], tmp_path: Path) -> None:
    file = write_published(tmp_path / "best.pth.tar", v2)
    (tmp_path / "meta.json").write_text(json.dumps(META))
    given = [str(file), "--system", "asen_v2", "--meta", str(tmp_path / "meta.json"), "--dataset", "FashionAI"]
    done = CliRunner().invoke(command, given)
    assert done.exit_code == 0, done.output
    card = checkpoint.read_card(tmp_path / "best.safetensors")
    assert done.output == f"{tmp_path}/best.safetensors: best, asen_v2 on resnet50, 3 attributes, {card.fingerprint}\n"
    assert [a.name for a in card.vocabulary] == ["skirt_length", "collar", "lapel"]


def test_the_command_needs_an_attribute_list(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Name the attributes in training order: --attributes a,b,c"):
        CliRunner().invoke(command, ["f.pth.tar", "--system", "asen"], catch_exceptions=False)
