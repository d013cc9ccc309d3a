"""A checkpoint becomes an ONNX model that certifies itself; any model is found by name, folder, run or file."""

from lapel.export.certificate import Certificate
from lapel.export.loading import load_card, load_model, run_checkpoint

__all__ = ["Certificate", "load_card", "load_model", "run_checkpoint"]
