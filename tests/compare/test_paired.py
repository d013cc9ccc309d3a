"""Differences over the same queries: found where they are, not where they are not, refused where they mean nothing."""

from __future__ import annotations

import dataclasses
import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from evaluation_data import make_items, make_table
from lapel.compare import compare, compare_files, paired
from lapel.errors import ProtocolError
from lapel.evaluation import Evaluation, evaluate_embeddings
from lapel.interfaces.cli.main import command


def evaluation(signal: float, seed: int = 0, **options) -> Evaluation:
    items = make_items(200)
    return evaluate_embeddings(make_table(items, seed, signal=signal), items, **options)


def renamed(found: Evaluation, model: str) -> Evaluation:
    return dataclasses.replace(found, model=model)


def test_a_better_model_is_found_and_an_equal_one_is_not() -> None:
    weak, strong, equal = evaluation(0.2), evaluation(1.5), evaluation(0.2, seed=9)
    clear = compare(weak, strong).attributes["neckline"]
    assert clear.clear and clear.low > 0 and clear.p < 0.001
    assert clear.difference == pytest.approx(strong.attributes["neckline"].map - weak.attributes["neckline"].map)
    assert compare(strong, weak).attributes["neckline"].difference == pytest.approx(-clear.difference)
    same = compare(weak, equal)
    assert not same.overall.clear and same.overall.p > 0.05
    twin = compare(weak, weak).attributes["pattern"]
    assert (twin.difference, twin.low, twin.high, twin.p) == (0, 0, 0, 1)


def test_p_is_the_share_of_all_sign_flips(monkeypatch: pytest.MonkeyPatch) -> None:
    gains = np.random.default_rng(2).normal(0.3, 0.5, 8)
    exact = np.mean([abs(np.dot(signs, gains)) >= abs(gains.sum()) - 1e-12 for signs in product((-1, 1), repeat=8)])
    monkeypatch.setattr(paired, "FLIPS", 200_000)
    assert paired._sign_flip_p(gains, 0) == pytest.approx(exact, abs=0.004)


def test_holm_raises_the_p_values_in_order() -> None:
    found = compare(evaluation(0.2), evaluation(0.3))
    rows = found.attributes
    small, large = sorted(rows, key=lambda n: rows[n].p)
    assert found.holm[small] == pytest.approx(min(1, 2 * rows[small].p))
    assert found.holm[large] == pytest.approx(max(found.holm[small], rows[large].p))


def test_the_order_of_queries_does_not_matter() -> None:
    a, b = evaluation(0.2), evaluation(1.0)
    score = b.attributes["neckline"]
    order = np.random.default_rng(0).permutation(score.queries)
    mixed = dataclasses.replace(score, ids=tuple(score.ids[i] for i in order), ap=score.ap[order])
    other = dataclasses.replace(b, attributes={**b.attributes, "neckline": mixed})
    assert compare(a, b).attributes["neckline"] == compare(a, other).attributes["neckline"]


def test_unlike_figures_are_refused_by_name() -> None:
    a = evaluation(0.2)
    with pytest.raises(ProtocolError, match="Unlike protocol: A has 'each-against-rest', B has 'every-fifth'. These"):
        compare(a, evaluation(0.2, protocol="every-fifth"))
    with pytest.raises(ProtocolError, match="Unlike split: A has 'test', B has 'train'"):
        compare(a, evaluation(0.2, split="train"))
    items = make_items(200, seed=1)
    with pytest.raises(
        ProtocolError, match="Unlike data fingerprint: A has 'small [0-9a-f]{16}', B has 'small [0-9a-f]{16}'"
    ):
        compare(a, evaluate_embeddings(make_table(items), items))
    with pytest.raises(ProtocolError, match="Unlike rule on near duplicates: A has 'the query itself;"):
        compare(a, evaluation(0.2, groups={f"item-{i}": i // 2 for i in range(200)}))


def test_a_further_attribute_on_one_side_does_not_matter() -> None:
    items = make_items(200)
    one = evaluate_embeddings(make_table(items), items, attributes=["neckline"])
    both = compare(one, evaluation(1.5))
    assert set(both.attributes) == {"neckline"} and both.only_one == ("pattern",)
    data = dataclasses.replace(one.data, fingerprint="0" * 16)
    with pytest.raises(ProtocolError, match="Unlike data fingerprint: A has 'small 0000000000000000', B has 'small "):
        compare(dataclasses.replace(one, data=data), one)


def test_other_queries_or_none_are_refused() -> None:
    a = evaluation(0.2)
    score = a.attributes["neckline"]
    fewer = dataclasses.replace(score, ids=score.ids[1:], ap=score.ap[1:], queries=score.queries - 1)
    with pytest.raises(ProtocolError, match="Unlike queries under 'neckline': A has 106, B has 105, and 1 are in one"):
        compare(a, dataclasses.replace(a, attributes={**a.attributes, "neckline": fewer}))
    with pytest.raises(ProtocolError, match="B was saved without the figures of its queries"):
        compare(a, Evaluation.from_dict(a.to_dict(per_query=False)))
    with pytest.raises(ProtocolError, match="no attribute is in both"):
        compare(a, dataclasses.replace(a, attributes={"other": score}))


def test_the_command_prints_a_table_or_json(tmp_path: Path) -> None:
    a = renamed(evaluation(0.2), "weak").save(tmp_path / "a.json")
    renamed(evaluation(1.5), "strong").save(tmp_path / "run" / "evaluation.json")
    shown = CliRunner().invoke(command, ["compare", str(a), str(tmp_path / "run")], catch_exceptions=False)
    assert "strong (B) against weak (A) on small (test)" in " ".join(shown.output.split())
    told = CliRunner().invoke(command, ["compare", str(a), str(tmp_path / "run"), "--json"], catch_exceptions=False)
    data = json.loads(told.output)
    assert data == compare_files(a, tmp_path / "run").to_dict() and data["attributes"]["neckline"]["clear"]
