"""Models without PyTorch: ONNX files with their card and certificate, the shipped ones included."""

from lapel.runtime.onnx import CARD, CERTIFICATE, MODEL, OnnxModel, read_card, read_certificate
from lapel.runtime.shipped import open_model, shipped

__all__ = ["CARD", "CERTIFICATE", "MODEL", "OnnxModel", "open_model", "read_card", "read_certificate", "shipped"]
