"""The report's figures against plain counting, and the page: whole, self-contained, escaped."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from evaluation_data import VALUES, make_items, make_table
from lapel.errors import InputError
from lapel.evaluation import Evaluation, evaluate_embeddings
from lapel.evaluation.analysis import chance_match_curve, match_curve, telling_queries, value_confusion
from lapel.evaluation.metrics import chance_ap, rank
from lapel.evaluation.report import write_report
from lapel.evaluation.tables import score_table
from lapel.schema import EmbeddingTable, ItemTable, Vocabulary


@pytest.fixture
def evaluation(items: ItemTable, table: EmbeddingTable) -> Evaluation:
    return evaluate_embeddings(table, items)


def test_the_match_curve_holds_the_recalls(evaluation: Evaluation) -> None:
    score, details = evaluation.attributes["neckline"], evaluation.details["neckline"]
    curve = match_curve(details)
    np.testing.assert_allclose(100 * curve[[0, 4, 9]], [score.r1, score.r5, score.r10])
    assert (np.diff(curve) >= 0).all() and curve[-1] == pytest.approx(1 - score.empty / score.queries)


def test_the_chance_curve_is_what_shuffled_rankings_give(items: ItemTable) -> None:
    curves = []
    for seed in range(150):
        drawn = evaluate_embeddings(make_table(items, seed, signal=0.0), items, attributes=["neckline"])
        curves.append(match_curve(drawn.details["neckline"], 10))
    np.testing.assert_allclose(chance_match_curve(drawn.details["neckline"], 10), np.mean(curves, axis=0), atol=0.02)


def test_confusion_counts_the_values_of_the_first_hits(items: ItemTable, evaluation: Evaluation) -> None:
    part = items.split("test")
    for name in ("neckline", "pattern"):
        details = evaluation.details[name]
        found = value_confusion(details, part.labels(name))
        for i, asked in enumerate(found.names):
            hits = [
                part[int(details.task.gallery[g])].labels[name]
                for q, top in zip(details.task.queries, details.ranked.top, strict=True)
                if asked in part[int(q)].labels[name]
                for g in top
            ]
            for j, other in enumerate(found.names):
                assert found.shares[i, j] == pytest.approx(np.mean([other in h for h in hits]))
    few = value_confusion(evaluation.details["pattern"], part.labels("pattern"), most=2)
    assert len(few.names) == 2 and few.left_out == 1


def test_telling_queries_stand_furthest_from_their_chance(evaluation: Evaluation) -> None:
    details = evaluation.details["pattern"]
    best, worst = telling_queries(details, 4)
    gain = details.ranked.ap - chance_ap(details.ranked.relevant, details.ranked.ranked)
    order = rank(gain)
    assert set(best) == set(order[:4]) and gain[worst].max() <= np.sort(gain)[4]


class Tags(HTMLParser):
    """Collects what a page refers to, and checks that tags close."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sources: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "img", "link", "br"):
            self.open.append(tag)
        self.sources += [v or "" for k, v in attrs if k in ("src", "href")]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.sources += [v or "" for k, v in attrs if k in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def painted_items(folder: Path) -> ItemTable:
    items = make_items(40)
    (folder / "images").mkdir()
    for i in range(39):  # the last photo is missing
        Image.new("RGB", (30, 60), (6 * i, 90, 255 - 6 * i)).save(folder / "images" / f"{i}.png")
    names = ["<b>v</b>" if v == "v" else v for v in items.table["neckline"].to_pylist()]
    index = items.table.column_names.index("neckline")
    table = items.table.set_column(index, "neckline", pa.array(names))
    vocabulary = Vocabulary.of(VALUES | {"neckline": ("<b>v</b>", "round", "square")})
    return ItemTable(table, vocabulary, folder, "<i>painted</i>")


def test_the_page_is_whole_self_contained_and_escaped(tmp_path: Path) -> None:
    items = painted_items(tmp_path)
    found = evaluate_embeddings(make_table(items), items)
    text = write_report(found, items, tmp_path / "out" / "report.html").read_text()
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    pictures = [s for s in tags.sources if s.startswith("data:image/jpeg;base64,")]
    assert pictures and all(s.startswith(("data:", "#a")) for s in tags.sources)
    assert "url(" not in text and "<script" not in text
    assert Image.open(io.BytesIO(base64.b64decode(pictures[0].split(",")[1]))).size == (30, 60)
    assert "<b>v</b>" not in text and "&lt;b&gt;v&lt;/b&gt;" in text and "&lt;i&gt;painted" in text
    assert len(re.findall('class="row"', text)) == 2 * 6
    assert "no photo" in text or 'title="item-39' not in text
    assert "Not scored: rare (no labelled item in this split)" in text


def test_a_saved_evaluation_has_no_rankings_to_draw(evaluation: Evaluation, items: ItemTable, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="A report needs the rankings.*evaluate again with --html"):
        write_report(Evaluation.from_dict(evaluation.to_dict()), items, tmp_path / "r.html")


def test_the_table_names_protocol_and_every_figure(evaluation: Evaluation) -> None:
    from rich.console import Console

    console = Console(width=80, record=True, file=io.StringIO())
    console.print(score_table(evaluation))
    text = console.export_text()
    score = evaluation.attributes["neckline"]
    assert "toy on small (test), protocol each-against-rest" in text
    for figure in (
        f"{score.map:.2f}",
        f"{score.low:.1f}-{score.high:.1f}",
        f"{score.chance:.2f}",
        f"{score.r10:.0f}",
    ):
        assert figure in text
    assert f"{evaluation.overall:.2f}" in text and "Not scored: rare" in text
