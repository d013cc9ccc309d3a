"""FashionERN's second stage against plain loops over batch, patches and words."""

import math

import pytest
import torch
from torch.nn import functional as F

from lapel.errors import CheckpointError
from lapel.losses.query_target import query_target
from lapel.models.composed.fashionern import DynamicCombiner, FashionERN, SelfGuided
from lapel.models.composed.interaction import InteractionEncoder
from lapel.models.composed.published import BERT, load_fashionern, our_name

D, P, T, B = 16, 13, 5, 3


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def test_self_guided_by_loops() -> None:
    module = SelfGuided(D).eval().requires_grad_(False)
    for norm in (module.local_norm, module.overall_norm):
        norm.running_mean.uniform_(-0.1, 0.1)
        norm.running_var.uniform_(0.5, 1.5)
    patches = torch.randn(B, P, D)
    found = module(patches)
    for b in range(B):
        mean = sum(patches[b, p] for p in range(P)) / P
        g = module.overall.weight @ mean + module.overall.bias
        norm = module.overall_norm
        g = torch.tanh((g - norm.running_mean) / (norm.running_var + norm.eps).sqrt() * norm.weight + norm.bias)
        weights = []
        for p in range(P):
            norm = module.local_norm
            x = module.local.weight @ patches[b, p] + module.local.bias
            x = (x - norm.running_mean[p]) / (norm.running_var[p] + norm.eps).sqrt() * norm.weight[p] + norm.bias[p]
            weights.append(float(module.common.weight[0] @ (torch.tanh(x) * g) + module.common.bias))
        total = sum(math.exp(w) for w in weights)
        mixed = sum(math.exp(w) / total * patches[b, p] for p, w in enumerate(weights))
        torch.testing.assert_close(found[b], mixed / mixed.norm(), rtol=1e-4, atol=1e-6)


def test_combiner_by_loops() -> None:
    module = DynamicCombiner(D).eval()
    image, text = torch.randn(B, D), torch.randn(B, D)
    found = module(image, text)
    for b in range(B):
        y = torch.relu(module.text.weight @ text[b] + module.text.bias)
        x = torch.relu(module.image.weight @ image[b] + module.image.bias)
        hidden = torch.relu(module.hidden.weight @ torch.cat([y, x]) + module.hidden.bias)
        s = 1 / (1 + torch.exp(-(module.scalar.weight[0] @ hidden + module.scalar.bias)))
        mixed = s * text[b] + (1 - s) * image[b]
        torch.testing.assert_close(found[b], mixed / mixed.norm(), rtol=1e-4, atol=1e-6)


def test_interaction_encoder_by_loops() -> None:
    module = InteractionEncoder(D, layers=1, heads=2).eval().requires_grad_(False)
    patches, words = torch.randn(1, P, D), torch.randn(1, T, D)
    tokens = torch.cat([torch.zeros(1, D), patches[0], words[0]])
    x = torch.stack(
        [
            F.layer_norm(
                t + module.kinds.weight[int(i > P)] + module.positions.weight[i],
                (D,),
                module.norm.weight,
                module.norm.bias,
                1e-12,
            )
            for i, t in enumerate(tokens)
        ]
    )
    layer = module.layers[0]
    q, k, v = (x @ part.weight.T + part.bias for part in (layer.query, layer.key, layer.value))
    half = D // 2
    rows = []
    for i in range(len(x)):
        parts = []
        for h in range(2):
            at = slice(h * half, (h + 1) * half)
            scores = [float(q[i, at] @ k[j, at]) / math.sqrt(half) for j in range(len(x))]
            total = sum(map(math.exp, scores))
            parts.append(sum(math.exp(s) / total * v[j, at] for j, s in enumerate(scores)))
        rows.append(torch.cat(parts))
    attended = torch.stack(rows) @ layer.out.weight.T + layer.out.bias
    x = layer.attention_norm(x + attended)
    up = x @ layer.up.weight.T + layer.up.bias
    gelu = 0.5 * up * (1 + torch.erf(up / math.sqrt(2)))
    wanted = layer.norm(x + gelu @ layer.down.weight.T + layer.down.bias)
    torch.testing.assert_close(module(patches, words)[0], wanted, rtol=1e-4, atol=1e-5)


def test_query_and_target_are_unit_and_use_the_first_word_places() -> None:
    model = FashionERN(D, heads=2).eval()
    parts = model.query_parts(torch.randn(B, D), torch.randn(B, P, D), torch.randn(B, D), torch.randn(B, 20, D))
    assert parts.modifier_refined.shape == (B, P, D) and parts.hidden.shape == (B, 1 + P + 20, D)
    for vector in (parts.query, model.target(torch.randn(B, D), torch.randn(B, P, D))):
        torch.testing.assert_close(vector.norm(dim=1), torch.ones(B))


def test_loss_by_loops() -> None:
    query, target = F.normalize(torch.randn(B, D), dim=1), F.normalize(torch.randn(B, D), dim=1)
    rows = []
    for i in range(B):
        logits = [100 * float(query[i] @ target[j]) for j in range(B)]
        rows.append(math.log(sum(math.exp(x - max(logits)) for x in logits)) + max(logits) - logits[i])
    assert float(query_target(query, target)) == pytest.approx(sum(rows) / B, rel=1e-4)


def published(model: FashionERN) -> dict[str, torch.Tensor]:
    """The model's weights under published names, by asking `our_name` about every name the code writes."""
    from lapel.models.composed.published import INSIDE, PARTS

    state = model.state_dict()
    made = {}
    for theirs, ours in PARTS.items():
        for number in ("", "0.", "1."):
            for inside in (*INSIDE, ""):
                for end in (
                    "weight",
                    "bias",
                    "running_mean",
                    "running_var",
                    "num_batches_tracked",
                    "in_proj_weight",
                    "in_proj_bias",
                    "out_proj.weight",
                    "out_proj.bias",
                    "query.weight",
                    "query.bias",
                    "key.weight",
                    "key.bias",
                    "value.weight",
                    "value.bias",
                ):
                    name = theirs + number + inside + end
                    if (ours := our_name(name)) in state:
                        made.setdefault(ours, name)
    assert set(made) == set(state)
    return {name: state[ours] for ours, name in made.items()}


def test_a_saved_file_loads_whole_and_strictly() -> None:
    model = FashionERN(32).eval()
    state = published(model)
    clip = {"image_clip.clip_model.visual.proj": torch.zeros(1), f"{BERT}pooler.dense.weight": torch.zeros(32, 32)}
    loaded, _ = load_fashionern(state | clip)
    for name, value in loaded.state_dict().items():
        torch.testing.assert_close(value, model.state_dict()[name])
    short = dict(state)
    short.pop(next(iter(short)))
    with pytest.raises(CheckpointError, match="lacks"):
        load_fashionern(short)
    with pytest.raises(CheckpointError, match="does not write"):
        load_fashionern(state | {"DVR.other": torch.zeros(1)})
    with pytest.raises(CheckpointError, match="needs"):
        load_fashionern(state | {"DVR.SR_module.embedding_common.weight": torch.zeros(1, 8)})
