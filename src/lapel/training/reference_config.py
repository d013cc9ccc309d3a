"""The YAML pairs of the published ASEN++, RPF and style repositories, as they are, turned into a recipe.

`lapel train --cfg config/FashionAI/FashionAI.yaml config/FashionAI/s2.yaml` reads the files in order, later ones over
earlier ones, over the repository's defaults. Which of the three they are for is told by the keys that only one has
(RPF's transformer and loss weights; the style repository's head, type and data sets), else it is ASEN++.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lapel.errors import InputError, UnknownName
from lapel.training.reading import apply_overrides, parse, read_mapping
from lapel.training.recipe import Recipe
from lapel.training.reference_keys import ASENPP, METHODS, OPEN, RPF, STYLE

LISTS = {
    "DATA.PATH_FILE.TRAIN": "filenames_train.txt",
    "DATA.PATH_FILE.VALID": "filenames_valid.txt",
    "DATA.GROUNDTRUTH.TRAIN": "label_train.txt",
    "DATA.GROUNDTRUTH.QUERY.VALID": "query_valid.txt",
    "DATA.GROUNDTRUTH.CANDIDATE.VALID": "candidate_valid.txt",
}
WEIGHTS = {
    "resnet50": "resnet50-19c8e357.pth",
    "resnet34": "resnet34-333f7ec4.pth",
    "resnet18": "resnet18-5c106cde.pth",
}
_MOVED = ("TRANSFORMER", "SINGLE", "HEAD")
_FIXED = {
    "SOLVER.OPTIMIZER_NAME": "Adam",
    "INPUT.PIXEL_MEAN": [0.485, 0.456, 0.406],
    "INPUT.PIXEL_STD": [0.229, 0.224, 0.225],
    "MODEL.TRANSFORMER.SPLIT": "non-overlap",
    "MODEL.TRANSFORMER.ATT_DROPOUT_RATE": 0.0,
}


def load_reference(files: Sequence[str | Path], overrides: Sequence[str] = ()) -> Recipe:
    """Read a repository's configuration files and turn them into a recipe.

    Args:
        files: in the order in which they are merged: the data set's, then the stage's.
        overrides: as `lapel.training.load_recipe` takes them; a second stage needs `model.start=PATH`.

    Raises:
        UnknownName: a key that the repository does not have; the nearest is suggested.
        InputError: a file cannot be read, or asks for what was never published to work.
    """
    given: dict[str, Any] = {}
    for file in files:
        given |= _flat(_read(Path(file)))
    method = method_of(given)
    known = METHODS[method]
    for key in given:
        if key not in known and not key.startswith(OPEN):
            raise UnknownName("configuration key", key, known, f"The published code of {_TITLES[method]}")
    values = {key: _like(key, given[key], default) if key in given else default for key, default in known.items()}
    values |= {key: value for key, value in given.items() if key.startswith(OPEN)}
    _check(values, known)
    content = _MAKERS[method](values)
    apply_overrides(content, overrides)
    recipe = parse(content, " + ".join(Path(file).name for file in files))
    assert isinstance(recipe, Recipe)
    return recipe


def method_of(given: Mapping[str, Any]) -> str:
    """asenpp, rpf or style: by the keys that only one repository has, and the style repository's own data sets."""
    if any(key in RPF and key not in STYLE for key in given):
        return "rpf"
    styles = str(given.get("DATA.DATASET", "")).casefold() in ("kfashion", "fashion14k")
    return "style" if styles or any(key in STYLE and key not in ASENPP for key in given) else "asenpp"


_TITLES = {"asenpp": "ASEN++", "rpf": "RPF", "style": "the K-Fashion style classifier"}


def _read(file: Path) -> Mapping[str, Any]:
    if not file.is_file():
        raise InputError(f"There is no configuration file '{file}'.")
    return read_mapping(file, "a configuration is a mapping with keys such as NAME, MODEL, DATA, SOLVER")


def _flat(content: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Dotted keys; TRANSFORMER, SINGLE and HEAD at the top are taken as parts of MODEL."""
    flat: dict[str, Any] = {}
    for key, value in content.items():
        dotted = f"{before}{'MODEL.' if not before and key in _MOVED else ''}{key}"
        flat |= _flat(value, f"{dotted}.") if isinstance(value, Mapping) else {dotted: value}
    return flat


def _like(key: str, value: Any, default: Any) -> Any:
    """The value as the default's kind. YAML takes `1e-4`, without a dot, for text."""
    if isinstance(default, bool | list | str):
        if isinstance(value, type(default)):
            return value
    elif isinstance(value, int | float | str) and not isinstance(value, bool):
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if isinstance(default, float) and number == number:
            return number
        if number == number and number == int(number):
            return int(number)
    raise InputError(f"{key} is {value!r}; expected a {type(default).__name__}, such as {default!r}.")


def _check(values: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    names, sizes = values.get("DATA.ATTRIBUTES.NAME"), values.get("DATA.ATTRIBUTES.NUM")
    if not names or not values["DATA.DATASET"]:
        raise InputError(
            "DATA.DATASET and DATA.ATTRIBUTES.NAME are missing: give the data set's file before the stage's, "
            "--cfg FashionAI.yaml s1.yaml."
        )
    if not sizes or len(names) != len(sizes) or values["DATA.NUM_ATTRIBUTES"] not in (-1, len(names)):
        raise InputError(
            f"DATA.ATTRIBUTES names {len(names)} attributes, gives {len(sizes or ())} numbers of values, and "
            f"DATA.NUM_ATTRIBUTES is {values['DATA.NUM_ATTRIBUTES']}; the three must agree."
        )
    for key, only in _FIXED.items():
        if key in known and values[key] != only:
            raise InputError(f"{key} is {values[key]!r}; only {only!r} is supported.")
    for key, usual in LISTS.items():
        if values.get(key, usual) not in ("", usual):
            raise InputError(
                f"{key} is '{values[key]}', not '{usual}'. Put this file beside the lists, as "
                f"{values['DATA.DATASET']}.yaml, whence the data reader takes their names, and leave the key out here."
            )


def _shared(values: Mapping[str, Any]) -> dict[str, Any]:
    """What the three have in common."""
    dataset, backbone = values["DATA.DATASET"], values["MODEL.GLOBAL.BACKBONE.NAME"]
    root = values["DATA.BASE_PATH"]
    side = values["INPUT.GLOBAL_SIZE"]
    return {
        "name": values["NAME"] or dataset,
        "data": {
            "root": "" if " " in root else root,  # RPF ships a sentence that says to write a path here
            "sets": [{"path": dataset, "release": dataset.casefold()}],
            "attributes": [str(name) for name in values["DATA.ATTRIBUTES.NAME"]],
            "workers": max(1, values["DATA.NUM_WORKERS"]),
        },
        "model": {
            "backbone": backbone,
            "cut": "layer3",
            "weights": WEIGHTS.get(backbone, backbone),
            "dim": values["MODEL.EMBED_SIZE"],
            "height": side,
            "width": side,
        },
        "sampling": {
            "mode": "triplets",
            "batch": values["DATA.TRAIN_BATCHSIZE"],
            "triplets": values["DATA.NUM_TRIPLETS"],
            "negative": "value",
            "order": "apn",
            "augment": {"flip": 0},
        },
        "loss": {"margin": values["SOLVER.MARGIN"]},
        "optimiser": {
            "epochs": values["SOLVER.EPOCHS"],
            "lr": values["SOLVER.BASE_LR"],
            "step_size": values["SOLVER.STEP_SIZE"],
            "decay": values["SOLVER.DECAY_RATE"],
        },
        "evaluation": {
            "protocol": "query-gallery",
            "best_by": "overall",
            "every": values["SOLVER.EVAL_STEPS"],
            "batch": values["DATA.TEST_BATCHSIZE"],
        },
        "running": {
            "device": values["DEVICE"] if values["DEVICE"] != "cuda" else "auto",
            "log_every": values["SOLVER.LOG_PERIOD"],
        },
    }


def _asenpp(values: Mapping[str, Any]) -> dict[str, Any]:
    content = _shared(values)
    content |= {"trains": "ASEN++, by its published configuration", "paper": "IEEE TIP 2021 (arXiv:2104.02429)"}
    content["model"] |= {"system": "asenpp", "options": _attention(values, "GLOBAL")}
    content["model"]["options"]["attribute_dim"] = values["MODEL.ATTRIBUTE.EMBED_SIZE"]
    weights = {f"{ours}_weight": values[f"SOLVER.{theirs}_WEIGHT"] for ours, theirs in _WEIGHTS.items()}
    content["loss"] |= weights
    if values["MODEL.LOCAL.ENABLE"]:
        backbone, side = values["MODEL.LOCAL.BACKBONE.NAME"], values["INPUT.LOCAL_SIZE"]
        content["model"]["local"] = _local(values, side) | {
            "backbone": backbone,
            "cut": "layer3",
            "weights": WEIGHTS.get(backbone, backbone),
            "options": _attention(values, "LOCAL"),
        }
        content["optimiser"]["slow_lr"] = values["SOLVER.BASE_LR_SLOW"]
    return content


_WEIGHTS = {"global": "GLOBAL", "local": "LOCAL", "align": "ALIGN"}


def _attention(values: Mapping[str, Any], branch: str) -> dict[str, Any]:
    before = f"MODEL.{branch}.ATTENTION."
    return {
        "hidden": values[f"{before}SPATIAL.COMMON_EMBED_SIZE"],
        "reduction": values[f"{before}CHANNEL.REDUCTION_RATE"],
        "spatial": values[f"{before}SPATIAL.ENABLE"],
        "channel": values[f"{before}CHANNEL.ENABLE"],
    }


def _local(values: Mapping[str, Any], side: int) -> dict[str, Any]:
    return {"height": side, "width": side, "threshold": values["INPUT.THRESHOLD"], "beta": values["SOLVER.BETA"]}


def _rpf(values: Mapping[str, Any]) -> dict[str, Any]:
    content = _shared(values)
    content |= {"trains": "RPF, by its published configuration", "paper": "SIGIR 2023 (arXiv:2305.10260)", "seed": 1234}
    spatial = "MODEL.GLOBAL.ATTENTION.SPATIAL."
    if values[f"{spatial}COMMON_EMBED_SIZE"] != values["MODEL.ATTRIBUTE.EMBED_SIZE"]:
        raise InputError(f"{spatial}COMMON_EMBED_SIZE and MODEL.ATTRIBUTE.EMBED_SIZE differ; RPF's are one width.")
    options = {"hidden": values[f"{spatial}COMMON_EMBED_SIZE"], "reduction": values[f"{spatial}REDUCTION_RATE"]}
    content["model"] |= {"system": "rpf", "options": options, "dim": 0}
    content["loss"] |= {"global_weight": values["SOLVER.REGION_WEIGHT"], "local_weight": values["SOLVER.PATCH_WEIGHT"]}
    content["loss"]["contrast"] = {
        "weight": values["SOLVER.INTER_WEIGHT"],
        "tau": values["SOLVER.TAU"],
        "alpha": values["SOLVER.ALPHA"],
    }
    vit = "MODEL.TRANSFORMER."
    if not values[f"{vit}ENABLE"]:
        content["sampling"]["augment"] = {"flip": 0.5}
        return content
    options = {"patch": "PATCH_SIZE", "width": "EMBED_SIZE", "layers": "NUM_LAYERS", "heads": "NUM_HEADS"}
    options |= {"mlp": "MLP_DIM", "reduction": "REDUCTION_RATE", "dropout": "DROPOUT_RATE"}
    content["model"]["local"] = _local(values, values["INPUT.LOCAL_SIZE"]) | {
        "weights": "ViT-B_16.npz",
        "options": {ours: values[f"{vit}{theirs}"] for ours, theirs in options.items()},
    }
    content["optimiser"]["slow_lr"] = values["SOLVER.BASE_LR_SLOW"]
    return content


def _style(values: Mapping[str, Any]) -> dict[str, Any]:
    if values["MODEL.LOCAL.ENABLE"]:
        raise InputError(
            "MODEL.LOCAL.ENABLE: the local branch of the published style classifier cannot run (its second stage fails "
            "in the published code too). Give the first stage's file, s1.yaml."
        )
    systems = {"ArcStyleClassification": "style", "StyleClassification": "style_v1"}
    if values["MODEL.TYPE"] not in systems:
        raise UnknownName("MODEL.TYPE", values["MODEL.TYPE"], systems)
    content = _shared(values)
    content |= {"trains": "The K-Fashion style classifier, by its published configuration", "paper": "none"}
    content["model"] |= {"system": systems[values["MODEL.TYPE"]], "dim": 0}
    head = "MODEL.HEAD."
    content["loss"]["style"] = {
        "scale": values[f"{head}s"],
        "margin": values[f"{head}m"],
        "easy": values[f"{head}easy_margin"],
    }
    if values["SOLVER.TYPE"] == "CosineAnnealingLR":
        content["optimiser"] |= {"schedule": "cosine", "cosine_by": "epoch", "eta_min": 1e-7}
    return content


_MAKERS: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {"asenpp": _asenpp, "rpf": _rpf, "style": _style}
