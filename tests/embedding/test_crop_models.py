"""Models that look at crops of the photo: through embedding, a catalogue's photos, batches of one, with no photo."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from lapel.embedding import embed  # noqa: E402
from lapel.images import ImageCache, crop_boxes, fit, normalise, open_image  # noqa: E402
from lapel.models.adapter import TorchModel  # noqa: E402
from lapel.models.attribute_model import unit  # noqa: E402
from lapel.models.cards import new_card  # noqa: E402
from lapel.models.registry import build  # noqa: E402
from lapel.schema import Attribute, Crops, PhotoModel, Preprocess, Vocabulary  # noqa: E402
from lapel.search.photo import embed_photos, read_photo  # noqa: E402

WORDS = Vocabulary(
    (Attribute("color", ("red", "blue")), Attribute("cut", ("a", "b", "c")), Attribute("sleeve", ("x",)))
)


def crop_model(resize: str = "crop") -> TorchModel:
    torch.manual_seed(3)
    card = new_card(
        name="two",
        system="asenpp",
        backbone="test_resnet",
        vocabulary=WORDS,
        preprocess=Preprocess(64, 64, resize, 64),
        weights="random",
        dim=12,
        hidden=8,
        attribute_dim=10,
        crops=Crops(0.5, 32, 32, 0.6),
        local={"backbone": "test_resnet", "options": {"hidden": 8}},
    )
    model = build(card)
    with torch.no_grad():  # sharp maps, so that the crops differ
        model.head.attr_embedding.weight.mul_(20)
        model.head.conv.weight.mul_(20)
    return TorchModel(model, card)


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    rng = np.random.default_rng(0)
    made = []
    for n, size in enumerate([(90, 140), (200, 120), (64, 64), (333, 500), (70, 300)]):
        coarse = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8))
        made.append(tmp_path / f"{n}.png")
        coarse.resize(size, Image.Resampling.NEAREST).save(made[-1])
    return made


def plain(model: TorchModel, path: Path) -> np.ndarray:
    """One photo, one attribute at a time, as the published code does it."""
    net, card = model.model, model.card
    photo = open_image(path)
    pixels = torch.from_numpy(normalise(fit(photo, card.preprocess)[None], card.preprocess))
    found = []
    with torch.no_grad():
        for k in range(len(WORDS)):
            raw, region = net.head(net.backbone(pixels), torch.tensor([k]))
            left, top, right, bottom = crop_boxes(region.numpy(), [photo.size], card.preprocess, 0.5)[0].tolist()
            part = np.asarray(photo.crop((left, top, right, bottom)).resize((32, 32), Image.Resampling.BILINEAR))
            crop = torch.from_numpy(normalise(part[None], card.preprocess))
            local = net.local(crop, net.head.attr_embedding(torch.tensor([k])))
            found.append(torch.cat([0.6**0.5 * unit(raw), 0.4**0.5 * unit(local)], dim=1)[0].numpy())
    return np.stack(found)


@pytest.mark.parametrize("resize", ["crop", "stretch", "pad"])
def test_all_crops_together_equal_one_photo_and_attribute_at_a_time(photos, resize):
    model = crop_model(resize)
    table, _ = embed(model, photos, [p.name for p in photos], batch=3)
    assert table.outputs.embeddings.shape == (5, 3, 24)
    expected = np.stack([plain(model, path) for path in photos])
    assert np.abs(table.outputs.embeddings - expected).max() < 1e-5
    assert np.allclose(np.linalg.norm(table.outputs.embeddings, axis=2), 1, atol=1e-5)
    alone, _ = embed(model, photos[3:4], ["3"])  # a batch of one is a batch like any other
    assert np.abs(alone.outputs.embeddings[0] - expected[3]).max() < 1e-5


def test_the_crops_come_from_the_photo_whatever_a_cache_keeps(photos, tmp_path):
    model = crop_model()
    plain_table, _ = embed(model, photos, [p.name for p in photos])
    cached, _ = embed(model, photos, [p.name for p in photos], cache=ImageCache(tmp_path / "cache", 48))
    assert np.array_equal(plain_table.outputs.embeddings, cached.outputs.embeddings)
    inputs = normalise(np.stack([fit(open_image(p), model.card.preprocess) for p in photos]), model.card.preprocess)
    coarse = model(inputs).embeddings
    assert np.abs(coarse - plain_table.outputs.embeddings).max() > 1e-3, "crops of the input are not crops of the photo"
    assert np.abs(coarse[2] - plain_table.outputs.embeddings[2]).max() < 1e-5, "but of a photo as small as the input"


def test_a_photo_read_for_a_catalogue_or_query_is_seen_whole(photos):
    model = crop_model()
    assert isinstance(model, PhotoModel)
    read = [read_photo(path, model.card) for path in photos]
    assert [photo.picture.size for photo in read] == [open_image(path).size for path in photos]
    table, _ = embed(model, photos, [p.name for p in photos])
    assert np.abs(embed_photos(model, read).embeddings - table.outputs.embeddings).max() < 1e-5


def test_threshold_and_beta_belong_to_the_fingerprint():
    card = crop_model().card
    other = card.with_(architecture=card.architecture | {"crops": {**card.architecture["crops"], "beta": 0.5}})
    assert other.fingerprint != card.fingerprint and other.crops.beta == 0.5
    assert card.from_json(card.to_json()) == card


def test_bf16_stays_close(photos):
    model = crop_model()
    opened = [open_image(path) for path in photos]
    half = TorchModel(model.model, model.card, precision="bf16").photos(opened)
    whole = TorchModel(model.model, model.card).photos(opened)
    # A rounded map may move a box by a pixel, so the median is held close and the rest loosely.
    cosines = (half.embeddings * whole.embeddings).sum(axis=2)
    assert np.median(cosines) > 0.99 and np.isfinite(half.embeddings).all()
