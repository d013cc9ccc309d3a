"""The collection as one file that is mapped into memory: opening reads nothing but checks it, processes share it.

`search.cold` beside the table is made from the table and may be deleted at any time. Its header names the table's
version, the model's fingerprint and a sum of each part; a file that is of another state, cut short or damaged is passed
over and the table is read instead, so it never decides an answer that the table would not give.
"""

from __future__ import annotations

import json
import mmap
import os
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from lapel.index import Index
from lapel.schema import Card
from lapel.search.collection import Collection
from lapel.store import Store
from lapel.store.sums import CHUNK, sum_of

FILE, FORMAT, PAGE = "search.cold", 1, 4096
WORTH_IT = 20_000
"""Items from which the file is made: below, reading the table is as quick."""

REST_S = 60.0
"""Seconds for which a file stays, even when it is of an older state by then."""

HEADER = 1 << 16
TEXT, BEST, PROBABILITY = "\0text", "\0best", "\0probability"
STALE_S = 600.0


def load_collection(folder: Path, store: Store, card: Card) -> Collection:
    """The collection of a store, from the file when it is of this very state; else read, and the file is made anew."""
    found = _load(folder, store, card)
    if found is None:
        found = Collection.load(store, card)
        if len(found) >= WORTH_IT and _rested(folder):
            save(folder, found)
    return found


def warm(folder: Path, store: Store, card: Card) -> None:
    """Make the file for this state if it is worth it and not there: for those who write, so that readers find it."""
    if store.count() >= WORTH_IT and _rested(folder) and _load(folder, store, card) is None:
        save(folder, Collection.load(store, card))


def save(folder: Path, collection: Collection) -> bool:
    """Replace the file; False when the folder cannot be written (it is then as slow as without)."""
    table = pa.table({"\0id": collection.ids, "\0image": collection.images})
    for name in collection.metadata.column_names:
        table = table.append_column(name, collection.metadata[name])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    parts: dict[str, Any] = {TEXT: np.frombuffer(sink.getvalue(), np.uint8), BEST: collection.best}
    parts |= {PROBABILITY: collection.probability, **collection.index.blocks}
    part = folder / f".{FILE}.{os.getpid()}.{time.monotonic_ns()}.part"
    try:
        _clear(folder)
        _write(part, collection, parts)
        os.replace(part, folder / FILE)
    except OSError:
        part.unlink(missing_ok=True)
        return False
    return True


def _rested(folder: Path) -> bool:
    """Whether the file is missing, or old enough: many small changes in a row must not write it as often."""
    try:
        return time.time() - (folder / FILE).stat().st_mtime > REST_S
    except OSError:
        return True


def _clear(folder: Path) -> None:
    """Remove what a killed process left half written."""
    for left in folder.glob(f".{FILE}.*.part"):
        if time.time() - left.stat().st_mtime > STALE_S:
            left.unlink(missing_ok=True)


def _write(path: Path, collection: Collection, parts: dict[str, Any]) -> None:
    listed: list[dict[str, Any]] = []
    at = HEADER
    for name, array in parts.items():
        flat: Any = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        raw = memoryview(flat)
        said = {"name": name, "dtype": array.dtype.str, "shape": array.shape, "at": at, "sum": sum_of(_chunks(raw))}
        listed.append(said)
        at += -(-len(raw) // PAGE) * PAGE
    about = {"version": collection.store.version, "fingerprint": collection.card.fingerprint, "parts": listed}
    header = json.dumps(about).encode()
    if len(header) + 32 > HEADER:
        raise OSError("too many parts for one header")
    with open(path, "wb") as file:
        file.write(f"LAPEL COLD {FORMAT} {zlib.crc32(header):08x} {len(header):8d}\n".encode() + header)
        for said, array in zip(listed, parts.values(), strict=True):
            file.seek(said["at"])
            file.write(np.ascontiguousarray(array).data)
        file.truncate(at)


def _load(folder: Path, store: Store, card: Card) -> Collection | None:
    try:
        with open(folder / FILE, "rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        about = _header(mapped)
        if about["version"] != store.version or about["fingerprint"] != card.fingerprint:
            return None
        parts = _parts(mapped, about["parts"])
        return None if parts is None else _collection(parts, store, card)
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException):
        return None


def _header(mapped: mmap.mmap) -> dict[str, Any]:
    word, kind, number, crc, length = mapped[:64].split(b"\n")[0].split()
    start = mapped.find(b"\n") + 1
    header = mapped[start : start + int(length)]
    if (word, kind, int(number)) != (b"LAPEL", b"COLD", FORMAT) or f"{zlib.crc32(header):08x}".encode() != crc:
        raise ValueError("not a file of this format, or damaged")
    about: dict[str, Any] = json.loads(header)
    return about


def _parts(mapped: mmap.mmap, listed: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Name -> array over the mapped file; None when a part is not what was written."""
    view = memoryview(mapped)
    parts, raw = {}, []
    for said in listed:
        kind, shape = np.dtype(said["dtype"]), tuple(said["shape"])
        size = int(np.prod(shape, dtype=np.int64)) * kind.itemsize
        if said["at"] + size > len(view):
            return None
        raw.append(view[said["at"] : said["at"] + size])
        parts[said["name"]] = np.frombuffer(raw[-1], kind).reshape(shape)
    with ThreadPoolExecutor(2, thread_name_prefix="lapel-check") as pool:
        sums = list(pool.map(lambda part: sum_of(_chunks(part)), raw))
    return parts if sums == [said["sum"] for said in listed] else None


def _collection(parts: dict[str, Any], store: Store, card: Card) -> Collection:
    text = pa.ipc.open_file(pa.py_buffer(parts.pop(TEXT))).read_all()
    best, probability = parts.pop(BEST), parts.pop(PROBABILITY)
    ids, images = text["\0id"].to_pylist(), text["\0image"].to_pylist()
    if len(ids) != store.count():
        raise ValueError("of another state")
    return Collection(card, store, ids, images, Index(parts), best, probability, text.drop_columns(["\0id", "\0image"]))


def _chunks(raw: memoryview) -> Iterator[memoryview]:
    return (raw[at : at + CHUNK] for at in range(0, len(raw), CHUNK))
