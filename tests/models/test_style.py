"""Style models: shapes on any backbone, the join, and released files imported strictly."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from lapel.errors import CheckpointError, InputError
from lapel.interfaces.cli.import_ import command
from lapel.models import checkpoint
from lapel.models.attribute_model import unit
from lapel.models.cards import new_card
from lapel.models.importing import import_checkpoint
from lapel.models.registry import build
from lapel.models.style import ArcStyleHead, LinearStyleHead, StyleModel
from lapel.models.style_published import DOUBT, KFASHION, read_classes
from lapel.schema import Preprocess, Vocabulary

USAGE = Vocabulary.of({"usage": ["Casual", "Formal", "Sports", "Ethnic"]})
HERE = {"head.pooled_fc.": "fc.", "head.joined.": "fc1.", "head.weight": "head.weight"}


def small_card(system: str, backbone: str = "efficientnet_lite0", **options):
    cut = options.pop("cut", None)
    return new_card(
        name="small", system=system, backbone=backbone, cut=cut, weights="random", vocabulary=USAGE, dim=24,
        preprocess=Preprocess(height=64, width=64), look_dim=8, hidden=16, features=12, **options,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("system", "backbone", "cut", "top"),
    [
        ("style", "efficientnet_lite0", None, 0),
        ("style", "efficientnet_lite0", "blocks.4", 1280),
        ("style", "resnet18", "layer3", 512),
        ("style_v1", "resnet18", "layer3", 0),
        ("style", "test_resnet", None, 0),
    ],
)
def test_it_keeps_the_model_contract_on_any_backbone(system: str, backbone: str, cut: str | None, top: int) -> None:
    options = {"wide": 20} if system == "style" else {}
    card = small_card(system, backbone, cut=cut, **options)
    model = build(card).eval()
    with torch.inference_mode():
        given = model(torch.randn(2, 3, 64, 64))
    assert given.embeddings.shape == (2, 1, 24) and given.look.shape == (2, 8)
    assert given.regions.shape == (2, 1, *card.grid) and given.values.shape == (2, 4)
    torch.testing.assert_close(given.values.sum(1), torch.ones(2))
    torch.testing.assert_close(given.regions.sum((2, 3)), torch.ones(2, 1))
    if system == "style":
        assert isinstance(model.head, ArcStyleHead)
        assert model.head.pooled_fc.in_features == (top or model.backbone.channels)


def test_cosines_come_from_the_joined_features_step_by_step() -> None:
    model = build(small_card("style", "resnet18", cut="layer3", wide=20)).eval()
    head, pixels = model.head, torch.randn(3, 3, 64, 64)
    assert isinstance(head, ArcStyleHead)
    with torch.inference_mode():
        x3 = model.backbone(pixels)
        z = head(x3, torch.zeros(3, dtype=torch.long)).raw
        x4 = head.top(x3)
        g = head.pooled_fc(torch.stack([row.flatten(1).mean(1) for row in x4]))
        u = torch.cat([z, g], dim=1)
        for layer in (head.joined[1], head.joined[2], head.joined[4]):
            u = layer(u)
        rows = [[float(a @ w / a.norm() / w.norm()) for w in head.weight] for a in u]
        torch.testing.assert_close(model.logits(pixels), torch.tensor(rows), atol=1e-5, rtol=0)
        torch.testing.assert_close(model(pixels).embeddings[:, 0], unit(z))


def test_the_layers_after_the_cut_start_from_the_same_weights_file(tmp_path: Path) -> None:
    whole = build(small_card("style", "resnet18", cut="layer3", wide=20))
    names = {"backbone.": "", "head.top.": ""}
    state = {}
    for name, value in whole.state_dict().items():
        for prefix in names:
            if name.startswith(prefix):
                state[name.removeprefix(prefix)] = value.clone()
    torch.save(state, tmp_path / "resnet18.pth")
    card = small_card("style", "resnet18", cut="layer3", wide=20)
    again = build(card, str(tmp_path / "resnet18.pth"))
    assert torch.equal(again.head.top.layer4[1].conv2.weight, whole.head.top.layer4[1].conv2.weight)  # type: ignore[union-attr]


@pytest.fixture(scope="module")
def released() -> tuple[StyleModel, dict[str, torch.Tensor]]:
    """A release-size model and its state dict under the published names."""
    torch.manual_seed(3)
    card = new_card(
        name="r", system="style", backbone="resnet50", cut="layer3", weights="random", vocabulary=KFASHION,
        preprocess=Preprocess(), look_dim=0,
    )  # fmt: skip
    model = build(card).eval()
    assert isinstance(model, StyleModel)
    return model, _published(model)


def _published(model: StyleModel) -> dict[str, torch.Tensor]:
    state = {}
    for name, value in model.state_dict().items():
        branch = "body.choices.global."
        if name.startswith("backbone."):
            state[f"{branch}basenet.{name.removeprefix('backbone.')}"] = value
        elif name.startswith("head.top."):
            state[f"{branch}basenet.{name.removeprefix('head.top.')}"] = value
        elif beside := next((prefix for prefix in HERE if name.startswith(prefix)), None):
            state[HERE[beside] + name.removeprefix(beside)] = value
        elif name.startswith("head.attr_embedding"):
            state[f"{branch}attrnet.{name.removeprefix('head.')}"] = value
        elif name.startswith("head."):
            state[f"{branch}attnnet.{name.removeprefix('head.')}"] = value
    return state


def write(path: Path, state: dict[str, torch.Tensor], **others: object) -> Path:
    torch.save({"epoch": 50, "model": state, "mAP": 0.61} | others, path)
    return path


def test_a_released_file_becomes_a_checkpoint_with_the_same_numbers(released, tmp_path: Path) -> None:
    model, state = released
    assert (
        len(state) == 340
        and sum(v.numel() for k, v in state.items() if "running" not in k and "num_b" not in k) == 32_692_800
    )
    card = import_checkpoint(write(tmp_path / "k.pth.tar", state), "style", KFASHION, tmp_path / "k.safetensors")
    assert card.scores == {"released": {"epoch": 50, "mAP": 0.61}} and DOUBT in card.notes
    assert card.architecture["value_scale"] == {"style": 10.0} and not card.values_fitted
    loaded, _ = checkpoint.load(tmp_path / "k.safetensors")
    pixels = torch.randn(1, 3, 96, 96)
    with torch.inference_mode():
        for ours, theirs in zip(loaded(pixels)[:3], model(pixels)[:3], strict=True):
            torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("fc1.4.bias"), "lacks 'head.joined.4.bias'"),
        (lambda s: s.update(extra=torch.ones(1)), "'extra' is no tensor of it"),
        (lambda s: s.update({"head.weight": torch.zeros(11, 512)}), "Name as many classes"),
        (lambda s: s.update({"fc.bias": torch.full((1024,), torch.nan)}), "no numbers"),
        (lambda s: [s.update({k[5:]: s.pop(k)}) for k in list(s) if k.startswith("body.")], "--system style_v1"),
    ],
)
def test_other_files_are_refused_with_a_sentence(released, tmp_path: Path, change, message: str) -> None:
    state = dict(released[1])
    change(state)
    with pytest.raises(CheckpointError, match=message):
        import_checkpoint(write(tmp_path / "k.pth.tar", state), "style", KFASHION, tmp_path / "k.safetensors")
    assert not (tmp_path / "k.safetensors").exists()


def test_the_command_names_the_classes_and_says_the_doubt(released, tmp_path: Path) -> None:
    file = write(tmp_path / "k.pth.tar", released[1])
    done = CliRunner().invoke(command, [str(file), "--system", "style"])
    assert done.exit_code == 0, done.output
    assert "doubtful" in done.output
    assert checkpoint.read_card(tmp_path / "k.safetensors").vocabulary == KFASHION
    (tmp_path / "config.json").write_text(json.dumps({"category": {"2": "c", "0": "a", "1": "b"}}))
    done = CliRunner().invoke(
        command,
        [
            str(file),
            "--system",
            "style",
            "--classes",
            str(tmp_path / "config.json"),
            "-o",
            str(tmp_path / "o.safetensors"),
        ],
    )
    assert done.exit_code == 0 and "doubtful" not in done.output
    assert checkpoint.read_card(tmp_path / "o.safetensors").vocabulary["style"].values == ("a", "b", "c")


def test_class_lists_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    (tmp_path / "gap.json").write_text('{"0": "a", "2": "b"}')
    (tmp_path / "no.json").write_text('"words"')
    with pytest.raises(InputError, match="0 to 1"):
        read_classes(tmp_path / "gap.json")
    with pytest.raises(InputError, match="names no classes"):
        read_classes(tmp_path / "no.json")
    with pytest.raises(InputError, match="No file of classes"):
        read_classes(tmp_path / "absent.json")


def test_the_first_version_has_the_published_size() -> None:
    card = new_card(
        name="v1", system="style_v1", backbone="resnet50", cut="layer3", weights="random", vocabulary=KFASHION,
        preprocess=Preprocess(), look_dim=0,
    )  # fmt: skip
    model = build(card)
    assert isinstance(model.head, LinearStyleHead)
    assert sum(p.numel() for p in model.parameters()) == 12_482_115
