"""Serving for one person, and the check without one: `lapel demo`, `lapel demo --check`."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lapel import Catalogue, Query
from lapel.interfaces.page import showing
from lapel.schema import Part
from page_shop import Shop

ITSELF = Query((Part("item:red-blue", {"top": 1.0, "bottom": 1.0}),), k=3)


def test_the_check_loads_every_file_and_searches(shop: Shop) -> None:
    found = showing.check(shop.catalogue, ITSELF)
    assert found.passed and found.hits == 3
    assert found.files >= 20  # the page, its styles, its scripts, its words


def test_the_check_fails_when_an_item_does_not_find_itself(shop: Shop) -> None:
    found = showing.check(shop.catalogue, Query((Part("item:red-blue", {"top": 1.0}),), "price < 15"))
    assert not found.passed
    assert found.trouble == ["The item red-blue is not its own first hit over HTTP."]


def test_the_check_fails_when_a_file_of_the_page_is_missing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from lapel.interfaces.http import app

    whole = app.page_files
    monkeypatch.setattr(app, "page_files", lambda: {k: v for k, v in whole().items() if k != "/js/heat.js"})
    found = showing.check(shop.catalogue, ITSELF)
    assert not found.passed and "404" in found.trouble[0]


def test_the_browser_is_told_the_address_once_it_answers(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def serve(catalogue: Catalogue, *, port: int, ready: Any) -> None:
        ready("http://127.0.0.1:1/")

    opened: list[str] = []
    monkeypatch.setattr(showing, "serve", serve)
    monkeypatch.setattr(showing.webbrowser, "open", lambda address: opened.append(address) or True)
    monkeypatch.setattr(showing.threading, "Thread", lambda target, args, daemon: _Now(target, args))
    showing.show(shop.catalogue, open_browser=False, ready=seen.append)
    assert (seen, opened) == (["http://127.0.0.1:1/"], [])
    showing.show(shop.catalogue, ready=seen.append)
    assert opened == ["http://127.0.0.1:1/"]


class _Now:
    """A thread that runs at once."""

    def __init__(self, target: Any, args: tuple[Any, ...]) -> None:
        self.start = lambda: target(*args)


def _demo(folder: Path, *arguments: str) -> list[str]:
    run = "from lapel.interfaces.cli.main import main; main()"
    return [sys.executable, "-c", run, "demo", "--folder", str(folder), "--n", "12", *arguments]


def test_demo_check_exits_0_and_demo_serves_until_ctrl_c(tmp_path: Path) -> None:
    done = subprocess.run(_demo(tmp_path, "--check"), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert re.search(r"Checked: .* the page's \d\d files load, and it searches\.", done.stdout)
    served = subprocess.Popen(
        _demo(tmp_path, "--no-open"), stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"}
    )
    assert served.stdout is not None
    with served.stdout as lines:
        address = next(line for line in lines if line.startswith("Open the search page: http://127.0.0.1:"))
        assert address.endswith("/\n")
        for line in lines:
            if line.startswith("Ctrl-C"):
                break
        served.send_signal(signal.SIGINT)
        assert served.wait(60) == 0
