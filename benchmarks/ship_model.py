"""Put a trained run into the package as a shipped model: scores and terms into its card, then a certified export.

    python benchmarks/ship_model.py RUN --data FOLDER --name lapel-lite

RUN is a run folder, or the checkpoint that `lapel add-words` wrote for it, which searches by words too.

Beside the exported files goes checkpoint.safetensors, from which `lapel train finetune` starts: the weights in 16 bits,
without the words, which a fine-tuned model is taught anew.

FOLDER holds the photo sets that the card is scored on (their test splits). The old shipped model of that name is
replaced only after the new one has passed its certificate. Beside it comes NAME-int8, the same in 8 bits; it must stay
within half a point of mean MAP on every set, and shares the files of the words.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from lapel.datasets import read
from lapel.evaluation.photos import evaluate
from lapel.evaluation.slices import slice_scores, slices_to_dict
from lapel.export.certificate import write_certificate
from lapel.export.exporting import export_checkpoint, run_checkpoint
from lapel.images import ImageCache
from lapel.models import checkpoint
from lapel.models.adapter import TorchModel
from lapel.models.attribute_model import AttributeModel
from lapel.progress import bar
from lapel.runtime.onnx import CARD, CERTIFICATE, OnnxModel, read_card
from lapel.runtime.shipped import CHECKPOINT, FOLDER
from lapel.schema import Card, Model
from lapel.synth import draw_catalogue
from lapel.training import Recipe, load_recipe

DRAWN, GARMENTS = "drawn", 1000
"""Garments that `lapel data synth` draws (seed 0), whose test split is scored too; the set's name in the card."""

SLICES = {"clothing-attributes": ("gender", "skin_exposure"), "fashion-products": ("gender",)}
"""Set -> attributes by whose values its scores are sliced."""

WEAK, MISSED, FEWEST = 15.0, 33.0, 5
"""Known failures: an attribute less than so many points of MAP above chance; a value of which fewer than so many
percent are told, where at least so many photos hold it."""

SCORED = {
    "clothing-attributes": None,
    "fashion-products": ["gender", "article_type", "color", "season", "usage"],
}
CALIBRATION = 128
"""Valid photos of each scored set for 8 bits: half of them calibrate, half are compared."""

INT8, ALLOWED = "-int8", 0.5
"""What the 8-bit model's name ends in; points of mean MAP that it may lose on a set."""

RESEARCH = "Code Apache-2.0; weights learnt partly from research-only photos (see learnt_from): does your use fit? "
PERMISSIVE = "Code Apache-2.0; weights learnt from photos whose terms allow any use (see learnt_from). "
NOTES = (
    "Intended use: finding garments that are alike in one detail or in the whole look, among photos of clothes from "
    "shops, studios and streets, and suggesting values for them; nothing about people. 'gender' is the section a "
    "garment is sold in, never a person; skin_exposure serves for slices of scores only. Weights come from train "
    "splits, choices from valid splits, scores from test splits (photos in each: learnt_from). Known failures: "
)
ALWAYS = (
    "a photo of several garments gets one value an attribute; attributes that catalogue photos label are weaker on "
    "street photos, and the other way round; drawn garments are far from what it learnt"
)


def main() -> None:
    """Score, write the card, export, put in place."""
    args = _arguments()
    model, card = checkpoint.load(run_checkpoint(args.run))
    card = described(card.with_(name=args.name, scores=_scores(model, card, args)))
    sample = [path for name in SCORED for path in read(args.data / name).split("valid").paths[:64]]
    with tempfile.TemporaryDirectory() as scratch:
        stored = Path(scratch) / f"{args.name}.safetensors"
        checkpoint.save(stored, model, card)
        certificate = export_checkpoint(stored, Path(scratch) / "onnx", sample=sample)
        store_for_training(Path(scratch) / "onnx" / CHECKPOINT, model, card)
        in_8_bits(stored, Path(scratch) / "int8", card, args.data)
        target = put(Path(scratch) / "onnx", args.name)
        small = put(Path(scratch) / "int8", f"{args.name}{INT8}")
    total = sum(file.stat().st_size for file in target.iterdir())
    worst = max(certificate.differences.values())
    print(
        f"{target.name}: {total / 1e6:.1f} MB in all, {certificate.bytes / 1e6:.1f} of them model.onnx; "
        f"greatest difference {worst:.1e}"
    )
    print(f"{small.name}: {sum(file.stat().st_size for file in small.iterdir()) / 1e6:.1f} MB, words of {args.name}")


def described(card: Card) -> Card:
    """The card with the terms of each set, as the recipe states them, and with notes that its scores bear out."""
    recipe = load_recipe("lapel-lite")
    assert isinstance(recipe, Recipe)
    terms = {part.path: part.terms for part in recipe.data.sets}  # a run may be older than the recipe's terms
    sources = tuple({"terms": terms.get(str(source.get("name")), "")} | source for source in card.learnt_from)
    card = card.with_(learnt_from=sources)
    notes = (RESEARCH if "research-only" in card.origin else PERMISSIVE) + NOTES
    notes += "; ".join([*known_failures(card.scores), ALWAYS]) + "."
    return card.with_(notes=notes + (_of_words(card) if card.composed_dim else ""))


def known_failures(scores: dict[str, Any]) -> list[str]:
    """What the measured scores themselves say is weak: attributes near chance, values that are mostly missed."""
    each = scores["attributes"].items()
    weak = [f"{name} ({one['map'] - one['chance']:.1f})" for name, one in each if one["map"] - one["chance"] < WEAK]
    missed = []
    for found in (scores["sets"][name] for name in SCORED):
        for name, one in found.get("classification", {}).items():
            classes = one["classes"].items()
            missed += [f"{name} {v}" for v, s in classes if s["support"] >= FEWEST and s["recall"] < MISSED]
    said = [f"little above chance, in points of MAP: {', '.join(weak)}"] if weak else []
    return said + ([f"values of which two thirds are missed: {', '.join(missed)}"] if missed else [])


def in_8_bits(stored: Path, folder: Path, card: Card, data: Path) -> None:
    """Write the same model in 8 bits, calibrated and compared on valid photos, with scores of its own.

    Its words are those of the fp32 model, in whose folder they stay.
    """
    sample = [path for name in SCORED for path in read(data / name).split("valid").paths[:CALIBRATION]]
    certificate = export_checkpoint(stored, folder, int8=True, sample=sample)
    model = OnnxModel(folder)
    scores = _measured(model, data)
    lost = {name: _mean(card.scores, name) - _mean(scores, name) for name in SCORED}
    print("points of MAP that 8 bits cost:", {name: round(points, 2) for name, points in lost.items()})
    if max(lost.values()) > ALLOWED:
        sys.exit(f"The 8-bit model loses more than {ALLOWED} points of mean MAP; nothing was put in place.")
    notes = f"{card.notes} In 8 bits, made from '{card.name}' ({card.fingerprint}), whose words it shares."
    small = model.card.with_(name=f"{card.name}{INT8}", scores=scores, notes=notes)
    (folder / CARD).write_text(small.to_json(), encoding="utf-8")
    if certificate.parts:
        for part in certificate.parts:
            (folder / part).unlink()
        write_certificate(replace(certificate, parts_in=card.name), folder / CERTIFICATE)


def put(folder: Path, name: str) -> Path:
    """Replace the shipped folder of that name."""
    target = FOLDER / name
    shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(exist_ok=True)
    return Path(shutil.copytree(folder, target))


def store_for_training(path: Path, model: AttributeModel, card: Card) -> Card:
    """What fine-tuning starts from: backbone, head, look and values in 16 bits; gives their card."""
    architecture = {name: value for name, value in card.architecture.items() if name != "composed"}
    composed, model.composed = model.composed, None
    try:
        return checkpoint.save(path, model, card.with_(composed_dim=0, architecture=architecture), half=True)
    finally:
        model.composed = composed


def _of_words(card: Card) -> str:
    """How the composed-search head came about, for the card."""
    about = card.architecture["composed"]
    return (
        f" Text and composed search: a head on the unchanged backbone, taught by names and labels of "
        f"{' and '.join(about['data'])}; word vectors reduced from those of {about['words']['name']} (a sentence "
        f"encoder, Apache-2.0, sha256 {about['words']['sha256']}), 8 bits a number. English only; it knows what those "
        "labels name."
    )


def _scores(model: AttributeModel, card: Card, args: argparse.Namespace) -> dict[str, Any]:
    """Measured; or the shipped model's, where this one is that model and was only taught words."""
    held = FOLDER / args.name / CARD
    if held.is_file():
        shipped = read_card(held.parent)
        whole = DRAWN in shipped.scores.get("sets", {})  # a card from before garments were drawn is measured again
        if whole and card.composed_dim and card.without_words.weights_sha256 == shipped.without_words.weights_sha256:
            print("Attributes are the shipped model's, bit for bit: its scores are kept.")
            return dict(shipped.scores)
    return _measured(TorchModel(model, card), args.data)


def _mean(scores: dict[str, Any], name: str) -> float:
    """Mean MAP over the attributes of one set."""
    found = [numbers["map"] for numbers in scores["sets"][name]["attributes"].values()]
    return float(sum(found) / len(found))


def _measured(model: Model, data: Path) -> dict[str, Any]:
    """A card's scores: MAP on every set's test split."""
    sets = {name: _scored(model, data / name, wanted) for name, wanted in SCORED.items()}
    attributes: dict[str, Any] = {}
    for name, found in sets.items():
        for attribute, numbers in found["attributes"].items():
            attributes.setdefault(attribute, numbers | {"data": name})
    with tempfile.TemporaryDirectory() as scratch:
        garments = draw_catalogue(Path(scratch) / DRAWN, GARMENTS, seed=0).parent
        sets[DRAWN] = _scored(model, garments, None)
    return {"protocol": "each-against-rest", "data": "test splits", "attributes": attributes, "sets": sets}


def _scored(model: Model, data: Path, wanted: list[str] | None) -> dict[str, Any]:
    items = read(data)
    shared = wanted or [name for name in model.card.vocabulary.names if name in items.vocabulary.names]
    cache = ImageCache.for_model(model.card.preprocess)
    with bar(f"scoring on {data.name}", len(items.split("test"))) as progress:
        found = evaluate(model, items, attributes=shared, cache=cache, progress=progress)
    sliced = {by: slices_to_dict(slice_scores(found, items, by)) for by in SLICES.get(data.name, ())}
    return found.to_dict(per_query=False) | ({"slices": sliced} if sliced else {})


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--name", default="lapel-lite")
    return parser.parse_args()


if __name__ == "__main__":
    main()
