"""The comparison models: each against its formula written out for one row."""

import math

import torch
from torch.nn import functional as F

from lapel.models.composed.amc import AMC
from lapel.models.composed.artemis import Artemis
from lapel.models.composed.cala import ROUNDS, AttentionPooling, TwinAttention
from lapel.models.composed.combiner import VTF, Combiner
from lapel.models.composed.compodiff import CompoDiff, PositionBias, Rotary
from lapel.models.composed.dqu import DQUHead

D = 16


def seeded(module: torch.nn.Module) -> torch.nn.Module:
    torch.manual_seed(1)
    for weight in module.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    return module.eval().requires_grad_(False)


def test_combiner_formula() -> None:
    net = seeded(Combiner(D, 32, 64))
    x, y = torch.randn(D), torch.randn(D)
    p = torch.cat([F.relu(net.text_projection_layer(y)), F.relu(net.image_projection_layer(x))])
    s = torch.sigmoid(net.dynamic_scalar[3](F.relu(net.dynamic_scalar[0](p))))
    out = net.output_layer(F.relu(net.combiner_layer(p))) + s * y + (1 - s) * x
    torch.testing.assert_close(net(x[None], y[None])[0], out / out.norm(), rtol=1e-4, atol=1e-6)


def test_vtf_adds_a_second_path_whose_gates_are_one() -> None:
    net = seeded(VTF(D, 2 * D, 64))
    x, y = torch.randn(1, D), torch.randn(1, D)
    before = net(x, y)
    torch.nn.init.normal_(net.text_mlp[0].weight)  # a gate that is always 1 changes nothing
    torch.testing.assert_close(net(x, y), before)
    s = net.dynamic_scalar2(torch.cat([F.relu(y), F.relu(x)], dim=1))
    third = net.output_layer2(F.relu(net.combiner_layer2(torch.cat([F.relu(y), F.relu(x)], dim=1))))
    mixed = Combiner.mix(net, x, y) + third + s * F.relu(y) + (1 - s) * F.relu(x)
    torch.testing.assert_close(before, mixed / mixed.norm())


def test_artemis_matrix_equals_pairs() -> None:
    net = seeded(Artemis(D))
    r, m, t = torch.randn(3, D), torch.randn(3, D), torch.randn(4, D)
    every = net.scores(r, m, t)
    for q in range(3):
        for n in range(4):
            explicit, implicit = net(r[q : q + 1], m[q : q + 1], t[n : n + 1])
            torch.testing.assert_close(every[q, n], (explicit + implicit)[0])


def test_dqu_lies_between_its_two_vectors() -> None:
    net = seeded(DQUHead(D))
    x, y = F.normalize(torch.randn(1, D), dim=1), F.normalize(torch.randn(1, D), dim=1)
    c = F.relu(net.combiner_fc[0](torch.cat([y, x], dim=1)))
    s = torch.sigmoid(net.scaler_fc[3](F.relu(net.scaler_fc[0](c))))
    torch.testing.assert_close(net(3 * x, 2 * y), F.normalize(s * y + (1 - s) * x, dim=1))


def test_cala_asks_four_times_with_one_query() -> None:
    net = TwinAttention(D).eval()
    r, t = torch.randn(1, 3, D), torch.randn(1, 2, D)
    left, right = t, r
    for _ in range(ROUNDS):
        left = net.reference_as_query_attention(r, left, left)[0]
        right = net.target_as_query_attention(t, right, right)[0]
    torch.testing.assert_close(net(r, t), (left[:, 0] + right[:, 0]) / 2)


def test_attention_pooling_by_loop() -> None:
    net = seeded(AttentionPooling(D, 3))
    tokens = torch.randn(1, 3, D)
    scores = [float(w @ tokens.flatten() + b) for w, b in zip(net.projection.weight, net.projection.bias, strict=True)]
    total = sum(map(math.exp, scores))
    torch.testing.assert_close(
        net(tokens)[0], sum(math.exp(s) / total * t for s, t in zip(scores, tokens[0], strict=True))
    )


def test_amc_routes_are_a_sum_not_a_softmax() -> None:
    net = seeded(AMC(D, 8))
    regions, sentence = torch.randn(2, 5, D), torch.randn(2, D)
    first, second, before, after = net(regions, sentence)
    assert first.shape == second.shape == (2, 5, D) and before.shape == after.shape == (2, 3)
    assert not torch.allclose(before.sum(dim=1), torch.ones(2))
    again, routes = net.dynamic_itr_l1(first, sentence)
    torch.testing.assert_close(again, second)
    torch.testing.assert_close(routes, after)


def test_compodiff_guidance_and_positions() -> None:
    net = seeded(CompoDiff(D, steps=10, depth=1, width=8, heads=2))
    noisy, image, text, none = (
        torch.randn(1, 1, D),
        torch.randn(1, 2, D),
        torch.randn(1, 3, 1280),
        torch.randn(1, 3, 1280),
    )
    step, mask = torch.tensor([3]), torch.ones(1, 64, 64)
    full = net(noisy, step, image, text, mask)
    torch.testing.assert_close(net.guided(noisy, step, image, text, none, mask, (1.0, 1.0)), full)
    turned = Rotary(8)(torch.ones(3, 8))
    torch.testing.assert_close(turned.norm(dim=1), torch.full((3,), 8**0.5))
    torch.testing.assert_close(turned[1, :2], torch.tensor([math.cos(1) - math.sin(1), math.sin(1) + math.cos(1)]))
    bias = PositionBias(2)
    table = bias.relative_attention_bias.weight
    torch.testing.assert_close(bias(3, 4)[:, 2, 0], table[2])
    torch.testing.assert_close(bias(1, 4)[:, 0, 3], table[0])  # what lies ahead counts as no distance
    torch.testing.assert_close(bias(400, 1)[:, 399, 0], table[31])
