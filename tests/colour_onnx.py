"""The colour model as an exported folder, so that commands can be tested end to end without PyTorch."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from colour_model import COLOURS, NAMED, ColourModel


def _graph() -> onnx.GraphProto:
    colours = np.array([COLOURS[name] for name in NAMED], np.float32) / 127.5 - 1
    colours = 5 * (colours / np.linalg.norm(colours, axis=1, keepdims=True)).T
    constants = {
        "zero": np.array([0]),
        "four": np.array([4]),
        "eight": np.array([8]),
        "rows": np.array([2]),
        "flat": np.array([0, -1]),
        "places": np.array([2, 3]),
        "one": np.array([1]),
        "colours": colours.astype(np.float32),
        "maps": np.array([[[[0.5, 0.5], [0, 0]], [[0, 0], [0.5, 0.5]]]], np.float32),
    }
    nodes = [
        helper.make_node("Slice", ["pixels", "zero", "four", "rows"], ["upper"]),
        helper.make_node("Slice", ["pixels", "four", "eight", "rows"], ["lower"]),
        helper.make_node("ReduceMean", ["upper", "places"], ["top"], keepdims=0),
        helper.make_node("ReduceMean", ["lower", "places"], ["bottom"], keepdims=0),
        helper.make_node("Unsqueeze", ["top", "one"], ["top1"]),
        helper.make_node("Unsqueeze", ["bottom", "one"], ["bottom1"]),
        helper.make_node("Concat", ["top1", "bottom1"], ["halves"], axis=1),
        helper.make_node("LpNormalization", ["halves"], ["embeddings"], axis=-1, p=2),
        helper.make_node("Reshape", ["halves", "flat"], ["both"]),
        helper.make_node("LpNormalization", ["both"], ["look"], axis=-1, p=2),
        helper.make_node("MatMul", ["embeddings", "colours"], ["near"]),
        helper.make_node("Softmax", ["near"], ["probabilities"], axis=-1),
        helper.make_node("Reshape", ["probabilities", "flat"], ["values"]),
        helper.make_node("Shape", ["pixels"], ["batch"], end=1),
        helper.make_node("Concat", ["batch", "one", "one", "one"], ["tiles"], axis=0),
        helper.make_node("Tile", ["maps", "tiles"], ["regions"]),
    ]
    shapes = {"embeddings": ["B", 2, 3], "regions": ["B", 2, 2, 2], "values": ["B", 6], "look": ["B", 6]}
    return helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["B", 3, 8, 8])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )


def export_colours(folder: Path, weights: str = "colours") -> Path:
    """Write model.onnx, card.json and certificate.json; gives the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    model = helper.make_model(_graph(), opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    content = model.SerializeToString()
    card = ColourModel(weights).card
    (folder / "model.onnx").write_bytes(content)
    (folder / "card.json").write_text(card.to_json())
    certificate = {"sha256": hashlib.sha256(content).hexdigest(), "fingerprint": card.fingerprint}
    (folder / "certificate.json").write_text(json.dumps(certificate))
    return folder
