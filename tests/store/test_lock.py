"""One writer at a time, and a dead one does not block the next."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lapel.errors import CatalogueError
from lapel.store import writing

HOLD = "import sys, time; from pathlib import Path; from lapel.store.lock import writing\nwith writing(Path(sys.argv[1])):\n    print('held', flush=True); time.sleep(60)"


def test_a_second_writer_is_refused_by_name_and_a_killed_one_frees_the_lock(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with (
            pytest.raises(CatalogueError, match=rf"being written by another process \(process {other.pid}\)"),
            writing(tmp_path),
        ):
            pass
        other.kill()
        other.wait()
    with writing(tmp_path):
        pass


def test_the_lock_is_free_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError), writing(tmp_path):
        raise ValueError
    with writing(tmp_path):
        pass
