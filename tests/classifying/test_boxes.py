"""K-Fashion's box JSON: crops classified, the published shape written, whatever is damaged reported."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from PIL import Image

from colour_model import COLOURS, ColourModel
from lapel.classifying import classify_boxes
from lapel.errors import InputError
from lapel.images import open_image
from lapel.interfaces.cli.classify import command


def write(folder: Path, name: str, content: Any) -> Path:
    path = folder / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return path


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """Two photos of two persons side by side: red over blue, and green over green."""
    photo = Image.new("RGB", (100, 60), COLOURS["white"])
    photo.paste(COLOURS["red"], (0, 0, 40, 30))
    photo.paste(COLOURS["blue"], (0, 30, 40, 60))
    photo.paste(COLOURS["green"], (60, 0, 100, 60))
    (tmp_path / "photos" / "deep").mkdir(parents=True)
    photo.save(tmp_path / "photos" / "one.jpg", quality=95)
    photo.save(tmp_path / "photos" / "deep" / "two.jpg", quality=95)
    left = {"bbox": ["0.0", "0", "40.7", "60"], "pose": [1, 2], "이름": "왼쪽"}
    right = {"bbox": [60, 0, 400, 60], "pose": []}
    write(tmp_path / "boxes", "one", {"meta_data": {"id": 1, "이름": "가"}, "pose_info": [left, right], "other": 5})
    write(tmp_path / "boxes" / "deep", "two", {"meta_data": {}, "pose_info": [right]})
    return tmp_path


def test_every_box_gets_the_class_of_its_crop_in_the_published_shape(release: Path) -> None:
    found = classify_boxes(
        release / "photos", release / "boxes", release / "out", ColourModel(), attribute="top",
        visualize=release / "crops",
    )  # fmt: skip
    assert [file.name for file in found.files] == ["two.json", "one.json"] and not found.problems
    assert found.objects == 3 and found.values == {"red": 1, "green": 2}
    text = (release / "out" / "one.json").read_text(encoding="utf-8")
    assert text.startswith('{\n  "meta_data"') and "왼쪽" in text
    face = {"sex": "", "age": "", "bbox": [], "num_Landmark": "", "Landmark": [], "Emotion": ""}
    assert json.loads(text) == {
        "meta_data": {"id": 1, "이름": "가"},
        "Contents_tag": {"caption_tag": []},
        "Caption_data": {"caption_data": ""},
        "Contents_info": {
            "object_contents_info": {
                "MAIN_CHARAC": "",
                "count": 2,
                "CNTS": [
                    {"bbox": [0, 0, 40, 60], "pose_info": {"pose": [1, 2], "이름": "왼쪽"}, "face_info": face, "style_info": "0"},
                    {"bbox": [60, 0, 400, 60], "pose_info": {"pose": []}, "face_info": face, "style_info": "1"},
                ],
            },
            "brand_info": {"bbox": [], "TEXT": ""},
            "QR_info": {"bbox": [], "url": ""},
            "OCR_info": {"num_word": "", "words": [{"bbox": [], "TEXT": "", "class": ""}]},
        },
    }  # fmt: skip
    crops = sorted(path.name for path in (release / "crops").iterdir())
    assert [name.rsplit("_", 1)[0] for name in crops] == ["one_0_0", "one_1_1", "two_0_1"]
    assert open_image(release / "crops" / crops[0]).size == (40, 60)
    assert 0 < float(crops[0].rsplit("_", 1)[1].removesuffix(".jpg")) <= 1


def test_damaged_files_and_boxes_are_reported_and_the_rest_goes_on(release: Path) -> None:
    boxes = release / "boxes"
    write(boxes, "absent", {"pose_info": [{"bbox": [0, 0, 5, 5]}]})
    write(boxes, "broken", "{")
    write(boxes, "bare", {"meta_data": {}})
    (release / "photos" / "cut.jpg").write_bytes(b"\xff\xd8\xff")
    write(boxes, "cut", {"pose_info": []})
    bad = [{"bbox": [0, 0, 10]}, {"bbox": "wide"}, {}, {"bbox": [500, 0, 10, 10]}, {"bbox": [0, 0, 40, 60]}]
    write(boxes, "one", {"pose_info": bad})
    found = classify_boxes(release / "photos", boxes, release / "out", ColourModel(), attribute="top")
    assert {file.name for file in found.files} == {"one.json", "two.json"}
    assert found.objects == 2 and len(found.problems) == 8
    text = "\n".join(found.problems)
    for wanted in ("absent.jpg", "broken.json", "no list 'pose_info'", "cut.jpg", "object 0", "object 2", "outside"):
        assert wanted in text
    written = json.loads((release / "out" / "one.json").read_text())["Contents_info"]["object_contents_info"]
    assert written["count"] == 1 and written["CNTS"][0]["style_info"] == "0"


def test_files_of_one_name_in_two_folders_do_not_overwrite_each_other(release: Path) -> None:
    write(release / "boxes" / "deep", "one", {"pose_info": []})
    found = classify_boxes(release / "photos", release / "boxes", release / "out", ColourModel(), attribute="top")
    assert len(set(found.files)) == 3 and (release / "out" / "deep" / "one.json").is_file()


def test_wrong_wishes_get_a_sentence(release: Path) -> None:
    with pytest.raises(InputError, match="name the one to write as style"):
        classify_boxes(release / "photos", release / "boxes", release / "out", ColourModel())
    with pytest.raises(InputError, match="no JSON file"):
        classify_boxes(release / "photos", release / "photos", release / "out", ColourModel(), attribute="top")


def test_the_command_writes_answers_beside_the_boxes(release: Path) -> None:
    onnx = pytest.importorskip("colour_onnx")
    model = onnx.export_colours(release / "model")
    asked = [str(release / "photos"), "--model", str(model), "--boxes", str(release / "boxes"), "--attributes", "top"]
    done = CliRunner().invoke(command, asked)
    assert done.exit_code == 0, done.output
    assert "2 files, 3 boxes (green 2, red 1)" in done.output
    assert len(list((release / "boxes-styles").glob("*.json"))) == 2
    shown = CliRunner().invoke(command, [*asked, "--json"])
    assert json.loads(shown.output)["values"] == {"red": 1, "green": 2}
    wrong = CliRunner().invoke(command, [str(release / "photos" / "one.jpg"), *asked[1:]])
    assert isinstance(wrong.exception, InputError) and "one folder" in str(wrong.exception)
