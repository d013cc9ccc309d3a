"""Runners of composed retrieval: FashionERN's second stage, its loss, and the models it is compared with."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lapel.losses.query_target import query_target
from lapel.models.attribute_model import unit
from lapel.models.composed.amc import AMC
from lapel.models.composed.artemis import Artemis
from lapel.models.composed.cala import AttentionPooling, TwinAttention
from lapel.models.composed.combiner import VTF, Combiner
from lapel.models.composed.compodiff import CompoDiff
from lapel.models.composed.dqu import DQUHead
from lapel.models.composed.published import load_fashionern
from lapel.parity import fill
from lapel.parity.cases import Arrays, Case, CaseError

EVERY = 10
Net = TypeVar("Net", bound=nn.Module)


def tensors(case: Case) -> dict[str, Tensor]:
    """The case's inputs: rebuilt by rule, or read from its .npz."""
    made = {}
    for name, spec in case["inputs"].items():
        if spec["kind"] == "npz":
            made[name] = torch.from_numpy(case.expected[spec["key"]])
        else:
            made[name] = fill.tensor(spec)
    return made


def array(value: Tensor) -> NDArray[Any]:
    """A tensor as the golden files hold it."""
    return value.detach().cpu().numpy()


def query(case: Case) -> Arrays:
    """A composed query, with what is computed on the way."""
    model, _ = load_fashionern(fill.state(case["state"], case["fill"]))
    x = tensors(case)
    parts = model.query_parts(x["ref_global"], x["ref_patch"], x["text_global"], x["text_seq"])
    found = parts._asdict()
    hidden = found.pop("hidden")[:, ::EVERY]
    return {"encoder_hidden_every_10th": array(hidden)} | {name: array(value) for name, value in found.items()}


def target(case: Case) -> Arrays:
    """A gallery picture's vector, from the raw CLIP vector (training) and from the unit one (published evaluation)."""
    model, _ = load_fashionern(fill.state(case["state"], case["fill"]))
    x = tensors(case)
    return {
        "target_from_raw_global": array(model.target(x["tar_global"], x["tar_patch"])),
        "target_from_normalized_global": array(model.target(unit(x["tar_global"]), x["tar_patch"])),
        "self_refined": array(model.target_guided(x["tar_patch"])),
    }


def train(case: Case) -> Arrays:
    """One forward and backward in training mode without dropout: loss, vectors, gradient norms, running means."""
    if case["constructor"].get("dropout_p") != 0.0:
        raise CaseError("a training case with dropout cannot be repeated")
    model, names = load_fashionern(fill.state(case["state"], case["fill"]), dropout=0.0)
    x = tensors(case)
    model.train()
    asked = model.query(x["ref_global"], x["ref_patch"], x["text_global"], x["text_seq"])
    wanted = model.target(x["tar_global"], x["tar_patch"])
    value = query_target(asked, wanted)
    value.backward()
    gradients = {name: weight.grad for name, weight in model.named_parameters()}
    norms = [_norm(gradients.get(names.get(theirs, ""))) for theirs in case["notes"]["parameter_order"]]
    return {
        "loss": array(value),
        "query": array(asked),
        "target": array(wanted),
        "grad_norm_by_parameter": np.array(norms, np.float32),
        "target_sr_bn_running_mean_after": array(model.state_dict()["target_guided.local_norm.running_mean"]),
    }


def loss(case: Case) -> Arrays:
    """The batch contrastive loss and its gradients with respect to both sides."""
    x = tensors(case)
    asked, wanted = (unit(x[name]).detach().requires_grad_() for name in ("pred", "target"))
    value = query_target(asked, wanted)
    by_query, by_target = torch.autograd.grad(value, (asked, wanted))
    return {"loss": array(value), "grad_pred": array(by_query), "grad_target": array(by_target)}


def _norm(gradient: Tensor | None) -> float:
    """The L2 norm; nan where there is no gradient, as the golden files say it."""
    return float("nan") if gradient is None else float(gradient.norm())


def combiner(case: Case) -> Arrays:
    """CLIP4Cir's Combiner, or VTF; the constructor counts half of a vector's width."""
    sizes = case["constructor"]
    cls = VTF if case["runner"] == "fern.vtf" else Combiner
    model = filled(cls(2 * sizes["clip_feature_dim"], sizes["projection_dim"], sizes["hidden_dim"]), case)
    x = tensors(case)
    return _arrays(out=model(x["image"], x["text"]))


def artemis(case: Case) -> Arrays:
    """Both of ARTEMIS' scores, their sum, and the sum for every pair."""
    model = filled(Artemis(case["constructor"]["clip_feature_dim"]), case)
    x = tensors(case)
    explicit, implicit = model(x["ref"], x["text"], x["tar"])
    every = model.scores(x["ref"], x["text"], x["tar"])
    return _arrays(score=explicit + implicit, score_em=explicit, score_is=implicit, score_matrix=every)


def dqu(case: Case) -> Arrays:
    """DQU-CIR's query, and its loss at the learnt scale."""
    model = filled(DQUHead(case["constructor"]["hidden_dim"]), case)
    x = tensors(case)
    asked, wanted = model(x["image"], x["text"]), unit(x["tar"])
    return _arrays(query=asked, target=wanted, loss=query_target(asked, wanted, model.loss_weight))


def cala(case: Case) -> Arrays:
    """CaLa's compositor."""
    x = tensors(case)
    return _arrays(out=filled(TwinAttention(case["constructor"]["embedding_dim"]), case)(x["ref"], x["tar"]))


def attention_pooling(case: Case) -> Arrays:
    """Tokens weighed by one linear layer."""
    sizes = case["constructor"]
    return _arrays(out=filled(AttentionPooling(sizes["emb_dim"], sizes["emb_num"]), case)(tensors(case)["tokens"]))


def amc(case: Case) -> Arrays:
    """AMC's two layers and their routes."""
    sizes = case["constructor"]
    x = tensors(case)
    found = filled(AMC(sizes["embed_size"], sizes["hid_router"]), case)(x["region"], x["sentence"])
    return _arrays(**dict(zip(("layer1", "layer2", "route1", "route2"), found, strict=True)))


def compodiff(case: Case) -> Arrays:
    """CompoDiff's denoiser, plain and guided."""
    sizes, x = case["constructor"], tensors(case)
    model = CompoDiff(sizes["dim"], sizes["num_timesteps"], sizes["depth"], sizes["dim_head"], sizes["heads"])
    model = filled(model, case)
    first = (x["noisy"], x["t"], x["image_cond"], x["text_cond"])
    mask, scales = x["mask"].float(), case["notes"]["cond_scale"]
    return _arrays(pred=model(*first, mask), guided=model.guided(*first, x["text_uncond"], mask, scales))


def filled(model: Net, case: Case) -> Net:
    """The case's weights in a model; constants that the case names keep their values."""
    state = fill.state(case["state"], case["fill"])
    for name, shape, kind, value in case.get("constants", []):
        state[name] = torch.tensor(value, dtype=getattr(torch, kind)).reshape(shape)
    model.load_state_dict(state)
    return model.eval()


def _arrays(**found: Tensor) -> Arrays:
    return {name: array(value) for name, value in found.items()}
