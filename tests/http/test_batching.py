"""Photos of concurrent requests share a call of the model, and every caller gets what it would have got alone."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from colour_model import ColourModel
from lapel.errors import ModelError, QueryError
from lapel.interfaces.http.batching import BatchedModel
from lapel.runtime import open_model
from lapel.schema import Floats, Outputs


class Counting(ColourModel):
    """Remembers the size of every call; each waits until `gate` opens."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []
        self.entered, self.gate = threading.Event(), threading.Event()

    def __call__(self, pixels: Floats) -> Outputs:
        self.entered.set()
        self.gate.wait(20)
        self.sizes.append(len(pixels))
        return super().__call__(pixels)


def pictures(count: int, side: int = 8) -> Floats:
    return np.random.default_rng(0).standard_normal((count, 1, 3, side, side)).astype(np.float32)


def test_those_that_wait_go_together_and_get_what_they_would_get_alone() -> None:
    model, given = Counting(), pictures(11)
    batched = BatchedModel(model.card, lambda: model, most=8)
    with ThreadPoolExecutor(11) as pool:
        first = pool.submit(batched, given[0])
        assert model.entered.wait(20)
        others = [pool.submit(batched, pixels) for pixels in given[1:]]
        until = time.monotonic() + 20
        while batched._waiting.qsize() < 10 and time.monotonic() < until:
            time.sleep(0.01)
        model.gate.set()
        found = [call.result(20) for call in (first, *others)]
    batched.close()
    assert model.sizes == [1, 8, 2]
    alone = ColourModel()
    for pixels, outputs in zip(given, found, strict=True):
        truth = alone(pixels)
        for name in ("embeddings", "regions", "values", "look"):
            np.testing.assert_array_equal(getattr(outputs, name), getattr(truth, name))


def test_a_lone_photo_waits_no_longer_than_stated() -> None:
    model = ColourModel()
    sizes: list[int] = []
    batched = BatchedModel(model.card, lambda: model, most=8, wait_ms=50, watch=sizes.append)
    assert len(batched(pictures(1)[0])) == 1
    assert sizes == [1]
    batched.close()


def test_many_at_once_are_cut_into_calls() -> None:
    model = ColourModel()
    sizes: list[int] = []
    batched = BatchedModel(model.card, lambda: model, most=4, wait_ms=0, watch=sizes.append)
    many = np.concatenate(pictures(10))
    np.testing.assert_array_equal(batched(many).embeddings, model(many).embeddings)
    assert sizes == [4, 4, 2]
    batched.close()


def test_a_failure_reaches_everybody_who_asked_and_nobody_else() -> None:
    class Failing(ColourModel):
        def __call__(self, pixels: Floats) -> Outputs:
            if pixels.max() > 100:
                raise RuntimeError("out of memory")
            return super().__call__(pixels)

    batched = BatchedModel(ColourModel().card, Failing, wait_ms=0)
    with pytest.raises(RuntimeError, match="out of memory"):
        batched(np.full((1, 3, 8, 8), 1000, np.float32))
    assert len(batched(pictures(1)[0])) == 1
    batched.close()
    assert len(batched(pictures(1)[0])) == 1, "an app may be started again"
    batched.close()


def test_the_model_is_opened_once_and_only_when_needed() -> None:
    opened = []

    def open_it() -> ColourModel:
        opened.append(1)
        return ColourModel()

    batched = BatchedModel(ColourModel().card, open_it)
    assert not opened
    batched(pictures(1)[0])
    batched(pictures(1)[0])
    assert opened == [1]
    batched.close()


def test_what_a_model_cannot_do_is_said() -> None:
    batched = BatchedModel(ColourModel().card, ColourModel)
    with pytest.raises(QueryError, match="does not understand words"):
        batched.encode_text(["red"])
    with pytest.raises(ModelError, match="photos themselves"):
        batched.photos([Image.new("RGB", (4, 4))])
    batched.close()


class Speaking(ColourModel):
    """A model with words and photos: a text's vector is made of its length, a change adds to the look."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, int]] = []

    def encode_text(self, texts: list[str]) -> Floats:
        self.calls.append(("text", len(texts)))
        return np.array([[len(text), 1.0] for text in texts], np.float32)

    def compose(self, outputs: Outputs, texts: list[str]) -> Floats:
        self.calls.append(("change", len(texts)))
        return outputs.look[:, :2] + self.encode_text(texts)

    def photos(self, photos: list[Image.Image]) -> Outputs:
        self.calls.append(("photos", len(photos)))
        pixels = np.stack([np.asarray(p, np.float32).transpose(2, 0, 1)[:, :8, :8] / 127.5 - 1 for p in photos])
        return self(pixels)


def test_words_changes_and_whole_photos_are_batched_each_among_themselves() -> None:
    model = Speaking()
    batched = BatchedModel(model.card, lambda: model, most=64, wait_ms=300)
    look = model(pictures(1)[0])
    photo = Image.new("RGB", (8, 8), (200, 10, 10))
    with ThreadPoolExecutor(9) as pool:
        texts = [pool.submit(batched.encode_text, ["x" * n]) for n in (1, 2, 3)]
        changes = [pool.submit(batched.compose, look, ["x" * n]) for n in (1, 2, 3)]
        seen = [pool.submit(batched.photos, [photo]) for _ in range(3)]
        assert [t.result(20)[0, 0] for t in texts] == [1, 2, 3]
        for n, change in enumerate(changes, 1):
            np.testing.assert_allclose(change.result(20)[0], look.look[0, :2] + [n, 1], rtol=1e-6)
        for outputs in seen:
            np.testing.assert_array_equal(outputs.result(20).embeddings, model.photos([photo]).embeddings)
    batched.close()
    assert len(batched.card.vocabulary) == 2


def test_the_shipped_model_gives_a_photo_the_same_scores_in_company() -> None:
    """ONNX Runtime may add up in another order for another batch size: cosines agree to 1e-5, far below a rank."""
    model = open_model("lapel-lite", threads=1)
    asked = model.card.preprocess
    given = np.random.default_rng(1).standard_normal((3, 3, asked.height, asked.width)).astype(np.float32)
    together = model(given)
    for at in range(3):
        cosines = (together.embeddings[at] * model(given[at : at + 1]).embeddings[0]).sum(axis=-1)
        np.testing.assert_allclose(cosines, 1, atol=1e-5)


def test_one_caller_s_unreadable_text_spares_the_others() -> None:
    class Reading(Counting):
        def encode_text(self, texts: list[str]) -> Floats:
            self.entered.set()
            self.gate.wait(20)
            self.sizes.append(len(texts))
            if "" in texts:
                raise QueryError("says nothing")
            return np.array([[float(len(text))] for text in texts], np.float32)

        def compose(self, outputs: Outputs, texts: list[str]) -> Floats:
            raise NotImplementedError

    model = Reading()
    batched = BatchedModel(model.card, lambda: model, most=8)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(batched.encode_text, ["red"])
        assert model.entered.wait(20)
        others = [pool.submit(batched.encode_text, [text]) for text in ("green", "", "blue dress")]
        until = time.monotonic() + 20
        while batched._waiting.qsize() < 3 and time.monotonic() < until:
            time.sleep(0.01)
        model.gate.set()
        with pytest.raises(QueryError, match="says nothing"):
            others[1].result(20)
        lengths = [float(call.result(20)[0, 0]) for call in (first, others[0], others[2])]
    batched.close()
    assert lengths == [3, 5, 10] and model.sizes == [1, 3, 1, 1, 1]
