"""Where CLIP's weights come from: a file on this machine, or a sentence that says which one and where to put it."""

from __future__ import annotations

import socket
import warnings

import pytest
import torch

from lapel.errors import CheckpointError, UnknownName
from lapel.models.composed import loading
from lapel.models.composed.loading import load_clip


@pytest.fixture(autouse=True)
def _no_network(monkeypatch, tmp_path):
    def refuse(*args, **kwargs):
        raise AssertionError("nothing may be downloaded")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(loading, "CLIP_FOLDER", tmp_path / "clip")


def test_random_weights_follow_from_the_seed_and_leave_the_dice_alone():
    torch.manual_seed(5)
    wanted = torch.rand(1)
    torch.manual_seed(5)
    one, same, other = load_clip("tiny", "random"), load_clip("tiny", "random"), load_clip("tiny", "random", seed=2)
    assert one.sha256 == same.sha256 != other.sha256 and torch.equal(torch.rand(1), wanted)
    assert one.size == 32 and one.towers.dim == 64 and one.label.startswith("open_clip:tiny@")


def test_a_file_is_loaded_and_a_foreign_one_is_refused(tmp_path):
    one = load_clip("tiny", "random", seed=4)
    torch.save(one.towers.clip.state_dict(), tmp_path / "mine.pt")
    assert load_clip("tiny", str(tmp_path / "mine.pt")).sha256 == one.sha256
    torch.save({"x": torch.zeros(2)}, tmp_path / "foreign.pt")
    with pytest.raises(CheckpointError, match="foreign.pt' cannot be loaded as weights of CLIP's 'tiny'"):
        load_clip("tiny", str(tmp_path / "foreign.pt"))


def test_openai_s_torchscript_archive_is_loaded_by_path_with_its_quick_gelu(tmp_path):
    clip = loading._tiny(quick_gelu=True).eval()
    for name in loading.SCRIPTED_ABOUT:
        clip.__dict__.pop(name, None)
        clip.register_buffer(name, torch.tensor(32))
    clip.attn_mask = clip._buffers.pop("attn_mask")  # a constant in OpenAI's code, no entry of its archives
    pixels, tokens = torch.randn(2, 3, 32, 32), loading.tokenise(["a red dress", "with long sleeves"])[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # newer PyTorch calls the format old
        torch.jit.trace(clip, (pixels, tokens), check_trace=False).save(str(tmp_path / "ViT-T.pt"))
    loaded = load_clip("tiny", str(tmp_path / "ViT-T.pt"))
    with torch.no_grad():
        assert torch.allclose(loaded.towers.images(pixels), clip.encode_image(pixels), atol=1e-6)
        assert torch.allclose(loaded.towers.texts(tokens)[0], clip.encode_text(tokens), atol=1e-6)
        plain = loading._tiny()
        plain.load_state_dict(loaded.towers.clip.state_dict())
        assert not torch.allclose(plain.eval().encode_image(pixels), clip.encode_image(pixels), atol=1e-4)
    (tmp_path / "cut.pt").write_bytes((tmp_path / "ViT-T.pt").read_bytes()[:-200])
    with pytest.raises(CheckpointError, match="cut.pt' cannot be loaded as weights of CLIP's 'tiny'"):
        load_clip("tiny", str(tmp_path / "cut.pt"))


def test_absent_weights_are_named_with_their_place(tmp_path):
    with pytest.raises(CheckpointError) as told:
        load_clip("RN50x4", "openai")
    said = str(told.value)
    assert "CLIP 'RN50x4' with weights 'openai' is not on this machine" in said
    assert f"{tmp_path / 'clip' / 'RN50x4.pt'}" in said and "--set model.weights=FILE" in said
    with pytest.raises(CheckpointError, match=r"open_clip_model.safetensors of 'laion/.*model.weights=FILE"):
        load_clip("ViT-B-16", "laion2b_s34b_b88k")
    with pytest.raises(CheckpointError, match="no weights file '/no/such.pt'"):
        load_clip("RN50x4", "/no/such.pt")


def test_the_file_of_a_tag_is_found_where_open_clip_keeps_it(tmp_path, monkeypatch):
    (tmp_path / "clip").mkdir()
    (tmp_path / "clip/RN50x4.pt").write_bytes(b"")
    assert loading._file("RN50x4", "openai") == (tmp_path / "clip/RN50x4.pt", True)
    kept = tmp_path / "kept.safetensors"
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda place, file: str(kept))
    assert loading._file("ViT-B-16", "laion2b_s34b_b88k") == (kept, False)


def test_unknown_names_suggest_the_nearest():
    with pytest.raises(UnknownName, match="Did you mean 'RN50x4'"):
        load_clip("RN50-x4", "openai")
    with pytest.raises(UnknownName, match="Unknown weights 'opena'. Did you mean 'openai'"):
        load_clip("RN50x4", "opena")
