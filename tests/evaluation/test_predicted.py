"""Predicted values inside an evaluation: which items count, in the record, the tables and the report."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from evaluation_data import VALUES
from lapel.evaluation import Evaluation, evaluate_embeddings
from lapel.evaluation.analysis import class_confusion
from lapel.evaluation.report import write_report
from lapel.evaluation.tables import value_tables
from lapel.schema import EmbeddingTable, ItemTable, Vocabulary


@pytest.fixture
def fitted(table: EmbeddingTable) -> EmbeddingTable:
    """A model whose probabilities mean something, with its values in another order and one the data lacks."""
    order = {name: (*reversed(values), "unheard-of") for name, values in VALUES.items()}
    card = table.card.with_(values_fitted=True, vocabulary=Vocabulary.of(order))
    values = np.random.default_rng(1).dirichlet(np.ones(card.vocabulary.width), len(table.ids)).astype(np.float32)
    return EmbeddingTable(table.ids, replace(table.outputs, values=values), card)


def test_it_counts_items_of_one_known_value_in_the_models_own_order(fitted: EmbeddingTable, items: ItemTable) -> None:
    found = evaluate_embeddings(fitted, items)
    assert set(found.classification) == {"neckline", "pattern"}
    for name, figures in found.classification.items():
        part, values = items.split("test"), fitted.card.vocabulary[name].values
        place = fitted.card.vocabulary.slices[fitted.card.vocabulary.index(name)]
        right = total = several = 0
        for item in part:
            held = item.labels.get(name, frozenset())
            several += len(held) > 1
            if len(held) == 1:
                row = fitted.outputs.values[fitted.ids.index(item.id), place]
                total += 1
                right += values[int(row.argmax())] in held
        assert (figures.photos, figures.left_out) == (total, several)
        assert figures.top[1] == pytest.approx(100 * right / total)
        assert figures.names == values and figures.confusion[-1].sum() == 0
    again = Evaluation.from_dict(found.to_dict())
    assert again.to_dict() == found.to_dict() and "classification" in found.to_dict()


def test_probabilities_that_mean_nothing_are_not_scored(table: EmbeddingTable, items: ItemTable) -> None:
    found = evaluate_embeddings(table, items)
    assert not found.classification and "classification" not in found.to_dict() and value_tables(found) == []


def test_an_unfitted_style_classifier_is_scored_all_the_same(fitted: EmbeddingTable, items: ItemTable) -> None:
    card = fitted.card.with_(values_fitted=False, system="style")
    assert evaluate_embeddings(EmbeddingTable(fitted.ids, fitted.outputs, card), items).classification


def test_tables_and_report_show_the_figures(fitted: EmbeddingTable, items: ItemTable, tmp_path: Path) -> None:
    found = evaluate_embeddings(fitted, items, attributes=["neckline"])
    console = Console(width=100, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(*value_tables(found))
    console.file.close()
    text, figures = console.export_text(), found.classification["neckline"]
    for shown in (figures.top[1], figures.constant, figures.macro.f1, figures.weighted.f1):
        assert f"{shown:.2f}" in text
    assert all(value in text for value in VALUES["neckline"])
    page = write_report(found, items, tmp_path / "report.html").read_text()
    part = page[page.index("<h2>Predicted values") : page.index("<h2>Attribute by attribute")]
    assert part.count('<svg class="heat"') == 1 and f"{figures.macro.f1:.2f}" in part
    confusion = class_confusion(figures)
    shares = [float(share) for share in re.findall(r'fill-opacity="([\d.]+)"', part)]
    assert shares == pytest.approx(confusion.shares.reshape(-1).tolist(), abs=1e-3)
    for row, name in enumerate(confusion.names):
        truth = figures.names.index(name)
        assert confusion.shares[row].sum() == pytest.approx(1 if figures.confusion[truth].sum() else 0)
    assert "is taken for" in part


def test_many_classes_are_cut_to_the_commonest(fitted: EmbeddingTable, items: ItemTable) -> None:
    figures = evaluate_embeddings(fitted, items).classification["neckline"]
    few = class_confusion(figures, most=2)
    support = figures.confusion.sum(axis=1)
    assert set(few.names) == {figures.names[c] for c in np.argsort(-support)[:2]} and few.left_out >= 1
