"""Small golden cases made by the tests, with expected numbers computed without any of Lapel's models or losses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision
from torch import Tensor, nn

from lapel.parity import fill


def write_case(folder: Path, name: str, facts: dict[str, Any], expected: dict[str, Any]) -> None:
    """NAME.json and NAME.npz, the arrays announced as the golden folder announces them."""
    arrays = {key: np.asarray(value) for key, value in expected.items()}
    announced = {key: {"shape": list(array.shape), "dtype": str(array.dtype)} for key, array in arrays.items()}
    outputs = {key.split(":")[0] + (":*" if ":" in key else ""): "" for key in arrays}
    common: dict[str, Any] = {
        "case": name,
        "system": "ASEN",
        "dtype": "float32",
        "mode": "eval",
        "fill": {},
        "outputs": outputs,
    }
    common |= {"reference": {}, "state": []}
    (folder / f"{name}.json").write_text(json.dumps(common | facts | {"arrays": announced}))
    np.savez(folder / f"{name}.npz", **arrays)  # type: ignore[arg-type]


def margin_case(folder: Path, name: str = "margin_other", margin: float = 0.35) -> None:
    """Hinge and accuracy of seven triplets, in plain Python."""
    near = [0.5, -0.25, 0.75, 0.125, 0.5, 0.0, -0.5]
    far = [0.25, 0.25, 0.5, 0.125, 0.0, 0.625, 0.25]
    loss = sum(max(0.0, f - n + margin) for n, f in zip(near, far, strict=True)) / 7
    facts = {"runner": "margin", "margin": margin, "sim_positive": near, "sim_negative": far}
    write_case(folder, name, facts, {"loss": np.float32(loss), "accuracy": np.float64(3 / 7)})


def masks_case(folder: Path, name: str = "masks_other") -> None:
    """A table of fixed masks of five attributes in twelve dimensions."""
    table = np.zeros((5, 12), np.float32)
    for row in range(5):
        table[row, 2 * row : 2 * row + 2] = 1
    variant = {"name": "fixed", "n_attributes": 5, "embedding_size": 12, "learnedmask": False, "prein": False}
    write_case(
        folder, name, {"runner": "csn_masks", "variants": [variant | {"requires_grad": False}]}, {"fixed": table}
    )


def schedules_case(folder: Path, name: str = "schedules_other", kind: str = "asen") -> None:
    """Five epochs of another step and decay."""
    recipes = [
        {"name": "r", "kind": kind, "lr": 0.01, "step_size": 2, "decay_rate": 0.5, "epochs": 5},
        {"name": "c", "kind": "csn", "lr": 0.1, "epochs": 3},
    ]
    rates = {"r": [[0.01], [0.01], [0.005], [0.005], [0.0025]], "c": [[0.1 * 0.985**n] for n in (1, 2, 3)]}
    write_case(folder, name, {"runner": "schedules", "system": "all", "dtype": "float64", "recipes": recipes}, rates)


class Network(nn.Module):
    """ASENet_V2 on torchvision's ResNet-50, by its formula, one attribute an image, names as published."""

    def __init__(self, attributes: int) -> None:
        super().__init__()
        whole = torchvision.models.resnet50(weights=None)
        del whole.layer4
        self.backbonenet = whole
        self.attr_embedding = nn.Embedding(attributes, 512)
        self.attr_transform1, self.attr_transform2 = nn.Linear(512, 512), nn.Linear(512, 512)
        self.conv1, self.img_bn1 = nn.Conv2d(1024, 512, 1), nn.BatchNorm2d(512)
        self.fc1, self.fc2 = nn.Linear(1536, 512), nn.Linear(512, 1024)

    def forward(self, pixels: Tensor, attributes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """-> (B, 1024) before normalisation, (B, h, w) attention, (B, 1024) mean of the map."""
        net = self.backbonenet
        x = net.maxpool(net.relu(net.bn1(net.conv1(pixels))))
        x = net.layer3(net.layer2(net.layer1(x)))
        asked = self.attr_embedding(attributes)
        t = torch.tanh(self.attr_transform1(asked))[:, :, None, None]
        score = (t * torch.tanh(self.img_bn1(self.conv1(x)))).sum(1) / 512**0.5
        share = torch.softmax(score.flatten(1), 1).view_as(score)
        v = (share[:, None] * x).sum((2, 3))
        q = torch.relu(self.attr_transform2(asked))
        return v * torch.sigmoid(self.fc2(torch.relu(self.fc1(torch.cat([v, q], 1))))), share, x.mean((2, 3))


def network(attributes: int, salt: str, dtype: torch.dtype) -> tuple[Network, list[list[Any]]]:
    """The network with weights by the fill rules, and the rows of a case's `state`."""
    net = Network(attributes)
    rows = [[f"embeddingnet.{k}", list(v.shape), str(v.dtype)[6:]] for k, v in net.state_dict().items()]
    weights = fill.state(rows, {"salt": salt})
    net.load_state_dict({name.removeprefix("embeddingnet."): value for name, value in weights.items()})
    return net.to(dtype), rows


def about(attributes: int, salt: str, rows: list[list[Any]]) -> dict[str, Any]:
    """Facts that every case of this network states."""
    made = {"constructor": {"n_attributes": attributes, "embedding_size": 1024}, "reference": {"class": "ASENet_V2"}}
    return made | {"state": rows, "fill": {"salt": salt, "scale": {}, "alias": {}}}


def embed_case(folder: Path, name: str = "embed_other") -> None:
    """Three attributes, one photo of 48 x 80 pixels."""
    net, rows = network(3, "s-", torch.float32)
    x = {"kind": "blocks", "seed": 9, "block": 16, "shape": [1, 3, 48, 80], "dtype": "float32"}
    with torch.no_grad():
        found = [net.eval()(fill.tensor(x), torch.tensor([a])) for a in range(3)]
    raw, att = torch.stack([f[0] for f in found]), torch.stack([f[1] for f in found])
    unit = raw / raw.norm(dim=2, keepdim=True)
    expected = {"raw": raw.numpy(), "emb": unit.numpy(), "att": att.numpy(), "backbone_mean": found[0][2].numpy()}
    write_case(folder, name, about(3, "s-", rows) | {"runner": "asen_embed", "inputs": {"x": x}}, expected)


def train_case(folder: Path, name: str = "train_other", attributes: int = 2, steps: int = 2) -> None:
    """Steps of Adam with another margin, rate, betas and weight decay, in float64, two photos of 48 pixels a role."""
    net, rows = network(attributes, "t-", torch.float64)
    before = {k: v.detach().clone() for k, v in net.named_parameters()}
    settings = {"lr": 3e-4, "betas": [0.8, 0.99], "eps": 1e-7, "weight_decay": 0.01}
    optimizer = torch.optim.Adam(net.parameters(), **(settings | {"betas": (0.8, 0.99)}))  # type: ignore[arg-type]
    inputs: dict[str, Any] = {}
    losses, accuracies = [], []
    for step in range(steps):
        for seed, role in enumerate(("anchor", "negative", "positive")):
            inputs[f"step{step}.{role}"] = {"kind": "randn", "seed": 10 * step + seed, "shape": [2, 3, 48, 48]}
        inputs[f"step{step}.attributes"] = {"kind": "values", "values": [step % attributes, 0]}
        asked = torch.tensor(inputs[f"step{step}.attributes"]["values"])
        unit = []
        for role in ("anchor", "negative", "positive"):
            raw = net.train()(fill.tensor(inputs[f"step{step}.{role}"]).double(), asked)[0]
            unit.append(raw / raw.norm(dim=1, keepdim=True))
        gap = (unit[0] * unit[1]).sum(1) - (unit[0] * unit[2]).sum(1)
        loss = (gap + 0.4).clamp(min=0).mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.item())
        accuracies.append((gap < 0).double().mean().item())
    state = net.state_dict()
    after = ["img_bn1.running_mean", "img_bn1.num_batches_tracked", "fc2.bias", "backbonenet.bn1.running_var"]
    moved = [float((v.detach() - before[k]).norm()) for k, v in net.named_parameters()]
    expected = {
        "losses": np.array(losses),
        "accuracies": np.array(accuracies),
        "terms": np.array(losses)[:, None],
        "delta_norm": np.array(moved),
        **{f"after:embeddingnet.{k}": state[k].numpy() for k in after},
    }
    facts = {"runner": "asen_train", "dtype": "float64", "mode": "train", "margin": 0.4, "steps": steps}
    facts |= {
        "optimizer": {"name": "Adam", **settings},
        "inputs": inputs,
        "after": [f"embeddingnet.{k}" for k in after],
    }
    facts |= {"parameters": [f"embeddingnet.{k}" for k in before]}
    write_case(folder, name, about(attributes, "t-", rows) | facts, expected)
