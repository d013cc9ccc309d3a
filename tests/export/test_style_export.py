"""A style classifier as ONNX: certified, and telling the published score without PyTorch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from lapel.classifying import classify  # noqa: E402
from lapel.export import load_model  # noqa: E402
from lapel.export.exporting import export_checkpoint  # noqa: E402
from lapel.images import fit, normalise, open_image  # noqa: E402
from lapel.models import checkpoint  # noqa: E402
from lapel.models.cards import new_card  # noqa: E402
from lapel.models.registry import build  # noqa: E402
from lapel.models.style import StyleModel  # noqa: E402
from lapel.models.style_published import value_scale  # noqa: E402
from lapel.schema import Preprocess, Vocabulary  # noqa: E402

STYLES = Vocabulary.of({"style": ["formal", "semi-formal", "casual"]})


@pytest.fixture(params=["style", "style_v1"])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[StyleModel, Path]:
    torch.manual_seed(0)
    wide = {"wide": 24} if request.param == "style" else {}
    card = new_card(
        name="small", system=request.param, backbone="resnet18", cut="layer3", weights="random", vocabulary=STYLES,
        preprocess=Preprocess(64, 64, "stretch", 64), dim=16, look_dim=8, hidden=16, features=12, **wide,
    )  # fmt: skip
    model = build(card)
    assert isinstance(model, StyleModel)
    model.values.scale.fill_(7.5)
    model.values.fitted.fill_(True)
    fitted = card.with_(
        values_fitted=True, architecture=card.architecture | {"value_scale": value_scale(model, STYLES)}
    )
    checkpoint.save(tmp_path / "style.safetensors", model.eval(), fitted)
    return model.eval(), tmp_path / "style.safetensors"


def test_an_export_is_certified_and_classifies_like_the_checkpoint(
    made: tuple[StyleModel, Path], photos: list[Path], tmp_path: Path
) -> None:
    model, path = made
    certificate = export_checkpoint(path, tmp_path / "out", sample=photos)
    assert certificate.passes and certificate.differences["values"] < 1e-3 and certificate.values_fitted
    found = classify(photos[:6], load_model(tmp_path / "out"))
    preprocess = load_model(tmp_path / "out").card.preprocess
    pixels = normalise(np.stack([fit(open_image(photo), preprocess) for photo in photos[:6]]), preprocess)
    with torch.inference_mode():
        logits = model.logits(torch.from_numpy(pixels))
        calibrated, bare = torch.softmax(7.5 * logits, 1), torch.softmax(logits, 1)
    for row, photo in enumerate(found.photos):
        guess = photo.guesses["style"]
        for number, name in enumerate(STYLES["style"].values):
            assert guess.probabilities[name] == pytest.approx(float(calibrated[row, number]), abs=1e-4)
            assert guess.scores[name] == pytest.approx(float(bare[row, number]), abs=1e-4)
