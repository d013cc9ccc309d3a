"""The plain implementation that speed is measured against agrees with ours, on small networks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from lapel.images import cut_crops, fit, normalise  # noqa: E402
from lapel.losses.e_infonce import e_infonce, same_value  # noqa: E402
from lapel.models.attribute_model import unit  # noqa: E402
from lapel.models.registry import build_head  # noqa: E402
from lapel.models.rpf_patch import PatchBranch, PatchSize  # noqa: E402
from lapel.models.rpf_region import RPFRegionHead  # noqa: E402
from lapel.schema import Crops, Preprocess  # noqa: E402

BENCHMARKS = str(Path(__file__).resolve().parents[2] / "benchmarks")
CHANNELS, ATTRIBUTES = 12, 3


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    torch.manual_seed(0)


@pytest.mark.parametrize("system", ["triplet", "csn", "asen", "asen_v2", "asenpp", "rpf"])
def test_one_attribute_at_a_time_gives_what_all_at_once_give(system: str) -> None:
    from plain.networks import WHOLE

    head = build_head(system, CHANNELS, ATTRIBUTES).eval()
    features = torch.randn(2, CHANNELS, 5, 4)
    with torch.no_grad():
        ours = head.all(features)
        for k in range(ATTRIBUTES):
            raw, seen, back = WHOLE[system](head, features, torch.full((2,), k))
            torch.testing.assert_close(raw, ours.raw[:, k])
            if seen is not None:
                torch.testing.assert_close(seen, ours.regions[:, k])
            if isinstance(head, RPFRegionHead):
                torch.testing.assert_close(back, head.both(features, torch.full((2,), k)).background)


def test_the_patch_branch_agrees() -> None:
    from plain.networks import rpf_patch

    branch = PatchBranch(PatchSize(side=32, width=24, layers=2, heads=3, mlp=48, attribute=8, dim=16)).eval()
    torch.nn.init.normal_(branch.embeddings.position_embeddings)
    crops, asked = torch.randn(2, 3, 32, 32), torch.randn(2, 8)
    with torch.no_grad():
        torch.testing.assert_close(rpf_patch(branch, crops, asked), branch(crops, asked))


@pytest.mark.parametrize("size", [(300, 400), (410, 290), (256, 256)])
def test_photos_and_crops_agree_to_the_last_bit(size: tuple[int, int]) -> None:
    from plain.photos import crop, whole

    rng = np.random.default_rng(sum(size))
    photo = Image.fromarray(rng.integers(0, 256, (*size[::-1], 3), dtype=np.uint8))
    asked, crops = Preprocess(), Crops(0.6, 112, 112, 0.6)
    assert torch.equal(whole(photo), torch.from_numpy(normalise(fit(photo, asked)[None], asked))[0])
    maps = rng.random((1, 2, 14, 14), dtype=np.float32) ** 9
    cut = torch.from_numpy(normalise(cut_crops([photo], maps, asked, crops)[0], asked))
    for k in range(2):
        assert torch.equal(crop(photo, torch.from_numpy(maps[0, k]), crops.threshold, 112), cut[k])


def test_the_contrast_agrees() -> None:
    from plain.work import contrast

    rows = [unit(torch.randn(6, 8)) for _ in range(3)]
    attributes, values = torch.tensor([0, 1] * 3), torch.tensor([0, 1, 0, 1, 1, 0])
    ours = e_infonce(*rows, same_value(attributes, values))
    torch.testing.assert_close(contrast(*rows, attributes, values), ours)
