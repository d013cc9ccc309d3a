"""ASEN++ cases that nobody tuned for: smaller backbones, other numbers of attributes and photos, float64; expected
numbers from torchvision's ResNets and the formulas alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from torch import Tensor, nn

from lapel.parity import fill
from lapel.parity.running import run_case
from parity_cases import write_case

SHARED = "attrnet.attr_embedding.weight"


def resnet(depth: str) -> nn.Module:
    net = getattr(torchvision.models, depth)(weights=None)
    del net.layer4, net.fc
    return net  # type: ignore[no-any-return]


def rows_of(branch: str, net: nn.Module, channels: int, hidden: int, attributes: int, without: str) -> list[list[Any]]:
    shapes = {f"basenet.{key}": (list(v.shape), str(v.dtype)[6:]) for key, v in net.state_dict().items()}
    layers = {
        "attr_transform1": [hidden, 16],
        "conv": [hidden, channels, 1, 1],
        "attr_transform2": [16, 16],
        "fc1": [channels // 2, channels + 16],
        "fc2": [channels, channels // 2],
        "feature_fc": [24, channels],
    }
    gone = {"spatial": ("attr_transform1", "conv"), "channel": ("attr_transform2", "fc1", "fc2")}.get(without, ())
    for name, shape in layers.items():
        if name not in gone:
            shapes |= {f"attnnet.{name}.weight": (shape, "float32"), f"attnnet.{name}.bias": (shape[:1], "float32")}
    shapes[SHARED] = ([attributes, 16], "float32")
    return [[f"choices.{branch}.{name}", shape, kind] for name, (shape, kind) in shapes.items()]


def branch(net: nn.Module, weights: dict[str, Tensor], x: Tensor, asked: Tensor) -> tuple[Tensor, Tensor]:
    """One photo at a time, one attribute at a time."""
    own = {key.removeprefix("basenet."): value for key, value in weights.items() if key.startswith("basenet.")}
    net.load_state_dict(own)
    net.to(x.dtype).eval()
    found = net.maxpool(net.relu(net.bn1(net.conv1(x))))  # type: ignore[operator]
    found = net.layer3(net.layer2(net.layer1(found)))  # type: ignore[operator]

    def linear(name: str, value: Tensor) -> Tensor:
        matrix = weights[f"attnnet.{name}.weight"].to(x.dtype).flatten(1)
        return value @ matrix.T + weights[f"attnnet.{name}.bias"].to(x.dtype)

    vectors, maps = [], []
    for photo in found:
        flat = photo.flatten(1).T
        share = torch.full((len(flat),), 1 / len(flat), dtype=x.dtype)
        if "attnnet.conv.weight" in weights:
            projected = torch.tanh(linear("conv", flat))
            share = torch.softmax(
                projected @ torch.tanh(linear("attr_transform1", asked)) / projected.shape[1] ** 0.5, 0
            )
        v = share @ flat
        if "attnnet.fc1.weight" in weights:
            q = torch.relu(linear("attr_transform2", asked))
            v = v * torch.sigmoid(linear("fc2", torch.relu(linear("fc1", torch.cat([v, q])))))
        vectors.append(linear("feature_fc", v))
        maps.append(share.view(photo.shape[1:]))
    return torch.stack(vectors), torch.stack(maps)


def branches_case(
    folder: Path, depths: tuple[str, str], attributes: int, batch: int, dtype: str, without: str = ""
) -> None:
    nets = [resnet(depth) for depth in depths]
    rows = rows_of("global", nets[0], 256, 20, attributes, without)
    rows += rows_of("local", nets[1], 256, 12, attributes, without)
    filled = {"salt": "o-", "scale": {}, "alias": {f"choices.local.{SHARED}": f"choices.global.{SHARED}"}}
    state = fill.state(rows, filled)
    inputs = {
        name: {"kind": "blocks", "seed": 5 + at, "block": 16, "shape": [batch, 3, *size], "dtype": "float32"}
        for at, (name, size) in enumerate({"x_global": (64, 96), "x_local": (48, 48)}.items())
    }
    kind = getattr(torch, dtype)
    table = state[f"choices.global.{SHARED}"].to(kind)
    found: dict[str, list[Tensor]] = {"global_emb": [], "global_att": [], "local_emb": [], "local_att": []}
    with torch.no_grad():
        for which, net, name in zip(("global", "local"), nets, inputs, strict=True):
            start = f"choices.{which}."
            own = {key.removeprefix(start): value for key, value in state.items() if key.startswith(start)}
            for asked in table:
                emb, att = branch(net, own, fill.tensor(inputs[name]).to(kind), asked)
                found[f"{which}_emb"].append(emb)
                found[f"{which}_att"].append(att)
    expected = {key: torch.stack(parts).numpy() for key, parts in found.items()}
    whole, part = (
        expected[key] / np.linalg.norm(expected[key], axis=2, keepdims=True) for key in ("global_emb", "local_emb")
    )
    expected["combined"] = np.concatenate([0.3**0.5 * whole, 0.7**0.5 * part], axis=2).astype(dtype)
    made = {"config_files": ["a/DARN.yaml", "a/s2.yaml"], "options": ["SOLVER.BETA", 0.3]}
    made |= {"n_attributes": attributes, "threshold": 0.2, "beta": 0.3}
    facts = {"runner": "pp_branches", "constructor": made, "state": rows, "fill": filled, "inputs": inputs}
    write_case(folder, "branches_other", facts | {"dtype": dtype}, expected)


@pytest.mark.parametrize(
    ("depths", "attributes", "batch", "dtype", "without"),
    [
        (("resnet34", "resnet18"), 5, 1, "float64", ""),
        (("resnet18", "resnet34"), 9, 2, "float32", ""),
        (("resnet18", "resnet18"), 2, 2, "float64", "spatial"),
        (("resnet18", "resnet18"), 3, 1, "float32", "channel"),
    ],
)
def test_other_branches_pass(
    depths: tuple[str, str], attributes: int, batch: int, dtype: str, without: str, tmp_path: Path
) -> None:
    branches_case(tmp_path, depths, attributes, batch, dtype, without)
    result = run_case(tmp_path, "branches_other")
    assert result.status == "pass", result.reason
    assert result.relative is not None and result.relative <= (1e-8 if dtype == "float64" else 1e-5)
