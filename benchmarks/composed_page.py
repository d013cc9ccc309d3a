"""Twenty composed queries as pictures: reference, words, the first hits, where the target landed."""

from __future__ import annotations

import base64
import html
import io
from pathlib import Path
from typing import Any

import torch
from PIL import ImageOps

from lapel.evaluation.composed import asked_of, protocol_of
from lapel.images import open_image
from lapel.models.composed.light import LightComposed
from lapel.training.words.judging import PROTOCOL
from lapel.training.words.lessons import Lessons

QUERIES, HITS, SIDE = 20, 6, 110
STYLE = """body{font:15px system-ui;margin:1rem;background:#fff;color:#222}
section{display:flex;gap:.5rem;align-items:center;border-top:1px solid #ddd;padding:.5rem 0}
p{width:14rem;margin:0}figure{margin:0}img{display:block;border:3px solid #ddd}.right img{border-color:#1a7f37}
figcaption{font-size:12px;width:116px}.reference img{border-color:#0b57d0}"""


@torch.inference_mode()
def write_page(head: LightComposed, lessons: Lessons, path: Path, figures: dict[str, Any]) -> None:
    """One HTML file: `QUERIES` test queries evenly from the split's list, none chosen by its result."""
    data = lessons.asked("test")[0]
    names, asked = list(data.images), asked_of(data, protocol_of(PROTOCOL))
    chosen = asked[:: len(asked) // QUERIES][:QUERIES]
    gallery = head.target(lessons.places[[lessons.row[name] for name in names]])
    places = lessons.places[[lessons.row[one.reference] for one in chosen]]
    scores = head.query(places, head.tokens([one.text for one in chosen])) @ gallery.T
    blocks = []
    for one, row in zip(chosen, scores, strict=True):
        order = [names[at] for at in row.argsort(descending=True).tolist() if names[at] != one.reference]
        right = set(one.query.targets)
        first = next(place for place, name in enumerate(order, 1) if name in right)
        hits = "".join(_figure(lessons, name, "right" if name in right else "") for name in order[:HITS])
        said = f"“{html.escape(one.text)}”<br><small>first right hit: place {first}; {len(right)} right in all</small>"
        blocks.append(f"<section>{_figure(lessons, one.reference, 'reference')}<p>{said}</p>{hits}</section>")
    reached = ", ".join(f"{name} {figure['value']:.1f} %" for name, figure in figures.items())
    title = f"<h1>Twenty composed queries</h1><h4>All test queries: {reached}. Green: right by labels.</h4>"
    page = f"<!doctype html><meta charset=utf-8><style>{STYLE}</style>{title}{''.join(blocks)}"
    path.write_text(page, encoding="utf-8")


def _figure(lessons: Lessons, name: str, kind: str) -> str:
    row = lessons.row[name]
    picture = ImageOps.contain(open_image(lessons.items.paths[row]), (SIDE, SIDE))
    held = io.BytesIO()
    picture.save(held, "JPEG", quality=85)
    labels = [words[code] for words, code in zip(lessons.words, lessons.codes[row].tolist(), strict=True) if code >= 0]
    source = base64.b64encode(held.getvalue()).decode()
    caption = html.escape(", ".join(labels))
    shown = f"<img alt='' src='data:image/jpeg;base64,{source}'><figcaption>{caption}</figcaption>"
    return f"<figure class='{kind}'>{shown}</figure>"
