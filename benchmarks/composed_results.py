"""Composed retrieval on held-out fashion-products: six systems over the same light encoders.

    python benchmarks/composed_results.py CHECKPOINT --data FOLDER --words ENCODER [--page PAGE.html]

Writes docs/composed-results.md. CHECKPOINT is the attribute model whose backbone is read. Both encoders are taught
once; every system that learns is then taught over them as they are, so the rows differ in the system alone.
`--taught FILE` keeps, and next time reads, the encoders. `--page` writes twenty test queries as pictures; it holds
photos of the set and is not for the repository.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch

from composed_page import write_page
from lapel.datasets import read
from lapel.evaluation.composed import ComposedEvaluation, compare_composed
from lapel.export import run_checkpoint
from lapel.models import checkpoint
from lapel.models.composed.light import LightComposed
from lapel.models.composed.static_words import static_words
from lapel.progress import bar
from lapel.training.words import Settings
from lapel.training.words.features import places
from lapel.training.words.judging import judge_changes, judge_texts
from lapel.training.words.lessons import Lessons
from lapel.training.words.teaching import fit_head, fit_system, prepare
from results_page import between_marks, marked
from tme import MARK

SYSTEMS = {
    "image": ("image only", {}),
    "text": ("text only", {}),
    "sum": ("sum", {}),
    "tirg": ("TIRG", {}),
    "combiner": ("Combiner (CLIP4Cir)", {}),
    "fashionern": ("FashionERN, small", {"heads": 4, "inner": 256, "consistent": True}),
}
SETS = ("fashion-products", "clothing-attributes")
OUT = Path(__file__).parent.parent / "docs" / "composed-results.md"
RESULTS = Path(__file__).parent / "results" / "composed.json"


def main() -> None:
    """Teach, judge, write."""
    args = _arguments()
    torch.set_num_threads(args.threads)
    head, lessons, encoders = _encoders(args)
    found: dict[str, ComposedEvaluation] = {}
    taught: dict[str, dict[str, float]] = {}
    for system, (_, options) in SYSTEMS.items():
        epochs = args.regions_epochs if system == "fashionern" else args.system_epochs
        settings = Settings(system=system, options=options, system_epochs=epochs)
        with bar(system, None, "epochs") as progress:
            done = fit_system(head, lessons, settings, progress)
        taught[system] = {
            "seconds": round(done.seconds, 1),
            "epoch": done.epoch,
            "valid R@10": round(judge_changes(head, lessons[0], "valid").mean["R@10"], 2),
        }
        found[system] = judge_changes(head, lessons[0], "test", model=system)
        print(system, taught[system], {k: round(v, 1) for k, v in found[system].mean.items()}, flush=True)
        if args.page and system == args.shown:
            write_page(head, lessons[0], args.page, found[system].to_dict()["figures"][""])
    texts = judge_texts(head, lessons[0], "test")
    RESULTS.write_text(
        json.dumps(
            {"encoders": encoders | {"texts MAP, test": round(texts, 2)}, "taught": taught}
            | {"systems": {name: one.to_dict(per_query=False) for name, one in found.items()}},
            indent=1,
        )
        + "\n"
    )
    kept = marked(OUT.read_text(encoding="utf-8"), MARK)  # the other script's part of the page
    text = page(found, taught, encoders, texts)
    OUT.write_text(between_marks(text, kept, MARK) if kept else text, encoding="utf-8")


def page(
    found: dict[str, ComposedEvaluation], taught: dict[str, dict[str, float]], encoders: dict[str, float], texts: float
) -> str:
    """The whole generated page, as Markdown."""
    first = next(iter(found.values()))
    rows = []
    for name, one in found.items():
        figures = one.figures[""]
        cells = [f"{f.value:.1f} ({f.low:.1f} to {f.high:.1f})" for f in (figures[k] for k in ("R@1", "R@10", "R@50"))]
        learnt = f"{taught[name]['seconds']:.0f} s, epoch {taught[name]['epoch']:.0f}" if taught[name]["epoch"] else "-"
        rows.append(f"| {SYSTEMS[name][0]} | {' | '.join(cells)} | {taught[name]['valid R@10']:.1f} | {learnt} |")
    chance = " | ".join(f"{first.figures[''][k].chance:.1f}" for k in ("R@1", "R@10", "R@50"))
    pairs = []
    for better, other in (("combiner", "sum"), ("tirg", "combiner"), ("fashionern", "combiner"), ("combiner", "text")):
        if not {better, other} <= found.keys():
            continue
        figure = compare_composed(found[other], found[better])["R@10"]
        pairs.append(f"- {SYSTEMS[better][0]} minus {SYSTEMS[other][0]}: {_difference(figure)}")
    return TEXT.format(
        rows="\n".join(rows), chance=chance, queries=first.queries, gallery=next(iter(first.gallery.values())),
        protocol=first.protocol, fingerprint=first.fingerprint, texts=texts, seconds=encoders["seconds"],
        epoch=encoders["epoch"], pairs="\n".join(pairs),
    )  # fmt: skip


TEXT = """# Composed retrieval on held-out photos

Written by `python benchmarks/composed_results.py`; every figure is measured. Data: `fashion-products`, test split,
{gallery} photos that no weight was learnt from. {queries} queries, protocol `{protocol}` (fingerprint {fingerprint}): a
photo and words that ask for another value of one label; every photo whose other labels stay and that has the asked
value is right; the reference is not ranked. Rows share both encoders (`lapel.models.composed.light`: one pass of the
shipped backbone, a text encoder of one layer), which were taught in {seconds:.0f} s of processor time (epoch
{epoch:.0f} by the valid split) under the sum; systems that learn were taught over them as they are. 95 % intervals
are a bootstrap over queries.

| system | R@1 | R@10 | R@50 | valid R@10 | taught in |
|---|---|---|---|---|---|
{rows}
| expected of a random order | {chance} | | |

Paired differences in R@10, points, with their 95 % interval:

{pairs}

Plain text search with the same encoders: {texts:.1f} % mean average precision, test split, one phrase of labels a photo
("navy blue shirts for men"), right when every stated label agrees.

What limits these figures: the labels are a shop's, so "right" asks for five labels to agree (use and season among them,
which a photo rarely shows); names and labels of one shop are all the language that was taught; the backbone is small
and was not trained for this.
"""


def _difference(figure: dict[str, float]) -> str:
    low, high = figure["low"], figure["high"]
    return f"{figure['difference']:+.1f} ({low:+.1f} to {high:+.1f})"


def _encoders(args: argparse.Namespace) -> tuple[LightComposed, list[Lessons], dict[str, float]]:
    """Encoders, taught now or read, and the lessons."""
    model, card = checkpoint.load(run_checkpoint(args.checkpoint))
    sets = [read(args.data / name) for name in SETS]
    seen = [places(model, card, items) for items in sets]
    settings = Settings(epochs=args.epochs)
    torch.manual_seed(settings.seed)
    head, lessons = prepare(seen, sets, static_words(args.words), settings, card)
    if args.taught and args.taught.is_file():
        stored = torch.load(args.taught, weights_only=True)
        head.load_state_dict(stored["state"])
        return head.eval(), lessons, stored["about"]
    with bar("encoders", None, "epochs") as progress:
        done = fit_head(head, lessons, settings, progress)
    about = {"seconds": round(done.seconds, 1), "epoch": float(done.epoch)}
    if args.taught:
        torch.save({"state": head.state_dict(), "about": about}, args.taught)
    return head, lessons, about


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--words", type=Path, required=True)
    parser.add_argument("--taught", type=Path)
    parser.add_argument("--page", type=Path)
    parser.add_argument("--shown", default="combiner", choices=list(SYSTEMS))
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--system-epochs", type=int, default=3)
    parser.add_argument("--regions-epochs", type=int, default=3, help="of FashionERN, which costs most")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
