"""The light dual encoder's parts against plain recomputation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from lapel.errors import CheckpointError
from lapel.models.composed.light import LightComposed, contrastive, region_weights
from lapel.models.composed.light_text import PLACES, LightText, reduced
from lapel.models.composed.static_words import static_words
from words_model import HEADS, HIDDEN, WORDS, tiny_encoder

SETTINGS = {
    "dim": 8, "axes": 6, "system": "combiner", "options": {}, "tokens": len(WORDS), "width": 6, "layers": 1,
    "vocabulary": len("\n".join(WORDS)),
}  # fmt: skip


def _head(**changes: object) -> LightComposed:
    torch.manual_seed(0)
    head = LightComposed(10, (7, 6), SETTINGS | changes)
    head.set_vocabulary("\n".join(WORDS).encode())
    head.text.set_table(torch.randn(len(WORDS), 6))
    head.image.fit(torch.randn(40, 14, 10))
    return head.eval()


def test_regions_are_the_means_of_their_part_of_the_map() -> None:
    features = torch.rand(5, 7, 6, generator=torch.Generator().manual_seed(0))
    found = torch.einsum("pn,cn->pc", region_weights(7, 6), features.flatten(1)).numpy()
    # each cell as 6 x 6 equal parts, so that every border lies between parts
    fine = np.kron(features.numpy(), np.ones((6, 6)))
    np.testing.assert_allclose(found[0], fine.mean((1, 2)), rtol=1e-5)
    at = 1
    for parts in (2, 3):
        for row in range(parts):
            for column in range(parts):
                high, wide = 42 // parts, 36 // parts
                part = fine[:, row * high : (row + 1) * high, column * wide : (column + 1) * wide]
                np.testing.assert_allclose(found[at], part.mean((1, 2)), rtol=1e-5)
                at += 1


def test_padding_changes_nothing_and_words_are_filled_with_zeros() -> None:
    head = _head()
    alone = head.say(head.tokens(["in red"]))
    beside = head.say(head.tokens(["in red", "make it the same colour but in a green stripe"]))
    torch.testing.assert_close(alone[0], beside[0])
    words = LightText.places(head.text(head.tokens(["in red"]))[1])
    assert words.shape == (1, PLACES, 8) and not words[0, 2:].any() and words[0, :2].any()
    assert LightText.places(torch.ones(1, 40, 8)).shape == (1, PLACES, 8)
    assert torch.isfinite(head.say(head.tokens([""]))).all()


def test_the_table_is_off_by_half_a_step_at_most() -> None:
    text = LightText(50, 6, 8)
    given = torch.randn(50, 6)
    text.set_table(given)
    kept = text.table.float() * text.steps
    assert text.table.dtype == torch.int8
    assert bool(((kept - given).abs() <= text.steps / 2 + 1e-7).all())


def test_what_a_catalogue_stores_is_enough_to_compose() -> None:
    features = torch.rand(3, 10, 7, 6)
    for system in ("sum", "tirg", "combiner"):
        head = _head(system=system)
        places = head.image.reduce(head.image.pool(features))
        tokens = head.tokens(["in red", "plain", "stripe instead"])
        torch.testing.assert_close(head.change(head(features), tokens), head.query(places, tokens))
        torch.testing.assert_close(head(features).norm(dim=1), torch.ones(3))


def test_other_right_answers_count_as_neither() -> None:
    scores = torch.randn(4, 4, generator=torch.Generator().manual_seed(1))
    same = torch.eye(4, dtype=torch.bool)
    same[0, 2] = same[3, 1] = True
    losses = []
    for row in range(4):
        left = [c for c in range(4) if c == row or not same[row, c]]
        losses.append(-float(scores[row, row]) + float(np.log(np.exp(scores[row, left].numpy()).sum())))
    assert float(contrastive(scores, same)) == pytest.approx(np.mean(losses), abs=1e-5)


def test_reduced_words_keep_their_neighbours_and_frequent_ones_shrink() -> None:
    vectors = torch.randn(40, 10, generator=torch.Generator().manual_seed(2))
    found = reduced(vectors, 10)
    centred = F.normalize(vectors - vectors.mean(0), dim=1)
    torch.testing.assert_close(
        F.normalize(found, dim=1) @ F.normalize(found, dim=1).T, centred @ centred.T, atol=1e-4, rtol=0
    )
    lengths = found.norm(dim=1)
    assert lengths[0] < lengths[10] < lengths[39] < 1.3


def test_a_static_word_is_its_token_alone_through_the_encoder(tmp_path, monkeypatch) -> None:
    from safetensors.torch import load_file

    monkeypatch.setenv("LAPEL_CACHE", str(tmp_path / "cache"))
    folder = tiny_encoder(tmp_path / "encoder")
    vectors, vocabulary, source = static_words(folder)
    state = {n.removeprefix("bert."): t.double() for n, t in load_file(folder / "model.safetensors").items()}

    def norm(x: torch.Tensor, name: str) -> torch.Tensor:
        x = (x - x.mean(-1, keepdim=True)) / (x.var(-1, unbiased=False, keepdim=True) + 1e-12).sqrt()
        return x * state[f"{name}.weight"] + state[f"{name}.bias"]

    def linear(x: torch.Tensor, name: str) -> torch.Tensor:
        return x @ state[f"encoder.layer.0.{name}.weight"].T + state[f"encoder.layer.0.{name}.bias"]

    token, wide = WORDS.index("red"), HIDDEN // HEADS
    x = state["embeddings.word_embeddings.weight"][[2, token, 3]] + state["embeddings.position_embeddings.weight"][:3]
    x = norm(x + state["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    q, k, v = (linear(x, f"attention.self.{name}") for name in ("query", "key", "value"))
    heads = []
    for at in range(HEADS):
        part = slice(at * wide, (at + 1) * wide)
        heads.append((q[:, part] @ k[:, part].T / wide**0.5).softmax(-1) @ v[:, part])
    x = norm(x + linear(torch.cat(heads, 1), "attention.output.dense"), "encoder.layer.0.attention.output.LayerNorm")
    up = linear(x, "intermediate.dense")
    up = up * 0.5 * (1 + torch.erf(up / 2**0.5))
    x = norm(x + linear(up, "output.dense"), "encoder.layer.0.output.LayerNorm")
    torch.testing.assert_close(vectors[token].double(), x.mean(0), atol=1e-5, rtol=0)
    assert vocabulary == (folder / "vocab.txt").read_bytes() and len(source["sha256"]) == 64
    again, _, _ = static_words(folder)  # from the cache
    assert torch.equal(again, vectors)


def test_a_folder_that_holds_no_encoder_is_told(tmp_path) -> None:
    with pytest.raises(CheckpointError, match="has no vocab.txt"):
        static_words(tmp_path)
    with pytest.raises(CheckpointError, match="lack 'axes'"):
        LightComposed(10, (7, 6), {"dim": 8})
