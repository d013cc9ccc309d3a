"""Drawn garments with exact labels and masks, the same for the same seed: for demos, tests and ground-truth regions."""

from lapel.synth.catalogue import draw_catalogue, read_masks, write_masks
from lapel.synth.item import draw_item
from lapel.synth.labels import ATTRIBUTES
from lapel.synth.sheet import contact_sheet

__all__ = ["ATTRIBUTES", "contact_sheet", "draw_catalogue", "draw_item", "read_masks", "write_masks"]
