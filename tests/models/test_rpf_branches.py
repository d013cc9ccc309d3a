"""RPF's two branches against recomputations that share no line with them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lapel.errors import CheckpointError, InputError
from lapel.models.rpf_patch import SMALL, PatchBranch, PatchSize
from lapel.models.rpf_region import RPFRegionHead
from lapel.models.vit_npz import load_vit, read_vit_npz
from vit_files import google

TINY = PatchSize(side=16, patch=4, width=12, layers=2, heads=3, mlp=20, attribute=6, dim=10)


def randomised(module: nn.Module, seed: int = 0) -> nn.Module:
    """Every weight drawn anew, so that nothing hides behind a zero or a one."""
    source = torch.Generator().manual_seed(seed)
    for weight in module.parameters():
        weight.data = torch.randn(weight.shape, generator=source) * 0.4
    return module.eval()


def region_by_loops(head: RPFRegionHead, x: Tensor, a: int) -> tuple[Tensor, Tensor, Tensor]:
    """One picture (C, h, w) under one attribute, position by position -> foreground, background, map (hw,)."""
    eps = 1e-6
    channels, height, width = x.shape

    def norm(z: Tensor, layer: nn.LayerNorm) -> Tensor:
        centred = z - z.mean()
        return centred / torch.sqrt((centred**2).mean() + eps) * layer.weight + layer.bias

    tokens = [norm(x[:, i, j], head.x_layer_norm) for i in range(height) for j in range(width)]
    asked = norm(head.attr_embedding.weight[a], head.a_layer_norm)
    query = torch.tanh(head.attr_transform1.weight @ asked + head.attr_transform1.bias)
    scores = [
        float((query * torch.tanh(head.conv.weight[:, :, 0, 0] @ t + head.conv.bias)).sum()) / math.sqrt(head.hidden)
        for t in tokens
    ]
    total = sum(math.exp(s) for s in scores)
    shares = [math.exp(s) / total for s in scores]
    left = sum(1 - share for share in shares)
    u, v = torch.zeros(channels), torch.zeros(channels)
    for share, token in zip(shares, tokens, strict=True):
        u += share * token
        v += (1 - share) / left * token
    found = []
    for z in (head.feature_fc.weight @ u + head.feature_fc.bias, v):
        normed = norm(z, head.mlp_layer_norm)
        inner = torch.relu(head.mlp.fc1.weight @ normed + head.mlp.fc1.bias)
        found.append(norm(head.mlp.fc2.weight @ inner + head.mlp.fc2.bias + z, head.mlp_layer_norm))
    return found[0], found[1], torch.tensor(shares)


def test_the_region_branch_is_its_formula() -> None:
    head = randomised(RPFRegionHead(8, 3, hidden=6))
    assert isinstance(head, RPFRegionHead)
    x = torch.randn(2, 8, 3, 5, generator=torch.Generator().manual_seed(5)) * 3
    with torch.no_grad():
        every, both = head.all(x), head.both(x, torch.arange(3).expand(2, -1))
        for b in range(2):
            for a in range(3):
                one = head(x[b : b + 1], torch.tensor([a]))
                front, back, share = region_by_loops(head, x[b], a)
                torch.testing.assert_close(every.raw[b, a], front, atol=1e-5, rtol=1e-5)
                torch.testing.assert_close(one.raw[0], front, atol=1e-5, rtol=1e-5)
                torch.testing.assert_close(both.raw[b, a], front, atol=1e-5, rtol=1e-5)
                torch.testing.assert_close(both.background[b, a], back, atol=1e-5, rtol=1e-5)
                torch.testing.assert_close(every.regions[b, a].flatten(), share, atol=1e-6, rtol=1e-5)
                torch.testing.assert_close(one.regions[0].flatten(), share, atol=1e-6, rtol=1e-5)


def test_both_of_one_attribute_a_picture_is_both_of_many() -> None:
    head = randomised(RPFRegionHead(8, 3, hidden=6))
    assert isinstance(head, RPFRegionHead)
    x, asked = torch.randn(2, 8, 3, 5), torch.tensor([2, 0])
    for single, several in zip(head.both(x, asked), head.both(x, asked[:, None]), strict=True):
        torch.testing.assert_close(single, several[:, 0])


def test_a_map_of_one_position_has_a_background_of_numbers() -> None:
    head = RPFRegionHead(8, 3, hidden=6)
    assert all(part.isfinite().all() for part in head.both(torch.randn(2, 8, 1, 1), torch.tensor([0, 1])))


def test_a_dimension_of_our_own_adds_one_layer_to_both() -> None:
    head = RPFRegionHead(8, 3, dim=4, hidden=6).eval()
    given = head.both(torch.randn(2, 8, 3, 3), torch.tensor([0, 1]))
    assert given.raw.shape == given.background.shape == (2, 4)
    assert {n for n in head.state_dict() if n.startswith("project")} == {"project.weight", "project.bias"}


def patch_by_torch(branch: PatchBranch, crops: Tensor, asked: Tensor) -> Tensor:
    """The same formula on `nn.MultiheadAttention` and plain functions."""
    size = branch.size

    def attention(part: nn.Module, q: Tensor, kv: Tensor) -> Tensor:
        mha = nn.MultiheadAttention(size.width, size.heads, batch_first=True)
        names = ("query", "key", "value")
        mha.in_proj_weight.data = torch.cat([getattr(part, n).weight for n in names])
        mha.in_proj_bias.data = torch.cat([getattr(part, n).bias for n in names])
        mha.out_proj.weight, mha.out_proj.bias = part.out.weight, part.out.bias  # type: ignore[assignment, union-attr]
        return mha(q, kv, kv, need_weights=False)[0]  # type: ignore[no-any-return]

    def norm(x: Tensor, layer: nn.LayerNorm) -> Tensor:
        return F.layer_norm(x, layer.normalized_shape, layer.weight, layer.bias, 1e-6)

    e = branch.embeddings
    side = size.side // size.patch
    patches = []
    for i in range(side):
        for j in range(side):
            cut = crops[:, :, i * size.patch : (i + 1) * size.patch, j * size.patch : (j + 1) * size.patch]
            patches.append(cut.flatten(1) @ e.patch_embeddings.weight.flatten(1).T + e.patch_embeddings.bias)
    x = torch.cat([e.cls_token.expand(len(crops), -1, -1), torch.stack(patches, 1)], 1) + e.position_embeddings
    for block in branch.encoder.layer:
        normed = norm(x, block.attention_norm)
        x = x + attention(block.attn, normed, normed)
        x = x + block.ffn.fc2(F.gelu(block.ffn.fc1(norm(x, block.ffn_norm))))
    cross = branch.crossencoder
    tokens = norm(x[:, 1:] + branch.type_embed[0, 1], cross.cross_attention_norm)
    query = norm(branch.attr2query(asked) + branch.type_embed[0, 0], cross.cross_attention_norm)
    y = cross.fc(attention(cross.cross_attn, query[:, None], tokens))[:, 0]
    y = y + cross.ffn.fc2(F.gelu(cross.ffn.fc1(norm(y, cross.ffn_norm))))
    return norm(y, branch.norm)


def test_the_patch_branch_is_its_formula() -> None:
    branch = randomised(PatchBranch(TINY))
    assert isinstance(branch, PatchBranch)
    crops, asked = torch.randn(3, 3, 16, 16), torch.randn(3, 6)
    with torch.no_grad():
        torch.testing.assert_close(branch(crops, asked), patch_by_torch(branch, crops, asked), atol=2e-5, rtol=2e-5)
        assert branch(crops[:1], asked[:1]).shape == (1, 10)  # a single crop keeps its batch axis


def test_the_cls_token_is_read_by_nobody_but_the_blocks() -> None:
    """It has a gradient through the blocks' attention, and none of its own output is used."""
    branch = PatchBranch(TINY).eval()
    tokens = branch.tokens(torch.randn(1, 3, 16, 16))
    assert tokens.shape == (1, 17, 12)


def test_the_published_size_has_the_published_number_of_weights() -> None:
    whole = sum(p.numel() for p in PatchBranch().parameters())
    region = sum(p.numel() for p in RPFRegionHead(1024, 8).parameters())
    trunk = 8_543_296  # ResNet-50 up to layer3, as counted in its checkpoint
    assert round((whole + region + trunk) / 1e6, 1) == 101.8


def test_the_small_size_is_small() -> None:
    small = PatchSize(**SMALL, dim=128)  # type: ignore[arg-type]
    assert small.tokens == 49
    assert 2.2e6 < sum(p.numel() for p in PatchBranch(small).parameters()) < 2.3e6


def test_a_size_that_does_not_divide_is_refused() -> None:
    with pytest.raises(InputError, match="whole patches of 16"):
        PatchSize(side=100)
    with pytest.raises(InputError, match="divide into 5 heads"):
        PatchSize(heads=5)


def test_googles_file_is_taken_over_entry_by_entry(tmp_path: Path) -> None:
    path = tmp_path / "vit.npz"
    arrays = google(TINY)
    np.savez(path, **arrays)  # type: ignore[arg-type]
    branch = PatchBranch(TINY)
    load_vit(branch, read_vit_npz(path))
    x = torch.randn(5, 12)
    block, ours = "Transformer/encoderblock_1", branch.encoder.layer[1]
    for part in ("query", "key", "value"):
        kernel = arrays[f"{block}/MultiHeadDotProductAttention_1/{part}/kernel"]
        bias = arrays[f"{block}/MultiHeadDotProductAttention_1/{part}/bias"]
        by_head = np.einsum("nw,whd->nhd", x.numpy(), kernel) + bias
        found = getattr(ours.attn, part)(x).unflatten(1, (3, 4))
        np.testing.assert_allclose(found.detach().numpy(), by_head, atol=1e-5)
    out = np.einsum(
        "nhd,hdw->nw", x.unflatten(1, (3, 4)).numpy(), arrays[f"{block}/MultiHeadDotProductAttention_1/out/kernel"]
    )
    np.testing.assert_allclose(
        ours.attn.out(x).detach().numpy(), out + arrays[f"{block}/MultiHeadDotProductAttention_1/out/bias"], atol=1e-5
    )
    pixel = branch.embeddings.patch_embeddings.weight
    assert pixel[3, 1, 0, 2].item() == arrays["embedding/kernel"][0, 2, 1, 3]
    assert not branch.embeddings.cls_token.any()  # as published: it starts at zero


def test_a_vit_file_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    branch = PatchBranch(TINY)
    arrays = google(TINY)
    before = {name: value.clone() for name, value in branch.state_dict().items()}
    other = google(PatchSize(side=32, patch=4, width=12, layers=2, heads=3, mlp=20, attribute=6, dim=10))
    with pytest.raises(CheckpointError, match="position_embeddings.*1, 65, 12"):
        load_vit(branch, other)
    with pytest.raises(CheckpointError, match="has no 'embedding/bias'"):
        load_vit(branch, {name: value for name, value in arrays.items() if name != "embedding/bias"})
    with pytest.raises(CheckpointError, match="no numbers"):
        load_vit(branch, arrays | {"embedding/bias": np.full(12, np.nan, np.float32)})
    for name, value in branch.state_dict().items():
        assert torch.equal(value, before[name])


def test_a_vit_file_with_objects_in_it_is_refused_and_nothing_runs(tmp_path: Path) -> None:
    path, proof = tmp_path / "vit.npz", tmp_path / "ran"

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return proof.touch, ()  # type: ignore[return-value]

    np.savez(path, **{"embedding/kernel": np.array([Evil()], object)})  # type: ignore[arg-type]
    with pytest.raises(CheckpointError, match="no .npz of plain arrays"):
        read_vit_npz(path)
    assert not proof.exists()
    path.write_bytes(b"PK\x03\x04 not a zip")
    with pytest.raises(CheckpointError, match="no .npz of plain arrays"):
        read_vit_npz(path)
    with pytest.raises(CheckpointError, match="No ViT weights at"):
        read_vit_npz(tmp_path / "nothing.npz")
