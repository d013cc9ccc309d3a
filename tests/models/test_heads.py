"""Heads: all attributes at once equal one at a time; each formula again, attribute by attribute, in plain steps."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lapel.errors import CheckpointError, InputError, UnknownName
from lapel.models.attribute_model import AttributeHead, AttributeModel, unit
from lapel.models.backbones import build_backbone
from lapel.models.csn import CSNHead, initial_masks
from lapel.models.registry import build_head

CHANNELS, ATTRIBUTES = 12, 5
HEADS: dict[str, tuple[str, dict[str, Any]]] = {
    "triplet": ("triplet", {}),
    "triplet, 7": ("triplet", {"dim": 7}),
    "csn learned": ("csn", {"dim": 16}),
    "csn fixed": ("csn", {"dim": 16, "learned": False}),
    "csn prein": ("csn", {"dim": 16, "prein": True}),
    "asen": ("asen", {"hidden": 6}),
    "asen, 7": ("asen", {"hidden": 6, "dim": 7}),
    "asen_v2": ("asen_v2", {"hidden": 6}),
    "asen_v2, 7": ("asen_v2", {"hidden": 6, "dim": 7}),
}


def made(name: str) -> AttributeHead:
    system, options = HEADS[name]
    torch.manual_seed(1)
    head = build_head(system, CHANNELS, ATTRIBUTES, **options).double()
    for module in head.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_()  # type: ignore[union-attr]
            module.running_var.uniform_(0.5, 2)  # type: ignore[union-attr]
    return head.eval()


def feature_map(height: int = 4, width: int = 3, photos: int = 2) -> Tensor:
    source = torch.Generator().manual_seed(2)
    return torch.rand(photos, CHANNELS, height, width, generator=source, dtype=torch.float64)


@pytest.mark.parametrize("name", HEADS)
def test_all_attributes_at_once_are_what_one_at_a_time_gives(name: str) -> None:
    head, features = made(name), feature_map()
    raw, regions = head.all(features)
    assert raw.shape == (2, ATTRIBUTES, head.dim) and regions.shape == (2, ATTRIBUTES, 4, 3)
    for k in range(ATTRIBUTES):
        one = head(features, torch.tensor([k, k]))
        torch.testing.assert_close(raw[:, k], one.raw)
        torch.testing.assert_close(regions[:, k], one.regions)


@pytest.mark.parametrize("name", HEADS)
def test_each_photo_may_be_asked_another_attribute(name: str) -> None:
    head, features = made(name), feature_map()
    mixed = head(features, torch.tensor([3, 1])).raw
    torch.testing.assert_close(mixed, torch.stack([head.all(features).raw[0, 3], head.all(features).raw[1, 1]]))


@pytest.mark.parametrize("size", [(1, 1), (7, 7), (14, 14), (5, 9)])
@pytest.mark.parametrize("name", HEADS)
def test_the_map_may_have_any_size_and_regions_sum_to_one(name: str, size: tuple[int, int]) -> None:
    regions = made(name).all(feature_map(*size)).regions
    assert regions.shape == (2, ATTRIBUTES, *size) and (regions >= 0).all()
    torch.testing.assert_close(regions.sum(dim=(2, 3)), torch.ones(2, ATTRIBUTES, dtype=torch.float64))


@pytest.mark.parametrize("name", HEADS)
def test_only_systems_that_attend_have_regions_that_differ(name: str) -> None:
    head = made(name)
    flat = head.all(feature_map()).regions.std() < 1e-12
    assert head.attends is not bool(flat) and head.attends is name.startswith("asen")


def linear(layer: nn.Linear, x: Tensor) -> Tensor:
    return layer.weight @ x + layer.bias


def test_asen_is_its_formula() -> None:
    head, features = made("asen"), feature_map()
    raw, regions = head.all(features)
    weight = {name: value.detach() for name, value in head.named_parameters()}
    for b in range(2):
        for a in range(ATTRIBUTES):
            one_hot = torch.eye(ATTRIBUTES, dtype=torch.float64)[a]
            t = torch.tanh(weight["mask_fc1.weight"] @ one_hot)
            logits = []
            for y in range(4):
                for x in range(3):
                    p = torch.tanh(weight["conv1.weight"][:, :, 0, 0] @ features[b, :, y, x] + weight["conv1.bias"])
                    logits.append(torch.tanh(weight["conv2.weight"][0, :, 0, 0] @ (t * p) + weight["conv2.bias"][0]))
            share = torch.exp(torch.stack(logits))
            share = share / share.sum()
            v = sum(share[i] * features[b, :, i // 3, i % 3] for i in range(12))
            q = torch.relu(weight["mask_fc2.weight"] @ one_hot)
            inner = torch.relu(linear(head.fc1, torch.cat([v, q])))  # type: ignore[arg-type]
            m = torch.sigmoid(linear(head.fc2, inner))  # type: ignore[arg-type]
            torch.testing.assert_close(raw[b, a], linear(head.feature_fc, v * m))  # type: ignore[arg-type]
            torch.testing.assert_close(regions[b, a].flatten(), share)


def test_asen_v2_is_its_formula() -> None:
    head, features = made("asen_v2"), feature_map()
    raw, regions = head.all(features)
    norm = head.img_bn1
    for b in range(2):
        for a in range(ATTRIBUTES):
            asked = head.attr_embedding.weight[a]
            t = torch.tanh(linear(head.attr_transform1, asked))
            logits = []
            for y in range(4):
                for x in range(3):
                    z = head.conv1.weight[:, :, 0, 0] @ features[b, :, y, x] + head.conv1.bias
                    z = (z - norm.running_mean) / torch.sqrt(norm.running_var + 1e-5) * norm.weight + norm.bias
                    logits.append((t * torch.tanh(z)).sum() / 6**0.5)
            share = torch.exp(torch.stack(logits))
            share = share / share.sum()
            v = sum(share[i] * features[b, :, i // 3, i % 3] for i in range(12))
            q = torch.relu(linear(head.attr_transform2, asked))
            m = torch.sigmoid(linear(head.fc2, torch.relu(linear(head.fc1, torch.cat([v, q])))))
            torch.testing.assert_close(raw[b, a], v * m)
            torch.testing.assert_close(regions[b, a].flatten(), share)


def test_csn_is_its_formula_and_only_learned_masks_pass_a_relu() -> None:
    for name in ("csn learned", "csn fixed"):
        head, features = made(name), feature_map()
        assert isinstance(head, CSNHead)
        with torch.no_grad():
            head.masks.weight[2] = -1.0
        h = torch.stack([linear(head.embed_fc, features[b].flatten(1).mean(1)) for b in range(2)])
        mask = head.masks.weight[2].clamp(min=0) if head.learned else head.masks.weight[2]
        torch.testing.assert_close(head.all(features).raw[:, 2], h * mask)
        assert head.masks.weight.requires_grad is head.learned


def test_a_mask_that_lets_nothing_through_gives_zeros_and_no_nan() -> None:
    head = made("csn learned")
    with torch.no_grad():
        head.masks.weight[2] = -1.0  # type: ignore[index]
    assert not unit(head.all(feature_map()).raw)[:, 2].any()


def test_initial_masks_have_slices_of_floor_and_leave_the_rest() -> None:
    fixed = initial_masks(3, 8, learned=False, prein=False)
    assert fixed.tolist() == [[1, 1, 0, 0, 0, 0, 0, 0], [0, 0, 1, 1, 0, 0, 0, 0], [0, 0, 0, 0, 1, 1, 0, 0]]
    prein = initial_masks(3, 8, learned=True, prein=True)
    torch.testing.assert_close(prein, fixed.clamp(min=0.1))
    torch.manual_seed(0)
    drawn = initial_masks(50, 1000, learned=True, prein=False)
    assert float(drawn.mean()) == pytest.approx(0.9, abs=0.02) and float(drawn.std()) == pytest.approx(0.7, abs=0.02)


def test_csn_refuses_an_embedding_with_fewer_dimensions_than_attributes() -> None:
    with pytest.raises(InputError, match="CSN needs at least one dimension an attribute: dim 4, attributes 5"):
        build_head("csn", CHANNELS, ATTRIBUTES, dim=4)


def test_triplet_ignores_the_attribute() -> None:
    raw = made("triplet, 7").all(feature_map()).raw
    assert all(torch.equal(raw[:, 0], raw[:, k]) for k in range(ATTRIBUTES)) and raw.shape[2] == 7


def test_unknown_systems_and_options_are_sentences() -> None:
    with pytest.raises(UnknownName, match="Unknown system 'asen_v3'. Did you mean 'asen_v2'"):
        build_head("asen_v3", 8, 2)
    with pytest.raises(CheckpointError, match="System 'triplet' does not take these options.*learned"):
        build_head("triplet", 8, 2, learned=True)


@pytest.mark.parametrize(
    ("system", "attributes", "options", "published"),
    [
        ("asen", 8, {}, 13_753_897),
        ("asen", 5, {}, 13_749_289),
        ("asen_v2", 8, {}, 12_959_784),
        ("asen_v2", 5, {}, 12_958_248),
        ("csn", 8, {}, 11_650_088),
    ],
)
def test_parameters_number_what_the_published_code_prints(
    system: str, attributes: int, options: dict[str, Any], published: int
) -> None:
    with torch.device("meta"):
        backbone = build_backbone("resnet50", "layer3", "random")
    with torch.device("meta"):
        model = AttributeModel(backbone, build_head(system, backbone.channels, attributes, **options))
    dead = 2048 * 1000 + 1000
    assert sum(p.numel() for p in model.parameters()) + dead == published


class Counting(nn.Module):
    channels = CHANNELS

    def __init__(self) -> None:
        super().__init__()
        self.passes = 0

    def forward(self, pixels: Tensor) -> Tensor:
        self.passes += 1
        return pixels.repeat(1, CHANNELS // 3, 1, 1).abs()


@pytest.mark.parametrize("system", ["triplet", "csn", "asen", "asen_v2"])
def test_the_model_keeps_its_contract_from_one_backbone_pass(system: str) -> None:
    torch.manual_seed(0)
    trunk = Counting()
    model = AttributeModel(trunk, build_head(system, CHANNELS, 3, dim=8), (2, 3, 2), look_dim=6).eval()
    pixels = torch.randn(2, 3, 5, 4)
    out = model(pixels)
    assert trunk.passes == 1
    assert out.embeddings.shape == (2, 3, 8) and out.regions.shape == (2, 3, 5, 4)
    assert out.values.shape == (2, 7) and out.look.shape == (2, 6) and out.composed is None
    torch.testing.assert_close(out.embeddings.norm(dim=2), torch.ones(2, 3))
    torch.testing.assert_close(out.look.norm(dim=1), torch.ones(2))
    for part in out.values.split((2, 3, 2), dim=1):
        torch.testing.assert_close(part.sum(dim=1), torch.ones(2))
    asked = torch.tensor([2, 0])
    torch.testing.assert_close(model.embed(pixels, asked), out.embeddings[torch.arange(2), asked])
    torch.testing.assert_close(model.regions(pixels, asked), out.regions[torch.arange(2), asked])


def test_similarities_move_running_averages_once_a_role_in_the_published_order() -> None:
    torch.manual_seed(0)
    model = AttributeModel(Counting(), build_head("asen_v2", CHANNELS, 3, hidden=6)).train()
    norm = model.head.img_bn1
    seen: list[Tensor] = []
    norm.register_forward_hook(lambda module, args, out: seen.append(args[0].detach()))
    roles = [torch.randn(2, 3, 5, 4) for _ in range(3)]
    model.similarities(*roles, torch.tensor([0, 2]))
    assert int(norm.num_batches_tracked) == 3
    expected = torch.zeros(6)
    for x in seen:
        expected = 0.9 * expected + 0.1 * x.mean(dim=(0, 2, 3))
    torch.testing.assert_close(norm.running_mean, expected)
    trunk = model.backbone
    order = [model.head.conv1(trunk(role)).detach() for role in roles]
    assert all(torch.allclose(a, b) for a, b in zip(seen, order, strict=True))
    model.eval()
    near, far = model.similarities(*roles, torch.tensor([0, 2]))
    anchor, negative, positive = (model.embed(role, torch.tensor([0, 2])) for role in roles)
    torch.testing.assert_close(near, (anchor * positive).sum(1))
    torch.testing.assert_close(far, (anchor * negative).sum(1))


def test_a_length_in_half_precision_is_still_one() -> None:
    torch.testing.assert_close(unit(torch.randn(9, 512).bfloat16()).norm(dim=1), torch.ones(9))
    assert unit(torch.randn(2, 4, dtype=torch.float64)).dtype == torch.float64
