"""Released ASEN++ files: strict keys, the table that is saved twice, stages told apart, and what comes out of them."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from click.testing import CliRunner  # noqa: E402

from lapel.errors import CheckpointError  # noqa: E402
from lapel.interfaces.cli.import_ import command  # noqa: E402
from lapel.models import checkpoint  # noqa: E402
from lapel.models.asenpp_head import ASENPPHead  # noqa: E402
from lapel.models.asenpp_published import AGAIN, asenpp_model  # noqa: E402
from lapel.models.backbones import build_backbone  # noqa: E402
from lapel.models.crop_model import CropModel  # noqa: E402

THREE = ["skirt_length", "collar", "lapel"]


def released(local: bool = True, attributes: int = 3, **switches: bool) -> dict[str, torch.Tensor]:
    """The state dict that the published code would save: names written out here, not taken from the importer."""
    torch.manual_seed(5)
    state = {}
    table = torch.randn(attributes, 512)
    for branch, depth, hidden in (("global", "resnet50", 512), ("local", "resnet34", 256))[: 2 if local else 1]:
        backbone = build_backbone(depth, "layer3", "random")
        head = ASENPPHead(backbone.channels, 0, hidden=hidden, **switches)
        state[f"choices.{branch}.attrnet.attr_embedding.weight"] = table.clone()
        state |= {f"choices.{branch}.basenet.{name}": value for name, value in backbone.state_dict().items()}
        state |= {f"choices.{branch}.attnnet.{name}": value for name, value in head.state_dict().items()}
    return state


def test_counts_of_tensors_and_weights_are_the_published_ones():
    first, second = released(local=False, attributes=8), released(attributes=8)
    assert (len(first), len(second)) == (271, 458)
    for state, count in ((first, 11_959_360), (second, 20_984_064)):
        model, _ = asenpp_model(state, 8)
        assert sum(p.numel() for p in model.parameters()) == count


def test_a_second_stage_file_becomes_a_checkpoint_that_embeds(tmp_path: Path):
    file, out = tmp_path / "asenpp.pth.tar", tmp_path / "asenpp.safetensors"
    torch.save({"epoch": 20, "model": released(), "mAP": 0.64}, file)
    arguments = [str(file), "--system", "asenpp", "--attributes", ",".join(THREE), "-o", str(out), "--stage", "2"]
    done = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert done.exit_code == 0 and "asenpp on resnet50, 3 attributes" in done.output
    model, card = checkpoint.load(out)
    assert isinstance(model, CropModel) and card.crops is not None
    assert (card.dim, card.grid, card.crops.beta, card.crops.threshold) == (2048, (14, 14), 0.6, 0.1)
    assert card.architecture["local"]["backbone"] == "resnet34" and card.scores["released"]["mAP"] == 0.64


def test_a_first_stage_file_is_refused_where_a_local_branch_is_needed():
    state = released(local=False)
    assert not isinstance(asenpp_model(state, 3)[0], CropModel)
    with pytest.raises(CheckpointError, match="first stage: it holds no local branch"):
        asenpp_model(state, 3, stage=2)
    with pytest.raises(CheckpointError, match="second stage: it holds a local branch"):
        asenpp_model(released(), 3, stage=1)


def test_two_tables_that_differ_are_refused():
    state = released()
    state[AGAIN] = state[AGAIN] + 1e-3
    with pytest.raises(CheckpointError, match="differ; both branches share one table"):
        asenpp_model(state, 3)
    del state[AGAIN]
    with pytest.raises(CheckpointError, match="it lacks 'choices.local.attrnet"):
        asenpp_model(state, 3)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda s: s.pop("choices.local.attnnet.fc2.bias"), "it lacks 'local.head.fc2.bias'"),
        (lambda s: s.update({"choices.global.attnnet.img_bn1.weight": torch.ones(2)}), "it has 'head.img_bn1.weight'"),
        (lambda s: s.update({"classifier": torch.ones(2)}), "every name begins 'choices.global.'"),
        (lambda s: s["choices.local.attnnet.fc2.bias"].fill_(float("nan")), "holds values that are no numbers"),
        (lambda s: s.update({"choices.global.attnnet.fc2.bias": torch.ones(7)}), r"is \(7,\) in the checkpoint"),
    ],
)
def test_other_files_are_refused_by_name(change, sentence):
    state = released()
    change(state)
    with pytest.raises(CheckpointError, match=sentence):
        asenpp_model(state, 3)


def test_another_attribute_list_is_refused():
    with pytest.raises(CheckpointError, match="knows 3 attributes, 8 were named"):
        asenpp_model(released(), 8)


@pytest.mark.parametrize("switch", ["spatial", "channel"])
def test_switched_off_attention_is_read_from_the_tensors_that_are_there(switch):
    model, _ = asenpp_model(released(**{switch: False}), 3)
    assert model.head.attends is (switch != "spatial") and model.head.gated is (switch != "channel")
