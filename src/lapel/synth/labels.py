"""Which attributes a drawn garment has, their values, and the fair draw of labels and splits for item i of a seed."""

from __future__ import annotations

from random import Random

COLORS = ("black", "white", "grey", "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown")

ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "category": ("top", "shirt", "sweater", "dress", "jumpsuit", "skirt", "trousers", "coat"),
    "color": COLORS,
    "pattern": ("solid", "stripe", "dots", "plaid", "floral", "graphic"),
    "skirt_length": ("short", "knee", "midi", "ankle", "floor"),
    "sleeve_length": ("sleeveless", "cap", "short", "elbow", "three-quarter", "long"),
    "coat_length": ("waist", "hip", "thigh", "knee", "midi", "ankle"),
    "pant_length": ("short", "knee", "three-quarter", "cropped", "full"),
    "collar_design": ("shirt", "peter-pan", "puritan", "rib"),
    "lapel_design": ("notched", "collarless", "shawl", "wide-shawl"),
    "neckline_design": (
        "round",
        "v",
        "deep-v",
        "square",
        "straight",
        "sweetheart",
        "strapless",
        "off-shoulder",
        "one-shoulder",
    ),
    "neck_design": ("turtle", "low-turtle", "ruffle", "draped"),
}
"""Attribute -> values. FashionAI's eight less what cannot be drawn apart, with category, colour and pattern."""

LOWER, UPPER = ("skirt", "trousers"), ("top", "shirt", "sweater")
"""Categories below and above the waist; the others are both."""

# One block of items holds every category; twice those whose attributes have the most values.
_BLOCK = ("top", "top", "shirt", "sweater", "dress", "dress", "jumpsuit", "skirt", "trousers", "coat", "coat")
_SPLITS = ("train",) * 7 + ("valid",) + ("test",) * 2

_BARE = ("strapless", "straight", "one-shoulder")
"""Necklines that leave no place for a sleeve."""


def source(seed: int, index: int | str, what: str) -> Random:
    """The random numbers of one concern of one item: the same in every process and on every Python."""
    return Random(f"lapel-synth-1/{seed}/{index}/{what}")


def split_of(seed: int, index: int) -> str:
    """The item's split: of each ten items in a row seven train, one validates, two test."""
    order = list(_SPLITS)
    source(seed, index // 10, "split").shuffle(order)
    return order[index % 10]


def labels_of(seed: int, index: int) -> dict[str, str]:
    """The item's labels, in the order of ATTRIBUTES; attributes that the garment does not have are absent."""
    order = list(_BLOCK)
    source(seed, index // len(_BLOCK), "block").shuffle(order)
    rng = source(seed, index, "labels")
    category = order[index % len(_BLOCK)]
    found = {"category": category, "color": rng.choice(COLORS)}
    # A print across an open front would be cut in two.
    found["pattern"] = rng.choice([p for p in ATTRIBUTES["pattern"] if category != "coat" or p != "graphic"])
    if category in ("dress", "skirt"):
        found["skirt_length"] = rng.choice(ATTRIBUTES["skirt_length"])
    if category in ("trousers", "jumpsuit"):
        found["pant_length"] = rng.choice(ATTRIBUTES["pant_length"])
    if category == "coat":
        found["coat_length"] = rng.choice(ATTRIBUTES["coat_length"])
    if (top := _top_of(category, rng)) is not None:
        found[top] = rng.choice(ATTRIBUTES[top])
        found["sleeve_length"] = _sleeve(category, found.get("neckline_design"), rng)
    return {name: found[name] for name in ATTRIBUTES if name in found}


def _top_of(category: str, rng: Random) -> str | None:
    """The attribute that describes what is at the neck."""
    choices = {
        "top": ("neckline_design",),
        "shirt": ("collar_design",),
        "sweater": ("neck_design",),
        "dress": ("neckline_design", "neckline_design", "collar_design", "neck_design"),
        "jumpsuit": ("neckline_design", "collar_design"),
        "coat": ("lapel_design",),
    }
    return rng.choice(choices[category]) if category in choices else None


def _sleeve(category: str, neckline: str | None, rng: Random) -> str:
    if neckline in _BARE:
        return "sleeveless"
    if neckline == "off-shoulder":
        return rng.choice(("short", "elbow", "three-quarter", "long"))
    if category == "coat":
        return rng.choice(("elbow", "three-quarter", "long"))
    # Sleeveless is already frequent through the bare necklines, the longer ones through coats.
    return rng.choices(ATTRIBUTES["sleeve_length"], weights=(2, 5, 4, 3, 3, 3))[0]
