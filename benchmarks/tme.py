"""The enhanced text tower with each of its branches on and off, in a small setting.

    python benchmarks/tme.py CHECKPOINT --data FOLDER [--epochs 2] [--seeds 2]

CHECKPOINT is a model with words (`lapel add-words`): its picture encoder gives the vectors of whole photos and of their
13 regions, which stay as they are. The text tower is CLIP's kind, two thin layers with random weights (the same for
one seed), taught whole with its branches by the loss of the first stage (`lapel.losses.modifier_enhancement`) on
one-change queries of fashion-products' train split; a query is the sum of reference and text. All variants see the
same batches.
Judged on the test split after the last epoch. Writes results/tme.json and the table in docs/composed-results.md.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from random import Random

import numpy as np
import open_clip
import torch
from torch import Tensor
from torch.nn.functional import normalize

from lapel.datasets import read
from lapel.evaluation.composed import ComposedEvaluation, asked_of, evaluate_composed, protocol_of
from lapel.evaluation.metrics import bootstrap
from lapel.export import run_checkpoint
from lapel.losses.modifier_enhancement import modifier_enhancement
from lapel.models import checkpoint
from lapel.models.composed.clip import CONTEXT, ClipTowers
from lapel.models.composed.loading import tokenise
from lapel.models.composed.tme import EnhancedText
from lapel.training.words.features import places
from lapel.training.words.judging import PROTOCOL
from lapel.training.words.lessons import Lessons
from results_page import between_marks

VARIANTS: dict[str, tuple[str, ...]] = {
    "none (the plain tower)": (), "inject": ("inject",), "align": ("align",), "inject and align": ("inject", "align"),
}  # fmt: skip
WIDTH, LAYERS, HEADS, BATCH, RATE, READ = 64, 2, 2, 128, 1e-3, 20
RESULTS = Path(__file__).parent / "results" / "tme.json"
PAGE = Path(__file__).parent.parent / "docs" / "composed-results.md"
MARK = "written by benchmarks/tme.py"


def main() -> None:
    """Teach every variant with every seed, judge, write."""
    args = _arguments()
    torch.set_num_threads(1)
    lessons, pictures, regions = _pictures(args)
    found: dict[str, list[ComposedEvaluation]] = {name: [] for name in VARIANTS}
    began = time.process_time()
    for seed in range(1, args.seeds + 1):
        for name, branches in VARIANTS.items():
            text = _tower(branches, pictures.shape[1], seed)
            _teach(text, lessons, pictures, regions, args.epochs, seed)
            found[name].append(_judge(text, lessons, pictures, regions, name))
            print(seed, name, {k: round(v, 1) for k, v in found[name][-1].mean.items()}, flush=True)
    written = {
        "seconds": round(time.process_time() - began, 1), "epochs": args.epochs, "seeds": args.seeds, "batch": BATCH,
        "queries": found["inject"][0].queries, "protocol": found["inject"][0].protocol,
        "variants": {name: _figures(ones, found["none (the plain tower)"]) for name, ones in found.items()},
    }  # fmt: skip
    RESULTS.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    write_table(written)


def write_table(found: dict[str, object]) -> None:
    """Put the table in its place on the page, or at its end."""
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(between_marks(text, _table(found).rstrip("\n"), MARK), encoding="utf-8")


def _figures(ones: list[ComposedEvaluation], plain: list[ComposedEvaluation]) -> dict[str, object]:
    """Each R@K: mean over seeds, bootstrapped over queries; each seed's own; the difference to the plain tower."""
    out: dict[str, object] = {}
    for name in ones[0].mean:
        k = int(name.split("@")[1])
        hits, base = (100.0 * np.mean([one.ranks <= k for one in some], axis=0) for some in (ones, plain))
        low, high = bootstrap(hits)
        less, more = bootstrap(hits - base)
        out[name] = {
            "value": round(float(hits.mean()), 2), "low": round(low, 2), "high": round(high, 2),
            "seeds": [round(one.mean[name], 2) for one in ones],
            "difference": round(float((hits - base).mean()), 2), "less": round(less, 2), "more": round(more, 2),
        }  # fmt: skip
    return out


def _table(found: dict[str, object]) -> str:
    variants: dict[str, dict[str, dict[str, float]]] = found["variants"]  # type: ignore[assignment]
    rows = []
    for name, figures in variants.items():
        cells = [
            f"{f['value']:.1f} ({f['low']:.1f} to {f['high']:.1f})" for f in (figures[k] for k in ("R@10", "R@50"))
        ]
        ten = figures["R@10"]
        seeds = ", ".join(f"{one:.1f}" for one in ten["seeds"])  # type: ignore[attr-defined]
        gap = "-" if name.startswith("none") else f"{ten['difference']:+.1f} ({ten['less']:+.1f} to {ten['more']:+.1f})"
        rows.append(f"| {name} | {' | '.join(cells)} | {seeds} | {gap} |")
    return TABLE.format(rows="\n".join(rows), **{k: v for k, v in found.items() if k != "variants"})


TABLE = """## The enhanced text tower (TME), branch by branch, small

`python benchmarks/tme.py`: over the light model's picture vectors and 13 regions, a text tower of CLIP's kind with two
thin layers and random weights, taught whole for {epochs} epochs (batch {batch}, {seeds} seeds, {seconds:.0f} s of
processor time in all) and asked by the sum of reference and text; the {queries} test queries above. Mean over seeds;
intervals are a bootstrap over queries, the last column paired with the plain tower.

| branches | R@10 | R@50 | R@10 of each seed | R@10 against the plain tower |
|---|---|---|---|---|
{rows}

A tower of random weights under so small a budget says whether the branches train and help or hurt here, not what they
are worth over CLIP's own weights.
"""


def _pictures(args: argparse.Namespace) -> tuple[Lessons, Tensor, Tensor]:
    """The set's lessons, photos' vectors (N, d) and regions (N, 13, d)."""
    model, card = checkpoint.load(run_checkpoint(args.checkpoint))
    items = read(args.data / "fashion-products")
    seen, encoder = places(model, card.without_words, items), model.composed.image.eval()
    with torch.inference_mode():
        reduced = torch.cat([encoder.reduce(part.float()) for part in seen.split(512)])
        parts = [encoder(part) for part in reduced.split(512)]
    vectors, regions = (torch.cat(each).clone() for each in zip(*parts, strict=True))
    return Lessons(items, reduced), vectors, normalize(regions, dim=-1)


def _tower(branches: tuple[str, ...], dim: int, seed: int) -> EnhancedText:
    """The same tower for one seed, whatever its branches."""
    torch.manual_seed(seed)
    vision = open_clip.CLIPVisionCfg(layers=1, width=32, head_width=16, patch_size=16, image_size=32)
    text = open_clip.CLIPTextCfg(context_length=CONTEXT, width=WIDTH, heads=HEADS, layers=LAYERS)
    towers = ClipTowers(open_clip.CLIP(dim, vision, text))
    towers.clip.requires_grad_(True)
    torch.manual_seed(seed)
    return EnhancedText(towers, branches)


def _teach(text: EnhancedText, lessons: Lessons, pictures: Tensor, regions: Tensor, epochs: int, seed: int) -> None:
    learning = [p for name, p in text.towers.clip.named_parameters() if not name.startswith("visual")]
    optimiser = torch.optim.AdamW([*learning, *text.parameters()], lr=RATE, weight_decay=0.01)
    for epoch in range(epochs):
        random, questions = Random(seed * 100 + epoch), lessons.questions("train", seed * 1000 + epoch)
        random.shuffle(questions)
        steps = len(questions) // BATCH
        for step in range(steps):
            done = (epoch + step / steps) / epochs
            optimiser.param_groups[0]["lr"] = (
                RATE * min(1.0, (epoch * steps + step + 1) / 20) * 0.5 * (1 + math.cos(math.pi * done))
            )
            some = questions[step * BATCH : (step + 1) * BATCH]
            reference, target = [q.reference for q in some], [random.choice(q.right) for q in some]
            said = text(tokenise([q.text for q in some])[0][:, :READ], regions[reference])
            loss = modifier_enhancement(pictures[reference], said.vector, pictures[target], said.aligned)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()


@torch.inference_mode()
def _judge(text: EnhancedText, lessons: Lessons, pictures: Tensor, regions: Tensor, name: str) -> ComposedEvaluation:
    data, protocol = lessons.asked("test")[0], protocol_of(PROTOCOL)
    asked, names = asked_of(data, protocol), list(data.images)
    queries = []
    for start in range(0, len(asked), 256):
        some = asked[start : start + 256]
        rows = [lessons.row[one.reference] for one in some]
        said = text(tokenise([one.text for one in some])[0][:, :READ], regions[rows]).vector
        queries.append(normalize(normalize(pictures[rows], dim=-1) + normalize(said, dim=-1), dim=-1))
    gallery = normalize(pictures[[lessons.row[one] for one in names]], dim=-1)
    return evaluate_composed(data, protocol, torch.cat(queries).numpy(), gallery.numpy(), names, model=name)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()
