"""Photos -> attribute values and styles with probabilities; K-Fashion's boxes; a page of them. No PyTorch."""

from lapel.classifying.boxes import BoxReport, classify_boxes
from lapel.classifying.classify import classify
from lapel.classifying.records import Classified, Guess, Photo, Unread

__all__ = ["BoxReport", "Classified", "Guess", "Photo", "Unread", "classify", "classify_boxes"]
