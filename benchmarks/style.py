"""Train fashion-products/style for a short stated budget, against a linear probe on the same backbone and a constant.

    python benchmarks/style.py --data FOLDER [--run RUN] [--set optimiser.epochs=3] [--quick]

Top-1 and macro F1 on the test split with 95 % intervals (photos resampled), style-retrieval MAP, seconds of each row.
The probe is a multinomial logistic regression on the backbone's pooled ImageNet features of the same pictures; its
L2 weight is chosen on the valid split. It is fitted twice, plainly and with classes weighted evenly, since the
classifier learns from evenly drawn classes. Writes benchmarks/results/style.json and a confusion picture without any
photo. --quick: two steps on tiny pictures, to see that it runs; its figures mean nothing and are written nowhere else.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from lapel.embedding import embed
from lapel.evaluation.analysis import class_confusion
from lapel.evaluation.classification import Classification, classify_scores
from lapel.evaluation.evaluate import evaluate_embeddings
from lapel.evaluation.figures import heat_map
from lapel.evaluation.photos import near_duplicates
from lapel.evaluation.predicted import known_classes
from lapel.export import load_model
from lapel.images import ImageCache
from lapel.models.adapter import TorchModel
from lapel.models.attribute_model import AttributeModel
from lapel.models.backbones import build_backbone
from lapel.models.pooled import PooledHead
from lapel.progress import bar
from lapel.schema import Card, ItemTable
from lapel.training import Recipe, load_recipe
from lapel.training.data import load_data
from lapel.training.loop import train

ROOT = Path(__file__).resolve().parent.parent
DECAYS = (1e-4, 1e-3, 1e-2, 1e-1)
"""L2 weights that are tried for the probe."""

RESAMPLES = 2000
STYLE = (
    "<style>text{font:11px sans-serif;fill:#626a75}.cell{fill:#2f5d8a;stroke:#e1e4e8;stroke-width:.6}"
    ".own{stroke:#1d2127;stroke-width:1.2}.share{fill:#1d2127;font-size:10px}.on{fill:#fff}</style>"
)


def main() -> None:
    """Train, probe, score, write."""
    args = _arguments()
    recipe = load_recipe(args.recipe, [f"data={args.data}", *args.set])
    recipe = recipe.quick if args.quick else recipe
    with tempfile.TemporaryDirectory() as scratch:
        run = args.run or Path(scratch) / "run"
        start = time.monotonic()
        train(recipe, run, resume=(run / "recipe.yaml").is_file(), show=None)
        seconds = time.monotonic() - start
        found = compare_rows(recipe, run, seconds)
    print(json.dumps(found, indent=1))
    if args.quick and args.out is None:
        return
    out = args.out or ROOT / "benchmarks" / "results" / "style.json"
    out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    picture = args.picture or ROOT / "docs" / "images" / "style-confusion.svg"
    picture.write_text(confusion_picture(Classification.from_dict(found["rows"]["style"]["figures"])), encoding="utf-8")
    print(f"{out}, {picture}")


def compare_rows(recipe: Recipe, run: Path, seconds: float) -> dict[str, Any]:
    """Classifier, two probes and the constant, on the test split (of a quick recipe: as few photos as it trains on)."""
    data = load_data(recipe)
    whole = load_data(recipe.model_copy(update={"evaluation": recipe.evaluation.model_copy(update={"split": "test"})}))
    test, name = whole.valid, recipe.data.attributes[0]
    model = load_model(run)
    cache = ImageCache.for_model(model.card.preprocess)
    classes, rows = _labelled(test, model.card)
    with bar("test photos", len(test)) as progress:
        table, _ = embed(model, test.paths, test.ids, cache=cache, progress=progress)
    scored = evaluate_embeddings(table, test, split="test", groups=near_duplicates(test))
    names = model.card.vocabulary[name].values
    figures = {"style": _row(table.outputs.values[rows], classes, names, seconds)}
    figures |= probes(data.train, data.valid, test, model.card, cache)
    common = int(np.bincount(_labelled(data.train, model.card)[0]).argmax())
    always = np.zeros((len(classes), len(names)))
    always[:, common] = 1
    figures["constant"] = _row(always, classes, names, 0.0)
    return {
        "recipe": recipe.model_dump(mode="json", include={"name", "seed", "sampling", "optimiser", "loss", "model"}),
        "data": {"name": test.name, "train": len(data.train), "test": len(classes), "attribute": name},
        "threads": torch.get_num_threads(),
        "style_map": {"map": round(scored.overall, 2), "chance": round(scored.chance, 2), "protocol": scored.protocol},
        "rows": figures,
    }


def probes(train_items: ItemTable, valid: ItemTable, test: ItemTable, card: Card, cache: ImageCache) -> dict[str, Any]:
    """Logistic regression on pooled ImageNet features, classes as they come and classes weighted evenly."""
    start = time.monotonic()
    backbone = build_backbone(card.backbone, card.architecture.get("cut"), card.pretrained.split(" ")[0])
    pooled = AttributeModel(backbone, PooledHead(backbone.channels, 1), (card.vocabulary.width,))
    plain = card.with_(system="pooled", dim=backbone.channels, look_dim=backbone.channels)
    sets = [_features(TorchModel(pooled, plain), items, card, cache) for items in (train_items, valid, test)]
    (x, y), (valid_x, valid_y), (test_x, test_y) = sets
    spent = time.monotonic() - start
    names, found = card.vocabulary.attributes[0].values, {}
    for title, balanced in (("linear probe", False), ("linear probe, classes weighted evenly", True)):
        start = time.monotonic()
        fitted = [_fit(x, y, len(names), decay, balanced) for decay in DECAYS]
        scores = [classify_scores(_softmax(w, valid_x), valid_y, names).macro.f1 for w in fitted]
        best = int(np.argmax(scores))
        row = _row(_softmax(fitted[best], test_x), test_y, names, spent + time.monotonic() - start)
        found[title] = row | {"l2": DECAYS[best]}
    return found


def confusion_picture(found: Classification) -> str:
    """A stand-alone SVG of the classifier's confusion."""
    drawn = heat_map(class_confusion(found), "is taken for")
    head, rest = drawn.split(">", 1)
    background = '<rect width="100%" height="100%" fill="#fff"/>'
    return f'{head} xmlns="http://www.w3.org/2000/svg">{STYLE}{background}{rest}\n'


def _features(model: TorchModel, items: ItemTable, card: Card, cache: ImageCache) -> tuple[Tensor, NDArray[np.int64]]:
    classes, rows = _labelled(items, card)
    part = items.take(rows)
    with bar("pooled features", len(part)) as progress:
        table, _ = embed(model, part.paths, part.ids, cache=cache, progress=progress)
    return torch.from_numpy(table.outputs.embeddings[:, 0]).double() * table.card.dim**0.5, classes


def _labelled(items: ItemTable, card: Card) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Class and row of every item whose one class the model knows."""
    attribute = card.vocabulary.attributes[0]
    classes, _ = known_classes(items.labels(attribute.name), attribute)
    rows = np.flatnonzero(classes >= 0)
    return classes[rows], rows


def _fit(x: Tensor, classes: NDArray[np.int64], count: int, decay: float, balanced: bool) -> Tensor:
    """(C, D + 1) weights of least cross-entropy plus decay times their squared norm, by L-BFGS."""
    labels = torch.from_numpy(classes)
    number = torch.bincount(labels, minlength=count).clamp(min=1)
    weight = len(labels) / (count * number.double()) if balanced else torch.ones(count).double()
    inputs = torch.cat([x, torch.ones(len(x), 1).double()], dim=1)
    weights = torch.zeros(count, inputs.shape[1], dtype=torch.float64, requires_grad=True)
    solver = torch.optim.LBFGS([weights], max_iter=150, history_size=20, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        solver.zero_grad()
        loss = F.cross_entropy(inputs @ weights.T, labels, weight=weight) + decay * weights[:, :-1].square().sum()
        loss.backward()
        return loss

    solver.step(closure)
    return weights.detach()


def _softmax(weights: Tensor, x: Tensor) -> NDArray[np.float64]:
    found: NDArray[np.float64] = torch.softmax(x @ weights[:, :-1].T + weights[:, -1], dim=1).numpy()
    return found


def _row(scores: NDArray[Any], classes: NDArray[np.int64], names: tuple[str, ...], seconds: float) -> dict[str, Any]:
    """Figures and intervals: photos are drawn again with replacement, and top-1 and macro F1 computed anew."""
    found = classify_scores(scores, classes, names)
    rng, drawn = np.random.default_rng(0), []
    for _ in range(RESAMPLES):
        again = rng.integers(0, len(classes), len(classes))
        figures = classify_scores(scores[again], classes[again], names)
        drawn.append((figures.top[1], figures.macro.f1))
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0).round(2).tolist()
    return {
        "top1": round(found.top[1], 2),
        "top1_interval": [low[0], high[0]],
        "macro_f1": round(found.macro.f1, 2),
        "macro_f1_interval": [low[1], high[1]],
        "seconds": round(seconds, 1),
        "figures": found.to_dict(),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the table's folder")
    parser.add_argument("--recipe", default="fashion-products/style")
    parser.add_argument("--run", type=Path, help="keep the run here; an unfinished one there is resumed")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as in lapel train")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--quick", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
