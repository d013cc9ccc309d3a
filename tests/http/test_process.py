"""The real thing: a process, sockets, signals."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from http_shop import by_item, form
from lapel import Catalogue
from lapel.errors import InputError
from lapel.interfaces.http.serving import serve

TESTS = Path(__file__).resolve().parents[1]
Start = Callable[..., tuple[subprocess.Popen[str], str]]


@contextmanager
def killing(process: subprocess.Popen[str]) -> Iterator[None]:
    try:
        yield
    finally:
        process.kill()


@pytest.fixture
def start(catalogue: Catalogue) -> Iterator[Start]:
    """`start(seconds, upload_bytes)` gives a running server's process and address; all end with the test."""
    running: list[subprocess.Popen[str]] = []

    def begin(seconds: float = 0.0, upload: int = 10**6) -> tuple[subprocess.Popen[str], str]:
        line = [sys.executable, str(TESTS / "http_process.py"), str(catalogue.folder), str(seconds), str(upload)]
        process = subprocess.Popen(
            line, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(TESTS)}
        )
        running.append(process)
        assert process.stdout is not None
        return process, process.stdout.readline().strip()

    yield begin
    for process in running:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_answers_what_has_begun(sign: signal.Signals, start: Start, photos: Path) -> None:
    process, address = start(seconds=1.0)
    assert process.stdout is not None
    answers: list[httpx.Response] = []
    asked = form({"parts": [{"reference": "a.png"}]}, ("a.png", (photos / "red-red.png").read_bytes()))
    asking = threading.Thread(target=lambda: answers.append(httpx.post(f"{address}v1/search", timeout=30, **asked)))
    asking.start()
    assert process.stdout.readline() == "embedding\n"
    process.send_signal(sign)
    asking.join(30)
    assert answers[0].status_code == 200
    assert answers[0].json()["hits"][0]["item"] == "red-red"
    assert process.wait(30) == 0
    assert process.stdout.read() == "ended\n"
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{address}v1/health")


def test_a_body_is_counted_while_it_comes(start: Start) -> None:
    """A sender that never says how much it sends is answered soon after the limit, long before its end."""
    _, address = start(upload=100_000)
    place = urlsplit(address)
    head = (
        f"POST /v1/photos HTTP/1.1\r\nHost: {place.netloc}\r\nTransfer-Encoding: chunked\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\n\r\n"
    )
    begin = b'--x\r\nContent-Disposition: form-data; name="photos"; filename="a.jpg"\r\n\r\n'
    with socket.create_connection((place.hostname, place.port), timeout=30) as line:
        line.sendall(head.encode())
        for piece in [begin, *[bytes(10_000)] * 11]:
            line.sendall(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        answer = b"".join(iter(lambda: line.recv(65536), b"")).decode()
    assert answer.startswith("HTTP/1.1 413 ")
    assert "100000 bytes" in answer


def test_a_body_that_says_it_is_too_large_is_not_read(start: Start) -> None:
    _, address = start(upload=100_000)
    place = urlsplit(address)
    head = (
        f"POST /v1/photos HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Length: 5000000000\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\n\r\n"
    )
    with socket.create_connection((place.hostname, place.port), timeout=30) as line:
        line.sendall(head.encode())
        assert line.recv(65536).decode().startswith("HTTP/1.1 413 ")


def test_only_this_machine_and_only_its_names(start: Start) -> None:
    _, address = start()
    assert address.startswith("http://127.0.0.1:")
    assert httpx.get(f"{address}v1/health").json()["status"] == "ok"
    assert httpx.post(f"{address}v1/search", json=by_item()).status_code == 200
    assert httpx.get(f"{address}v1/health", headers={"Host": "evil.example"}).status_code == 421
    paths = ("../../../../etc/passwd", "v1/items/../../../etc/passwd", "%2e%2e/%2e%2e/etc/passwd", "//etc/passwd")
    place = urlsplit(address)
    for path in paths:
        with socket.create_connection((place.hostname, place.port), timeout=30) as line:
            line.sendall(f"GET /{path} HTTP/1.1\r\nHost: {place.netloc}\r\nConnection: close\r\n\r\n".encode())
            answer = b"".join(iter(lambda: line.recv(65536), b"")).decode()
        assert answer.startswith("HTTP/1.1 404 ") and "root:" not in answer, path


def test_a_port_that_is_taken_is_one_sentence(catalogue: Catalogue) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"127.0.0.1:{port} cannot be bound"):
            serve(catalogue, port=port)
    with pytest.raises(InputError, match="no address of this machine"):
        serve(catalogue, host="no.such.host.invalid")
    with pytest.raises(InputError, match="0 to 65535"):
        serve(catalogue, port=70_000)


def test_the_command_says_where_it_serves(catalogue: Catalogue, tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="the test's model is built by onnx, which the base install leaves out")
    from colour_onnx import export_colours

    made = Catalogue.create(tmp_path / "shop.lapel", export_colours(tmp_path / "model"))
    code = "from lapel.interfaces.cli.main import main; main()"
    line = [sys.executable, "-c", code, "serve", str(made.folder), "--port", "0", "--max-k", "7"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process, killing(process):
        assert process.stdout is not None and process.stderr is not None
        said = process.stdout.readline()
        assert said.startswith(f"Serving 0 items of {made.folder} at http://127.0.0.1:")
        address = said.split()[-1]
        assert json.loads(httpx.get(f"{address}v1/attributes").text)["limits"]["k"] == 7
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert process.stderr.read() == ""
