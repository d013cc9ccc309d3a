"""kill -9 in the middle of adding: what was acknowledged is there, and the same command finishes the job."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colour_model import ColourModel
from lapel import Catalogue

ADD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from colour_model import ColourModel
from lapel.catalogue import adding, engines
engines.PHOTOS_A_PASS, adding.ROWS_A_COMMIT = 4, 8
catalogue = lapel.Catalogue.open(sys.argv[2], ColourModel()) if Path(sys.argv[2]).exists() else \\
    lapel.Catalogue.create(sys.argv[2], ColourModel())
catalogue.add(sys.argv[3], committed=lambda ids: print("\\n".join(ids), flush=True))
print("done", flush=True)
"""
PHOTOS = 120


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    draw = np.random.default_rng(0)
    for number in range(PHOTOS):
        Image.fromarray(draw.integers(0, 256, (8, 8, 3), np.uint8)).save(folder / f"{number:03}.png")
    return folder


def start(catalogue: Path, photos: Path) -> subprocess.Popen[str]:
    here = str(Path(__file__).resolve().parents[1])
    command = [sys.executable, "-c", "import lapel\n" + ADD, here, str(catalogue), str(photos)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("lines", [1, 20, 65])
def test_nothing_acknowledged_is_lost(tmp_path: Path, photos: Path, lines: int) -> None:
    folder = tmp_path / "killed.lapel"
    with start(folder, photos) as adding:
        assert adding.stdout is not None
        acknowledged = [adding.stdout.readline().strip() for _ in range(lines)]
        adding.send_signal(signal.SIGKILL)
        acknowledged += [line.strip() for line in adding.stdout]
    assert "done" not in acknowledged
    reopened = Catalogue.open(folder, ColourModel())
    assert set(acknowledged) <= set(reopened.items().ids)
    before = len(reopened)
    assert lines <= before < PHOTOS
    report = reopened.add(photos)
    assert (report.unchanged, report.new, report.embedded) == (before, PHOTOS - before, PHOTOS - before)
    assert len(set(reopened.items().ids)) == PHOTOS


def test_a_stopped_and_finished_catalogue_answers_like_an_undisturbed_one(tmp_path: Path, photos: Path) -> None:
    whole = Catalogue.create(tmp_path / "whole.lapel", ColourModel())
    whole.add(photos)
    with start(tmp_path / "killed.lapel", photos) as adding:
        assert adding.stdout is not None
        adding.stdout.readline()
        adding.kill()
    resumed = Catalogue.open(tmp_path / "killed.lapel", ColourModel())
    resumed.add(photos)
    assert resumed.items().ids == whole.items().ids
    np.testing.assert_array_equal(resumed.embeddings().outputs.embeddings, whole.embeddings().outputs.embeddings)


def test_ctrl_c_between_commits_keeps_what_was_committed(
    tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lapel.catalogue.engines.PHOTOS_A_PASS", 8)
    monkeypatch.setattr("lapel.catalogue.adding.ROWS_A_COMMIT", 8)

    def stop(ids: object) -> None:
        raise KeyboardInterrupt

    catalogue = Catalogue.create(tmp_path / "stopped.lapel", ColourModel())
    with pytest.raises(KeyboardInterrupt):
        catalogue.add(photos, committed=stop)
    assert len(Catalogue.open(catalogue.folder)) == 8
    assert catalogue.add(photos).unchanged == 8
