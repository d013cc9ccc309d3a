"""Headers, names, origins, the token, the clock, and what Prometheus is told."""

from __future__ import annotations

import hmac
import re
import threading

import pytest
from starlette.testclient import TestClient

from colour_model import ColourModel
from http_shop import Serve, by_item, form, problem
from lapel import Catalogue
from lapel.errors import InputError
from lapel.interfaces.http import Limits, Settings, create_app
from lapel.interfaces.http.guards import id_of

TOKEN = "s3cret"


def test_every_answer_bears_security_headers(client: TestClient) -> None:
    for path in ("/", "/v1/health", "/v1/items/nobody", "/nowhere", "/v1/items/red-red/image", "/metrics"):
        headers = client.get(path).headers
        policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'" and policy["script-src"] == "'self'"
        assert "unsafe" not in headers["content-security-policy"]
        assert policy["frame-ancestors"] == "'none'"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "access-control-allow-origin" not in headers
        assert "server" not in headers


def test_the_page_holds_to_its_own_policy(client: TestClient) -> None:
    page = client.get("/").text
    assert not re.search(r"<script(?![^>]*\ssrc=)", page), "an inline script would not run"
    assert not re.search(r"<style|\sstyle=|\son\w+=", page)
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", page), "an outside asset"


def test_a_token_is_needed_for_everything_but_health_and_the_page(serve: Serve) -> None:
    client = serve(Settings(token=TOKEN, write=True))
    assert client.get("/v1/health").status_code == 200
    assert client.get("/").status_code == 200
    closed = [
        "/v1/attributes",
        "/v1/items",
        "/v1/items/red-red",
        "/v1/items/red-red/image",
        "/metrics",
        "/openapi.json",
    ]
    for path in closed:
        answer = client.get(path)
        problem(answer, 401, "token")
        assert answer.headers["www-authenticate"] == "Bearer"
    problem(client.post("/v1/search", json=by_item()), 401, "token")
    problem(client.delete("/v1/items/red-red"), 401, "token")
    problem(client.get("/v1//items"), 401, "token")
    problem(client.get("/%761/items"), 401, "token")
    for wrong in ("Bearer wrong", "Bearer", "Basic s3cret", TOKEN, "Bearer s3cret2", "Bearer S3CRET", "Bearer s3cre"):
        problem(client.get("/v1/items", headers={"Authorization": wrong}), 401, "token")
    for right in (f"Bearer {TOKEN}", f"bearer {TOKEN}"):
        assert client.get("/v1/items", headers={"Authorization": right}).status_code == 200


def test_the_token_is_compared_in_constant_time(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    class Recording:
        @staticmethod
        def compare_digest(given: bytes, wanted: bytes) -> bool:
            compared.append((given, wanted))
            return hmac.compare_digest(given, wanted)

    monkeypatch.setattr("lapel.interfaces.http.guards.hmac", Recording)
    serve(Settings(token=TOKEN)).get("/v1/items", headers={"Authorization": "Bearer wrong"})
    assert compared == [(b"Bearer wrong", b"Bearer s3cret")]


def test_pictures_in_answers_bear_a_key_that_opens_nothing_else(serve: Serve) -> None:
    client = serve(Settings(token=TOKEN))
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    hits = client.post("/v1/search", json=by_item(k=2), headers=bearer).json()["hits"]
    first, second = hits[0]["image"], hits[1]["image"]
    assert client.get(first).status_code == 200 and TOKEN not in first
    path, _, key = first.partition("?")
    problem(client.get(f"{second.partition('?')[0]}?{key}"), 401, "token")
    problem(client.get(f"{path}?key={'0' * 32}"), 401, "token")
    problem(client.get(f"{path.removesuffix('/image')}?{key}"), 401, "token")


def test_other_sites_get_nothing_unless_told(serve: Serve) -> None:
    closed = serve()
    shop = {"Origin": "https://shop.example"}
    assert "access-control-allow-origin" not in closed.get("/v1/health", headers=shop).headers
    problem(closed.post("/v1/search", json=by_item(), headers=shop), 403, "forbidden")
    assert closed.post("/v1/search", json=by_item(), headers={"Origin": "http://testserver"}).status_code == 200
    opened = serve(Settings(cors=("https://shop.example",)))
    asked = shop | {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    assert opened.options("/v1/search", headers=asked).headers["access-control-allow-origin"] == shop["Origin"]
    answer = opened.post("/v1/search", json=by_item(), headers=shop)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, shop["Origin"])
    problem(opened.post("/v1/search", json=by_item(), headers={"Origin": "https://evil.example"}), 403, "forbidden")


def test_a_server_answers_to_its_names_only(serve: Serve) -> None:
    client = serve(Settings(hosts=("localhost", "127.0.0.1", "[::1]")))
    for name in ("localhost", "localhost:8000", "127.0.0.1:1", "[::1]:8000", "LOCALHOST"):
        assert client.get("/v1/health", headers={"Host": name}).status_code == 200, name
    for name in ("evil.example", "localhost.evil.example:8000", "127.0.0.1.nip.io", ""):
        problem(client.get("/v1/health", headers={"Host": name}), 421, "wrong-host")


def test_a_request_has_its_time(catalogue: Catalogue, photos: object) -> None:
    gate = threading.Event()

    class Slow(ColourModel):
        def __call__(self, pixels):  # type: ignore[no-untyped-def]
            gate.wait(20)
            return super().__call__(pixels)

    opened = Catalogue.open(catalogue.folder, Slow())
    asked = {"parts": [{"reference": "a.png", "weights": {"top": 1}}]}
    photo = (catalogue.thumb("red-red"),)
    with TestClient(create_app(opened, Settings(limits=Limits(seconds=0.3)))) as client:
        assert "0.3 s" in problem(client.post("/v1/search", **form(asked, ("a.png", *photo))), 408, "too-slow")
        assert client.post("/v1/search", json=by_item()).status_code == 200
        gate.set()


def test_more_than_a_server_can_hold_are_sent_away(catalogue: Catalogue) -> None:
    gate, entered = threading.Event(), threading.Event()

    class Slow(ColourModel):
        def __call__(self, pixels):  # type: ignore[no-untyped-def]
            entered.set()
            gate.wait(20)
            return super().__call__(pixels)

    opened = Catalogue.open(catalogue.folder, Slow())
    asked = form({"parts": [{"reference": "a.png"}]}, ("a.png", catalogue.thumb("red-red")))
    with TestClient(create_app(opened, Settings(limits=Limits(waiting=1)))) as client:
        answers = []
        first = threading.Thread(target=lambda: answers.append(client.post("/v1/search", **asked)))
        first.start()
        assert entered.wait(20)
        second = client.post("/v1/search", json=by_item())
        problem(second, 429, "too-many")
        assert second.headers["retry-after"] == "1"
        gate.set()
        first.join()
        assert answers[0].status_code == 200
        assert client.post("/v1/search", json=by_item()).status_code == 200


def test_figures_for_prometheus(serve: Serve, photos) -> None:  # type: ignore[no-untyped-def]
    client = serve()
    for item in ("red-red", "red-blue", "nobody", "x" * 50):
        client.get(f"/v1/items/{item}")
    for path in ("/a", "/b", "/v1/nothing", "/wp-admin.php"):
        client.get(path)
    client.request("BREW", "/v1/search")
    client.post("/v1/search", json=by_item())
    photo = (photos / "red-red.png").read_bytes()
    client.post("/v1/photos", files={"photos": ("a.png", photo)})
    text = client.get("/metrics").text
    assert 'lapel_http_requests_total{method="GET",route="/v1/items/{id}",status="200"} 2.0' in text
    assert 'lapel_http_requests_total{method="GET",route="/v1/items/{id}",status="404"} 2.0' in text
    assert 'lapel_http_requests_total{method="GET",route="/{path:path}",status="404"} 4.0' in text
    assert 'lapel_http_seconds_count{method="POST",route="/v1/search"} 1.0' in text
    assert "lapel_catalogue_items 5.0" in text
    assert "lapel_photos_kept 1.0" in text
    assert "lapel_model_batch_photos_count 1.0" in text
    assert "lapel_http_requests_now 1.0" in text
    assert "nobody" not in text and "wp-admin" not in text and "BREW" not in text


def test_two_apps_do_not_share_figures(serve: Serve) -> None:
    first, second = serve(), serve()
    first.get("/v1/items/red-red")
    assert "/v1/items/{id}" not in second.get("/metrics").text


@pytest.mark.parametrize("item", ["women/a.jpg", "50%", "a%2Fb", "ümlaut ö", "a?b#c", "..", "image", "a/image"])
def test_an_id_may_hold_anything(item: str, own: Catalogue, serve: Serve, photos) -> None:  # type: ignore[no-untyped-def]
    own.add([(item, str(photos / "red-red.png"), {})])
    client = serve(over=own)
    found = client.post("/v1/search", json=by_item(item, k=2)).json()["hits"]
    address = next(hit["image"] for hit in found if hit["item"] == item)
    if item != "..":  # which clients resolve before they send
        assert client.get(address).headers["content-type"] == "image/jpeg"
        assert client.get(address.removesuffix("/image")).json()["item"] == item


def test_an_id_in_an_address_is_one_segment() -> None:
    assert [id_of(x) for x in ("a%2Fb", "a%252Fb", "%2525")] == ["a/b", "a%2Fb", "%25"]


def test_settings_that_make_no_sense_are_refused() -> None:
    for wrong in ({"token": " "}, {"token": "ü"}, {"token": ""}, {"cors": ("shop.example",)}):
        with pytest.raises(InputError):
            Settings(**wrong)
    with pytest.raises(InputError, match="'k' is 0"):
        Limits(k=0)
