"""A frozen CLIP of open_clip's by name, from weights that are on this machine; nothing is ever downloaded."""

from __future__ import annotations

import warnings
import zipfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lapel.errors import CheckpointError, InputError, UnknownName
from lapel.models.checkpoint import state_sha256
from lapel.models.composed.clip import CONTEXT, ClipTowers

TINY = "tiny"
RANDOM = "random"
HUB_FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
SCRIPTED_ABOUT = ("input_resolution", "context_length", "vocab_size")
"""Entries of OpenAI's archives that are no weights."""

CLIP_FOLDER = Path("~/.cache/clip")
"""Where open_clip keeps what it takes from an address."""


@dataclass(frozen=True)
class Clip:
    """towers: frozen. size: of its input, in pixels. name, weights: as asked for. sha256: of the weights."""

    towers: ClipTowers
    size: int
    name: str
    weights: str
    sha256: str

    @property
    def label(self) -> str:
        """Name and what the weights are, for a card."""
        return f"open_clip:{self.name}@{self.sha256[:12]}"


def load_clip(name: str, weights: str = "openai", seed: int = 1) -> Clip:
    """Both towers, frozen, in eval mode, on the CPU.

    Args:
        name: a model name of open_clip's whose text tower is CLIP's own kind, or "tiny" (two thin layers, for tests).
        weights: a pretrained tag of open_clip's, whose file must be on this machine; a file, OpenAI's TorchScript
            archives among them; or "random", from `seed`.

    Raises:
        UnknownName: open_clip has no such model, or no such tag of it.
        CheckpointError: the file is not on this machine (says which, and where to put it), or holds another model.
        InputError: a text tower of another kind.
    """
    import open_clip

    if name != TINY and name not in open_clip.list_models():
        raise UnknownName("CLIP model", name, [TINY, *open_clip.list_models()], "open_clip")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if weights == RANDOM:
            model: Any = _tiny() if name == TINY else open_clip.create_model(name)
        else:
            model = _from_file(name, *_file(name, weights))
    if not isinstance(getattr(model, "text_projection", None), Tensor):
        raise InputError(f"The text tower of '{name}' is not CLIP's own kind, whose word states are needed.")
    size: Any = model.visual.image_size
    side = int(size[0] if isinstance(size, (tuple, list)) else size)
    return Clip(ClipTowers(model), side, name, weights, state_sha256(model.state_dict()))


@lru_cache(maxsize=1)
def _tokenizer() -> Any:
    from open_clip.tokenizer import SimpleTokenizer

    return SimpleTokenizer(context_length=CONTEXT)


def tokenise(texts: list[str]) -> tuple[Tensor, list[str]]:
    """CLIP's tokens (n, 77) int64, and the texts that are longer than the context.

    A longer text is cut as CLIP's own tokenizer cuts it: the first 75 tokens stay, and the end mark.
    """
    tokenizer = _tokenizer()
    long = [text for text in texts if len(tokenizer.encode(text)) > CONTEXT - 2]
    return tokenizer(texts), long


def _tiny(quick_gelu: bool = False) -> Any:
    import open_clip

    vision = open_clip.CLIPVisionCfg(layers=1, width=32, head_width=16, patch_size=16, image_size=32)
    return open_clip.CLIP(
        64, vision, open_clip.CLIPTextCfg(context_length=CONTEXT, width=64, heads=2, layers=2), quick_gelu
    )


def _from_file(name: str, path: Path, quick_gelu: bool) -> Any:
    import open_clip

    try:
        scripted = _scripted(path)
        if name == TINY or scripted is not None:
            # Only OpenAI gave its weights as TorchScript, and it trained with the quick GELU.
            quick = scripted is not None
            model = _tiny(quick) if name == TINY else open_clip.create_model(name, force_quick_gelu=quick)
            model.load_state_dict(torch.load(path, weights_only=True) if scripted is None else scripted)
            return model
        return open_clip.create_model(name, pretrained=str(path), force_quick_gelu=quick_gelu)
    except Exception as error:  # whatever a foreign file makes the readers raise
        detail = " ".join(str(error).split())[:200]
        raise CheckpointError(f"'{path}' cannot be loaded as weights of CLIP's '{name}': {detail}") from error


def _scripted(path: Path) -> dict[str, Tensor] | None:
    """The weights of a TorchScript archive, as OpenAI's `.pt` files are, in float32; None for another file."""
    if not zipfile.is_zipfile(path):
        return None
    with zipfile.ZipFile(path) as archive:
        if not any(name.endswith("/constants.pkl") for name in archive.namelist()):
            return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # newer PyTorch calls the format old; the files are what they are
        state = torch.jit.load(str(path), map_location="cpu").state_dict()
    return {name: part.float() for name, part in state.items() if name not in SCRIPTED_ABOUT}


def _file(name: str, weights: str) -> tuple[Path, bool]:
    """The file of a tag, or the file itself; and whether it was trained with the quick GELU (OpenAI's were)."""
    from open_clip import pretrained

    config = pretrained.get_pretrained_cfg(name, weights)
    if not config:
        path = Path(weights).expanduser()
        if path.is_file():
            return path, False
        if path.suffix or "/" in weights:
            raise CheckpointError(f"There is no weights file '{weights}' for CLIP's '{name}'.")
        raise UnknownName("weights", weights, [RANDOM, *pretrained.list_pretrained_tags_by_model(name)], name)
    quick = bool(config.get("quick_gelu", False))
    found = _hub_file(config.get("hf_hub", "")) or _address_file(config.get("url", ""))
    if found is not None:
        return found, quick
    raise CheckpointError(_wanted(name, weights, config))


def _hub_file(place: str) -> Path | None:
    repository, _, file = place.rpartition("/")
    if not repository:
        return None
    try:
        from huggingface_hub import try_to_load_from_cache
    except ImportError:
        return None
    for one in (file,) if file else HUB_FILES:
        found = try_to_load_from_cache(repository, one)
        if isinstance(found, str):
            return Path(found)
    return None


def _address_file(address: str) -> Path | None:
    path = CLIP_FOLDER.expanduser() / address.rpartition("/")[2]
    return path if address and path.is_file() else None


def _wanted(name: str, weights: str, config: dict[str, Any]) -> str:
    """Which file is missing, where it comes from, and where it goes."""
    address, place = config.get("url", ""), config.get("hf_hub", "").rstrip("/")
    if address:
        source, at = address, CLIP_FOLDER / address.rpartition("/")[2]
        return (
            f"CLIP '{name}' with weights '{weights}' is not on this machine: get {source} and put it at {at}, "
            "or anywhere and name it: --set model.weights=FILE."
        )
    return (
        f"CLIP '{name}' with weights '{weights}' is not on this machine: get {HUB_FILES[0]} of '{place}' and name it: "
        "--set model.weights=FILE."
    )
