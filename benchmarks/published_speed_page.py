"""Write docs/speed.md from benchmarks/results/published_speed.json: every figure of it comes from that file.

python benchmarks/published_speed_page.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
NAMES = {
    "triplet": "Triplet",
    "csn": "CSN",
    "asen": "ASEN",
    "asen_v2": "ASENet_V2",
    "gd": "ASENet_V2+GD",
    "asenpp": "ASEN++",
    "rpf": "RPF",
}
HEAD = """# Speed of the published systems

Written by `python benchmarks/published_speed_page.py` from what `python benchmarks/published_speed.py --json` measured
in one run; nothing here is typed by hand. *Plain* does what the published code does: one pass for each photo and
attribute, a forward for each role of a triplet, crops cut one by one in the main thread, contiguous float32. *Ours*
has the same weights and, to {embedding:g}, the same embeddings. Published networks (ResNet-50 to `layer3`; ResNet-34
under ASEN++'s crops of 112 pixels, ViT-B/16 under RPF's of 224), random weights, {attributes} attributes, drawn photos
of {photo_side} pixels read from JPEG files, threads: {threads}, cores: {cores}, PyTorch {torch}. *Times*: the median
of the rounds' ratios (rounds: {rounds}), plain over ours, both in float32; bfloat16 is ours alone, over the same plain.
Times are by the {clock} clock; processor time leaves out other work on the machine.
"""
GALLERY = """
## Embedding a gallery under {attributes} attributes

Milliseconds a photo, all attributes. *Ceiling*: plain's multiply-adds over ours, what sharing passes can save at most.
*Passes*: of the global and the local branch a photo. MB: what one more photo of a batch adds to the peak.

"""
COLUMNS = {
    "gallery": "system, plain ms, ours ms, times, ceiling, bf16 ms, bf16 times, passes plain, passes ours, "
    "G multiply-adds plain / ours, MB a photo plain / ours / bf16",
    "train": "system, plain ms, ours ms, times, bf16 ms, bf16 times, difference of the loss, "
    "MB a photo plain / ours / bf16",
}
TRAINING = """
## A training step

Milliseconds a photo, three of a triplet (GD makes two copies of the anchor besides), batches of {triplets} triplets.
The published step has one forward a role because batch norm's statistics belong to the role; the same numbers need the
same forwards, so little can be saved here. `sampling.mode=batch`, which is ours, learns all attributes of a photo from
one pass, and is another method.

"""


def megabytes(found: dict[str, Any]) -> str:
    each = found.get("memory", {})
    return (
        " / ".join(f"{each[way]['mb_a_photo']:g}" for way in ("plain", "ours", "bf16") if way in each) or "not measured"
    )


def gallery(system: str, found: dict[str, Any]) -> str:
    ms, passes, work = found["ms_a_photo"], found["passes_global_local"], found["giga_multiply_adds"]
    cells = [NAMES[system], ms["plain"], ms["ours"], f"**{found['times']}**", found["ceiling"], ms["bf16"]]
    cells += [found["times_bf16"], *(" + ".join(map(str, passes[way])) for way in ("plain", "ours"))]
    cells += [f"{work['plain']} / {work['ours']}", megabytes(found)]
    return "| " + " | ".join(map(str, cells)) + " |"


def training(system: str, found: dict[str, Any]) -> str:
    ms = found["ms_a_photo"]
    cells = [NAMES[system], ms["plain"], ms["ours"], f"**{found['times']}**", ms["bf16"], found["times_bf16"]]
    return "| " + " | ".join(map(str, [*cells, f"{found['loss_difference']:.1e}", megabytes(found)])) + " |"


def page(result: dict[str, Any]) -> str:
    """The whole page."""
    systems, facts = result["systems"], result | {"embedding": 1e-4}
    parts = [HEAD.format(**facts)]
    for task, head, row in (("gallery", GALLERY, gallery), ("train", TRAINING, training)):
        columns = COLUMNS[task].split(", ")
        rows = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
        rows += [row(name, one[task]) for name, one in systems.items()]
        parts.append(head.format(**facts) + "\n".join(rows) + "\n")
    limits = " and ".join(f"{NAMES[name]}'s gallery at least {least:g}" for name, least in result["limits"].items())
    moved = max(one["gallery"]["crops_a_pixel_apart"] for one in systems.values())
    parts.append(
        f"\nAsked for: {limits} times as fast; this run {'passed' if result['passed'] else '**did not pass**'}. "
        f"Embeddings of at most {moved:.1%} of photos and attributes differed by more, since their crop lay "
        f"a pixel apart.\n"
    )
    return "".join(parts)


def main() -> None:
    """Read, write."""
    result = json.loads((ROOT / "benchmarks" / "results" / "published_speed.json").read_text())
    (ROOT / "docs" / "speed.md").write_text(page(result))


if __name__ == "__main__":
    main()
