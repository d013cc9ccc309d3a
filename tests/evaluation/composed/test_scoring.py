import json
from pathlib import Path

import numpy as np
import pytest

from lapel.errors import ProtocolError, UnknownName
from lapel.evaluation.composed import ComposedEvaluation, asked_of, compare_composed, evaluate_composed, protocol_of
from lapel.evaluation.composed.cirr_server import write_submission
from lapel.schema import ComposedQuery, ComposedSet

NAMES = tuple(f"p{n}" for n in range(60))


def made(name: str = "fashioniq", hidden: bool = False) -> ComposedSet:
    rng = np.random.default_rng(0)
    queries = []
    for n in range(30):
        members = tuple(rng.choice(NAMES, 6, replace=False))
        captions = ("is red", "and long") if name == "fashioniq" else ("is red",)
        category = ("dress" if n % 2 else "shirt") if name == "fashioniq" else ""
        targets = () if hidden else (members[1],) if name == "cirr" else tuple(members[1:3])
        queries.append(ComposedQuery(members[0], captions, targets, category, members, str(n)))
    galleries = {"dress": NAMES[:50], "shirt": NAMES} if name == "fashioniq" else {"": NAMES}
    return ComposedSet(name, "val", {n: Path(n) for n in NAMES}, galleries, tuple(queries))


def vectors(rows: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((rows, 8)).astype(np.float32)


@pytest.mark.parametrize("captions", ["joined", "both orders", "each"])
@pytest.mark.parametrize("reference", ["kept", "removed"])
def test_recall_by_loops(captions: str, reference: str) -> None:
    data, protocol = made(), protocol_of("fashioniq", captions=captions, reference=reference)
    asked = asked_of(data, protocol)
    assert len(asked) == (30 if captions == "joined" else 60)
    queries, gallery = vectors(len(asked), 1), vectors(60, 2)
    found = evaluate_composed(data, protocol, queries, gallery, NAMES)
    for category, listed in data.galleries.items():
        for k in protocol.cutoffs:
            hits = total = 0
            for one, vector in zip(asked, queries, strict=True):
                if one.query.category != category:
                    continue
                ranked = sorted(listed, key=lambda n: -float(gallery[NAMES.index(n)] @ vector))
                ranked = [n for n in ranked if reference == "kept" or n != one.reference]
                hits += any(n in one.query.targets for n in ranked[:k])
                total += 1
            figure = found.figures[category][f"R@{k}"]
            assert figure.value == pytest.approx(100 * hits / total)
            assert figure.low <= figure.value <= figure.high
    assert found.headline == pytest.approx((found.mean["R@10"] + found.mean["R@50"]) / 2)
    assert protocol.name in found.protocol and f"reference {reference}" in found.protocol


def test_chance_is_what_random_rankings_give() -> None:
    data, protocol = made("one"), protocol_of("one-change")
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(150):
        queries, gallery = rng.standard_normal((30, 30)), rng.standard_normal((60, 30))
        found = evaluate_composed(data, protocol, queries.astype(np.float32), gallery.astype(np.float32), NAMES)
        shares.append(found.mean["R@10"])
    assert np.mean(shares) == pytest.approx(found.figures[""]["R@10"].chance, abs=2.0)


def test_cirr_ranks_its_six_and_writes_what_the_server_takes(tmp_path: Path) -> None:
    data, protocol = made("cirr"), protocol_of("cirr")
    queries, gallery = vectors(30, 3), vectors(60, 4)
    found = evaluate_composed(data, protocol, queries, gallery, NAMES)
    for k in (1, 2, 3):
        hits = 0
        for query, vector in zip(data.queries, queries, strict=True):
            others = [m for m in query.members if m != query.reference]
            ranked = sorted(others, key=lambda n: -float(gallery[NAMES.index(n)] @ vector))
            hits += query.targets[0] in ranked[:k]
        assert found.mean[f"R_subset@{k}"] == pytest.approx(100 * hits / 30)
    hidden = made("cirr", hidden=True)
    with pytest.raises(ProtocolError, match="hides its targets"):
        evaluate_composed(hidden, protocol, queries, gallery, NAMES)
    whole, small = write_submission(hidden, queries, gallery, NAMES, tmp_path / "out")
    top, three = json.loads(whole.read_text()), json.loads(small.read_text())
    assert top["metric"] == "recall" and three["metric"] == "recall_subset" and top["version"] == "rc2"
    for query in hidden.queries:
        assert len(top[query.id]) == 50 and query.reference not in top[query.id]
        assert len(three[query.id]) == 3 and set(three[query.id]) < set(query.members)
    with pytest.raises(ProtocolError, match="Only CIRR"):
        write_submission(made(), queries, gallery, NAMES, tmp_path)
    with pytest.raises(ProtocolError, match="wants 50"):
        fewer = ComposedSet("cirr", "test1", hidden.images, {"": NAMES[:20]}, hidden.queries[:1])
        write_submission(fewer, queries[:1], gallery, NAMES, tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_mixed_protocols_are_refused(tmp_path: Path) -> None:
    data, gallery = made(), vectors(60, 2)
    kept = evaluate_composed(data, protocol_of("fashioniq"), vectors(30, 1), gallery, NAMES, model="a")
    removed = evaluate_composed(data, protocol_of("fashioniq", reference="removed"), vectors(30, 1), gallery, NAMES)
    with pytest.raises(ProtocolError, match="their protocol differ.*kept.*removed"):
        compare_composed(kept, removed)
    other = evaluate_composed(data, protocol_of("fashioniq"), vectors(30, 9), gallery, NAMES, model="b")
    found = compare_composed(kept, other)
    assert found["R@10"]["difference"] == pytest.approx(found["R@10"]["b"] - found["R@10"]["a"])
    kept.save(tmp_path / "kept.json")
    again = ComposedEvaluation.load(tmp_path / "kept.json")
    assert again.to_dict() == kept.to_dict() and compare_composed(again, other) == found
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(ProtocolError, match="no evaluation of composed"):
        ComposedEvaluation.load(tmp_path / "x.json")
    with pytest.raises(UnknownName):
        protocol_of("fashion-iq")
    with pytest.raises(ProtocolError, match="'kept' or 'removed'"):
        protocol_of("fashioniq", reference="gone")
