"""Every curl line of docs/http.md works as written, against a real server."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from colour_model import draw
from lapel import Catalogue

TESTS = Path(__file__).resolve().parents[1]
PAGE = TESTS.parent / "docs" / "http.md"
BLOCKS = [code for code in re.findall(r"```bash\n(.*?)```", PAGE.read_text(), re.DOTALL) if "curl" in code]
SERVER = """
import sys, lapel
from colour_model import ColourModel
opened = lapel.Catalogue.open(sys.argv[1], ColourModel())
lapel.serve(opened, port=0, write=True, ready=lambda address: print(address, flush=True))
"""


@pytest.fixture(scope="module")
def address(catalogue: Catalogue, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server over a shop whose items and attributes are called as on the page."""
    folder = tmp_path_factory.mktemp("page") / "shop.lapel"
    shutil.copytree(catalogue.folder, folder)
    from colour_model import ColourModel

    own = Catalogue.open(folder, ColourModel())
    own.add([("42", str(photos / "red-red.png"), {"price": 20}), ("7", str(photos / "blue-red.png"), {"price": 30})])
    line = [sys.executable, "-c", SERVER, str(folder)]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": str(TESTS)}) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip().rstrip("/")
        finally:
            process.kill()


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
@pytest.mark.parametrize("code", BLOCKS, ids=[code.split("8000")[1].split()[0].strip("'") for code in BLOCKS])
def test_the_lines_of_the_page_work(code: str, address: str, tmp_path: Path) -> None:
    draw(tmp_path / "dress.png", "green", "blue", side=300).rename(tmp_path / "dress.jpg")
    for on_page, here in (("http://127.0.0.1:8000", address), ("neckline", "top"), ('"color"', '"bottom"')):
        code = code.replace(on_page, here)
    script = f'set -e\ncurl() {{ command curl --fail-with-body -sS "$@"; }}\n{code}'
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"' in done.stdout


def test_the_page_has_a_line_for_every_address() -> None:
    text = PAGE.read_text()
    for address in (
        "/v1/search",
        "/v1/photos",
        "/v1/items",
        "/v1/explain",
        "/v1/attributes",
        "/metrics",
        "/openapi.json",
    ):
        assert address in text
