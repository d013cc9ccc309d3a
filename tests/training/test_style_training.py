"""Training style classifiers: what a step sees and minimises, what a run leaves, and the sentences for mistakes."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from lapel.errors import InputError, TrainingError  # noqa: E402
from lapel.losses.arc_margin import arc_margin  # noqa: E402
from lapel.models import checkpoint  # noqa: E402
from lapel.models.style import StyleModel  # noqa: E402
from lapel.training import load_recipe  # noqa: E402
from lapel.training.loop import train  # noqa: E402
from lapel.training.objective import Input  # noqa: E402
from lapel.training.stage import set_stage, start_processes  # noqa: E402
from lapel.training.style import class_ids  # noqa: E402
from training_data import tiny_set, write_table  # noqa: E402
from training_runs import train_in_parts  # noqa: E402

STYLE = [
    "data.attributes=[color]",
    "model={system: style, backbone: test_resnet, weights: random, dim: 16, options: {hidden: 16, wide: 16, features: 8}}",
    "model.height=32",
    "model.width=32",
    "model.look_dim=8",
]
V1 = ["model.system=style_v1", "model.options={hidden: 16, features: 8}", "sampling.order=apn"]


@pytest.fixture
def style_recipe(tiny_recipe):
    return lambda *overrides: tiny_recipe(*STYLE, *overrides)


def make_stage(recipe):
    stage = set_stage(recipe, start_processes(recipe.running), lambda remark: None)
    stage.feed.begin(1)
    return stage


def test_a_step_is_the_margin_cross_entropy_of_balanced_anchors(style_recipe):
    stage = make_stage(style_recipe("loss.style.margin=0.3"))
    classes, photos = stage.feed.batch(0)
    assert classes.shape == (4,) and photos.shape == (4, 32, 32, 3)
    truth = class_ids(stage.data.train)
    assert classes.tolist() == [truth[row] for row in stage.feed.drawn.anchor[:4]]
    stage.objective.eval()
    result = stage.objective(classes, photos)
    pixels = Input(stage.recipe.model.preprocess)
    with torch.no_grad():
        cosines = stage.model.logits(pixels(photos))
    assert cosines.abs().max() <= 1 + 1e-6
    assert float(result.loss.detach()) == pytest.approx(float(arc_margin(cosines, classes, 10.0, 0.3)), abs=1e-5)
    assert float(result.accuracy) == float((cosines.argmax(1) == classes).float().mean())


def test_anchors_are_drawn_class_by_class_whatever_their_number(tmp_path, style_recipe):
    rows = []
    folder = tiny_set(tmp_path / "uneven")
    for n in range(36):
        split = ("train", "valid")[n >= 30]
        rows.append({"image": f"images/{n:03}.png", "split": split, "color": ("red", "blue", "green")[min(2, n % 10)]})
    write_table(folder, rows)
    stage = make_stage(style_recipe(f"data={folder}", "sampling.steps=500"))
    anchors = class_ids(stage.data.train)[stage.feed.drawn.anchor]
    shares = np.bincount(anchors) / len(anchors)
    assert sorted(np.bincount(class_ids(stage.data.train)).tolist()) == [3, 3, 24]
    assert shares == pytest.approx([1 / 3] * 3, abs=0.05)


def test_the_last_batch_of_an_epoch_is_the_rest_as_published(style_recipe):
    stage = make_stage(style_recipe("sampling={mode: triplets, batch: 4, triplets: 10}"))
    assert stage.feed.steps == 3
    assert [len(stage.feed.batch(n)[0]) for n in range(3)] == [4, 4, 2]
    published = load_recipe("kfashion/style").sampling
    assert -(-published.triplets // published.batch) == 782 and published.triplets % published.batch == 32


def test_the_first_version_sees_three_roles_in_the_published_order(style_recipe):
    stage = make_stage(style_recipe(*V1))
    classes, anchor, positive, negative = stage.feed.batch(0)
    drawn, truth = stage.feed.drawn, class_ids(stage.data.train)
    assert classes.tolist() == [[truth[r] for r in rows[:4]] for rows in (drawn.anchor, drawn.negative)]
    assert (classes[0] != classes[1]).all()
    stage.objective.train()
    before = {name: value.clone() for name, value in stage.model.state_dict().items()}
    stage.objective(classes, anchor, positive, negative)
    moved = {name: value.clone() for name, value in stage.model.named_buffers() if "running" in name}
    stage.model.load_state_dict(before)
    with torch.no_grad():
        for photos in (anchor, positive, negative):
            stage.model.logits(Input(stage.recipe.model.preprocess)(photos))
    assert all(torch.equal(moved[n], v) for n, v in stage.model.named_buffers() if "running" in n)
    stage.objective(classes, anchor, positive, negative).loss.backward()
    missing = [name for name, p in stage.model.named_parameters() if p.grad is None]
    assert not missing, "every weight must learn"


@pytest.mark.parametrize("version", [[], V1], ids=["release", "first"])
def test_a_run_leaves_a_model_with_fitted_probabilities(style_recipe, tmp_path, version):
    recipe = style_recipe("sampling={mode: triplets, negative: value, batch: 8, steps: 6}", *version)
    folder = train(recipe, tmp_path / "run")
    model, card = checkpoint.load(folder / "best.safetensors")
    assert isinstance(model, StyleModel) and card.values_fitted and card.system == recipe.model.system
    assert card.architecture["value_scale"] == {"color": pytest.approx(float(model.values.scale))}
    pixels = torch.randn(3, 3, 32, 32)
    with torch.inference_mode():
        given, logits = model(pixels), model.logits(pixels)
    assert given.embeddings.shape == (3, 1, card.dim) and given.look.shape == (3, card.look_dim)
    assert given.regions.shape == (3, 1, *card.grid)
    expected = torch.softmax(logits * card.architecture["value_scale"]["color"], dim=1)
    assert torch.allclose(given.values, expected, atol=1e-5)
    bare = torch.softmax(torch.log(given.values) / card.architecture["value_scale"]["color"], dim=1)
    assert torch.allclose(bare, torch.softmax(logits, dim=1), atol=1e-5), "the published score is recovered"


@pytest.mark.parametrize("what", [[], ["sampling.distortion={}"]], ids=["style, with dropout", "distorted anchors"])
def test_a_stopped_run_resumed_ends_with_the_same_weights(style_recipe, tiny_recipe, tmp_path, monkeypatch, what):
    make = tiny_recipe if what else style_recipe
    recipe = make("sampling={mode: triplets, batch: 4, steps: 3}", *what)
    train_in_parts(recipe, tmp_path, 2, 1)


def test_mistakes_get_a_sentence(style_recipe, tmp_path):
    with pytest.raises(InputError, match="one attribute, not 2"):
        make_stage(style_recipe("data.attributes=[color,pattern]"))
    with pytest.raises(InputError, match="set sampling.mode to triplets"):
        style_recipe("sampling.mode=batch")
    folder = tiny_set(tmp_path / "several")
    text = (folder / "labels.csv").read_text().replace(",train,red,", ",train,red|blue,", 1)
    (folder / "labels.csv").write_text(text)
    with pytest.raises(TrainingError, match="one class a photo"):
        make_stage(style_recipe(f"data={folder}"))
