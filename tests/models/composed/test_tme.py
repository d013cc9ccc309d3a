"""The enhanced text tower starts as CLIP, learns, and loses nothing when a branch is switched off."""

import open_clip
import pytest
import torch

from lapel.errors import ShapeError
from lapel.losses.modifier_enhancement import modifier_enhancement
from lapel.losses.query_target import query_target
from lapel.models.attribute_model import unit
from lapel.models.composed.clip import ClipTowers
from lapel.models.composed.tme import ALIGN, BRANCHES, INJECT, EnhancedText
from models.composed.test_clip import tiny

TEXTS = ["is red", "has longer sleeves", "more formal"]


@pytest.fixture(scope="module")
def towers() -> ClipTowers:
    return tiny()


@pytest.fixture(scope="module")
def tokens() -> torch.Tensor:
    return open_clip.get_tokenizer("ViT-B-16")(TEXTS)


@pytest.mark.parametrize("branches", [BRANCHES, (INJECT,), (ALIGN,), ()])
def test_it_starts_exactly_as_clip(towers: ClipTowers, tokens: torch.Tensor, branches: tuple[str, ...]) -> None:
    tower, patches = EnhancedText(towers, branches), torch.randn(3, 13, towers.dim)
    with torch.no_grad():
        found = tower(tokens, patches)
        vector, words = towers.texts(tokens)
        assert torch.equal(found.vector, vector) and torch.equal(found.words, words)
        assert (found.aligned is not None) == (ALIGN in branches)
        seq = tower.encode_text(tokens, patches.transpose(0, 1), mode="seq")
        assert torch.equal(seq, words) and torch.equal(tower.encode_text(tokens, patches.transpose(0, 1))[0], vector)


def test_clip_is_neither_saved_nor_trained(towers: ClipTowers, tokens: torch.Tensor) -> None:
    tower = EnhancedText(towers, layers=[1])
    assert not [name for name in tower.state_dict() if "clip" in name]
    assert {name.split(".")[0] for name in tower.state_dict()} == {
        "injections",
        "alignments",
        "inject_gates",
        "align_gates",
    }
    assert list(tower.injections) == ["1"]


def test_training_opens_the_gates_and_the_reference_then_matters(towers: ClipTowers, tokens: torch.Tensor) -> None:
    torch.manual_seed(0)
    tower, d = EnhancedText(towers), towers.dim
    patches, reference, target = torch.randn(3, 13, d), torch.randn(3, d), torch.randn(3, d)
    optimizer = torch.optim.Adam(tower.parameters(), 1e-2)
    losses = []
    for _ in range(25):
        found = tower(tokens, patches)
        loss = modifier_enhancement(reference, found.vector, target, found.aligned)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.7 * losses[0]
    assert tower.inject_gates.detach().abs().min() > 0 and tower.align_gates.detach().abs().min() > 0
    with torch.no_grad():
        assert not torch.allclose(tower(tokens, patches).vector, tower(tokens, patches.flip(0)).vector)


def test_the_loss_is_its_two_terms() -> None:
    r, t, y, a = (torch.randn(4, 8) for _ in range(4))
    first = query_target(unit(unit(r) + unit(t)), unit(y))
    torch.testing.assert_close(modifier_enhancement(r, t, y), first)
    torch.testing.assert_close(modifier_enhancement(r, t, y, a, 0.25), first + 0.25 * query_target(unit(a), unit(y)))


def test_unknown_branches_and_layers_are_named(towers: ClipTowers) -> None:
    with pytest.raises(ShapeError, match="'look'"):
        EnhancedText(towers, ("look",))
    with pytest.raises(ShapeError, match="layer 7"):
        EnhancedText(towers, layers=[7])
