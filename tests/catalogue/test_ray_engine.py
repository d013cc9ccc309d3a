"""Ray Data on this machine with two workers gives what the plain engine gives."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from colour_model import OUTFITS, ColourModel, draw
from lapel import Catalogue
from lapel.errors import MissingExtra, UnknownName

with_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs the extra: lapel[ray]")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    for number in range(70):
        top, bottom = list(OUTFITS.values())[number % 5]
        draw(folder / f"{number:02}.png", top, bottom, side=16 + 2 * (number // 10))  # pairs of equal files
    (folder / "10-empty.png").write_bytes(b"")
    (folder / "20-text.png").write_bytes(b"no picture")
    (folder / "21-text.png").write_bytes(b"no picture")
    return folder


@with_ray
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning")
def test_two_workers_give_what_the_plain_engine_gives(
    tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[1]))  # the workers unpickle the colour model
    plain = Catalogue.create(tmp_path / "plain.lapel", ColourModel())
    by_ray = Catalogue.create(tmp_path / "ray.lapel", ColourModel())
    expected, report = plain.add(photos), by_ray.add(photos, engine="ray", workers=2)
    assert report.to_dict() | {"seconds": 0} == expected.to_dict() | {"seconds": 0}
    assert (report.new, report.embedded, len(report.unreadable)) == (70, 35, 3)
    assert by_ray.items().table.equals(plain.items().table)
    one, other = plain.embeddings().outputs, by_ray.embeddings().outputs
    for name in ("embeddings", "look", "values", "regions"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert by_ray.thumb("00.png") == plain.thumb("00.png")
    draw(photos / "new.png", "white", "white")
    again = by_ray.add(photos, engine="ray")
    assert (again.new, again.unchanged, again.embedded) == (1, 70, 1)
    import ray
    from ray._common.usage import usage_lib

    assert not usage_lib.usage_stats_enabled()
    assert not ray.is_initialized()  # what was started here is stopped


def test_without_ray_there_is_one_sentence(tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delenv("RAY_USAGE_STATS_ENABLED", raising=False)
    made = Catalogue.create(tmp_path / "shop.lapel", ColourModel())
    with pytest.raises(MissingExtra, match=r"--engine ray\) needs an extra .* pip install 'lapel\[ray\]'"):
        made.add(photos, engine="ray")
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
    with pytest.raises(UnknownName, match="Unknown engine 'rya'. Did you mean 'ray'"):
        made.add(photos, engine="rya")
