"""One function a runner: a case in, the arrays it asks for out, computed by the models that train and evaluate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lapel.evaluation import metrics
from lapel.losses.csn import csn_loss
from lapel.losses.distorted import DistortedTerms, distorted_ranking
from lapel.losses.margin_ranking import margin_ranking, triplet_accuracy
from lapel.models.attribute_model import AttributeModel, unit
from lapel.models.csn import CSNHead, initial_masks
from lapel.models.published import published_model
from lapel.parity import fill
from lapel.parity.cases import Arrays, Case, CaseError

MOST = 8192
"""More attributes or dimensions than this are a tampered case; a network of that size must not fill the memory."""
COPY = "warp"
"""Inputs of an ASENet_V2+GD case: warp1, warp2, ..., the anchor's distorted copies."""
CLASSES = {"ASENet": "asen", "ASENet_V2": "asen_v2", "ConditionalSimNet": "csn"}


def load_model(case: Case) -> tuple[AttributeModel, dict[str, str]]:
    """The case's model through the importer, in the case's type and mode; and published name -> ours."""
    wanted = str(case["reference"]["class"])
    name = next((ours for theirs, ours in CLASSES.items() if wanted.split()[0] == theirs), None)
    if name is None:
        raise CaseError(f"class '{wanted}' belongs to no system of this runner ({', '.join(CLASSES)})")
    constructor = case["constructor"]
    attributes = _size(constructor.get("n_attributes", constructor.get("n_conditions")), "attributes")
    options: dict[str, Any] = {"learned": constructor["learnedmask"]} if name == "csn" else {}
    model, names = published_model(name, _state(case), attributes, **options)
    if name == "csn" and model.head.dim != constructor["embedding_size"]:
        raise CaseError(
            f"the weights give {model.head.dim} dimensions, the constructor {constructor['embedding_size']}"
        )
    if case["mode"] not in ("eval", "train"):
        raise CaseError(f"mode '{case['mode']}' is neither eval nor train")
    model.to(_dtype(case))
    model.train(case["mode"] == "train")
    return model, names


def embed(case: Case) -> Arrays:
    """Embeddings under every attribute, raw and unit, attention maps, and the mean of the backbone's map."""
    model, _ = load_model(case)
    pixels = fill.tensor(case["inputs"]["x"]).to(_dtype(case))
    with torch.no_grad():
        features = model.backbone(pixels)
        raw, regions = model.head.all(features)
        found = {"raw": raw, "emb": unit(raw), "att": regions}
        arrays = {key: _array(value.transpose(0, 1)) for key, value in found.items()}
    return arrays | {"backbone_mean": _array(features.mean(dim=(2, 3)))}


def loss(case: Case) -> Arrays:
    """Similarities, hinge terms, loss and accuracy of one triplet batch, and running statistics after it."""
    model, names = load_model(case)
    with torch.no_grad():
        found = _terms(model, case, "")
    state = {theirs: model.state_dict()[ours] for theirs, ours in names.items()}
    return {
        "sims": _array(found.pairs.flatten(0, 1)),
        "terms": _array(found.terms),
        "loss": _array(found.loss),
        "accuracy": _share(found),
        **{f"buffer:{key}": _array(_known(state, key)) for key in case["buffers"]},
    }


def train(case: Case) -> Arrays:
    """Successive optimizer steps on given triplet batches."""
    model, names = load_model(case)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    optimizer = _optimizer(model, case["optimizer"])
    every = []
    for step in range(int(case["steps"])):
        found = _terms(model, case, f"step{step}.")
        optimizer.zero_grad()
        found.loss.backward()
        optimizer.step()
        every.append(found)
    after = model.state_dict()
    state = {theirs: after[ours] for theirs, ours in names.items()}
    return {
        "losses": _array(torch.stack([found.loss for found in every])),
        "terms": _array(torch.stack([found.terms for found in every])),
        "accuracies": np.stack([_share(found) for found in every]),
        "delta_norm": np.array([_moved(case, names, before, after, key) for key in case["parameters"]]),
        **{f"after:{key}": _array(_known(state, key)) for key in case["after"]},
    }


def csn(case: Case) -> Arrays:
    """Veit et al.'s network: masked embeddings, distances, norms and loss."""
    constructor = case["constructor"]
    model, _ = load_model(case)
    head = model.head
    assert isinstance(head, CSNHead)
    if not constructor["learnedmask"]:
        # Fixed masks are the constructor's slices whatever a file says: they are no weights.
        fixed = initial_masks(head.attributes, head.dim, learned=False, prein=False)
        head.masks.weight.data.copy_(fixed)
    conditions = fill.tensor(case["inputs"]["conditions"])
    with torch.no_grad():
        roles = [
            model.backbone(fill.tensor(case["inputs"][role]).to(_dtype(case))) for role in ("anchor", "far", "close")
        ]
        anchor, far, close = (head.embedding(features) for features in roles)
        mask = head.mask(conditions)
        terms = csn_loss((anchor, far, close), mask, case["margin"], case["embed_loss"], case["mask_loss"])
        every = head.all(roles[1]).raw.transpose(0, 1)
    return {
        "emb": _array(every),
        "masks": _array(head.masks.weight),
        "dist_far": _array(terms.distance_far),
        "dist_close": _array(terms.distance_close),
        "mask_norm": _array(terms.mask_norm),
        "embed_norm": _array(terms.embed_norm),
        "masked_norm": _array(terms.masked_norm),
        "loss_triplet": _array(terms.triplet),
        "loss": _array(terms.loss),
        "accuracy": _accuracy(terms.distance_far, terms.distance_close),
    }


def masks(case: Case) -> Arrays:
    """The mask tables that the CSN constructor makes without a random draw."""
    found = {}
    for variant in case["variants"]:
        if variant["learnedmask"] and not variant["prein"]:
            raise CaseError(f"variant '{variant['name']}' is drawn at random; no table can be compared")
        sizes = _size(variant["n_attributes"], "attributes"), _size(variant["embedding_size"], "dimensions")
        head = CSNHead(8, *sizes, variant["learnedmask"], variant["prein"])
        if head.masks.weight.requires_grad != variant["requires_grad"]:
            raise CaseError(f"variant '{variant['name']}' should{'' if variant['requires_grad'] else ' not'} be learnt")
        found[variant["name"]] = _array(head.masks.weight)
    return found


def margin(case: Case) -> Arrays:
    """Hinge and accuracy on given similarities."""
    far, near = (torch.tensor(case[f"sim_{role}"], dtype=_dtype(case)) for role in ("negative", "positive"))
    return {
        "loss": _array(margin_ranking(near, far, case["margin"])),
        "accuracy": _accuracy(near, far),
    }


def ranking(case: Case) -> Arrays:
    """AP per query, orders, MAP per attribute, MeanAP over all queries, and the other scorers."""
    found: Arrays = {}
    every = []
    for index, attribute in enumerate(case["attributes"]):
        queries, candidates = fill.tensor(attribute["queries"]), fill.tensor(attribute["candidates"])
        order = metrics.rank((queries @ candidates.T).numpy())
        relevant = np.asarray(attribute["query_labels"])[:, None] == np.asarray(attribute["candidate_labels"])[order]
        found[f"order:{index}"] = order
        found[f"ap:{index}"] = metrics.average_precision(relevant)
        every.append(found[f"ap:{index}"])
    means = np.array([ap.mean() for ap in every])
    found |= {"map": means, "unweighted_mean": means.mean(), "mean_ap": np.concatenate(every).mean()}
    found["scorers"] = np.array([[_score(name, gains) for name in case["scorers"]] for gains in case["graded"]])
    return found


def _score(name: str, gains: list[float]) -> float:
    kind, _, cut = name.partition("@")
    ranked = np.asarray([gains])
    scorers: dict[str, Callable[[], Any]] = {
        "AP": lambda: metrics.average_precision_at(ranked, int(cut)) if cut else metrics.average_precision(ranked > 0),
        "RR": lambda: metrics.reciprocal_rank(ranked > 0),
        "P": lambda: metrics.precision_at(ranked, int(cut)),
        "NDCG": lambda: metrics.ndcg_at(ranked, int(cut)),
        "DCG": lambda: metrics.dcg_at(ranked, int(cut)),
    }
    if kind not in scorers:
        raise CaseError(f"unknown scorer '{name}'")
    return float(np.asarray(scorers[kind]()).reshape(-1)[0])


def _terms(model: AttributeModel, case: Case, prefix: str) -> DistortedTerms:
    """The case's triplets in the published order of forwards; the distorted copies of ASENet_V2+GD where it has any."""
    inputs = case["inputs"]
    copies = sum(name.startswith(f"{prefix}{COPY}") for name in inputs)
    if (case["system"] == "ASEN+GD") is not (copies > 0):
        raise CaseError(f"system '{case['system']}' does not go with these inputs: copies of the anchor belong to GD")
    roles = ("anchor", "negative", "positive", *(f"{COPY}{number}" for number in range(1, copies + 1)))
    if missing := [role for role in roles if f"{prefix}{role}" not in inputs]:
        raise CaseError(f"there is no input '{prefix}{missing[0]}'")
    photos = [fill.tensor(inputs[f"{prefix}{role}"]).to(_dtype(case)) for role in roles]
    anchor, negative, positive, *warped = model.views(photos, fill.tensor(inputs[f"{prefix}attributes"]))
    return distorted_ranking(anchor, negative, positive, warped, case["margin"])


def _share(found: DistortedTerms) -> np.ndarray[Any, Any]:
    return _accuracy(found.pairs[0, 1], found.pairs[0, 0])


def _accuracy(near: Tensor, far: Tensor) -> np.ndarray[Any, Any]:
    """A share of whole triplets is expected in float64: in float32 7 of 10 would be off by more than 1e-8."""
    return _array(triplet_accuracy(near.double(), far.double()))


def _optimizer(model: AttributeModel, asked: dict[str, Any]) -> torch.optim.Optimizer:
    if asked.get("name") != "Adam":
        raise CaseError(f"unknown optimizer '{asked.get('name')}'")
    settings: dict[str, Any] = {
        key: tuple(value) if key == "betas" else value for key, value in asked.items() if key != "name"
    }
    return torch.optim.Adam([p for p in model.parameters() if p.requires_grad], **settings)


def _moved(case: Case, names: dict[str, str], before: dict[str, Tensor], after: dict[str, Tensor], key: str) -> float:
    """How far a parameter moved; the published files' unused classifier never does."""
    if key not in names:
        if key.endswith((".fc.weight", ".fc.bias")) and any(row[0] == key for row in case["state"]):
            return 0.0
        raise CaseError(f"'{key}' is no parameter of this system")
    return float((after[names[key]] - before[names[key]]).norm())


def _size(value: Any, what: str) -> int:
    """A number of attributes or dimensions, checked before a network of that size is made."""
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MOST:
        raise CaseError(f"{value} {what} make no network; a whole number from 1 to {MOST} does")
    return value


def _known(state: dict[str, Tensor], key: str) -> Tensor:
    if key not in state:
        raise CaseError(f"'{key}' is no tensor of this system")
    return state[key]


def _state(case: Case) -> dict[str, Tensor]:
    return fill.state(case["state"], case["fill"])


def _dtype(case: Case) -> torch.dtype:
    known = {"float32": torch.float32, "float64": torch.float64}
    if case["dtype"] not in known:
        raise CaseError(f"dtype '{case['dtype']}' is neither float32 nor float64")
    return known[case["dtype"]]


def _array(value: Tensor) -> np.ndarray[Any, Any]:
    return np.asarray(value.detach().numpy())
