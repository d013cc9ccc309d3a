"""Released RPF checkpoints of both stages: imported strictly, with the same numbers, and kept whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from torch import Tensor

from lapel.errors import CheckpointError
from lapel.images import cut_crops, fit, normalise
from lapel.interfaces.cli.import_ import command
from lapel.models import checkpoint
from lapel.models.adapter import TorchModel
from lapel.models.attribute_model import unit
from lapel.models.backbones import build_backbone
from lapel.models.crop_model import CropModel
from lapel.models.importing import import_checkpoint
from lapel.models.rpf_patch import PatchBranch, PatchSize
from lapel.models.rpf_region import RPFRegionHead
from lapel.schema import Vocabulary

TWO = Vocabulary.of({"collar": "abc", "sleeve": "ab"})
ONE_LAYER = PatchSize(layers=1)


@pytest.fixture(scope="module")
def released() -> dict[str, Tensor]:
    """What RPF's code would save after its second stage, of two attributes and a ViT of one layer."""
    torch.manual_seed(3)
    backbone, head, local = (
        build_backbone("resnet50", "layer3", "random"),
        RPFRegionHead(1024, 2),
        PatchBranch(ONE_LAYER),
    )
    state = {f"choices.global.basenet.{name}": value for name, value in backbone.state_dict().items()}
    for name, value in head.state_dict().items():
        room = "attrnet" if name.startswith("attr_embedding") else "attnnet"
        state[f"choices.global.{room}.{name}"] = value
    return state | {f"choices.local.basenet.{name}": value for name, value in local.state_dict().items()}


def write(path: Path, state: dict[str, Tensor]) -> Path:
    """As RPF writes it; the score is a number of NumPy's."""
    torch.save({"epoch": 7, "model": state, "mAP": np.float64(0.701)}, path)
    return path


def first_stage(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value for name, value in state.items() if not name.startswith("choices.local.")}


def refused(tmp_path: Path, state: dict[str, Tensor], vocabulary: Vocabulary = TWO) -> str:
    with pytest.raises(CheckpointError) as error:
        import_checkpoint(write(tmp_path / "x.pth.tar", state), "rpf", vocabulary, tmp_path / "x.safetensors")
    assert not (tmp_path / "x.safetensors").exists()
    return str(error.value)


def photos(folder: Path, count: int = 3) -> list[Path]:
    rng = np.random.default_rng(4)
    paths = []
    for n in range(count):
        coarse = rng.integers(0, 256, (9, 7 + n, 3)).astype(np.uint8)
        paths.append(folder / f"{n}.png")
        Image.fromarray(coarse).resize((250 + 40 * n, 330), Image.Resampling.BICUBIC).save(paths[-1])
    return paths


def test_a_first_stage_becomes_a_model_of_one_branch(released: dict[str, Tensor], tmp_path: Path) -> None:
    card = import_checkpoint(
        write(tmp_path / "s1.pth.tar", first_stage(released)), "rpf", TWO, tmp_path / "s1.safetensors"
    )
    assert (card.system, card.backbone, card.dim, card.crops) == ("rpf", "resnet50", 1024, None)
    assert card.scores == {"released": {"epoch": 7, "mAP": 0.701}}
    model, _ = checkpoint.load(tmp_path / "s1.safetensors")
    assert not isinstance(model, CropModel)
    assert torch.equal(model.head.conv.weight, released["choices.global.attnnet.conv.weight"])


def test_a_second_stage_embeds_photos_through_both_branches(released: dict[str, Tensor], tmp_path: Path) -> None:
    """The published route, written out: a map, a crop of the photo, and the two unit vectors side by side."""
    card = import_checkpoint(
        write(tmp_path / "s2.pth.tar", released), "rpf", TWO, tmp_path / "s2.safetensors", beta=0.4
    )
    assert card.crops is not None and (card.crops.beta, card.crops.threshold, card.crops.height) == (0.4, 0.1, 224)
    assert card.dim == 2048
    model, stored = checkpoint.load(tmp_path / "s2.safetensors")
    assert isinstance(model, CropModel) and stored == card
    opened = [Image.open(path).convert("RGB") for path in photos(tmp_path)]
    found = TorchModel(model, card).photos(opened).embeddings
    pixels = torch.from_numpy(normalise(np.stack([fit(p, card.preprocess) for p in opened]), card.preprocess))
    with torch.inference_mode():
        for k in range(2):
            asked = torch.full((3,), k)
            given = model.head(model.backbone(pixels), asked)
            cut = cut_crops(opened, given.regions[:, None].numpy(), card.preprocess, card.crops)[:, 0]
            crops = torch.from_numpy(normalise(cut, card.preprocess))
            local = model.local(crops, model.head.attr_embedding(asked))
            wanted = torch.cat([0.4**0.5 * unit(given.raw), 0.6**0.5 * unit(local)], dim=1)
            np.testing.assert_allclose(found[:, k], wanted.numpy(), atol=2e-5)


def test_one_photo_embeds_as_among_others(released: dict[str, Tensor], tmp_path: Path) -> None:
    """The published code loses the batch axis of a single photo."""
    import_checkpoint(write(tmp_path / "s2.pth.tar", released), "rpf", TWO, tmp_path / "s2.safetensors")
    model = TorchModel(*checkpoint.load(tmp_path / "s2.safetensors"))
    opened = [Image.open(path).convert("RGB") for path in photos(tmp_path)]
    together, alone = model.photos(opened), model.photos(opened[1:2])
    np.testing.assert_allclose(alone.embeddings[0], together.embeddings[1], atol=1e-5)


def test_other_files_are_refused_with_what_is_wrong(released: dict[str, Tensor], tmp_path: Path) -> None:
    three = Vocabulary.of({"a": "ab", "b": "ab", "c": "ab"})
    assert "knows 2 attributes, 3 were named" in refused(tmp_path, released, three)
    name = "choices.local.basenet.crossencoder.fc.weight"
    assert f"lacks '{name.replace('choices.local.basenet', 'local')}'" in refused(
        tmp_path, {k: v for k, v in released.items() if k != name}
    )
    assert "has 'head.extra'" in refused(tmp_path, released | {"choices.global.attnnet.extra": torch.zeros(1)})
    assert "is (3, 3) in the checkpoint" in refused(tmp_path, released | {name: torch.zeros(3, 3)})
    assert "values that are no numbers" in refused(tmp_path, released | {name: torch.full((1024, 768), float("nan"))})
    assert "every name begins" in refused(tmp_path, released | {"embeddingnet.x": torch.zeros(1)})


def test_the_command_knows_the_published_beta(released: dict[str, Tensor], tmp_path: Path) -> None:
    path = write(tmp_path / "s2.pth.tar", released)
    meta = tmp_path / "meta.json"
    meta.write_text(
        '{"DeepFashion": {"ATTRIBUTES": ["a", "b"], "ATTRIBUTES_NUM": {"a": 2, "b": 3}}, "DARN": {"ATTRIBUTES": ["a", "b"], "ATTRIBUTES_NUM": {"a": 2, "b": 3}}}'
    )
    for dataset, beta in (("DeepFashion", 0.4), ("DARN", 0.3)):
        out = tmp_path / f"{dataset}.safetensors"
        asked = [str(path), "--system", "rpf", "--meta", str(meta), "--dataset", dataset, "-o", str(out)]
        result = CliRunner().invoke(command, asked)
        assert result.exit_code == 0, result.output
        crops = checkpoint.read_card(out).crops
        assert crops is not None and crops.beta == beta
