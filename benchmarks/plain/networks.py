"""One attribute a call: each system's forward as its fact sheet writes it, on the layers of a model of ours.

A `head` holds the layers under their published names, so that both implementations run on equal weights. Feature maps
x are (B, C, h, w), attributes a (B,) int64; results are not normalised.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

Seen = tuple[Tensor, Tensor | None, Tensor | None]
"""Embedding (B, D), attention (B, h, w), background (B, D)."""


def triplet(head: Any, x: Tensor, a: Tensor) -> Seen:
    """Average pooling and one linear layer."""
    return head.embed_fc(F.avg_pool2d(x, x.shape[2:]).flatten(1)), None, None


def csn(head: Any, x: Tensor, a: Tensor) -> Seen:
    """The pooled embedding times the attribute's mask."""
    return head.embed_fc(F.avg_pool2d(x, x.shape[2:]).flatten(1)) * torch.relu(head.masks(a)), None, None


def asen(head: Any, x: Tensor, a: Tensor) -> Seen:
    """ASENet: one-hot attributes, a convolution over the product."""
    e = F.one_hot(a, head.attributes).to(x.dtype)
    p = torch.tanh(head.conv1(x))
    t = torch.tanh(head.mask_fc1(e))[:, :, None, None].expand_as(p)
    s = spread(torch.tanh(head.conv2(t * p))[:, 0])
    v = (s[:, None] * x).sum(dim=(2, 3))
    return head.feature_fc(v * gate(head, v, torch.relu(head.mask_fc2(e)))), s, None


def asen_v2(head: Any, x: Tensor, a: Tensor) -> Seen:
    """ASENet_V2: embedded attributes, scaled products, batch norm before the tanh."""
    e = head.attr_embedding(a)
    s = products(head, torch.tanh(head.img_bn1(head.conv1(x))), e)
    v = (s[:, None] * x).sum(dim=(2, 3))
    return v * gate(head, v, torch.relu(head.attr_transform2(e))), s, None


def asenpp(head: Any, x: Tensor, e: Tensor) -> Seen:
    """A branch of ASEN++, under attribute vectors e (B, E)."""
    s = products(head, torch.tanh(head.conv(x)), e)
    v = (s[:, None] * x).sum(dim=(2, 3))
    return head.feature_fc(v * gate(head, v, torch.relu(head.attr_transform2(e)))), s, None


def rpf_region(head: Any, x: Tensor, a: Tensor) -> Seen:
    """RPF's region branch, foreground and background."""
    tokens = head.x_layer_norm(x.flatten(2).transpose(1, 2)).transpose(1, 2).unflatten(2, x.shape[2:])
    e = head.a_layer_norm(head.attr_embedding(a))
    s = products(head, torch.tanh(head.conv(tokens)), e)
    rest = (1 - s) / (1 - s).sum(dim=(1, 2), keepdim=True)
    front = head.feature_fc((s[:, None] * tokens).sum(dim=(2, 3)))
    back = (rest[:, None] * tokens).sum(dim=(2, 3))
    norm = head.mlp_layer_norm
    return norm(head.mlp(norm(front)) + front), s, norm(head.mlp(norm(back)) + back)


def rpf_patch(branch: Any, crops: Tensor, e: Tensor) -> Tensor:
    """RPF's patch branch: a ViT over crops (B, 3, 224, 224), asked by attribute vectors e (B, E)."""
    first = branch.embeddings
    patches = first.patch_embeddings(crops).flatten(2).transpose(1, 2)
    x = torch.cat([first.cls_token.expand(len(crops), -1, -1), patches], dim=1)
    x = first.dropout(x + first.position_embeddings)
    for block in branch.encoder.layer:
        normed = block.attention_norm(x)
        x = x + attention(block.attn, normed, normed)
        x = x + block.ffn(block.ffn_norm(x))
    x = (x + branch.type_embed[:, 1])[:, 1:]
    q = branch.attr2query(e)[:, None] + branch.type_embed[:, :1]
    cross = branch.crossencoder
    y = cross.fc(attention(cross.cross_attn, cross.cross_attention_norm(q), cross.cross_attention_norm(x)))
    return branch.norm(y + cross.ffn(cross.ffn_norm(y)))[:, 0]


def attention(layer: Any, asking: Tensor, tokens: Tensor) -> Tensor:
    """Heads one beside the other, scores written out."""
    q, k, v = (
        part(given).unflatten(2, (layer.heads, -1)).transpose(1, 2)
        for part, given in ((layer.query, asking), (layer.key, tokens), (layer.value, tokens))
    )
    shares = torch.softmax(q @ k.transpose(2, 3) / math.sqrt(q.shape[3]), dim=-1)
    return layer.out((shares @ v).transpose(1, 2).flatten(2))


def products(head: Any, p: Tensor, e: Tensor) -> Tensor:
    """Attention (B, h, w) from the scaled products of keys p (B, C, h, w) and an attribute vector e (B, E)."""
    t = torch.tanh(head.attr_transform1(e))[:, :, None, None].expand_as(p)
    return spread((t * p).sum(dim=1) / math.sqrt(p.shape[1]))


def spread(scores: Tensor) -> Tensor:
    """Softmax over the positions of (B, h, w)."""
    return torch.softmax(scores.flatten(1), dim=1).view_as(scores)


def gate(head: Any, v: Tensor, q: Tensor) -> Tensor:
    """The channel gate: (B, C) between 0 and 1."""
    return torch.sigmoid(head.fc2(torch.relu(head.fc1(torch.cat([v, q], dim=1)))))


def asenpp_whole(head: Any, x: Tensor, a: Tensor) -> Seen:
    """ASEN++'s global branch."""
    return asenpp(head, x, head.attr_embedding(a))


def asenpp_local(branch: Any, crops: Tensor, e: Tensor) -> Tensor:
    """ASEN++'s local branch: crops (B, 3, 112, 112), attribute vectors e (B, E)."""
    return asenpp(branch.head, branch.backbone(crops), e)[0]


WHOLE: dict[str, Callable[[Any, Tensor, Tensor], Seen]] = {
    "triplet": triplet,
    "csn": csn,
    "asen": asen,
    "asen_v2": asen_v2,
    "asenpp": asenpp_whole,
    "rpf": rpf_region,
}
LOCAL: dict[str, Callable[[Any, Tensor, Tensor], Tensor]] = {"asenpp": asenpp_local, "rpf": rpf_patch}
