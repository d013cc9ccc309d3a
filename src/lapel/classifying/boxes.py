"""Styles of the persons in K-Fashion's box JSON: one JSON a photo in, one in the published shape out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL.Image import Image

from lapel.classifying.classify import MODEL, asked_attributes, guesses, open_model
from lapel.classifying.records import Guess
from lapel.errors import ImageError, InputError
from lapel.images import fit, normalise, open_image
from lapel.progress import Progress, Quiet
from lapel.schema import Card, Model, Outputs, PhotoModel


@dataclass(frozen=True)
class BoxReport:
    """files: JSON files written. objects: boxes classified. problems: what could not be used, each with its remedy."""

    files: tuple[Path, ...]
    objects: int
    problems: tuple[str, ...] = ()
    values: Mapping[str, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready. values: value -> boxes."""
        return {
            "files": [str(file) for file in self.files],
            "objects": self.objects,
            "values": dict(self.values),
            "problems": list(self.problems),
        }


def classify_boxes(
    images: str | Path,
    boxes: str | Path,
    out: str | Path,
    model: str | Path | Model = MODEL,
    *,
    attribute: str | None = None,
    visualize: str | Path | None = None,
    progress: Progress | None = None,
) -> BoxReport:
    """Classify the boxes of every JSON file under a folder (pajamacoders/fashionStyleClassification, test.py).

    A photo that cannot be read and a box that cannot be used are reported, and the rest goes on. Differs from the
    published script in that a box reaching beyond its photo is cut to it.

    Args:
        images: the folder of photos; NAME.json belongs to NAME.jpg, in the same subfolder or directly in it.
        boxes: the folder of JSON files, searched at any depth; `pose_info` lists objects with `bbox` [x, y, w, h].
        out: a folder for NAME.json in the published output shape.
        model: as `classify`. attribute: which to write as style; None: the model's only one, or `style`.
        visualize: a folder for the crops, `NAME_INDEX_CLASS_SCORE.jpg`.
        progress: advances once a JSON file.

    Raises:
        InputError: no JSON file, a folder that is missing, or a model of several attributes without one named.
    """
    opened = open_model(model)
    name = _the_attribute(opened.card, attribute)
    watch = progress or Quiet()
    written, problems, values = [], [], Counter[str]()
    for source, target in _files(Path(boxes), Path(out)):
        try:
            content = _read(source)
            photo = open_image(_photo(Path(images), Path(boxes), source))
        except (InputError, ImageError) as error:
            problems.append(str(error))
        else:
            found, unusable = _objects(opened, name, content, photo, source)
            problems += unusable
            values.update(guess.value for _, _, guess in found)
            target.parent.mkdir(parents=True, exist_ok=True)
            document = published_document(content, [(bbox, thing, guess.number) for bbox, thing, guess in found])
            target.write_text(json.dumps(document, indent=2, ensure_ascii=False), encoding="utf-8")
            written.append(target)
            if visualize is not None:
                _draw(Path(visualize), source.stem, photo, [(bbox, guess) for bbox, _, guess in found])
        watch.advance(1)
    return BoxReport(tuple(written), sum(values.values()), tuple(problems), dict(values))


def box_files(folder: str | Path) -> list[Path]:
    """The JSON files under a folder, sorted.

    Raises:
        InputError: there is none.
    """
    found = sorted(Path(folder).rglob("*.json"))
    if not found:
        raise InputError(f"There is no JSON file under '{folder}'. Name the folder that holds K-Fashion's box files.")
    return found


def published_document(content: Mapping[str, Any], objects: Sequence[tuple[list[int], Mapping[str, Any], int]]) -> Any:
    """The published output: (bbox, the object as given, class id) of each object, the empty rest around it."""
    face = {"sex": "", "age": "", "bbox": [], "num_Landmark": "", "Landmark": [], "Emotion": ""}
    things = [
        {
            "bbox": bbox,
            "pose_info": {key: value for key, value in thing.items() if key != "bbox"},
            "face_info": dict(face),
            "style_info": str(number),
        }
        for bbox, thing, number in objects
    ]
    return {
        "meta_data": content.get("meta_data", {}),
        "Contents_tag": {"caption_tag": []},
        "Caption_data": {"caption_data": ""},
        "Contents_info": {
            "object_contents_info": {"MAIN_CHARAC": "", "count": len(things), "CNTS": things},
            "brand_info": {"bbox": [], "TEXT": ""},
            "QR_info": {"bbox": [], "url": ""},
            "OCR_info": {"num_word": "", "words": [{"bbox": [], "TEXT": "", "class": ""}]},
        },
    }


def _the_attribute(card: Card, attribute: str | None) -> str:
    names = card.vocabulary.names
    if attribute is not None:
        return asked_attributes(card, [attribute])[0]
    if len(names) > 1 and "style" not in names:
        raise InputError(
            f"The model '{card.name}' knows {len(names)} attributes; name the one to write as style: "
            f"--attributes {names[0]}."
        )
    return "style" if "style" in names else names[0]


def _files(boxes: Path, out: Path) -> Iterator[tuple[Path, Path]]:
    """Each JSON file and where its answer goes: by its name alone as published, unless two files share it."""
    files = box_files(boxes)
    times = Counter(file.name for file in files)
    for file in files:
        yield file, out / (file.name if times[file.name] == 1 else file.relative_to(boxes))


def _read(source: Path) -> dict[str, Any]:
    try:
        content = json.loads(source.read_text(encoding="utf-8-sig"))
    except (ValueError, OSError) as error:
        raise InputError(f"{source}: not a readable JSON file ({error}).") from error
    if not isinstance(content, dict) or not isinstance(content.get("pose_info"), list):
        raise InputError(f"{source}: no list 'pose_info'; a box file lists objects, each with 'bbox' [x, y, w, h].")
    return content


def _photo(images: Path, boxes: Path, source: Path) -> Path:
    beside = images / source.relative_to(boxes).with_suffix(".jpg")
    return beside if beside.is_file() else images / f"{source.stem}.jpg"


def _objects(
    model: Model, name: str, content: Mapping[str, Any], photo: Image, source: Path
) -> tuple[list[tuple[list[int], Mapping[str, Any], Guess]], list[str]]:
    kept, crops, problems = [], [], []
    for number, thing in enumerate(content["pose_info"]):
        try:
            bbox = [int(float(value)) for value in thing["bbox"]]
            x, y, w, h = bbox
        except (KeyError, TypeError, ValueError, OverflowError):
            problems.append(f"{source}: object {number} has no usable 'bbox'; it should be [x, y, width, height].")
            continue
        left, top, right, bottom = max(0, x), max(0, y), min(photo.width, x + w), min(photo.height, y + h)
        if left >= right or top >= bottom:
            problems.append(f"{source}: the box {bbox} of object {number} lies outside its photo {photo.size}.")
            continue
        kept.append((bbox, thing))
        crops.append(photo.crop((left, top, right, bottom)))
    if not crops:
        return [], problems
    values = _embedded(model, crops).values
    return [(*pair, guesses(model.card, row, [name])[name]) for pair, row in zip(kept, values, strict=True)], problems


def _embedded(model: Model, crops: list[Image]) -> Outputs:
    if model.card.crops is not None and isinstance(model, PhotoModel):
        return model.photos(crops)
    preprocess = model.card.preprocess
    return model(normalise(np.stack([fit(crop, preprocess) for crop in crops]), preprocess))


def _draw(folder: Path, stem: str, photo: Image, found: Sequence[tuple[list[int], Guess]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, ((x, y, w, h), guess) in enumerate(found):
        score = guess.probability if guess.score is None else guess.score
        crop = photo.crop((max(0, x), max(0, y), min(photo.width, x + w), min(photo.height, y + h)))
        crop.save(folder / f"{stem}_{number}_{guess.number}_{score:.4f}.jpg", quality=90)
