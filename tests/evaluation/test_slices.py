"""Slices: the figures of a part of the queries are those of a loop over them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from evaluation_data import make_items, make_table
from lapel.errors import InputError, UnknownName
from lapel.evaluation import slices
from lapel.evaluation.evaluate import evaluate_embeddings
from lapel.evaluation.metrics import chance_ap
from lapel.evaluation.record import Evaluation
from lapel.evaluation.slices import slice_scores, slices_to_dict
from lapel.interfaces.cli.evaluate import command


def test_a_slice_is_the_mean_over_the_queries_that_hold_its_value(tmp_path: Path) -> None:
    items = make_items()
    found = evaluate_embeddings(make_table(items), items)
    sliced = slice_scores(found, items, "pattern")
    assert set(sliced) <= {"plain", "stripe", "floral"} and len(sliced) > 1
    for value, scores in sliced.items():
        assert set(scores) == {"neckline"}, "an attribute is not sliced by itself"
        detail = found.details["neckline"]
        aps, chances = [], []
        for place, row in enumerate(detail.task.queries):
            item = items[items.ids.index(found.ids[row])]
            if value in item.labels.get("pattern", frozenset()):
                aps.append(detail.ranked.ap[place])
                chances.append(chance_ap(detail.ranked.relevant[place], detail.ranked.ranked[place]))
        score = scores["neckline"]
        assert score.queries == len(aps) >= slices.FEWEST
        assert score.map == pytest.approx(100 * np.mean(aps)) and score.chance == pytest.approx(100 * np.mean(chances))
        assert score.low <= score.map <= score.high
    found.save(tmp_path / "figures.json", {"slices": {"pattern": slices_to_dict(sliced)}})
    stored = json.loads((tmp_path / "figures.json").read_text())
    assert stored["slices"]["pattern"]["plain"]["neckline"]["queries"] == sliced["plain"]["neckline"].queries
    assert Evaluation.load(tmp_path / "figures.json").overall == pytest.approx(found.overall, abs=1e-4)


def test_slices_need_rankings_and_a_labelled_attribute() -> None:
    items = make_items()
    found = evaluate_embeddings(make_table(items), items)
    with pytest.raises(UnknownName, match="'patern'. Did you mean 'pattern'"):
        slice_scores(found, items, "patern")
    with pytest.raises(InputError, match="evaluate again"):
        slice_scores(dataclasses.replace(found, details={}), items, "pattern")


def test_slices_belong_to_attribute_models() -> None:
    result = CliRunner().invoke(command, ["clip:tiny:random:sum", "somewhere", "--slices", "gender"])
    assert result.exit_code == 2 and "--slices" in result.output
