"""How well a model tells texts that some photo fits from texts that none does.

    python benchmarks/words_fit.py CHECKPOINT --data FOLDER

CHECKPOINT is a model with words (`lapel add-words`). The photos are the test split of fashion-products. Texts of four
kinds: taught words, other words for garments, things that no shop of clothes has, and taught words while every photo of
that kind is taken out. Told: the area under the curve (AUC) of each kind against the taught words, for the best photo's
cosine alone, for unknown words alone, and for both as a search uses them; and how often a search would say that no item
seems to fit. Writes results/words_fit.json.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from lapel.datasets import read
from lapel.export import run_checkpoint
from lapel.models import checkpoint
from lapel.models.composed.light import LightComposed
from lapel.schema import Floats
from lapel.search.fitting import Fitting
from lapel.training.words.features import places
from lapel.training.words.lessons import Lessons

RESULTS = Path(__file__).parent / "results" / "words_fit.json"


def _listed(text: str) -> list[str]:
    return text.split("|")


TAUGHT = _listed(
    "red dress|brown shoes|navy blue shirt|watch|black handbag|sunglasses|white t-shirt|green kurta|jeans|wallet|belt|"
    "formal shoes for men|sandals for women|flip flops|grey track pants|pink top|backpack|saree|striped shirt|tie|"
    "sports shoes|perfume|lipstick|nail polish|cap|heels|blue jacket|sweater|yellow t-shirt for women|casual shoes|"
    "purple top|socks|shorts for men|clutch|earrings|bra|briefs|long sleeves|v-neck t-shirt|winter jacket|ethnic wear"
)
OTHER = _listed(
    "gown|sneakers|trainers|hoodie|purse|spectacles|necktie|crimson dress|blouse|cardigan|boots|wristwatch|pyjamas|"
    "scarlet shirt|eyeglasses|footwear|tee|frock|denim|turquoise top|slippers|jumper|beanie|satchel|blazer|tunic"
)
ABSURD = _listed(
    "bicycle|banana|screwdriver|laptop|sofa|car|dog|pizza|tree|a red banana|refrigerator|guitar|airplane|hammer|spoon|"
    "lawn mower|keyboard|dinosaur|coffee machine|elephant|television|a house by the sea|drill|potato|toothbrush|chair|"
    "motorcycle|computer|table lamp|cat|horse|piano|mountain|helicopter|printer|milk|bread|tennis racket|tractor|"
    "window|door|blue bicycle|cheese|rocket|microwave oven|tax return|swimming pool|cactus|violin|smartphone|camera"
)
ABSENT = {
    "watches": "Watches", "brown shoes": "Casual Shoes|Formal Shoes|Sports Shoes|Sandals|Flats|Heels|Flip Flops",
    "sunglasses": "Sunglasses",
    "black handbag": "Handbags|Clutches|Backpacks|Duffel Bag|Laptop Bag",
    "jeans": "Jeans|Trousers|Track Pants|Capris", "red dress": "Dresses|Tunics|Tops", "saree": "Sarees",
    "perfume": "Perfume and Body Mist|Deodorant", "tie": "Ties", "socks": "Socks|Stockings",
}  # fmt: skip


def best(head: LightComposed, texts: list[str], shown: Floats) -> Floats:
    """(n,) the best photo's cosine."""
    with torch.inference_mode():
        said = head.say(head.tokens(texts)).numpy()
    return np.asarray((said @ shown.T).max(axis=1))


def auc(fit: Floats, other: Floats) -> float:
    """Share of pairs in which the text that fits scores higher; ties count half."""
    gap = fit[:, None] - other[None]
    return float(np.mean((gap > 0) + 0.5 * (gap == 0)))


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    args = parser.parse_args()
    model, card = checkpoint.load(run_checkpoint(args.checkpoint))
    head, fitting, items = model.composed.eval(), Fitting.of(card), read(args.data / "fashion-products")
    assert fitting is not None, "taught before words and floor were kept; teach it again"
    with torch.inference_mode():
        reduced = head.image.reduce(places(model, card.without_words, items).float())
        lessons = Lessons(items, reduced)
        rows = lessons.rows("test")
        shown = head.target(reduced[rows]).numpy()
    kind = items.labels("article_type")
    types = np.array([kind.values[kind.cells[code][0]] if code >= 0 else "" for code in kind.codes.tolist()])[rows]
    cosines = {name: best(head, texts, shown) for name, texts in KINDS.items()}
    cosines["absent"] = np.concatenate(
        [best(head, [text], shown[~np.isin(types, gone.split("|"))]) for text, gone in ABSENT.items()]
    )
    texts = {**KINDS, "absent": list(ABSENT)}
    strange = {name: np.array([bool(fitting.known.unknown(t)) for t in some], float) for name, some in texts.items()}
    noted = {
        name: np.mean([bool(fitting.note(t, float(c))) for t, c in zip(some, cosines[name], strict=True)])
        for name, some in texts.items()
    }
    both = {name: cosines[name] - 2 * strange[name] for name in texts}
    ways = {"cosine": cosines, "words": {n: -s for n, s in strange.items()}, "both": both}
    found = {
        "photos": len(rows), "floor": fitting.floor, "words": len(fitting.known.words),
        "AUC against taught": {
            name: {way: round(auc(value["taught"], value[name]), 3) for way, value in ways.items()}
            for name in texts if name != "taught"
        },
        "told that none fits, %": {name: round(100 * float(share), 1) for name, share in noted.items()},
        "believed": [t for t, c in zip(ABSURD, cosines["absurd"], strict=True) if not fitting.note(t, float(c))],
        "doubted": [t for t, c in zip(TAUGHT, cosines["taught"], strict=True) if fitting.note(t, float(c))],
    }  # fmt: skip
    print(json.dumps(found, indent=1))
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


KINDS = {"taught": TAUGHT, "other words": OTHER, "absurd": ABSURD}

if __name__ == "__main__":
    main()
