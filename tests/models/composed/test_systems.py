import pytest
import torch

from lapel.errors import CheckpointError, ShapeError, UnknownName
from lapel.models.attribute_model import unit
from lapel.models.composed.systems import SYSTEMS, TIRG, build_composed

D, B = 16, 4


def features() -> tuple[torch.Tensor, ...]:
    torch.manual_seed(0)
    return torch.randn(B, D), torch.randn(B, 13, D), torch.randn(B, D), torch.randn(B, 15, D)


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_system_gives_unit_vectors_of_one_space(name: str) -> None:
    system = build_composed(name, D).eval().requires_grad_(False)
    image, patches, text, words = features()
    query, target = system.query(image, patches, text, words), system.target(image, patches)
    assert query.shape == target.shape
    torch.testing.assert_close(query.norm(dim=1), torch.ones(B))
    torch.testing.assert_close(target.norm(dim=1), torch.ones(B))
    changed = system.query(image, patches, -text, -words)
    assert torch.equal(changed, query) == (name == "image")
    moved = system.query(-image, -patches, text, words)
    assert torch.equal(moved, query) == (name == "text")


def test_tirg_by_its_formula() -> None:
    torch.manual_seed(1)
    system = TIRG(D).eval().requires_grad_(False)
    image, patches, text, words = features()
    both = torch.relu(torch.cat([image, text], dim=1) / (1 + 1e-5) ** 0.5)
    gate = torch.sigmoid(both @ system.gate[2].weight.T + system.gate[2].bias)
    inner = torch.relu(both @ system.residual[2].weight.T + system.residual[2].bias)
    residual = inner @ system.residual[4].weight.T + system.residual[4].bias
    torch.testing.assert_close(system.query(image, patches, text, words), unit(gate * image + 10 * residual))


def test_the_published_evaluation_normalises_gallery_vectors_and_training_does_not() -> None:
    torch.manual_seed(0)
    published = build_composed("fashionern", D, dropout=0.0).requires_grad_(False)
    image, patches, _, _ = features()
    for norm in (published.network.target_guided.local_norm, published.network.target_guided.overall_norm):
        norm.eval()  # the batch's own statistics would hide what is asked here
    assert torch.equal(published.target(image, patches), published.network.target(image, patches))
    published.eval()
    assert torch.equal(published.target(image, patches), published.network.target(unit(image), patches))
    published.consistent = True
    assert torch.equal(published.target(image, patches), published.network.target(image, patches))


def test_too_few_word_places_are_refused() -> None:
    image, patches, text, words = features()
    with pytest.raises(ShapeError, match="12 word places for 13 patches"):
        build_composed("fashionern", D).query(image, patches, text, words[:, :12])


def test_unknown_systems_and_options_are_named() -> None:
    with pytest.raises(UnknownName, match="combine"):
        build_composed("combine", D)
    with pytest.raises(CheckpointError, match="lengths"):
        build_composed("tirg", D, lengths=3)
