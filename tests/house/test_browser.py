"""The fixture for page tests really runs a browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


def test_a_page_runs_its_script(chromium: Callable[..., str], tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(
        "<!doctype html><p id=p>before</p><script>document.getElementById('p').textContent = 6 * 7</script>"
    )
    assert '<p id="p">42</p>' in chromium("--dump-dom", page.as_uri())
