"""Does a model look at garments on real street photos, and where drawn garments decide an attribute?

    python benchmarks/regions.py --data CO_PARSING [--model lapel-lite] [--json] [--page] [--picture FILE]

CO_PARSING is a folder with a table of photos and masks of class ids (Clothing Co-Parsing) and its `classes.txt`. A
mask is prepared as the photo is (stretched, cut or padded) and averaged over the cells of the model's map. Of every
attribute:

    chance  the region's share of the input: the mass that a map knowing nothing (uniform) puts inside it
    mass    the attention mass inside the region, with a 95 % bootstrap interval over photos
    gain    mass - chance, paired, with its interval
    best    the mass of a map that puts everything into the cell that the region fills most

The region is every garment (no skin, hair, bag or jewellery); for attributes of the upper body the upper garments; for
`scarf` and `necktie` that piece itself, on the photos that show one. Drawn garments have a mask for each attribute of
the pixels that decide it (`attention.py`); 300 are drawn for it. --page writes docs/regions.md, --picture twenty photos
chosen by a seed with their maps.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from attention import covered, measure
from lapel.datasets import read
from lapel.embedding import embed_batches
from lapel.evaluation.metrics import bootstrap
from lapel.explain.regions import draw_regions
from lapel.export import load_model
from lapel.images import open_image
from lapel.progress import bar
from lapel.schema import Floats, ItemTable, Model
from lapel.synth import draw_catalogue
from lapel.training import load_recipe

ROOT = Path(__file__).resolve().parent.parent
JSON, PAGE = ROOT / "benchmarks" / "results" / "regions.json", ROOT / "docs" / "regions.md"
NAMED = {"garments": "category", "upper garments": "neckline", "scarf": "scarf", "tie": "necktie"}
"""Region -> an attribute that is seen there."""

LOOKED_AT = {name: "upper garments" for name in ("neckline", "sleeve_length", "collar", "placket")}
LOOKED_AT |= {"scarf": "scarf", "necktie": "tie"}
SHOWN = 20


def masses(model: Model, items: ItemTable, classes: list[str]) -> dict[str, Floats]:
    """Attribute -> (photos, 3): chance, mass and best of every photo that shows the attribute's region."""
    card = model.card
    taught = next(part.regions for part in load_recipe("lapel-lite").data.sets if part.regions)
    numbers = {name: [classes.index(each) for each in taught[shown].split()] for name, shown in NAMED.items()}
    rows: dict[str, list[tuple[float, float, float]]] = {name: [] for name in card.vocabulary.names}
    with bar("looking", len(items)) as progress:
        for places, outputs, _ in embed_batches(model, items.paths, progress=progress):
            assert outputs is not None
            for at, place in enumerate(places):
                drawn = np.asarray(Image.open(items[place].mask or ""))
                covers = {
                    name: covered(np.isin(drawn, ids), card.preprocess, card.grid) for name, ids in numbers.items()
                }
                for k, attribute in enumerate(card.vocabulary.names):
                    cover = covers[LOOKED_AT.get(attribute, "garments")]
                    if cover.any():
                        mass = float((outputs.regions[at, k] * cover).sum())
                        rows[attribute].append((float(cover.mean()), mass, float(cover.max())))
    return {name: np.array(found) for name, found in rows.items() if found}


def summary(found: dict[str, Floats]) -> dict[str, dict[str, Any]]:
    """The figures of every attribute."""
    table = {}
    for name, rows in found.items():
        chance, mass, best = rows.T
        (low, high), (gain_low, gain_high) = bootstrap(mass), bootstrap(mass - chance)
        numbers = {"chance": float(chance.mean()), "mass": float(mass.mean()), "low": low, "high": high}
        numbers["gain"] = numbers["mass"] - numbers["chance"]
        numbers |= {"gain_low": gain_low, "gain_high": gain_high, "best": float(best.mean())}
        rounded = {key: round(value, 4) for key, value in numbers.items()}
        table[name] = {"region": LOOKED_AT.get(name, "garments"), "photos": len(rows)} | rounded
    return table


def on_drawings(model: Model, count: int) -> dict[str, dict[str, float]]:
    """`attention.py` over garments drawn now."""
    with tempfile.TemporaryDirectory() as scratch:
        return measure(model, read(draw_catalogue(Path(scratch) / "drawn", count)))


def page(result: dict[str, Any]) -> str:
    """docs/regions.md."""
    model, data = result["model"], result["data"]
    lines = [
        "# Where the shipped model looks\n",
        "Written by `python benchmarks/regions.py --data CO_PARSING --page`; nothing here is typed by hand. "
        f"`{model['name']}` ({model['fingerprint']}), map of {model['grid'][0]} x {model['grid'][1]} cells, on "
        f"{data['photos']} street photos of {data['name']} with pixel masks ({data['split']}). Share of the attention "
        "in percent that falls on the region, mean over photos with a 95 % bootstrap interval; *chance* is the "
        "region's share of the picture; *best* is what one cell could reach.\n",
        "| attribute | region | photos | chance | attention on it | best | |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in result["attributes"].items():
        numbers = [100 * row[key] for key in ("chance", "mass", "low", "high", "best")]
        said = "more than chance" if row["gain_low"] > 0 else "**less**" if row["gain_high"] < 0 else "**no more**"
        lines.append(
            f"| {name} | {row['region']} | {row['photos']} | {numbers[0]:.0f} | "
            f"{numbers[1]:.0f} ({numbers[2]:.0f} to {numbers[3]:.0f}) | {numbers[4]:.0f} | {said} |"
        )
    lines += [
        "",
        f"On {result['drawn_items']} drawn garments the region is exactly the pixels that decide the attribute; "
        "*ratio* is attention over chance, *others* what the maps of the model's other attributes reach on the same "
        "region.\n",
        "| attribute | items | chance | attention on it | ratio | others | best |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in result["drawn"].items():
        lines.append(
            f"| {name} | {row['items']} | {100 * row['share']:.0f} | {100 * row['mass']:.0f} | {row['ratio']:.1f} | "
            f"{row['others']:.1f} | {row['best']:.1f} |"
        )
    return "\n".join(lines) + "\n"


def chosen(items: ItemTable, seed: int) -> list[Image.Image]:
    """Photos drawn by the seed."""
    at = np.random.default_rng(seed).choice(len(items), min(SHOWN, len(items)), replace=False)
    return [open_image(items.paths[int(number)]) for number in at]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="photos with masks, and classes.txt")
    parser.add_argument("--model", default="lapel-lite", help="a shipped model's name, an export, run or checkpoint")
    parser.add_argument("--split", default="test", help="valid, test (default) or all; masks of train teach lapel-lite")
    parser.add_argument("--photos", type=int, help="the first so many photos with a mask; default: all")
    parser.add_argument("--drawn", type=int, default=300, help="garments drawn")
    parser.add_argument("--seed", type=int, default=0, help="which twenty photos --picture shows")
    parser.add_argument("--json", action="store_true", help=f"also write {JSON.relative_to(ROOT)}")
    parser.add_argument("--page", action="store_true", help=f"also write {PAGE.relative_to(ROOT)}")
    parser.add_argument("--picture", type=Path, help="also draw twenty photos with their maps into this file")
    given = parser.parse_args()
    model, items = load_model(given.model), read(given.data)
    part = items if given.split == "all" else items.split(given.split)
    masked = part.take([row for row in range(len(part)) if part[row].mask][: given.photos])
    if not len(masked):
        sys.exit(f"None of the {len(part)} photos of {given.data} has a mask.")
    card = model.card
    result = {
        "benchmark": "regions",
        "model": {"name": card.name, "fingerprint": card.fingerprint, "grid": list(card.grid)},
        "data": {"name": items.name, "fingerprint": items.fingerprint, "split": given.split, "photos": len(masked)},
        "attributes": summary(masses(model, masked, (given.data / "classes.txt").read_text().split())),
        "drawn_items": given.drawn,
        "drawn": on_drawings(model, given.drawn),
    }
    text = json.dumps(result, indent=1)
    print(text)
    if given.json:
        JSON.write_text(text + "\n")
    if given.page:
        PAGE.write_text(page(result))
    if given.picture:
        draw_regions(list(chosen(masked, given.seed)), model).save(given.picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
