"""Checkpoints: what goes in comes out, nothing half-written, nothing foreign, nothing that runs."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from lapel.errors import CheckpointError
from lapel.models import checkpoint
from lapel.models.attribute_model import AttributeModel
from lapel.models.cards import new_card
from lapel.models.registry import build
from lapel.schema import Card, Preprocess, Vocabulary

VOCABULARY = Vocabulary.of({"neckline": ["v", "round"], "sleeve": ["long", "short", "none"]})


@pytest.fixture(scope="module")
def made() -> tuple[AttributeModel, Card]:
    """A real, small model: resnet18 cut at layer1."""
    torch.manual_seed(0)
    card = new_card(
        name="small",
        system="asen_v2",
        backbone="resnet18",
        cut="layer1",
        vocabulary=VOCABULARY,
        preprocess=Preprocess(64, 48),
        weights="random",
        dim=10,
        look_dim=7,
        hidden=6,
    )
    return build(card).eval(), card


def rewrite(path: Path, tensors: dict[str, torch.Tensor] | None = None, **metadata: str) -> None:
    """Change a stored checkpoint in place."""
    with safe_open(str(path), "pt") as file:
        kept = file.metadata()
    save_file(tensors or load_file(path), path, kept | metadata)


def test_a_new_card_states_the_shapes_that_the_model_gives(made: tuple[AttributeModel, Card]) -> None:
    model, card = made
    out = model(torch.zeros(1, 3, 64, 48))
    assert (card.dim, card.look_dim, card.grid, card.attends) == (10, 7, (16, 12), True)
    assert out.embeddings.shape == (1, 2, 10) and out.regions.shape == (1, 2, 16, 12) and out.look.shape == (1, 7)
    assert card.pretrained == "random"


def test_half_the_bytes_are_read_as_whole_numbers_and_belong_to_their_card(
    made: tuple[AttributeModel, Card], tmp_path: Path
) -> None:
    model, card = made
    checkpoint.save(tmp_path / "whole.safetensors", model, card)
    stored = checkpoint.save(tmp_path / "half.safetensors", model, card, half=True)
    sizes = [(tmp_path / f"{name}.safetensors").stat().st_size for name in ("half", "whole")]
    assert sizes[0] < 0.6 * sizes[1]
    again, read = checkpoint.load(tmp_path / "half.safetensors")  # compares the weights with the card's hash
    assert read == stored
    for name, tensor in again.state_dict().items():
        whole = model.state_dict()[name]
        assert tensor.dtype == whole.dtype
        assert torch.equal(tensor, whole if whole.ndim < 2 or not whole.is_floating_point() else whole.half().float())
    pixels = torch.rand(2, 3, 64, 48)
    assert torch.allclose(again(pixels).embeddings, model(pixels).embeddings, atol=5e-3)


def test_what_is_saved_is_loaded_bit_for_bit(made: tuple[AttributeModel, Card], tmp_path: Path) -> None:
    model, card = made
    extra = {"optimizer.0.step": torch.tensor(3.0), "order": torch.arange(4)}
    stored = checkpoint.save(tmp_path / "a.safetensors", model, card, extra, {"epoch": 2})
    assert stored.weights_sha256 == checkpoint.state_sha256(model.state_dict())
    again, read_back = checkpoint.load(tmp_path / "a.safetensors")
    assert read_back == stored == checkpoint.read_card(tmp_path / "a.safetensors")
    assert not again.training
    pixels = torch.randn(2, 3, 64, 48)
    for ours, theirs in zip(again(pixels)[:4], model(pixels)[:4], strict=True):
        assert torch.equal(ours, theirs)
    whole = checkpoint.read(tmp_path / "a.safetensors")
    assert whole.info == {"epoch": 2} and torch.equal(whole.extra["order"], extra["order"])
    assert os.listdir(tmp_path) == ["a.safetensors"]


def test_the_fingerprint_changes_with_any_weight(made: tuple[AttributeModel, Card], tmp_path: Path) -> None:
    model, card = made
    first = checkpoint.save(tmp_path / "a.safetensors", model, card)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    state["head.fc2.bias"][0] += 1e-6
    other = build(card)
    other.load_state_dict(state)
    second = checkpoint.save(tmp_path / "b.safetensors", other, card)
    assert first.fingerprint != second.fingerprint


@pytest.mark.parametrize("stage", ["write", "replace"])
def test_a_failed_save_leaves_the_earlier_file_and_no_litter(
    made: tuple[AttributeModel, Card], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    model, card = made
    path = tmp_path / "a.safetensors"
    checkpoint.save(path, model, card)
    before = path.read_bytes()

    def disk_full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    if stage == "write":
        monkeypatch.setattr(checkpoint, "save_file", disk_full)
    else:
        monkeypatch.setattr(os, "replace", disk_full)
    with pytest.raises(OSError, match="No space left"):
        checkpoint.save(path, model, card, {"more": torch.zeros(2)})
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["a.safetensors"]


def test_a_checkpoint_of_another_version_is_refused(made: tuple[AttributeModel, Card], tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    checkpoint.save(path, *made)
    rewrite(path, lapel_format="7")
    message = (
        f"'{path}' has checkpoint format 7; this version of Lapel reads format 1. "
        "Use the version that wrote it, or train again."
    )
    for reader in (checkpoint.load, checkpoint.read_card):
        with pytest.raises(CheckpointError) as refused:
            reader(path)
        assert str(refused.value) == message


def test_changed_weights_are_noticed(made: tuple[AttributeModel, Card], tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    checkpoint.save(path, *made)
    tensors = load_file(path)
    tensors["model.head.fc2.bias"][0] += 1
    rewrite(path, tensors)
    with pytest.raises(CheckpointError, match="the weights are not those its card was written for"):
        checkpoint.load(path)


def test_another_architecture_than_the_card_says_is_refused(made: tuple[AttributeModel, Card], tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    model, card = made
    checkpoint.save(path, model, card.with_(system="triplet", architecture={"head": {"dim": 10}, "cut": "layer1"}))
    with pytest.raises(CheckpointError, match="is of another architecture than its card says"):
        checkpoint.load(path)
    checkpoint.save(path, model, card.with_(architecture={"head": {"twist": 1}, "cut": "layer1"}))
    with pytest.raises(CheckpointError, match="does not take these options.*twist"):
        checkpoint.load(path)


class Trap:
    """Unpickling this would create a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


def test_a_hostile_pickle_is_refused_and_never_unpickled(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    torch.save({"state_dict": Trap(tmp_path / "ran")}, path)
    with pytest.raises(CheckpointError) as refused:
        checkpoint.load(path)
    assert str(refused.value) == (
        f"'{path}' is not a Lapel checkpoint (.safetensors). A published .pth.tar is read by `lapel import`."
    )
    assert not (tmp_path / "ran").exists()


def test_files_that_are_no_checkpoints_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="No checkpoint at"):
        checkpoint.load(tmp_path / "none.safetensors")
    save_file({"a": torch.zeros(1)}, tmp_path / "plain.safetensors")
    with pytest.raises(CheckpointError, match="holds tensors but no Lapel card"):
        checkpoint.read_card(tmp_path / "plain.safetensors")
    save_file({"a": torch.zeros(1)}, tmp_path / "half.safetensors", {"lapel_format": "1"})
    with pytest.raises(CheckpointError, match="holds tensors but no Lapel card"):
        checkpoint.read_card(tmp_path / "half.safetensors")
    (tmp_path / "cut.safetensors").write_bytes(b"\x10\x00")
    with pytest.raises(CheckpointError, match="is not a Lapel checkpoint"):
        checkpoint.load(tmp_path / "cut.safetensors")


def test_the_card_lies_readable_in_the_file(made: tuple[AttributeModel, Card], tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "a.safetensors", *made)
    with safe_open(str(tmp_path / "a.safetensors"), "pt") as file:
        card = json.loads(file.metadata()["card"])
    assert card["system"] == "asen_v2" and len(card["weights_sha256"]) == 64
