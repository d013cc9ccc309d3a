"""`kill -9` at random moments of changing a catalogue, with a reader beside: what was acknowledged, and is it there?

Run by `benchmarks/faults.py` and, smaller, by the tests. The process that is killed says on its output what it is about
to do ("try ...") and what was acknowledged to it; the harness compares that with what it finds afterwards.
"""

from __future__ import annotations

import io
import random
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from colour_model import ColourModel
from lapel import Catalogue
from lapel.errors import LapelError
from lapel.images import content_hash
from lapel.search import cold

KINDS = ("add", "update", "compact", "index")
LONGEST = 0.6
"""Seconds that a kill waits at most after the process began the kind of work that it is to be killed in."""


def photo(name: str) -> bytes:
    """The bytes of an item's photo, drawn from its id: what is stored can be held against it."""
    draw = np.random.default_rng(list(name.encode()))
    file = io.BytesIO()
    Image.fromarray(draw.integers(0, 256, (8, 8, 3), np.uint8)).save(file, "PNG")
    return file.getvalue()


@dataclass
class Known:
    """What was acknowledged: item -> the prices it may have (two while a change is under way), and removed items."""

    prices: dict[str, set[int]] = field(default_factory=dict)
    going: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    acknowledged: int = 0

    def hear(self, line: str) -> None:
        """Take over one line of the writer."""
        words = line.split()
        match words:
            case ["has", item, price]:
                self.prices[item] = {int(price)}
            case ["try", "price", item, price]:
                if item in self.prices:  # else its adding was never acknowledged
                    self.prices[item].add(int(price))
            case ["price", item, price]:
                self.prices[item] = {int(price)}
            case ["try", "gone", item]:
                self.going.add(item)
            case ["gone", item]:
                self.prices.pop(item, None)
                self.gone.add(item)
        self.acknowledged += bool(words) and words[0] in ("has", "price", "gone")

    def missing(self, catalogue: Catalogue) -> list[str]:
        """Acknowledged changes that a catalogue does not show."""
        table = catalogue.items().table
        found = dict(zip(table["id"].to_pylist(), table["price"].to_pylist(), strict=True)) if len(table) else {}
        lost = [item for item, may in self.prices.items() if item not in self.going and found.get(item) not in may]
        return lost + [item for item in self.gone if item in found]


@dataclass
class Tally:
    """What happened in some rounds."""

    rounds: int = 0
    killed_in: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    acknowledged: int = 0
    lost: list[str] = field(default_factory=list)
    failed_opens: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    reader_opens: int = 0
    items: int = 0


def run(folder: Path, rounds: int, seed: int = 0) -> Tally:
    """Make a catalogue, change it in a process that is killed, look, and again."""
    draw, known, tally = random.Random(seed), Known(), Tally()
    Catalogue.create(folder, ColourModel())
    with _process("read", folder) as reader:
        try:
            for number in range(rounds):
                kind = KINDS[number % len(KINDS)]
                _one_round(folder, kind, draw, known, tally, number)
        finally:
            reader.send_signal(signal.SIGTERM)
            said = reader.communicate()[0].splitlines()
    tally.acknowledged = known.acknowledged
    tally.reader_opens = sum(line == "ok" for line in said)
    tally.failed_opens += [line for line in said if line != "ok"]
    return tally


def _one_round(folder: Path, kind: str, draw: random.Random, known: Known, tally: Tally, number: int) -> None:
    with _process("write", folder, kind, str(number)) as writer:
        assert writer.stdout is not None
        for line in writer.stdout:
            known.hear(line)
            if line.startswith(f"try {kind}"):
                break
        time.sleep(draw.uniform(0, LONGEST))
        writer.send_signal(signal.SIGKILL)
        for line in writer.stdout:
            known.hear(line) if line.endswith("\n") else None
    assert writer.returncode == -signal.SIGKILL, f"the writer ended by itself: {writer.returncode}"
    tally.rounds += 1
    tally.killed_in[kind] += 1
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            catalogue = Catalogue.open(folder, ColourModel())
        tally.notes += [str(warning.message) for warning in said]
        _look(catalogue, draw, known, tally)
    except (LapelError, OSError, RuntimeError) as error:
        tally.failed_opens.append(f"round {number} ({kind}): {error}")


def _look(catalogue: Catalogue, draw: random.Random, known: Known, tally: Tally) -> None:
    tally.lost += known.missing(catalogue)
    tally.wrong += catalogue.verify().problems
    stored = catalogue.store.table(["id", "hash"]).to_pylist()
    tally.wrong += [row["id"] for row in stored if row["hash"] != content_hash(photo(row["id"]))]
    tally.items = len(stored)
    known.gone |= known.going - {row["id"] for row in stored}
    known.prices = {item: may for item, may in known.prices.items() if item not in known.gone}
    known.going.clear()
    if stored:
        item = draw.choice(stored)["id"]
        hits = catalogue.search(f"item:{item}", k=len(stored))
        tally.wrong += (
            [] if len(hits) == len(stored) and hits[0].score > 1 - 1e-9 else [f"{item} is not its own first hit"]
        )


def _process(*arguments: object) -> subprocess.Popen[str]:
    here = str(Path(__file__).resolve().parent)
    code = f"import sys; sys.path.insert(0, {here!r}); import fault_harness; fault_harness.main()"
    return subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE, text=True)


def main() -> None:
    """The process that is killed (`write FOLDER KIND NUMBER`) and the one that reads beside it (`read FOLDER`)."""
    mode, folder = sys.argv[1], Path(sys.argv[2])
    cold.WORTH_IT = 1
    if mode == "read":
        _read(folder)
    else:
        _write(folder, sys.argv[3], int(sys.argv[4]))


def _say(line: str) -> None:
    print(line, flush=True)


def _read(folder: Path) -> None:
    held: Catalogue | None = None
    going = True

    def stop(*_: object) -> None:
        nonlocal going
        going = False

    signal.signal(signal.SIGTERM, stop)
    while going:
        try:
            for catalogue in (Catalogue.open(folder, ColourModel()), held):
                if catalogue is None:
                    continue
                catalogue.refresh()
                ids = catalogue.items().ids
                if ids and len(catalogue.search(f"item:{ids[-1]}", where="price >= 0", k=5)) < min(5, len(ids)):
                    raise LapelError(f"a search gave too few of {len(ids)} items")
                held = catalogue
            _say("ok")
        except Exception as error:
            _say(f"{type(error).__name__}: {' '.join(str(error).split())}")


def _write(folder: Path, kind: str, number: int) -> None:
    from lapel.catalogue import adding, engines
    from lapel.search import Collection
    from lapel.store import lance

    engines.PHOTOS_A_PASS, adding.ROWS_A_COMMIT, lance.FEW_PIECES = 4, 8, 2
    draw = random.Random(number)
    catalogue = Catalogue.open(folder, ColourModel())
    for turn in range(100_000):
        if kind == "add" or turn == 0 or kind == "compact":
            _say("try add")
            many = 400 if kind == "add" else 24
            _add(catalogue, [f"{number}-{turn}-{at}" for at in range(many)], draw)
        if kind == "update":
            _update(catalogue, draw, turn)
        elif kind == "compact":
            _say("try compact")
            catalogue.compact()
        elif kind == "index":
            _say("try index")
            catalogue.refresh()
            cold.save(folder, Collection.load(catalogue.store, catalogue.manifest.card))
            catalogue.update({"nobody": {"price": 1}})  # takes the lock and looks, as a writer does


def _add(catalogue: Catalogue, ids: list[str], draw: random.Random) -> None:
    prices = {item: draw.randrange(1000) for item in ids}

    def entries() -> Iterator[tuple[str, bytes, dict[str, object]]]:
        for item in ids:
            yield item, photo(item), {"price": prices[item], "size": {"S", "L"}}

    catalogue.add(entries(), committed=lambda stored: [_say(f"has {item} {prices[item]}") for item in stored])  # type: ignore[func-returns-value]


def _update(catalogue: Catalogue, draw: random.Random, turn: int) -> None:
    ids = catalogue.items().ids
    chosen = draw.sample(ids, min(6, len(ids)))
    changed, removed = chosen[:-1], chosen[-1:] if turn % 3 == 2 and len(ids) > 40 else []
    prices = {item: draw.randrange(1000) for item in changed}
    _say("try update")
    for item, price in prices.items():
        _say(f"try price {item} {price}")
    catalogue.update({item: {"price": price} for item, price in prices.items()})
    for item, price in prices.items():
        _say(f"price {item} {price}")
    for item in removed:
        _say(f"try gone {item}")
        catalogue.remove([item])
        _say(f"gone {item}")
