"""Runners of the style classifier's golden cases."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lapel.evaluation.classification import classify_scores
from lapel.losses.arc_margin import arc_logits, arc_margin
from lapel.losses.style import style_v1_loss
from lapel.models.attribute_model import unit
from lapel.models.style import ArcStyleHead, StyleModel
from lapel.models.style_published import read_classes, style_model
from lapel.parity import fill
from lapel.parity.cases import Arrays, Case, CaseError
from lapel.parity.options import number, overrides
from lapel.parity.runners import _array, _dtype, _known, _moved, _optimizer, _size, _state

CLASSES = {"ArcStyleClassification": "style", "StyleClassification": "style_v1", "trainer.do_train_classifier": "style"}

ARC = {"s": 10.0, "m": 0.5}
"""Scale and margin of the released head."""

RANKING = 0.1
"""Of the first version's ranking term, before the global branch's own weight."""


def _load(case: Case) -> tuple[StyleModel, dict[str, str]]:
    """The case's model through the importer, in the case's type and mode; and published name -> ours."""
    wanted = str(case["reference"]["class"])
    if wanted not in CLASSES:
        raise CaseError(f"class '{wanted}' belongs to no system of this runner ({', '.join(CLASSES)})")
    constructor = case["constructor"]
    if constructor.get("n_attributes") != 1:
        raise CaseError(f"{constructor.get('n_attributes')} attributes; the style classifier has one")
    classes = _size(constructor.get("n_classes", overrides(case.facts).get("MODEL.HEAD.out_features", 3)), "classes")
    model, names = style_model(CLASSES[wanted], _state(case), read_classes([f"class {n}" for n in range(classes)]))
    mode = str(case["mode"])
    if mode not in ("eval", "train, dropout p set to 0"):
        raise CaseError(f"mode '{mode}' is neither eval nor train without dropout")
    model.to(_dtype(case)).train(mode != "eval")
    for part in model.modules():
        if isinstance(part, nn.Dropout):
            part.p = 0.0
    return model, names


def _head(case: Case) -> tuple[float, float, bool]:
    """Scale, margin and easiness: as the constructor says, which has read the overrides, else as these say."""
    made, options = case["constructor"], overrides(case.facts)
    scale, margin = (float(made.get(key, number(options, f"MODEL.HEAD.{key}", plain))) for key, plain in ARC.items())
    return scale, margin, bool(made.get("easy_margin", options.get("MODEL.HEAD.easy_margin", False)))


def arc(case: Case) -> Arrays:
    """Embedding, attention, pooled last map, cosines, their softmax, and margin logits with their loss."""
    model, _ = _load(case)
    head = model.head
    assert isinstance(head, ArcStyleHead)
    labels = _labels(case, case["inputs"]["labels"], head.classes)
    with torch.no_grad():
        features = model.backbone(fill.tensor(case["inputs"]["x"]).to(_dtype(case)))
        raw, regions = head.all(features)
        cosines = head.logits(features, raw[:, 0])
        scale, margin, easy = _head(case)
        return {
            "emb": _array(raw[:, 0]),
            "att": _array(regions[:, 0]),
            "backbone_pool": _array(head.pooled(features)),
            "cosine": _array(cosines),
            "probability": _array(torch.softmax(cosines, dim=1)),
            "train_logits": _array(arc_logits(cosines, labels, scale, margin, easy)),
            "loss": _array(arc_margin(cosines, labels, scale, margin, easy)),
            "train_logits_easy": _array(arc_logits(cosines, labels, scale, margin, easy=True)),
        }


def arc_head(case: Case) -> Arrays:
    """The margin head alone, on features pulled towards and away from their class."""
    inputs, weight = case["inputs"], _state(case)["weight"].to(_dtype(case))
    labels = _labels(case, inputs["labels"], len(weight))
    pull = fill.tensor(inputs["pull"]).to(_dtype(case))
    features = fill.tensor(inputs["features"]).to(_dtype(case)) + weight[labels] * pull[:, None]
    cosines = (unit(features)[:, None] * unit(weight)).sum(dim=-1)
    scale, margin, easy = _head(case)
    return {
        "cosine": _array(cosines),
        "logits": _array(arc_logits(cosines, labels, scale, margin, easy)),
        "logits_easy": _array(arc_logits(cosines, labels, scale, margin, easy=True)),
    }


def v1(case: Case) -> Arrays:
    """The first version: embeddings and logits of the three roles, and its loss."""
    model, _ = _load(case)
    inputs = case["inputs"]
    with torch.no_grad():
        found = [
            model.classify(fill.tensor(inputs[role]).to(_dtype(case))) for role in ("anchor", "positive", "negative")
        ]
        embedded, logits = (torch.stack(parts) for parts in zip(*found, strict=True))
        classes = [_labels(case, inputs[f"{role}_class"], model.head.classes) for role in ("anchor", "negative")]
        options = overrides(case.facts)
        ranking = RANKING * number(options, "SOLVER.GLOBAL_WEIGHT", 1.0)
        margin = number(options, "SOLVER.MARGIN", 0.2)
        terms = style_v1_loss(unit(embedded), logits, (classes[0], classes[1]), margin, (ranking, 0.5, 0.5))
    return {
        "emb": _array(embedded),
        "logits": _array(logits),
        "triplet": _array(terms.triplet),
        "ce": _array(terms.classes),
        "total": _array(terms.loss),
    }


def train(case: Case) -> Arrays:
    """Successive optimizer steps of the margin classifier."""
    model, names = _load(case)
    scale, margin, easy = _head(case)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    optimizer, losses = _optimizer(model, case["optimizer"]), []
    for step in range(int(case["steps"])):
        labels = _labels(case, case["inputs"][f"step{step}.labels"], model.head.classes)
        cosines = model.logits(fill.tensor(case["inputs"][f"step{step}.x"]).to(_dtype(case)))
        loss = arc_margin(cosines, labels, scale, margin, easy)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    after = model.state_dict()
    state = {theirs: after[ours] for theirs, ours in names.items()}
    return {
        "losses": _array(torch.stack(losses)),
        "delta_norm": np.array([_moved(case, names, before, after, key) for key in case["parameters"]]),
        **{f"after:{key}": _array(_known(state, key)) for key in case["after"]},
    }


def metrics(case: Case) -> Arrays:
    """Top-k, and precision, recall and F1 both ways: in percent, and as scikit-learn's report has them."""
    names = [str(name) for name in case["classes"]]
    scores = F.softmax(fill.tensor(case["inputs"]["scores"]), dim=1).numpy()
    labels = _labels(case, case["inputs"]["labels"], len(names)).numpy()
    ks = [int(key[3:]) for key in case["outputs"] if key.startswith("top") and key[3:].isdigit()]
    found = classify_scores(scores, labels, names, ks=(1, *ks))
    rows = [*found.classes.values(), found.macro, found.weighted]
    figures = np.array([[row.precision, row.recall, row.f1] for row in rows])
    return {
        **{f"top{k}": np.array([found.top.get(k, 100.0)]) for k in ks},  # among all classes every photo's own is found
        "macro": figures[:-2].mean(axis=0),
        "per_class": figures[:-2].T,
        "report": np.column_stack([figures / 100, [row.support for row in rows]]),
        "report_accuracy": np.array(found.top[1] / 100),
    }


def _labels(case: Case, spec: dict[str, Any], classes: int) -> Tensor:
    labels = fill.tensor(spec)
    if labels.dtype != torch.int64 or labels.min() < 0 or labels.max() >= classes:
        raise CaseError(f"case {case.name}: labels are not class ids from 0 to {classes - 1}")
    return labels
