"""Fifty people at once: requests per second, p50 and p95 of `lapel serve`, with how many errors.

    python benchmarks/serving.py [--items 10000] [--users 50] [--seconds 10] [--json FILE]

A catalogue of the shipped model's shape with drawn vectors, served by `lapel serve` in a process of its own; the users
are another process, each with one connection, asking again as soon as it is answered. Three kinds of query: by items
(two attributes, every fourth with a filter), by a photo sent before (`photo:TOKEN`, as on the page), and by a photo
sent along (JPEG of 600 x 800: decoded, through the model, searched). 20 hits each, with their metadata. Exit 1 on any
error.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import psutil
import pyarrow as pa
from PIL import Image

from cold_open import fixed, unit
from lapel import Catalogue
from lapel.catalogue.columns import sizes
from lapel.store import writing

K, ROWS, BOUNDARY = 20, 2500, "lapel-benchmark"
KINDS = ("by items", "by a photo sent before", "by a photo sent along")
SERVE = "from lapel.interfaces.cli.main import main; main()"


def make(folder: Path, items: int) -> None:
    catalogue = Catalogue.create(folder, "lapel-lite")
    card, draw = catalogue.manifest.card, np.random.default_rng(0)
    wide = sizes(card)
    thumb = photo(draw, (192, 256))
    with writing(folder):
        for start in range(0, items, ROWS):
            numbers = range(start, min(start + ROWS, items))
            n = len(numbers)
            blocks = unit(draw.standard_normal((n, len(card.vocabulary), card.dim), dtype=np.float32))
            rows = {
                "id": [f"item-{number:07}" for number in numbers],
                "image": [f"/photos/{number:07}.jpg" for number in numbers],
                "hash": [f"{number:032x}" for number in numbers],
                "all": fixed(blocks),
                "look": fixed(unit(draw.standard_normal((n, card.look_dim), dtype=np.float32))),
                "values": fixed(draw.random((n, wide["values"]), dtype=np.float32)),
                "regions": fixed(draw.random((n, wide["regions"]), dtype=np.float32).astype(np.float16)),
                "thumb": pa.array([thumb] * n, pa.binary()),
                "price": draw.integers(1, 200, n),
                "gender": [("Women", "Men")[number % 2] for number in numbers],
                "title": [f"Garment No. {number}" for number in numbers],
            }
            catalogue.store.append(pa.table(rows))
        catalogue.store.compact()
        catalogue.manifest.at(catalogue.store.version).save(folder)


def photo(draw: np.random.Generator, size: tuple[int, int] = (600, 800)) -> bytes:
    small = Image.fromarray(draw.integers(0, 255, (12, 9, 3), dtype=np.uint8))
    out = io.BytesIO()
    small.resize(size, Image.Resampling.BICUBIC).save(out, "JPEG", quality=90)
    return out.getvalue()


def request(path: str, body: bytes, kind: str) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def form(query: object, content: bytes) -> bytes:
    fields = (
        [] if query is None else [f'Content-Disposition: form-data; name="query"\r\n\r\n{json.dumps(query)}'.encode()]
    )
    fields.append(b'Content-Disposition: form-data; name="photos"; filename="q.jpg"\r\n\r\n' + content)
    mark = f"--{BOUNDARY}".encode()
    return b"".join(mark + b"\r\n" + field + b"\r\n" for field in fields) + mark + b"--\r\n"


def asking(kind: str, items: int, attributes: list[str], photos: list[bytes], tokens: list[str]) -> bytes:
    weights = dict.fromkeys(random.sample(attributes, 2), 0.5)
    json_kind, form_kind = "application/json", f"multipart/form-data; boundary={BOUNDARY}"
    if kind == "by a photo sent along":
        query = {"parts": [{"reference": "q.jpg", "weights": weights}], "k": K}
        return request("/v1/search", form(query, random.choice(photos)), form_kind)
    name = f"item:item-{random.randrange(items):07}" if kind == "by items" else random.choice(tokens)
    asked: dict[str, object] = {"parts": [{"reference": name, "weights": weights}], "k": K}
    if random.random() < 0.25:
        asked["where"] = "price < 50 and gender = 'Women'"
    return request("/v1/search", json.dumps(asked).encode(), json_kind)


async def answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sent: bytes) -> tuple[int, bytes]:
    writer.write(sent)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
    return int(head.split(b" ", 2)[1]), await reader.readexactly(length)


async def users(address: str, kind: str, items: int, count: int, seconds: float) -> dict[str, object]:
    place, draw = urlsplit(address), np.random.default_rng(1)
    photos = [photo(draw) for _ in range(8)]
    line = await asyncio.open_connection(place.hostname, place.port)
    _, told = await answered(*line, b"GET /v1/attributes HTTP/1.1\r\nHost: localhost\r\n\r\n")
    attributes = [a["name"] for a in json.loads(told)["attributes"]]
    sending = [request("/v1/photos", form(None, p), f"multipart/form-data; boundary={BOUNDARY}") for p in photos]
    tokens = [json.loads((await answered(*line, sent))[1])["photo"] for sent in sending]
    times: list[float] = []
    errors = 0

    async def one(until: float) -> None:
        nonlocal errors
        line = await asyncio.open_connection(place.hostname, place.port)
        while (began := time.perf_counter()) < until:
            status, body = await answered(*line, asking(kind, items, attributes, photos, tokens))
            times.append(time.perf_counter() - began)
            errors += status != 200 or body.count(b'"score"') != K
        line[1].close()

    await asyncio.gather(*(one(time.perf_counter() + min(2.0, seconds / 3)) for _ in range(count)))  # warm
    warm = len(times)
    times.clear()
    began = time.perf_counter()
    await asyncio.gather(*(one(began + seconds) for _ in range(count)))
    whole = time.perf_counter() - began
    p50, p95 = np.percentile(times, [50, 95]) * 1000
    per_second = round(len(times) / whole, 1)
    return {
        "requests": len(times),
        "per_second": per_second,
        "p50_ms": round(p50, 1),
        "p95_ms": round(p95, 1),
        "errors": errors,
        "asked": warm + len(times),
    }


def measure(client: list[str], server: psutil.Process) -> dict[str, object]:
    """What the users saw, and the server's own time a request, which a busy machine changes less."""
    before = sum(server.cpu_times()[:2])
    seen: dict[str, object] = json.loads(subprocess.check_output(client))
    spent = sum(server.cpu_times()[:2]) - before
    return seen | {"processor_ms_a_request": round(1000 * spent / int(str(seen.pop("asked"))), 1)}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--client", nargs=2, metavar=("ADDRESS", "KIND"), help=argparse.SUPPRESS)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    if given.client:
        address, kind = given.client
        print(json.dumps(asyncio.run(users(address, kind, given.items, given.users, given.seconds))))
        return 0
    with tempfile.TemporaryDirectory(prefix="lapel-serving-") as place:
        make(Path(place) / "shop.lapel", given.items)
        run = [sys.executable, "-c", SERVE, "serve", str(Path(place) / "shop.lapel"), "--port", "0"]
        with subprocess.Popen(run, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            address = server.stdout.readline().split()[-1]
            options = [f"--items={given.items}", f"--users={given.users}", f"--seconds={given.seconds}"]
            client = [sys.executable, __file__, *options, "--client", address]
            try:
                measured = {kind: measure([*client, kind], psutil.Process(server.pid)) for kind in KINDS}
            finally:
                server.terminate()
    result = {
        "benchmark": "serving",
        "items": given.items,
        "users": given.users,
        "seconds": given.seconds,
        "k": K,
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 1),
        "kinds": measured,
        "passed": all(kind["errors"] == 0 for kind in measured.values()),
    }
    text = json.dumps(result, indent=1)
    print(text)
    if given.json:
        given.json.write_text(text + "\n")
    return 0 if result["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
